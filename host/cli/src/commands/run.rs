//! `millstream run`

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, absolute},
};

use anyhow::Context as _;
use millstream_control::{
    runs,
    workflows::{self, Which, WorkflowVersion},
};
use millstream_errors::Coded as _;
use millstream_language::{Functions as _, diagnostic::Diagnostics, model::ParamType};
use millstream_plan::{
    Plan,
    compile::{self, Checked, Options, PlanError},
};
use millstream_worker::Home;
use serde_json::{Map, Value, json};

use super::{
    End, Usage, find_run,
    workflows::{about, explained},
};
use crate::{
    cli::{HomeArgs, RunArgs, Work},
    codes::Told,
    display::{self, foreign},
    drive,
    place::Place,
};

pub fn run(home: &HomeArgs, args: &RunArgs) -> anyhow::Result<End> {
    let place = Place::open(home, args.work.threads.workers)?;
    let Taken { label, text, stored } = take(&place.home, &args.workflow)?;
    if !args.work.detach && works_here(home, &args.work) {
        // While the workflow is checked.
        place.executors.start()?;
    }
    place.prepare(&text)?;
    let checked = match compile::check(&label, &text, place.functions.as_ref()) {
        Ok(checked) => checked,
        Err(diagnostics) => return refused(&diagnostics),
    };
    if let Some(version) = &stored {
        other_builds(version, &place);
    }
    let options = options(&place.home, &checked, args)?;
    let spinner = display::spinner("Taking in the files that the run reads");
    let functions = place.functions.as_ref();
    let started = match &stored {
        Some(version) => runs::start_stored(&place.home, functions, &checked, &options, version),
        None => {
            let file = absolute(&args.workflow)?;
            let base = file.parent().unwrap_or(Path::new("."));
            runs::start(&place.home, functions, &checked, &options, base)
        }
    };
    drop(spinner);
    match started {
        Ok(plan) => go(home, &place, &plan, &args.work),
        Err(runs::Error::Plan(PlanError::Workflow(diagnostics))) => refused(&diagnostics),
        Err(error) => Err(unstarted(error)),
    }
}

/// Says what is wrong with a workflow.
pub fn refused(diagnostics: &Diagnostics) -> anyhow::Result<End> {
    write!(io::stderr(), "{}", foreign::lines(&diagnostics.to_string()))?;
    Ok(End::Usage)
}

/// What is run.
struct Taken {
    /// For diagnostics.
    label: String,
    text: String,
    /// The version, if it was pushed.
    stored: Option<WorkflowVersion>,
}

/// The file of that name, or else the workflow that was pushed under it. Says which where both are there.
fn take(home: &Home, name: &Path) -> anyhow::Result<Taken> {
    let label = name.to_string_lossy().into_owned();
    let is_reference = Which::parse(&label).is_ok();
    if name.is_file() || !is_reference {
        if is_reference && let Ok(version) = workflows::find(home, &label) {
            tell!("Running the file {label}, and not the workflow {} that was pushed", version.reference());
        }
        return Ok(Taken { text: read(name)?, label, stored: None });
    }
    let version = workflows::find(home, &label).map_err(|error| match error {
        workflows::Error::NotFound(message) => {
            Usage(format!("there is no file {label}, and {message}")).into()
        }
        other => explained(other),
    })?;
    tell!("Running {}, {}", version.reference(), about(&version));
    Ok(Taken { label: version.reference(), text: version.text.clone(), stored: Some(version) })
}

/// Names the functions that are not those that the workflow was checked with.
fn other_builds(version: &WorkflowVersion, place: &Place) {
    for (name, checked_with) in &version.functions {
        let now = place.functions.get(name).map(|(digest, _)| digest);
        if now.is_some_and(|now| now != checked_with.digest) {
            tell!(
                "Function `{name}` is another build than the one that {} was checked with ({})",
                version.reference(),
                checked_with.version
            );
        }
    }
}

/// Why a run was not started.
pub fn unstarted(error: runs::Error) -> anyhow::Error {
    match &error {
        runs::Error::Outside(outside) if outside.is_of_store() => error.into(),
        runs::Error::Plan(_) | runs::Error::Outside(_) | runs::Error::Stored(_) => {
            Told { code: error.code(), message: error.to_string(), is_usage: true }.into()
        }
        _ => error.into(),
    }
}

/// Whether this process does tasks: not where others do (`--on`), unless it is asked to help.
fn works_here(home: &HomeArgs, work: &Work) -> bool {
    !home.is_worked_on() || work.threads.workers.is_some() || !work.threads.pools.is_empty()
}

/// Works on a run that is in the queue, follows it where others do, or leaves it there.
pub fn go(home: &HomeArgs, place: &Place, plan: &Plan, work: &Work) -> anyhow::Result<End> {
    if work.detach {
        let run = &plan.run;
        let name = if work.json { json!({"run": run}).to_string() } else { run.clone() };
        writeln!(io::stdout(), "{name}")?;
        let on = home.on.as_ref().map(|name| format!(" --on {name}")).unwrap_or_default();
        let waits = if home.is_worked_on() { "It goes on there" } else { "It waits for `millstream worker`" };
        display::error_line(&format!("{waits}; watch it with `millstream logs {run} --follow{on}`"));
        return Ok(End::Done);
    }
    if !works_here(home, work) {
        return drive::watch(place, plan, display::choose(work.json).as_mut());
    }
    drive::drive(place, plan, &work.threads, display::choose(work.json).as_mut())
}

pub fn read(file: &Path) -> anyhow::Result<String> {
    fs::read_to_string(file).map_err(|error| Usage(format!("cannot read {}: {error}", file.display())).into())
}

fn options(home: &Home, checked: &Checked, args: &RunArgs) -> anyhow::Result<Options> {
    let workflow = checked.workflow.name.as_str();
    let partial = args.from.is_some() || !args.only.is_empty();
    let base_run = match &args.base {
        Some(name) if partial => Some(find_run(home, name)?.run),
        Some(_) => return Err(Usage("--base goes with --from or --only".to_owned()).into()),
        None if partial => {
            let newest = runs::newest(home, workflow)?;
            if let Some(name) = &newest {
                display::error_line(&format!("Taking earlier results from {name}"));
            }
            newest
        }
        None => None,
    };
    Ok(Options {
        run: runs::name(home, workflow),
        created: home.now(),
        params: params(checked, &args.params)?,
        no_cache: args.no_cache,
        from: args.from.clone(),
        only: args.only.clone(),
        base_run,
        trigger: None,
    })
}

/// Parameters as typed; relative paths begin in the current folder, as people expect of a command.
fn params(checked: &Checked, given: &[(String, String)]) -> anyhow::Result<Map<String, Value>> {
    let mut params = Map::new();
    for (name, text) in given {
        let is_path = checked.workflow.params.get(name).is_some_and(|param| param.kind == ParamType::Uri);
        let value = if is_path && !text.contains("://") && !text.starts_with("artifact:") && !text.is_empty()
        {
            let path = absolute(text).with_context(|| format!("parameter `{name}`"))?;
            checked.param(name, &path.to_string_lossy())
        } else {
            checked.param(name, text)
        };
        params.insert(name.clone(), value.map_err(|error| Usage(error.to_string()))?);
    }
    Ok(params)
}
