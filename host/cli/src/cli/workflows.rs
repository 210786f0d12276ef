//! What can be typed about workflows in the store.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Output;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millstream workflows push churn.yaml       a new version, unless the newest one has the same text
  millstream run churn -p source=churn.csv   the newest version, from any folder
  millstream run churn@3 -p source=churn.csv
  millstream workflows show churn@3          its text, as it was pushed
  millstream workflows rm churn@3

A stored workflow reads nothing by relative paths: files come by parameters, or by absolute paths.")]
pub struct WorkflowsArgs {
    #[command(subcommand)]
    pub verb: WorkflowsVerb,
}

#[derive(Debug, Subcommand)]
pub enum WorkflowsVerb {
    /// Check a workflow's file and store it as the next version.
    Push {
        /// The file.
        file: PathBuf,
        #[command(flatten)]
        output: Output,
    },
    /// List workflows with their newest versions.
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Print a version's text.
    Show {
        #[command(flatten)]
        name: WorkflowName,
        #[command(flatten)]
        output: Output,
    },
    /// Remove a version, or all versions of a workflow; runs go on.
    Rm {
        #[command(flatten)]
        name: WorkflowName,
        #[command(flatten)]
        output: Output,
    },
}

#[derive(Debug, Args)]
pub struct WorkflowName {
    /// The workflow, or one version of it.
    #[arg(value_name = "NAME[@N]")]
    pub name: String,
}
