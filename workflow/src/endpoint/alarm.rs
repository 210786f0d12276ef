//! What rolls a rollout back.

use serde::{Deserialize, Serialize};

/// A condition that must not come true while a rollout is watched, such as `error-rate > 1%`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Alarm(pub String);
