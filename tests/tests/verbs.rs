//! Every verb as a person types it, on runs of functions that do next to nothing.

use std::{fs, time::Duration};

use millstream_tests::{Place, wait_until};
use serde_json::Value;

const CHAIN: &str = "
name: chain
params:
  mode: { type: string, default: ok }
steps:
  first: { uses: faulty, inputs: { table: ./input.txt }, with: { mode: echo } }
  second: { uses: faulty, inputs: { table: \"${{ steps.first.outputs.echo }}\" }, with: { mode: echo } }
  third: { uses: faulty, needs: [second], with: { mode: \"${{ params.mode }}\" } }
";

fn place() -> Place {
    let place = Place::new().with_test_functions(&["faulty"]);
    place.write("input.txt", "some bytes\n");
    place.write("w.yaml", CHAIN);
    place
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The states of a run's steps, by name.
fn states(place: &Place) -> Vec<(String, String)> {
    let status = json(&place.run(&["status", "latest", "--json"]).expect(0).stdout);
    let steps = status["steps"].as_array().unwrap().iter();
    steps
        .map(|step| (step["step"].as_str().unwrap().to_owned(), step["state"].as_str().unwrap().to_owned()))
        .collect()
}

#[track_caller]
fn expect_states(place: &Place, expected: [&str; 3]) {
    let names = ["first", "second", "third"];
    let expected: Vec<(String, String)> =
        names.iter().zip(expected).map(|(name, state)| ((*name).to_owned(), state.to_owned())).collect();
    assert_eq!(states(place), expected);
}

#[test]
fn what_has_not_changed_is_not_run_again_and_status_says_why() {
    let place = place();
    place.run(&["run", "w.yaml"]).expect(0);
    expect_states(&place, ["done"; 3]);
    let why = place.run(&["status", "latest"]).expect(0).stdout;
    assert!(why.contains("no earlier result"), "{why}");
    place.run(&["run", "w.yaml"]).expect(0);
    expect_states(&place, ["cached"; 3]);
    place.write("input.txt", "other bytes\n");
    place.run(&["run", "w.yaml"]).expect(0);
    expect_states(&place, ["done", "done", "cached"]);
    let why = place.run(&["status", "latest"]).expect(0).stdout;
    assert!(
        why.contains("input `table` has other content") && why.contains("had the same function"),
        "{why}"
    );
    place.run(&["run", "w.yaml", "--no-cache"]).expect(0);
    expect_states(&place, ["done"; 3]);
    place.write("w.yaml", CHAIN.replace("{ mode: echo } }\n  third", "{ mode: echo, rows: 3 } }\n  third"));
    place.run(&["run", "w.yaml"]).expect(0);
    let why = place.run(&["status", "latest"]).expect(0).stdout;
    assert!(why.contains("parameter `rows` is 3, was"), "{why}");
    let runs = json(&place.run(&["runs", "--json"]).expect(0).stdout);
    assert_eq!(runs.as_array().unwrap().len(), 5);
    assert!(runs.as_array().unwrap().iter().all(|run| run["state"] == "succeeded"));
}

#[test]
fn a_part_of_a_workflow_runs_on_what_another_run_made() {
    let place = place();
    place.run(&["run", "w.yaml", "--from", "second"]).expect(2).says(&["first"]);
    place.run(&["run", "w.yaml"]).expect(0);
    place.run(&["run", "w.yaml", "--no-cache", "--from", "second"]).expect(0);
    expect_states(&place, ["adopted", "done", "done"]);
    place.run(&["run", "w.yaml", "--no-cache", "--only", "third"]).expect(0);
    let done: Vec<String> =
        states(&place).into_iter().filter(|(_, state)| state == "done").map(|(step, _)| step).collect();
    assert_eq!(done, ["third"]);
    place.run(&["run", "w.yaml", "--only", "thrid"]).expect(2).says(&["thrid", "third"]);
}

#[test]
fn a_retry_begins_at_the_failed_step() {
    let place = place();
    place.write("flag.yaml", CHAIN.replace("mode: \"${{ params.mode }}\"", "mode: trap"));
    place.run(&["run", "flag.yaml"]).expect(1).says(&["millstream retry"]);
    expect_states(&place, ["done", "done", "failed"]);
    let run = place.runs().pop().unwrap();
    let before = place.results(&run);
    place.run(&["retry", "latest"]).expect(1);
    expect_states(&place, ["done", "done", "failed"]);
    assert_eq!(place.results(&run), before, "what was done stays");
    assert_eq!(place.runs().len(), 1);

    // What failed for a passing reason succeeds: here, an input that had been cut away from the store.
    place.write("later.yaml", CHAIN.replace("mode: \"${{ params.mode }}\"", "mode: ok"));
    place.run(&["run", "later.yaml"]).expect(0);
    let again = place.run(&["retry", "latest"]).expect(0);
    again.says(&["succeeded"]);
}

#[test]
fn a_workflow_waits_for_approval() {
    let text = "name: ask\nsteps:\n  first: { uses: faulty, with: { mode: ok } }\n  agree: { uses: approve, needs: [first], with: { message: Ship it? } }\n  ship: { uses: faulty, needs: [agree], with: { mode: ok } }\n";
    for (answer, code, shipped) in [("", 0, true), ("--reject", 1, false)] {
        let place = place();
        place.write("ask.yaml", text);
        let mut run = place.spawn(&["run", "ask.yaml"], &[]);
        wait_until("the first step is done", Duration::from_secs(30), || {
            place.runs().pop().is_some_and(|run| !place.results(&run).is_empty())
        });
        let wrong = place.run(&["approve", "latest", "ship"]).expect(2);
        wrong.says(&["ship", "agree"]);
        let mut arguments = vec!["approve", "latest", "agree", "--comment", "seen"];
        arguments.extend((!answer.is_empty()).then_some(answer));
        // The step may not have begun yet.
        wait_until("it can be decided", Duration::from_secs(30), || place.run(&arguments).code == Some(0));
        assert_eq!(run.wait().unwrap().code(), Some(code));
        let results = place.results(&place.runs()[0]);
        assert_eq!(results.contains_key("ship/000000.json"), shipped);
        let status = place.run(&["status", "latest"]).expect(0).stdout;
        assert!(status.contains("seen"), "{status}");
    }
}

#[test]
fn a_workflow_runs_another() {
    let place = place();
    place.write("inner/w.yaml", CHAIN.replace("./input.txt", "./own.txt"));
    place.write("inner/own.txt", "inner bytes\n");
    let outer = "name: outer\nsteps:\n  inner: { uses: run-workflow, with: { file: inner/w.yaml, params: { mode: MODE } } }\n  after: { uses: faulty, needs: [inner], with: { mode: ok } }\n";
    place.write("outer.yaml", outer.replace("MODE", "ok"));
    place.run(&["run", "outer.yaml"]).expect(0);
    assert_eq!(place.runs().len(), 2, "{:?}", place.runs());
    let latest = place.run(&["status", "latest", "--json"]).expect(0).stdout;
    assert_eq!(json(&latest)["workflow"], "outer", "`latest` is what somebody started");
    place.write("broken.yaml", outer.replace("MODE", "trap"));
    place.run(&["run", "broken.yaml"]).expect(1).says(&["did not succeed", "millstream status"]);
}

#[test]
fn logs_are_kept_and_can_be_followed() {
    let place = place();
    place.write("logs.yaml", "name: logs\nsteps:\n  speak: { uses: faulty, with: { mode: panic } }\n");
    place.run(&["run", "logs.yaml"]).expect(1);
    let said = place.run(&["logs", "latest", "speak", "--follow"]).expect(0).stdout;
    assert!(said.contains("the third column is on fire"), "{said}");
    let lines = place.run(&["logs", "latest", "--json"]).expect(0).stdout;
    assert!(lines.lines().map(json).any(|line| line["step"] == "speak" && line["line"].is_object()));
    place.run(&["logs", "latest", "speek"]).expect(2).says(&["speek", "speak"]);
    place.run(&["logs", "nothing"]).expect(2).says(&["nothing"]);
}

#[test]
fn artifacts_are_listed_opened_and_copied() {
    let place = place();
    place.run(&["run", "w.yaml"]).expect(0);
    let listed = place.run(&["artifacts", "latest"]).expect(0).stdout;
    assert!(listed.contains("first/echo") && listed.contains("second/echo"), "{listed}");
    let all = json(&place.run(&["artifacts", "latest", "--json"]).expect(0).stdout);
    assert_eq!(all.as_array().unwrap().len(), 3);
    let opened = place.run(&["artifacts", "latest", "open", "first/echo"]).expect(0).stdout;
    assert_eq!(fs::read(place.path().join(opened.trim())).unwrap(), b"some bytes\n");
    place.run(&["artifacts", "latest", "copy", "second", "out/"]).expect(0);
    let copied: Vec<_> = fs::read_dir(place.path().join("out")).unwrap().flatten().collect();
    assert_eq!(fs::read(copied[0].path()).unwrap(), b"some bytes\n");
    place.run(&["artifacts", "latest", "copy", "second/echo", "one.txt"]).expect(0);
    assert_eq!(fs::read(place.path().join("one.txt")).unwrap(), b"some bytes\n");
    place.run(&["artifacts", "latest", "copy", "secnd/echo", "x"]).expect(2).says(&["secnd", "second"]);
}

#[test]
fn everything_is_told_to_machines() {
    let place = place();
    let events = place.run(&["run", "w.yaml", "--json"]).expect(0);
    let names: Vec<String> =
        events.stdout.lines().map(|line| json(line)["event"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names.first().map(String::as_str), Some("run-started"));
    assert_eq!(names.iter().filter(|name| *name == "task-completed").count(), 3);
    let doctor = json(&place.run(&["doctor", "--json"]).stdout);
    for what in ["home", "store", "queue", "cache", "functions", "executors", "port", "toolchain"] {
        let found = doctor.as_array().unwrap().iter().find(|one| one["what"] == what);
        let found = found.unwrap_or_else(|| panic!("{what} is not in {doctor}"));
        assert!(found["state"] != "broken", "{found}");
    }
    let valid = json(&place.run(&["validate", "w.yaml", "--json"]).expect(0).stdout);
    assert_eq!(valid[0]["valid"], true);
    place.write("cycle.yaml", "name: c\nsteps:\n  a: { uses: faulty, needs: [b], with: { mode: ok } }\n  b: { uses: faulty, needs: [a], with: { mode: ok } }\n");
    let cycle = place.run(&["validate", "cycle.yaml", "--json"]).expect(2);
    let fault = &json(&cycle.stdout)[0]["diagnostics"][0];
    assert!(fault["line"].as_u64().is_some_and(|line| line >= 3), "{fault}");
    assert!(fault["message"].as_str().unwrap().contains("cycle"), "{fault}");
}

#[test]
fn the_schema_knows_every_function_and_completions_every_verb() {
    let place = place();
    let schema = place.run(&["schema"]).expect(0).stdout;
    assert!(json(&schema)["$schema"].is_string());
    for name in ["gradient-boosting", "max_depth", "faulty", "register", "run-workflow"] {
        assert!(schema.contains(name), "{name}");
    }
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = place.run(&["completions", shell]).expect(0).stdout;
        assert!(script.contains("artifacts") && script.contains("doctor"), "{shell}");
    }
}

#[test]
fn two_runs_at_once_share_a_home() {
    let place = place();
    let mut runs: Vec<_> = (0..3)
        .map(|i| {
            place.write(&format!("w{i}.yaml"), CHAIN.replace("name: chain", &format!("name: chain{i}")));
            place.spawn(&["run", "--no-cache", &format!("w{i}.yaml")], &[])
        })
        .collect();
    for run in &mut runs {
        assert_eq!(run.wait().unwrap().code(), Some(0));
    }
    assert_eq!(place.runs().len(), 3);
    let results: Vec<_> = place.runs().iter().map(|run| place.results(run)).collect();
    assert!(results.iter().all(|one| one == &results[0] && one.len() == 3));
}

#[test]
fn unknown_words_are_met_with_the_nearest() {
    let place = place();
    place.run(&["rnu", "w.yaml"]).expect(2).says(&["run"]);
    place.run(&["functions", "describe", "gradient-bosting"]).expect(2).says(&["gradient-boosting"]);
    place.run(&["run", "nowhere.yaml"]).expect(2).says(&["nowhere.yaml"]);
    place.run(&["run", "w.yaml", "-p", "mod=x"]).expect(2).says(&["mod", "mode"]);
    place.run(&["status", "latest"]).expect(2).says(&["millstream run"]);
    place.run(&["models", "churn"]).expect(2).says(&["churn"]);
}
