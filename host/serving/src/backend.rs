//! The routes' backend.

use std::{sync::Arc, time::Duration};

use millstream_api::{Backend, Caller, Refused, Signature};
use millstream_control::{ChangeRequest, Changed, Control, Error, Scope};
use millstream_deployment::Endpoint;
use millstream_endpoint::{Answer, Figures, Invocation, InvokeError, Later, Outcome, Serving, Ticket};
use millstream_store::ErrorKind;
use millstream_worker::Home;

use super::{keys::KeyCache, signature};

/// Endpoints of a home, served.
pub struct Live {
    serving: Serving,
    home: Home,
    keys: KeyCache,
}

impl Live {
    /// Serves the endpoints of `home`.
    pub fn new(serving: Serving, home: Home) -> Self {
        let keys = KeyCache::new(Arc::clone(home.store()));
        Self { serving, home, keys }
    }
}

impl Backend for Live {
    fn invoke(&self, invocation: Invocation<'_>) -> impl Future<Output = Result<Answer, InvokeError>> + Send {
        self.serving.invoke(invocation)
    }

    async fn invoke_later(&self, later: Later) -> Result<Ticket, InvokeError> {
        self.serving.later(later).await
    }

    async fn outcome(&self, endpoint: &str, inference_id: &str) -> Result<Outcome, InvokeError> {
        let (serving, endpoint, id) = (self.serving.clone(), endpoint.to_owned(), inference_id.to_owned());
        // Store calls wait.
        let looked = tokio::task::spawn_blocking(move || serving.outcome(&endpoint, &id)).await;
        looked.unwrap_or_else(|error| {
            let retry_after = Duration::from_secs(1);
            Err(InvokeError::Unavailable { message: error.to_string(), retry_after })
        })
    }

    async fn signature(&self, endpoint: &str, variant: Option<&str>) -> Result<Signature, InvokeError> {
        let record = self.serving.endpoint(endpoint)?;
        let (variant, description) = self.serving.describe(endpoint, variant).await?;
        Ok(signature::of(&record, &variant, &description))
    }

    async fn endpoints(&self) -> Vec<Endpoint> {
        self.serving.endpoints()
    }

    async fn endpoint(&self, name: &str) -> Result<Endpoint, InvokeError> {
        self.serving.endpoint(name)
    }

    async fn change(&self, asked: ChangeRequest) -> Result<Changed, Error> {
        let home = self.home.clone();
        let made = tokio::task::spawn_blocking(move || Control::new(&home).change(&asked)).await;
        made.unwrap_or_else(|error| {
            Err(millstream_store::Error::new(ErrorKind::Unavailable, error.to_string()).into())
        })
    }

    fn serves(&self, endpoint: &str) -> bool {
        self.serving.serves(endpoint)
    }

    fn figures(&self) -> Figures {
        self.serving.figures()
    }

    fn ready(&self) -> bool {
        self.serving.is_ready()
    }

    fn has_keys(&self) -> bool {
        self.keys.any()
    }

    fn authorize(&self, secret: &str, scope: Scope, endpoint: Option<&str>) -> Result<Caller, Refused> {
        let key = self.keys.verify(secret, self.home.now()).map_err(|error| {
            tracing::error!(%error, "a key can't be checked");
            Refused::Unavailable
        })?;
        let key = key.ok_or(Refused::Unknown)?;
        if key.allows(scope, endpoint) { Ok(Caller(key.name.into())) } else { Err(Refused::Forbidden) }
    }
}
