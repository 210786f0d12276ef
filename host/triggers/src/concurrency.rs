//! How many runs of a workflow triggers may have going at once. Pure; the record is changed by compare-and-swap.

use std::collections::VecDeque;

use millstream_core::artifact::Digest;
use millstream_language::triggers::{Concurrency, Policy};
use serde::{Deserialize, Serialize};

/// Events that wait at most. A longer line would be a record that is slow to change, of runs that are late anyway.
pub const MOST_WAITING: usize = 1000;

/// The runs of a workflow that triggers have started, and those that wait.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Names of runs, oldest first.
    pub running: Vec<String>,
    /// Runs that start when others have ended, the first that came first.
    #[serde(default)]
    pub waiting: VecDeque<Waiting>,
    /// Runs that gave way to newer ones; they leave when they are cancelled for certain.
    #[serde(default)]
    pub cancelling: Vec<String>,
}

/// A run that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Its name.
    pub run: String,
    /// The event that starts it.
    pub event: Digest,
}

/// Whether a run may start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may, once these are cancelled.
    Start {
        /// Runs to cancel.
        cancel: Vec<String>,
    },
    /// When another one has ended.
    Wait,
    /// Never; the text says why.
    Refuse(String),
}

impl Running {
    /// Asks for a run to start. May be asked again for the same run.
    pub fn admit(&mut self, run: &str, event: Digest, rule: Concurrency) -> Admission {
        let go = Admission::Start { cancel: self.cancelling.clone() };
        if self.running.iter().any(|one| one == run) {
            return go;
        }
        let limit = rule.limit.max(1) as usize;
        let room = self.running.len() < limit;
        let place = self.waiting.iter().position(|one| one.run == run);
        if room && (place == Some(0) || self.waiting.is_empty()) {
            self.waiting.pop_front();
            self.running.push(run.to_owned());
            return go;
        }
        if place.is_some() {
            return Admission::Wait;
        }
        match rule.policy {
            Policy::Queue if self.waiting.len() >= MOST_WAITING => {
                Admission::Refuse(format!("{MOST_WAITING} events wait already for a run to end"))
            }
            Policy::Queue => {
                self.waiting.push_back(Waiting { run: run.to_owned(), event });
                Admission::Wait
            }
            Policy::Skip => Admission::Refuse(format!(
                "`concurrency` allows {}, and {} under way",
                if limit == 1 { "1 run".to_owned() } else { format!("{limit} runs") },
                if limit == 1 { format!("{} is", self.running[0]) } else { "that many are".to_owned() },
            )),
            Policy::CancelOlder => {
                // The rule may allow fewer now than when they started.
                let count = self.running.len() + 1 - limit.min(self.running.len() + 1);
                self.cancelling.extend(self.running.drain(..count));
                self.running.push(run.to_owned());
                Admission::Start { cancel: self.cancelling.clone() }
            }
        }
    }

    /// Runs that have ended, or will never start, leave.
    pub fn release(&mut self, ended: impl Fn(&str) -> bool) {
        self.running.retain(|run| !ended(run));
        self.waiting.retain(|one| !ended(&one.run));
    }

    /// These runs are cancelled.
    pub fn cancelled(&mut self, runs: &[String]) {
        self.cancelling.retain(|run| !runs.contains(run));
    }

    /// The events whose runs can start now, the first that came first; [`admit`](Self::admit) lets them in.
    pub fn next(&self, rule: Option<Concurrency>) -> Vec<Digest> {
        // A workflow that has no rule any more holds nothing back.
        let room =
            rule.map_or(usize::MAX, |rule| (rule.limit.max(1) as usize).saturating_sub(self.running.len()));
        self.waiting.iter().take(room).map(|one| one.event).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn event(name: &str) -> Digest {
        Digest::of(name.as_bytes())
    }

    fn rule(limit: u32, policy: Policy) -> Concurrency {
        Concurrency { limit, policy }
    }

    fn started(cancel: &[&str]) -> Admission {
        Admission::Start { cancel: cancel.iter().map(|run| (*run).to_owned()).collect() }
    }

    #[test]
    fn the_first_that_came_is_the_first_to_start() {
        let (mut runs, rule) = (Running::default(), rule(1, Policy::Queue));
        assert_eq!(runs.admit("a", event("a"), rule), started(&[]));
        assert_eq!(runs.admit("b", event("b"), rule), Admission::Wait);
        assert_eq!(runs.admit("c", event("c"), rule), Admission::Wait);
        assert_eq!(runs.admit("a", event("a"), rule), started(&[]), "asked again");
        assert_eq!(runs.next(Some(rule)), []);
        runs.release(|run| run == "a");
        assert_eq!(runs.next(Some(rule)), [event("b")]);
        assert_eq!(runs.admit("c", event("c"), rule), Admission::Wait, "b came first");
        assert_eq!(runs.admit("d", event("d"), rule), Admission::Wait, "nobody jumps the queue");
        assert_eq!(runs.admit("b", event("b"), rule), started(&[]));
        assert_eq!(runs.running, ["b"]);
    }

    #[test]
    fn the_oldest_gives_way_or_the_newest_is_left_out() {
        let mut runs = Running::default();
        for run in ["a", "b"] {
            runs.admit(run, event(run), rule(2, Policy::CancelOlder));
        }
        assert_eq!(runs.admit("c", event("c"), rule(2, Policy::CancelOlder)), started(&["a"]));
        assert_eq!(runs.running, ["b", "c"]);
        assert_eq!(runs.admit("c", event("c"), rule(2, Policy::CancelOlder)), started(&["a"]), "asked again");
        runs.cancelled(&["a".to_owned()]);
        assert_eq!(runs.admit("d", event("d"), rule(1, Policy::CancelOlder)), started(&["b", "c"]));
        let Admission::Refuse(why) = runs.admit("e", event("e"), rule(1, Policy::Skip)) else { panic!() };
        assert_eq!(why, "`concurrency` allows 1 run, and d is under way");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever comes, ends and is asked again in whatever order: never too many at once, and, with `queue`, nobody is forgotten.
        #[test]
        fn never_too_many_and_nobody_is_forgotten(
            limit in 1u32..4,
            acts in proptest::collection::vec((0u8..3, 0usize..20), 1..120),
        ) {
            let rule = rule(limit, Policy::Queue);
            let names: Vec<String> = (0..20).map(|i| format!("run-{i}")).collect();
            let of = |digest: &Digest| names.iter().find(|name| event(name) == *digest).unwrap().clone();
            let (mut runs, mut asked, mut done) = (Running::default(), BTreeSet::new(), BTreeSet::new());
            for (act, which) in acts {
                let name = &names[which];
                match act {
                    0 if !done.contains(name) => {
                        runs.admit(name, event(name), rule);
                        asked.insert(name.clone());
                    }
                    1 if runs.running.contains(name) => {
                        runs.release(|run| run == name);
                        done.insert(name.clone());
                    }
                    2 => {
                        for digest in runs.next(Some(rule)) {
                            runs.admit(&of(&digest), digest, rule);
                        }
                    }
                    _ => {}
                }
                prop_assert!(runs.running.len() <= limit as usize);
            }
            while !runs.running.is_empty() || !runs.waiting.is_empty() {
                if let Some(first) = runs.running.first().cloned() {
                    runs.release(|run| run == first);
                    done.insert(first);
                }
                for digest in runs.next(Some(rule)) {
                    let go = runs.admit(&of(&digest), digest, rule);
                    prop_assert_eq!(go, started(&[]));
                }
            }
            prop_assert_eq!(asked, done);
        }
    }
}
