//! Which functions there are: those that the binary carries, and those that people added.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock},
};

use millstream_engine::Execute;
use millstream_store::{Artifacts, ErrorKind, PutOptions, entries};
use millstream_workflow::{acts, artifact::Digest, compile, failure::Failure, layout, manifest::Manifest};
use serde::{Deserialize, Serialize};

/// A function that the binary carries.
#[derive(Clone, Copy)]
pub struct Bundled {
    /// Its name, as in its manifest.
    pub name: &'static str,
    /// SHA-256 of the component.
    pub digest: Digest,
    /// The component.
    pub bytes: &'static [u8],
}

/// Why a function cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] millstream_store::Error),
    /// The component is not a function.
    #[error(transparent)]
    Component(#[from] Failure),
    /// The name belongs to one that the binary carries.
    #[error("`{0}` comes with millstream: give your function another name in its manifest")]
    Reserved(String),
    /// A published version never changes.
    #[error(
        "function `{name}` {version} exists already with other bytes ({}): give the new one a higher version in its manifest",
        digest.short()
    )]
    VersionTaken {
        /// The function.
        name: String,
        /// Its version.
        version: String,
        /// What is there.
        digest: Digest,
    },
    /// A record that cannot be read.
    #[error("{key} is damaged: {source}")]
    Damaged {
        /// Its key.
        key: String,
        /// Why.
        source: serde_json::Error,
    },
}

/// A function of the registry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Registered {
    /// The component.
    pub digest: Digest,
    /// What it says of itself.
    pub manifest: Manifest,
}

/// All functions, by name.
pub struct Functions {
    artifacts: Artifacts,
    execute: Arc<dyn Execute>,
    entries: BTreeMap<String, Entry>,
    broken: Mutex<Vec<(String, Error)>>,
}

/// A function that the binary carries is described, which means compiled, when it is first asked for.
struct Entry {
    bundled: Option<Bundled>,
    known: OnceLock<Option<Registered>>,
}

impl Functions {
    /// Reads the registry.
    ///
    /// # Errors
    /// What the store met, or a damaged record.
    pub fn open(bundled: &[Bundled], artifacts: Artifacts, execute: Arc<dyn Execute>) -> Result<Self, Error> {
        let mut entries = BTreeMap::new();
        for (name, registered) in read_added(&artifacts)? {
            entries.insert(name, Entry { bundled: None, known: OnceLock::from(Some(registered)) });
        }
        for bundled in bundled {
            let entry = Entry { bundled: Some(*bundled), known: OnceLock::new() };
            entries.insert(bundled.name.to_owned(), entry);
        }
        Ok(Self { artifacts, execute, entries, broken: Mutex::default() })
    }

    /// Whether the binary carries it.
    pub fn is_bundled(&self, name: &str) -> bool {
        self.entries.get(name).is_some_and(|entry| entry.bundled.is_some())
    }

    /// The newest version of the function of that name.
    pub fn find(&self, name: &str) -> Option<&Registered> {
        let entry = self.entries.get(name)?;
        let describe = || {
            let bundled = entry.bundled.as_ref()?;
            self.describe(bundled).map_err(|error| self.broken().push((name.to_owned(), error))).ok()
        };
        entry.known.get_or_init(describe).as_ref()
    }

    /// Functions that were asked for and could not be described, with the reason.
    pub fn take_broken(&self) -> Vec<(String, Error)> {
        std::mem::take(&mut *self.broken())
    }

    fn broken(&self) -> std::sync::MutexGuard<'_, Vec<(String, Error)>> {
        self.broken.lock().unwrap_or_else(|error| error.into_inner())
    }

    /// Its manifest is kept in the store, beside the component.
    fn describe(&self, bundled: &Bundled) -> Result<Registered, Error> {
        let store = self.artifacts.store();
        let digest = bundled.digest;
        if self.artifacts.size(&digest)? != Some(bundled.bytes.len() as u64) {
            self.artifacts.put(bundled.bytes)?;
        }
        let key = format!("manifests/{digest}.json");
        match store.get(&key) {
            // One that cannot be read is made anew.
            Ok(object) => {
                if let Ok(manifest) = serde_json::from_slice(&object.bytes) {
                    return Ok(Registered { digest, manifest });
                }
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        let manifest = self.execute.describe(&digest)?;
        let bytes = serde_json::to_vec(&manifest).expect("a manifest is JSON");
        store.put(&key, &bytes, &PutOptions::default().relaxed())?;
        Ok(Registered { digest, manifest })
    }

    /// Adds a component. Adding the same bytes again is harmless.
    ///
    /// # Errors
    /// Not a function, a name or version that is taken, or what the store met.
    pub fn add(&mut self, component: &[u8]) -> Result<Registered, Error> {
        let digest = self.artifacts.put(component)?.digest;
        let manifest = self.execute.describe(&digest)?;
        let (name, version) = (manifest.name.clone(), manifest.version.clone());
        if self.is_bundled(&name) || acts::is_act(&name) {
            return Err(Error::Reserved(name));
        }
        let registered = Registered { digest, manifest };
        let key = layout::function(&name, &version);
        let bytes = serde_json::to_vec_pretty(&registered).expect("a manifest is JSON");
        match self.artifacts.store().put(&key, &bytes, &PutOptions::absent()) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::PreconditionFailed => {
                let there: Registered = serde_json::from_slice(&self.artifacts.store().get(&key)?.bytes)
                    .map_err(|source| Error::Damaged { key, source })?;
                if there.digest != digest {
                    return Err(Error::VersionTaken { name, version, digest: there.digest });
                }
            }
            Err(error) => return Err(error.into()),
        }
        if let Some(newest) = read_added(&self.artifacts)?.remove(&name) {
            self.entries.insert(name, Entry { bundled: None, known: OnceLock::from(Some(newest)) });
        }
        Ok(registered)
    }
}

impl compile::Functions for Functions {
    fn get(&self, name: &str) -> Option<(Digest, &Manifest)> {
        self.find(name).map(|registered| (registered.digest, &registered.manifest))
    }

    fn names(&self) -> Vec<&str> {
        self.entries.keys().map(String::as_str).collect()
    }
}

/// The newest version of each function that was added.
fn read_added(artifacts: &Artifacts) -> Result<BTreeMap<String, Registered>, Error> {
    let store = artifacts.store();
    let mut added = BTreeMap::<String, Registered>::new();
    for entry in entries(&**store, layout::FUNCTIONS) {
        let key = entry?.key;
        let registered: Registered = serde_json::from_slice(&store.get(&key)?.bytes)
            .map_err(|source| Error::Damaged { key, source })?;
        let newer = added
            .get(&registered.manifest.name)
            .is_none_or(|other| numbers(&other.manifest.version) < numbers(&registered.manifest.version));
        if newer {
            added.insert(registered.manifest.name.clone(), registered);
        }
    }
    Ok(added)
}

/// For comparing versions: 1.10.0 comes after 1.9.0.
fn numbers(version: &str) -> Option<semver::Version> {
    version.parse().ok()
}
