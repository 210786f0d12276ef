//! Several at once, and those that die.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

use millstream_deployment::{Config, LIVE, Moved, Target};
use millstream_registry::{Deployer, Endpoints, Error, Models};
use millstream_store::{ErrorKind, Fault, MemoryStore, Operation, Store};
use serde_json::json;

use crate::support::{CHURN, Call, Interrupted, Wish, adjust, author, deploy, live, settings, store};

#[test]
fn of_two_deployments_at_once_one_wins_and_the_other_is_told() {
    let store = store(3);
    deploy(&store, "churn@1", "all-at-once");
    // Bob deploys while Ann's version is being tested.
    let bob = |_: &_, _: &_| {
        Wish { model: "churn@3", ..CHURN }.deploy(&store, &author("bob")).unwrap();
        Ok(())
    };
    let wish = Wish { model: "churn@2", ..CHURN };
    let error = wish.deploy_checked(&store, &author("ann"), &bob).unwrap_err();
    assert!(matches!(error, Error::Conflict(_)), "{error}");
    assert!(error.to_string().contains("deployed churn@3 by bob, now churn@3 100%"), "{error}");
    assert_eq!(live(&store), "churn@3 100%");
}

#[test]
fn racing_deployments_leave_one_winner_each_time() {
    for first in [true, false] {
        let store = store(8);
        if !first {
            deploy(&store, "churn@1", "all-at-once");
        }
        let ready = AtomicU32::new(0);
        let outcomes: Vec<_> = thread::scope(|scope| {
            let racers: Vec<_> = (2..=8)
                .map(|version| {
                    let (store, ready) = (&store, &ready);
                    scope.spawn(move || {
                        let model = format!("churn@{version}");
                        // All have read the record before the first one writes it.
                        let check = |_: &_, _: &_| {
                            ready.fetch_add(1, Ordering::SeqCst);
                            while ready.load(Ordering::SeqCst) < 7 {
                                thread::yield_now();
                            }
                            Ok(())
                        };
                        Wish { model: &model, ..CHURN }.deploy_checked(store, &author("racer"), &check)
                    })
                })
                .collect();
            racers.into_iter().map(|racer| racer.join().unwrap()).collect()
        });
        let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(|outcome| outcome.is_ok());
        assert_eq!((won.len(), lost.len()), (1, 6));
        let winner = won[0].as_ref().unwrap().version.reference();
        assert_eq!(live(&store), format!("{winner} 100%"));
        for error in lost.into_iter().filter_map(|outcome| outcome.err()) {
            assert!(matches!(error, Error::Conflict(_)) && error.to_string().contains("racer"), "{error}");
        }
    }
}

#[test]
fn a_change_elsewhere_does_not_disturb() {
    let store = store(2);
    deploy(&store, "churn@1", "all-at-once");
    let half = settings(&json!({"capture": 0.5})).unwrap();
    let configured = |_: &_, _: &_| {
        Deployer::new(&store).configure("churn", &half, &author("bob")).unwrap();
        Wish { alias: "staging", model: "churn@2", ..CHURN }.deploy(&store, &author("bob")).unwrap();
        Ok(())
    };
    let wish = Wish { model: "churn@2", ..CHURN };
    let done = wish.deploy_checked(&store, &author("ann"), &configured).unwrap();
    assert_eq!(done.moved, Some(Moved::AtOnce));
    assert_eq!(done.endpoint.config, Config { capture: 0.5, ..Config::default() });
    assert_eq!(done.endpoint.aliases.len(), 2);
}

/// A deployment that dies at any of its writes leaves the old or the new alias, never neither.
#[test]
fn a_deployment_that_dies_leaves_the_old_or_the_new() {
    for fault in [Fault::Before(ErrorKind::Full), Fault::After(ErrorKind::Full)] {
        for dies_at in 0..10 {
            let store = store(2);
            deploy(&store, "churn@1", "all-at-once");
            let mut calls = 0;
            store.inject(move |operation, _| {
                calls += 1;
                let dead = calls > dies_at;
                // After the one that takes effect, nothing does: the process is gone.
                let this = calls == dies_at + 1;
                dead.then_some(if this && operation == Operation::Put {
                    fault
                } else {
                    Fault::Before(ErrorKind::Full)
                })
            });
            let outcome = Wish { model: "churn@2", plan: "canary", ..CHURN }.deploy(&store, &author("ann"));
            store.heal();
            let now = live(&store);
            match outcome {
                Ok(_) => assert_eq!(now, "churn@1 90%, churn@2 10%"),
                Err(_) => assert!(now == "churn@1 100%" || now == "churn@1 90%, churn@2 10%", "{now}"),
            }
            // Whoever comes next can go on.
            Wish { model: "churn@2", replace: true, ..CHURN }.deploy(&store, &author("bob")).unwrap();
            assert_eq!(live(&store), "churn@2 100%");
        }
    }
}

#[test]
fn what_is_deployed_in_the_moment_of_its_removal_stays() {
    let memory = store(2);
    deploy(&memory, "churn@1", "all-at-once");
    let bob = |store: &MemoryStore, call: Call| {
        if call == Call::Put {
            Models::new(store).remove("churn", 2, &author("bob")).expect("nothing uses it yet");
        }
    };
    let removing = Interrupted { store: memory, before: bob };
    Wish { model: "churn@2", ..CHURN }.deploy(&removing, &author("ann")).unwrap();
    assert_eq!(live(&removing.store), "churn@2 100%");
    assert!(Models::new(&removing.store).version("churn", 2).is_ok());
}

/// Whichever moment Bob changes his variant's weight in, Ann's change of another one does not take it back.
#[test]
fn of_two_changes_of_traffic_at_once_none_is_lost() {
    for moment in 1..=4 {
        let memory = store(3);
        deploy(&memory, "churn@1", "all-at-once");
        let set = |store: &dyn Store, who: &str, name: &str, weight: f64| {
            let target = Target { name: name.to_owned(), weight: Some(weight) };
            adjust(store, &[target], &author(who))
        };
        set(&memory, "ann", "churn@2", 1.0).unwrap();
        set(&memory, "ann", "churn@3", 1.0).unwrap();
        let calls = AtomicU32::new(0);
        let bob = |store: &MemoryStore, _: Call| {
            if calls.fetch_add(1, Ordering::SeqCst) + 1 == moment {
                set(store, "bob", "churn-2", 8.0).unwrap();
            }
        };
        let store = Interrupted { store: memory, before: bob };
        let outcome = set(&store, "ann", "churn-3", 7.0);
        let record = Endpoints::new(&store.store).get("churn").unwrap();
        let weight = |version: u32| {
            let mut variants = record.aliases[LIVE].variants.iter();
            variants.find(|variant| variant.version == version).map(|variant| variant.weight)
        };
        let bobs = calls.load(Ordering::SeqCst) >= moment;
        assert_eq!(weight(2), Some(if bobs { 8.0 } else { 1.0 }), "moment {moment}");
        match outcome {
            Ok(_) => assert_eq!(weight(3), Some(7.0), "moment {moment}"),
            Err(error) => {
                assert!(matches!(error, Error::Conflict(_)) && error.to_string().contains("bob"), "{error}");
            }
        }
    }
}
