use std::cell::Cell;

use millstream_core::failure::Failure;
use millstream_deployment::{
    Config, Deploy, LIVE, Moved, Reason, Target, Variant, names::Reference, rollout::Decision,
};
use millstream_registry::{
    ApprovalStatus, Author, Deployed, Deployer, Endpoints, Error, IdempotentRequest, Models,
};
use millstream_store::Store;
use serde_json::{Value, json};

use crate::support::{CHURN, Wish, adjust, author, because, deploy, live, settings, store};

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
    let aborted = deployer.abort("churn", &because("looks odd"), &author("bob")).unwrap();
    assert_eq!(aborted.change.unwrap().why, "rolled back from churn@2: looks odd");
    assert_eq!(live(&store), "churn@1 100%");
    let error = deployer.promote("churn", &Reason::default(), &author("bob")).unwrap_err();
    assert_eq!(error.to_string(), "endpoint `churn`: no rollout is under way");
    deploy(&store, "churn@2", "linear=20%");
    let promoted = deployer.promote("churn", &because("enough"), &author("bob")).unwrap();
    assert_eq!(promoted.change.unwrap().why, "promoted churn@2: enough");
    assert_eq!(live(&store), "churn@2 100%");
    let back = deployer.roll_back("churn", &Reason::default(), &author("bob")).unwrap();
    assert_eq!(back.change.unwrap().why, "rolled back from churn@2 100%: by hand");
    assert_eq!(live(&store), "churn@1 100%");
    let again = deployer.roll_back("churn", &Reason::default(), &author("bob"));
    assert!(matches!(again, Err(Error::Refused(_))), "{again:?}");
}

#[test]
fn a_rollback_brings_back_no_version_that_was_rejected_since() {
    let store = store(2);
    deploy(&store, "churn@1", "all-at-once");
    deploy(&store, "churn@2", "all-at-once");
    let (models, deployer) = (Models::new(&store), Deployer::new(&store));
    models.decide("churn", 1, ApprovalStatus::Rejected).unwrap();
    let refused = deployer.roll_back("churn", &Reason::default(), &author("bob")).unwrap_err();
    assert!(refused.to_string().contains("churn@1 is rejected; `millstream models approve churn 1`"));
    assert_eq!(live(&store), "churn@2 100%");
    models.decide("churn", 1, ApprovalStatus::Approved).unwrap();
    deployer.roll_back("churn", &Reason::default(), &author("bob")).unwrap();
    assert_eq!(live(&store), "churn@1 100%");
    // Whoever answers a part of the requests stays, whatever was decided meanwhile: ending a rollout is always possible.
    deploy(&store, "churn@2", "linear=20%");
    models.decide("churn", 1, ApprovalStatus::Rejected).unwrap();
    deployer.abort("churn", &Reason::default(), &author("bob")).unwrap();
    assert_eq!(live(&store), "churn@1 100%");
}

#[test]
fn a_version_that_fails_its_check_is_not_deployed() {
    let store = store(2);
    deploy(&store, "churn@1", "all-at-once");
    let broken = |_: &_, _: &_| Err(Failure::Function { message: "trap".to_owned(), backtrace: None });
    let wish = Wish { model: "churn@2", plan: "canary", ..CHURN };
    let error = wish.deploy_checked(&store, &author("ann"), &broken).unwrap_err();
    assert_eq!(error.to_string(), "churn@2 was not deployed, because it failed its trial: trap");
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
    deployer.configure("churn", &settings(&json!({"approved-only": true})).unwrap(), &author("ann")).unwrap();
    let pending = Wish { model: "churn@3", ..CHURN }.deploy(&store, &author("ann")).unwrap_err();
    assert!(pending.to_string().contains("is not approved"), "{pending}");
    assert_eq!(deploy(&store, "churn", "all-at-once").moved, Some(Moved::Already));
}

#[test]
fn a_request_deploys_once() {
    let store = store(3);
    let once = |request, model| {
        let author = Author { request: Some(IdempotentRequest::of(request)), ..author("run r1") };
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
    let mut wish = Wish { model: "churn@3", plan: "canary", ..CHURN };
    let check = |_: &_, _: &_| {
        checked.set(true);
        Ok(())
    };
    let error = wish.deploy_checked(&store, &author("bob"), &check).unwrap_err();
    assert!(error.to_string().contains("being moved to churn@2 by ann (10% so far)"), "{error}");
    assert!(error.to_string().contains("millstream rollout churn promote"), "{error}");
    assert!(!checked.get(), "it is refused before the work");
    wish.replace = true;
    wish.deploy_checked(&store, &author("bob"), &check).unwrap();
    assert_eq!(live(&store), "churn@1 90%, churn@3 10%");
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
    let error = deployer
        .roll_back("churn", &Reason { alias: "stagign".to_owned(), reason: None }, &author("ann"))
        .unwrap_err();
    assert!(error.to_string().contains("did you mean `staging`?"), "{error}");
    assert!(matches!(deployer.remove_alias("churn", LIVE, &author("ann")), Err(Error::Refused(_))));
    deployer.remove_alias("churn", "staging", &author("ann")).unwrap();
    assert_eq!(Endpoints::new(&store).get("churn").unwrap().aliases.len(), 1);
}

#[test]
fn an_endpoint_for_many_models() {
    let store = store(1);
    let deployer = Deployer::new(&store);
    let set = |written: Value| deployer.configure("all", &settings(&written).unwrap(), &author("ann"));
    assert!(matches!(set(json!({"timeout": "1s"})), Err(Error::NotFound(_))));
    let made = set(json!({"multi-model": "ch"})).unwrap();
    assert_eq!(made.endpoint.config.multi_model.as_deref(), Some("ch"));
    assert!(Endpoints::new(&store).get("all").is_ok());
    let error = set(json!({"multi-model": null})).unwrap_err();
    assert!(error.to_string().contains("nobody would answer"), "{error}");
}

#[test]
fn a_server_that_comes_back_watches_anew() {
    let store = store(3);
    deploy(&store, "churn@1", "all-at-once");
    let deployer = Deployer::new(&store);
    let back = Author { at: 77_000, ..author("server") };
    deploy(&store, "churn@2", "canary");
    assert!(deployer.watch_anew("churn", &back).unwrap().is_none(), "nothing rests on requests");
    deployer.abort("churn", &Reason::default(), &back).unwrap();
    deploy(&store, "churn@2", "canary,min-requests=5");
    let anew = deployer.watch_anew("churn", &back).unwrap().unwrap();
    let rollout = anew.endpoint.aliases[LIVE].rollout.clone().unwrap();
    assert_eq!((rollout.since, rollout.started, rollout.share), (77_000, 1_000, 10.0));
    assert_eq!(rollout.to, Variant::of("churn", 2));
}

/// Deploys `model`, changing the configuration by `config`.
fn configured(store: &dyn Store, model: &str, config: &Value, admin: bool) -> Result<Deployed, Error> {
    let wish = Deploy { config: settings(config)?, ..Deploy::of(Reference::parse(model).unwrap()) };
    let author = Author { admin, ..author("ann") };
    let expected = std::cell::RefCell::new(None);
    let check = |_: &_, config: &Config| {
        expected.replace(Some(config.clone()));
        Ok(())
    };
    let deployed = Deployer::new(store).deploy("churn", &wish, &author, &check)?;
    // The version was tried as it is served now.
    assert_eq!(expected.into_inner().as_ref(), Some(&deployed.endpoint.config));
    Ok(deployed)
}

#[test]
fn a_patch_of_the_configuration_leaves_what_it_does_not_name() {
    let store = store(2);
    let strict = json!({"capture": 0.5, "sticky": "header:X-User", "max-rows": 7});
    let first = configured(&store, "churn@1", &strict, false).unwrap().endpoint.config;
    assert_eq!((first.capture, first.max_rows), (0.5, 7));
    let second = configured(&store, "churn@2", &json!({"timeout": 5000}), false).unwrap().endpoint.config;
    assert_eq!(second, Config { timeout: 5000, ..first.clone() });
    let third = configured(&store, "churn@1", &json!({"sticky": null, "timeout": null}), false).unwrap();
    assert_eq!(third.endpoint.config, Config { sticky: None, ..first });
    let unknown = configured(&store, "churn@2", &json!({"max_row": 1}), true).unwrap_err();
    assert!(unknown.to_string().contains("did you mean `max-rows`?"), "{unknown}");
}

#[test]
fn only_an_administrator_lets_versions_in_that_are_not_approved() {
    let store = store(3);
    let models = Models::new(&store);
    models.decide("churn", 1, ApprovalStatus::Approved).unwrap();
    configured(&store, "churn@1", &json!({"approved-only": true}), false).unwrap();
    let config = || Endpoints::new(&store).get("churn").unwrap().config;
    // Nothing that a deployer can say opens the door, be it a setting beside or the reset of this one.
    for change in
        [json!({}), json!({"timeout": "1s"}), json!({"capture": null}), json!({"approved-only": true})]
    {
        let error = configured(&store, "churn@2", &change, false).unwrap_err();
        assert!(matches!(&error, Error::Refused(_)) && error.to_string().contains("not approved"), "{error}");
    }
    for change in [
        json!({"approved-only": false}),
        json!({"approved-only": null}),
        json!({"approved-only": "default"}),
        json!({"approved-only": "false", "timeout": "1s"}),
    ] {
        for model in ["churn@1", "churn@2"] {
            let error = configured(&store, model, &change, false).unwrap_err();
            assert!(
                matches!(&error, Error::Forbidden(_)) && error.to_string().contains("`admin` key"),
                "{error}"
            );
        }
    }
    assert!(config().approved_only && config().timeout == Config::default().timeout);
    // Traffic is no way around it.
    let target = Target { name: "churn@2".to_owned(), weight: Some(1.0) };
    let set = adjust(&store, std::slice::from_ref(&target), &author("ann"));
    assert!(matches!(set, Err(Error::Refused(_))), "{set:?}");
    // Nor is a change of the settings alone.
    let loosened = Deployer::new(&store).configure(
        "churn",
        &settings(&json!({"approved-only": false})).unwrap(),
        &author("ann"),
    );
    assert!(matches!(loosened, Err(Error::Forbidden(_))), "{loosened:?}");
    // To be stricter takes no administrator, and one may loosen it.
    configured(&store, "churn@2", &json!({"approved-only": false}), true).unwrap();
    assert!(!config().approved_only);
    configured(&store, "churn@1", &json!({"approved-only": true}), false).unwrap();
    assert!(config().approved_only);
}

/// Bob makes the endpoint strict while Ann's deployment, which would loosen it, is under way.
#[test]
fn what_was_made_strict_meanwhile_stays_strict() {
    let store = store(2);
    deploy(&store, "churn@1", "all-at-once");
    let loose = settings(&json!({"approved-only": false})).unwrap();
    let strict = settings(&json!({"approved-only": true})).unwrap();
    let wish = Deploy { config: loose, ..Deploy::of(Reference::parse("churn@2").unwrap()) };
    let bob = |_: &_, _: &_| {
        Deployer::new(&store).configure("churn", &strict, &author("bob")).unwrap();
        Ok(())
    };
    let outcome = Deployer::new(&store).deploy("churn", &wish, &author("ann"), &bob);
    assert!(matches!(outcome, Err(Error::Forbidden(_))), "{outcome:?}");
    assert_eq!(live(&store), "churn@1 100%");
}

/// An endpoint that serves many models takes no version by its number that it would not take as the newest.
#[test]
fn a_reference_to_what_may_not_be_deployed_is_refused() {
    let store = store(3);
    let models = Models::new(&store);
    models.decide("churn", 1, ApprovalStatus::Approved).unwrap();
    models.decide("churn", 3, ApprovalStatus::Rejected).unwrap();
    models.point("churn", "champion", 3, None).unwrap();
    let deployable = |text: &str, approved_only: bool| {
        models.deployable(&Reference::parse(text).unwrap(), approved_only).map(|version| version.version)
    };
    assert_eq!((deployable("churn", false).unwrap(), deployable("churn", true).unwrap()), (2, 1));
    assert!(deployable("churn@2", false).is_ok());
    for (text, approved_only) in [("churn@2", true), ("churn@3", false), ("churn@champion", false)] {
        assert!(matches!(deployable(text, approved_only), Err(Error::Refused(_))), "{text}");
    }
}
