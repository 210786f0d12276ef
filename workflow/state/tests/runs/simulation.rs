//! Several workers on one store and one queue, as a seed has it: any order, duplicates, deaths between any two requests, lost
//! messages, listings that miss what is being written. Whatever the schedule, a run must end as it does without any of that.
//!
//! `MILLSTREAM_SEEDS=20000` tries more seeds, `MILLSTREAM_SEED=17` one.

mod oracle;
mod world;

use oracle::{Case, schedule};
use world::Sabotage;

/// The first seed below `seeds` that fails, and how.
fn first_fault(seeds: u64, case: Case) -> Option<(u64, String)> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let range = match number("MILLSTREAM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("MILLSTREAM_SEEDS").unwrap_or(seeds),
    };
    range.into_iter().find_map(|seed| Some((seed, schedule(seed, case).err()?)))
}

fn sound(seeds: u64, case: Case) {
    if let Some((seed, fault)) = first_fault(seeds, case) {
        panic!("seed {seed}, {case:?}: {fault}\nMILLSTREAM_SEED={seed} runs it again");
    }
}

#[test]
fn any_schedule_leads_to_the_same_end() {
    sound(400, Case::default());
}

#[test]
fn what_was_lost_is_found_by_looking_over_the_run() {
    sound(200, Case { lossy: true, ..Case::default() });
}

#[test]
fn a_run_that_was_cancelled_goes_on_to_the_same_end() {
    sound(200, Case { cancelled: true, ..Case::default() });
}

/// Versions that make other rounds agree on those that are written.
#[test]
fn workers_of_two_versions_agree_on_the_rounds() {
    sound(200, Case { two_versions: true, ..Case::default() });
}

fn found(sabotage: Sabotage, case: Case) {
    let case = Case { sabotage, ..case };
    let Some((seed, fault)) = first_fault(2_000, case) else { panic!("nobody noticed {sabotage:?}") };
    println!("{sabotage:?} is found with seed {seed}: {fault}");
}

#[test]
fn a_round_that_is_written_twice_is_noticed() {
    found(Sabotage::RoundsAreReplaced, Case { two_versions: true, ..Case::default() });
}

#[test]
fn a_listing_that_misses_what_was_written_before_is_noticed() {
    found(Sabotage::ListingsAreStale, Case::default());
}

#[test]
fn a_message_that_is_deleted_before_the_successors_are_sent_is_noticed() {
    found(Sabotage::MessagesAreDeletedEarly, Case::default());
}
