//! What runs have cost, by their own records.

use millstream_aws_stack::{StackSettings, prices};
use millstream_control::runs;
use millstream_core::{completion::Completion, layout, pools::Pools};
use millstream_state::Objects as _;
use millstream_worker::{Home, Records};
use serde::Serialize;

/// What the runs of some time have cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Spent {
    /// Runs that began in that time.
    runs: usize,
    /// Their tasks that ran, and did not come from the cache.
    pub tasks: usize,
    /// All of them together, in seconds.
    pub seconds: f64,
    /// By their pools' memory and the published prices, their requests included.
    pub usd: f64,
}

/// Adds up the runs that were started since then (milliseconds since 1970 UTC), the newest first.
pub fn spent(home: &Home, since: u64, settings: &StackSettings, pools: &Pools) -> anyhow::Result<Spent> {
    let records = Records::new(home.store().clone());
    let mut spent = Spent::default();
    for run in runs::names(home)?.iter().rev() {
        let Some(plan) = records.plan(run)? else { continue };
        if plan.created < since {
            break;
        }
        spent.runs += 1;
        for (name, step) in &plan.steps {
            // A pool that is there no more: what it had is not known, and the least of today's is taken.
            let least = || pools.of(None, None);
            let Ok(pool) = pools.of(step.pool.as_deref(), step.limits.memory).or_else(|_| least()) else {
                continue;
            };
            let keys = records.list(&layout::all_done(run, Some(name)))?;
            for bytes in records.get_many(&keys)?.into_iter().flatten() {
                let done: Completion = serde_json::from_slice(&bytes)?;
                if done.attempt == 0 || done.cached_from.is_some() {
                    continue;
                }
                let milliseconds = done.finished.saturating_sub(done.started) as f64;
                spent.tasks += 1;
                spent.seconds += milliseconds / 1e3;
                spent.usd += prices::task(
                    settings.architecture,
                    pool.memory,
                    settings.temporary_storage.into(),
                    milliseconds,
                );
            }
        }
    }
    Ok(spent)
}
