//! What is known of a new version while it is watched.

use std::collections::BTreeMap;

use super::{drift::Drift, latency::Latencies};

/// What was seen of the new version since the rollout's [`since`](super::rollout::Rollout::since). Everything is of this stage
/// alone, so that a canary's good hour does not hide what happens under the full load.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observations {
    /// Requests that it answered or failed.
    pub requests: u64,
    /// Those that failed by its own fault: its function broke, its state did not load, it took too long. A request whose rows
    /// are at fault is not one.
    pub errors: u64,
    /// Time in its functions.
    pub latency: Latencies,
    /// How far its predictions are from the old version's; none if nobody compares.
    pub drift: Option<Drift>,
    /// Metrics of workflows' newest completed runs, by `workflows.NAME.steps.STEP.metrics.METRIC`.
    pub metrics: BTreeMap<String, f64>,
}
