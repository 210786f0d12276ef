//! Who changes something.

/// Who changes something, when, and by which request.
#[derive(Clone, Copy, Debug)]
pub struct Author<'a> {
    /// A user, an API key, a run or a server.
    pub who: &'a str,
    /// When, in milliseconds since 1970 UTC.
    pub at: u64,
    /// The caller's idempotency key: the same key makes a change once, as far back as the record's newest changes go.
    pub request: Option<&'a str>,
}
