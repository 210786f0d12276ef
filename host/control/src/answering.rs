//! Who answers an endpoint's requests, where that is not `serve`: the record of the endpoint is the same, and so are the operations.
//!
//! Servers look at the records and carry rollouts on themselves. Whoever has no server (Lambda) is told of a change by
//! [`Answering::apply`], and a rollout is carried on by whoever calls [`carry_on`]: a command that waits, or the clock.

use std::error::Error as StdError;

use millstream_deployment::{
    Endpoint,
    observations::Observations,
    rollout::{Decision, Rollout, advance},
};
use millstream_endpoint::WorkflowMetrics;
use millstream_registry::{Author, Deployer, Endpoints, Updated};
use millstream_store::Store;

/// What somebody who answers met.
pub type AnsweringError = Box<dyn StdError + Send + Sync>;

/// Answers the requests of endpoints as their records say.
pub trait Answering {
    /// Refuses a record that cannot be served there, before it is written.
    ///
    /// # Errors
    /// What cannot be, and what can.
    fn check(&self, endpoint: &Endpoint) -> Result<(), AnsweringError>;

    /// Makes it so. May be repeated.
    ///
    /// # Errors
    /// Requests are answered as before, or in part as the record says: it can be repeated.
    fn apply(&self, endpoint: &Endpoint) -> Result<(), AnsweringError>;

    /// What was seen of a rollout's new version since its share was reached, until `now` (milliseconds since 1970 UTC).
    ///
    /// # Errors
    /// The figures cannot be had.
    fn observe(
        &self,
        endpoint: &str,
        alias: &str,
        rollout: &Rollout,
        now: u64,
    ) -> Result<SeenElsewhere, AnsweringError>;
}

/// What was seen of a new version.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeenElsewhere {
    /// Its figures.
    pub observations: Observations,
    /// Alarms of the place itself that have fired, for people.
    pub alarms: Vec<String>,
}

/// Does what comes next of each rollout of an endpoint, once, and tells who answers. Gives the changes.
///
/// # Errors
/// No such endpoint; the store failed; who answers cannot be asked or told. It may be repeated.
pub fn carry_on(
    store: &dyn Store,
    answering: &dyn Answering,
    endpoint: &str,
    metrics: &mut WorkflowMetrics,
    author: &Author<'_>,
) -> Result<Vec<Updated>, AnsweringError> {
    let (endpoints, deployer) = (Endpoints::new(store), Deployer::new(store));
    let mut done = Vec::new();
    let record = endpoints.get(endpoint)?;
    for (alias, moving) in &record.aliases {
        let Some(rollout) = &moving.rollout else { continue };
        let mut seen = answering.observe(endpoint, alias, rollout, author.at)?;
        seen.observations.metrics = metrics.of(store, rollout);
        let decision = match seen.alarms.first() {
            Some(why) => Decision::RollBack { why: why.clone() },
            None => advance(rollout, author.at, &seen.observations),
        };
        if matches!(decision, Decision::Stay { .. }) {
            continue;
        }
        let at = (rollout.id.as_str(), rollout.share);
        done.extend(deployer.advance(endpoint, alias, at, &decision, author)?);
    }
    if !done.is_empty() {
        answering.apply(&endpoints.get(endpoint)?)?;
    }
    Ok(done)
}
