//! Jobs in processes of their own: the same binary, started with a hidden argument.
//!
//! ```text
//! parent                                   executor
//!   Setup: store, cache        ---->       opens both
//!                              <----       Ready
//!   Job                        ---->       loads the function, makes an instance
//!                              <----       Event: started
//!                              <----       Event: log, progress, metric ...
//!                              <----       Job: done or failure
//! ```
//!
//! A job is ended (cancel, time limit) by killing its process; another takes its place. A process that dies by itself
//! harms its own job alone. An executor whose parent has died ends itself, in the middle of a job if need be.

mod child;
mod pool;
mod process;
mod protocol;
mod watchdog;

use std::{
    env, io,
    path::{Path, PathBuf},
    process::Command,
};

use serde::{Deserialize, Serialize};

pub use child::main;
pub use pool::ExecutorPool;

/// Where executors find things. Relative paths are those of the process that starts them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    /// The store, as [`millstream_store::open`] reads it.
    pub store: String,
    /// The folder for compiled components; it must be ours alone.
    pub cache: PathBuf,
}

/// How to start an executor: a program that calls [`main`] when it gets these arguments.
#[derive(Clone, Debug)]
pub struct ExecutorCommand {
    program: PathBuf,
    args: Vec<String>,
}

impl ExecutorCommand {
    /// The hidden argument of the `millstream` binary.
    pub const ARGUMENT: &str = "executor";

    /// This program again, with [`ARGUMENT`](Self::ARGUMENT).
    ///
    /// # Errors
    ///
    /// If the system does not say which program this is.
    pub fn current_exe() -> io::Result<Self> {
        Ok(Self::new(&env::current_exe()?, &[Self::ARGUMENT]))
    }

    /// Some other program.
    pub fn new(program: &Path, args: &[&str]) -> Self {
        Self { program: program.to_owned(), args: args.iter().map(|arg| (*arg).to_owned()).collect() }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args);
        // Ctrl-C goes to the parent alone, which ends its jobs in order.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command
    }
}
