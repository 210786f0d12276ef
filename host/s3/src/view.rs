//! Buckets that show what lies elsewhere, and are read alone.

use millstream_core::artifact::Digest;

/// Why a view can't be looked at.
pub type ViewError = Box<dyn std::error::Error + Send + Sync>;

/// What a view shows, as folders. Calls may block.
pub trait VirtualBucket: Send + Sync + 'static {
    /// What is in a folder, in any order. `path` is empty, or ends with a slash. A folder that is not there has nothing in it.
    ///
    /// # Errors
    /// It can't be looked at now.
    fn folder(&self, path: &str) -> Result<Vec<Node>, ViewError>;

    /// The object of this key.
    ///
    /// # Errors
    /// It can't be looked at now.
    fn find(&self, key: &str) -> Result<Option<Seen>, ViewError>;
}

/// What is in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A folder, by its name in there, without a slash.
    Folder(String),
    /// An object, by its path in there.
    Object(String, Seen),
}

/// An object that a view shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Bytes.
    pub size: u64,
    /// Names its state, without quotation marks.
    pub etag: String,
    /// In milliseconds since 1970 UTC.
    pub modified: u64,
    /// Its media type.
    pub content_type: String,
    /// Where its bytes are.
    pub source: Source,
}

/// Where bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// An artifact, which is checked before it is handed out.
    Artifact(Digest),
    /// Under a key of the store.
    Key(String),
}
