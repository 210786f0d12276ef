//! Which functions there are: those that the binary carries, and those that people added.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock},
};

use millstream_core::{artifact::Digest, failure::Failure, layout, manifest::Manifest};
use millstream_engine::Execute;
use millstream_errors::{Code, Coded};
use millstream_language::acts::Act;
use millstream_store::{Artifacts, ErrorKind, PutOptions, entries};
use serde::{Deserialize, Serialize};

/// A function that the binary carries.
#[derive(Clone, Copy)]
pub struct Bundled {
    /// Its name, as in its manifest.
    pub name: &'static str,
    /// SHA-256 of the component.
    pub digest: Digest,
    /// Gives the component's bytes: the binary carries it packed.
    pub unpack: fn() -> Vec<u8>,
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
    /// A record that cannot be read. The function is not used at all: an older version would be another function.
    #[error(
        "{key} is damaged: {why}; put it back from a backup, or remove that file from the store and add the function again \
         (`millstream functions add FILE`)"
    )]
    Damaged {
        /// Its key.
        key: String,
        /// Why.
        why: String,
    },
}

impl Coded for Error {
    fn code(&self) -> Code {
        match self {
            Self::Store(error) => error.code(),
            Self::Component(failure) => failure.code(),
            Self::Reserved(_) => Code::FunctionNameReserved,
            Self::VersionTaken { .. } => Code::FunctionVersionTaken,
            Self::Damaged { .. } => Code::FunctionRecordDamaged,
        }
    }
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
    /// The records of it that cannot be read, and why.
    damaged: Option<(String, String)>,
}

impl Entry {
    fn added(found: Added) -> Self {
        match found {
            Ok(registered) => Self { bundled: None, known: OnceLock::from(Some(registered)), damaged: None },
            Err(damaged) => Self { bundled: None, known: OnceLock::new(), damaged: Some(damaged) },
        }
    }
}

/// The newest version of a function that was added; or the key of a record of it that cannot be read, and why.
type Added = Result<Registered, (String, String)>;

impl Functions {
    /// Reads the registry. A damaged record spoils its own function alone: see [`Functions::damaged`].
    ///
    /// # Errors
    /// What the store met.
    pub fn open(bundled: &[Bundled], artifacts: Artifacts, execute: Arc<dyn Execute>) -> Result<Self, Error> {
        let mut entries = BTreeMap::new();
        for (name, found) in read_added(&artifacts)? {
            entries.insert(name, Entry::added(found));
        }
        for bundled in bundled {
            let entry = Entry { bundled: Some(*bundled), known: OnceLock::new(), damaged: None };
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
        if let Some((key, why)) = &entry.damaged {
            let error = Error::Damaged { key: key.clone(), why: why.clone() };
            self.broken().push((name.to_owned(), error));
            return None;
        }
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

    /// Functions of which a record is damaged: none of their versions is used. With the reason, for people.
    pub fn damaged(&self) -> Vec<(String, Error)> {
        let damaged = |(name, entry): (&String, &Entry)| {
            let (key, why) = entry.damaged.clone()?;
            Some((name.clone(), Error::Damaged { key, why }))
        };
        self.entries.iter().filter_map(damaged).collect()
    }

    fn broken(&self) -> std::sync::MutexGuard<'_, Vec<(String, Error)>> {
        self.broken.lock().unwrap_or_else(|error| error.into_inner())
    }

    /// Its manifest is kept in the store, beside the component.
    fn describe(&self, bundled: &Bundled) -> Result<Registered, Error> {
        let store = self.artifacts.store();
        let digest = bundled.digest;
        // What is damaged is put back: we have the bytes.
        if self.artifacts.ensure(&digest).is_err() {
            self.artifacts.put(&(bundled.unpack)())?;
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
        match store.put(&key, &bytes, &PutOptions::default().relaxed()) {
            // A home that can only be read: it is described anew each time.
            Err(error) if error.kind() == ErrorKind::Permission => {}
            written => drop(written?),
        }
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
        if self.is_bundled(&name) || Act::named(&name).is_some() {
            return Err(Error::Reserved(name));
        }
        let registered = Registered { digest, manifest };
        let key = layout::function(&name, &version);
        let bytes = serde_json::to_vec_pretty(&registered).expect("a manifest is JSON");
        match self.artifacts.store().put(&key, &bytes, &PutOptions::absent()) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::PreconditionFailed => {
                let there: Registered = serde_json::from_slice(&self.artifacts.store().get(&key)?.bytes)
                    .map_err(|why| Error::Damaged { key, why: why.to_string() })?;
                if there.digest != digest {
                    return Err(Error::VersionTaken { name, version, digest: there.digest });
                }
            }
            Err(error) => return Err(error.into()),
        }
        if let Some(newest) = read_added(&self.artifacts)?.remove(&name) {
            self.entries.insert(name, Entry::added(newest));
        }
        Ok(registered)
    }
}

impl millstream_language::Functions for Functions {
    fn get(&self, name: &str) -> Option<(Digest, &Manifest)> {
        self.find(name).map(|registered| (registered.digest, &registered.manifest))
    }

    fn names(&self) -> Vec<&str> {
        self.entries.keys().map(String::as_str).collect()
    }
}

/// The newest version of each function that was added.
fn read_added(artifacts: &Artifacts) -> Result<BTreeMap<String, Added>, Error> {
    let store = artifacts.store();
    let mut added = BTreeMap::<String, Added>::new();
    for entry in entries(&**store, layout::FUNCTIONS) {
        let key = entry?.key;
        // By its key: what a damaged record says is nothing to go by.
        let name = key.split('/').nth(1).unwrap_or_default().to_owned();
        let found = store.get(&key).map_err(|error| error.to_string()).and_then(|object| {
            let found: Registered =
                serde_json::from_slice(&object.bytes).map_err(|error| error.to_string())?;
            if layout::function(&found.manifest.name, &found.manifest.version) == key {
                Ok(found)
            } else {
                Err(format!("it speaks of `{} {}`", found.manifest.name, found.manifest.version))
            }
        });
        match (added.get(&name), found) {
            (Some(Err(_)), _) => {}
            (_, Err(why)) => drop(added.insert(name, Err((key, why)))),
            (Some(Ok(other)), Ok(found))
                if numbers(&other.manifest.version) >= numbers(&found.manifest.version) => {}
            (_, Ok(found)) => drop(added.insert(name, Ok(found))),
        }
    }
    Ok(added)
}

/// For comparing versions: 1.10.0 comes after 1.9.0.
fn numbers(version: &str) -> Option<semver::Version> {
    version.parse().ok()
}
