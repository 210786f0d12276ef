//! Who answers, with which weights.

use std::cell::Cell;

use millstream_deployment::{LIVE, Reason, Target, Traffic};
use millstream_registry::Deployer;

use crate::support::{adjust, author, deploy, live, store};

fn target(name: &str, weight: impl Into<Option<f64>>) -> Target {
    Target { name: name.to_owned(), weight: weight.into() }
}

#[test]
fn traffic_is_set_as_a_whole() {
    let store = store(4);
    deploy(&store, "churn@1", "all-at-once");
    let deployer = Deployer::new(&store);
    let set = |targets: &[Target]| {
        let checked = Cell::new(0);
        let check = |_: &_, _: &_| {
            checked.set(checked.get() + 1);
            Ok(())
        };
        let wish = Traffic {
            targets: targets.to_vec(),
            keep_others: false,
            alias: LIVE.to_owned(),
            reason: Some("a test".to_owned()),
        };
        deployer.set_traffic("churn", &wish, &author("ann"), &check).map(|done| (done, checked.get()))
    };
    let (done, checked) =
        set(&[target("churn-1", 3.0), target("churn@2", 1.0), target("churn@3", None)]).unwrap();
    let why = done.change.unwrap().why;
    assert_eq!(why, "traffic set to churn@1 75%, churn@2 25%, churn@3 shadow: a test");
    assert_eq!((live(&store).as_str(), checked), ("churn@1 75%, churn@2 25%, churn@3 shadow", 2));
    let (same, checked) =
        set(&[target("churn-1", 3.0), target("churn-2", 1.0), target("churn@3", None)]).unwrap();
    assert_eq!((same.change, checked), (None, 0));
    let (_, _) = set(&[target("churn-2", 1.0)]).unwrap();
    assert_eq!(live(&store), "churn@2 100%");
    for (targets, said) in [
        (vec![target("chrun-2", 1.0)], "did you mean `churn-2`?"),
        (vec![target("churn", 1.0)], "written NAME@VERSION"),
        (vec![target("churn@9", 1.0)], "version 9 of model `churn` does not exist"),
        (vec![target("churn-2", 0.0)], "nobody would answer"),
        (vec![target("churn-2", None)], "nobody would answer"),
        (vec![], "nobody would answer"),
        (vec![target("churn-2", -1.0)], "a weight is a number from 0"),
        (vec![target("churn-2", f64::NAN)], "a weight is a number from 0"),
        (vec![target("churn-2", 1.0), target("churn@2", 1.0)], "variant `churn-2` is churn@2 already"),
    ] {
        let error = set(&targets).unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
    deployer.roll_back("churn", &Reason::default(), &author("ann")).unwrap();
    assert_eq!(live(&store), "churn@1 75%, churn@2 25%, churn@3 shadow");
}

#[test]
fn who_is_not_named_keeps_their_weight() {
    let store = store(4);
    deploy(&store, "churn@1", "all-at-once");
    let adjust = |targets: &[Target]| adjust(&store, targets, &author("ann")).map(drop);
    adjust(&[target("churn@2", 100.0), target("churn@3", None)]).unwrap();
    assert_eq!(live(&store), "churn@1 50%, churn@2 50%, churn@3 shadow");
    // A variant by its version: the same variant.
    adjust(&[target("churn@2", 0.0)]).unwrap();
    assert_eq!(live(&store), "churn@1 100%, churn@3 shadow, churn@2 0%");
    assert!(adjust(&[target("churn-1", 0.0)]).unwrap_err().to_string().contains("nobody would answer"));
}
