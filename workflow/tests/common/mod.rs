//! Manifests of made-up functions, and a store in memory that can be made to fail.
#![allow(dead_code)]

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

use millstream_workflow::{
    artifact::Digest,
    compile::Functions,
    manifest::{Channel, Direction, Exports, Kind, Manifest, Metric, Output},
    state::Objects,
};
use serde_json::{Value, json};

/// The functions that tests use.
pub struct Catalog(Vec<Manifest>);

impl Functions for Catalog {
    fn get(&self, name: &str) -> Option<(Digest, &Manifest)> {
        let manifest = self.0.iter().find(|manifest| manifest.name == name)?;
        Some((Digest::of(name.as_bytes()), manifest))
    }

    fn names(&self) -> Vec<&str> {
        self.0.iter().map(|manifest| manifest.name.as_str()).collect()
    }
}

fn function(name: &str, inputs: &[(&str, Kind, bool)], outputs: &[(&str, Kind)], params: Value) -> Manifest {
    Manifest {
        name: name.to_owned(),
        version: "1.0.0".to_owned(),
        summary: format!("The function {name}."),
        description: String::new(),
        channels: inputs
            .iter()
            .map(|(name, kind, required)| Channel {
                name: (*name).to_owned(),
                description: format!("What goes into {name}."),
                kind: *kind,
                required: *required,
                formats: Vec::new(),
            })
            .collect(),
        outputs: outputs
            .iter()
            .map(|(name, kind)| Output {
                name: (*name).to_owned(),
                description: String::new(),
                kind: *kind,
                media_type: String::new(),
                required: true,
                follows: None,
            })
            .collect(),
        metrics: Vec::new(),
        parameters: params,
        exports: Exports { job: true, model: false },
    }
}

fn object(properties: Value, required: &[&str]) -> Value {
    json!({"type": "object", "additionalProperties": false, "properties": properties, "required": required})
}

/// Functions in the manner of Millstream's own.
pub fn catalog() -> Catalog {
    use Kind::{File, Model, Report, Table};
    let target = json!({"type": "string", "description": "The column to predict."});
    let mut all = vec![
        function(
            "extract",
            &[("source", File, true)],
            &[("table", Table)],
            object(
                json!({"format": {"type": "string", "enum": ["csv", "jsonl", "parquet"], "default": "csv"}}),
                &[],
            ),
        ),
        function(
            "split",
            &[("table", Table, true)],
            &[("train", Table), ("test", Table)],
            object(
                json!({
                    "train": {"type": "number", "exclusiveMinimum": 0, "maximum": 1, "default": 0.8},
                    "stratify": {"type": ["string", "null"]}
                }),
                &[],
            ),
        ),
        function(
            "features",
            &[("table", Table, true)],
            &[("table", Table), ("model", Model)],
            object(json!({ "target": target }), &["target"]),
        ),
        function(
            "random-forest",
            &[("train", Table, true)],
            &[("model", Model)],
            object(
                json!({
                    "target": target,
                    "n_estimators": {"type": "integer", "minimum": 1, "maximum": 10000, "default": 100}
                }),
                &["target"],
            ),
        ),
        function(
            "logistic-regression",
            &[("train", Table, true)],
            &[("model", Model)],
            object(
                json!({ "target": target, "c": {"type": "number", "exclusiveMinimum": 0, "default": 1.0} }),
                &["target"],
            ),
        ),
        function(
            "evaluate",
            &[("model", Model, true), ("test", Table, true)],
            &[("report", Report)],
            object(json!({}), &[]),
        ),
        function("noop", &[("in", File, false)], &[("out", File)], object(json!({"x": {}}), &[])),
    ];
    for (name, direction) in [("auc", Direction::Maximize), ("validation:loss", Direction::Minimize)] {
        all[5].metrics.push(Metric { name: name.to_owned(), description: String::new(), direction });
    }
    Catalog(all)
}

/// A store in memory. After `fuse` writes it fails every write, as if the process had died.
#[derive(Default)]
pub struct Memory {
    pub objects: RefCell<BTreeMap<String, Vec<u8>>>,
    pub fuse: Cell<Option<usize>>,
    pub requests: Cell<usize>,
}

#[derive(Debug)]
pub struct Died;

impl Memory {
    fn burn(&self) -> Result<(), Died> {
        self.requests.set(self.requests.get() + 1);
        match self.fuse.get() {
            Some(0) => Err(Died),
            Some(left) => {
                self.fuse.set(Some(left - 1));
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl Objects for Memory {
    type Error = Died;

    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Died> {
        self.requests.set(self.requests.get() + 1);
        Ok(self.objects.borrow().get(key).cloned())
    }

    fn create(&self, key: &str, bytes: &[u8]) -> Result<bool, Died> {
        self.burn()?;
        let mut objects = self.objects.borrow_mut();
        let is_new = !objects.contains_key(key);
        objects.entry(key.to_owned()).or_insert_with(|| bytes.to_vec());
        Ok(is_new)
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, Died> {
        self.requests.set(self.requests.get() + 1);
        Ok(self.objects.borrow().keys().filter(|key| key.starts_with(prefix)).cloned().collect())
    }

    fn delete(&self, key: &str) -> Result<(), Died> {
        self.burn()?;
        self.objects.borrow_mut().remove(key);
        Ok(())
    }
}
