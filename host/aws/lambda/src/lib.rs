//! The bootstrap of Lambda functions. By its environment it is a worker (SQS event source), an endpoint (function URL, HTTP API, load
//! balancer, direct invocation), a trigger (events of S3, ticks, HTTP) or an undertaker (dead letters); see [`settings`]. One more role is a file and a line in [`start`].
//!
//! One invocation at a time; engine and loaded components stay between them. Nothing is drawn at random before the first
//! invocation, so that an environment that is restored from a snapshot (SnapStart) shares no key with another.

mod answer;
mod endpoint;
mod home;
mod invocation;
mod packaged;
mod role;
mod settings;
mod sqs;
mod told;
mod trigger;
mod undertaker;
mod worker;

use std::{process::ExitCode, sync::Arc};

use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use serde_json::value::RawValue;

use crate::{
    endpoint::EndpointRole,
    role::Role,
    settings::{FunctionSettings, RoleName},
    trigger::TriggerRole,
    undertaker::Undertaker,
    worker::WorkerRole,
};

/// Takes events until the environment ends. Says on standard error why it did not start.
pub fn main() -> ExitCode {
    told::log_to_stderr();
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("millstream-lambda did not start: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start() -> Result<(), BootstrapError> {
    let settings = FunctionSettings::read(|name| std::env::var(name).ok())?;
    match &settings.role {
        RoleName::Worker => serve(WorkerRole::open(&settings)?),
        RoleName::Endpoint(bound) => serve(EndpointRole::open(&settings, bound)?),
        RoleName::Trigger => serve(TriggerRole::open(&settings)?),
        RoleName::Undertaker => serve(Undertaker::open(&settings)?),
    }
}

/// Why the bootstrap did not start. Says which variable is to be looked at.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BootstrapError(String);

/// Answers events one by one.
fn serve(role: impl Role) -> Result<(), BootstrapError> {
    let broken = |error: &dyn std::fmt::Display| BootstrapError(error.to_string());
    let runtime = role.runtime().enable_all().build().map_err(|error| broken(&error))?;
    let role = Arc::new(role);
    let handle = |event: LambdaEvent<Box<RawValue>>| {
        let role = Arc::clone(&role);
        async move { role.answer(event).await }
    };
    runtime.block_on(async {
        role.ready().await?;
        let served = Runtime::new(service_fn(handle)).run().await;
        served.map_err(|error| broken(&format_args!("the Runtime API is gone: {error}")))
    })
}
