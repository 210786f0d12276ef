//! The registry: models and their versions, endpoints, API keys. One object each in the store, changed by compare-and-swap.
//!
//! [`Models`] and [`Endpoints`] read and write records. [`Deployer`] moves aliases: each method is one conditional write, and a
//! version's trial is passed in. What people ask for goes through `millstream-control`, which tries versions.

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

pub use author::{Author, IdempotentRequest};
pub use compare::{Difference, compare};
pub use deploy::{Check, Deployed, Deployer};
pub use endpoints::{Edit, Endpoints, HISTORY, Listed, State, Updated};
pub use error::Error;
pub use keys::{Key, Keys, ListedKey, NewKey, Scope};
pub use models::Models;
pub use version::{ApprovalStatus, ModelVersion, Schema, Source};
