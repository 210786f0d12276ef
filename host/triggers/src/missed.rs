//! Which of the times that have come start a run. Pure.

use std::collections::VecDeque;

use millstream_language::triggers::Missed;

/// Times that `run-all` makes up for at most.
pub const MOST_MISSED: usize = 100;

/// How long after it has come a time is not missed, at most: milliseconds.
const GRACE: u64 = 60_000;

/// The times of `due` that start a run now. One is missed that came more than a minute ago, or, of schedules that are faster than that, more
/// than one interval ago.
pub fn to_start(due: &VecDeque<u64>, now: u64, interval: u64, missed: Missed) -> Vec<u64> {
    let grace = GRACE.min(interval);
    let fresh: Vec<u64> = due.iter().copied().filter(|at| at + grace >= now).collect();
    match missed {
        Missed::RunAll => due.iter().copied().collect(),
        // A time that is not missed makes up for those before it.
        Missed::RunOnce if fresh.is_empty() => due.back().copied().into_iter().collect(),
        Missed::RunOnce | Missed::Skip => fresh,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missed_times_are_made_up_for_as_the_policy_says() {
        let hour = 3_600_000;
        let due: VecDeque<u64> = [hour, 2 * hour, 3 * hour].into();
        let at = |now, missed| to_start(&due, now, 60_000, missed);
        let late = 3 * hour + 600_000;
        assert_eq!(at(late, Missed::RunOnce), [3 * hour]);
        assert_eq!(at(late, Missed::Skip), [] as [u64; 0]);
        assert_eq!(at(late, Missed::RunAll), [hour, 2 * hour, 3 * hour]);
        // One has only just come.
        let just = 3 * hour + 5_000;
        assert_eq!(at(just, Missed::RunOnce), [3 * hour]);
        assert_eq!(at(just, Missed::Skip), [3 * hour]);
        assert_eq!(to_start(&VecDeque::new(), just, 60_000, Missed::RunOnce), [] as [u64; 0]);
    }
}
