//! Rollouts, simulated: whatever servers, people and crashes do, an alias is always served and ends at one of two ends.

use millstream_deployment::{
    Alias, Moved, Refused, Variant,
    observations::Observations,
    rollout::{Decision, RolloutPlan, advance},
    routing, shares,
};
use proptest::prelude::*;

/// What may happen to an alias.
#[derive(Clone, Debug)]
enum Event {
    /// Time passes, and a server looks.
    Look {
        after: u64,
        requests: u64,
        errors: u64,
    },
    /// The server has died; another one reads the record from the store, and takes over.
    Crash {
        after: u64,
    },
    Promote,
    Abort,
    RollBack,
    Deploy {
        version: u32,
        plan: usize,
        replace: bool,
    },
    Traffic {
        weights: Vec<u32>,
        shadow: bool,
    },
}

const PLANS: [(&str, &[&str]); 5] = [
    ("all-at-once", &[]),
    ("all-at-once,bake=1m", &["error-rate > 1%"]),
    ("canary=10%,interval=1m,bake=1m,time-limit=10m", &["error-rate > 1%"]),
    ("linear=30%,interval=1m,bake=0,time-limit=10m", &["error-rate > 5%"]),
    ("canary=1%,interval=1m,bake=1m,time-limit=5m,min-requests=100", &[]),
];

fn plan(index: usize) -> RolloutPlan {
    let (text, alarms) = PLANS[index];
    let alarms: Vec<String> = alarms.iter().map(|alarm| (*alarm).to_owned()).collect();
    RolloutPlan::parse_text(text, &alarms).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let look = (0_u64..200_000, 0_u64..1000, 0_u64..20).prop_map(|(after, requests, errors)| Event::Look {
        after,
        requests,
        errors: errors.min(requests),
    });
    let event = prop_oneof![
        8 => look,
        2 => (0_u64..400_000).prop_map(|after| Event::Crash { after }),
        1 => Just(Event::Promote),
        1 => Just(Event::Abort),
        1 => Just(Event::RollBack),
        3 => (1_u32..5, 0..PLANS.len(), any::<bool>())
            .prop_map(|(version, plan, replace)| Event::Deploy { version, plan, replace }),
        1 => (prop::collection::vec(0_u32..5, 1..4), any::<bool>())
            .prop_map(|(weights, shadow)| Event::Traffic { weights, shadow }),
    ];
    prop::collection::vec(event, 0..60)
}

/// One event; whatever is refused changes nothing.
fn happen(alias: &mut Alias, event: &Event, now: &mut u64) {
    let before = alias.clone();
    let outcome: Result<(), Refused> = match event {
        Event::Look { after, requests, errors } => {
            *now += after;
            let seen = Observations { requests: *requests, errors: *errors, ..Observations::default() };
            match alias.rollout.as_ref().map(|rollout| advance(rollout, *now, &seen)) {
                Some(decision) => alias.apply(&decision, *now).map(drop),
                None => Ok(()),
            }
        }
        Event::Crash { after } => {
            *now += after;
            let record = serde_json::to_vec(&*alias).expect("an alias is JSON");
            *alias = serde_json::from_slice(&record).expect("what was written is read");
            assert_eq!(*alias, before, "a record reads back as it was");
            alias.watch_anew(*now);
            Ok(())
        }
        Event::Promote => alias.promote().map(drop),
        Event::Abort => alias.abort("by hand").map(drop),
        Event::RollBack => alias.roll_back("by hand").map(drop),
        Event::Deploy { version, plan: index, replace } => {
            let rollout = ("r".to_owned(), "ann".to_owned());
            alias.deploy(Variant::of("m", *version), &plan(*index), rollout, *replace, *now).map(drop)
        }
        Event::Traffic { weights, shadow } => {
            let variants = weights.iter().enumerate().map(|(i, weight)| Variant {
                weight: f64::from(*weight),
                shadow: *shadow && i == 0,
                ..Variant::of("m", i as u32 + 1)
            });
            alias.set_traffic(variants.collect()).map(drop)
        }
    };
    if outcome.is_err() {
        assert_eq!(*alias, before, "{event:?} was refused and still changed something");
    }
}

fn check(alias: &Alias) {
    alias.check().unwrap_or_else(|why| panic!("{why}: {alias:?}"));
    let sum: f64 = shares(&alias.variants).iter().sum();
    assert!((sum - 100.0).abs() < 1e-9, "{alias:?}");
    for draw in [0.0, 0.3, 0.999_999] {
        let chosen = routing::by_weight(&alias.variants, draw).expect("somebody answers");
        assert!(!chosen.shadow && chosen.weight > 0.0);
    }
    if let Some(rollout) = &alias.rollout {
        let weights: f64 = alias.variants.iter().map(Variant::traffic).sum();
        assert!((weights - 100.0).abs() < 1e-9, "a rollout's weights are percent: {alias:?}");
        let to = alias.variants.iter().find(|variant| variant.is_same(&rollout.to));
        assert!(to.is_some_and(|to| to.weight >= rollout.share - 1e-9), "{alias:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn an_alias_is_served_whatever_happens(events in events()) {
        let mut alias = Alias { variants: vec![Variant::of("m", 1)], ..Alias::default() };
        let mut now = 1_000;
        for event in &events {
            happen(&mut alias, event, &mut now);
            check(&alias);
        }
    }

    #[test]
    fn a_rollout_ends_with_the_old_or_the_new(
        index in 1..PLANS.len(), interference in events(), weight in 1_u32..100,
    ) {
        let from = vec![
            Variant { weight: f64::from(weight), ..Variant::of("m", 1) },
            Variant { weight: 7.0, ..Variant::of("m", 2) },
        ];
        let mut alias = Alias { variants: from.clone(), ..Alias::default() };
        let rollout = ("r".to_owned(), "ann".to_owned());
        let mut now = 1_000;
        let to = Variant::of("m", 3);
        let moved = alias.deploy(to.clone(), &plan(index), rollout, false, now);
        prop_assert_eq!(moved, Ok(Moved::Begun));
        for event in &interference {
            // Whoever deploys or rolls back after the end begins another story.
            let watches = matches!(event, Event::Look { .. } | Event::Crash { .. } | Event::Promote | Event::Abort);
            if watches {
                happen(&mut alias, event, &mut now);
                check(&alias);
            }
        }
        // Left alone, it comes to an end by its time limit.
        for _ in 0..100 {
            happen(&mut alias, &Event::Look { after: 60_000, requests: 1000, errors: 0 }, &mut now);
            check(&alias);
        }
        prop_assert!(alias.rollout.is_none(), "{alias:?}");
        let new = vec![to];
        prop_assert!(alias.variants == from || alias.variants == new, "{alias:?}");
        // What is there now knows the way back, unless it came back.
        prop_assert_eq!(&alias.previous, &if alias.variants == new { from } else { Vec::new() });
    }
}

fn alias() -> Alias {
    Alias { variants: vec![Variant::of("m", 1)], ..Alias::default() }
}

fn deploy(alias: &mut Alias, version: u32, index: usize, replace: bool) -> Result<Moved, Refused> {
    alias.deploy(Variant::of("m", version), &plan(index), ("r".to_owned(), "ann".to_owned()), replace, 0)
}

#[test]
fn a_rollback_undoes_one_deployment_once() {
    let mut alias = alias();
    assert_eq!(deploy(&mut alias, 2, 0, false), Ok(Moved::AtOnce));
    assert_eq!(deploy(&mut alias, 2, 0, false), Ok(Moved::Already));
    let said = alias.roll_back("too slow").unwrap();
    assert_eq!(said, "rolled back from m@2 100%: too slow");
    assert_eq!(alias.variants, [Variant::of("m", 1)]);
    assert_eq!(alias.roll_back("too slow"), Err(Refused::NothingBefore));
}

#[test]
fn a_second_deployment_waits_for_the_first() {
    let mut alias = alias();
    assert_eq!(deploy(&mut alias, 2, 2, false), Ok(Moved::Begun));
    let refused = deploy(&mut alias, 3, 0, false).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "it is being moved to m@2 by ann (10% so far); promote or abort that rollout first"
    );
    assert!(matches!(alias.set_traffic(vec![Variant::of("m", 9)]), Err(Refused::UnderWay { .. })));
    // Replaced, the new one comes from where the first one did.
    assert_eq!(deploy(&mut alias, 3, 2, true), Ok(Moved::Begun));
    assert_eq!(alias.rollout.as_ref().unwrap().from, [Variant::of("m", 1)]);
    assert_eq!(deploy(&mut alias, 1, 2, true), Ok(Moved::AtOnce));
    assert_eq!((&alias.rollout, &alias.variants), (&None, &vec![Variant::of("m", 1)]));
}

#[test]
fn one_name_is_one_version() {
    let named = |version| Variant { name: "AllTraffic".to_owned(), ..Variant::of("m", version) };
    let mut alias = Alias { variants: vec![named(1)], ..Alias::default() };
    let canary = alias.deploy(named(2), &plan(2), ("r".to_owned(), "ann".to_owned()), false, 0);
    assert_eq!(canary.unwrap_err().to_string(), "variant `AllTraffic` is m@1 already; give m@2 another name");
    let at_once = alias.deploy(named(2), &plan(0), ("r".to_owned(), "ann".to_owned()), false, 0);
    assert_eq!(at_once, Ok(Moved::AtOnce));
}

#[test]
fn a_decision_of_nonsense_does_no_harm() {
    for share in [-5.0, 500.0] {
        let mut alias = alias();
        deploy(&mut alias, 2, 2, false).unwrap();
        alias.apply(&Decision::Shift { share }, 0).unwrap();
        check(&alias);
    }
}
