//! Many events at once, many of them twice and out of order.

use std::{collections::BTreeSet, thread};

use millstream_core::layout;
use millstream_triggers::Outcome;

use crate::support::{World, written};

const OBJECTS: &str = "on: { object-created: { prefix: in/ } }";

#[test]
fn of_ten_thousand_notifications_each_distinct_one_starts_one_run() {
    let world = World::new();
    world.push("each", OBJECTS);
    // 5,000 distinct ones, each twice, out of order; four processes have a share of them.
    let mut order: Vec<u64> = (0..5_000).chain(0..5_000).collect();
    let mut state = 7u64;
    for i in (1..order.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        order.swap(i, (state >> 33) as usize % (i + 1));
    }
    let started: usize = thread::scope(|scope| {
        let threads: Vec<_> = order
            .chunks(2_500)
            .map(|share| {
                let triggers = world.process();
                scope.spawn(move || {
                    let event = |n: &u64| written(&format!("in/{}.csv", n % 1_000), *n);
                    let outcomes = share.iter().flat_map(|n| triggers.accept(&event(n)).unwrap());
                    outcomes.filter(|one| matches!(one.outcome, Outcome::Started { .. })).count()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    let runs = world.runs();
    assert_eq!(runs.len(), 5_000);
    // Two deliveries that come at once may both see to the start: the run is one.
    assert!((5_000..5_100).contains(&started), "{started}");
    let ids: BTreeSet<String> = runs.iter().map(|run| world.plan(run).trigger.unwrap().event.id).collect();
    assert_eq!(ids.len(), 5_000);
    assert_eq!(world.keys(layout::EVENTS_STARTING), [] as [String; 0]);
}

#[test]
fn an_older_write_that_comes_later_is_an_event_of_its_own() {
    let world = World::new();
    world.push("each", OBJECTS);
    let triggers = world.process();
    for sequencer in [2, 1, 2, 1] {
        triggers.accept(&written("in/a.csv", sequencer)).unwrap();
    }
    assert_eq!(world.runs().len(), 2);
}

#[test]
fn what_fits_nothing_starts_nothing_and_says_why() {
    let world = World::new();
    world.push(
        "each",
        "on: { object-created: [{ prefix: in/ }, { suffix: .json, if: event.data.size > 100 }] }",
    );
    let triggers = world.process();
    let accepted = triggers.accept(&written("out/a.json", 1)).unwrap();
    let Outcome::NotStarted { why } = &accepted[0].outcome else { panic!("{accepted:?}") };
    assert_eq!(why, "its `if` is false: event.data.size > 100");
    assert_eq!(world.runs(), [] as [String; 0]);
    let listed = triggers.list().unwrap();
    assert_eq!(listed.len(), 2);
    assert!(listed[0].last.is_none() && listed[1].last.as_ref().unwrap().outcome == accepted[0].outcome);
}

#[test]
fn old_events_are_forgotten_and_new_ones_are_not() {
    let world = World::new();
    world.push("each", OBJECTS);
    let triggers = world.process();
    triggers.accept(&written("in/a.csv", 1)).unwrap();
    world.clock.advance(std::time::Duration::from_millis(millstream_triggers::REMEMBERED));
    triggers.accept(&written("in/a.csv", 2)).unwrap();
    world.clock.advance(std::time::Duration::from_secs(1));
    assert_eq!(triggers.expire().unwrap(), 1);
    triggers.accept(&written("in/a.csv", 2)).unwrap();
    assert_eq!(world.runs().len(), 2);
}
