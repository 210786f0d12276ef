//! Who does tasks: `millstream workers`, and steps that wait for a pool.
#![cfg(unix)]

use std::time::Duration;

use millstream_tests::{Place, wait_until};
use serde_json::Value;

const SOON: Duration = Duration::from_secs(60);

const WORKFLOW: &str = "
name: pools
steps:
  read: { uses: faulty, inputs: { table: ./rows.txt }, with: { mode: echo }, pool: gpu }
";

fn workers(place: &Place) -> Vec<Value> {
    let listed = place.run(&["workers", "--json"]).expect(0).stdout;
    serde_json::from_str::<Vec<Value>>(&listed).unwrap()
}

#[test]
fn a_step_waits_for_its_pool_and_says_what_would_serve_it() {
    let place = Place::new().with_test_functions(&["faulty"]);
    place.write("rows.txt", "rows");
    place.write("w.yaml", WORKFLOW);
    place.run(&["run", "--detach", "w.yaml"]).expect(0);
    assert!(workers(&place).is_empty());
    let status = place.run(&["status"]).expect(0);
    assert!(status.stdout.contains("no worker does pool `gpu`"), "{}", status.stdout);
    assert!(status.stderr.contains("millstream worker --pool gpu"), "{}", status.stderr);
    // One that does other tasks does not change that.
    let mut other = place.spawn(&["worker"], &[]);
    wait_until("a worker is there", SOON, || workers(&place).len() == 1);
    assert_eq!(workers(&place)[0]["pools"], Value::Array(Vec::new()));
    place.run(&["status"]).expect(0).says(&["millstream worker --pool gpu"]);
    // SAFETY: a signal to a child that has not been waited for.
    unsafe { libc::kill(other.id() as i32, libc::SIGINT) };
    other.wait().unwrap();
    assert!(workers(&place).is_empty(), "who ends takes its record away");

    let mut own = place.spawn(&["worker", "--pool", "gpu"], &[]);
    wait_until("the run has succeeded", SOON, || {
        place.run(&["status", "--json"]).expect(0).stdout.contains("\"succeeded\"")
    });
    let there = workers(&place);
    assert_eq!((&there[0]["pools"][0], &there[0]["alive"]), (&Value::from("gpu"), &Value::from(true)));
    // Killed, it is shown as gone once it should have said something.
    own.kill().unwrap();
    own.wait().unwrap();
    wait_until("it is gone", SOON, || workers(&place)[0]["alive"] == false);
    let listed = place.run(&["workers"]).expect(0).stdout;
    assert!(listed.contains("gone: last seen"), "{listed}");
}

#[test]
fn what_a_worker_does_is_listed() {
    let place = Place::new().with_test_functions(&["faulty"]);
    place.write("rows.txt", "rows");
    place.write(
        "w.yaml",
        "name: long\nsteps:\n  spin: { uses: faulty, inputs: { table: ./rows.txt }, with: { mode: loop } }\n",
    );
    let mut run = place.spawn(&["run", "w.yaml"], &[]);
    wait_until("the task is in hand", SOON, || {
        workers(&place).iter().any(|worker| worker["doing"][0]["step"] == "spin")
    });
    let listed = place.run(&["workers"]).expect(0).stdout;
    assert!(listed.contains("spin of "), "{listed}");
    // SAFETY: a signal to a child that has not been waited for.
    unsafe { libc::kill(run.id() as i32, libc::SIGTERM) };
    run.wait().unwrap();
    assert!(workers(&place).is_empty());
}
