//! Who is told when a run has ended.

use millstream_plan::Plan;
use millstream_state::RunState;

/// Takes the ends of runs, from any of a worker's threads. Passed in: what follows from an end is not this crate's.
pub trait RunEnds: Send + Sync {
    /// Whether anybody waits for the end of this run. Asked after each task: answer from memory, but for a look now and then.
    fn wants(&self, plan: &Plan) -> bool;

    /// The run has ended. Whoever does the last task says so; it may be said again, and by several.
    ///
    /// # Errors
    /// What is to be done could not be done; it is said again.
    fn ended(&self, plan: &Plan, state: RunState) -> Result<(), String>;
}
