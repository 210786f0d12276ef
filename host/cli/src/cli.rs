//! What can be typed.

mod dead;
mod endpoints;
mod home;
mod models;
mod serve;
mod workflows;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, builder::NonEmptyStringValueParser};
use clap_complete::Shell;
use millstream_errors::Code;

pub use dead::{DeadArgs, DeadVerb, Letters};
pub use endpoints::*;
pub use home::{HomeArgs, queues, stores};
pub use models::{ImportArgs, ModelsArgs, ModelsVerb};
pub use serve::{InvokeArgs, ServeArgs};
pub use workflows::{WorkflowsArgs, WorkflowsVerb};

const EXAMPLES: &str = "\
Examples:
  millstream samples data                      write four real data sets as CSV files
  millstream run workflow.yaml                 run a workflow; what has not changed comes from the cache
  millstream run workflow.yaml -p source=a.csv -p target=churned
  millstream status latest                     each step: why it ran or was cached, how long, which metrics
  millstream artifacts latest copy predict/predictions .
  millstream functions describe gradient-boosting
  millstream deploy churn --model churn        put the newest version behind an endpoint

A RUN may be shortened: `latest`, or whatever only its name begins or ends with.
Exit codes: 0 done; 1 failed; 2 wrong usage or workflow; 130 interrupted.";

/// Machine learning on tables, from raw data to predictions: workflows of WebAssembly functions.
#[derive(Debug, Parser)]
#[command(name = "millstream", version, after_help = EXAMPLES, max_term_width = 110)]
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
        /// How many.
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
    /// Print what tasks said.
    Logs(LogsArgs),
    /// List, open or copy out what a run made.
    Artifacts(ArtifactsArgs),
    /// Stop a run; `retry` takes it up again.
    Cancel {
        #[command(flatten)]
        run: RunName,
    },
    /// Run again what failed or was cancelled; what is done stays.
    Retry {
        #[command(flatten)]
        run: RunName,
        #[command(flatten)]
        work: Work,
    },
    /// Decide about a step that waits for approval.
    Approve(ApproveArgs),
    /// Do tasks from the queue until Ctrl-C.
    Worker {
        #[command(flatten)]
        threads: Threads,
    },
    /// Answer requests to endpoints over HTTP, and do workflows' tasks beside it.
    Serve(ServeArgs),
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
    /// Print the JSON Schema of workflow files, for editors.
    #[command(after_help = "Example: millstream schema > workflow.schema.json")]
    Schema {
        /// Print a reference in Markdown instead.
        #[arg(long, value_name = "OF")]
        reference: Option<Reference>,
    },
    /// Store workflows with versions, to be run from any folder.
    Workflows(WorkflowsArgs),
    /// See, check, add and write functions.
    Functions {
        #[command(subcommand)]
        verb: FunctionsVerb,
    },
    /// See registered models; compare, approve, name and remove versions.
    Models(ModelsArgs),
    /// Put a version of a model behind an endpoint.
    Deploy(Box<DeployArgs>),
    /// See endpoints: who answers, rollouts, settings, history.
    Endpoints(EndpointsArgs),
    /// Set who answers an endpoint's requests, with which weights.
    Traffic(TrafficArgs),
    /// Go back to who answered before.
    Rollback(RollbackArgs),
    /// See, promote or abort a rollout.
    Rollout(RolloutArgs),
    /// Make, list and revoke API keys.
    Keys(KeysArgs),
    /// See, redrive and remove messages that nobody could deal with.
    Dead(DeadArgs),
    /// Write real data sets as CSV files.
    Samples {
        /// Where to.
        #[arg(default_value = "data")]
        folder: PathBuf,
        /// Say nothing.
        #[arg(short, long)]
        quiet: bool,
    },
    /// Check that everything works here, and say how to mend what does not.
    Doctor {
        /// Also read every artifact, name what is damaged, and say what makes it whole.
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
        after_help = "Example: millstream completions bash > ~/.local/share/bash-completion/completions/millstream"
    )]
    Completions { shell: Shell },
    /// Serves jobs on standard input; started by millstream itself.
    #[command(hide = true)]
    Executor,
}

/// What a reference is of.
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
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct RunName {
    /// A run's name, a part of it that no other has, or `latest`.
    #[arg(value_name = "RUN", default_value = "latest")]
    pub run: String,
}

#[derive(Debug, Args)]
pub struct Threads {
    /// Tasks at once [default: one per core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub workers: Option<u32>,
    /// Also do tasks of this pool; may be repeated.
    #[arg(long = "pool", value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub pools: Vec<String>,
}

/// How a run is worked on.
#[derive(Debug, Args)]
pub struct Work {
    #[command(flatten)]
    pub threads: Threads,
    /// One JSON object per line for everything that happens.
    #[arg(long)]
    pub json: bool,
    /// Only put it into the queue, for `millstream worker`.
    #[arg(short, long)]
    pub detach: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millstream run workflow.yaml
  millstream run workflow.yaml -p source=new.csv -p folds=5
  millstream run workflow.yaml --from train    from this step on; earlier results from the newest run
  millstream run workflow.yaml --json | jq .   one object for each event")]
pub struct RunArgs {
    /// The workflow: a file, or one that was pushed, `NAME` or `NAME@VERSION`. A file of that name wins.
    #[arg(value_name = "FILE|NAME")]
    pub workflow: PathBuf,
    /// A parameter of the workflow; may be repeated. Relative paths begin in the current folder.
    #[arg(short, long = "param", value_name = "KEY=VALUE", value_parser = parse_param)]
    pub params: Vec<(String, String)>,
    /// Run everything, also what was computed before.
    #[arg(long)]
    pub no_cache: bool,
    /// Run this step and all that depend on it; take what they need from another run.
    #[arg(long, value_name = "STEP", conflicts_with = "only")]
    pub from: Option<String>,
    /// Run this step alone; may be repeated.
    #[arg(long, value_name = "STEP")]
    pub only: Vec<String>,
    /// The run whose results are taken over [default: the newest one of this workflow].
    #[arg(long, value_name = "RUN")]
    pub base: Option<String>,
    #[command(flatten)]
    pub work: Work,
}

#[derive(Debug, Args)]
pub struct LogsArgs {
    #[command(flatten)]
    pub run: RunName,
    /// Of this step alone.
    pub step: Option<String>,
    /// Go on until the run ends.
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
  millstream artifacts latest copy predict .             copy all that step `predict` made
  millstream artifacts latest copy train.1/model m.json  of task 1 of a step with several")]
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
    /// List them, of one step if you like.
    List { step: Option<String> },
    /// Open a report with the system's browser; print the path of anything else.
    Open {
        /// STEP[.TASK]/OUTPUT[/PART]
        address: String,
    },
    /// Copy them out.
    Copy {
        /// STEP[.TASK][/OUTPUT[/PART]]
        address: String,
        /// A folder; or a file, if it is one artifact.
        dest: PathBuf,
        /// Replace files that are there.
        #[arg(short, long)]
        force: bool,
    },
}

#[derive(Debug, Args)]
pub struct ApproveArgs {
    /// The run.
    pub run: String,
    /// The step that waits.
    pub step: String,
    /// Which of its tasks, if there are several [default: all].
    #[arg(long)]
    pub task: Option<u32>,
    /// Say no: the step fails.
    #[arg(long)]
    pub reject: bool,
    /// Why.
    #[arg(short, long)]
    pub comment: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum FunctionsVerb {
    /// List all.
    List {
        #[command(flatten)]
        output: Output,
    },
    /// What a function takes, gives and measures.
    Describe {
        name: String,
        #[command(flatten)]
        output: Output,
    },
    /// Check whether a component is a function.
    Check {
        file: PathBuf,
        #[command(flatten)]
        output: Output,
    },
    /// Add a component, so that workflows can use it.
    Add { file: PathBuf },
    /// Begin a function in Rust in a new folder of that name.
    New {
        /// Lower-case letters, digits and hyphens.
        name: String,
    },
}

fn parse_code(text: &str) -> Result<Code, String> {
    text.parse().map_err(|_| "no error has this code; `millstream explain` lists all".to_owned())
}

fn parse_param(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as KEY=VALUE, such as -p target=churned".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(line: &str) -> Result<Verb, clap::Error> {
        Cli::try_parse_from(line.split(' ')).map(|cli| cli.verb)
    }

    #[test]
    fn the_definition_holds() {
        Cli::command().debug_assert();
    }

    #[test]
    fn parameters_keep_what_comes_after_the_first_equals_sign() {
        let Ok(Verb::Run(run)) = parse("millstream run w.yaml -p a=b=c -p d=") else { panic!() };
        assert_eq!(run.params, [("a".to_owned(), "b=c".to_owned()), ("d".to_owned(), String::new())]);
        assert!(parse("millstream run w.yaml -p a").is_err());
        assert!(parse("millstream run w.yaml -p =a").is_err());
    }

    #[test]
    fn artifacts_take_a_run_and_a_verb() {
        let Ok(Verb::Artifacts(all)) = parse("millstream artifacts") else { panic!() };
        assert_eq!((all.run.run.as_str(), all.verb.is_none()), ("latest", true));
        let Ok(Verb::Artifacts(copy)) = parse("millstream artifacts r1 copy predict/predictions out.csv")
        else {
            panic!()
        };
        assert_eq!(copy.run.run, "r1");
        assert!(
            matches!(copy.verb, Some(ArtifactsVerb::Copy { address, .. }) if address == "predict/predictions")
        );
    }

    #[test]
    fn models_take_a_name_or_a_verb() {
        let Ok(Verb::Models(one)) = parse("millstream models churn --compare 1 2") else { panic!() };
        assert_eq!((one.name.as_deref(), one.compare), (Some("churn"), vec![1, 2]));
        let Ok(Verb::Models(decide)) = parse("millstream models approve churn 2") else { panic!() };
        assert!(matches!(decide.verb, Some(ModelsVerb::Approve { version: 2, .. })));
        assert!(parse("millstream models --compare 1 2").is_err());
    }

    #[test]
    fn from_and_only_exclude_each_other() {
        assert!(parse("millstream run w.yaml --from a --only b").is_err());
        assert!(parse("millstream run w.yaml --only a --only b --base r").is_ok());
        assert!(parse("millstream run w.yaml --workers 0").is_err());
    }
}
