//! What stands behind the routes: the serving core and the deploy operations.

use std::{future::Future, sync::Arc};

use millstream_control::{ChangeRequest, Changed, Error, Scope};
use millstream_core::artifact::Digest;
use millstream_deployment::Endpoint;
use millstream_endpoint::{Answer, Figures, Invocation, InvokeError, Later, Outcome, Ticket};
use millstream_s3::Service;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::workflows::{RunAnswer, RunError, RunRequest};

/// Answers what the routes ask. Dropping a future that it returned means that the caller has gone: the work is given up.
pub trait Backend: Send + Sync + 'static {
    /// Predictions for the rows of a request.
    fn invoke(&self, invocation: Invocation<'_>) -> impl Future<Output = Result<Answer, InvokeError>> + Send;

    /// The artifact of the rows at a location, such as `s3://bucket/key`: as they are now, whatever becomes of them. Without
    /// buckets there are no locations.
    fn take(&self, location: &str) -> impl Future<Output = Result<Digest, InvokeError>> + Send {
        let message = format!(
            "there are no buckets here, so that `{location}` can't be read; send the rows themselves"
        );
        async move { Err(InvokeError::Invalid { parameter: "InputLocation", message }) }
    }

    /// Queues a request whose answer becomes an object.
    fn invoke_later(&self, later: Later) -> impl Future<Output = Result<Ticket, InvokeError>> + Send;

    /// What became of a request that was queued.
    fn outcome(
        &self,
        endpoint: &str,
        inference_id: &str,
    ) -> impl Future<Output = Result<Outcome, InvokeError>> + Send;

    /// What a variant takes and gives; the one with most of the traffic if none is named.
    fn signature(
        &self,
        endpoint: &str,
        variant: Option<&str>,
    ) -> impl Future<Output = Result<Signature, InvokeError>> + Send;

    /// All endpoints, by name.
    fn endpoints(&self) -> impl Future<Output = Vec<Endpoint>> + Send;

    /// One endpoint as it is now.
    fn endpoint(&self, name: &str) -> impl Future<Output = Result<Endpoint, InvokeError>> + Send;

    /// Deploys, moves traffic, rolls back, promotes or aborts.
    fn change(&self, asked: ChangeRequest) -> impl Future<Output = Result<Changed, Error>> + Send;

    /// Whether requests for runs of this workflow carry a signature; then they need no key.
    fn is_signed(&self, _workflow: &str) -> impl Future<Output = Result<bool, RunError>> + Send {
        async { Err(no_runs()) }
    }

    /// Starts a run, once for each event, after checking the signature where there has to be one.
    fn start_run(&self, _asked: RunRequest) -> impl Future<Output = Result<RunAnswer, RunError>> + Send {
        async { Err(no_runs()) }
    }

    /// How a run stands, as a document.
    fn run(&self, _run: &str) -> impl Future<Output = Result<Value, RunError>> + Send {
        async { Err(no_runs()) }
    }

    /// Whether there is an endpoint of this name. Asked for each name once at most, so that invented names can't fill the
    /// metrics.
    fn serves(&self, endpoint: &str) -> bool;

    /// What the core shows of itself, for metrics. Out of memory.
    fn figures(&self) -> Figures;

    /// The S3-shaped API, if there is one.
    fn s3(&self) -> Option<&Service> {
        None
    }

    /// Whether requests can be answered: the registry has been read and predictors can be made.
    fn ready(&self) -> bool;

    /// Whether there is any API key. A public address is refused without one.
    fn has_keys(&self) -> bool;

    /// Who holds this API key, and whether it opens `scope` for `endpoint`; none is named by what is asked of the
    /// whole server, such as `/metrics`. Called for every request that needs a key: answer from memory.
    fn authorize(&self, secret: &str, scope: Scope, endpoint: Option<&str>) -> Result<Caller, Refused>;
}

/// Of a backend that has endpoints alone.
fn no_runs() -> RunError {
    RunError::NotFound("this server serves endpoints alone, and knows no workflows or runs".to_owned())
}

/// Who asks: a key's name, or `local` on a loopback address without keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller(pub Arc<str>);

/// Why a key opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Nobody's key, or one that was revoked or has expired.
    Unknown,
    /// A key, but without the scope or for other endpoints.
    Forbidden,
    /// Nobody knows: the store can't be read.
    Unavailable,
}

/// What a version takes and gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The model.
    pub model: String,
    /// Its version.
    pub version: u32,
    /// Versions that answer behind the endpoint.
    pub versions: Vec<u32>,
    /// Columns of a request, in order.
    pub inputs: Vec<Column>,
    /// Columns of an answer, in order.
    pub outputs: Vec<Column>,
}

/// A column of a request or an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type in the Open Inference Protocol.
    pub datatype: Datatype,
}

/// Types of the Open Inference Protocol that tables have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Datatype {
    /// True or false.
    #[serde(rename = "BOOL")]
    Bool,
    /// Whole numbers of 32 bits.
    #[serde(rename = "INT32")]
    Int32,
    /// Whole numbers of 64 bits.
    #[serde(rename = "INT64")]
    Int64,
    /// Numbers in single precision.
    #[serde(rename = "FP32")]
    Fp32,
    /// Numbers in double precision.
    #[serde(rename = "FP64")]
    Fp64,
    /// Text; dates and times too, in ISO 8601.
    #[serde(rename = "BYTES")]
    Bytes,
}
