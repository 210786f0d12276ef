//! A file for each verb.

mod approve;
mod artifacts;
#[cfg(feature = "aws")]
mod aws;
mod cancel;
mod completions;
mod component;
mod dead;
mod deploy;
mod doctor;
mod endpoints;
mod explain;
mod functions;
mod import;
mod invoke;
mod keys;
mod logs;
mod models;
#[cfg(feature = "aws")]
mod package;
#[cfg(feature = "aws")]
mod plan;
mod retry;
mod run;
mod runs;
mod samples;
mod schema;
mod serve;
#[cfg(feature = "aws")]
mod spent;
mod status;
mod traffic;
mod triggers;
mod tuning;
mod validate;
mod worker;
mod workers;
mod workflows;

use std::{
    env,
    io::{self, Write as _},
    process::ExitCode,
};

use millstream_control::Author;
use millstream_errors::Coded as _;
use millstream_worker::Home;
use serde::Serialize;

use crate::{
    cli::{Cli, ModelsArgs, ModelsVerb, Verb},
    codes::Told,
    display::foreign,
};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Done,
    /// The command did not succeed.
    Failed,
    /// The command was used wrongly.
    Usage,
    /// Ctrl-C.
    Interrupted,
}

impl From<End> for ExitCode {
    fn from(end: End) -> Self {
        match end {
            End::Done => Self::SUCCESS,
            End::Failed => Self::from(1),
            End::Usage => Self::from(2),
            End::Interrupted => Self::from(130),
        }
    }
}

/// The command was used wrongly; the message says what would be right.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// Whether the command was used wrongly, rather than failed.
pub fn is_usage(error: &anyhow::Error) -> bool {
    use millstream_control::{Error, approvals};
    let unknown =
        matches!(error.downcast_ref(), Some(Error::NotFound(_) | Error::Invalid(_) | Error::Misread(_)));
    let undecidable = matches!(error.downcast_ref(), Some(approvals::Error::Invalid(_)));
    let told = error.downcast_ref::<Told>().is_some_and(|told| told.is_usage);
    unknown || undecidable || told || error.is::<Usage>()
}

/// Does what was asked for.
pub fn run(cli: Cli) -> anyhow::Result<End> {
    let home = &cli.home;
    match cli.verb {
        Verb::Run(args) => run::run(home, &args),
        Verb::Runs { limit, output } => runs::runs(home, limit, output.json),
        Verb::Status { run, output } => status::status(home, &run.run, output.json),
        Verb::Tuning { run, step, output } => tuning::tuning(home, &run.run, step.as_deref(), output.json),
        Verb::Logs(args) => logs::logs(home, &args),
        Verb::Artifacts(args) => artifacts::artifacts(home, &args),
        Verb::Cancel { run, output } => cancel::cancel(home, &run.run, output.json),
        Verb::Retry { run, work } => retry::retry(home, &run.run, &work),
        Verb::Approve(args) => approve::approve(home, &args),
        Verb::Worker { threads } => worker::worker(home, &threads),
        Verb::Workers { output } => workers::workers(home, output.json),
        Verb::Serve(args) => serve::serve(home, &args),
        Verb::Invoke(args) => invoke::invoke(home, &args),
        Verb::Validate { files, output } => validate::validate(home, &files, output.json),
        Verb::Schema { reference } => schema::schema(home, reference),
        Verb::Workflows(args) => workflows::workflows(home, &args),
        Verb::Triggers(args) => triggers::triggers(home, &args),
        Verb::Functions { verb } => functions::functions(home, verb),
        Verb::Models(ModelsArgs { verb: Some(ModelsVerb::Import(args)), .. }) => import::import(home, &args),
        Verb::Models(args) => models::models(home, &args),
        Verb::Deploy(args) => deploy::deploy(home, &args),
        Verb::Endpoints(args) => endpoints::endpoints(home, &args),
        Verb::Traffic(args) => traffic::traffic(home, &args),
        Verb::Rollback(args) => traffic::rollback(home, &args),
        Verb::Rollout(args) => traffic::rollout(home, &args),
        Verb::Keys(args) => keys::keys(home, &args),
        #[cfg(feature = "aws")]
        Verb::Aws(args) => aws::aws(home, &args),
        #[cfg(feature = "aws")]
        Verb::Plan(args) => plan::plan(home, &args),
        #[cfg(not(feature = "aws"))]
        Verb::Aws(_) | Verb::Plan(_) => Err(not_built()),
        Verb::Dead(args) => dead::dead(home, &args),
        Verb::Samples { folder, quiet, output } => samples::samples(&folder, quiet, output.json),
        Verb::Doctor { verify, output } => doctor::doctor(home, verify, output.json),
        Verb::Explain { code } => explain::explain(code),
        Verb::Completions { shell } => completions::completions(shell),
        Verb::Executor => unreachable!("main takes it"),
    }
}

/// Who builds from source gets no SDK of AWS, unless that is asked for.
#[cfg(not(feature = "aws"))]
pub fn not_built() -> anyhow::Error {
    Told {
        code: millstream_errors::Code::AwsNotBuilt,
        message: "this binary was built without AWS; use a released one (`pip install millstream`), or build it with `--features aws`"
            .to_owned(),
        is_usage: false,
    }
    .into()
}

/// Who does it, for the history.
fn user() -> String {
    let set = |name: &str| env::var(name).ok().filter(|user| !user.trim().is_empty());
    set("USER")
        .or_else(|| set("LOGNAME"))
        .or_else(|| set("USERNAME"))
        .unwrap_or_else(|| "somebody".to_owned())
}

/// The person at the keyboard. Who may write into the home may do anything.
fn author<'a>(home: &Home, who: &'a str) -> Author<'a> {
    Author { who, at: home.now(), admin: true, request: None }
}

/// Data on standard output. Control characters are shown as escapes.
fn print(text: &str) -> anyhow::Result<()> {
    Ok(io::stdout().write_all(foreign::printed(text).as_bytes())?)
}

/// A JSON document on standard output.
fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(io::Error::from)?;
    Ok(writeln!(io::stdout(), "{}", foreign::json(&text))?)
}

/// The plan of the run that people mean by `name`.
fn find_run(home: &Home, name: &str) -> anyhow::Result<millstream_plan::Plan> {
    use millstream_control::runs::{Error, find};
    find(home, name).map_err(|error| {
        let message = match &error {
            Error::NoSuchRun { name, .. } if name == "latest" => {
                "there is no run yet: start one with `millstream run FILE`".to_owned()
            }
            Error::NoSuchRun { .. } => format!("{error}; `millstream runs` lists them"),
            Error::Ambiguous { .. } => error.to_string(),
            _ => return error.into(),
        };
        Told { code: error.code(), message, is_usage: true }.into()
    })
}

/// Refuses a step that the plan does not have.
fn check_step(plan: &millstream_plan::Plan, step: &str) -> Result<(), Usage> {
    if plan.steps.contains_key(step) {
        return Ok(());
    }
    let help = millstream_core::nearest::or_all(step, plan.steps.keys().map(String::as_str), "steps");
    Err(Usage(format!("run {} has no step `{step}`; {help}", plan.run)))
}
