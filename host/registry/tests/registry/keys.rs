use millstream_core::layout;
use millstream_registry::{Error, Keys, NewKey, Scope};
use millstream_store::{ErrorKind, Fault, Operation, PutOptions, Store as _, entries};

use crate::support::store;

fn new(scopes: &[Scope]) -> NewKey {
    NewKey { name: "ci".to_owned(), scopes: scopes.iter().copied().collect(), endpoints: None, expires: None }
}

#[test]
fn a_key_works_until_it_is_revoked() {
    let store = store(0);
    let keys = Keys::new(&store);
    let (key, secret) = keys.create(new(&[Scope::Invoke]), 5).unwrap();
    assert_eq!(keys.verify(&secret, 6).unwrap(), Some(key.clone()));
    let all: Vec<_> = keys.list().unwrap().into_iter().map(|(_, key)| key.unwrap()).collect();
    assert_eq!(all, std::slice::from_ref(&key));
    let last = secret.chars().last().unwrap();
    let wrong = format!("{}{}", &secret[..secret.len() - 1], if last == '0' { '1' } else { '0' });
    for text in ["", "mst_", "mst_x", "mst_../../x_y", &wrong, &secret[..20], &format!("{secret}0")] {
        assert_eq!(keys.verify(text, 6).unwrap(), None, "{text}");
    }
    keys.revoke(&key.id).unwrap();
    assert_eq!(keys.verify(&secret, 6).unwrap(), None);
    assert!(matches!(keys.revoke(&key.id), Err(Error::NotFound(_))));
}

#[test]
fn the_secret_is_nowhere_in_the_store() {
    let store = store(0);
    let keys = Keys::new(&store);
    let (_, a) = keys.create(new(&[Scope::Invoke]), 5).unwrap();
    let (_, b) = keys.create(new(&[Scope::Invoke]), 5).unwrap();
    assert_ne!(a, b);
    let secret = a.rsplit('_').next().unwrap();
    assert_eq!(secret.len(), 64, "256 bits");
    for entry in entries(&store, "") {
        let bytes = store.get(&entry.unwrap().key).unwrap().bytes;
        assert!(!String::from_utf8_lossy(&bytes).contains(secret));
    }
}

#[test]
fn a_key_ends() {
    let store = store(0);
    let keys = Keys::new(&store);
    let (_, secret) = keys.create(NewKey { expires: Some(10), ..new(&[Scope::Invoke]) }, 5).unwrap();
    assert!(keys.verify(&secret, 9).unwrap().is_some());
    assert!(keys.verify(&secret, 10).unwrap().is_none());
}

#[test]
fn scopes_and_endpoints() {
    let store = store(0);
    let keys = Keys::new(&store);
    let of = |new| keys.create(new, 5).unwrap().0;
    let invoke = of(new(&[Scope::Invoke]));
    assert!(invoke.allows(Scope::Invoke, Some("churn")));
    assert!(!invoke.allows(Scope::Deploy, Some("churn")) && !invoke.allows(Scope::Admin, None));
    let deploy = of(new(&[Scope::Deploy]));
    assert!(!deploy.allows(Scope::Invoke, Some("churn")));
    let admin = of(new(&[Scope::Admin]));
    assert!(admin.allows(Scope::Invoke, Some("churn")) && admin.allows(Scope::Admin, None));
    let one = NewKey { endpoints: Some(["churn".to_owned()].into()), ..new(&[Scope::Invoke]) };
    let one = of(one);
    assert!(one.allows(Scope::Invoke, Some("churn")));
    assert!(!one.allows(Scope::Invoke, Some("fraud")) && !one.allows(Scope::Invoke, None));
}

#[test]
fn keys_for_nothing_are_refused() {
    let store = store(0);
    let keys = Keys::new(&store);
    let limited = |scope, endpoints: &[&str]| NewKey {
        endpoints: Some(endpoints.iter().map(|name| (*name).to_owned()).collect()),
        ..new(&[scope])
    };
    for bad in [
        new(&[]),
        limited(Scope::Invoke, &[]),
        limited(Scope::Invoke, &["../x"]),
        limited(Scope::Admin, &["a"]),
    ] {
        assert!(matches!(keys.create(bad, 5), Err(Error::Invalid(_))));
    }
    assert!(keys.list().unwrap().is_empty());
}

/// "Unknown" is for keys that are known not to be there. What cannot be read may be anybody's.
#[test]
fn a_key_that_cannot_be_read_is_not_an_unknown_one() {
    let store = store(0);
    let keys = Keys::new(&store);
    let (key, secret) = keys.create(new(&[Scope::Invoke]), 5).unwrap();
    for kind in [ErrorKind::Unavailable, ErrorKind::Permission, ErrorKind::Full] {
        store.inject(move |operation, _| (operation == Operation::Get).then_some(Fault::Before(kind)));
        let error = keys.verify(&secret, 6).unwrap_err();
        assert!(error.is_unreadable(), "{error}");
        // What is no key at all needs no store to tell.
        assert_eq!(keys.verify("mst_x", 6).unwrap(), None);
        store.heal();
    }
    let record = layout::key(&key.id);
    for bytes in [&b""[..], b"{", b"null", b"{\"id\": 5}"] {
        store.put(&record, bytes, &PutOptions::default()).unwrap();
        assert!(keys.verify(&secret, 6).unwrap_err().is_unreadable());
    }
    store.delete(&record).unwrap();
    assert_eq!(keys.verify(&secret, 6).unwrap(), None, "it is known that it is not there");
    assert!(!keys.revoke(&key.id).unwrap_err().is_unreadable());
}

#[test]
fn a_damaged_key_hides_no_other_and_can_be_revoked() {
    let store = store(0);
    let keys = Keys::new(&store);
    let (first, secret) = keys.create(new(&[Scope::Admin]), 5).unwrap();
    let (second, _) = keys.create(new(&[Scope::Invoke]), 6).unwrap();
    store.put(&layout::key(&second.id), b"{", &PutOptions::default()).unwrap();
    let all = keys.list().unwrap();
    assert_eq!(all.len(), 2);
    assert!(all[0].1.as_ref().unwrap().id == first.id && all[1].0 == second.id && all[1].1.is_err());
    assert!(keys.verify(&secret, 7).unwrap().is_some());
    keys.revoke(&second.id).unwrap();
    keys.revoke(&first.id).unwrap();
    assert!(keys.list().unwrap().is_empty());
}
