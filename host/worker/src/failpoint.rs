//! Where the crash tests kill the process: see [`millstream_store::failpoint`].

pub use millstream_store::failpoint::{KILL_AT, reached};

/// Every point, in the order in which a task passes them.
pub const POINTS: [&str; 8] = [
    "received",
    "executed",
    "pipelines-written",
    "cached",
    "completed",
    "marked",
    "successors-sent",
    "deleted",
];

/// Every point of making a damaged artifact whole again, in the order in which they are passed: a cached result that names it
/// is forgotten, or its maker runs again; either way the store finds the file damaged, and replaces it.
pub const HEALING_POINTS: [&str; 5] =
    ["cache-forgotten", "healing", "artifact-damaged", "artifact-replaced", "healed"];
