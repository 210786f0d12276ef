//! How a run stands, with what each task came to; as people and programs see it.

use std::collections::HashMap;

use millstream_control::interrupted;
use millstream_core::{
    completion::{Completion, FailureRecord, Figure, Outcome, Phase},
    layout,
};
use millstream_errors::{Code, Coded as _};
use millstream_language::expr::{Node, Reference, Template};
use millstream_plan::{FanOut, Plan, Step, Triggered};
use millstream_state::{Progress, Run, RunState, StepProgress};
use millstream_store::entries;
use millstream_worker::{Home, Records};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

/// A run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Overview {
    pub run: String,
    pub workflow: String,
    /// Which version of it, if it was pushed.
    pub version: Option<u32>,
    /// The trigger that started it, with its event; none if a person did, or a step of another run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger: Option<Triggered>,
    pub state: &'static str,
    /// Milliseconds since 1970 UTC.
    pub created: u64,
    /// From the start to the last task's end so far.
    pub milliseconds: u64,
    pub params: Map<String, Value>,
    pub steps: Vec<StepView>,
}

/// A step of a run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct StepView {
    pub step: String,
    pub state: State,
    /// How many of its tasks are done or skipped.
    pub done: u32,
    pub failed: u32,
    /// How many there are, if that is known yet.
    pub count: Option<u32>,
    /// From its first task's start to its last one's end.
    pub milliseconds: Option<u64>,
    /// Why it was skipped as a whole, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The pool whose tasks it waits for, if nobody does them now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unserved_pool: Option<String>,
    /// Of the trials of a search, the best one: its results are the step's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub best: Option<u32>,
    /// The tasks that have ended.
    pub tasks: Vec<TaskView>,
}

/// A task that has ended.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TaskView {
    pub task: u32,
    /// What makes it differ from the others.
    pub label: String,
    pub state: State,
    /// Why it ran, was taken from the cache, or did not run.
    pub why: String,
    pub milliseconds: u64,
    pub attempts: u32,
    /// Where the function's time went, in milliseconds, if it said so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<Phase>,
    pub message: String,
    /// In the order of the function's manifest; the objective of a search first.
    #[serde(serialize_with = "as_map")]
    pub metrics: Vec<(String, Figure)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The error's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
}

/// How a step or task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    Waiting,
    Running,
    Done,
    Cached,
    Skipped,
    Failed,
    /// A step that it needs failed.
    Blocked,
    /// Taken over from another run.
    Adopted,
}

fn as_map<S: serde::Serializer>(metrics: &[(String, Figure)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(metrics.iter().map(|(name, value)| (name, value)))
}

/// What a run is called whose process was told to stop.
pub const INTERRUPTED: &str = "interrupted";

/// The same, where a run that nobody works on any more since it was interrupted is not called running.
pub fn shown_state(home: &Home, run: &str, state: RunState) -> anyhow::Result<&'static str> {
    if state == RunState::Running && interrupted::is_interrupted(home, run)? {
        return Ok(INTERRUPTED);
    }
    Ok(state.name())
}

impl Overview {
    /// Reads all records of the run.
    pub fn read(home: &Home, plan: &Plan) -> anyhow::Result<Self> {
        let records = Records::new(home.store().clone());
        let run = Run::new(plan, &records);
        let progress = run.progress()?;
        let mut steps = Vec::new();
        let mut end = plan.created;
        for (name, step) in &plan.steps {
            let done: Vec<Completion> = all(home, &layout::all_done(&plan.run, Some(name)))?;
            let mut failed: Vec<FailureRecord> = all(home, &layout::all_failed(&plan.run, Some(name)))?;
            failed.retain(|failure| done.iter().all(|done| done.task != failure.task));
            let ends = done.iter().map(|done| done.finished).chain(failed.iter().map(|failure| failure.at));
            end = end.max(ends.max().unwrap_or(0));
            // A task's completion says it, if there is one.
            let settled = progress.steps.get(name).is_some_and(|now| now.settled);
            let reason = if settled { run.skipped(name)? } else { None };
            let labels = labels(home, plan, name, step)?;
            let best =
                if settled && matches!(step.fan_out, FanOut::Trials(_)) { run.best(name)? } else { None };
            let view = step_view(plan, name, step, &progress, (&done, &failed), &labels, reason);
            steps.push(StepView { best, ..view });
        }
        Ok(Self {
            run: plan.run.clone(),
            workflow: plan.workflow.clone(),
            version: plan.version,
            trigger: plan.trigger.clone(),
            state: shown_state(home, &plan.run, progress.state)?,
            created: plan.created,
            milliseconds: end - plan.created,
            params: plan.params.clone(),
            steps,
        })
    }
}

fn all<T: DeserializeOwned>(home: &Home, prefix: &str) -> anyhow::Result<Vec<T>> {
    entries(home.store().as_ref(), prefix)
        .map(|entry| {
            let key = entry?.key;
            serde_json::from_slice(&home.store().get(&key)?.bytes)
                .map_err(|error| anyhow::anyhow!("{key} is damaged: {error}"))
        })
        .collect()
}

fn step_view(
    plan: &Plan,
    name: &str,
    step: &Step,
    progress: &Progress,
    (done, failed): (&[Completion], &[FailureRecord]),
    labels: &[String],
    reason: Option<String>,
) -> StepView {
    let mut tasks: Vec<TaskView> = done
        .iter()
        .map(|done| of_completion(plan, step, done, labels))
        .chain(failed.iter().map(|failed| of_failure(failed, labels)))
        .collect();
    tasks.sort_by_key(|task| task.task);
    let now = progress.steps.get(name).cloned().unwrap_or_default();
    let first = done.iter().map(|done| done.started).min();
    let last = done.iter().map(|done| done.finished).max();
    StepView {
        step: name.to_owned(),
        state: step_state(step, &now, &tasks, reason.is_some()),
        done: now.done,
        failed: now.failed,
        count: now.count,
        milliseconds: first.zip(last).map(|(first, last)| last.saturating_sub(first)),
        reason,
        unserved_pool: None,
        best: None,
        tasks,
    }
}

fn step_state(step: &Step, now: &StepProgress, tasks: &[TaskView], skipped: bool) -> State {
    let every = |state| !tasks.is_empty() && tasks.iter().all(|task| task.state == state);
    if step.adopted {
        State::Adopted
    } else if every(State::Blocked) {
        State::Blocked
    } else if now.failed > 0 {
        State::Failed
    } else if !now.settled {
        if now.done > 0 { State::Running } else { State::Waiting }
    } else if skipped || every(State::Skipped) {
        State::Skipped
    } else if every(State::Cached) {
        State::Cached
    } else {
        State::Done
    }
}

fn of_completion(plan: &Plan, step: &Step, done: &Completion, labels: &[String]) -> TaskView {
    let (message, metrics) = match &done.outcome {
        Outcome::Done(results) => {
            let variant = step.variant(done.task);
            let function = variant.and_then(|variant| plan.functions.get(&variant.uses));
            let order = function.map(|function| function.manifest.metrics.as_slice()).unwrap_or_default();
            let objective = match &step.fan_out {
                FanOut::Trials(tuning) => Some(&tuning.objective.metric),
                _ => None,
            };
            let place = |name: &str| order.iter().position(|metric| metric.name == name);
            // What trials are compared by comes first.
            let rank = |name: &String| (objective != Some(name), place(name).unwrap_or(usize::MAX));
            let mut metrics: Vec<(String, Figure)> =
                results.metrics.iter().map(|(name, value)| (name.clone(), Figure(*value))).collect();
            metrics.sort_by_key(|(name, _)| rank(name));
            (results.message.clone(), metrics)
        }
        Outcome::Skipped { reason } => (reason.clone(), Vec::new()),
    };
    TaskView {
        task: done.task,
        label: label(labels, done.task),
        state: match (&done.outcome, &done.cached_from) {
            (Outcome::Skipped { .. }, _) => State::Skipped,
            (Outcome::Done(_), Some(_)) => State::Cached,
            (Outcome::Done(_), None) => State::Done,
        },
        why: done.why.clone(),
        milliseconds: done.finished.saturating_sub(done.started),
        attempts: done.attempt,
        phases: done.phases.clone(),
        message,
        metrics,
        error: None,
        code: None,
    }
}

fn of_failure(failed: &FailureRecord, labels: &[String]) -> TaskView {
    let why = match &failed.blocked_by {
        Some(step) => format!("did not run: step `{step}`, which it needs, failed"),
        None => format!("failed in attempt {}", failed.attempts),
    };
    TaskView {
        task: failed.task,
        label: label(labels, failed.task),
        state: if failed.blocked_by.is_some() { State::Blocked } else { State::Failed },
        why,
        milliseconds: 0,
        attempts: failed.attempts,
        phases: Vec::new(),
        message: String::new(),
        metrics: Vec::new(),
        error: Some(failed.failure.to_string()),
        code: Some(failed.failure.code()),
    }
}

fn label(labels: &[String], task: u32) -> String {
    labels.get(task as usize).cloned().unwrap_or_else(|| task.to_string())
}

/// What makes each task of a step differ: values of the matrix, list or search, or the tasks whose parts it goes over. Empty if there is
/// one task, or if the tasks are not known yet.
fn labels(home: &Home, plan: &Plan, name: &str, step: &Step) -> anyhow::Result<Vec<String>> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let rounds = || Run::new(plan, &Records::new(home.store().clone())).rounds(name);
    let shards = |count: u32| (0..count).map(|shard| format!("shard={shard}")).collect();
    Ok(match &step.fan_out {
        FanOut::Single => Vec::new(),
        FanOut::Shards(count) => shards(*count),
        FanOut::SizedShards => shards(rounds()?.iter().map(|round| round.count).sum()),
        FanOut::Trials(_) => rounds()?.iter().flat_map(|round| step.round_labels(round)).collect(),
        FanOut::Matrix => (0..step.variants.len() as u32).filter_map(|task| step.label(task)).collect(),
        FanOut::Items(items) => items.iter().map(text).collect(),
        FanOut::Parts(expression) => {
            let template = Template::parse(expression).ok();
            let Some(Node::Reference(Reference::Output(before, output))) =
                template.as_ref().and_then(Template::whole).map(|expr| &expr.node)
            else {
                return Ok(Vec::new());
            };
            let Some(step) = plan.steps.get(before).filter(|step| step.is_list()) else {
                return Ok(Vec::new());
            };
            // A task for each part, in the order of the tasks that put them out: one may have given none, or several.
            let of = labels(home, plan, before, step)?;
            let mut all = Vec::new();
            for done in completions(home, plan, before)? {
                if let Outcome::Done(results) = done.outcome {
                    let parts = results.outputs.get(output).map_or(0, |parts| parts.parts.len());
                    let own = label(&of, done.task);
                    all.extend((0..parts).map(|part| match parts {
                        1 => own.clone(),
                        _ => format!("{own}, part={part}"),
                    }));
                }
            }
            all
        }
    })
}

/// What people call the tasks of a run.
pub struct TaskNames {
    home: Home,
    plan: Plan,
    known: HashMap<String, Vec<String>>,
}

impl TaskNames {
    pub fn new(home: &Home, plan: &Plan) -> Self {
        Self { home: home.clone(), plan: plan.clone(), known: HashMap::new() }
    }

    /// `train`, or `train[algorithm=ridge, fold=2]` of a step with several tasks.
    pub fn of(&mut self, step: &str, task: u32) -> String {
        let Some(planned) = self.plan.steps.get(step) else { return format!("{step}[{task}]") };
        if planned.is_single() {
            return step.to_owned();
        }
        if self.known.get(step).is_none_or(|known| known.len() <= task as usize) {
            // Of parts, labels are known once there are tasks. A store that fails now costs a name: the number stands for it.
            let labels = labels(&self.home, &self.plan, step, planned).unwrap_or_default();
            self.known.insert(step.to_owned(), labels);
        }
        task_name(step, &label(&self.known[step], task))
    }
}

/// The name of one of several tasks.
pub fn task_name(step: &str, label: &str) -> String {
    format!("{step}[{label}]")
}

/// What the tasks of a step came to, in their order.
pub fn completions(home: &Home, plan: &Plan, step: &str) -> anyhow::Result<Vec<Completion>> {
    all(home, &layout::all_done(&plan.run, Some(step)))
}
