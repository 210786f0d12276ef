//! Who changes something, and by which request.

use millstream_deployment::{Change, Endpoint};

use crate::Error;

/// Who changes something, when, and by which request.
#[derive(Clone, Copy, Debug)]
pub struct Author<'a> {
    /// A user, an API key, a run or a server.
    pub who: &'a str,
    /// When, in milliseconds since 1970 UTC.
    pub at: u64,
    /// They may do what only an administrator may: let versions in that are not approved, where only approved ones were taken.
    pub admin: bool,
    /// The request that makes a change once, as far back as the record's newest changes go.
    pub request: Option<IdempotentRequest<'a>>,
}

/// A request that is made once, however often it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdempotentRequest<'a> {
    /// The caller's idempotency key.
    pub key: &'a str,
    /// What the key is used for, as a digest of who asks for which change of what. Without one the key alone counts: for
    /// callers whose keys are made of what they ask, such as a run's tasks.
    pub fingerprint: Option<&'a str>,
}

impl<'a> IdempotentRequest<'a> {
    /// A key that is made of what is asked.
    pub fn of(key: &'a str) -> Self {
        Self { key, fingerprint: None }
    }

    fn is(&self, change: &Change) -> bool {
        change.request.as_deref() == Some(self.key)
    }
}

impl Author<'_> {
    /// What the same request has done before to this endpoint; none if it comes for the first time.
    ///
    /// # Errors
    /// `Reused`: its key came with another change.
    pub fn repeated(&self, endpoint: &Endpoint) -> Result<Option<Change>, Error> {
        let Some(request) = self.request else { return Ok(None) };
        let Some(change) = endpoint.changes.iter().find(|change| request.is(change)) else { return Ok(None) };
        if change.fingerprint.as_deref() == request.fingerprint {
            return Ok(Some(change.clone()));
        }
        Err(self.reused(endpoint, change))
    }

    /// As [`Author::repeated`], for another endpoint than the one that is to be changed: there the key is always used for
    /// something else.
    ///
    /// # Errors
    /// `Reused`.
    pub(crate) fn used_at(&self, endpoint: &Endpoint) -> Result<(), Error> {
        let Some(request) = self.request else { return Ok(()) };
        match endpoint.changes.iter().find(|change| request.is(change)) {
            Some(change) => Err(self.reused(endpoint, change)),
            None => Ok(()),
        }
    }

    fn reused(&self, endpoint: &Endpoint, change: &Change) -> Error {
        let key = self.request.map(|request| request.key).unwrap_or_default();
        Error::Reused(format!(
            "the idempotency key `{key}` was used for another change: endpoint `{}` revision {}, {} by {}; nothing was done; \
             send each change with a key of its own",
            endpoint.name, change.revision, change.why, change.who
        ))
    }
}
