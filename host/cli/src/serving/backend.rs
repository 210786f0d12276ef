//! The routes' backend.

use std::{sync::Arc, time::Duration};

use millstream_api::{
    Backend, Caller, Change, ChangeError, Changed, Later, LaterInput, Queued, Refused, Scope, Signature,
};
use millstream_endpoint::{Answer, Figures, Invocation, InvokeError, Outcome, Serving, Wish};
use millstream_worker::Home;
use millstream_workflow::endpoint::Endpoint;

use super::{changes, keys::KeyCache, signature};

/// Endpoints of a home, served.
pub struct Live {
    serving: Serving,
    home: Home,
    keys: KeyCache,
}

/// How locations of objects in the store begin, for clients that know S3's.
const BUCKET: &str = "s3://millstream/";

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

    async fn invoke_later(&self, later: Later) -> Result<Queued, InvokeError> {
        let input = match later.input {
            LaterInput::Inline(rows) => Ok(rows),
            LaterInput::Location(location) => {
                Err(location.strip_prefix(BUCKET).unwrap_or(&location).to_owned())
            }
        };
        let wish = Wish {
            endpoint: later.endpoint,
            input,
            content_type: later.content_type,
            accept: later.accept,
            inference_id: later.inference_id,
            ttl: later.ttl_seconds.map(Duration::from_secs),
            timeout: later.timeout_seconds.map(Duration::from_secs),
        };
        let ticket = self.serving.later(wish).await?;
        Ok(Queued {
            inference_id: ticket.id,
            output: format!("{BUCKET}{}", ticket.output),
            failure: Some(format!("{BUCKET}{}", ticket.failure)),
        })
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

    async fn change(&self, change: Change) -> Result<Changed, ChangeError> {
        let home = self.home.clone();
        let made = tokio::task::spawn_blocking(move || changes::make(&home, &change)).await;
        made.unwrap_or_else(|error| Err(ChangeError::Unavailable(error.to_string())))
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
        let scope = match scope {
            Scope::Invoke => millstream_registry::Scope::Invoke,
            Scope::Deploy => millstream_registry::Scope::Deploy,
            Scope::Admin => millstream_registry::Scope::Admin,
        };
        if key.allows(scope, endpoint) { Ok(Caller(key.name.into())) } else { Err(Refused::Forbidden) }
    }
}
