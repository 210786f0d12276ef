//! The registry: models and their versions, endpoints, API keys. One object each in the store, changed by compare-and-swap.
//!
//! [`Models`] and [`Endpoints`] read and write records. [`Deployer`] holds what people do with endpoints: the command line, a
//! workflow's `deploy` step and HTTP call the same methods, each of which is one conditional write.

mod author;
mod compare;
mod deploy;
mod endpoints;
mod error;
mod keys;
mod models;
mod record;
mod traffic;
mod version;

pub use author::{Author, Request};
pub use compare::{Difference, compare};
pub use deploy::{Check, Deploy, Deployed, Deployer};
pub use endpoints::{Edit, Endpoints, HISTORY, Listed, State, Updated};
pub use error::Error;
pub use keys::{Key, Keys, ListedKey, NewKey, Scope};
pub use models::Models;
pub use traffic::Target;
pub use version::{ApprovalStatus, ModelVersion, Schema, Source};
