//! A process that dies at any call to its store: the event starts one run, by whoever comes next.

use std::time::Duration;

use millstream_core::layout;

use crate::support::{World, written};

/// Whatever a process had done when it died, those that come after it start one run, and leave nothing behind.
fn dies_at_each_call(lines: &str, again: impl Fn(&World)) {
    let mut died = 0;
    for calls in 0.. {
        let world = World::new();
        world.push("each", lines);
        let survived = world.dying(calls).accept(&written("in/a.csv", 1)).is_ok();
        world.clock.advance(Duration::from_secs(10));
        again(&world);
        let runs = world.runs();
        assert_eq!(runs.len(), 1, "after {calls} calls: {runs:?}");
        assert_eq!(world.plan(&runs[0]).trigger.unwrap().event, written("in/a.csv", 1));
        assert_eq!(world.keys(layout::EVENTS_STARTING), [] as [String; 0], "after {calls} calls");
        if survived {
            break;
        }
        died += 1;
    }
    assert!(died > 8, "{died}");
}

#[test]
fn the_event_comes_again() {
    let again = |world: &World| {
        world.process().accept(&written("in/a.csv", 1)).unwrap();
    };
    dies_at_each_call("on: { object-created: {} }", again);
    dies_at_each_call("on: { object-created: {} }\nconcurrency: { limit: 1, policy: cancel-older }", again);
}

#[test]
fn the_event_does_not_come_again() {
    // What was not written down at all is the sender's to repeat; everything else is taken up.
    let again = |world: &World| {
        if world.keys(layout::EVENTS_STARTING).is_empty() && world.keys(layout::EVENTS_SEEN).is_empty() {
            world.process().accept(&written("in/a.csv", 1)).unwrap();
        }
        world.process().recover().unwrap();
    };
    dies_at_each_call("on: { object-created: {} }", again);
    dies_at_each_call("on: { object-created: {} }\nconcurrency: { limit: 1 }", again);
}

#[test]
fn whoever_is_starting_a_run_is_left_alone() {
    let world = World::new();
    world.push("each", "on: { object-created: {} }");
    let mut calls = 0;
    while world.keys(layout::EVENTS_STARTING).is_empty() {
        calls += 1;
        world.dying(calls).accept(&written("in/a.csv", 1)).unwrap_err();
    }
    assert_eq!(world.process().recover().unwrap(), 0);
    world.clock.advance(Duration::from_secs(10));
    assert_eq!(world.process().recover().unwrap(), 1);
    assert_eq!(world.runs().len(), 1);
}
