//! What can be typed about dead letters.

use clap::{Args, Subcommand};

use super::Output;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millstream dead list                what nobody could deal with
  millstream dead redrive 17          once more: the request is answered, the task's run is retried
  millstream dead redrive --all
  millstream dead rm 17               it stays failed

A task or a request that is answered later comes to the dead letters when every worker or server that had it ended before it did, 20 times
over: it needs more memory than the machine has, say, or somebody kills the workers. Its step, or the request, has failed
then; nothing else waits for it. Mend the cause before you redrive it, or it takes the workers down again.")]
pub struct DeadArgs {
    #[command(subcommand)]
    pub verb: DeadVerb,
}

#[derive(Debug, Subcommand)]
pub enum DeadVerb {
    /// List all: of tasks, and of requests that are answered later.
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Have letters dealt with once more.
    Redrive(Letters),
    /// Remove letters; what they are about stays failed.
    Rm(Letters),
}

#[derive(Debug, Args)]
pub struct Letters {
    /// Which, as `millstream dead list` names them.
    #[arg(value_name = "LETTER", required_unless_present = "all", conflicts_with = "all")]
    pub letters: Vec<String>,
    /// All of them.
    #[arg(long)]
    pub all: bool,
}
