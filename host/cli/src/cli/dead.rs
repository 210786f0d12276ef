//! What can be typed about dead letters.

use clap::{Args, Subcommand};

use super::Output;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millstream dead list                list them
  millstream dead redrive 17          try again: a request is answered, a task's run is retried
  millstream dead redrive --all
  millstream dead rm 17               remove one; what it asked for stays failed

A message becomes a dead letter when 20 workers or servers in turn ended before they had dealt with it. Often the task needs more \
memory than the machine has, or somebody kills the workers. The task's step, or the request, has failed by then, and nothing waits \
for it. Fix the cause first: otherwise a redrive may take the workers down again.")]
pub struct DeadArgs {
    #[command(subcommand)]
    pub verb: DeadVerb,
}

#[derive(Debug, Subcommand)]
pub enum DeadVerb {
    /// List the dead letters of tasks, and of requests that are answered later.
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Try letters again.
    Redrive(Letters),
    /// Remove letters; what they asked for stays failed.
    Rm(Letters),
}

#[derive(Debug, Args)]
pub struct Letters {
    /// The letters, as `millstream dead list` names them.
    #[arg(value_name = "LETTER", required_unless_present = "all", conflicts_with = "all")]
    pub letters: Vec<String>,
    /// All of them.
    #[arg(long)]
    pub all: bool,
    #[command(flatten)]
    pub output: Output,
}
