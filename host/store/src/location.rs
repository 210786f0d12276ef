//! From a location to a store.

use std::{fmt, path::PathBuf, sync::Arc};

use millstream_core::location::{Location, Schemes};

use crate::{Error, LocalStore, Result, Store, error::Detail};

/// The scheme of folders, and of locations that name none.
pub const FILE: &str = "file";

/// Opens the store at a location of one scheme.
pub type OpenStore = fn(&Location) -> Result<Arc<dyn Store>>;

/// The kinds of stores that a program has: folders (`file:`), and what it registers beside them.
#[derive(Clone)]
pub struct Stores(Schemes<OpenStore>);

impl Default for Stores {
    fn default() -> Self {
        Self(Schemes::<OpenStore>::new("store").register(FILE, |location| {
            let folder = location.folder().map_err(|why| refuse(location, &why))?;
            Ok(Arc::new(LocalStore::open(folder)?))
        }))
    }
}

impl fmt::Debug for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stores").finish_non_exhaustive()
    }
}

impl Stores {
    /// One more kind.
    #[must_use]
    pub fn register(self, scheme: &'static str, open: OpenStore) -> Self {
        Self(self.0.register(scheme, open))
    }

    /// Opens the store at `location`: a plain path, `file:FOLDER`, `file:///an/absolute/folder`, or what else is registered.
    /// A folder is made if it is missing.
    ///
    /// # Errors
    /// `Unsupported` for other schemes; whatever opening it meets.
    pub fn open(&self, location: &str) -> Result<Arc<dyn Store>> {
        self.open_at(&parse(location)?)
    }

    /// The same for a location that was read before.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_at(&self, location: &Location) -> Result<Arc<dyn Store>> {
        self.0.find(location).map_err(|why| refuse(location, &why))?(location)
    }
}

/// The folder that a location names.
///
/// # Errors
/// `Unsupported` for locations that are no folders.
pub fn local_folder(location: &str) -> Result<PathBuf> {
    let location = parse(location)?;
    if location.scheme != FILE {
        return Err(refuse(&location, "it is no folder on this machine"));
    }
    location.folder().map_err(|why| refuse(&location, &why))
}

fn parse(text: &str) -> Result<Location> {
    Location::parse(text, FILE).map_err(|why| Detail::Unsupported { location: text.to_owned(), why }.into())
}

fn refuse(location: &Location, why: &str) -> Error {
    Detail::Unsupported { location: location.to_string(), why: why.to_owned() }.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorKind, MemoryStore};

    #[test]
    fn folders_and_nothing_else_unless_it_is_registered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a b");
        for location in [path.display().to_string(), format!("file:{}", path.display())] {
            assert_eq!(Stores::default().open(&location).unwrap().location(), path.display().to_string());
        }
        for location in ["", "s3://bucket/prefix", "http://x", "file://host/a", "file:///a%2"] {
            assert_eq!(local_folder(location).unwrap_err().kind(), ErrorKind::Unsupported, "{location}");
            let error = Stores::default().open(location).map(drop).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{location}");
        }
        let error = Stores::default().open("s3://bucket/x").map(drop).unwrap_err().to_string();
        assert!(error.contains("no store for `s3:`") && error.contains("file:"), "{error}");
        let more = Stores::default().register("s3", |_| Ok(Arc::new(MemoryStore::new())));
        assert!(more.open("s3://bucket/x").unwrap().local().is_none());
    }
}
