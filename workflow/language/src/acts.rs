//! Acts of the host: what a step may use that is not a component. A task's key makes them idempotent.

use std::sync::LazyLock;

use millstream_core::manifest::{Channel, Direction, Exports, Kind, Lineage, Manifest, Metric, Output};
use serde_json::{Map, Value, json};

use crate::parameters::Problem;

mod deploy;

/// Declares the acts once, so that none can be missing from [`Act::ALL`].
macro_rules! acts {
    ($($(#[$doc:meta])* $act:ident = $name:literal,)+) => {
        /// An act of the host.
        ///
        /// A new one does not compile before it has a name, a manifest, a check of its parameters, and a deed in `millstream-control`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Act {
            $($(#[$doc])* $act,)+
        }

        impl Act {
            /// All, in the order in which they are listed.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$act),+];

            /// As a step's `uses` has it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$act => $name,)+
                }
            }
        }
    };
}

acts! {
    /// A pipeline becomes an immutable version of a model.
    Register = "register",
    /// A version goes behind an endpoint.
    Deploy = "deploy",
    /// The run waits until a person decides.
    Approve = "approve",
    /// A run of another workflow.
    RunWorkflow = "run-workflow",
}

static MANIFESTS: LazyLock<[Manifest; Act::ALL.len()]> = LazyLock::new(|| {
    Act::ALL.map(|act| match act {
        Act::Register => register(),
        Act::Deploy => deploy::manifest(),
        Act::Approve => approve(),
        Act::RunWorkflow => run_workflow(),
    })
});

impl Act {
    /// The act of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|act| act.name() == name)
    }

    /// What it takes, gives and measures.
    pub fn manifest(self) -> &'static Manifest {
        &MANIFESTS[self as usize]
    }

    /// What is wrong with its parameters beyond what its schema says. Those at `unknown` (JSON pointers) are not known yet.
    pub fn problems(self, params: &Map<String, Value>, unknown: &[String]) -> Vec<Problem> {
        match self {
            Self::Deploy => deploy::problems(params, unknown),
            Self::RunWorkflow => run_workflow_problems(params),
            Self::Register | Self::Approve => Vec::new(),
        }
    }
}

fn manifest(act: Act, summary: &str, description: &str, parameters: Value) -> Manifest {
    Manifest {
        name: act.name().to_owned(),
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
    let mut manifest = manifest(
        Act::Register,
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
        media_type: millstream_core::artifact::Pipeline::MEDIA_TYPE.to_owned(),
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
    manifest(
        Act::Approve,
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
    manifest(
        Act::RunWorkflow,
        "Run another workflow",
        "Starts a run of another workflow and waits for its end.",
        json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "workflow": { "type": "string", "description": "A workflow that was pushed: `NAME`, which is its newest version, or `NAME@VERSION`. It is looked up when the run starts." },
                "file": { "type": "string", "description": "Instead: the path of a workflow's file. It is read when the run starts." },
                "params": { "type": "object", "default": {}, "description": "Its parameters." }
            }
        }),
    )
}

/// It runs one workflow.
fn run_workflow_problems(params: &Map<String, Value>) -> Vec<Problem> {
    let message = match (params.contains_key("workflow"), params.contains_key("file")) {
        (false, false) => "a workflow is missing",
        (true, true) => "two workflows are named, and it runs one",
        _ => return Vec::new(),
    };
    let help = "give `workflow: NAME` for one that was pushed, or `file: PATH`".to_owned();
    vec![Problem { path: Vec::new(), at_key: false, message: message.to_owned(), help: Some(help) }]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_act_has_a_manifest_of_its_own() {
        for act in Act::ALL {
            assert_eq!((Act::named(act.name()), act.manifest().name.as_str()), (Some(act), act.name()));
            let parameters = &act.manifest().parameters;
            // What nobody has declared is refused, so that a deed sees what its manifest names and nothing else.
            assert_eq!(parameters["additionalProperties"], false, "{act:?}");
            assert!(parameters["properties"].is_object(), "{act:?}");
        }
        assert_eq!(Act::named("extract"), None);
    }
}
