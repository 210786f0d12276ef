//! Acts of the host: what a step may use that is not a component. A task's key makes them idempotent.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use crate::{
    manifest::{Channel, Direction, Exports, Kind, Lineage, Manifest, Metric, Output},
    parameters::Problem,
};

mod deploy;

static MANIFESTS: LazyLock<[Manifest; 4]> =
    LazyLock::new(|| [register(), deploy::manifest(), approve(), run_workflow()]);

/// The acts that a step may use.
pub fn all() -> &'static [Manifest] {
    &*MANIFESTS
}

/// The act of that name.
pub fn manifest(name: &str) -> Option<&'static Manifest> {
    all().iter().find(|manifest| manifest.name == name)
}

/// Whether the host itself carries this out.
pub fn is_act(name: &str) -> bool {
    manifest(name).is_some()
}

/// What is wrong with an act's parameters beyond what its schema says. Those at `unknown` (JSON pointers) are not known yet.
pub fn problems(name: &str, params: &Map<String, Value>, unknown: &[String]) -> Vec<Problem> {
    match name {
        "deploy" => deploy::problems(params, unknown),
        _ => Vec::new(),
    }
}

fn act(name: &str, summary: &str, description: &str, parameters: Value) -> Manifest {
    Manifest {
        name: name.to_owned(),
        version: "1.0.0".to_owned(),
        summary: summary.to_owned(),
        description: description.to_owned(),
        channels: Vec::new(),
        outputs: Vec::new(),
        metrics: Vec::new(),
        parameters,
        exports: Exports { job: true, model: false },
    }
}

fn register() -> Manifest {
    let parameters = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["name"],
        "properties": {
            "name": {
                "type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
                "description": "The model's name: lower-case letters, digits and hyphens, at most 63."
            },
            "description": { "type": "string", "default": "", "description": "What is special about this version." },
            "approval": {
                "type": "string", "enum": ["pending", "approved", "rejected"], "default": "pending",
                "description": "The version's approval status."
            },
            "alias": { "type": "string", "description": "An alias to move to the new version, such as `live`." },
            "metrics": {
                "type": "object", "additionalProperties": { "type": "number" },
                "description": "Figures to keep with the version, by name. If none are given: those of the steps before this one that measured the model, such as `evaluate`, or else of its training; of these, the ones that are better if larger or smaller."
            }
        }
    });
    let mut manifest = act(
        "register",
        "Make a new version of a model",
        "Stores the pipeline under a name, as an immutable version with its lineage. Versions count from 1.",
        parameters,
    );
    manifest.channels.push(Channel {
        name: "model".to_owned(),
        description: "The fitted pipeline; one part.".to_owned(),
        kind: Kind::Model,
        required: true,
        formats: Vec::new(),
    });
    manifest.outputs.push(Output {
        name: "model".to_owned(),
        description: "The pipeline that was registered.".to_owned(),
        kind: Kind::Model,
        media_type: crate::artifact::Pipeline::MEDIA_TYPE.to_owned(),
        required: true,
        follows: Some(Lineage { channel: "model".to_owned(), through_model: false }),
    });
    manifest.metrics.push(Metric {
        name: "version".to_owned(),
        description: "The number of the new version.".to_owned(),
        direction: Direction::Neither,
    });
    manifest
}

fn approve() -> Manifest {
    act(
        "approve",
        "Wait until a person agrees",
        "The run waits here until somebody approves or rejects.",
        json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "message": { "type": "string", "default": "", "description": "What the person should decide on." }
            }
        }),
    )
}

fn run_workflow() -> Manifest {
    act(
        "run-workflow",
        "Run another workflow",
        "Starts a run of another workflow and waits for its end.",
        json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["workflow"],
            "properties": {
                "workflow": { "type": "string", "description": "The path of the workflow's file." },
                "params": { "type": "object", "default": {}, "description": "Its parameters." }
            }
        }),
    )
}
