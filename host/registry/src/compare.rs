//! Two versions of a model, side by side.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Value, json};

use crate::ModelVersion;

/// One line of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// What is compared: `stages`, `data`, `metrics.auc`, ...
    pub what: String,
    /// In the first version.
    pub a: Value,
    /// In the second one.
    pub b: Value,
    /// The second minus the first, of numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<f64>,
}

impl Difference {
    /// Whether both are the same in this.
    pub fn is_none(&self) -> bool {
        self.a == self.b
    }
}

/// Two versions side by side: when, approval, description, stages, features, target, data, run, size, then every metric of
/// either.
pub fn compare(a: &ModelVersion, b: &ModelVersion) -> Vec<Difference> {
    let row = |what: &str, of: &dyn Fn(&ModelVersion) -> Value| Difference {
        what: what.to_owned(),
        a: of(a),
        b: of(b),
        change: None,
    };
    let mut rows = vec![
        row("created", &|version| json!(version.created)),
        row("approval", &|version| json!(version.approval_status)),
        row("description", &|version| json!(version.description)),
        row("stages", &|version| {
            let stage = |stage: &millstream_core::artifact::Stage| {
                format!("{} {} ({})", stage.name, stage.version, stage.function.short())
            };
            version.pipeline.stages.iter().map(stage).collect()
        }),
        row("features", &|version| json!(version.schema.as_ref().map(|schema| &schema.features))),
        row("target", &|version| json!(version.schema.as_ref().and_then(|schema| schema.target.as_ref()))),
        row("data", &|version| {
            let source = |source: &crate::Source| format!("{} ({})", source.name, source.digest.short());
            version.data.iter().map(source).collect()
        }),
        row("run", &|version| json!(version.origin.run)),
        row("bytes", &|version| json!(version.pipeline.stages.iter().map(|stage| stage.size).sum::<u64>())),
    ];
    let names: BTreeSet<&String> = a.metrics.keys().chain(b.metrics.keys()).collect();
    rows.extend(names.into_iter().map(|name| {
        let of = |version: &ModelVersion| version.metrics.get(name).cloned().unwrap_or(Value::Null);
        let (a, b) = (of(a), of(b));
        let change = a.as_f64().zip(b.as_f64()).map(|(a, b)| b - a);
        Difference { what: format!("metrics.{name}"), a, b, change }
    }));
    rows
}
