//! A rollout under way, and what comes next.

use serde::{Deserialize, Serialize};

pub use super::plan::{RolloutPlan, Strategy};
use millstream_core::quantity::Duration;

use super::{Variant, observations::Observations};

/// A rollout under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Rollout {
    /// Names it among the rollouts of its endpoint.
    pub id: String,
    /// Where traffic comes from, as it was before.
    pub from: Vec<Variant>,
    /// Where it goes.
    pub to: Variant,
    /// How.
    pub plan: RolloutPlan,
    /// When it began, in milliseconds since 1970 UTC.
    pub started: u64,
    /// When the present share was reached, or watching began anew, in milliseconds since 1970 UTC.
    pub since: u64,
    /// The present share of the new version, in percent.
    pub share: f64,
    /// Who asked for it.
    pub who: String,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Nothing, unless an alarm fires; look again then at the latest (milliseconds since 1970 UTC).
    Stay {
        /// When.
        until: u64,
    },
    /// The new version gets this share, in percent.
    Shift {
        /// How much.
        share: f64,
    },
    /// The new version stays; the old ones are let go.
    Complete,
    /// Everything as before.
    RollBack {
        /// Why, for people.
        why: String,
    },
}

/// What comes next of a rollout, by what was seen of the new version since [`Rollout::since`].
///
/// An alarm that has fired rolls back, at any time. So does the time limit, so that a rollout that nobody carries on ends as
/// it was before. A share is left when its time is over and the new version has had `min-requests`.
pub fn advance(rollout: &Rollout, now: u64, seen: &Observations) -> Decision {
    let plan = &rollout.plan;
    if let Some(why) = plan.alarms.iter().find_map(|alarm| alarm.fired(seen)) {
        return Decision::RollBack { why };
    }
    let limit = rollout.started.saturating_add(plan.time_limit);
    if now >= limit {
        let why = format!("took longer than its time limit of {}", Duration(plan.time_limit));
        return Decision::RollBack { why };
    }
    let next = plan.next_share(rollout.share);
    let stage = if next.is_some() { plan.interval } else { plan.bake };
    let end = rollout.since.saturating_add(stage);
    if now < end {
        return Decision::Stay { until: end.min(limit) };
    }
    if seen.requests < plan.min_requests {
        return Decision::Stay { until: limit };
    }
    next.map_or(Decision::Complete, |share| Decision::Shift { share })
}

impl Rollout {
    /// The variants and their weights, in percent, when the new version has this share.
    pub fn variants_at(&self, share: f64) -> Vec<Variant> {
        let rest = 100.0 - share;
        let all: f64 = self.from.iter().map(Variant::traffic).sum();
        let mut variants: Vec<Variant> = Vec::with_capacity(self.from.len() + 1);
        let mut own = share;
        for variant in &self.from {
            let weight = if all > 0.0 { rest * variant.traffic() / all } else { 0.0 };
            if variant.is_same(&self.to) {
                // The new version was there already: it keeps what it has of the rest.
                own += weight;
            } else {
                variants.push(Variant { weight, ..variant.clone() });
            }
        }
        variants.push(Variant { weight: own, shadow: false, ..self.to.clone() });
        variants
    }

    /// The variants after the end: the new version, and shadows of others.
    pub fn variants_after(&self) -> Vec<Variant> {
        let to = Variant { weight: 100.0, shadow: false, ..self.to.clone() };
        let shadows = self.from.iter().filter(|variant| variant.shadow && !variant.is_same(&self.to));
        std::iter::once(to).chain(shadows.cloned()).collect()
    }

    /// Whether a server that has not seen the new version's requests, because it has just come, has to watch this share from
    /// its beginning. If nothing of the plan rests on requests, nothing is lost.
    pub fn needs_traffic(&self) -> bool {
        self.plan.min_requests > 0 || self.plan.alarms.iter().any(super::alarm::Alarm::needs_traffic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variant(name: &str, weight: f64) -> Variant {
        Variant { name: name.to_owned(), model: "m".to_owned(), version: 1, weight, shadow: false }
    }

    fn rollout(plan: &str, alarms: &[&str]) -> Rollout {
        let alarms: Vec<String> = alarms.iter().map(|alarm| (*alarm).to_owned()).collect();
        let plan = RolloutPlan::parse_text(plan, &alarms).unwrap();
        Rollout {
            id: "r1".to_owned(),
            from: vec![variant("a", 1.0), variant("b", 3.0)],
            to: Variant { version: 2, ..variant("c", 1.0) },
            share: plan.first_share(),
            plan,
            started: 1_000,
            since: 1_000,
            who: "test".to_owned(),
        }
    }

    fn requests(requests: u64, errors: u64) -> Observations {
        Observations { requests, errors, ..Observations::default() }
    }

    #[test]
    fn a_canary_waits_shifts_bakes_and_completes() {
        let mut canary = rollout("canary=10%,interval=60s,bake=30s", &["error-rate > 1%"]);
        let seen = requests(1000, 0);
        assert_eq!(advance(&canary, 1_000, &seen), Decision::Stay { until: 61_000 });
        assert_eq!(advance(&canary, 61_000, &seen), Decision::Shift { share: 100.0 });
        (canary.share, canary.since) = (100.0, 61_500);
        assert_eq!(advance(&canary, 62_000, &seen), Decision::Stay { until: 91_500 });
        assert_eq!(advance(&canary, 91_500, &seen), Decision::Complete);
    }

    #[test]
    fn an_alarm_ends_it_at_any_time() {
        for at in [1_000, 61_000, u64::MAX] {
            let canary = rollout("canary=10%,interval=60s,bake=30s", &["p99 > 1s", "error-rate > 1%"]);
            let Decision::RollBack { why } = advance(&canary, at, &requests(100, 5)) else { panic!() };
            assert_eq!(why, "error-rate > 1%: 5 of 100 requests failed (5%)");
        }
    }

    #[test]
    fn the_time_limit_ends_it() {
        let canary = rollout("canary=10%,interval=60s,bake=30s,time-limit=2m", &[]);
        let Decision::RollBack { why } = advance(&canary, 121_000, &requests(0, 0)) else { panic!() };
        assert_eq!(why, "took longer than its time limit of 2m");
    }

    #[test]
    fn too_few_requests_hold_it_until_the_time_limit() {
        let canary = rollout("canary=10%,interval=60s,bake=30s,time-limit=1h,min-requests=50", &[]);
        assert_eq!(advance(&canary, 61_000, &requests(49, 0)), Decision::Stay { until: 3_601_000 });
        assert_eq!(advance(&canary, 61_000, &requests(50, 0)), Decision::Shift { share: 100.0 });
    }

    #[test]
    fn the_old_variants_keep_their_proportions() {
        let canary = rollout("canary=20%", &[]);
        let weights = |share| -> Vec<f64> { canary.variants_at(share).iter().map(|v| v.weight).collect() };
        assert_eq!(weights(20.0), [20.0, 60.0, 20.0]);
        assert_eq!(weights(100.0), [0.0, 0.0, 100.0]);
    }

    #[test]
    fn a_version_that_is_there_already_is_not_there_twice() {
        let mut canary = rollout("canary=20%", &[]);
        canary.to = canary.from[1].clone();
        let variants = canary.variants_at(20.0);
        assert_eq!(variants.len(), 2);
        assert_eq!((variants[0].weight, variants[1].weight), (20.0, 80.0));
    }

    #[test]
    fn shadows_stay_unless_they_are_deployed() {
        let mut canary = rollout("canary=20%", &[]);
        canary.from.push(Variant { shadow: true, weight: 0.0, ..variant("s", 0.0) });
        canary.from.push(Variant { shadow: true, ..canary.to.clone() });
        let names = |variants: Vec<Variant>| -> Vec<(String, bool)> {
            variants.into_iter().map(|v| (v.name, v.shadow)).collect()
        };
        let (s, c) = (("s".to_owned(), true), ("c".to_owned(), false));
        assert_eq!(names(canary.variants_at(20.0))[2..], [s.clone(), c.clone()]);
        assert_eq!(names(canary.variants_after()), [c, s]);
    }

    #[test]
    fn only_what_rests_on_requests_is_watched_anew() {
        assert!(!rollout("canary", &[]).needs_traffic());
        assert!(!rollout("canary", &["workflows.w.steps.s.metrics.m > 1"]).needs_traffic());
        assert!(rollout("canary", &["drift > 0.1"]).needs_traffic());
        assert!(rollout("canary,min-requests=1", &[]).needs_traffic());
    }
}
