//! The stack in a user's AWS account: package, deploy, status, logs, destroy; Lambda versions and aliases.
//!
//! [`template()`] makes the SAM template of [`StackSettings`]; everything else speaks to AWS by an [`Account`], and blocks until it is
//! done.

mod account;
mod deploy;
mod destroy;
mod dry_run;
mod error;
mod estimate;
mod functions;
pub mod live;
mod logs;
pub mod names;
pub mod prices;
mod settings;
mod stack;
mod status;
mod template;

pub use account::Account;
pub use deploy::{DeployedStack, PACKAGES, STORE, Wish, deploy, plan as plan_deployment, pools};
pub use destroy::{Amount, BucketContent, Removal, destroy, removal};
pub use dry_run::{Doing, DryRun, DryStep};
pub use error::Error;
pub use estimate::{Estimate, Expected, MeasuredStep, StepEstimate, estimate};
pub use live::{LambdaEndpoints, OnLambda};
pub use logs::{LogLine, logs};
pub use settings::{Architecture, DEFAULT, InvalidSettings, ManagedInstances, PoolSettings, StackSettings};
pub use stack::{Stack, StackEvent, Standing, Tell};
pub use status::{PoolStatus, StackStatus, status};
pub use template::{Extent, template};
