//! The functions of a package by their names: what a workflow that is started here may use.

use std::{collections::BTreeMap, sync::OnceLock};

use millstream_core::{artifact::Digest, manifest::Manifest};
use millstream_engine::Package;
use millstream_language::Functions;

/// Functions of a package. A manifest is read when it is first asked for.
pub struct PackagedFunctions {
    package: Package,
    known: BTreeMap<String, (Digest, OnceLock<Option<Manifest>>)>,
}

impl PackagedFunctions {
    /// Those of `package`.
    pub fn new(package: Package) -> Self {
        let known = package
            .functions()
            .map(|entry| (entry.name.clone(), (entry.function, OnceLock::new())))
            .collect();
        Self { package, known }
    }
}

impl Functions for PackagedFunctions {
    fn get(&self, name: &str) -> Option<(Digest, &Manifest)> {
        let (digest, manifest) = self.known.get(name)?;
        let read = || {
            let read = self.package.manifest(digest);
            read.inspect_err(|error| tracing::error!(%error, "a function cannot be used")).ok()
        };
        Some((*digest, manifest.get_or_init(read).as_ref()?))
    }

    fn names(&self) -> Vec<&str> {
        self.known.keys().map(String::as_str).collect()
    }
}
