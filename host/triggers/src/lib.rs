//! What starts a run by itself: schedules, folders, objects, HTTP, queues, other runs, alarms.
//!
//! [`Triggers`] is the one way in. [`accept`](Triggers::accept) takes an event that is for whoever waits for its type,
//! [`accept_for`](Triggers::accept_for) one that is sent to a trigger, [`tick`](Triggers::tick) looks at schedules,
//! [`run_ended`](Triggers::run_ended) is told of runs, and [`recover`](Triggers::recover) goes on with what a process has left. All of
//! them may be called by any number of processes on one store, and again for the same event: one event starts one run of a workflow.
//!
//! What an event comes to is decided by pure code: `matching`, `concurrency`, `missed`.

mod accept;
mod alarms;
mod catalog;
mod concurrency;
mod ended;
mod error;
mod find;
mod list;
mod matching;
mod missed;
mod records;
mod recover;
mod running;
mod schedules;
mod shell;
mod signature;

pub use accept::{Accepted, Triggers};
pub use catalog::TriggeredWorkflow;
pub use error::Error;
pub use find::Rehearsed;
pub use list::Listed;
pub use records::{Last, LastStart, Outcome};
pub use recover::REMEMBERED;
pub use schedules::Ticked;
pub use shell::{Options, Shell};
pub use signature::{SIGNATURE, is_signed_by};
