//! What every [`Store`] must do, as tests. An implementation's own tests call [`run`].

// A test suite: panics are how it speaks.
#![allow(clippy::missing_panics_doc)]

use std::{
    collections::BTreeSet,
    io::{Read, Seek, SeekFrom, Write},
    sync::Arc,
    thread,
};

use millstream_core::artifact::Digest;

use crate::{Artifacts, ErrorKind, MAX_KEY_BYTES, MAX_PAGE, PutOptions, Result, Store, Version, entries};

/// A test's name, and the test: it gets an empty store.
pub type Test = (&'static str, fn(Arc<dyn Store>));

/// The suite.
pub const TESTS: &[Test] = &[
    ("an object is read as it was written", round_trip),
    ("files of a store on this machine", local_files),
    ("absent objects are not found", absent),
    ("ranges", ranges),
    ("every version is new", versions),
    ("conditions", conditions),
    ("files become objects", files),
    ("one of sixteen creators wins", one_creator_wins),
    ("sixteen counters lose no count", counters),
    ("readers see whole objects", whole_objects),
    ("creation and deletion in one folder", folders_come_and_go),
    ("listing in order", listing),
    ("listing in pages", paging),
    ("keys that are taken", good_keys),
    ("keys that are refused", bad_keys),
    ("a key in a key is refused or kept apart", no_key_in_a_key),
    ("large objects", large),
    ("artifacts", artifacts),
    ("artifacts are limited", artifact_limit),
    ("artifacts are checked", artifact_damage),
    ("an artifact reader seeks", artifact_seek),
];

/// Runs the suite; `make` gives an empty store each time.
///
/// # Panics
/// If the store does not conform.
pub fn run<S: Store + 'static>(make: impl Fn() -> S) {
    for (name, test) in TESTS {
        println!("store conformance: {name}");
        test(Arc::new(make()));
    }
}

#[track_caller]
fn fails<T>(result: Result<T>, kind: ErrorKind) {
    match result {
        Ok(_) => panic!("succeeds, and should fail as {kind:?}"),
        Err(error) => assert_eq!(error.kind(), kind, "{error}"),
    }
}

fn put(store: &dyn Store, key: &str, bytes: &[u8]) -> Version {
    store.put(key, bytes, &PutOptions::default()).unwrap()
}

fn keys(store: &dyn Store, prefix: &str) -> Vec<String> {
    entries(store, prefix).map(|entry| entry.unwrap().key).collect()
}

fn round_trip(store: Arc<dyn Store>) {
    for bytes in [&b""[..], b"x", &[0, 255, 10, 13], "ä\u{0}".as_bytes()] {
        for options in [PutOptions::default(), PutOptions::default().relaxed()] {
            let version = store.put("runs/1/plan.json", bytes, &options).unwrap();
            let object = store.get("runs/1/plan.json").unwrap();
            assert_eq!((object.bytes.as_slice(), &object.version), (bytes, &version));
            let head = store.head("runs/1/plan.json").unwrap();
            assert_eq!(
                (head.key.as_str(), head.size, head.version),
                ("runs/1/plan.json", bytes.len() as u64, version)
            );
        }
    }
    put(&*store, "runs/1/b", b"b");
    let many = store.get_many(&["runs/1/b", "runs/none", "runs/1/plan.json"]);
    assert_eq!(many.len(), 3);
    assert_eq!(many[0].as_ref().unwrap().bytes, b"b");
    assert_eq!(many[1].as_ref().unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(many[2].as_ref().unwrap().bytes, "ä\u{0}".as_bytes());
}

/// What only stores on this machine can do; others have nothing to show.
fn local_files(store: Arc<dyn Store>) {
    let Some(files) = store.local() else { return };
    put(&*store, "runs/1/b", b"b");
    let path = files.path("runs/1/b").unwrap();
    assert!(path.is_absolute() && path.starts_with(files.root()), "{}", path.display());
    assert_eq!(std::fs::read(&path).unwrap(), b"b");
    put(&*store, "runs/1/b", b"c");
    assert_eq!(std::fs::read(files.path("runs/1/b").unwrap()).unwrap(), b"c");
    store.delete("runs/1/b").unwrap();
    assert!(!path.exists() && files.path("runs/1/b").is_some(), "a path says nothing of what is there");
    for key in ["", "..", "../x", "/etc/passwd", ".store/locks/00"] {
        assert_eq!(files.path(key), None, "{key:?}");
    }
}

fn absent(store: Arc<dyn Store>) {
    put(&*store, "a/b", b"x");
    // Beside an object, inside one, and a folder of one.
    for key in ["c", "a/c", "a/b/c", "a"] {
        fails(store.get(key), ErrorKind::NotFound);
        fails(store.get_range(key, 0, 1), ErrorKind::NotFound);
        fails(store.head(key), ErrorKind::NotFound);
        store.delete(key).unwrap();
    }
    assert_eq!(store.get("a/b").unwrap().bytes, b"x");
    store.delete("a/b").unwrap();
    store.delete("a/b").unwrap();
    fails(store.get("a/b"), ErrorKind::NotFound);
    assert_eq!(keys(&*store, ""), [""; 0]);
}

fn ranges(store: Arc<dyn Store>) {
    put(&*store, "x", b"0123456789");
    for (offset, len, expected) in [
        (0, 10, "0123456789"),
        (0, 1, "0"),
        (3, 4, "3456"),
        (9, 1, "9"),
        (8, 100, "89"),
        (5, u64::MAX, "56789"),
    ] {
        assert_eq!(store.get_range("x", offset, len).unwrap(), expected.as_bytes(), "{offset}+{len}");
    }
    for (offset, len) in [(10, 1), (11, 1), (u64::MAX, 1), (u64::MAX, u64::MAX), (3, 0)] {
        fails(store.get_range("x", offset, len), ErrorKind::InvalidRange);
    }
    put(&*store, "empty", b"");
    fails(store.get_range("empty", 0, 1), ErrorKind::InvalidRange);
}

fn versions(store: Arc<dyn Store>) {
    // Same key, same size, as fast as it goes, deletions among them: no two states may look the same.
    let mut seen = BTreeSet::new();
    for i in 0..200_u8 {
        let version = put(&*store, "x", &[i]);
        assert!(seen.insert(version.to_string()), "version {version} twice");
        if i % 3 == 0 {
            store.delete("x").unwrap();
        }
    }
}

fn conditions(store: Arc<dyn Store>) {
    let first = store.put("x", b"1", &PutOptions::absent()).unwrap();
    fails(store.put("x", b"2", &PutOptions::absent()), ErrorKind::PreconditionFailed);
    let second = store.put("x", b"2", &PutOptions::matches(first.clone())).unwrap();
    fails(store.put("x", b"3", &PutOptions::matches(first.clone())), ErrorKind::PreconditionFailed);
    assert_eq!(store.get("x").unwrap().bytes, b"2");
    let third = put(&*store, "x", b"2, again");
    fails(store.put("x", b"3", &PutOptions::matches(second)), ErrorKind::PreconditionFailed);
    store.delete("x").unwrap();
    fails(store.put("x", b"4", &PutOptions::matches(third)), ErrorKind::PreconditionFailed);
    fails(store.put("y", b"4", &PutOptions::matches(first)), ErrorKind::PreconditionFailed);
    assert_eq!(keys(&*store, ""), [""; 0]);
    store.put("x", b"5", &PutOptions::absent()).unwrap();
}

fn files(store: Arc<dyn Store>) {
    let file = |text: &str| {
        let mut file = store.temp_file().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    };
    let first = store.put_file("a/x", file("one"), &PutOptions::absent()).unwrap();
    assert_eq!(store.get("a/x").unwrap().bytes, b"one");
    let loser = file("two");
    let path = loser.path().to_owned();
    fails(store.put_file("a/x", loser, &PutOptions::absent()), ErrorKind::PreconditionFailed);
    assert!(!path.exists(), "a file that lost is removed");
    store.put_file("a/x", file("three"), &PutOptions::matches(first)).unwrap();
    assert_eq!(store.get("a/x").unwrap().bytes, b"three");

    // From another store, as when one is copied to another.
    let other = crate::MemoryStore::new();
    let mut foreign = other.temp_file().unwrap();
    foreign.write_all(b"foreign").unwrap();
    store.put_file("a/y", foreign, &PutOptions::absent()).unwrap();
    assert_eq!(store.get("a/y").unwrap().bytes, b"foreign");

    let dropped = file("four");
    let path = dropped.path().to_owned();
    assert_eq!(keys(&*store, ""), ["a/x", "a/y"], "temporary files are not listed");
    drop(dropped);
    assert!(!path.exists());
}

fn one_creator_wins(store: Arc<dyn Store>) {
    for round in 0..20 {
        let key = format!("race/{round}/completion");
        let wins = thread::scope(|scope| {
            let racers: Vec<_> = (0..16_u8)
                .map(|me| {
                    let (store, key) = (&store, &key);
                    scope.spawn(move || match store.put(key, &[me; 100], &PutOptions::absent()) {
                        Ok(_) => Some(me),
                        Err(error) => {
                            assert_eq!(error.kind(), ErrorKind::PreconditionFailed, "{error}");
                            // The loser adopts what the winner wrote.
                            assert_eq!(store.get(key).unwrap().bytes.len(), 100);
                            None
                        }
                    })
                })
                .collect();
            racers.into_iter().filter_map(|r| r.join().unwrap()).collect::<Vec<_>>()
        });
        assert_eq!(wins.len(), 1, "winners {wins:?}");
        assert_eq!(store.get(&key).unwrap().bytes, [wins[0]; 100]);
    }
}

/// Adds one to the number under `key`, `times` times, by compare and swap.
pub fn count(store: &dyn Store, key: &str, times: usize) {
    for _ in 0..times {
        loop {
            let (next, options) = match store.get(key) {
                Ok(old) => {
                    let n: u64 = String::from_utf8(old.bytes).unwrap().parse().unwrap();
                    (n + 1, PutOptions::matches(old.version))
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
                    (1, PutOptions::absent())
                }
            };
            match store.put(key, next.to_string().as_bytes(), &options.relaxed()) {
                Ok(_) => break,
                Err(error) => assert_eq!(error.kind(), ErrorKind::PreconditionFailed, "{error}"),
            }
        }
    }
}

fn counters(store: Arc<dyn Store>) {
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| count(&*store, "counter", 25));
        }
    });
    assert_eq!(store.get("counter").unwrap().bytes, b"400");
}

fn whole_objects(store: Arc<dyn Store>) {
    put(&*store, "x", &[0; 50_000]);
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for i in 1..=100_u8 {
                let bytes = vec![i; 50_000 - usize::from(i)];
                store.put("x", &bytes, &PutOptions::default().relaxed()).unwrap();
            }
        });
        let mut last = 0;
        while !writer.is_finished() {
            let bytes = store.get("x").unwrap().bytes;
            let i = bytes[0];
            assert!(bytes.iter().all(|b| *b == i) && bytes.len() == 50_000 - usize::from(i), "a torn object");
            assert!(i >= last, "an old object after a new one");
            last = i;
        }
    });
}

fn folders_come_and_go(store: Arc<dyn Store>) {
    // A store that removes empty folders must not pull them away from under a write.
    thread::scope(|scope| {
        for me in 0..8 {
            let store = &store;
            scope.spawn(move || {
                let key = format!("a/b/c/{me}");
                for _ in 0..50 {
                    store.put(&key, b"x", &PutOptions::absent().relaxed()).unwrap();
                    assert_eq!(store.get(&key).unwrap().bytes, b"x");
                    store.delete(&key).unwrap();
                }
            });
        }
    });
    assert_eq!(keys(&*store, ""), [""; 0]);
    // What was a folder may be a key now, and back.
    put(&*store, "a/b", b"x");
    store.delete("a/b").unwrap();
    put(&*store, "a/b/c", b"x");
}

fn listing(store: Arc<dyn Store>) {
    // In the order of bytes '-' and '.' come before '/', and '0' after it.
    let mut all = ["a-b", "a.b", "a/b", "a/b-/c", "a/b.", "a/c/d", "a/c/d-", "a0", "b/a", "A", "_"];
    for key in all {
        put(&*store, key, key.as_bytes());
    }
    all.sort_unstable();
    assert_eq!(keys(&*store, ""), all);
    for prefix in ["a", "a/", "a/b", "a/b-/", "a/c", "a/c/d", "b", "zz", "a/b-/c", "a/b-/c/d"] {
        let expected: Vec<_> = all.iter().filter(|key| key.starts_with(prefix)).collect();
        assert_eq!(keys(&*store, prefix).iter().collect::<Vec<_>>(), expected, "{prefix}");
        for after in all.iter().chain(&["", "a/", "a/c", "a/c/", "~", "a/b-"]) {
            let expected: Vec<_> = expected.iter().filter(|key| **key > after).collect();
            let page = store.list(prefix, Some(after), 100).unwrap();
            let found: Vec<_> = page.entries.iter().map(|e| e.key.as_str()).collect();
            assert_eq!(
                found.iter().collect::<Vec<_>>(),
                expected.into_iter().copied().collect::<Vec<_>>(),
                "{prefix} {after}"
            );
        }
    }
    for entry in entries(&*store, "") {
        let entry = entry.unwrap();
        assert_eq!(entry, store.head(&entry.key).unwrap());
    }
    for prefix in ["/", "..", "a//", "a/../b"] {
        fails(store.list(prefix, None, 10), ErrorKind::InvalidKey);
    }
}

fn paging(store: Arc<dyn Store>) {
    let all: Vec<String> = (0..MAX_PAGE + 7).map(|i| format!("p/{:02}/{i:04}", i / 100)).collect();
    for key in &all {
        store.put(key, b"", &PutOptions::default().relaxed()).unwrap();
    }
    for limit in [1, 7, 100, MAX_PAGE, 0, usize::MAX] {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = store.list("p/", after.as_deref(), limit).unwrap();
            assert!(page.entries.len() <= limit.clamp(1, MAX_PAGE));
            found.extend(page.entries.into_iter().map(|e| e.key));
            after = page.next;
            if after.is_none() || (limit < 7 && found.len() > 20) {
                break;
            }
        }
        assert_eq!(found, all[..found.len()], "limit {limit}");
        assert!(after.is_some() || found.len() == all.len(), "limit {limit}");
    }
    // A page that is exactly full is the last.
    assert_eq!(store.list("p/00/", None, 100).unwrap().next, None);
    assert_eq!(entries(&*store, "p/").count(), all.len());
}

fn good_keys(store: Arc<dyn Store>) {
    let name = "n".repeat(255);
    let longest = format!("{name}/{name}/{name}/x/{}", "x".repeat(MAX_KEY_BYTES - 3 * 256 - 2));
    assert_eq!(longest.len(), MAX_KEY_BYTES);
    let mut all = ["-", "_", "a..b", "x=1,y=@2", "(~)+", "con", "A.lock", "tmp/0.tmp", "runs/-/=", &longest];
    all.sort_unstable();
    for key in all {
        put(&*store, key, key.as_bytes());
    }
    for key in all {
        assert_eq!(store.get(key).unwrap().bytes, key.as_bytes());
    }
    assert_eq!(keys(&*store, ""), all);
    all.iter().for_each(|key| store.delete(key).unwrap());
    assert_eq!(keys(&*store, ""), [""; 0]);
}

fn bad_keys(store: Arc<dyn Store>) {
    let long_name = "n".repeat(256);
    let long = "a/".repeat(MAX_KEY_BYTES / 2) + "a";
    let bad = [
        "",
        "/",
        "/etc/passwd",
        "a/",
        "a//b",
        ".",
        "..",
        "../x",
        "a/../../x",
        ".store/locks/00",
        "a\\b",
        "a\0",
        "ü",
        "a b",
        "a\n",
        "a:b",
        "a*",
        &long_name,
        &long,
    ];
    for key in bad {
        fails(store.get(key), ErrorKind::InvalidKey);
        fails(store.get_range(key, 0, 1), ErrorKind::InvalidKey);
        fails(store.head(key), ErrorKind::InvalidKey);
        fails(store.put(key, b"x", &PutOptions::default()), ErrorKind::InvalidKey);
        fails(store.put_file(key, store.temp_file().unwrap(), &PutOptions::default()), ErrorKind::InvalidKey);
        fails(store.delete(key), ErrorKind::InvalidKey);
        assert_eq!(store.local().and_then(|files| files.path(key)), None);
    }
    assert_eq!(keys(&*store, ""), [""; 0]);
}

fn no_key_in_a_key(store: Arc<dyn Store>) {
    put(&*store, "a/b", b"x");
    // Either it refuses, and nothing changes, or it keeps both.
    for options in [PutOptions::default(), PutOptions::absent()] {
        for key in ["a", "a/b/c", "a/b/c/d"] {
            match store.put(key, b"y", &options) {
                Ok(_) => {
                    assert_eq!(keys(&*store, ""), if key < "a/b" { [key, "a/b"] } else { ["a/b", key] });
                    assert_eq!(store.get(key).unwrap().bytes, b"y");
                    store.delete(key).unwrap();
                }
                Err(error) => assert_eq!(error.kind(), ErrorKind::InvalidKey, "{error}"),
            }
            assert_eq!(store.get("a/b").unwrap().bytes, b"x");
        }
    }
    assert_eq!(keys(&*store, ""), ["a/b"]);
}

fn large(store: Arc<dyn Store>) {
    let block: Vec<u8> = (0..1_u32 << 18).flat_map(u32::to_le_bytes).collect();
    let mut file = store.temp_file().unwrap();
    for _ in 0..40 {
        file.write_all(&block).unwrap();
    }
    store.put_file("large", file, &PutOptions::absent()).unwrap();
    assert_eq!(store.head("large").unwrap().size, 40 << 20);
    assert_eq!(store.get_range("large", (39 << 20) + 4, 8).unwrap(), [1, 0, 0, 0, 2, 0, 0, 0]);
    assert_eq!(store.get_range("large", (40 << 20) - 1, 8).unwrap(), [block[block.len() - 1]]);
}

fn artifacts(store: Arc<dyn Store>) {
    let artifacts = Artifacts::new(store.clone());
    let mut writer = artifacts.writer(None).unwrap();
    for part in ["to be, ", "", "or not to be"] {
        writer.write_all(part.as_bytes()).unwrap();
    }
    assert_eq!(keys(&*store, ""), [""; 0], "not there before it is finished");
    let written = writer.finish().unwrap();
    assert_eq!(written.digest, Digest::of(b"to be, or not to be"));
    assert_eq!(written.size, 19);
    let version = store.head(&Artifacts::key(&written.digest)).unwrap().version;

    // Again, three ways: the same artifact, not written again.
    assert_eq!(artifacts.put(b"to be, or not to be").unwrap(), written);
    let mut again = artifacts.writer(None).unwrap();
    again.write_all(b"to be, or not to be").unwrap();
    assert_eq!(again.finish().unwrap(), written);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("source");
    std::fs::write(&path, "to be, or not to be").unwrap();
    assert_eq!(artifacts.import_file(&path).unwrap(), written);
    std::fs::write(&path, "changed").unwrap();
    assert_eq!(store.head(&Artifacts::key(&written.digest)).unwrap().version, version);
    assert_eq!(artifacts.read_verified(&written.digest, 19).unwrap(), b"to be, or not to be");
    fails(artifacts.read_verified(&written.digest, 18), ErrorKind::LimitExceeded);
    assert_eq!(keys(&*store, "artifacts/"), [Artifacts::key(&written.digest)]);

    // Dropped: nothing. Absent: not found.
    let mut dropped = artifacts.writer(None).unwrap();
    dropped.write_all(b"half").unwrap();
    drop(dropped);
    let none = Digest::of(b"half");
    assert_eq!(artifacts.size(&none).unwrap(), None);
    assert_eq!(artifacts.size(&written.digest).unwrap(), Some(19));
    fails(artifacts.open(&none), ErrorKind::NotFound);
    fails(artifacts.read_verified(&none, 10), ErrorKind::NotFound);
    fails(artifacts.verify(&none), ErrorKind::NotFound);
    fails(artifacts.import_file(&folder.path().join("none")), ErrorKind::NotFound);
    for endless in [folder.path(), "/dev/zero".as_ref()] {
        fails(artifacts.import_file(endless), ErrorKind::Unsupported);
    }
    assert_eq!(artifacts.put(b"").unwrap().digest, Digest::of(b""));

    // Many writers of the same bytes.
    thread::scope(|scope| {
        let writers: Vec<_> = (0..8).map(|_| scope.spawn(|| artifacts.put(&[7; 10_000]).unwrap())).collect();
        let written: BTreeSet<_> = writers.into_iter().map(|w| w.join().unwrap().digest).collect();
        assert_eq!(written, BTreeSet::from([Digest::of(&[7; 10_000])]));
    });
}

fn artifact_limit(store: Arc<dyn Store>) {
    let artifacts = Artifacts::new(store.clone());
    let mut writer = artifacts.writer(Some(10)).unwrap();
    writer.write_all(&[0; 10]).unwrap();
    let error = writer.write_all(&[0]).unwrap_err();
    let inner = error.get_ref().and_then(|e| e.downcast_ref::<crate::Error>()).expect("our error inside");
    assert_eq!(inner.kind(), ErrorKind::LimitExceeded);
    assert_eq!(writer.finish().unwrap().size, 10);
}

fn artifact_damage(store: Arc<dyn Store>) {
    let artifacts = Artifacts::new(store.clone());
    let written = artifacts.put(b"whole").unwrap();
    artifacts.verify(&written.digest).unwrap();
    let key = Artifacts::key(&written.digest);
    put(&*store, &key, b"whale");
    fails(artifacts.read_verified(&written.digest, 100), ErrorKind::Corrupt);
    fails(artifacts.verify(&written.digest), ErrorKind::Corrupt);
    // Cut short: written anew.
    put(&*store, &key, b"wh");
    artifacts.put(b"whole").unwrap();
    artifacts.verify(&written.digest).unwrap();
}

fn artifact_seek(store: Arc<dyn Store>) {
    let artifacts = Artifacts::new(store);
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|i| (i % 251) as u8).collect();
    let digest = artifacts.put(&bytes).unwrap().digest;
    let mut reader = artifacts.open(&digest).unwrap();
    assert_eq!(reader.size(), 3_000_000);
    let mut all = Vec::new();
    reader.read_to_end(&mut all).unwrap();
    assert!(all == bytes);
    let mut ten = [0; 10];
    for at in [0, 2_999_990, 1_048_570, 1_048_576, 5, 2_000_000] {
        assert_eq!(reader.seek(SeekFrom::Start(at as u64)).unwrap(), at as u64);
        reader.read_exact(&mut ten).unwrap();
        assert_eq!(ten, bytes[at..at + 10]);
    }
    assert_eq!(reader.seek(SeekFrom::End(-3)).unwrap(), 2_999_997);
    assert_eq!(reader.read(&mut ten).unwrap(), 3);
    assert_eq!(reader.seek(SeekFrom::Current(7)).unwrap(), 3_000_007);
    assert_eq!(reader.read(&mut ten).unwrap(), 0);
    assert!(reader.seek(SeekFrom::Current(-4_000_000)).is_err());
}
