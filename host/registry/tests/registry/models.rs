use std::thread;

use millstream_core::layout;
use millstream_deployment::names::Reference;
use millstream_registry::{ApprovalStatus, Error, ModelVersion, Models, compare};
use millstream_store::{ErrorKind, PutOptions, Store as _};
use serde_json::json;

use crate::support::{author, deploy, store, version};

#[test]
fn the_same_task_registers_once() {
    let store = store(0);
    let models = Models::new(&store);
    assert_eq!(models.register(&version("churn", b"a")).unwrap().version, 1);
    assert_eq!(models.register(&version("churn", b"b")).unwrap().version, 2);
    assert_eq!(models.register(&version("churn", b"a")).unwrap().version, 1);
    assert_eq!(models.versions("churn").unwrap().len(), 2);
    assert_eq!(models.names().unwrap(), ["churn"]);
    assert!(matches!(models.register(&version("../x", b"a")), Err(Error::Invalid(_))));
}

#[test]
fn racing_registrations_get_numbers_of_their_own() {
    let store = store(0);
    thread::scope(|scope| {
        for i in 0..8_u8 {
            let store = &store;
            scope.spawn(move || Models::new(store).register(&version("churn", &[i])).unwrap());
        }
    });
    let numbers: Vec<u32> =
        Models::new(&store).versions("churn").unwrap().iter().map(|v| v.version).collect();
    assert_eq!(numbers, (1..=8).collect::<Vec<_>>());
}

#[test]
fn a_decision_changes_nothing_else() {
    let store = store(1);
    let models = Models::new(&store);
    let before = models.version("churn", 1).unwrap();
    let after = models.decide("churn", 1, ApprovalStatus::Approved).unwrap();
    assert_eq!(after.approval_status, ApprovalStatus::Approved);
    assert_eq!(ModelVersion { approval_status: before.approval_status, ..after }, before);
    assert!(matches!(models.decide("churn", 2, ApprovalStatus::Rejected), Err(Error::NotFound(_))));
}

#[test]
fn references_are_resolved() {
    let store = store(3);
    let models = Models::new(&store);
    let resolve = |text: &str, approved: bool| {
        models.resolve(&Reference::parse(text).unwrap(), approved).map(|version| version.version)
    };
    assert_eq!(resolve("churn", false).unwrap(), 3);
    assert!(resolve("churn", true).unwrap_err().to_string().contains("millstream models approve churn 3"));
    models.decide("churn", 3, ApprovalStatus::Rejected).unwrap();
    models.decide("churn", 1, ApprovalStatus::Approved).unwrap();
    assert_eq!(resolve("churn", false).unwrap(), 2);
    assert_eq!(resolve("churn", true).unwrap(), 1);
    models.point("churn", "champion", 2, None).unwrap();
    assert_eq!(resolve("churn@champion", false).unwrap(), 2);
    for (text, said) in [
        ("chrun", "did you mean `churn`?"),
        ("chrun@1", "did you mean `churn`?"),
        ("churn@9", "version 9 of model `churn` does not exist; versions, newest first: 3, 2, 1"),
        ("churn@champoin", "did you mean `champion`?"),
    ] {
        let error = resolve(text, false).unwrap_err();
        assert!(matches!(error, Error::NotFound(_)) && error.to_string().contains(said), "{text}: {error}");
    }
}

#[test]
fn the_second_mover_of_an_alias_is_told() {
    let store = store(3);
    let models = Models::new(&store);
    assert_eq!(models.point("churn", "champion", 1, Some(0)).unwrap(), None);
    assert_eq!(models.point("churn", "champion", 2, Some(1)).unwrap(), Some(1));
    let error = models.point("churn", "champion", 3, Some(1)).unwrap_err();
    assert!(matches!(error, Error::Conflict(_)), "{error}");
    assert!(error.to_string().contains("it points at version 2 now"), "{error}");
    // Done already is done.
    assert_eq!(models.point("churn", "champion", 2, Some(1)).unwrap(), Some(2));
    assert!(matches!(models.point("churn", "champion", 9, None), Err(Error::NotFound(_))));
    assert!(matches!(models.point("churn", "7", 1, None), Err(Error::Invalid(_))));
    assert!(matches!(models.point("churn", "../x", 1, None), Err(Error::Invalid(_))));
    assert_eq!(models.aliases("churn").unwrap(), [("champion".to_owned(), 2)]);
}

#[test]
fn of_racing_movers_one_wins() {
    let store = store(9);
    let models = Models::new(&store);
    models.point("churn", "champion", 1, None).unwrap();
    let won = thread::scope(|scope| {
        let movers: Vec<_> = (2..=9)
            .map(|to| scope.spawn(move || models.point("churn", "champion", to, Some(1)).map(|_| to)))
            .collect();
        movers.into_iter().map(|mover| mover.join().unwrap()).collect::<Vec<_>>()
    });
    let winners: Vec<u32> = won.iter().filter_map(|moved| moved.as_ref().ok().copied()).collect();
    assert_eq!(winners.len(), 1, "{won:?}");
    assert_eq!(models.aliases("churn").unwrap(), [("champion".to_owned(), winners[0])]);
    assert!(won.iter().flat_map(|moved| moved.as_ref().err()).all(|e| matches!(e, Error::Conflict(_))));
}

#[test]
fn what_is_in_use_is_not_removed() {
    let store = store(5);
    let models = Models::new(&store);
    models.point("churn", "champion", 1, None).unwrap();
    deploy(&store, "churn@2", "all-at-once");
    deploy(&store, "churn@3", "all-at-once");
    deploy(&store, "churn@4", "canary");
    for (version, said) in [
        (1, "in use by the model's alias `champion`"),
        (2, "in use by endpoint `churn` (alias `live`)"),
        (3, "in use by endpoint `churn`"),
        (4, "in use by endpoint `churn`"),
    ] {
        let error = models.remove("churn", version, &author("ann")).unwrap_err();
        assert!(matches!(error, Error::Refused(_)) && error.to_string().contains(said), "{error}");
        assert!(models.version("churn", version).is_ok(), "it is still there");
    }
    models.remove("churn", 5, &author("ann")).unwrap();
    let error = models.version("churn", 5).unwrap_err();
    assert!(error.to_string().contains("models restore churn@5"), "{error}");
    assert!(error.to_string().contains("; versions, newest first: 4, 3, 2, 1"), "{error}");
    // Its number is not given again, and its task can register anew.
    assert_eq!(models.register(&version("churn", &[4])).unwrap().version, 6);
}

#[test]
fn a_damaged_record_is_named_and_never_written_over() {
    let store = store(2);
    let models = Models::new(&store);
    let key = layout::model_version("churn", 1);
    store.put(&key, b"{ not json", &PutOptions::default()).unwrap();
    let damaged = |error: Error| match error {
        Error::Store(error) => error.kind() == ErrorKind::Corrupt && error.to_string().contains(&key),
        _ => false,
    };
    assert!(damaged(models.version("churn", 1).unwrap_err()));
    assert!(damaged(models.versions("churn").unwrap_err()));
    assert!(damaged(models.decide("churn", 1, ApprovalStatus::Approved).unwrap_err()));
    assert!(damaged(models.remove("churn", 1, &author("ann")).unwrap_err()));
    assert_eq!(store.get(&key).unwrap().bytes, b"{ not json");
    // The others are as they were.
    assert_eq!(models.version("churn", 2).unwrap().version, 2);
}

#[test]
fn versions_of_before_are_still_read() {
    let store = store(1);
    let key = layout::model_version("churn", 1);
    let mut record: serde_json::Value = serde_json::from_slice(&store.get(&key).unwrap().bytes).unwrap();
    let fields = record.as_object_mut().unwrap();
    assert!(
        !fields.contains_key("schema") && !fields.contains_key("data") && !fields.contains_key("removed")
    );
    store.put(&key, record.to_string().as_bytes(), &PutOptions::default()).unwrap();
    assert_eq!(Models::new(&store).version("churn", 1).unwrap().version, 1);
}

#[test]
fn two_versions_side_by_side() {
    let mut a = version("churn", b"a");
    let mut b = ModelVersion { approval_status: ApprovalStatus::Approved, ..version("churn", b"b") };
    a.metrics.insert("auc".to_owned(), json!(0.75));
    b.metrics.insert("auc".to_owned(), json!(0.5));
    b.metrics.insert("f1".to_owned(), json!(0.25));
    let rows = compare(&a, &b);
    let row = |what: &str| rows.iter().find(|row| row.what == what).unwrap();
    assert_eq!(row("metrics.auc").change, Some(-0.25));
    assert_eq!((row("metrics.f1").a.clone(), row("metrics.f1").change), (json!(null), None));
    assert_eq!(row("approval").b, json!("Approved"));
    assert!(row("stages").is_none() && !row("approval").is_none());
}
