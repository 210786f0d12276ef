//! What can be typed.

mod aws;
mod dead;
mod endpoints;
mod home;
mod layout;
mod models;
mod serve;
mod triggers;
mod workflows;

use std::path::PathBuf;

use clap::{
    Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum,
    builder::NonEmptyStringValueParser,
};
use clap_complete::Shell;
use millstream_errors::Code;

pub use aws::*;
pub use dead::{DeadArgs, DeadVerb, Letters};
pub use endpoints::*;
pub use home::{HomeArgs, queues, stores};
pub use models::{ImportArgs, Judged, ModelsArgs, ModelsVerb, OneVersion};
pub use serve::{InvokeArgs, ServeArgs};
pub use triggers::{TriggersArgs, TriggersVerb};
pub use workflows::{WorkflowsArgs, WorkflowsVerb};

const EXAMPLES: &str = "\
Examples:
  millstream samples data                      write four real data sets as CSV files
  millstream run workflow.yaml                 run a workflow; unchanged steps come from the cache
  millstream run workflow.yaml -p source=a.csv -p target=churned
  millstream status latest                     each step: state, time, metrics, why it ran
  millstream artifacts latest copy predict/predictions .
  millstream functions describe gradient-boosting
  millstream deploy churn --model churn        put the newest version behind an endpoint

A RUN may be shortened: `latest`, or a part at the beginning or end of its name that no other run has.

Exit codes: 0 done, 1 failed, 2 wrong usage or workflow, 130 interrupted.";

/// Machine learning on tables, from raw data to predictions: workflows of WebAssembly functions.
#[derive(Debug, Parser)]
#[command(name = "millstream", version, after_help = EXAMPLES)]
pub struct Cli {
    #[command(flatten)]
    pub home: HomeArgs,
    #[command(subcommand)]
    pub verb: Verb,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run a workflow and show how it goes.
    Run(RunArgs),
    /// List runs, newest first.
    Runs {
        /// List at most this many.
        #[arg(short = 'n', long, default_value_t = 20)]
        limit: usize,
        #[command(flatten)]
        output: Output,
    },
    /// Show each step of a run: state, time, why it ran or was cached, metrics, errors.
    Status {
        #[command(flatten)]
        run: RunName,
        #[command(flatten)]
        output: Output,
    },
    /// Show the trials of a run's searches, the best first.
    Tuning {
        #[command(flatten)]
        run: RunName,
        /// One step; all steps that search if it is left out.
        step: Option<String>,
        #[command(flatten)]
        output: Output,
    },
    /// Show what tasks logged.
    Logs(LogsArgs),
    /// List, open or copy the artifacts of a run.
    Artifacts(ArtifactsArgs),
    /// Stop a run; `retry` continues it.
    Cancel {
        #[command(flatten)]
        run: RunName,
        #[command(flatten)]
        output: Output,
    },
    /// Continue a run that failed or was stopped; what is done stays.
    Retry {
        #[command(flatten)]
        run: RunName,
        #[command(flatten)]
        work: Work,
    },
    /// Approve or reject a step that waits for it.
    Approve(ApproveArgs),
    /// Do tasks from the queue until Ctrl-C.
    Worker {
        #[command(flatten)]
        threads: Threads,
    },
    /// Serve endpoints over HTTP, and do tasks from the queue.
    Serve(ServeArgs),
    /// List who does tasks: which pools, since when, doing what.
    #[command(after_help = "\
A worker says every 5 seconds that it is there, every minute where the store is reached over the network. One that was killed is shown \
as gone for a day. Workers of `millstream run` end with their run; over the network they are not listed.")]
    Workers {
        #[command(flatten)]
        output: Output,
    },
    /// Ask an endpoint for predictions.
    Invoke(InvokeArgs),
    /// Check workflow files without running anything.
    Validate {
        /// Workflow files.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        #[command(flatten)]
        output: Output,
    },
    /// Estimate what a workflow costs and how long it takes where it is to run (`--on aws`).
    Plan(PlanArgs),
    /// Print the JSON Schema of workflow files, for editors.
    #[command(after_help = "Example:\n  millstream schema > workflow.schema.json")]
    Schema {
        /// Print a reference in Markdown instead.
        #[arg(long, value_name = "OF")]
        reference: Option<Reference>,
    },
    /// Store workflows with versions, to be run from any folder.
    Workflows(WorkflowsArgs),
    /// List what starts runs by itself, and try an event.
    Triggers(TriggersArgs),
    /// List, describe, check, add and begin functions.
    Functions {
        #[command(subcommand)]
        verb: FunctionsVerb,
    },
    /// List registered models; compare, approve, name and remove versions.
    Models(ModelsArgs),
    /// Put a version of a model behind an endpoint.
    Deploy(Box<DeployArgs>),
    /// Show endpoints: variants, rollouts, settings, history.
    Endpoints(EndpointsArgs),
    /// Set which variants answer an endpoint's requests, and their weights.
    Traffic(TrafficArgs),
    /// Go back to the variants that answered before.
    Rollback(RollbackArgs),
    /// Show, promote or abort a rollout.
    Rollout(RolloutArgs),
    /// Make, list and revoke API keys.
    Keys(KeysArgs),
    /// Run on AWS: make, look at and remove the stack in an account.
    Aws(AwsArgs),
    /// List, redrive and remove dead letters: messages that failed too often.
    Dead(DeadArgs),
    /// Write real data sets as CSV files.
    Samples {
        /// The folder to write them to.
        #[arg(default_value = "data")]
        folder: PathBuf,
        /// Print nothing.
        #[arg(short, long, conflicts_with = "json")]
        quiet: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Check that everything works here, and say how to repair what does not.
    Doctor {
        /// Also read every artifact; name the damaged ones and say how to restore them.
        #[arg(long)]
        verify: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Say what an error's code means and what to do; list all codes if none is given.
    #[command(after_help = "Example: millstream explain MS0101")]
    Explain {
        /// As messages name it.
        #[arg(value_parser = parse_code)]
        code: Option<Code>,
    },
    /// Print a completion script for a shell.
    #[command(
        after_help = "Example:\n  millstream completions bash > ~/.local/share/bash-completion/completions/millstream"
    )]
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Run jobs from standard input; millstream starts it itself.
    #[command(hide = true)]
    Executor,
}

/// What a reference describes.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Reference {
    /// The keys of workflow files, and expressions.
    Workflow,
    /// Inputs, parameters, outputs and metrics of each function.
    Functions,
}

#[derive(Debug, Args)]
pub struct Output {
    /// Print JSON.
    // Before the verb or behind it, where a command has verbs.
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct RunName {
    /// The run: `latest`, its name, or a part at the beginning or end of it that no other run has.
    #[arg(value_name = "RUN", default_value = "latest")]
    pub run: String,
}

#[derive(Debug, Args)]
pub struct Threads {
    /// Tasks at once [default: one per core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub workers: Option<u32>,
    /// Also do the tasks of this pool; may be repeated.
    #[arg(long = "pool", value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub pools: Vec<String>,
}

/// How a run is worked on.
#[derive(Debug, Args)]
pub struct Work {
    #[command(flatten)]
    pub threads: Threads,
    /// Print one JSON object per line for each event.
    #[arg(long)]
    pub json: bool,
    /// Only queue it; `millstream worker` does the tasks.
    #[arg(short, long)]
    pub detach: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millstream run workflow.yaml
  millstream run workflow.yaml -p source=new.csv -p folds=5
  millstream run workflow.yaml --from train    from this step on; earlier results come from the newest run
  millstream run workflow.yaml --json | jq .   one JSON object for each event")]
pub struct RunArgs {
    /// The workflow: a file, or one that was pushed, `NAME` or `NAME@VERSION`. A file of that name wins.
    #[arg(value_name = "FILE|NAME")]
    pub workflow: PathBuf,
    /// Set a parameter of the workflow; may be repeated. Relative paths start in the current folder.
    #[arg(short, long = "param", value_name = "KEY=VALUE", value_parser = parse_param)]
    pub params: Vec<(String, String)>,
    /// Run every step, even if its result is in the cache.
    #[arg(long)]
    pub no_cache: bool,
    /// Run this step and all steps that depend on it; take the other results from an earlier run.
    #[arg(long, value_name = "STEP", conflicts_with = "only")]
    pub from: Option<String>,
    /// Run this step alone, on results of an earlier run; may be repeated.
    #[arg(long, value_name = "STEP")]
    pub only: Vec<String>,
    /// The earlier run for `--from` and `--only` [default: the newest of this workflow].
    #[arg(long, value_name = "RUN")]
    pub base: Option<String>,
    #[command(flatten)]
    pub work: Work,
}

#[derive(Debug, Args)]
pub struct LogsArgs {
    #[command(flatten)]
    pub run: RunName,
    /// Show this step alone.
    pub step: Option<String>,
    /// Keep printing until the run ends.
    #[arg(short, long)]
    pub follow: bool,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millstream artifacts latest                            list them
  millstream artifacts latest open analyze/report        show a report
  millstream artifacts latest copy predict .             copy all artifacts of step `predict`
  millstream artifacts latest copy train.1/model m.json  copy one of task 1 of step `train`")]
pub struct ArtifactsArgs {
    #[command(flatten)]
    pub run: RunName,
    #[command(subcommand)]
    pub verb: Option<ArtifactsVerb>,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Subcommand)]
pub enum ArtifactsVerb {
    /// List artifacts of the run, or of one step.
    List {
        /// The step.
        step: Option<String>,
    },
    /// Open a report in the browser; print the path of other artifacts.
    Open {
        /// STEP[.TASK]/OUTPUT[/PART]
        address: String,
    },
    /// Copy artifacts to a folder or file.
    Copy {
        /// STEP[.TASK][/OUTPUT[/PART]]
        address: String,
        /// A folder, or a file for a single artifact.
        dest: PathBuf,
        /// Replace existing files.
        #[arg(short, long)]
        force: bool,
    },
}

#[derive(Debug, Args)]
pub struct ApproveArgs {
    /// The run.
    pub run: String,
    /// The step that waits for approval.
    pub step: String,
    /// One of its tasks, by number [default: all].
    #[arg(long)]
    pub task: Option<u32>,
    /// Reject: the step fails.
    #[arg(long)]
    pub reject: bool,
    /// The reason; kept with the decision.
    #[arg(short, long)]
    pub comment: Option<String>,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Subcommand)]
pub enum FunctionsVerb {
    /// List all functions.
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Show a function's inputs, parameters, outputs and metrics.
    Describe {
        /// The function.
        name: String,
        #[command(flatten)]
        output: Output,
    },
    /// Check whether a component is a function.
    Check {
        /// The component, a `.wasm` file.
        file: PathBuf,
        #[command(flatten)]
        output: Output,
    },
    /// Add a component, so that workflows can use it.
    Add {
        /// The component, a `.wasm` file.
        file: PathBuf,
        #[command(flatten)]
        output: Output,
    },
    /// Begin a function in Rust, in a new folder.
    New {
        /// The function's name, and the folder's: lower-case letters, digits and hyphens.
        name: String,
    },
}

fn parse_code(text: &str) -> Result<Code, String> {
    text.parse().map_err(|_| "no error has this code; `millstream explain` lists all".to_owned())
}

impl Cli {
    /// What was typed, or what is wrong with the usage; help is such an error, laid out for the terminal.
    pub fn typed() -> Result<Self, clap::Error> {
        Self::try_parse().or_else(|_| {
            // Help is laid out for the terminal; all others need not wait for that.
            let matches = layout::laid_out(Self::command(), layout::width()).try_get_matches()?;
            Self::from_arg_matches(&matches)
        })
    }
}

fn parse_param(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as KEY=VALUE, such as -p target=churned".to_owned()),
    }
}

#[cfg(test)]
mod tests;
