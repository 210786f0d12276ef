//! API keys, as S3's clients sign with them.

use std::sync::Arc;

use millstream_control::Scope;
use millstream_registry::Key;
use millstream_s3::{Keyring, Right, Unreadable};
use millstream_worker::Home;

use super::{keys::KeyCache, view};

/// The keys of a home.
pub struct Signers {
    pub keys: Arc<KeyCache>,
    pub home: Home,
}

impl Signers {
    fn key(&self, access_key: &str) -> Result<Option<Key>, Unreadable> {
        self.keys.of_access_key(access_key, self.home.now()).map_err(|error| {
            tracing::error!(%error, "a key can't be checked");
            Unreadable
        })
    }
}

impl Keyring for Signers {
    fn secret(&self, access_key: &str) -> Result<Option<String>, Unreadable> {
        Ok(self.key(access_key)?.map(|key| key.secret_access_key()))
    }

    /// A whole key may stand in the place of its id, as clients of SageMaker's routes have it; but not in a URL.
    fn may_presign(&self, access_key: &str) -> bool {
        !matches!(self.key(access_key), Ok(Some(key)) if key.access_key_id() != access_key)
    }

    fn allows(
        &self,
        access_key: &str,
        right: Right,
        bucket: Option<&str>,
        key: Option<&str>,
    ) -> Result<bool, Unreadable> {
        let Some(holder) = self.key(access_key)? else { return Ok(false) };
        let scope = match right {
            Right::Read => Scope::Read,
            Right::Write => Scope::Write,
        };
        if holder.allows(scope, None) {
            return Ok(true);
        }
        // Who may ask an endpoint may read its answers.
        let endpoint =
            key.filter(|_| bucket == Some(view::BUCKET) && right == Right::Read).and_then(view::endpoint_of);
        Ok(endpoint.is_some_and(|endpoint| holder.allows(Scope::Invoke, Some(endpoint))))
    }
}
