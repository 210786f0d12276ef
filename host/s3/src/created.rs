//! Whoever wants to know of new objects.

/// An object was written: put, copied, or put together from parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewObject {
    /// The bucket.
    pub bucket: String,
    /// The object.
    pub key: String,
    /// Its bytes.
    pub size: u64,
    /// Without quotation marks.
    pub etag: String,
    /// Sixteen hexadecimal digits. Of two writes of one key, the later has the greater one, as text too.
    pub sequencer: String,
    /// How: `Put`, `Copy` or `CompleteMultipartUpload`, as S3's events say it.
    pub reason: &'static str,
    /// When, in milliseconds since 1970 UTC.
    pub at: u64,
}

/// Hears of new objects.
pub trait Created: Send + Sync + 'static {
    /// Called once the object can be read, before its writer is answered: a writer that was told that all is well can rely on it.
    /// One that was not (the process was killed, the connection broke) writes again, so that the same bytes may be told of twice,
    /// with another sequencer. May block.
    ///
    /// # Errors
    /// Nobody could take note of it. The writer is told to try again (503), with this reason; the object is there.
    fn created(&self, event: &NewObject) -> Result<(), String>;
}
