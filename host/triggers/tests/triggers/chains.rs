//! The ends of runs: what waits for them, and runs that were held back.

use std::time::Duration;

use millstream_triggers::Outcome;
use serde_json::{Map, json};

use crate::support::{World, written};

#[test]
fn the_end_of_a_run_starts_another_workflow_once() {
    let world = World::new();
    world.push("first", "on: { object-created: {} }");
    world.push(
        "second",
        "on: { workflow-completed: { name: first, params: { of: '${{ event.data.run }}' } } }\n\
         params: { of: { type: string } }",
    );
    world.push("unhappy", "on: { workflow-completed: { name: first, on: failed } }");
    let triggers = world.process();
    triggers.accept(&written("in/a.csv", 1)).unwrap();
    let first = world.runs()[0].clone();
    let (plan, state) = world.finish(&first);
    // The last task's message comes again, on another machine.
    triggers.run_ended(&plan, state).unwrap();
    world.process().run_ended(&plan, state).unwrap();
    let runs = world.runs();
    assert_eq!(runs.len(), 2, "{runs:?}");
    let second = world.plan(runs.iter().find(|run| **run != first).unwrap());
    assert_eq!((second.workflow.as_str(), &second.params["of"]), ("second", &json!(first)));
    let listed = triggers.list().unwrap();
    let unhappy = listed.iter().find(|one| one.workflow == "unhappy").unwrap().last.clone().unwrap();
    assert_eq!(unhappy.outcome, Outcome::NotStarted { why: format!("run {first} has succeeded") });
}

#[test]
fn runs_that_are_held_back_start_one_after_the_other() {
    let world = World::new();
    world.push("one", "on: { object-created: {} }\nconcurrency: { limit: 1 }");
    let triggers = world.process();
    for n in 0..3 {
        triggers.accept(&written("in/a.csv", n)).unwrap();
        world.clock.advance(Duration::from_secs(1));
    }
    let order = |world: &World| -> Vec<String> {
        world.runs().iter().map(|run| world.plan(run).trigger.unwrap().event.id).collect()
    };
    assert_eq!(order(&world), [written("in/a.csv", 0).id]);
    assert_eq!((triggers.list().unwrap()[0].running, triggers.list().unwrap()[0].waiting), (1, 2));
    let (plan, state) = world.finish(&world.runs()[0]);
    triggers.run_ended(&plan, state).unwrap();
    assert_eq!(order(&world), [0, 1].map(|n| written("in/a.csv", n).id));
    // The next one ends without telling anybody.
    world.finish(&world.runs()[1]);
    world.clock.advance(Duration::from_secs(10));
    world.process().recover().unwrap();
    assert_eq!(order(&world), [0, 1, 2].map(|n| written("in/a.csv", n).id));
    assert_eq!(triggers.list().unwrap()[0].waiting, 0);
}

#[test]
fn newer_runs_cancel_older_ones_or_are_left_out() {
    let world = World::new();
    world.push("newest", "on: { object-created: {} }\nconcurrency: { policy: cancel-older }");
    world.push("first", "on: { object-created: {} }\nconcurrency: { policy: skip }");
    let triggers = world.process();
    for n in 0..2 {
        triggers.accept(&written("in/a.csv", n)).unwrap();
        world.clock.advance(Duration::from_secs(1));
    }
    let of = |name: &str| -> Vec<String> {
        world.runs().into_iter().filter(|run| world.plan(run).workflow == name).collect()
    };
    let newest = of("newest");
    assert_eq!(newest.len(), 2);
    assert_eq!([true, false], [0, 1].map(|i: usize| world.is_cancelled(&newest[i])));
    assert_eq!(of("first").len(), 1);
    let why = triggers.list().unwrap().into_iter().find(|one| one.workflow == "first").unwrap();
    let Outcome::NotStarted { why } = why.last.unwrap().outcome else { panic!() };
    assert!(why.contains("allows 1 run"), "{why}");
}

#[test]
fn requests_bring_their_own_parameters_and_wrong_ones_are_refused_for_good() {
    let world = World::new();
    world.push("asked", "on: { http: { params: { n: 1 } } }\nparams: { n: { type: integer } }");
    let triggers = world.process();
    let event = |id: &str| millstream_core::event::CloudEvent::new("t", "/test", id, json!({}));
    let given = |n: serde_json::Value| Map::from_iter([("n".to_owned(), n)]);
    triggers.accept_for("asked", "http", &event("a"), Map::new()).unwrap();
    triggers.accept_for("asked", "http", &event("b"), given(json!(2))).unwrap();
    let mut params: Vec<_> = world.runs().iter().map(|run| world.plan(run).params["n"].clone()).collect();
    params.sort_by_key(serde_json::Value::as_i64);
    assert_eq!(params, [json!(1), json!(2)]);
    let wrong = triggers.accept_for("asked", "http", &event("c"), given(json!("x"))).unwrap();
    let Outcome::Refused { why } = wrong.outcome else { panic!("{wrong:?}") };
    assert!(why.contains("an integer is wanted"), "{why}");
    let again = triggers.accept_for("asked", "http", &event("c"), given(json!(3))).unwrap();
    let Outcome::NotStarted { why } = again.outcome else { panic!("{again:?}") };
    assert!(why.starts_with("it came before"), "{why}");
    let error = triggers.accept_for("asked", "queue", &event("d"), Map::new()).unwrap_err().to_string();
    assert_eq!(error, "asked@1 has no trigger `queue`; its triggers: http");
    assert_eq!(world.runs().len(), 2);
}
