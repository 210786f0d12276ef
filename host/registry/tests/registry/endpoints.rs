use std::thread;

use millstream_core::layout;
use millstream_deployment::{Alias, Config, Endpoint, LIVE, Variant};
use millstream_registry::{Author, Edit, Endpoints, Error, HISTORY, IdempotentRequest};
use millstream_store::{ErrorKind, Fault, MemoryStore, Operation, PutOptions, Store as _};

use crate::support::{author, deploy, store};

fn served() -> MemoryStore {
    let store = store(2);
    deploy(&store, "churn@1", "all-at-once");
    store
}

fn longer(endpoint: &mut Endpoint) -> Result<Option<Edit>, Error> {
    endpoint.config.timeout += 1;
    Ok(Some(Edit { alias: None, why: "longer".to_owned() }))
}

#[test]
fn racing_changes_are_all_made() {
    let store = served();
    let endpoints = Endpoints::new(&store);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                (0..10).for_each(|_| drop(endpoints.update("churn", &author("ann"), None, longer).unwrap()))
            });
        }
    });
    let endpoint = endpoints.get("churn").unwrap();
    assert_eq!(endpoint.config.timeout, Config::default().timeout + 80);
    assert_eq!(endpoint.revision, 81);
}

#[test]
fn old_changes_move_to_the_history() {
    let store = served();
    let endpoints = Endpoints::new(&store);
    for _ in 0..HISTORY + 10 {
        endpoints.update("churn", &author("ann"), None, longer).unwrap();
    }
    let endpoint = endpoints.get("churn").unwrap();
    assert_eq!(endpoint.changes.len(), HISTORY);
    let revisions: Vec<u64> = endpoints.history("churn").unwrap().iter().map(|c| c.revision).collect();
    assert_eq!(revisions, (1..=HISTORY as u64 + 11).collect::<Vec<_>>());
}

#[test]
fn an_expected_revision_guards() {
    let store = served();
    let endpoints = Endpoints::new(&store);
    endpoints.update("churn", &author("bob"), Some(1), longer).unwrap();
    let error = endpoints.update("churn", &author("ann"), Some(1), longer).unwrap_err();
    assert!(matches!(error, Error::Conflict(_)), "{error}");
    assert!(error.to_string().contains("(revision 2: longer by bob)"), "{error}");
}

#[test]
fn a_request_makes_its_change_once() {
    let store = served();
    let endpoints = Endpoints::new(&store);
    let once = Author { request: Some(IdempotentRequest::of("q1")), ..author("ann") };
    let first = endpoints.update("churn", &once, None, longer).unwrap();
    let again = endpoints.update("churn", &once, None, longer).unwrap();
    assert_eq!((again.change, again.repeated), (None, first.change));
    assert_eq!(endpoints.get("churn").unwrap().revision, 2);
}

#[test]
fn a_lost_answer_is_no_lost_change() {
    let store = served();
    let endpoints = Endpoints::new(&store);
    let mut lost = false;
    store.inject(move |operation, key| {
        let fault = operation == Operation::Put && key.starts_with("endpoints/") && !lost;
        lost |= fault;
        fault.then_some(Fault::After(ErrorKind::Unavailable))
    });
    let updated = endpoints.update("churn", &author("ann"), None, longer).unwrap();
    assert_eq!(updated.endpoint.revision, 2);
    assert_eq!(endpoints.get("churn").unwrap(), updated.endpoint);
}

#[test]
fn what_cannot_be_served_is_not_written() {
    let store = served();
    let endpoints = Endpoints::new(&store);
    let edit = || Ok(Some(Edit { alias: None, why: "broken".to_owned() }));
    let breaks: [fn(&mut Endpoint); 3] = [
        |endpoint| endpoint.aliases.get_mut(LIVE).unwrap().variants.clear(),
        |endpoint| drop(endpoint.aliases.remove(LIVE)),
        |endpoint| endpoint.config.timeout = 0,
    ];
    for change in breaks {
        let update = endpoints.update("churn", &author("ann"), None, |endpoint| {
            change(endpoint);
            edit()
        });
        assert!(matches!(update, Err(Error::Invalid(_))), "{update:?}");
    }
    assert_eq!(endpoints.get("churn").unwrap().revision, 1);
}

#[test]
fn a_damaged_record_is_named_and_hides_no_other() {
    let store = served();
    let endpoints = Endpoints::new(&store);
    let live = Alias { variants: vec![Variant::of("churn", 1)], ..Alias::default() };
    endpoints.create("fraud", live.clone(), Config::default(), &author("ann"), "made").unwrap();
    let key = layout::endpoint("churn");
    let whole = store.get(&key).unwrap().bytes;
    let unserved = String::from_utf8(whole.clone()).unwrap().replace("\"weight\": 100.0", "\"weight\": 0.0");
    for bytes in [&b"{"[..], b"", &whole[..whole.len() / 2], unserved.as_bytes()] {
        store.put(&key, bytes, &PutOptions::default()).unwrap();
        for error in [
            endpoints.get("churn").unwrap_err(),
            endpoints.update("churn", &author("ann"), None, longer).unwrap_err(),
            endpoints.create("churn", live.clone(), Config::default(), &author("ann"), "made").unwrap_err(),
            endpoints.remove("churn", &author("ann"), None).unwrap_err(),
        ] {
            let Error::Store(error) = error else { panic!("{error}") };
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            assert!(error.to_string().contains(&key), "{error}");
        }
        assert_eq!(store.get(&key).unwrap().bytes, bytes);
    }
    let list = endpoints.list().unwrap();
    assert_eq!(
        list.iter().map(|(name, read)| (name.as_str(), read.is_ok())).collect::<Vec<_>>(),
        [("churn", false), ("fraud", true)]
    );
}

#[test]
fn a_removed_endpoint_is_gone_and_its_revisions_go_on() {
    let store = served();
    let endpoints = Endpoints::new(&store);
    assert!(matches!(endpoints.remove("churn", &author("ann"), Some(7)), Err(Error::Conflict(_))));
    endpoints.remove("churn", &author("ann"), None).unwrap();
    assert!(endpoints.find("churn").unwrap().is_none());
    assert!(endpoints.list().unwrap().is_empty());
    assert!(matches!(endpoints.remove("churn", &author("ann"), None), Err(Error::NotFound(_))));
    assert!(matches!(endpoints.update("churn", &author("ann"), None, longer), Err(Error::NotFound(_))));
    assert_eq!(endpoints.history("churn").unwrap().last().unwrap().why, "removed");
    deploy(&store, "churn@2", "all-at-once");
    assert_eq!(endpoints.get("churn").unwrap().revision, 3);
}

#[test]
fn names_that_are_none() {
    let store = served();
    let endpoints = Endpoints::new(&store);
    for name in ["", "../keys/x", "Churn", "a b"] {
        assert!(endpoints.find(name).unwrap().is_none(), "{name}");
        let made = endpoints.create(name, Alias::default(), Config::default(), &author("ann"), "");
        assert!(matches!(made, Err(Error::Invalid(_))), "{name}");
    }
    let error = endpoints.get("chrun").unwrap_err().to_string();
    assert_eq!(error, "there is no endpoint `chrun`; did you mean `churn`?");
}

fn asked<'a>(key: &'a str, fingerprint: &'a str) -> Author<'a> {
    Author { request: Some(IdempotentRequest { key, fingerprint: Some(fingerprint) }), ..author("ann") }
}

#[test]
fn a_key_is_good_for_one_change() {
    let store = served();
    let endpoints = Endpoints::new(&store);
    endpoints.update("churn", &asked("k", "one"), None, longer).unwrap();
    let there = endpoints.get("churn").unwrap();
    // Another change with it, also by a caller who gives no fingerprint, is refused and named.
    for other in [asked("k", "two"), Author { request: Some(IdempotentRequest::of("k")), ..author("ann") }] {
        let error = endpoints.update("churn", &other, None, longer).unwrap_err();
        assert!(matches!(error, Error::Reused(_)), "{error}");
        let text = error.to_string();
        assert!(text.contains("`k`") && text.contains("revision 2, longer by ann"), "{text}");
        assert!(matches!(endpoints.repeated("churn", &other), Err(Error::Reused(_))));
    }
    assert_eq!(endpoints.get("churn").unwrap(), there);
    assert_eq!(endpoints.repeated("churn", &asked("k", "one")).unwrap(), Some(there));
    assert_eq!(endpoints.repeated("churn", &asked("other", "one")).unwrap(), None);
}

#[test]
fn a_key_is_good_for_one_endpoint() {
    let store = served();
    let endpoints = Endpoints::new(&store);
    let live = Alias { variants: vec![Variant::of("churn", 1)], ..Alias::default() };
    endpoints.create("fraud", live, Config::default(), &asked("k", "make fraud"), "made").unwrap();
    let error = endpoints.repeated("churn", &asked("k", "make churn")).unwrap_err();
    assert!(error.to_string().contains("endpoint `fraud` revision 1, made"), "{error}");
    // A damaged record of another endpoint hides nothing.
    store.put(&layout::endpoint("aaa"), b"{", &PutOptions::default()).unwrap();
    assert!(matches!(endpoints.repeated("churn", &asked("k", "make churn")), Err(Error::Reused(_))));
    assert_eq!(endpoints.repeated("churn", &asked("free", "x")).unwrap(), None);
}

#[test]
fn a_key_that_had_nothing_to_do_is_used_all_the_same() {
    let store = served();
    let endpoints = Endpoints::new(&store);
    let nothing = |_: &mut Endpoint| Ok(None);
    let updated = endpoints.update("churn", &asked("k", "nothing"), None, nothing).unwrap();
    assert_eq!((updated.change, updated.repeated), (None, None));
    assert!(endpoints.repeated("churn", &asked("k", "nothing")).unwrap().is_some());
    assert!(matches!(endpoints.update("churn", &asked("k", "longer"), None, longer), Err(Error::Reused(_))));
    // Without a fingerprint nothing is written.
    let revision = endpoints.get("churn").unwrap().revision;
    endpoints.update("churn", &author("ann"), None, nothing).unwrap();
    assert_eq!(endpoints.get("churn").unwrap().revision, revision);
}

#[test]
fn a_late_request_does_not_bring_back_what_was_removed() {
    let store = served();
    let endpoints = Endpoints::new(&store);
    let live = Alias { variants: vec![Variant::of("churn", 1)], ..Alias::default() };
    let make =
        |author: &Author<'_>| endpoints.create("fraud", live.clone(), Config::default(), author, "made");
    make(&asked("k", "make")).unwrap();
    endpoints.remove("fraud", &author("bob"), None).unwrap();
    let late = make(&asked("k", "make")).unwrap_err();
    assert!(matches!(&late, Error::Conflict(text) if text.contains("was removed since")), "{late}");
    assert!(matches!(make(&asked("k", "other")), Err(Error::Reused(_))));
    assert!(endpoints.find("fraud").unwrap().is_none());
    make(&asked("k2", "make")).unwrap();
}

#[test]
fn many_at_once_with_one_key_make_one_change() {
    let store = served();
    let outcomes: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..8)
            .map(|number| {
                let store = &store;
                scope.spawn(move || {
                    let fingerprint = ["one", "two"][number % 2];
                    Endpoints::new(store).update("churn", &asked("k", fingerprint), None, longer)
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    let made = outcomes.iter().filter(|o| o.as_ref().is_ok_and(|updated| updated.change.is_some())).count();
    let refused = outcomes.iter().filter(|o| matches!(o, Err(Error::Reused(_)))).count();
    assert_eq!((made, refused), (1, 4), "{outcomes:?}");
    assert_eq!(Endpoints::new(&store).get("churn").unwrap().revision, 2);
}
