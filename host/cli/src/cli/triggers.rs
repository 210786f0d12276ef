//! What can be typed about triggers.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Output;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millstream triggers                                        what starts runs, when it did last, and why not
  millstream triggers fire nightly/object-created --event upload.json --dry-run
  millstream triggers fire orders --event order.json         the only trigger of workflow `orders`

An event is a CloudEvent, an S3 notification or an EventBridge event of S3, as JSON. One that came before starts nothing: give it another `id`.")]
pub struct TriggersArgs {
    #[command(subcommand)]
    pub verb: Option<TriggersVerb>,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Subcommand)]
pub enum TriggersVerb {
    /// List the triggers of workflows that were pushed: last and next start, and why the last event started nothing.
    List,
    /// Give an event to a trigger, as if it had come by itself.
    Fire {
        /// The workflow, and its trigger if it has several.
        #[arg(value_name = "WORKFLOW[/TRIGGER]")]
        name: String,
        /// The event, a JSON file; `-` is standard input.
        #[arg(long, value_name = "FILE")]
        event: PathBuf,
        /// Say what would become of it, and start nothing.
        #[arg(long)]
        dry_run: bool,
    },
}
