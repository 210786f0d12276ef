//! Packages of the functions that a home has used.

use std::{fs, path::Path};

use millstream_aws_package::{Function, Target, compile};
use millstream_core::{artifact::Digest, manifest::Manifest};

use crate::Place;

/// Compiled functions in a folder; gone when dropped.
pub struct Package(tempfile::TempDir);

impl Package {
    /// Compiles them for `target`.
    ///
    /// # Panics
    /// One cannot be compiled.
    pub fn of(functions: &[Function], target: Target) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for file in compile(target, functions, &|_| ()).expect("functions are compiled") {
            let path = folder.path().join(&file.path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, file.bytes).expect("a file");
        }
        Self(folder)
    }

    /// Its folder `components`.
    pub fn folder(&self) -> std::path::PathBuf {
        self.0.path().join("components")
    }
}

/// The functions that the home of `place` has described, with their components.
///
/// # Panics
/// Its store is damaged.
pub fn of_store(place: &Place) -> Vec<Function> {
    let read = |path: &Path| fs::read(path).expect("an object of the store can be read");
    let mut functions = Vec::new();
    // Of a home that has only functions that were added there are none.
    for entry in fs::read_dir(place.store().join("manifests")).into_iter().flatten().flatten() {
        let manifest: Manifest = serde_json::from_slice(&read(&entry.path())).expect("a manifest is JSON");
        let name = entry.file_name().to_string_lossy().trim_end_matches(".json").to_owned();
        let digest: Digest = name.parse().expect("a digest");
        let component = read(&place.store().join("artifacts").join(&name[..2]).join(&name));
        functions.push(Function { digest, component, manifest, predictors: true });
    }
    for record in place.records("functions").into_values() {
        let digest: Digest = serde_json::from_value(record["digest"].clone()).expect("a digest");
        let manifest = serde_json::from_value(record["manifest"].clone()).expect("a manifest");
        let name = digest.to_string();
        let component = read(&place.store().join("artifacts").join(&name[..2]).join(&name));
        functions.push(Function { digest, component, manifest, predictors: true });
    }
    functions
}
