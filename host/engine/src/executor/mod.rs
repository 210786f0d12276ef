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
//! An executor gets next to nothing of the environment, and gives up what it does not need: see [`Confinement`].
//!
//! A job is ended (cancel, time limit) by killing its process; another takes its place. A process that dies by itself
//! harms its own job alone. An executor whose parent has died ends itself, in the middle of a job if need be.

mod child;
mod confine;
mod frugal;
mod pool;
mod process;
mod protocol;
mod watchdog;

use std::{
    env, io,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use millstream_store::Network;
use serde::{Deserialize, Serialize};

pub use child::main;
pub use confine::Confinement;
pub(crate) use frugal::Frugal;
pub use pool::ExecutorPool;

/// Where executors find things. Relative paths are those of the process that starts them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    /// The store, as [`Stores::open`](millstream_store::Stores::open) reads it.
    pub store: String,
    /// The folder for compiled components; it must be ours alone.
    pub cache: PathBuf,
    /// What it takes to reach the store, where that is over the network.
    #[serde(default)]
    pub network: Option<Network>,
    /// What it takes at the most to compile a component and to have it describe itself.
    #[serde(default)]
    pub preparing: Preparing,
}

/// What it may take to compile a component and to have it describe itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Preparing {
    /// Bytes of the executor's memory, as far as the system tells (Linux).
    pub memory: u64,
    /// From the request to the answer.
    pub time: Duration,
}

impl Preparing {
    /// Raises the limit of memory: read by whoever makes a [`Setup`], named in messages.
    pub const MEMORY_VARIABLE: &str = "MILLSTREAM_COMPILE_MEMORY";

    /// The same for time.
    pub const TIME_VARIABLE: &str = "MILLSTREAM_COMPILE_TIME";
}

impl Default for Preparing {
    /// A Python interpreter with its library, 40 MB, takes most of a minute on a slow machine, and a gigabyte.
    fn default() -> Self {
        Self { memory: 2 << 30, time: Duration::from_secs(180) }
    }
}

/// What executors get of the environment. Nothing in it is a secret, and they need no more: how libraries are found, how many
/// threads compile, how a panic is told. A store over the network names what it needs beside it ([`Network`]).
const ENVIRONMENT: [&str; 9] = [
    "DYLD_FALLBACK_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "LANG",
    "LD_LIBRARY_PATH",
    "LLVM_PROFILE_FILE",
    // Executors write artifacts: the crash tests kill them, too.
    millstream_store::failpoint::KILL_AT,
    "RAYON_NUM_THREADS",
    "RUST_BACKTRACE",
    "SYSTEMROOT",
];

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

    fn command(&self, setup: &Setup) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).env_clear();
        let mut hand_on = |name: &str| {
            if let Some(value) = env::var_os(name) {
                command.env(name, value);
            }
        };
        ENVIRONMENT.into_iter().for_each(&mut hand_on);
        if let Some(network) = &setup.network {
            network.variables.iter().for_each(|name| hand_on(name));
            // What it writes lies here until it is sent: of this machine's files it sees no others.
            command.env("TMPDIR", &setup.cache);
        }
        // Ctrl-C goes to the parent alone, which ends its jobs in order.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command
    }
}
