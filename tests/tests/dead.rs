//! Dead letters: tasks and requests that took each worker or server down with them, seen and redriven.
#![cfg(unix)]

use std::{
    process::Child,
    thread,
    time::{Duration, Instant},
};

use millstream_tests::{Place, server::Reply, wait_until};
use millstream_worker::failpoint::KILL_AT;
use serde_json::Value;

const SOON: Duration = Duration::from_secs(30);
/// So often is a message delivered before it dies.
const DELIVERIES: u64 = 20;

fn letters(place: &Place) -> Vec<Value> {
    let listed = place.run(&["dead", "list", "--json"]).expect(0).stdout;
    serde_json::from_str(&listed).unwrap_or_else(|error| panic!("{error}: {listed}"))
}

fn id(letter: &Value) -> String {
    letter["id"].as_str().unwrap().to_owned()
}

/// Starts processes that die when they get a message, until one lives: then all that there were are dead letters. It is given back,
/// and does what living ones do.
fn until_one_lives(place: &Place, arguments: &[&str], point: &str) -> Child {
    for started in 0.. {
        assert!(started < 100, "they die and die");
        let mut process = place.spawn(arguments, &[(KILL_AT, point)]);
        let began = Instant::now();
        loop {
            if process.try_wait().unwrap().is_some() {
                break;
            }
            // The one that lives has put the letters where they belong.
            if !letters(place).is_empty() {
                return process;
            }
            assert!(began.elapsed() < SOON, "it gets no message");
            thread::sleep(Duration::from_millis(20));
        }
    }
    unreachable!()
}

fn end(mut process: Child) {
    process.kill().unwrap();
    process.wait().unwrap();
}

#[test]
fn a_task_that_takes_each_worker_down_is_seen_and_redriven() {
    let place = Place::new().with_test_functions(&["faulty"]);
    place.write("input.txt", "some bytes\n");
    place.write(
        "w.yaml",
        "name: w\nsteps:\n  a: { uses: faulty, inputs: { table: ./input.txt }, with: { mode: echo } }\n",
    );
    place.run(&["dead", "list"]).expect(0).says(&["There are no dead letters"]);
    place.run(&["run", "--detach", "w.yaml"]).expect(0);
    let run = place.runs().remove(0);
    let state = || {
        let status = place.run(&["status", &run, "--json"]).expect(0).stdout;
        serde_json::from_str::<Value>(&status).unwrap()["state"].as_str().unwrap().to_owned()
    };
    let worker = until_one_lives(&place, &["worker", "--workers", "1"], "received");
    let [letter] = letters(&place).try_into().unwrap();
    assert_eq!(
        (letter["queue"].as_str(), letter["about"]["task"]["run"].as_str(), letter["deliveries"].as_u64()),
        (Some("tasks"), Some(run.as_str()), Some(DELIVERIES))
    );
    let shown = place.run(&["dead", "list"]).expect(0);
    assert!(shown.stdout.contains(&format!("`a` of run {run}")), "{}", shown.stdout);
    assert!(place.run(&["doctor"]).stdout.contains("millstream dead list"));
    wait_until("a worker marks it as failed", SOON, || state() == "failed");
    end(worker);
    place.run(&["status", &run]).expect(0);
    let failed = place.records(&format!("runs/{run}/failed"));
    assert!(failed.values().next().unwrap().to_string().contains("millstream dead list"), "{failed:?}");
    assert_eq!(letters(&place).len(), 1, "it is kept");
    place.run(&["dead", "redrive", "nothing"]).expect(2).says(&["there is no dead letter `nothing`"]);
    place.run(&["dead", "redrive"]).expect(2);

    place.run(&["dead", "redrive", &id(&letter)]).expect(0).says(&["Redriven: `a` of run "]);
    assert!(letters(&place).is_empty());
    assert_eq!(state(), "running");
    // A worker that starts now must not take it for dead.
    let worker = place.spawn(&["worker"], &[]);
    wait_until("it is done", SOON, || state() == "succeeded");
    end(worker);
}

#[test]
fn a_letter_that_is_removed_leaves_its_task_failed_and_retry_runs_it_again() {
    let place = Place::new().with_test_functions(&["faulty"]);
    place.write("input.txt", "some bytes\n");
    place.write(
        "w.yaml",
        "
name: w
steps:
  a: { uses: faulty, inputs: { table: ./input.txt }, with: { mode: echo } }
  b: { uses: faulty, inputs: { table: \"${{ steps.a.outputs.echo }}\" }, with: { mode: echo } }
",
    );
    place.run(&["run", "--detach", "w.yaml"]).expect(0);
    let run = place.runs().remove(0);
    end(until_one_lives(&place, &["worker", "--workers", "1"], "received"));
    place.run(&["dead", "rm", "--all"]).expect(0).says(&["Removed: `a` of run "]);
    assert!(letters(&place).is_empty());
    // Whether or not a worker had come to mark it, it has failed, and so has what needs it.
    let worker = place.spawn(&["worker"], &[]);
    let failed = || place.records(&format!("runs/{run}/failed"));
    wait_until("the run has failed", SOON, || {
        place.run(&["status", &run]).stdout.contains("failed") && !failed().is_empty()
    });
    end(worker);
    place.run(&["retry", &run]).expect(0);
    assert_eq!(place.results(&run).len(), 2);
}

#[test]
fn a_request_that_takes_each_server_down_is_seen_and_redriven() {
    let place = Place::with_echo();
    place.deploy(&["--model", "echo@1"]);
    let path = "/endpoints/e/async-invocations";
    // A server that dies with the first request that it is given takes this one, too.
    let dying = place.serve_with(&["--no-workers"], &[(KILL_AT, "request-received")]);
    let headers = [("content-type", "text/csv"), ("X-Amzn-SageMaker-Inference-Id", "i-1")];
    // It may die before it has answered that it has the request.
    let taken: Reply = dying.post(path, &headers, b"a,b\n");
    assert!(taken.status == 202 || taken.status == 0, "{}", taken.text());
    drop(dying);
    let server = until_one_lives(&place, &["serve", "--port", "0", "--no-workers"], "request-received");
    let [letter] = letters(&place).try_into().unwrap();
    assert_eq!(
        (letter["queue"].as_str(), letter["deliveries"].as_u64()),
        (Some("inference"), Some(DELIVERIES))
    );
    assert_eq!(letter["about"]["request"]["id"], "i-1");
    let done = place.store().join("async/e/i-1/done.json");
    wait_until("a server says that there is no answer", SOON, || done.exists());
    end(server);
    let server = place.serve(&["--no-workers"]);
    let failed = server.get(&format!("{path}/i-1")).expect(424);
    assert!(failed.text().contains("ended before it answered"), "{}", failed.text());
    assert_eq!(letters(&place).len(), 1, "it is kept");

    place
        .run(&["dead", "redrive", &id(&letter)])
        .expect(0)
        .says(&["Redriven: request `i-1` to endpoint `e`"]);
    assert!(letters(&place).is_empty());
    wait_until("it is answered", SOON, || server.get(&format!("{path}/i-1")).status == 200);
    assert_eq!(server.get(&format!("{path}/i-1")).body, b"a,b\n");
}
