//! HTTP: routes, limits, security; the work is the serving core's.
//!
//! A request goes through [`app`]: its route, the gate, the handler of the route, the log. The routes are one table
//! (`route/table.rs`); each is matched and answered without a layer in between. a [`Backend`] answers what they ask.

mod accept;
mod access_log;
mod app;
mod aws;
mod backend;
mod body;
mod call;
mod coding;
mod config;
mod connections;
mod event_stream;
mod fault;
mod files;
mod gate;
mod health;
mod inference;
mod lambda;
mod later;
mod manage;
mod metrics;
mod objects;
mod openapi;
mod range;
mod reply;
mod request_id;
mod room;
mod route;
mod sagemaker;
mod server;
mod stream;
mod target;
mod telemetry;
mod tls;
mod workflows;

pub use backend::{Backend, Caller, Column, Datatype, Refused, Signature};
pub use config::{AccessLogConfig, Config, Limits, TlsFiles};
pub use lambda::{Failed, Gateway, GatewayAnswer};
pub use server::{Drained, Server, StartError, stop_signal};
pub use telemetry::{Traces, traces_from_environment, traces_to};
pub use workflows::{RunAnswer, RunError, RunRequest};
