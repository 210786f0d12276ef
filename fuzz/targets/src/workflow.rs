//! Workflow files and the expressions in them.

use std::sync::LazyLock;

use millstream_core::artifact::Digest;
use millstream_core::manifest::Manifest;
use millstream_language::Functions;
use millstream_language::expr::{
    EvalError, Function, KeyValues, Reference, Template, Value, Values, eval, parse,
};
use millstream_plan::compile::{Options, check};
use serde_json::json;

use crate::seeds::{folder, texts};

/// Functions of this name and that, with all kinds of channels, outputs and parameters.
static CATALOG: LazyLock<Vec<Manifest>> = LazyLock::new(|| {
    let channel = |name: &str, kind: &str, required: bool| json!({"name": name, "description": "", "kind": kind, "required": required});
    let output = |name: &str, kind: &str| json!({"name": name, "description": "", "kind": kind, "media-type": "application/json", "required": true});
    let parameters = json!({
        "type": "object", "additionalProperties": false, "required": [],
        "properties": {
            "target": {"type": "string"}, "format": {"enum": ["csv", "jsonl"]},
            "n_estimators": {"type": "integer", "minimum": 1}, "train": {"type": "number", "maximum": 1},
            "columns": {"type": "object", "additionalProperties": {"type": "string"}},
            "features": {"type": ["array", "null"], "items": {"type": "string"}},
        },
    });
    let made = |name: &str, channels: Vec<serde_json::Value>, outputs: Vec<serde_json::Value>| {
        let manifest = json!({
            "name": name, "version": "1.0.0", "summary": "Does it.", "description": "",
            "channels": channels, "outputs": outputs, "parameters": parameters,
            "metrics": [{"name": "auc", "description": "", "direction": "maximize"}],
            "exports": {"job": true, "model": false},
        });
        serde_json::from_value(manifest).expect("a sound manifest")
    };
    vec![
        made("extract", vec![channel("source", "file", true)], vec![output("table", "table")]),
        made(
            "split",
            vec![channel("table", "table", true)],
            vec![output("train", "table"), output("test", "table")],
        ),
        made(
            "features",
            vec![channel("table", "table", true)],
            vec![output("table", "table"), output("model", "model")],
        ),
        made(
            "random-forest",
            vec![channel("train", "table", true), channel("validation", "table", false)],
            vec![output("model", "model")],
        ),
        made(
            "evaluate",
            vec![channel("model", "model", true), channel("test", "table", true)],
            vec![output("report", "report")],
        ),
    ]
});

struct Catalog;

impl Functions for Catalog {
    fn get(&self, name: &str) -> Option<(Digest, &Manifest)> {
        let manifest = CATALOG.iter().find(|manifest| manifest.name == name)?;
        Some((Digest::of(name.as_bytes()), manifest))
    }

    fn names(&self) -> Vec<&str> {
        CATALOG.iter().map(|manifest| manifest.name.as_str()).collect()
    }
}

/// A workflow in which nothing is wrong has a plan, or it says which parameter is missing.
pub fn file(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match check("a.yaml", text, &Catalog) {
        Ok(checked) => {
            let options = Options { run: "run-1".to_owned(), ..Options::default() };
            if let Err(error) = checked.plan(&Catalog, &options) {
                assert!(!error.to_string().is_empty());
            }
        }
        Err(diagnostics) => {
            assert!(!diagnostics.all.is_empty(), "refused without a reason");
            assert!(!diagnostics.to_string().is_empty());
        }
    }
}

pub fn file_seeds() -> Vec<Vec<u8>> {
    let mut seeds = folder("workflow/examples", ".yaml");
    seeds.extend(folder("workflow/plan/tests/invalid", ".yaml"));
    seeds
}

struct Known;

impl Values for Known {
    fn reference(&self, reference: &Reference, _: &KeyValues) -> Result<Value, EvalError> {
        Ok(match reference {
            Reference::Param(_) => Value::Integer(i64::MIN.into()),
            Reference::Metric(..) => Value::List([0.5, f64::NAN, -0.0, 1e308].map(Value::Number).to_vec()),
            Reference::Matrix(_) => Value::Number(f64::INFINITY),
            _ => Value::String("a text".to_owned()),
        })
    }

    fn status(&self, function: Function) -> Result<bool, EvalError> {
        Ok(function != Function::Failure)
    }
}

/// An expression that was read says the same after it was printed, and has a value or a reason why not.
pub fn expression(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(expr) = parse(text) {
        let printed = expr.to_string();
        match parse(&printed) {
            Ok(again) => assert_eq!(again.to_string(), printed),
            // `a.b` is printed as `a['b']`, which may be too long.
            Err(problem) => assert!(problem.message.contains("too long"), "{printed}: {}", problem.message),
        }
        if let Err(error) = eval(&expr, &Known) {
            assert!(!format!("{error:?}").is_empty());
        }
    }
    if let Ok(template) = Template::parse(text) {
        let _ = template.eval(&Known);
    }
    if let Ok(condition) = Template::condition(text) {
        let _ = eval(&condition, &Known);
    }
}

pub fn expression_seeds() -> Vec<Vec<u8>> {
    texts(&[
        "steps.evaluate.metrics.auc >= 0.85 && !failure()",
        "s3://${{ params.bucket }}/x-${{ item }}.csv",
        "max(steps['a b'].metrics['validation:auc'])[0] + -2 * (3 - 4) / 5 == null || true",
        "${{ params.n + 9223372036854775807 }}",
        "'it''s' != \"x\" && [1, 2.5e3, 'c'][matrix.k] < run.id",
    ])
}
