//! From a task's name to all that it needs to run.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{
    Callee, Error, Input, Objects, Resolution, ResolvedTask, Run, Task,
    run::{Settled, bad_parameter, count, explain},
    values::{RunValues, fill, parts},
};
use crate::{
    acts,
    artifact::Parts,
    expr::{EvalError, Template, Value},
    failure::Failure,
    key::Shard,
    parameters,
    plan::{FanOut, Step},
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
        match self.prepare(task, step, &needs) {
            Ok(Some(resolved)) => Ok(Resolution::Ready(Box::new(resolved))),
            Ok(None) => Err(Error::NoSuchTask(task.clone())),
            Err(failure) => Ok(Resolution::Invalid(failure)),
        }
    }

    /// What a task of a run was to do, whether it is done or not; none if its needs are not settled, or it had nothing to do
    /// that could be done.
    pub fn again(&self, task: &Task) -> Result<Option<ResolvedTask>, Error<O::Error>> {
        let step = self.step(&task.step)?;
        let Some(needs) = self.needs(step)? else { return Ok(None) };
        Ok(self.prepare(task, step, &needs).unwrap_or(None))
    }

    fn prepare(
        &self,
        task: &Task,
        step: &Step,
        needs: &BTreeMap<String, Settled>,
    ) -> Result<Option<ResolvedTask>, Failure> {
        let bad = |name: &str| {
            let name = name.to_owned();
            move |error: EvalError| bad_parameter(&name, explain(error))
        };
        let mut values = RunValues { plan: self.plan, needs, matrix: None, item: None, status: None };
        let total = count(step, &values).map_err(bad("for-each"))?;
        let Some(variant) = step.variant(task.task).filter(|_| task.task < total) else { return Ok(None) };
        values.item = match &step.fan_out {
            FanOut::Items(items) => items.get(task.task as usize).cloned().map(Value::from),
            FanOut::Parts(text) => {
                let mut all = parts(text, &values).map_err(bad("for-each"))?;
                Some(Value::Channel(vec![all.swap_remove(task.task as usize)]))
            }
            _ => None,
        };
        values.matrix = Some(&variant.matrix);
        let shard = match step.fan_out {
            FanOut::Shards(count) => Some(Shard { index: task.task, count }),
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
            None => match acts::manifest(&variant.uses) {
                Some(manifest) => (Callee::Act { name: variant.uses.clone() }, manifest),
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
        parameters::fill_defaults(&manifest.parameters, &mut params);
        let schema = &manifest.parameters;
        if let Some(problem) = parameters::problems(schema, &params, &[]).into_iter().next() {
            return Err(Failure::InvalidParameter {
                name: problem.name(),
                message: problem.message,
                allowed: problem.help,
            });
        }

        let mut inputs = BTreeMap::new();
        for (channel, templates) in &step.inputs {
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
        let seed = match fill(&step.seed, &values).map_err(bad("seed"))? {
            Json::Number(number) if number.as_u64().is_some() => number.as_u64().unwrap_or_default(),
            other => return Err(bad_parameter("seed", format!("{other} is no whole number from 0 up"))),
        };
        Ok(Some(ResolvedTask {
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
        }))
    }
}

fn channel_inputs(value: Value, all: &mut Vec<Input>) -> Result<(), String> {
    match value {
        Value::Channel(segments) => {
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
