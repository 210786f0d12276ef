//! What a task costs in requests to a store and a queue over the network: the numbers of `docs/costs.md`, which this holds to.
//!
//! Real tasks ([`Tasks::handle`]) with a function that is made up; the store and the queue count. What an executor asks of the
//! store by itself is counted apart.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc, time::Duration};

use millstream_core::{
    artifact::{Artifact, Digest, Pipeline},
    completion::Results,
    failure::Failure,
    layout,
    manifest::{Channel, Exports, Kind, Manifest, Output},
    task::Message,
};
use millstream_engine::{Cancel, Done, EngineKind, Event, Execute, Job};
use millstream_language::{Functions, acts::Act};
use millstream_plan::{
    Plan,
    compile::{Options, check},
};
use millstream_queue::{MemoryQueue, Queue as _, QueueOptions, SystemClock, counting::CountingQueue};
use millstream_state::{Run, RunState};
use millstream_store::{Artifacts, PutOptions, counting::CountingStore};
use millstream_worker::{
    Acts, Handled, Home, Ignore, Records, Tasks, acts,
    home::{HomeLocation, queue_name},
    send,
};
use serde_json::json;

/// The function of all steps.
struct One(Manifest);

impl One {
    fn new() -> Self {
        let channel = Channel {
            name: "in".to_owned(),
            description: String::new(),
            kind: Kind::File,
            required: false,
            formats: Vec::new(),
        };
        let output = Output {
            name: "out".to_owned(),
            description: String::new(),
            kind: Kind::File,
            media_type: "text/plain".to_owned(),
            required: true,
            follows: None,
        };
        Self(Manifest {
            name: "noop".to_owned(),
            version: "1.0.0".to_owned(),
            summary: "Puts out its parameters.".to_owned(),
            description: String::new(),
            channels: vec![channel],
            outputs: vec![output],
            metrics: Vec::new(),
            parameters: json!({"type": "object", "additionalProperties": false, "properties": {"x": {}}}),
            exports: Exports { job: true, model: false },
        })
    }
}

impl Functions for One {
    fn get(&self, name: &str) -> Option<(Digest, &Manifest)> {
        (name == self.0.name).then(|| (Digest::of(b"noop"), &self.0))
    }

    fn names(&self) -> Vec<&str> {
        vec![&self.0.name]
    }
}

/// Puts out a few bytes that depend on the job, as an executor does: into the store, by itself.
struct Made(Artifacts);

impl Execute for Made {
    fn execute(&self, job: &Job, _: &Cancel, _: &mut dyn FnMut(Event)) -> Result<Done, Failure> {
        let shard = job.shard.map_or(0, |shard| shard.index);
        let written = self.0.put(format!("{} {shard}", job.params).as_bytes()).expect("memory has room");
        let part = Artifact {
            name: "out".to_owned(),
            media_type: "text/plain".to_owned(),
            size: written.size,
            digest: written.digest,
        };
        Ok(Done { outputs: BTreeMap::from([("out".to_owned(), vec![part])]), ..Done::default() })
    }

    fn describe(&self, _: &Digest) -> Result<Manifest, Failure> {
        unreachable!("nobody asks")
    }

    fn compile(&self, _: EngineKind, _: &Digest) -> Result<(), Failure> {
        unreachable!("nobody asks")
    }

    fn describe_model(&self, _: &str, _: &Pipeline, _: u64) -> Result<String, Failure> {
        unreachable!("nobody asks")
    }
}

struct NoActs;

impl Acts for NoActs {
    fn perform(&self, _: Act, _: &acts::Context<'_>) -> Result<Option<Results>, Failure> {
        unreachable!("the plans have none")
    }
}

/// Requests by step, and those of executors.
#[derive(Debug, Default)]
struct Costs {
    store: BTreeMap<String, u64>,
    queue: BTreeMap<String, u64>,
    executors: u64,
}

/// Workers that share a store and a queue.
struct Machines {
    workers: Vec<(Tasks, Arc<CountingStore>)>,
    /// Whoever starts runs.
    starter: Home,
    queue: Arc<CountingQueue<MemoryQueue>>,
    executors: Arc<CountingStore>,
}

impl Machines {
    fn new(count: usize) -> Self {
        let store = CountingStore::default();
        let queue = MemoryQueue::new(Arc::new(SystemClock), QueueOptions::default()).unwrap();
        let queue = Arc::new(CountingQueue::new(queue));
        let executors = Arc::new(store.clone());
        let home = |store: &Arc<CountingStore>| {
            let location = HomeLocation::of_folder("nowhere");
            Home::new(location, store.shared(), queue.clone(), Arc::new(SystemClock))
        };
        let workers = (0..count).map(|_| {
            let own = Arc::new(store.clone());
            let execute = Arc::new(Made(Artifacts::new(executors.shared())));
            (Tasks::new(home(&own), execute, Arc::new(NoActs), Arc::new(Ignore)), own)
        });
        let workers = workers.collect();
        let starter = home(&Arc::new(store));
        Self { workers, starter, queue, executors }
    }

    /// What a run costs, task by task; the workers take turns.
    fn run(&self, name: &str, text: &str, previous: Option<&str>) -> Costs {
        let functions = One::new();
        let checked = check("w.yaml", text, &functions).unwrap_or_else(|faults| panic!("{faults}"));
        let options = Options { run: name.to_owned(), ..Options::default() };
        let plan = checked.plan(&functions, &options).unwrap();
        let plan = Plan { previous: previous.map(str::to_owned), ..plan };
        let bytes = serde_json::to_vec(&plan).unwrap();
        self.starter.store().put(&layout::plan(name), &bytes, &PutOptions::absent()).unwrap();
        let records = Records::new(self.starter.store().clone());
        send(&self.starter, &plan, &Run::new(&plan, &records).begin(0).unwrap()).unwrap();

        let mut costs = Costs::default();
        let written = self.executors.total();
        for (tasks, store) in self.workers.iter().cycle() {
            let before = (store.total(), self.queue.total());
            let tasks_queue = queue_name(None);
            let received =
                self.queue.receive(&tasks_queue, 1, Duration::ZERO, Duration::from_secs(60)).unwrap();
            let Some(delivery) = received.first() else { break };
            assert_eq!(tasks.handle(delivery, &Cancel::new()), Handled::Delete);
            self.queue.delete(&delivery.receipt).unwrap();
            let message: Message = serde_json::from_str(&delivery.body).unwrap();
            *costs.store.entry(message.step.clone()).or_default() += store.total() - before.0;
            *costs.queue.entry(message.step).or_default() += self.queue.total() - before.1;
        }
        costs.executors = self.executors.total() - written;
        assert_eq!(Run::new(&plan, &records).progress().unwrap().state, RunState::Succeeded);
        costs
    }
}

/// `docs/costs.md` has these rows in the table of that section.
#[track_caller]
fn documented(heading: &str, rows: &[String]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/costs.md");
    let text = fs::read_to_string(path).unwrap();
    let section = text.split(&format!("## {heading}\n")).nth(1).unwrap_or_else(|| panic!("no {heading}"));
    let section = section.split("\n## ").next().unwrap_or_default();
    let table: Vec<&str> = section.lines().filter(|line| line.starts_with('|')).skip(2).collect();
    assert_eq!(table, rows, "docs/costs.md, {heading}: write\n{}", rows.join("\n"));
}

#[test]
fn a_step_of_a_chain() {
    const CHAIN: &str = r#"
name: chain
steps:
  a: { uses: noop, with: { x: 1 } }
  b: { uses: noop, with: { x: 2 }, inputs: { in: "${{ steps.a.outputs.out }}" } }
  c: { uses: noop, with: { x: 3 }, inputs: { in: "${{ steps.b.outputs.out }}" } }
  d: { uses: noop, with: { x: 4 }, inputs: { in: "${{ steps.c.outputs.out }}" } }
"#;
    let mut rows = Vec::new();
    for (what, count) in [("one machine", 1), ("machines by turns", 4)] {
        let machines = Machines::new(count);
        let costs = machines.run("r1", CHAIN, None);
        assert_eq!(costs.executors, 4, "one write for each output");
        rows.push(format!("| {what} | {} | {} |", costs.store["c"], costs.queue["c"]));
        let again = machines.run("r2", CHAIN, Some("r1"));
        assert_eq!(again.executors, 0, "all is cached");
        rows.push(format!("| {what}, cached | {} | {} |", again.store["c"], again.queue["c"]));
    }
    documented("A step of a chain", &rows);
}

#[test]
fn a_fan_out() {
    let text = |shards: usize| {
        format!(
            r#"
name: wide
steps:
  first: {{ uses: noop, with: {{ x: 1 }} }}
  wide:
    uses: noop
    with: {{ x: 2 }}
    for-each: {{ shards: {shards} }}
    inputs: {{ in: "${{{{ steps.first.outputs.out }}}}" }}
  last: {{ uses: noop, with: {{ x: 3 }}, inputs: {{ in: "${{{{ steps.wide.outputs.out }}}}" }} }}
"#
        )
    };
    let mut rows = Vec::new();
    for shards in [10, 100, 1000] {
        for machines in [1, 4] {
            let costs = Machines::new(machines).run("r", &text(shards), None);
            let store = costs.store["wide"];
            // The step before it sends the shards' messages, beside what it receives and deletes.
            let queue = costs.queue["wide"] + costs.queue["first"] - 2;
            // A machine reads the plan, and what all shards have in common, once.
            let most = 6 * (shards + machines) as u64;
            assert!(store <= most && queue <= 3 * shards as u64, "{shards} shards: {store} {queue}");
            let share = |requests: u64| requests as f64 / shards as f64;
            rows.push(format!(
                "| {shards} | {machines} | {store} | {:.2} | {queue} | {:.2} |",
                share(store),
                share(queue)
            ));
        }
    }
    documented("A fan-out", &rows);
}
