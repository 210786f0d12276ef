//! What `${{ }}` refers to while a run is under way.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::run::Settled;
use crate::{
    artifact::Parts,
    expr::{EvalError, Function, Reference, Template, Value, Values},
    plan::Plan,
};

/// Parameters, settled needs, and what is a task's own.
pub(super) struct RunValues<'a> {
    pub plan: &'a Plan,
    pub needs: &'a BTreeMap<String, Settled>,
    pub matrix: Option<&'a Map<String, Json>>,
    pub item: Option<Value>,
    pub status: Option<&'a dyn Fn(Function) -> bool>,
}

impl RunValues<'_> {
    fn fanned_out(&self, step: &str) -> bool {
        self.plan.steps.get(step).is_some_and(|step| !step.is_single())
    }
}

impl Values for RunValues<'_> {
    fn reference(&self, reference: &Reference) -> Result<Value, EvalError> {
        let json = |json: Option<&Json>| Value::from(json.cloned().unwrap_or_default());
        match reference {
            Reference::Param(name) => Ok(json(self.plan.params.get(name))),
            Reference::Matrix(name) => {
                self.matrix.map(|matrix| json(matrix.get(name))).ok_or(EvalError::Unknown)
            }
            Reference::Item => self.item.clone().ok_or(EvalError::Unknown),
            Reference::RunId => Ok(Value::String(self.plan.run.clone())),
            Reference::Output(step, name) => match self.needs.get(step) {
                // A success without an optional output has an empty channel.
                Some(Settled::Done { outputs, .. }) => {
                    Ok(Value::Channel(outputs.get(name).cloned().unwrap_or_default()))
                }
                Some(Settled::Skipped(_) | Settled::Failed) => Ok(Value::Null),
                Some(Settled::Pending) | None => Err(EvalError::Unknown),
            },
            Reference::Metric(step, name) => match self.needs.get(step) {
                Some(Settled::Done { metrics, .. }) => {
                    let missing = |task: Option<usize>| {
                        let which = task.map(|task| format!("task {task} of ")).unwrap_or_default();
                        let names: Vec<&str> = metrics.keys().map(String::as_str).collect();
                        EvalError::failed(format!(
                            "{which}step `{step}` reported no metric `{name}`; {}",
                            crate::nearest::or_all(name, names, "reported")
                        ))
                    };
                    let list = metrics.get(name).ok_or_else(|| missing(None))?;
                    let figures = list
                        .iter()
                        .enumerate()
                        .map(|(task, value)| value.map(Value::Number).ok_or_else(|| missing(Some(task))))
                        .collect::<Result<Vec<_>, _>>()?;
                    if self.fanned_out(step) {
                        Ok(Value::List(figures))
                    } else {
                        figures.into_iter().next().ok_or_else(|| missing(None))
                    }
                }
                Some(Settled::Skipped(_) | Settled::Failed) => Ok(Value::Null),
                Some(Settled::Pending) | None => Err(EvalError::Unknown),
            },
        }
    }

    fn status(&self, function: Function) -> Result<bool, EvalError> {
        self.status.map(|status| status(function)).ok_or(EvalError::Unknown)
    }
}

/// The parts, one by one, of the channel that an expression names; each with the stages its rows went through.
pub(super) fn parts(text: &str, values: &dyn Values) -> Result<Vec<Parts>, EvalError> {
    let template = Template::parse(text).map_err(|problem| EvalError::failed(problem.message))?;
    match template.eval(values)? {
        Value::Channel(segments) => Ok(segments
            .into_iter()
            .flat_map(|segment| {
                let stages = segment.stages;
                segment.parts.into_iter().map(move |part| Parts { parts: vec![part], stages: stages.clone() })
            })
            .collect()),
        Value::Null => Ok(Vec::new()),
        other => Err(EvalError::failed(format!("`{text}` is {}, not a channel", other.kind()))),
    }
}

/// `json` with every expression in its strings evaluated.
pub(crate) fn fill(json: &Json, values: &dyn Values) -> Result<Json, EvalError> {
    Ok(match json {
        Json::String(text) if text.contains("${{") => {
            let template = Template::parse(text).map_err(|problem| EvalError::failed(problem.message))?;
            template
                .eval(values)?
                .to_json()
                .map_err(|message| EvalError::failed(format!("`{text}`: {message}")))?
        }
        Json::Array(items) => items.iter().map(|item| fill(item, values)).collect::<Result<_, _>>()?,
        Json::Object(map) => Json::Object(
            map.iter()
                .map(|(name, item)| Ok((name.clone(), fill(item, values)?)))
                .collect::<Result<_, EvalError>>()?,
        ),
        other => other.clone(),
    })
}
