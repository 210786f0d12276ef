//! Times of schedules: each once, whoever looks, and those that were missed as the workflow wants it.

use std::time::Duration;

use crate::support::World;

const HOUR: Duration = Duration::from_secs(3600);

fn due(world: &World) -> Vec<String> {
    let due = |run: &String| world.plan(run).trigger.unwrap().event.data["due"].as_str().unwrap().to_owned();
    world.runs().iter().map(due).collect()
}

#[test]
fn several_processes_start_a_time_once() {
    let world = World::new();
    world.push("hourly", "on: { schedule: 30 * * * * }");
    let processes: Vec<_> = (0..3).map(|_| world.process()).collect();
    for process in &processes {
        assert!(process.tick().unwrap().accepted.is_empty(), "what was before it was pushed is over");
    }
    for _ in 0..8 {
        world.clock.advance(HOUR / 4);
        for process in &processes {
            process.tick().unwrap();
        }
    }
    assert_eq!(due(&world), ["1970-01-02T00:30:00+00:00", "1970-01-02T01:30:00+00:00"]);
}

#[test]
fn missed_times_are_made_up_for_as_the_workflow_wants() {
    for (missed, runs) in [("run-once", 1), ("skip", 0), ("run-all", 5)] {
        let world = World::new();
        world.push("hourly", &format!("on: {{ schedule: {{ cron: 0 * * * *, missed: {missed} }} }}"));
        world.process().tick().unwrap();
        // Nobody was there for five hours and ten minutes.
        world.clock.advance(HOUR * 5 + HOUR / 6);
        let process = world.process();
        let ticked = process.tick().unwrap();
        assert_eq!((ticked.accepted.len(), world.runs().len()), (runs, runs), "{missed}");
        process.tick().unwrap();
        assert_eq!(world.runs().len(), runs, "{missed}");
        let next = ticked.next.unwrap() - world.now();
        assert!(next <= HOUR.as_millis() as u64, "{next}");
    }
}

#[test]
fn another_schedule_counts_from_when_it_is_pushed() {
    let world = World::new();
    world.push("often", "on: { schedule: rate(1 hour) }");
    let process = world.process();
    process.tick().unwrap();
    world.clock.advance(HOUR);
    process.tick().unwrap();
    assert_eq!(world.runs().len(), 1);
    world.clock.advance(HOUR / 2);
    world.push("often", "on: { schedule: rate(10 minutes) }");
    process.tick().unwrap();
    assert_eq!(world.runs().len(), 1, "the ten minutes before it was pushed are not missed");
    world.clock.advance(HOUR / 6);
    process.tick().unwrap();
    assert_eq!(world.runs().len(), 2);
}

#[test]
fn a_process_that_dies_in_a_tick_leaves_it_to_the_next() {
    for calls in 0.. {
        let world = World::new();
        world.push("hourly", "on: { schedule: 0 * * * * }");
        world.process().tick().unwrap();
        world.clock.advance(HOUR);
        let survived = world.dying(calls).tick().is_ok();
        world.clock.advance(Duration::from_secs(10));
        let process = world.process();
        process.tick().unwrap();
        process.recover().unwrap();
        assert_eq!(due(&world), ["1970-01-02T01:00:00+00:00"], "after {calls} calls");
        if survived {
            assert!(calls > 8, "{calls}");
            break;
        }
    }
}
