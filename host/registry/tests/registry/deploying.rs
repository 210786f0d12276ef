use std::{
    cell::Cell,
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

use millstream_registry::{ApprovalStatus, Author, Deploy, Deployer, Endpoints, Error, Models, Target};
use millstream_store::{
    Entry, ErrorKind, Fault, Object, Operation, Page, PutOptions, Result, Store, TempFile, Version,
};
use millstream_workflow::{
    endpoint::{
        Config, LIVE, Moved, Variant, describe,
        names::Reference,
        rollout::{Decision, Plan},
    },
    failure::Failure,
};

use crate::support::{CHURN, Wish, author, deploy, plan, store};

fn live(store: &millstream_store::MemoryStore) -> String {
    describe(&Endpoints::new(store).get("churn").unwrap().aliases[LIVE].variants)
}

#[test]
fn the_first_deployment_makes_the_endpoint() {
    let store = store(2);
    let made = deploy(&store, "churn", "canary");
    assert!(made.created && made.moved == Some(Moved::AtOnce));
    assert_eq!(live(&store), "churn@2 100%");
    let change = made.change.unwrap();
    assert_eq!((change.who.as_str(), change.why.as_str()), ("ann", "created with churn@2"));
    assert_eq!(deploy(&store, "churn", "canary").moved, Some(Moved::Already));
    assert_eq!(Endpoints::new(&store).get("churn").unwrap().revision, 1);
}

#[test]
fn a_canary_goes_its_way() {
    let store = store(2);
    deploy(&store, "churn@1", "all-at-once");
    let begun = deploy(&store, "churn@2", "canary=10%,interval=1m,bake=1m");
    assert_eq!(begun.moved, Some(Moved::Begun));
    assert_eq!(live(&store), "churn@1 90%, churn@2 10%");
    let id = begun.endpoint.aliases[LIVE].rollout.as_ref().unwrap().id.clone();
    let deployer = Deployer::new(&store);
    let server = author("server");
    let advance = |share: f64, decision: Decision| {
        deployer.advance("churn", LIVE, (&id, share), &decision, &server).unwrap()
    };
    assert!(advance(10.0, Decision::Stay { until: 0 }).is_none());
    assert!(advance(10.0, Decision::Shift { share: 100.0 }).is_some());
    // Another server that decided on the same state comes too late.
    assert!(advance(10.0, Decision::Shift { share: 100.0 }).is_none());
    assert!(advance(10.0, Decision::RollBack { why: "late".to_owned() }).is_none());
    assert_eq!(live(&store), "churn@1 0%, churn@2 100%");
    assert!(advance(100.0, Decision::Complete).is_some());
    assert_eq!(live(&store), "churn@2 100%");
    let whys: Vec<String> =
        Endpoints::new(&store).history("churn").unwrap().into_iter().map(|change| change.why).collect();
    assert_eq!(
        whys,
        [
            "created with churn@1",
            "began to deploy churn@2: canary=10%,interval=1m,bake=1m,time-limit=1h",
            "rollout: churn@2 has 100%",
            "rollout: churn@2 completed",
        ]
    );
}

#[test]
fn a_rollback_says_why() {
    let store = store(2);
    deploy(&store, "churn@1", "all-at-once");
    deploy(&store, "churn@2", "linear=20%");
    let deployer = Deployer::new(&store);
    let aborted = deployer.abort("churn", LIVE, "looks odd", &author("bob")).unwrap();
    assert_eq!(aborted.change.unwrap().why, "rolled back from churn@2: looks odd");
    assert_eq!(live(&store), "churn@1 100%");
    let error = deployer.promote("churn", LIVE, &author("bob")).unwrap_err();
    assert_eq!(error.to_string(), "endpoint `churn`: no rollout is under way");
    deploy(&store, "churn@2", "linear=20%");
    deployer.promote("churn", LIVE, &author("bob")).unwrap();
    assert_eq!(live(&store), "churn@2 100%");
    deployer.roll_back("churn", LIVE, "by hand", &author("bob")).unwrap();
    assert_eq!(live(&store), "churn@1 100%");
    assert!(matches!(deployer.roll_back("churn", LIVE, "", &author("bob")), Err(Error::Refused(_))));
}

#[test]
fn of_two_deployments_at_once_one_wins_and_the_other_is_told() {
    let store = store(3);
    deploy(&store, "churn@1", "all-at-once");
    // Bob deploys while Ann's version is being tested.
    let reference = Reference::parse("churn@2").unwrap();
    let wish = Deploy {
        endpoint: "churn",
        alias: LIVE,
        model: &reference,
        variant: None,
        plan: &Plan::default(),
        replace: false,
        configure: None,
    };
    let bob = |_: &_| {
        Wish { model: "churn@3", ..CHURN }.deploy(&store, &author("bob")).unwrap();
        Ok(())
    };
    let error = Deployer::new(&store).deploy(&wish, &author("ann"), &bob).unwrap_err();
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
                        let model = Reference::parse(&format!("churn@{version}")).unwrap();
                        let wish = Deploy {
                            endpoint: "churn",
                            alias: LIVE,
                            model: &model,
                            variant: None,
                            plan: &Plan::default(),
                            replace: false,
                            configure: None,
                        };
                        // All have read the record before the first one writes it.
                        let check = |_: &_| {
                            ready.fetch_add(1, Ordering::SeqCst);
                            while ready.load(Ordering::SeqCst) < 7 {
                                thread::yield_now();
                            }
                            Ok(())
                        };
                        Deployer::new(store).deploy(&wish, &author("racer"), &check)
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
    let reference = Reference::parse("churn@2").unwrap();
    let plan = plan("all-at-once");
    let wish = Deploy {
        endpoint: "churn",
        alias: LIVE,
        model: &reference,
        variant: None,
        plan: &plan,
        replace: false,
        configure: None,
    };
    let configured = |_: &_| {
        Deployer::new(&store).configure("churn", &author("bob"), &|config| config.capture = 0.5).unwrap();
        Wish { alias: "staging", model: "churn@2", ..CHURN }.deploy(&store, &author("bob")).unwrap();
        Ok(())
    };
    let done = Deployer::new(&store).deploy(&wish, &author("ann"), &configured).unwrap();
    assert_eq!(done.moved, Some(Moved::AtOnce));
    assert_eq!(done.endpoint.config, Config { capture: 0.5, ..Config::default() });
    assert_eq!(done.endpoint.aliases.len(), 2);
}

#[test]
fn a_version_that_fails_its_check_is_not_deployed() {
    let store = store(2);
    deploy(&store, "churn@1", "all-at-once");
    let reference = Reference::parse("churn@2").unwrap();
    let plan = plan("canary");
    let wish = Deploy {
        endpoint: "churn",
        alias: LIVE,
        model: &reference,
        variant: None,
        plan: &plan,
        replace: false,
        configure: None,
    };
    let broken = |_: &_| Err(Failure::Function { message: "trap".to_owned(), backtrace: None });
    let error = Deployer::new(&store).deploy(&wish, &author("ann"), &broken).unwrap_err();
    assert_eq!(error.to_string(), "churn@2 was not deployed, as it fails its test: trap");
    assert_eq!(Endpoints::new(&store).get("churn").unwrap().revision, 1);
}

#[test]
fn approval() {
    let store = store(3);
    let models = Models::new(&store);
    models.decide("churn", 1, ApprovalStatus::Approved).unwrap();
    models.decide("churn", 2, ApprovalStatus::Rejected).unwrap();
    let rejected = Wish { model: "churn@2", ..CHURN }.deploy(&store, &author("ann")).unwrap_err();
    assert!(rejected.to_string().contains("churn@2 is rejected; `millstream models approve churn 2`"));
    // One that waits for approval may be deployed, until the endpoint is told to be strict.
    deploy(&store, "churn@3", "all-at-once");
    deploy(&store, "churn@1", "all-at-once");
    let deployer = Deployer::new(&store);
    deployer.configure("churn", &author("ann"), &|config| config.approved_only = true).unwrap();
    let pending = Wish { model: "churn@3", ..CHURN }.deploy(&store, &author("ann")).unwrap_err();
    assert!(pending.to_string().contains("is not approved"), "{pending}");
    assert_eq!(deploy(&store, "churn", "all-at-once").moved, Some(Moved::Already));
}

#[test]
fn a_request_deploys_once() {
    let store = store(3);
    let once = |request, model| {
        let author = Author { request: Some(request), ..author("run r1") };
        Wish { model, ..CHURN }.deploy(&store, &author).unwrap()
    };
    assert!(once("task-1", "churn@1").created);
    assert!(!once("task-1", "churn@1").created);
    let first = once("task-2", "churn@2");
    assert_eq!(first.moved, Some(Moved::AtOnce));
    once("task-3", "churn@3");
    // The message of task 2 comes again: it must not bring version 2 back.
    let again = once("task-2", "churn@2");
    assert_eq!((again.moved, again.change), (None, first.change));
    assert_eq!(live(&store), "churn@3 100%");
}

#[test]
fn a_rollout_under_way_is_not_run_over() {
    let store = store(3);
    deploy(&store, "churn@1", "all-at-once");
    deploy(&store, "churn@2", "canary");
    let checked = Cell::new(false);
    let reference = Reference::parse("churn@3").unwrap();
    let plan = plan("canary");
    let mut wish = Deploy {
        endpoint: "churn",
        alias: LIVE,
        model: &reference,
        variant: None,
        plan: &plan,
        replace: false,
        configure: None,
    };
    let check = |_: &_| {
        checked.set(true);
        Ok(())
    };
    let deployer = Deployer::new(&store);
    let error = deployer.deploy(&wish, &author("bob"), &check).unwrap_err();
    assert!(error.to_string().contains("being moved to churn@2 by ann (10% so far)"), "{error}");
    assert!(error.to_string().contains("millstream rollout churn promote"), "{error}");
    assert!(!checked.get(), "it is refused before the work");
    wish.replace = true;
    deployer.deploy(&wish, &author("bob"), &check).unwrap();
    assert_eq!(live(&store), "churn@1 90%, churn@3 10%");
}

#[test]
fn traffic_is_set_as_a_whole() {
    let store = store(4);
    deploy(&store, "churn@1", "all-at-once");
    let deployer = Deployer::new(&store);
    let target = |name: &str, weight| Target { name: name.to_owned(), weight };
    let set = |targets: &[Target]| {
        let checked = Cell::new(0);
        let check = |_: &_| {
            checked.set(checked.get() + 1);
            Ok(())
        };
        deployer.set_traffic("churn", LIVE, targets, &author("ann"), &check).map(|done| (done, checked.get()))
    };
    let (_, checked) =
        set(&[target("churn-1", Some(3.0)), target("churn@2", Some(1.0)), target("churn@3", None)]).unwrap();
    assert_eq!((live(&store).as_str(), checked), ("churn@1 75%, churn@2 25%, churn@3 shadow", 2));
    let (same, checked) =
        set(&[target("churn-1", Some(3.0)), target("churn-2", Some(1.0)), target("churn@3", None)]).unwrap();
    assert_eq!((same.change, checked), (None, 0));
    let (_, _) = set(&[target("churn-2", Some(1.0))]).unwrap();
    assert_eq!(live(&store), "churn@2 100%");
    for (targets, said) in [
        (vec![target("chrun-2", Some(1.0))], "did you mean `churn-2`?"),
        (vec![target("churn", Some(1.0))], "written NAME@VERSION"),
        (vec![target("churn@9", Some(1.0))], "version 9 of model `churn` does not exist"),
        (vec![target("churn-2", Some(0.0))], "nobody would answer"),
        (vec![target("churn-2", None)], "nobody would answer"),
        (vec![], "nobody would answer"),
        (vec![target("churn-2", Some(-1.0))], "a weight is a number from 0"),
        (vec![target("churn-2", Some(f64::NAN))], "a weight is a number from 0"),
        (
            vec![target("churn-2", Some(1.0)), target("churn@2", Some(1.0))],
            "variant `churn-2` is churn@2 already",
        ),
    ] {
        let error = set(&targets).unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
    deployer.roll_back("churn", LIVE, "by hand", &author("ann")).unwrap();
    assert_eq!(live(&store), "churn@1 75%, churn@2 25%, churn@3 shadow");
}

#[test]
fn other_aliases_come_after_live() {
    let store = store(1);
    let staging = Wish { alias: "staging", ..CHURN };
    let error = staging.deploy(&store, &author("ann")).unwrap_err();
    assert!(error.to_string().contains("deploy to its alias `live` first"), "{error}");
    deploy(&store, "churn", "all-at-once");
    staging.deploy(&store, &author("ann")).unwrap();
    let deployer = Deployer::new(&store);
    let error = deployer.roll_back("churn", "stagign", "", &author("ann")).unwrap_err();
    assert!(error.to_string().contains("did you mean `staging`?"), "{error}");
    assert!(matches!(deployer.remove_alias("churn", LIVE, &author("ann")), Err(Error::Refused(_))));
    deployer.remove_alias("churn", "staging", &author("ann")).unwrap();
    assert_eq!(Endpoints::new(&store).get("churn").unwrap().aliases.len(), 1);
}

#[test]
fn an_endpoint_for_many_models() {
    let store = store(1);
    let deployer = Deployer::new(&store);
    let made = deployer.create_multi_model("all", "ch", &author("ann"), &|_| {}).unwrap();
    assert_eq!(made.endpoint.config.multi_model.as_deref(), Some("ch"));
    assert!(Endpoints::new(&store).get("all").is_ok());
    let error = deployer.configure("all", &author("ann"), &|config| config.multi_model = None).unwrap_err();
    assert!(error.to_string().contains("nobody would answer"), "{error}");
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
fn a_server_that_comes_back_watches_anew() {
    let store = store(3);
    deploy(&store, "churn@1", "all-at-once");
    let deployer = Deployer::new(&store);
    let back = Author { at: 77_000, ..author("server") };
    deploy(&store, "churn@2", "canary");
    assert!(deployer.watch_anew("churn", &back).unwrap().is_none(), "nothing rests on requests");
    deployer.abort("churn", LIVE, "", &back).unwrap();
    deploy(&store, "churn@2", "canary,min-requests=5");
    let anew = deployer.watch_anew("churn", &back).unwrap().unwrap();
    let rollout = anew.endpoint.aliases[LIVE].rollout.clone().unwrap();
    assert_eq!((rollout.since, rollout.started, rollout.share), (77_000, 1_000, 10.0));
    assert_eq!(rollout.to, Variant::of("churn", 2));
}

/// A store on which somebody removes version 2 in the very moment before an endpoint is written.
struct Removing(millstream_store::MemoryStore);

impl Store for Removing {
    fn put(&self, key: &str, bytes: &[u8], options: &PutOptions) -> Result<Version> {
        if key == "endpoints/churn.json" {
            Models::new(&self.0).remove("churn", 2, &author("bob")).expect("nothing uses it yet");
        }
        self.0.put(key, bytes, options)
    }
    fn get(&self, key: &str) -> Result<Object> {
        self.0.get(key)
    }
    fn get_range(&self, key: &str, offset: u64, len: u64) -> Result<Vec<u8>> {
        self.0.get_range(key, offset, len)
    }
    fn head(&self, key: &str) -> Result<Entry> {
        self.0.head(key)
    }
    fn put_file(&self, key: &str, file: TempFile, options: &PutOptions) -> Result<Version> {
        self.0.put_file(key, file, options)
    }
    fn temp_file(&self) -> Result<TempFile> {
        self.0.temp_file()
    }
    fn list(&self, prefix: &str, start_after: Option<&str>, limit: usize) -> Result<Page> {
        self.0.list(prefix, start_after, limit)
    }
    fn delete(&self, key: &str) -> Result<()> {
        self.0.delete(key)
    }
    fn location(&self) -> String {
        self.0.location()
    }
}

#[test]
fn what_is_deployed_in_the_moment_of_its_removal_stays() {
    let memory = store(2);
    deploy(&memory, "churn@1", "all-at-once");
    let removing = Removing(memory);
    Wish { model: "churn@2", ..CHURN }.deploy(&removing, &author("ann")).unwrap();
    assert_eq!(live(&removing.0), "churn@2 100%");
    assert!(Models::new(&removing.0).version("churn", 2).is_ok());
}
