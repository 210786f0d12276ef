//! Keys of S3 objects, and paths of the store that may be none.

use millstream_core::object_key::{self, MAX_BYTES, Place};

/// Any text as a key, and as a path.
pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some(Place::Key(key)) = object_key::read(text) {
        assert_eq!(object_key::path(&key).as_deref(), Some(text), "a path has one spelling");
    }
    let Some(path) = object_key::path(text) else {
        assert!(text.is_empty() || text.len() > MAX_BYTES, "{text:?}");
        return;
    };
    for name in path.split('/') {
        assert!(!name.is_empty() && name.len() <= 255 && !name.starts_with('.'), "{path}");
    }
    assert!(
        path.starts_with(&object_key::prefix(text)) && path < object_key::past(&object_key::prefix(text))
    );
    match object_key::read(&path) {
        Some(Place::Key(key)) => assert_eq!(key, text),
        Some(Place::Long(folder)) => assert!(path.starts_with(&folder)),
        None => panic!("{path} can't be read back"),
    }
}

/// Keys that are hard, and their paths.
pub fn seeds() -> Vec<Vec<u8>> {
    let keys = ["a//b/", ".x/-y ü", "year=2026/a_b.csv", "`[~{\u{7f}"].map(str::to_owned);
    let long = ["n".repeat(90), "k/".repeat(140), format!("{}/-", "é".repeat(128))];
    let all: Vec<String> = keys.into_iter().chain(long).collect();
    let paths = all.iter().filter_map(|key| object_key::path(key));
    all.iter().cloned().chain(paths).map(String::into_bytes).collect()
}
