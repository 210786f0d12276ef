//! `kill -9` at every point of the order of writes, and at random times: the run ends as if nothing had happened.

use std::{collections::BTreeMap, thread, time::Duration};

use millstream_tests::{Place, wait_until};
use millstream_worker::failpoint::{KILL_AT, POINTS};
use serde_json::Value;

/// A chain, a fan-out with its fan-in, a model, and bytes that go through all of it.
const WORKFLOW: &str = "
name: crash
steps:
  first: { uses: faulty, inputs: { table: ./input.txt }, with: { mode: echo } }
  fan:
    uses: faulty
    for-each: { items: [1, 2, 3, 4, 5] }
    inputs: { table: \"${{ steps.first.outputs.echo }}\" }
    with: { mode: fit, state: \"state ${{ item }}\" }
  pick: { uses: faulty, inputs: { table: \"${{ steps.fan.outputs.echo[4] }}\" }, with: { mode: echo } }
  register: { uses: register, inputs: { model: \"${{ steps.fan.outputs.state[2] }}\" }, with: { name: crash } }
  last: { uses: faulty, needs: [register], inputs: { table: \"${{ steps.pick.outputs.echo }}\" }, with: { mode: echo } }
";

/// first, five of fan, pick, register, last.
const TASKS: usize = 9;

fn place() -> Place {
    let place = Place::new().with_test_functions(&["faulty"]);
    place.write("input.txt", "some bytes\n");
    place.write("w.yaml", WORKFLOW);
    place
}

fn undisturbed() -> BTreeMap<String, Value> {
    let place = place();
    place.run(&["run", "w.yaml"]).expect(0);
    let results = place.results(&place.runs()[0]);
    assert_eq!(results.len(), TASKS);
    results
}

fn ended(place: &Place) -> bool {
    place.runs().first().is_some_and(|run| place.results(run).len() == TASKS)
}

/// A worker alone ends the run: nothing but what the queue and the store hold tells it what to do.
fn finish(place: &Place, expected: &BTreeMap<String, Value>, what: &str) {
    let mut worker = place.spawn(&["worker"], &[]);
    wait_until(what, Duration::from_secs(60), || ended(place));
    worker.kill().unwrap();
    worker.wait().unwrap();
    let run = &place.runs()[0];
    assert_eq!(&place.results(run), expected, "{what}");
    assert_eq!(place.records("models/crash/versions").len(), 1, "{what}: registered once");
    assert!(place.records(&format!("runs/{run}/failed")).is_empty(), "{what}");
    place.check_artifacts();
}

#[test]
fn at_every_point_of_the_order_of_writes() {
    let expected = undisturbed();
    for point in POINTS {
        for nth in [1, 3, 7] {
            let place = place();
            place.run(&["run", "--detach", "w.yaml"]).expect(0);
            let at = format!("{point}:{nth}");
            let mut victim = place.spawn(&["worker"], &[(KILL_AT, &at)]);
            let status = victim.wait().unwrap();
            assert_eq!(status.code(), None, "killed at {at}, not ended");
            finish(&place, &expected, &at);
        }
    }
}

#[test]
fn at_random_times_fifty_times_over() {
    let expected = undisturbed();
    // A fixed sequence: a failure can be repeated.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut kills = 0;
    while kills < 50 {
        let place = place();
        place.run(&["run", "--detach", "w.yaml"]).expect(0);
        while kills < 50 && !ended(&place) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let mut victim = place.spawn(&["worker"], &[]);
            thread::sleep(Duration::from_millis(state % 120));
            victim.kill().unwrap();
            victim.wait().unwrap();
            kills += 1;
        }
        finish(&place, &expected, &format!("after {kills} kills"));
    }
}

#[test]
fn two_workers_do_no_harm() {
    let expected = undisturbed();
    let place = place();
    place.run(&["run", "--detach", "w.yaml"]).expect(0);
    let mut other = place.spawn(&["worker"], &[]);
    finish(&place, &expected, "with two workers");
    other.kill().unwrap();
    other.wait().unwrap();
}
