//! Removing versions, while others begin to use them, and while whoever removes or deploys dies.

use std::{
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
};

use millstream_core::layout;
use millstream_deployment::Target;
use millstream_registry::{Author, Endpoints, Error, Models};
use millstream_store::{
    Entry, ErrorKind, Fault, MemoryStore, Object, Operation, Page, PutOptions, Result as Stored, Store,
    TempFile, Version,
};

use crate::support::{CHURN, Wish, adjust, author, deploy, store};

#[test]
fn a_refused_removal_writes_nothing() {
    let store = store(2);
    deploy(&store, "churn@1", "all-at-once");
    let key = layout::model_version("churn", 1);
    let before = store.get(&key).unwrap();
    store.inject(|operation, _| {
        assert!(!matches!(operation, Operation::Put | Operation::Delete), "it only looks");
        None
    });
    let error = Models::new(&store).remove("churn", 1, &author("ann")).unwrap_err();
    assert!(error.to_string().contains("in use by endpoint `churn`"), "{error}");
    store.heal();
    assert_eq!(store.get(&key).unwrap(), before);
}

/// Dies at every call of the store: what is in use stays usable, what is not is there or removed, and whoever comes next can
/// remove or restore it.
#[test]
fn a_removal_that_dies_leaves_it_there_or_removed() {
    for fault in [Fault::Before(ErrorKind::Full), Fault::After(ErrorKind::Full)] {
        for dies_at in 0..24 {
            let store = store(2);
            let models = Models::new(&store);
            deploy(&store, "churn@1", "all-at-once");
            let mut calls = 0;
            store.inject(move |operation, _| {
                calls += 1;
                let this = calls == dies_at + 1 && operation == Operation::Put;
                (calls > dies_at).then_some(if this { fault } else { Fault::Before(ErrorKind::Full) })
            });
            let outcome = models.remove("churn", 2, &author("ann"));
            store.heal();
            let there = models.version("churn", 2);
            assert!(outcome.is_err() || there.is_err(), "removed is removed");
            match there {
                // A mark that was left means nothing.
                Ok(_) => {
                    Wish { model: "churn@2", ..CHURN }.deploy(&store, &author("bob")).unwrap();
                    assert_eq!(models.version("churn", 2).unwrap().removing, None);
                    deploy(&store, "churn@1", "all-at-once");
                }
                Err(error) => {
                    assert!(error.to_string().contains("millstream models restore churn@2"), "{error}");
                    models.restore("churn", 2).unwrap();
                    models.version("churn", 2).unwrap();
                }
            }
            assert_eq!(models.version("churn", 1).unwrap().removed, None);
        }
    }
}

/// Somebody else's call of a verb falls into every moment of a removal: before each call of the store.
#[test]
fn whoever_begins_to_use_it_at_any_moment_of_its_removal_has_it() {
    type Use = fn(&MemoryStore);
    let uses: [(&str, Use); 3] = [
        ("deploy", |store| {
            // Refused if it is removed already.
            let _ = Wish { model: "churn@2", ..CHURN }.deploy(store, &author("bob"));
        }),
        ("alias", |store| {
            let _ = Models::new(store).point("churn", "champion", 2, None);
        }),
        ("traffic", |store| {
            let target = Target { name: "churn@2".to_owned(), weight: Some(1.0) };
            let _ = adjust(store, &[target], &author("bob"));
        }),
    ];
    for (what, begin) in uses {
        for moment in 1..30 {
            let store = store(2);
            deploy(&store, "churn@1", "all-at-once");
            let (calls, other) = (AtomicU32::new(0), store.clone());
            let hook = move |_: Operation, _: &str| {
                if calls.fetch_add(1, Ordering::SeqCst) + 1 == moment {
                    begin(&other);
                }
            };
            let interrupted = Before { store: store.clone(), hook: Box::new(hook) };
            let outcome = Models::new(&interrupted).remove("churn", 2, &author("ann"));
            let models = Models::new(&store);
            let used = Endpoints::new(&store).get("churn").unwrap().in_use().any(|(_, v)| v.version == 2)
                || models.aliases("churn").unwrap().iter().any(|(_, version)| *version == 2);
            let there = models.version("churn", 2).is_ok();
            assert!(!used || there, "{what} at {moment}: it is in use, and gone ({outcome:?})");
            assert!(outcome.is_err() || !there || used, "{what} at {moment}: removed, and there");
        }
    }
}

#[test]
fn removals_and_deployments_in_threads_leave_nothing_that_is_used_and_gone() {
    let store = store(6);
    deploy(&store, "churn@1", "all-at-once");
    let (stop, deployed, removed) = (AtomicBool::new(false), AtomicU32::new(0), AtomicU32::new(0));
    thread::scope(|scope| {
        for version in 2..=6_u32 {
            let (store, stop, removed) = (&store, &stop, &removed);
            scope.spawn(move || {
                let models = Models::new(store);
                while !stop.load(Ordering::SeqCst) {
                    if models.remove("churn", version, &author("remover")).is_ok() {
                        removed.fetch_add(1, Ordering::SeqCst);
                        models.restore("churn", version).unwrap();
                    }
                }
            });
        }
        for round in 0..300_u32 {
            let model = format!("churn@{}", 2 + round % 5);
            match (Wish { model: &model, ..CHURN }).deploy(&store, &author("deployer")) {
                Ok(_) => {
                    deployed.fetch_add(1, Ordering::SeqCst);
                    // From the moment of its return on it is there.
                    let version = 2 + round % 5;
                    assert!(
                        Models::new(&store).version("churn", version).is_ok(),
                        "{model} is deployed, and gone"
                    );
                }
                Err(Error::NotFound(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
        stop.store(true, Ordering::SeqCst);
    });
    assert!(deployed.load(Ordering::SeqCst) > 10 && removed.load(Ordering::SeqCst) > 10);
    let endpoint = Endpoints::new(&store).get("churn").unwrap();
    for (_, variant) in endpoint.in_use() {
        assert!(Models::new(&store).version("churn", variant.version).is_ok(), "{}", variant.reference());
    }
}

#[test]
fn of_racing_removals_one_removes() {
    let store = store(2);
    let outcomes: Vec<_> = thread::scope(|scope| {
        let racers: Vec<_> = (0..8)
            .map(|at| {
                let store = &store;
                scope.spawn(move || {
                    let author = Author { at, ..author("racer") };
                    Models::new(store).remove("churn", 2, &author)
                })
            })
            .collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    assert!(outcomes.iter().flat_map(|o| o.as_ref().err()).all(|e| matches!(e, Error::NotFound(_))));
}

#[test]
fn who_serves_an_endpoint_passes_over_a_removal() {
    let store = store(2);
    let models = Models::new(&store);
    models.remove("churn", 2, &author("ann")).unwrap();
    assert_eq!(models.version_in_use("churn", 2).unwrap().removed, Some(1_000));
    assert!(matches!(models.version_in_use("churn", 3), Err(Error::NotFound(_))));
    models.claim("churn", 2).unwrap();
    assert_eq!(models.version("churn", 2).unwrap().removed, None);
    assert_eq!(models.restore("churn", 2).unwrap().version, 2, "done already is done");
    assert!(matches!(models.restore("churn", 3), Err(Error::NotFound(_))));
}

type Hook = Box<dyn Fn(Operation, &str) + Send + Sync>;

/// A store before whose calls something happens.
struct Before {
    store: MemoryStore,
    hook: Hook,
}

impl Store for Before {
    fn put(&self, key: &str, bytes: &[u8], options: &PutOptions) -> Stored<Version> {
        (self.hook)(Operation::Put, key);
        self.store.put(key, bytes, options)
    }
    fn get(&self, key: &str) -> Stored<Object> {
        (self.hook)(Operation::Get, key);
        self.store.get(key)
    }
    fn get_range(&self, key: &str, offset: u64, len: u64) -> Stored<Vec<u8>> {
        self.store.get_range(key, offset, len)
    }
    fn head(&self, key: &str) -> Stored<Entry> {
        (self.hook)(Operation::Head, key);
        self.store.head(key)
    }
    fn put_file(&self, key: &str, file: TempFile, options: &PutOptions) -> Stored<Version> {
        self.store.put_file(key, file, options)
    }
    fn temp_file(&self) -> Stored<TempFile> {
        self.store.temp_file()
    }
    fn list(&self, prefix: &str, start_after: Option<&str>, limit: usize) -> Stored<Page> {
        (self.hook)(Operation::List, prefix);
        self.store.list(prefix, start_after, limit)
    }
    fn delete(&self, key: &str) -> Stored<()> {
        self.store.delete(key)
    }
    fn location(&self) -> String {
        self.store.location()
    }
}
