//! Made-up functions: what they put out is a function of what goes in, and nothing else.

use std::{cell::Cell, collections::BTreeMap, sync::Arc, time::Duration};

use millstream_core::{
    artifact::{Artifact, Digest, Pipeline},
    failure::Failure,
    manifest::{Channel, Direction, Exports, Kind, Lineage, Manifest, Metric, Output},
};
use millstream_engine::{Cancel, Done, EngineKind, Event, Execute, Job, Level};
use millstream_language::Functions;
use millstream_store::Artifacts;
use serde_json::{Value, json};

use crate::{faults::Sabotage, world::World};

/// The largest artifact that a simulation reads.
const MAX_BYTES: u64 = 1 << 20;
/// How often a function that takes long looks whether it was cancelled.
const SLICE: Duration = Duration::from_secs(5);

/// The functions of all simulated workflows.
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

/// `make` puts out a table of some parts; `fit` a model of a table; `apply` a table, with a model.
pub fn catalog() -> Catalog {
    let channel = |name: &str, kind, required| Channel {
        name: name.to_owned(),
        description: "What goes in.".to_owned(),
        kind,
        required,
        formats: Vec::new(),
    };
    let output = |name: &str, kind, follows: Option<&str>| Output {
        name: name.to_owned(),
        description: "What comes out.".to_owned(),
        kind,
        media_type: "application/octet-stream".to_owned(),
        required: true,
        follows: follows.map(|channel| Lineage { channel: channel.to_owned(), through_model: false }),
    };
    let function = |name: &str, channels: Vec<Channel>, output: Output| Manifest {
        name: name.to_owned(),
        version: "1.0.0".to_owned(),
        summary: format!("The function {name}."),
        description: String::new(),
        channels,
        exports: Exports { job: true, model: output.kind == Kind::Model },
        outputs: vec![output],
        metrics: vec![Metric {
            name: "score".to_owned(),
            description: "From 0 to 1.".to_owned(),
            direction: Direction::Maximize,
        }],
        parameters: json!({
            "type": "object",
            "additionalProperties": false,
            "properties": { "does": { "type": "string", "default": "well" }, "x": {} }
        }),
    };
    Catalog(vec![
        function("make", vec![channel("in", Kind::Table, false)], output("out", Kind::Table, None)),
        function("fit", vec![channel("in", Kind::Table, true)], output("out", Kind::Model, Some("in"))),
        function(
            "apply",
            vec![channel("model", Kind::Model, true), channel("in", Kind::Table, false)],
            output("out", Kind::Table, None),
        ),
    ])
}

thread_local! {
    /// The task that this thread deals with was done when its message came.
    pub static WAS_DONE: Cell<bool> = const { Cell::new(false) };
}

pub struct Executor {
    pub world: Arc<World>,
    pub process: usize,
    pub artifacts: Artifacts,
}

impl Execute for Executor {
    fn execute(&self, job: &Job, cancel: &Cancel, on_event: &mut dyn FnMut(Event)) -> Result<Done, Failure> {
        let world = &self.world;
        world.baton.note(|| format!("execute {} {:?} {}", job.function.short(), job.shard, job.params));
        world.seen().executions += 1;
        if WAS_DONE.get() && world.seen().damaged.is_empty() {
            world.baton.wrong("a task was executed after its completion was written".to_owned());
        }
        on_event(Event::Started { preparation: Duration::from_millis(1) });
        on_event(Event::Log { level: Level::Info, message: "begins".to_owned() });
        let params: Value = serde_json::from_str(&job.params).map_err(|error| host(&error))?;
        let does = params["does"].as_str().unwrap_or("well").to_owned();
        for part in job.inputs.values().flat_map(|channel| &channel.parts) {
            self.artifacts.read_verified(&part.digest, MAX_BYTES).map_err(|error| host(&error))?;
        }
        self.takes_time(job, cancel, does == "endless")?;
        on_event(Event::Metric { name: "loss".to_owned(), value: 0.5, step: 1 });
        let hits = |suffix: &str| does.split_once('-').is_some_and(|(_, which)| which == suffix);
        let first_shard = job.shard.is_none_or(|shard| shard.index == 0);
        if does == "trap" && first_shard || hits("2") && params["x"] == json!(2) {
            return Err(Failure::Function { message: "it traps".to_owned(), backtrace: None });
        }
        if does == "refuse" {
            return Err(Failure::InvalidInput {
                message: "a column is missing".to_owned(),
                channel: None,
                part: None,
                row: None,
                column: None,
            });
        }
        self.results(job)
    }

    fn describe(&self, _: &Digest) -> Result<Manifest, Failure> {
        Err(host(&"nobody asks for that in a simulation"))
    }

    fn compile(&self, _: EngineKind, _: &Digest) -> Result<(), Failure> {
        Err(host(&"nothing is compiled in a simulation"))
    }

    fn describe_model(&self, _: &str, _: &Pipeline, _: u64) -> Result<String, Failure> {
        Err(host(&"nobody asks for that in a simulation"))
    }
}

fn host(error: &dyn std::fmt::Display) -> Failure {
    Failure::Host { message: error.to_string() }
}

impl Executor {
    fn takes_time(&self, job: &Job, cancel: &Cancel, endless: bool) -> Result<(), Failure> {
        let (world, baton) = (&self.world, &self.world.baton);
        let (least, most) = if endless {
            (Duration::from_secs(1_000_000), Duration::from_secs(1_000_000))
        } else if world.strikes("long", |faults| faults.long) {
            (Duration::from_secs(20), Duration::from_secs(400))
        } else {
            (Duration::from_millis(1), Duration::from_secs(2))
        };
        let (end, limit) = (baton.now() + world.between(least, most), baton.now() + job.limits.wall_time);
        loop {
            world.travel(self.process);
            let now = baton.now();
            if cancel.is_cancelled() {
                return Err(Failure::Cancelled);
            }
            if world.strikes("executor", |faults| faults.executor) {
                return Err(host(&"the executor has ended"));
            }
            if now >= limit {
                return Err(Failure::Limit { limit: "time".to_owned(), message: "too long".to_owned() });
            }
            if now >= end {
                return Ok(());
            }
            baton.pause((end.min(limit) - now).min(SLICE));
        }
    }

    fn results(&self, job: &Job) -> Result<Done, Failure> {
        let inputs: BTreeMap<&String, Vec<Digest>> = job
            .inputs
            .iter()
            // No parts is no channel, as in a task's key.
            .filter(|(_, channel)| !channel.parts.is_empty())
            .map(|(name, channel)| (name, channel.parts.iter().map(|part| part.digest).collect()))
            .collect();
        let shard = job.shard.map(|shard| (shard.index, shard.count));
        let mut all = json!([job.function, job.params, inputs, job.seed, shard]);
        if self.world.has(Sabotage::ImpureFunctions) {
            all = json!([all, self.world.seen().executions]);
        }
        let digest = Digest::of(all.to_string().as_bytes());
        // A model has one state; a table has one to three parts.
        let model = job.function == Digest::of(b"fit");
        let count = if model { 1 } else { digest.0[0] % 3 + 1 };
        let mut parts = Vec::new();
        for part in 0..count {
            let bytes = format!("{digest} {part}");
            let written = self.artifacts.put(bytes.as_bytes()).map_err(|error| host(&error))?;
            parts.push(Artifact {
                name: format!("part-{part}"),
                media_type: "application/octet-stream".to_owned(),
                size: written.size,
                digest: written.digest,
            });
        }
        Ok(Done {
            message: "made up".to_owned(),
            metrics: BTreeMap::from([("score".to_owned(), f64::from(digest.0[1]) / 255.0)]),
            outputs: BTreeMap::from([("out".to_owned(), parts)]),
        })
    }
}
