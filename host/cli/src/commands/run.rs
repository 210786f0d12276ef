//! `millstream run`

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, absolute},
};

use anyhow::Context as _;
use millstream_control::runs;
use millstream_errors::Coded as _;
use millstream_language::model::ParamType;
use millstream_plan::{
    Plan,
    compile::{self, Checked, Options, PlanError},
};
use millstream_worker::Home;
use serde_json::{Map, Value, json};

use super::{End, Usage, find_run};
use crate::{
    cli::{HomeArgs, RunArgs, Work},
    codes::Told,
    display::{self, foreign},
    drive,
    place::Place,
};

pub fn run(home: &HomeArgs, args: &RunArgs) -> anyhow::Result<End> {
    let text = read(&args.file)?;
    let place = Place::open(home, args.work.threads.workers)?;
    if !args.work.detach {
        // While the workflow is checked.
        place.executors.start()?;
    }
    place.prepare(&text)?;
    let checked = match compile::check(&args.file.to_string_lossy(), &text, place.functions.as_ref()) {
        Ok(checked) => checked,
        Err(diagnostics) => {
            write!(io::stderr(), "{}", foreign::lines(&diagnostics.to_string()))?;
            return Ok(End::Usage);
        }
    };
    let options = options(&place.home, &checked, args)?;
    let file = absolute(&args.file)?;
    let base = file.parent().unwrap_or(Path::new("."));
    let spinner = display::spinner("Taking in the files that the run reads");
    let started = runs::start(&place.home, place.functions.as_ref(), &checked, &options, base);
    drop(spinner);
    match started {
        Ok(plan) => go(&place, &plan, &args.work),
        Err(runs::Error::Plan(PlanError::Workflow(diagnostics))) => {
            write!(io::stderr(), "{}", foreign::lines(&diagnostics.to_string()))?;
            Ok(End::Usage)
        }
        Err(error) => Err(unstarted(error)),
    }
}

/// Why a run was not started.
pub fn unstarted(error: runs::Error) -> anyhow::Error {
    match &error {
        runs::Error::Outside(outside) if outside.is_of_store() => error.into(),
        runs::Error::Plan(_) | runs::Error::Outside(_) => {
            Told { code: error.code(), message: error.to_string(), is_usage: true }.into()
        }
        _ => error.into(),
    }
}

/// Works on a run that is in the queue, or leaves it there.
pub fn go(place: &Place, plan: &Plan, work: &Work) -> anyhow::Result<End> {
    if work.detach {
        let run = &plan.run;
        let name = if work.json { json!({"run": run}).to_string() } else { run.clone() };
        writeln!(io::stdout(), "{name}")?;
        display::error_line(&format!(
            "It waits for `millstream worker`; watch it with `millstream logs {run} --follow`"
        ));
        return Ok(End::Done);
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
    })
}

/// Parameters as typed; relative paths begin in the current folder, as people expect of a command.
fn params(checked: &Checked, given: &[(String, String)]) -> anyhow::Result<Map<String, Value>> {
    let mut params = Map::new();
    for (name, text) in given {
        let is_path = checked.workflow.params.get(name).is_some_and(|param| param.kind == ParamType::Uri);
        let value = if is_path && !text.contains("://") && !text.is_empty() {
            let path = absolute(text).with_context(|| format!("parameter `{name}`"))?;
            checked.param(name, &path.to_string_lossy())
        } else {
            checked.param(name, text)
        };
        params.insert(name.clone(), value.map_err(|error| Usage(error.to_string()))?);
    }
    Ok(params)
}
