//! Starting, finding, cancelling and retrying runs.

use std::{
    path::Path,
    process,
    time::{SystemTime, UNIX_EPOCH},
};

use millstream_core::{artifact::Digest, layout, pools::Unfit, task::Message};
use millstream_errors::{Code, Coded};
use millstream_language::Functions;
use millstream_plan::{
    Frozen, Plan,
    compile::{Checked, Options, PlanError},
};
use millstream_state::{Run, RunState};
use millstream_store::{ErrorKind, PutOptions};
use millstream_worker::{Home, Records, changes, routing, send};

use crate::{
    acts, dead, freeze, interrupted, warm_start,
    workflows::{self, WorkflowVersion},
};

/// Why a run cannot be started, found or changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The workflow does not fit what was asked for.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Its records cannot be read or written.
    #[error(transparent)]
    State(#[from] millstream_state::Error<millstream_store::Error>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] millstream_store::Error),
    /// The queue failed; what was to be sent comes with `millstream retry`.
    #[error(transparent)]
    Queue(#[from] millstream_queue::Error),
    /// What it reads from outside cannot be taken in.
    #[error(transparent)]
    Outside(#[from] freeze::Error),
    /// A workflow that was pushed reads by relative paths.
    #[error(transparent)]
    Stored(#[from] workflows::Error),
    /// Steps that no pool of the home can run.
    #[error("{}", steps.iter().map(|(step, why)| format!("step `{step}`: {why}")).collect::<Vec<_>>().join("\n"))]
    Pools {
        /// Each with the reason.
        steps: Vec<(String, Unfit)>,
    },
    /// A search cannot begin with what another one has found.
    #[error("step `{step}`: `warm-start: {from}`: {why}")]
    WarmStart {
        /// The step.
        step: String,
        /// As written.
        from: String,
        /// What is wrong with that.
        why: String,
    },
    /// No such run.
    #[error("there is no run `{name}`{}", nearest.as_ref().map(|n| format!("; did you mean `{n}`?")).unwrap_or_default())]
    NoSuchRun {
        /// As asked for.
        name: String,
        /// One of a similar name.
        nearest: Option<String>,
    },
    /// More than one run begins so.
    #[error("`{name}` could be any of {}", candidates.join(", "))]
    Ambiguous {
        /// As asked for.
        name: String,
        /// Those that begin so.
        candidates: Vec<String>,
    },
}

impl Coded for Error {
    fn code(&self) -> Code {
        match self {
            Self::Plan(error) => error.code(),
            Self::State(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Queue(error) => error.code(),
            Self::Outside(error) => error.code(),
            Self::Stored(error) => error.code(),
            Self::Pools { .. } => Code::NoPool,
            Self::WarmStart { .. } => Code::NotInBase,
            Self::NoSuchRun { .. } => Code::NoSuchRun,
            Self::Ambiguous { .. } => Code::AmbiguousRun,
        }
    }
}

/// A name for a run of `workflow` that starts now: names sort by time.
pub fn name(home: &Home, workflow: &str) -> String {
    // Tells apart what starts in the same millisecond.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    named(workflow, home.now(), since.subsec_nanos() ^ process::id().rotate_left(7))
}

/// A name for the run that an event starts, which came at `at` (milliseconds since 1970 UTC): the same each time it is asked for.
pub fn name_of(workflow: &str, at: u64, event: &Digest) -> String {
    format!("{}-{workflow}-{}", time_of(at), &event.to_string()[..16])
}

fn named(workflow: &str, now: u64, nonce: u32) -> String {
    format!("{}-{workflow}-{:04x}", time_of(now), nonce & 0xffff)
}

/// To the millisecond; sorts by time.
fn time_of(now: u64) -> String {
    let time = jiff::Timestamp::from_millisecond(now as i64)
        .unwrap_or_default()
        .strftime("%Y%m%d-%H%M%S")
        .to_string();
    format!("{time}{:03}", now % 1000)
}

/// Plans a run and starts it. Relative paths of sources begin at `base`. All that the run will read from outside is taken into the
/// store first, which takes as long as the files are large: nothing is started if one is missing.
///
/// # Errors
/// The workflow does not fit, a source or a workflow that it runs is missing or wrong, or store or queue failed.
pub fn start(
    home: &Home,
    functions: &dyn Functions,
    checked: &Checked,
    options: &Options,
    base: &Path,
) -> Result<Plan, Error> {
    let mut plan = checked.plan(functions, options)?;
    plan.frozen = freeze::freeze(home, functions, &plan, base)?;
    begin(home, plan, base)
}

/// The same for a version of a workflow that was pushed, which `checked` is made of. It reads nothing by relative paths.
///
/// # Errors
/// As [`start`]; something that it reads is named by a relative path.
pub fn start_stored(
    home: &Home,
    functions: &dyn Functions,
    checked: &Checked,
    options: &Options,
    version: &WorkflowVersion,
) -> Result<Plan, Error> {
    let mut plan = checked.plan(functions, options)?;
    plan.version = Some(version.version);
    workflows::refuse_relative(&plan)?;
    let base = Path::new(workflows::BASE);
    plan.frozen = freeze::freeze(home, functions, &plan, base)?;
    begin(home, plan, base)
}

/// The same for a run that an event starts, under the name that [`name_of`] gave. If it was begun before, by this event or a repetition
/// of it, it goes on as it was planned then.
///
/// # Errors
/// As [`start_stored`].
pub fn start_triggered(
    home: &Home,
    functions: &dyn Functions,
    checked: &Checked,
    options: &Options,
    version: &WorkflowVersion,
) -> Result<Plan, Error> {
    if let Some(plan) = Records::new(home.store().clone()).plan(&options.run)? {
        resume(home, &plan)?;
        return Ok(plan);
    }
    start_stored(home, functions, checked, options, version)
}

/// Plans a run that a task of another run waits for, and starts it. It reads what that run has taken in; `version` is that of a
/// workflow that was pushed.
///
/// # Errors
/// The workflow does not fit, or store or queue failed.
pub(crate) fn start_child(
    home: &Home,
    frozen: &Frozen,
    checked: &Checked,
    options: &Options,
    (base, version): (&Path, Option<u32>),
    parent: Message,
) -> Result<Plan, Error> {
    let mut plan = checked.plan(frozen, options)?;
    plan.version = version;
    plan.frozen = frozen.clone();
    plan.parent = Some(parent);
    begin(home, plan, base)
}

fn begin(home: &Home, mut plan: Plan, base: &Path) -> Result<Plan, Error> {
    let steps = routing::unfit(home, &plan)?;
    if !steps.is_empty() {
        return Err(Error::Pools { steps });
    }
    warm_start::take_in(home, &mut plan)?;
    plan.base = Some(base.to_string_lossy().into_owned());
    plan.previous = changes::follow(home.store().as_ref(), &plan.workflow, &plan.run)?;
    let bytes = serde_json::to_vec_pretty(&plan).expect("a plan is JSON");
    match home.store().put(&layout::plan(&plan.run), &bytes, &PutOptions::absent()) {
        Ok(_) => {}
        // The same start again, after a crash: its plan holds.
        Err(error) if error.kind() == ErrorKind::PreconditionFailed && plan.parent.is_some() => {}
        Err(error) if error.kind() == ErrorKind::PreconditionFailed && plan.trigger.is_some() => {
            plan = Records::new(home.store().clone()).plan(&plan.run)?.ok_or(error)?;
        }
        Err(error) => return Err(error.into()),
    }
    if let Some(parent) = &plan.parent
        && is_cancelled(home, &parent.run)?
    {
        // Since its task was received: whoever cancelled it did not see this run yet.
        Run::new(&plan, &Records::new(home.store().clone())).cancel()?;
        return Ok(plan);
    }
    resume(home, &plan)?;
    Ok(plan)
}

fn is_cancelled(home: &Home, run: &str) -> Result<bool, millstream_store::Error> {
    match home.store().head(&layout::cancel(run)) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Sends whatever is ready: at the start, and after a crash between the plan and its first messages. Harmless at any time.
///
/// # Errors
/// Store or queue failed.
pub fn resume(home: &Home, plan: &Plan) -> Result<(), Error> {
    let records = Records::new(home.store().clone());
    let ready = Run::new(plan, &records).begin(home.now())?;
    Ok(send(home, plan, &ready)?)
}

/// Forgets the run's failures, a cancel and an interrupt, and sends what can run again; so for the runs that it waits for. False: the
/// run has succeeded, and nothing was done.
///
/// # Errors
/// Store or queue failed.
pub fn retry(home: &Home, plan: &Plan) -> Result<bool, Error> {
    let records = Records::new(home.store().clone());
    let run = Run::new(plan, &records);
    if run.progress()?.state == RunState::Succeeded {
        return Ok(false);
    }
    // First: a step that waits for a run which has failed, or was cancelled, fails again.
    for child in acts::children(plan) {
        if let Some(child) = records.plan(&child)? {
            retry(home, &child)?;
        }
    }
    // Before the failures are forgotten: a worker would take them for those of the tasks that are sent now.
    dead::forget(home, &plan.run)?;
    interrupted::forget(home, plan)?;
    send(home, plan, &run.retry(home.now())?)?;
    Ok(true)
}

/// Starts no more of the run's tasks, nor of the runs that it waits for. Workers end what they have in hand within a second.
/// Gives the run's state before: one that has ended stays as it is.
///
/// # Errors
/// The store failed.
pub fn cancel(home: &Home, plan: &Plan) -> Result<RunState, Error> {
    let records = Records::new(home.store().clone());
    let run = Run::new(plan, &records);
    let state = run.progress()?.state;
    // Whoever cancelled it before may not have come to its children.
    if !state.has_ended() || state == RunState::Cancelled {
        run.cancel()?;
        for child in acts::children(plan) {
            if let Some(child) = records.plan(&child)? {
                cancel(home, &child)?;
            }
        }
    }
    Ok(state)
}

/// The newest run of a workflow, by its name.
///
/// # Errors
/// The store failed, or a run's plan is damaged.
pub fn newest(home: &Home, workflow: &str) -> Result<Option<String>, Error> {
    for name in names(home)?.into_iter().rev().filter(|name| name.contains(workflow)) {
        if find(home, &name)?.workflow == workflow {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// The run that people mean by `name`: its whole name, `latest` (that somebody started; not one of `run-workflow`), or what
/// only its name begins or ends with.
///
/// # Errors
/// None or several, or the store failed.
pub fn find(home: &Home, name: &str) -> Result<Plan, Error> {
    let records = Records::new(home.store().clone());
    if millstream_store::check_key(name).is_ok()
        && let Some(plan) = records.plan(name)?
    {
        return Ok(plan);
    }
    let names = names(home)?;
    if name == "latest" {
        for run in names.iter().rev() {
            if let Some(plan) = records.plan(run)?.filter(|plan| plan.parent.is_none()) {
                return Ok(plan);
            }
        }
    }
    let mut candidates: Vec<String> =
        names.iter().filter(|run| run.starts_with(name) || run.ends_with(name)).cloned().collect();
    let missing = || Error::NoSuchRun {
        name: name.to_owned(),
        nearest: millstream_core::nearest::nearest(name, names.iter().map(String::as_str)).map(str::to_owned),
    };
    match candidates.len() {
        0 => Err(missing()),
        1 => records.plan(&candidates.remove(0))?.ok_or_else(missing),
        _ => Err(Error::Ambiguous { name: name.to_owned(), candidates }),
    }
}

/// The names of all runs, oldest first. Jumps from run to run, whatever each holds.
///
/// # Errors
/// The store failed.
pub fn names(home: &Home) -> Result<Vec<String>, millstream_store::Error> {
    let mut names = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = home.store().list(layout::RUNS, after.as_deref(), 1)?;
        let Some(entry) = page.entries.first() else { return Ok(names) };
        let run = entry.key.split('/').nth(1).unwrap_or_default().to_owned();
        // The last key that a run can have sorts before this.
        after = Some(format!("runs/{run}/~"));
        names.push(run);
    }
}
