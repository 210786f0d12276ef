//! What all clients of AWS share: credentials, region, HTTP, retries, errors for people.
//!
//! [`from_environment`] reads the configuration as every program on AWS does; [`block_on`] runs a call of the SDK to its end
//! from synchronous code; [`explain`] makes of the SDK's error one that says what to do.

mod attempts;
mod config;
mod looked;
mod runtime;
mod trouble;

pub use aws_config::SdkConfig;

pub use attempts::SendCount;
pub use config::{ENVIRONMENT, at_endpoint, custom_endpoint, files, from_environment};
pub use runtime::block_on;
pub use trouble::{Asked, Kind, Trouble, explain};
