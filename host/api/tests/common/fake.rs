//! A backend without models: the endpoint's name says what happens.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use millstream_api::{Backend, Caller, Column, Datatype, Refused, Signature};
use millstream_control::{ChangeRequest, Changed, Error, Scope};
use millstream_core::{artifact::Digest, failure::Failure};
use millstream_deployment::{Alias, Endpoint, LIVE, Misread, Variant};
use millstream_endpoint::{Answer, Figures, Invocation, InvokeError, Later, Outcome, Ticket};
use millstream_s3::{Buckets, Service};
use millstream_store::{Artifacts, MemoryStore};

/// What the backend was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub endpoint: String,
    pub alias: Option<String>,
    pub variant: Option<String>,
    pub model: Option<String>,
    pub content_type: String,
    pub accept: Option<String>,
    pub inference_id: Option<String>,
    pub body: Bytes,
}

#[derive(Clone, Default)]
pub struct Fake(Arc<Inner>);

#[derive(Default)]
struct Inner {
    seen: Mutex<Vec<Seen>>,
    later: Mutex<Vec<Later>>,
    changes: Mutex<Vec<ChangeRequest>>,
    asked: AtomicUsize,
    under_way: AtomicUsize,
    slow_ones_done: AtomicUsize,
    has_keys: bool,
    s3: Option<Service>,
}

/// Counts down when the work is done or given up.
struct UnderWay(Arc<Inner>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Fake {
    /// There are keys: `msk_invoke` opens `invoke` for `churn`, `msk_deploy` deploys anything, `msk_admin` opens all.
    pub fn with_keys() -> Self {
        Self(Arc::new(Inner { has_keys: true, ..Inner::default() }))
    }

    /// With buckets in memory, open to all.
    pub fn with_buckets() -> Self {
        let artifacts = Artifacts::new(Arc::new(MemoryStore::new()));
        let s3 = Service::new(Arc::new(Buckets::new(artifacts)), None);
        Self(Arc::new(Inner { s3: Some(s3), ..Inner::default() }))
    }

    /// The last request.
    pub fn seen(&self) -> Seen {
        self.0.seen.lock().unwrap().last().cloned().expect("the backend was asked nothing")
    }

    /// How many requests there were.
    pub fn asked(&self) -> usize {
        self.0.asked.load(Ordering::SeqCst)
    }

    /// How many are under way.
    pub fn under_way(&self) -> usize {
        self.0.under_way.load(Ordering::SeqCst)
    }

    /// How many slow ones came to their end.
    pub fn slow_ones_done(&self) -> usize {
        self.0.slow_ones_done.load(Ordering::SeqCst)
    }

    pub fn later(&self) -> Vec<Later> {
        self.0.later.lock().unwrap().clone()
    }

    pub fn changes(&self) -> Vec<ChangeRequest> {
        self.0.changes.lock().unwrap().clone()
    }

    fn answer(body: impl Into<Bytes>, content_type: &str) -> Answer {
        Answer {
            content_type: content_type.into(),
            body: body.into(),
            variant: "churn-3".into(),
            model: "churn".into(),
            version: 3,
            cold: false,
            model_time: Duration::from_micros(250),
        }
    }
}

fn no_such(name: &str) -> InvokeError {
    InvokeError::NoSuchEndpoint(format!("there is no endpoint `{name}`; did you mean `churn`?"))
}

fn churn() -> Endpoint {
    let variant =
        Variant { name: "churn-3".into(), model: "churn".into(), version: 3, weight: 1.0, shadow: false };
    let canary = Variant { name: "canary".into(), version: 4, ..variant.clone() };
    let alias = |variant: &Variant| Alias { variants: vec![variant.clone()], ..Alias::default() };
    Endpoint {
        name: "churn".into(),
        revision: 1,
        created: 0,
        aliases: BTreeMap::from([(LIVE.to_owned(), alias(&variant)), ("next".to_owned(), alias(&canary))]),
        config: Default::default(),
        changes: Vec::new(),
        removed: false,
    }
}

impl Backend for Fake {
    async fn invoke(&self, invocation: Invocation<'_>) -> Result<Answer, InvokeError> {
        let inner = &self.0;
        inner.asked.fetch_add(1, Ordering::SeqCst);
        inner.under_way.fetch_add(1, Ordering::SeqCst);
        let _under_way = UnderWay(inner.clone());
        let owned = |text: Option<&str>| text.map(str::to_owned);
        inner.seen.lock().unwrap().push(Seen {
            endpoint: invocation.endpoint.into(),
            alias: owned(invocation.alias),
            variant: owned(invocation.target_variant),
            model: owned(invocation.target_model),
            content_type: invocation.content_type.into(),
            accept: owned(invocation.accept),
            inference_id: owned(invocation.inference_id),
            body: invocation.body.clone(),
        });
        let (model, version) = ("churn".to_owned(), 3);
        match invocation.endpoint {
            "churn" if invocation.accept.is_some_and(|accept| accept.contains("json")) => Ok(Self::answer(
                r#"{"predictions":[{"prediction":"yes","probability":0.75}]}"#,
                "application/json",
            )),
            "churn" => Ok(Self::answer("0.75\n", "text/csv")),
            "echo" => Ok(Self::answer(invocation.body, "application/octet-stream")),
            "size" => Ok(Self::answer(invocation.body.len().to_string(), "text/csv")),
            "slow" => {
                tokio::time::sleep(Duration::from_millis(400)).await;
                inner.slow_ones_done.fetch_add(1, Ordering::SeqCst);
                Ok(Self::answer("slow\n", "text/csv"))
            }
            "stuck" => std::future::pending().await,
            "bad-rows" => Err(InvokeError::BadRequest(Failure::InvalidInput {
                message: "`abc` is not a number".into(),
                channel: None,
                part: None,
                row: Some(2),
                column: Some("age".into()),
            })),
            "many-rows" => Err(InvokeError::TooLarge("the request has 11 rows; 10 at most".into())),
            "none" => Ok(Self::answer(r#"{"predictions":[]}"#, "application/json")),
            "large" => Ok(Self::answer(vec![b'1'; 16 << 20], "text/csv")),
            "not-acceptable" => {
                Err(InvokeError::NotAcceptable("no answer can be given in `text/html`".into()))
            }
            "wrong-type" => Err(InvokeError::UnsupportedMediaType("models don't speak `image/png`".into())),
            "busy" => Err(InvokeError::Busy {
                endpoint: "busy".into(),
                limit: 1,
                retry_after: Duration::from_millis(1200),
            }),
            "down" => Err(InvokeError::Unavailable {
                message: "version 3 can't be loaded".into(),
                retry_after: Duration::from_secs(5),
            }),
            "late" => Err(InvokeError::TimedOut { endpoint: "late".into(), limit: Duration::from_secs(30) }),
            "broken" => Err(InvokeError::Model {
                variant: "broken-1".into(),
                model,
                version,
                failure: Box::new(Failure::Function { message: "unreachable".into(), backtrace: None }),
            }),
            name => Err(no_such(name)),
        }
    }

    async fn take(&self, location: &str) -> Result<Digest, InvokeError> {
        match location.starts_with("s3://b/") {
            true => Ok(Digest::of(location.as_bytes())),
            false => {
                Err(InvokeError::Invalid { parameter: "InputLocation", message: "there is none".into() })
            }
        }
    }

    async fn invoke_later(&self, later: Later) -> Result<Ticket, InvokeError> {
        if later.endpoint != "churn" {
            return Err(no_such(&later.endpoint));
        }
        let id = later.inference_id.clone().unwrap_or_else(|| "made".into());
        let output = format!("out/{id}");
        self.0.later.lock().unwrap().push(later);
        Ok(Ticket { id, output, failure: "failed".into() })
    }

    async fn outcome(&self, endpoint: &str, inference_id: &str) -> Result<Outcome, InvokeError> {
        if endpoint != "churn" {
            return Err(no_such(endpoint));
        }
        Ok(match inference_id {
            "done" => Outcome::Done {
                content_type: "text/csv".into(),
                variant: "churn-3".into(),
                body: b"0.75\n".to_vec(),
                at: 1_700_000_000_000,
            },
            "failed" => Outcome::Failed { message: "row 2 has no `age` & no <plan>".into() },
            "pending" => Outcome::Pending,
            id => {
                return Err(InvokeError::NoSuchTarget(format!(
                    "endpoint `churn` was not asked `{id}` & <it>"
                )));
            }
        })
    }

    async fn signature(&self, endpoint: &str, _variant: Option<&str>) -> Result<Signature, InvokeError> {
        if endpoint != "churn" && endpoint != "none" {
            return Err(no_such(endpoint));
        }
        let column = |name: &str, datatype| Column { name: name.into(), datatype };
        Ok(Signature {
            model: "churn".into(),
            version: 3,
            versions: vec![3, 4],
            inputs: vec![column("age", Datatype::Int64), column("plan", Datatype::Bytes)],
            outputs: vec![column("prediction", Datatype::Bytes), column("probability", Datatype::Fp64)],
        })
    }

    async fn endpoints(&self) -> Vec<Endpoint> {
        vec![churn()]
    }

    async fn endpoint(&self, name: &str) -> Result<Endpoint, InvokeError> {
        match name {
            "churn" => Ok(churn()),
            "slow" => Ok(Endpoint { name: name.to_owned(), ..churn() }),
            _ => Err(no_such(name)),
        }
    }

    async fn change(&self, asked: ChangeRequest) -> Result<Changed, Error> {
        let endpoint = asked.endpoint.clone();
        self.0.changes.lock().unwrap().push(asked);
        match endpoint.as_str() {
            "churn" => Ok(Changed { endpoint: churn(), repeated: false }),
            "again" => Ok(Changed { endpoint: churn(), repeated: true }),
            "slow" => {
                tokio::time::sleep(Duration::from_millis(400)).await;
                self.0.slow_ones_done.fetch_add(1, Ordering::SeqCst);
                Ok(Changed { endpoint: churn(), repeated: false })
            }
            "reused" => Err(Error::Reused("the idempotency key `k` was used for another change".into())),
            "contended" => Err(Error::Conflict("a rollout is under way; promote or abort it first".into())),
            "unfit" => {
                let failure = Failure::Function { message: "3 of 5 rows".into(), backtrace: None };
                Err(Error::Check { model: "churn@4".into(), failure: Box::new(failure) })
            }
            "invalid" => Err(Misread { member: "weights", message: "weights add up to 0".into() }.into()),
            name => Err(Error::NotFound(format!("there is no endpoint `{name}`"))),
        }
    }

    fn serves(&self, endpoint: &str) -> bool {
        !endpoint.starts_with("nobody")
    }

    fn figures(&self) -> Figures {
        Figures::default()
    }

    fn s3(&self) -> Option<&Service> {
        self.0.s3.as_ref()
    }

    fn ready(&self) -> bool {
        true
    }

    fn has_keys(&self) -> bool {
        self.0.has_keys
    }

    fn authorize(&self, secret: &str, scope: Scope, endpoint: Option<&str>) -> Result<Caller, Refused> {
        match secret {
            "msk_admin" => Ok(Caller("boss".into())),
            "msk_deploy" if scope <= Scope::Deploy => Ok(Caller("ci".into())),
            "msk_invoke" if scope == Scope::Invoke && endpoint.is_none_or(|name| name == "churn") => {
                Ok(Caller("app".into()))
            }
            "msk_deploy" | "msk_invoke" => Err(Refused::Forbidden),
            "msk_lost" => Err(Refused::Unavailable),
            _ => Err(Refused::Unknown),
        }
    }
}
