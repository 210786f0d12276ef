//! From a task's name to all that it needs to run.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use millstream_core::{artifact::Parts, failure::Failure, key::Shard, round::Round, task::Task};
use millstream_language::{
    acts::Act,
    expr::{EvalError, Expr, Function, Template, Value, eval, fill},
    parameters,
};
use millstream_plan::{FanOut, Step, Variant};
use serde_json::Value as Json;

use super::{
    Callee, Error, Input, Objects, Resolution, ResolvedTask, Run,
    decide::{bad_parameter, by_task, explain},
    settled::Settled,
    values::{RunValues, parts},
};

impl<O: Objects> Run<'_, O> {
    /// What a worker that received `task` should do.
    pub fn resolve(&self, task: &Task) -> Result<Resolution, Error<O::Error>> {
        let step = self.step(&task.step)?;
        if let Some(completion) = self.completion(task)? {
            return Ok(Resolution::Done(Box::new(completion)));
        }
        if self.is_cancelled()? {
            return Ok(Resolution::Cancelled);
        }
        let Some(needs) = self.needs(step)? else { return Ok(Resolution::Waiting) };
        let Some((_, round)) = self.round_of(task, step)? else {
            return Err(Error::NoSuchTask(task.clone()));
        };
        match self.prepare(task, step, &round, &needs) {
            Ok(Prepared::Task(resolved)) => Ok(Resolution::Ready(resolved)),
            Ok(Prepared::Skip(reason)) => Ok(Resolution::Skip(reason)),
            Err(failure) => Ok(Resolution::Invalid(failure)),
        }
    }

    /// What a task of a run was to do, whether it is done or not; none if its needs are not settled, or it had nothing to do
    /// that could be done.
    pub fn again(&self, task: &Task) -> Result<Option<ResolvedTask>, Error<O::Error>> {
        let step = self.step(&task.step)?;
        let Some(needs) = self.needs(step)? else { return Ok(None) };
        let Some((_, round)) = self.round_of(task, step)? else { return Ok(None) };
        Ok(match self.prepare(task, step, &round, &needs) {
            Ok(Prepared::Task(resolved)) => Some(*resolved),
            _ => None,
        })
    }

    fn prepare(
        &self,
        task: &Task,
        step: &Step,
        round: &Round,
        needs: &BTreeMap<String, Settled>,
    ) -> Result<Prepared, Failure> {
        let bad = |name: &str| {
            let name = name.to_owned();
            move |error: EvalError| bad_parameter(&name, explain(error))
        };
        let mut values = RunValues::of_run(self.plan, needs);
        let Some(variant) = step.variant(task.task) else {
            return Err(Failure::Host { message: format!("the plan does not say what {task} runs") });
        };
        values.item = match &step.fan_out {
            FanOut::Items(items) => items.get(task.task as usize).cloned().map(Value::from),
            FanOut::Parts(text) => {
                let mut all = parts(text, &values).map_err(bad("for-each"))?;
                // Fewer than were counted only if a step before has other results since a retry.
                let part = (all.len() == round.count as usize).then(|| all.swap_remove(task.task as usize));
                let changed = || bad_parameter("for-each", CHANGED.to_owned());
                Some(Value::Channel(vec![part.ok_or_else(changed)?]))
            }
            FanOut::Trials(_) => round.fold(task.task).map(|fold| Value::Integer(fold.into())),
            _ => None,
        };
        values.own = Some((step, &variant.matrix));
        if matches!(step.fan_out, FanOut::Matrix)
            && let Some(reason) = self.idle(step, variant, needs, &values)?
        {
            return Ok(Prepared::Skip(reason));
        }
        let shard = match step.fan_out {
            FanOut::Shards(_) | FanOut::SizedShards => Some(Shard { index: task.task, count: round.count }),
            _ => None,
        };

        let (callee, manifest) = match self.plan.functions.get(&variant.uses) {
            Some(function) => (
                Callee::Function {
                    name: variant.uses.clone(),
                    version: function.manifest.version.clone(),
                    digest: function.digest,
                },
                &function.manifest,
            ),
            None => match Act::named(&variant.uses) {
                Some(act) => (Callee::Act(act), act.manifest()),
                None => {
                    let message = format!("the plan has no function `{}`", variant.uses);
                    return Err(Failure::Host { message });
                }
            },
        };
        let mut params = serde_json::Map::new();
        for (name, value) in &variant.with {
            params.insert(name.clone(), fill(value, &values).map_err(bad(name))?);
        }
        params.extend(round.trial(task.task).cloned().unwrap_or_default());
        parameters::complete(&manifest.parameters, &mut params);
        let schema = &manifest.parameters;
        if let Some(problem) = parameters::problems(schema, &params, &[]).into_iter().next() {
            let name = problem.name();
            // What is said to help is the allowed values, the nearest name, or what the parameter is.
            let (message, allowed) =
                match problem.help.as_deref().map(|help| (help, help.strip_prefix("allowed: "))) {
                    Some((_, Some(allowed))) => (problem.message, Some(allowed.to_owned())),
                    Some((help, None)) => (format!("{}: {help}", problem.message), None),
                    None => (problem.message, None),
                };
            return Err(Failure::InvalidParameter { name, message, allowed });
        }

        let mut inputs = BTreeMap::new();
        for (channel, templates) in &in_folds(step, round.fold(task.task)) {
            let mut all = Vec::new();
            for text in templates {
                let template =
                    Template::parse(text).map_err(|problem| bad_parameter(channel, problem.message))?;
                channel_inputs(template.eval(&values).map_err(bad(channel))?, &mut all)
                    .map_err(|message| bad_parameter(channel, message))?;
            }
            same_stages(channel, &all)?;
            inputs.insert(channel.clone(), all);
        }
        for channel in manifest.channels.iter().filter(|channel| channel.required) {
            let filled = inputs.get(&channel.name).is_some_and(|inputs| !inputs.is_empty());
            if !filled {
                return Err(Failure::InvalidInput {
                    message:
                        "nothing came in: the step that should give it was skipped, failed or put out nothing"
                            .to_owned(),
                    channel: Some(channel.name.clone()),
                    part: None,
                    row: None,
                    column: None,
                });
            }
        }
        let seed = fill(&step.seed, &values).map_err(bad("seed"))?;
        let Some(seed) = millstream_plan::seed(&seed) else {
            let message = format!("{seed} is no whole number from 0 to {}", u64::MAX);
            return Err(bad_parameter("seed", message));
        };
        Ok(Prepared::Task(Box::new(ResolvedTask {
            step: task.step.clone(),
            task: task.task,
            callee,
            params,
            inputs,
            seed,
            shard,
            limits: step.limits,
            retry: step.retry,
            cache: step.cache && self.plan.cache,
        })))
    }
}

/// The inputs of a step's task, in a fold if it has one.
fn in_folds(step: &Step, fold: Option<u32>) -> IndexMap<String, Vec<String>> {
    let mut inputs = step.inputs.clone();
    if let (FanOut::Trials(tuning), Some(_)) = (&step.fan_out, fold) {
        inputs.extend(tuning.folds.iter().flat_map(|folds| folds.inputs.clone()));
    }
    inputs
}

const CHANGED: &str = "there are other parts than when this step began: run the workflow again";

/// What becomes of a task whose needs are settled.
enum Prepared {
    Task(Box<ResolvedTask>),
    /// It has nothing to do.
    Skip(String),
}

impl<O: Objects> Run<'_, O> {
    /// Why one task of a matrix has nothing to do: a combination that it needs was skipped, or its own condition is false.
    fn idle(
        &self,
        step: &Step,
        variant: &Variant,
        needs: &BTreeMap<String, Settled>,
        values: &RunValues<'_>,
    ) -> Result<Option<String>, Failure> {
        let condition = step.condition.as_deref().map(Template::condition).transpose();
        let condition = condition.map_err(|problem| bad_parameter("if", problem.message))?;
        if !condition.as_ref().is_some_and(Expr::asks_for_status) {
            let mut texts: Vec<&str> = step.inputs.values().flatten().map(String::as_str).collect();
            texts.extend(step.seed.as_str());
            variant.with.values().for_each(|value| strings(value, &mut texts));
            let condition = condition.as_ref().map(|condition| format!("${{{{ {condition} }}}}"));
            texts.extend(condition.as_deref());
            if let Some(reason) = values.skipped(texts) {
                return Ok(Some(reason));
            }
        }
        let Some(condition) = condition.filter(|condition| by_task(self.plan, step, condition)) else {
            return Ok(None);
        };
        let has = |wanted: fn(&Settled) -> bool| needs.values().any(wanted);
        let failed = has(|settled| matches!(settled, Settled::Failed));
        let skipped = has(|settled| matches!(settled, Settled::Skipped(_)));
        let status = |function| match function {
            Function::Success => !failed && !skipped,
            Function::Failure => failed,
            _ => true,
        };
        let values = RunValues { status: Some(&status), item: None, ..*values };
        match eval(&condition, &values) {
            Ok(Value::Bool(true)) => Ok(None),
            Ok(Value::Bool(false)) => Ok(Some(format!("`if` is false: {condition}"))),
            Ok(other) => {
                Err(bad_parameter("if", format!("`{condition}` is {}, not a boolean", other.kind())))
            }
            Err(error) => Err(bad_parameter("if", explain(error))),
        }
    }
}

/// All strings in a value.
fn strings<'a>(value: &'a Json, all: &mut Vec<&'a str>) {
    match value {
        Json::String(text) => all.push(text),
        Json::Array(items) => items.iter().for_each(|item| strings(item, all)),
        Json::Object(map) => map.values().for_each(|item| strings(item, all)),
        _ => {}
    }
}

pub(super) fn channel_inputs(value: Value, all: &mut Vec<Input>) -> Result<(), String> {
    match value {
        Value::Channel(segments) | Value::Gathered(segments) => {
            all.extend(segments.into_iter().filter(|parts| !parts.parts.is_empty()).map(Input::Parts));
        }
        Value::String(uri) if !uri.is_empty() => all.push(Input::Source(uri)),
        Value::List(items) => items.into_iter().try_for_each(|item| channel_inputs(item, all))?,
        Value::Null => {}
        other => return Err(format!("a channel takes parts or paths, not {}", other.kind())),
    }
    Ok(())
}

/// Rows that went through different stages are different things: they can't be one table.
fn same_stages(channel: &str, inputs: &[Input]) -> Result<(), Failure> {
    let none = Parts::default();
    let mut stages = inputs.iter().map(|input| match input {
        Input::Parts(parts) => &parts.stages,
        Input::Source(_) => &none.stages,
    });
    let first = stages.next();
    if stages.all(|other| Some(other) == first) {
        return Ok(());
    }
    Err(Failure::InvalidInput {
        message:
            "its parts went through different fitted stages, so they can't be one table; pick one with [i]"
                .to_owned(),
        channel: Some(channel.to_owned()),
        part: None,
        row: None,
        column: None,
    })
}
