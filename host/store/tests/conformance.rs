//! The suite on each implementation of this crate.

use std::io::Write;

use millstream_store::{
    Entry, LocalFiles, LocalStore, MemoryStore, Object, Page, PutOptions, Result, Store, TempFile, Version,
    conformance,
};

/// A local store in a folder of its own.
struct Fresh {
    store: LocalStore,
    _folder: tempfile::TempDir,
    /// Whether it shows its files; without, readers go the way they would over the network.
    paths: bool,
}

impl Fresh {
    fn new(paths: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { store: LocalStore::open(folder.path().join("store")).unwrap(), _folder: folder, paths }
    }
}

impl Store for Fresh {
    fn get(&self, key: &str) -> Result<Object> {
        self.store.get(key)
    }
    fn get_range(&self, key: &str, offset: u64, len: u64) -> Result<Vec<u8>> {
        self.store.get_range(key, offset, len)
    }
    fn head(&self, key: &str) -> Result<Entry> {
        self.store.head(key)
    }
    fn put(&self, key: &str, bytes: &[u8], options: &PutOptions) -> Result<Version> {
        self.store.put(key, bytes, options)
    }
    fn put_file(&self, key: &str, file: TempFile, options: &PutOptions) -> Result<Version> {
        self.store.put_file(key, file, options)
    }
    fn temp_file(&self) -> Result<TempFile> {
        self.store.temp_file()
    }
    fn list(&self, prefix: &str, start_after: Option<&str>, limit: usize) -> Result<Page> {
        self.store.list(prefix, start_after, limit)
    }
    fn delete(&self, key: &str) -> Result<()> {
        self.store.delete(key)
    }
    fn local(&self) -> Option<&dyn LocalFiles> {
        self.paths.then(|| self.store.local()).flatten()
    }
    fn location(&self) -> String {
        self.store.location()
    }
}

#[test]
fn local() {
    conformance::run(|| Fresh::new(true));
}

#[test]
fn local_read_in_ranges() {
    conformance::run(|| Fresh::new(false));
}

#[test]
fn memory() {
    conformance::run(MemoryStore::new);
}

#[test]
fn a_local_store_keeps_its_objects_and_ignores_what_is_not_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalStore::open(folder.path()).unwrap();
    store.put("a/b", b"x", &PutOptions::default()).unwrap();
    let mut half = store.temp_file().unwrap();
    half.write_all(b"half").unwrap();
    std::fs::write(folder.path().join("a/notes of mine.txt"), "").unwrap();
    std::fs::write(folder.path().join(".DS_Store"), "").unwrap();
    std::os::unix::fs::symlink("/", folder.path().join("root")).unwrap();

    let again = LocalStore::open(folder.path()).unwrap();
    let listed: Vec<_> = again.list("", None, 10).unwrap().entries.into_iter().map(|e| e.key).collect();
    assert_eq!(listed, ["a/b"]);
    assert!(half.path().exists(), "a living handle's file");
    drop((store, half, again));
    assert_eq!(std::fs::read_dir(folder.path().join(".store/temp")).unwrap().count(), 0);
}

#[test]
fn a_clock_that_went_back_makes_no_version_twice() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalStore::open(folder.path()).unwrap();
    let old = store.put("x", b"1", &PutOptions::default()).unwrap();
    // As if it had been written when the clock was a day ahead.
    let path = store.path("x").unwrap();
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(86_400);
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
    let ahead = store.head("x").unwrap().version;
    let mut seen = vec![old, ahead];
    for _ in 0..50 {
        let version = store.put("x", b"2", &PutOptions::default()).unwrap();
        assert!(!seen.contains(&version));
        assert!(std::fs::metadata(&path).unwrap().modified().unwrap() > later);
        seen.push(version);
    }
}

#[test]
fn what_a_file_system_cannot_keep_is_refused_in_memory_too() {
    let folder = tempfile::tempdir().unwrap();
    let stores: [Box<dyn Store>; 2] =
        [Box::new(LocalStore::open(folder.path()).unwrap()), Box::new(MemoryStore::new())];
    for store in stores {
        store.put("a/b", b"x", &PutOptions::default()).unwrap();
        for key in ["a", "a/b/c", "a/b/c/d"] {
            let error = store.put(key, b"y", &PutOptions::default()).unwrap_err();
            assert_eq!(error.kind(), millstream_store::ErrorKind::InvalidKey, "{key}: {error}");
        }
    }
}
