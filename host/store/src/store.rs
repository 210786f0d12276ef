//! The trait, and what goes in and comes out of it.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use crate::{Looks, Network, Result, TempFile};

/// Most entries in one page of a listing, as in S3.
pub const MAX_PAGE: usize = 1000;

/// Names one state of one object (an ETag). A write of other bytes makes a new one; one of the same bytes may not. Compare it, pass it
/// on; don't read anything into it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version(pub(crate) String);

impl Version {
    /// A version as an implementation outside this crate names it.
    pub fn new(tag: impl Into<String>) -> Self {
        Self(tag.into())
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// When a write takes place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    /// Always: creates or replaces.
    #[default]
    Any,
    /// Only if there is no object under the key.
    Absent,
    /// Only if the object is in this state.
    Matches(Version),
}

/// How to write. The default: always, and durably.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutOptions {
    /// When the write takes place; otherwise it fails with [`ErrorKind::PreconditionFailed`](crate::ErrorKind).
    pub condition: Condition,
    /// Whether the object survives a power failure once the call has returned. Either way it is whole or absent
    /// after the process is killed. Remote stores are always durable.
    pub durable: bool,
}

impl Default for PutOptions {
    fn default() -> Self {
        Self { condition: Condition::Any, durable: true }
    }
}

impl PutOptions {
    /// Durable, and only if there is no object yet.
    pub fn absent() -> Self {
        Self { condition: Condition::Absent, ..Self::default() }
    }

    /// Durable, and only if the object is still at `version`.
    pub fn matches(version: Version) -> Self {
        Self { condition: Condition::Matches(version), ..Self::default() }
    }

    /// The same without waiting for the disk: for what can be made again.
    pub fn relaxed(self) -> Self {
        Self { durable: false, ..self }
    }
}

/// An object's bytes and the state they were read in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// All of it.
    pub bytes: Vec<u8>,
    /// For a later [`Condition::Matches`].
    pub version: Version,
}

/// An object without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its whole key.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// For a later [`Condition::Matches`].
    pub version: Version,
}

/// Part of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// In lexicographic order of the keys' bytes.
    pub entries: Vec<Entry>,
    /// `start_after` for the next page; none after the last.
    pub next: Option<String>,
}

/// Objects by key.
///
/// Keys are checked by [`check_key`](crate::check_key) in every call. No key may be a folder of another: with `a/b`
/// there is no `a`; stores that cannot keep both refuse with `InvalidKey`.
///
/// A read sees the last write that returned before it, in any process. An error of kind `Unavailable` from a write
/// leaves open whether it took place; every other error means that the object is as it was.
pub trait Store: Send + Sync {
    /// The whole object. For small ones; see [`get_range`](Store::get_range) and [`LocalFiles::path`].
    ///
    /// # Errors
    /// `NotFound`.
    fn get(&self, key: &str) -> Result<Object>;

    /// Bytes `offset .. min(offset + len, size)`.
    ///
    /// # Errors
    /// `NotFound`; `InvalidRange` if `offset` is not inside the object or `len` is 0 (as HTTP 416).
    fn get_range(&self, key: &str, offset: u64, len: u64) -> Result<Vec<u8>>;

    /// Size and version.
    ///
    /// # Errors
    /// `NotFound`.
    fn head(&self, key: &str) -> Result<Entry>;

    /// Writes an object: readers see the old one or the new one, never a part.
    ///
    /// # Errors
    /// `PreconditionFailed` if the condition does not hold; `Full` leaves what was there.
    fn put(&self, key: &str, bytes: &[u8], options: &PutOptions) -> Result<Version>;

    /// [`put`](Store::put) for large objects: takes over a file made by [`temp_file`](Store::temp_file).
    ///
    /// # Errors
    /// As `put`. The file is gone either way.
    fn put_file(&self, key: &str, file: TempFile, options: &PutOptions) -> Result<Version>;

    /// An empty file to be filled and given to [`put_file`](Store::put_file). It is removed when dropped, and when
    /// the process has died.
    ///
    /// # Errors
    /// `Full`, `Permission`.
    fn temp_file(&self) -> Result<TempFile>;

    /// Objects whose keys begin with `prefix` (any text, may end inside a name) and come after `start_after`, at most
    /// `limit` (clamped to 1 ..= [`MAX_PAGE`]). [`entries`] goes through all pages.
    ///
    /// # Errors
    /// `InvalidKey` for a prefix with which no key can begin.
    fn list(&self, prefix: &str, start_after: Option<&str>, limit: usize) -> Result<Page>;

    /// Removes an object. Done already is done.
    ///
    /// # Errors
    /// `Permission`, `Unavailable`.
    fn delete(&self, key: &str) -> Result<()>;

    /// Many small objects, in the order of `keys`; stores over the network fetch them side by side.
    fn get_many(&self, keys: &[&str]) -> Vec<Result<Object>> {
        keys.iter().map(|key| self.get(key)).collect()
    }

    /// What can be done because its objects are files on this machine; none for other stores.
    fn local(&self) -> Option<&dyn LocalFiles> {
        None
    }

    /// What another process needs to open it; none for what needs no network.
    fn network(&self) -> Option<Network> {
        None
    }

    /// How often it may be looked at by whoever waits for something to change. By default as over the network.
    fn looks(&self) -> Looks {
        Looks::REMOTE
    }

    /// Where it is, for people, as [`Stores::open`](crate::Stores::open) reads it.
    fn location(&self) -> String;
}

/// What a [`Store`] can do whose objects are files on this machine.
pub trait LocalFiles: Send + Sync {
    /// The folder of all objects.
    fn root(&self) -> &Path;

    /// The file that holds this object; none if that cannot be a key. Read it; never write to it.
    /// It is not said that the object is there.
    fn path(&self, key: &str) -> Option<PathBuf>;
}

/// Every object whose key begins with `prefix`, page by page. Ends after the first error.
pub fn entries(store: &dyn Store, prefix: &str) -> impl Iterator<Item = Result<Entry>> {
    let mut page = Vec::new().into_iter();
    let mut start_after = None;
    let mut more = true;
    std::iter::from_fn(move || {
        loop {
            if let Some(entry) = page.next() {
                return Some(Ok(entry));
            }
            if !more {
                return None;
            }
            match store.list(prefix, start_after.as_deref(), MAX_PAGE) {
                Ok(next) => {
                    page = next.entries.into_iter();
                    more = next.next.is_some();
                    start_after = next.next;
                }
                Err(error) => {
                    more = false;
                    return Some(Err(error));
                }
            }
        }
    })
}
