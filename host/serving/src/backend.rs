//! The routes' backend.

use std::{sync::Arc, time::Duration};

use millstream_api::{Backend, Caller, Refused, RunAnswer, RunError, RunRequest, Signature};
use millstream_control::{ChangeRequest, Changed, Control, Error, Scope};
use millstream_core::artifact::Digest;
use millstream_deployment::Endpoint;
use millstream_endpoint::{Answer, Figures, Invocation, InvokeError, Later, Outcome, Serving, Ticket};
use millstream_s3::{Buckets, Keyring, NotTaken, Service};
use millstream_store::ErrorKind;
use millstream_triggers::Triggers;
use millstream_worker::Home;
use serde_json::Value;

use super::{keyring::Signers, keys::KeyCache, runs, signature, view, written::Written};

/// Endpoints of a home, served.
pub struct Live {
    serving: Serving,
    home: Home,
    triggers: Option<Triggers>,
    keys: Arc<KeyCache>,
    buckets: Arc<Buckets>,
    s3: Option<Service>,
}

/// The buckets of a home, and the one that shows its runs.
pub fn buckets(home: &Home) -> Buckets {
    let shown = Arc::new(view::Shown::new(home.clone()));
    Buckets::new(home.artifacts().clone()).showing(view::BUCKET, shown)
}

impl Live {
    /// Serves the endpoints of `home`; with `triggers`, its workflows and buckets, too. `signed`: requests to buckets have to be signed
    /// with a key.
    pub fn new(serving: Serving, home: Home, triggers: Option<Triggers>, signed: bool) -> Self {
        let keys = Arc::new(KeyCache::new(Arc::clone(home.store())));
        let mut buckets = buckets(&home);
        if let Some(triggers) = &triggers {
            buckets = buckets.telling(Arc::new(Written(triggers.clone())));
        }
        let buckets = Arc::new(buckets);
        let signers: Arc<dyn Keyring> = Arc::new(Signers { keys: Arc::clone(&keys), home: home.clone() });
        // A function that is there for one endpoint opens nothing else of its home.
        let s3 = triggers.is_some().then(|| Service::new(Arc::clone(&buckets), signed.then_some(signers)));
        Self { serving, home, triggers, keys, buckets, s3 }
    }

    fn triggers(&self) -> Result<Triggers, RunError> {
        let elsewhere =
            || RunError::Refused("no runs are started here, where one endpoint alone is served".to_owned());
        self.triggers.clone().ok_or_else(elsewhere)
    }
}

impl Backend for Live {
    fn invoke(&self, invocation: Invocation<'_>) -> impl Future<Output = Result<Answer, InvokeError>> + Send {
        self.serving.invoke(invocation)
    }

    async fn take(&self, location: &str) -> Result<Digest, InvokeError> {
        let (buckets, asked) = (Arc::clone(&self.buckets), location.to_owned());
        let taken = tokio::task::spawn_blocking(move || buckets.take(&asked)).await;
        let unavailable =
            |message: String| InvokeError::Unavailable { message, retry_after: Duration::from_secs(1) };
        match taken {
            Ok(Ok(digest)) => Ok(digest),
            Ok(Err(NotTaken::Asked(message))) => {
                Err(InvokeError::Invalid { parameter: "InputLocation", message })
            }
            Ok(Err(NotTaken::Store(error))) => Err(unavailable(error.to_string())),
            Err(error) => Err(unavailable(error.to_string())),
        }
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

    async fn is_signed(&self, workflow: &str) -> Result<bool, RunError> {
        let (triggers, workflow) = (self.triggers()?, workflow.to_owned());
        runs::blocking(move || runs::secret(&triggers, &workflow).map(|secret| secret.is_some())).await
    }

    async fn start_run(&self, asked: RunRequest) -> Result<RunAnswer, RunError> {
        let triggers = self.triggers()?;
        runs::blocking(move || runs::start(&triggers, &asked)).await
    }

    async fn run(&self, run: &str) -> Result<Value, RunError> {
        let (home, run) = (self.home.clone(), run.to_owned());
        runs::blocking(move || runs::document(&home, &run)).await
    }

    fn serves(&self, endpoint: &str) -> bool {
        self.serving.serves(endpoint)
    }

    fn figures(&self) -> Figures {
        self.serving.figures()
    }

    fn s3(&self) -> Option<&Service> {
        self.s3.as_ref()
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
