//! Listings against a model: a sorted set of keys.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    sync::Arc,
};

use millstream_store::{Artifacts, LocalStore, MemoryStore, Store};
use proptest::prelude::*;

use super::*;
use crate::{
    checksums::Sums,
    conditions::WriteIf,
    objects::New,
    record::ObjectHeaders,
    view::{Source, ViewError},
};

fn new() -> New {
    New {
        size: 1,
        etag: "e".to_owned(),
        headers: ObjectHeaders::default(),
        sums: Sums::new(),
        parts: Vec::new(),
        upload: None,
        reason: "Put",
    }
}

fn bucket(store: Arc<dyn Store>, keys: &BTreeSet<String>) -> Buckets {
    let buckets = Buckets::new(Artifacts::new(store));
    assert!(buckets.create("b-1").unwrap());
    // A neighbour with a name that begins alike.
    assert!(buckets.create("b-1.x").unwrap());
    for (bucket, key) in keys.iter().map(|key| ("b-1", key.as_str())).chain([("b-1.x", "a/foreign")]) {
        let mut file = buckets.store().temp_file().unwrap();
        file.write_all(b"x").unwrap();
        buckets.put(bucket, key, file, &new(), &WriteIf::default()).unwrap();
    }
    buckets
}

/// The keys as a view.
struct Folders(BTreeSet<String>);

impl VirtualBucket for Folders {
    fn folder(&self, path: &str) -> Result<Vec<Node>, ViewError> {
        let mut nodes: BTreeMap<String, Node> = BTreeMap::new();
        for rest in self.0.iter().filter_map(|key| key.strip_prefix(path)) {
            match rest.split_once('/') {
                Some((name, _)) => {
                    nodes.insert(format!("{name}/"), Node::Folder(name.to_owned()));
                }
                None => {
                    nodes.insert(rest.to_owned(), Node::Object(rest.to_owned(), seen()));
                }
            }
        }
        Ok(nodes.into_values().collect())
    }

    fn find(&self, key: &str) -> Result<Option<Seen>, ViewError> {
        Ok(self.0.contains(key).then(seen))
    }
}

fn seen() -> Seen {
    Seen {
        size: 1,
        etag: "e".to_owned(),
        modified: 0,
        content_type: String::new(),
        source: Source::Key("k".to_owned()),
    }
}

/// What S3 says: objects and rolled-up prefixes together, in order.
fn model(keys: &BTreeSet<String>, ask: &Ask) -> Vec<String> {
    let mut all = BTreeSet::new();
    for key in keys.iter().filter(|key| key.starts_with(&ask.prefix) && **key > ask.after) {
        let rolled = ask.delimiter.as_ref().and_then(|delimiter| {
            let at = key[ask.prefix.len()..].find(delimiter.as_str())?;
            Some(key[..ask.prefix.len() + at + delimiter.len()].to_owned())
        });
        match rolled {
            Some(rolled) if rolled == ask.after => {}
            Some(rolled) => {
                all.insert(rolled);
            }
            None => {
                all.insert(key.clone());
            }
        }
    }
    all.into_iter().collect()
}

/// All parts of a listing.
fn listed(buckets: &Buckets, bucket: &str, ask: &Ask) -> Vec<String> {
    let (mut all, mut ask) = (Vec::new(), ask.clone());
    loop {
        let Listed { objects, prefixes, next } = buckets.list(bucket, &ask).unwrap();
        assert!(objects.len() + prefixes.len() <= ask.most);
        let mut part: Vec<String> = objects.into_iter().map(|record| record.key).chain(prefixes).collect();
        part.sort_unstable();
        assert!(next.is_none() || part.last() == next.as_ref(), "{next:?}");
        all.extend(part);
        match next {
            Some(next) => ask.after = next,
            None => return all,
        }
    }
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[-+./ab=é]{1,6}",
        1 => "\\PC{1,10}",
        1 => "[ab/]{0,3}".prop_map(|tail| format!("{}{tail}", "n".repeat(80))),
        // Long ones, which only their records tell apart.
        1 => "[ab/]{1,3}".prop_map(|tail| format!("{}{tail}", "l".repeat(256))),
        1 => "[ab/]{1,3}".prop_map(|tail| format!("a/{}{tail}", "l/".repeat(140))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_listing_is_what_the_model_says(
        keys in prop::collection::btree_set(key(), 0..25),
        pick in any::<prop::sample::Index>(),
        cut in 0..6_usize,
        delimiter in prop::option::of("[/ab]|//|-a"),
        after in prop_oneof![2 => Just(String::new()), 1 => "[-+./ab]{0,4}", 1 => key()],
        most in 1..6_usize,
    ) {
        let sorted: Vec<&String> = keys.iter().collect();
        let prefix = if sorted.is_empty() { String::new() } else { pick.get(&sorted).chars().take(cut).collect() };
        let ask = Ask { prefix, delimiter, after, most };
        let buckets = bucket(Arc::new(MemoryStore::new()), &keys)
            .showing("view", Arc::new(Folders(keys.iter().filter(|key| !key.ends_with('/')).cloned().collect())));
        prop_assert_eq!(listed(&buckets, "b-1", &ask), model(&keys, &ask));
        let shown = keys.iter().filter(|key| !key.ends_with('/')).cloned().collect();
        prop_assert_eq!(listed(&buckets, "view", &ask), model(&shown, &ask));
        for key in &keys {
            prop_assert_eq!(&buckets.open("b-1", key).unwrap().record.key, key);
            let other = key.clone() + "x";
            prop_assert_eq!(buckets.find("b-1", &other).unwrap().is_some(), keys.contains(&other));
        }
    }
}

#[test]
fn a_folder_lists_as_the_memory_does() {
    let folder = tempfile::tempdir().unwrap();
    let keys: BTreeSet<String> = [
        "a",
        "a-b",
        "a/b",
        "a/b/c",
        "a//b",
        "ab",
        "/",
        "a/",
        ".x",
        "-x",
        "é",
        "A",
        &"n".repeat(300),
        &"l/".repeat(200),
    ]
    .map(str::to_owned)
    .into();
    let local = bucket(Arc::new(LocalStore::open(folder.path()).unwrap()), &keys);
    for prefix in ["", "a", "a/", "a//", "l/l", "n"] {
        for delimiter in [None, Some("/".to_owned())] {
            for most in [1, 3, 1000] {
                let ask = Ask {
                    prefix: prefix.to_owned(),
                    delimiter: delimiter.clone(),
                    after: String::new(),
                    most,
                };
                assert_eq!(listed(&local, "b-1", &ask), model(&keys, &ask), "{ask:?}");
            }
        }
    }
    for key in &keys {
        local.delete("b-1", key, &WriteIf::default()).unwrap();
    }
    local.delete("b-1", "a", &WriteIf::default()).unwrap();
    local.delete_bucket("b-1").unwrap();
    local.delete("b-1.x", "a/foreign", &WriteIf::default()).unwrap();
    local.delete_bucket("b-1.x").unwrap();
    // Nothing is left: no record, no bytes.
    assert_eq!(millstream_store::entries(&**local.store(), "").count(), 0);
}
