//! Manifests of made-up functions.
#![allow(dead_code)]

use millstream_core::{
    artifact::Digest,
    manifest::{Channel, Direction, Exports, Kind, Lineage, Manifest, Metric, Output},
};
use millstream_language::Functions;
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
                    "by": {"type": "string", "enum": ["random", "kfold"], "default": "random"},
                    "folds": {"type": "integer", "minimum": 2, "default": 5},
                    "fold": {"type": "integer", "minimum": 0, "default": 0},
                    "group": {"type": ["string", "null"]},
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
        function(
            "boosting",
            &[("train", Table, true), ("validation", Table, false)],
            &[("model", Model)],
            object(
                json!({
                    "target": target,
                    "eta": {"type": "number", "exclusiveMinimum": 0, "maximum": 1, "default": 0.3},
                    "booster": {"type": "string", "enum": ["gbtree", "dart"], "default": "gbtree"},
                    "rate_drop": {"type": "number", "minimum": 0, "maximum": 1, "default": 0},
                    "num_round": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}
                }),
                &["target"],
            ),
        ),
        function(
            "noop",
            &[("in", File, false)],
            &[("out", File)],
            object(json!({"x": {}, "n": {"type": "integer", "minimum": 1, "maximum": 100}}), &[]),
        ),
    ];
    all[7].metrics.push(Metric {
        name: "score".to_owned(),
        description: String::new(),
        direction: Direction::Maximize,
    });
    for (name, direction) in [("auc", Direction::Maximize), ("validation:loss", Direction::Minimize)] {
        all[5].metrics.push(Metric { name: name.to_owned(), description: String::new(), direction });
    }
    for (name, direction) in [("train:loss", Direction::Minimize), ("validation:loss", Direction::Minimize)] {
        all[6].metrics.push(Metric { name: name.to_owned(), description: String::new(), direction });
    }
    let follows = |through_model| Some(Lineage { channel: "table".to_owned(), through_model });
    all[1].outputs.iter_mut().for_each(|output| output.follows = follows(false));
    all[2].outputs[0].follows = follows(true);
    Catalog(all)
}
