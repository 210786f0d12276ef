//! Whole hosts from seeds: see `docs/simulation.md`.

use std::{
    env,
    time::{Duration, Instant},
};

use millstream_simulation::{Sabotage, ScheduleReport, run};

/// The seed of one schedule to repeat, with all that happens in it.
const SEED: &str = "MILLSTREAM_SEED";
/// How many schedules the long test runs, and the first seed.
const SEEDS: &str = "MILLSTREAM_SEEDS";
const FROM: &str = "MILLSTREAM_SEEDS_FROM";

fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|error| panic!("{name} is a number, not {text:?}: {error}")))
}

fn command(seed: u64) -> String {
    format!(
        "{SEED}={seed} cargo test --release --workspace --test schedules one_seed -- --ignored --nocapture"
    )
}

fn told(outcome: &ScheduleReport) -> String {
    let wrong = outcome.wrong.as_deref().unwrap_or("nothing is wrong");
    format!(
        "seed {}: {wrong}\n  after {:?}, {} steps, {} executions; {:?}\n{}{}repeat it with\n  {}",
        outcome.seed,
        outcome.time,
        outcome.steps,
        outcome.executions,
        outcome.struck,
        outcome.case.text,
        outcome.case.child.as_deref().unwrap_or_default(),
        command(outcome.seed)
    )
}

/// Runs many; all must be right.
fn many(seeds: impl Iterator<Item = u64>) {
    let began = Instant::now();
    let (mut all, mut compared, mut nested, mut time, mut executions) = (0_u64, 0_u64, 0, Duration::ZERO, 0);
    let mut wrong = Vec::new();
    for seed in seeds {
        let outcome = run(seed, None, false);
        all += 1;
        compared += u64::from(outcome.compared);
        nested += u64::from(outcome.runs > 1);
        time += outcome.time;
        executions += outcome.executions;
        if outcome.wrong.is_some() {
            wrong.push(told(&outcome));
            if wrong.len() >= 5 {
                break;
            }
        }
    }
    println!(
        "{all} schedules in {:.1?}: {compared} compared, {nested} with a run in a run, {executions} executions, {:.1} days of virtual time",
        began.elapsed(),
        time.as_secs_f64() / 86_400.0
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    // One workflow in six has a step that runs another, unless that is skipped.
    assert!(nested * 12 >= all, "{nested} of {all} had a run in a run");
    // Few schedules have conditions on how steps ended, and misfortunes that change that.
    assert!(compared * 10 >= all * 7, "{compared} of {all} could be compared");
}

#[test]
fn any_schedule_comes_to_the_same_end() {
    many(0..300);
}

#[test]
#[ignore = "as many as MILLSTREAM_SEEDS says: `cargo xtask simulate`"]
fn many_seeds() {
    let (from, count) = (number(FROM).unwrap_or(0), number(SEEDS).unwrap_or(20_000));
    many(from..from + count);
}

#[test]
#[ignore = "the one that MILLSTREAM_SEED names"]
fn one_seed() {
    let seed = number(SEED).unwrap_or_else(|| panic!("{SEED} names the schedule"));
    let outcome = run(seed, None, true);
    for line in &outcome.lines {
        println!("{line}");
    }
    println!("{}", told(&outcome));
    assert!(outcome.wrong.is_none());
}

#[test]
fn a_seed_is_one_schedule() {
    for seed in 0..30 {
        let (first, second) = (run(seed, None, false), run(seed, None, false));
        assert_eq!((first.trace, first.steps), (second.trace, second.steps), "seed {seed}");
    }
}

/// The first seed that finds a fault which was put in on purpose.
fn found(sabotage: Sabotage, within: u64) {
    for seed in 0..within {
        let outcome = run(seed, Some(sabotage), false);
        if let Some(wrong) = outcome.wrong {
            println!("{sabotage:?} is found by seed {seed}: {wrong}");
            return;
        }
    }
    panic!("{sabotage:?} is not found by {within} seeds");
}

#[test]
fn a_store_that_ignores_absent_is_found() {
    found(Sabotage::IgnoreAbsent, 100);
}

#[test]
fn a_store_that_loses_writes_is_found() {
    found(Sabotage::LoseWrites, 100);
}

#[test]
fn listings_that_miss_fresh_keys_are_found() {
    found(Sabotage::StaleLists, 100);
}

#[test]
fn reads_that_miss_fresh_records_are_found() {
    found(Sabotage::StaleReads, 100);
}

#[test]
fn a_message_that_is_deleted_too_early_is_found() {
    found(Sabotage::DeleteEarly, 100);
}

#[test]
fn a_queue_that_loses_sends_is_found() {
    found(Sabotage::LoseSends, 100);
}

#[test]
fn functions_that_are_not_pure_are_found() {
    found(Sabotage::ImpureFunctions, 100);
}

#[test]
fn without_heartbeats_all_comes_to_the_same_end() {
    for seed in 0..100 {
        let outcome = run(seed, Some(Sabotage::NoHeartbeats), false);
        assert!(outcome.wrong.is_none(), "{}", told(&outcome));
    }
}
