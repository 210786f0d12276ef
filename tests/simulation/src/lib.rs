//! Whole hosts on virtual time. One seed decides about everything: the workflow, who runs when, how long each request takes, what
//! fails, who is killed and when. `docs/simulation.md` says what is simulated, what is checked and how to repeat a seed.
//!
//! What runs is the real thing: the loops of `millstream-consumer`, `Tasks`, the state machine, the acts, `MemoryQueue` and
//! `MemoryStore`. What is made up is time, the network between them, the functions, and misfortune.

mod baton;
mod executor;
mod faults;
mod host;
mod oracle;
mod plans;
mod queue;
mod store;
mod world;

pub use faults::{Faults, Sabotage};
pub use host::{ScheduleReport, run};
pub use plans::{Case, case};
