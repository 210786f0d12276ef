//! Runs whose store or queue is in AWS, with workers on this machine: over MiniStack, by the built binary.

mod costs;
mod crashes;
mod faults;
mod mixes;
mod sources;

use std::{
    collections::BTreeMap,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use millstream_core::location::Location;
use millstream_emulators::Emulator;
use millstream_queue::{QueueOptions, Queues};
use millstream_store::{Store, Stores, entries};
use millstream_tests::{Place, Ran};
use serde_json::Value;

/// A chain, a fan-out with its fan-in, a model, and bytes that go through all of it.
const WORKFLOW: &str = "
name: remote
steps:
  first: { uses: faulty, inputs: { table: ./input.txt }, with: { mode: echo } }
  fan:
    uses: faulty
    for-each: { items: [1, 2, 3, 4, 5] }
    inputs: { table: \"${{ steps.first.outputs.echo }}\" }
    with: { mode: fit, state: \"state ${{ item }}\" }
  pick: { uses: faulty, inputs: { table: \"${{ steps.fan.outputs.echo[4] }}\" }, with: { mode: echo } }
  register: { uses: register, inputs: { model: \"${{ steps.fan.outputs.state[2] }}\" }, with: { name: remote } }
  last: { uses: faulty, needs: [register], inputs: { table: \"${{ steps.pick.outputs.echo }}\" }, with: { mode: echo } }
";

/// first, five of fan, pick, register, last.
const TASKS: usize = 9;

/// A home whose store and queue are where its locations say, and a folder to work in.
struct Home {
    place: Place,
    url: String,
    store: String,
    queue: String,
}

/// A name that no other test has.
fn unique() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("h{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst))
}

fn config(url: &str) -> millstream_aws::SdkConfig {
    millstream_aws::at_endpoint(url, "us-east-1", "test", "test")
}

/// A bucket of its own for each test, for their objects are not to be told apart by luck.
fn bucket(url: &str) -> String {
    let name = unique();
    millstream_aws::block_on(client(url).create_bucket().bucket(&name).send()).expect("a bucket");
    name
}

fn client(url: &str) -> aws_sdk_s3::Client {
    let settings = aws_sdk_s3::config::Builder::from(&config(url)).force_path_style(true).build();
    aws_sdk_s3::Client::from_conf(settings)
}

impl Home {
    /// Everything in AWS.
    fn remote(emulator: &Emulator) -> Self {
        let store = format!("s3://{}/home", bucket(&emulator.url()));
        Self::at(&emulator.url(), store, format!("sqs://{}", unique()))
    }

    fn at(url: &str, store: String, queue: String) -> Self {
        let home = Self { place: Place::new(), url: url.to_owned(), store, queue };
        home.place.write("input.txt", "some bytes\n");
        home.place.write("w.yaml", WORKFLOW);
        let faulty = millstream_tests::test_function("faulty");
        home.run(&["functions", "add", &faulty.to_string_lossy()]).expect(0);
        home
    }

    /// The same home, seen from another machine: another folder, another cache.
    fn elsewhere(&self) -> Self {
        let place = Place::new();
        let (url, store, queue) = (self.url.clone(), self.store.clone(), self.queue.clone());
        Self { place, url, store, queue }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.place.command(arguments);
        command.envs(millstream_emulators::environment(&self.url));
        command.env("MILLSTREAM_STORE", &self.store).env("MILLSTREAM_QUEUE", &self.queue);
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.command(arguments).output().expect("the binary starts").into()
    }

    fn spawn(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Child {
        let mut command = self.command(arguments);
        command.envs(variables.iter().copied()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("the binary starts")
    }

    fn store(&self) -> Arc<dyn Store> {
        let location = Location::parse(&self.store, "file").unwrap();
        if location.scheme != "s3" {
            return Stores::default().open_at(&location).unwrap();
        }
        let place = millstream_aws_s3::Place::parse(&location).unwrap();
        Arc::new(millstream_aws_s3::S3Store::new(&config(&self.url), place))
    }

    fn queue(&self) -> Arc<dyn millstream_queue::Queue> {
        let location = Location::parse(&self.queue, "sqlite").unwrap();
        if location.scheme != "sqs" {
            return Queues::default().open_at(&location, QueueOptions::default()).unwrap();
        }
        let prefix = millstream_aws_sqs::Prefix::parse(&location).unwrap();
        Arc::new(millstream_aws_sqs::SqsQueue::new(&config(&self.url), prefix, QueueOptions::default()))
    }

    /// The JSON records whose keys begin with `prefix`, by the rest of their keys.
    fn records(&self, prefix: &str) -> BTreeMap<String, Value> {
        let store = self.store();
        let keys: Vec<String> = entries(&*store, prefix).map(|entry| entry.unwrap().key).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let found = store.get_many(&keys).into_iter().zip(&keys);
        found
            .map(|(object, key)| {
                (key[prefix.len()..].to_owned(), serde_json::from_slice(&object.unwrap().bytes).unwrap())
            })
            .collect()
    }

    /// The names of all runs, oldest first.
    fn runs(&self) -> Vec<String> {
        let store = self.store();
        let plans = entries(&*store, "runs/").map(|entry| entry.unwrap().key);
        plans
            .filter_map(|key| Some(key.strip_suffix("/plan.json")?.strip_prefix("runs/")?.to_owned()))
            .collect()
    }

    /// What each task of a run put out. Nothing in it depends on when or where it ran.
    fn results(&self, run: &str) -> BTreeMap<String, Value> {
        let done = self.records(&format!("runs/{run}/done/"));
        done.into_iter().map(|(key, record)| (key, record["outcome"].clone())).collect()
    }

    fn has_ended(&self) -> bool {
        self.runs().first().is_some_and(|run| self.results(run).len() == TASKS)
    }
}

/// What the run comes to on this machine alone.
fn expected() -> BTreeMap<String, Value> {
    let place = Place::new().with_test_functions(&["faulty"]);
    place.write("input.txt", "some bytes\n");
    place.write("w.yaml", WORKFLOW);
    place.run(&["run", "w.yaml"]).expect(0);
    let results = place.results(&place.runs()[0]);
    assert_eq!(results.len(), TASKS);
    results
}
