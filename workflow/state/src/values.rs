//! What `${{ }}` refers to while a run is under way.

use std::collections::BTreeMap;

use millstream_core::artifact::Parts;
use millstream_language::expr::{
    EvalError, Expr, Function, KeyValues, Node, Reference, Template, Value, Values, key_values,
};
use millstream_plan::{FanOut, Plan, Step};
use serde_json::{Map, Value as Json};

use super::settled::Settled;

/// Parameters, settled needs, and what is a task's own.
pub(super) struct RunValues<'a> {
    pub plan: &'a Plan,
    pub needs: &'a BTreeMap<String, Settled>,
    /// The step and the combination of the task that asks.
    pub own: Option<(&'a Step, &'a Map<String, Json>)>,
    pub item: Option<Value>,
    pub status: Option<&'a dyn Fn(Function) -> bool>,
}

impl<'a> RunValues<'a> {
    /// What is the same for all tasks.
    pub fn of_run(plan: &'a Plan, needs: &'a BTreeMap<String, Settled>) -> Self {
        Self { plan, needs, own: None, item: None, status: None }
    }

    fn fanned_out(&self, step: &str) -> bool {
        self.plan.steps.get(step).is_some_and(|step| step.is_list())
    }

    /// The tasks of `step` that are meant, and whether that is one and no list; none: all.
    pub fn chosen(&self, step: &str, keys: &KeyValues) -> Result<Option<(Vec<usize>, bool)>, EvalError> {
        let Some(of) = self.plan.steps.get(step) else { return Ok(None) };
        let json = |value: &Value| value.to_json().map_err(EvalError::Failed);
        let by_hand = keys
            .iter()
            .map(|(key, value)| Ok((key.clone(), value.as_ref().map(json).transpose()?)))
            .collect::<Result<Vec<_>, EvalError>>()?;
        let (own, values) = self.own.unzip();
        of.chosen(own, values, &by_hand)
            .map_err(|message| EvalError::failed(format!("step `{step}` {message}")))
    }

    /// The step that was skipped where the expressions in `texts` need it, with the combination if it has a matrix: the one task
    /// of it that is meant, or all of those that are.
    pub fn skipped<'t>(&self, texts: impl IntoIterator<Item = &'t str>) -> Option<String> {
        let needs = |expr: &Expr| {
            let mut found = None;
            expr.walk(&mut |expr| {
                let none = Vec::new();
                let (reference, keys) = match &expr.node {
                    Node::Reference(reference) => (reference, &none),
                    Node::Select(reference, keys) => (reference, keys),
                    _ => return,
                };
                let Some((name, Some(Settled::Done { skipped, .. }))) =
                    reference.step().map(|name| (name, self.needs.get(name)))
                else {
                    return;
                };
                // What is wrong with it is said where it is evaluated.
                let Ok(keys) = key_values(keys, self) else { return };
                let Ok(Some((tasks, _))) = self.chosen(name, &keys) else { return };
                if !tasks.is_empty() && tasks.iter().all(|task| skipped.contains(&(*task as u32))) {
                    let label = self.plan.steps.get(name).and_then(|step| step.label(tasks[0] as u32));
                    let label = label.map(|label| format!(" ({label})")).unwrap_or_default();
                    found.get_or_insert_with(|| {
                        format!("step `{name}`{label}, which this one needs, was skipped")
                    });
                }
            });
            found
        };
        texts.into_iter().find_map(|text| {
            let template = Template::parse(text).ok()?;
            template.exprs().find_map(needs)
        })
    }
}

impl Values for RunValues<'_> {
    fn reference(&self, reference: &Reference, keys: &KeyValues) -> Result<Value, EvalError> {
        let json = |json: Option<&Json>| Value::from(json.cloned().unwrap_or_default());
        match reference {
            Reference::Param(name) => Ok(json(self.plan.params.get(name))),
            Reference::Matrix(name) => {
                self.own.map(|(_, matrix)| json(matrix.get(name))).ok_or(EvalError::Unknown)
            }
            Reference::Item => self.item.clone().ok_or(EvalError::Unknown),
            Reference::RunId => Ok(Value::String(self.plan.run.clone())),
            Reference::Event => Ok(self.plan.event()),
            Reference::Output(step, name) => match self.needs.get(step) {
                // A success without an optional output has an empty channel.
                Some(Settled::Done { outputs, .. }) => {
                    let all = outputs.get(name).map(Vec::as_slice).unwrap_or_default();
                    let of = |task: &usize| all.get(*task).cloned().unwrap_or_default();
                    Ok(match self.chosen(step, keys)? {
                        Some((tasks, true)) => Value::Channel(tasks.iter().map(of).collect()),
                        Some((tasks, false)) => Value::Gathered(tasks.iter().map(of).collect()),
                        None if self.fanned_out(step) => Value::Gathered(all.to_vec()),
                        None => Value::Channel(all.to_vec()),
                    })
                }
                Some(Settled::Skipped(_) | Settled::Failed) => Ok(Value::Null),
                Some(Settled::Pending) | None => Err(EvalError::Unknown),
            },
            Reference::Metric(step, name) => match self.needs.get(step) {
                Some(Settled::Done { metrics, skipped, .. }) => {
                    let missing = |task: Option<usize>| {
                        let of = self.plan.steps.get(step);
                        let which = task.map(|task| {
                            let label = of.and_then(|step| step.label(task as u32));
                            format!(
                                "task {} of ",
                                label.map_or(task.to_string(), |label| format!("({label})"))
                            )
                        });
                        let names: Vec<&str> = metrics.keys().map(String::as_str).collect();
                        EvalError::failed(format!(
                            "{}step `{step}` reported no metric `{name}`; {}",
                            which.unwrap_or_default(),
                            millstream_core::nearest::or_all(name, names, "reported")
                        ))
                    };
                    let list = metrics.get(name).ok_or_else(|| missing(None))?;
                    let figure = |task: usize| match list.get(task).copied().flatten() {
                        Some(value) => Ok(Value::Number(value)),
                        None if skipped.contains(&(task as u32)) => Ok(Value::Null),
                        None => Err(missing(Some(task))),
                    };
                    let chosen = self.chosen(step, keys)?;
                    let one = chosen.as_ref().map_or(!self.fanned_out(step), |(_, one)| *one);
                    let tasks = chosen.map_or_else(|| (0..list.len()).collect(), |(tasks, _)| tasks);
                    match (one, tasks.as_slice()) {
                        (true, []) => Err(missing(None)),
                        (true, [task, ..]) => figure(*task),
                        (false, tasks) => {
                            tasks.iter().map(|task| figure(*task)).collect::<Result<_, _>>().map(Value::List)
                        }
                    }
                }
                Some(Settled::Skipped(_) | Settled::Failed) => Ok(Value::Null),
                Some(Settled::Pending) | None => Err(EvalError::Unknown),
            },
        }
    }

    fn combinations(
        &self,
        reference: &Reference,
        keys: &KeyValues,
        key: &str,
    ) -> Result<Vec<Json>, EvalError> {
        let name = reference.step().ok_or(EvalError::Unknown)?;
        let of = self.plan.steps.get(name).ok_or(EvalError::Unknown)?;
        let value = |task: usize| {
            let variant = of.variant(task as u32);
            variant.and_then(|variant| variant.matrix.get(key)).cloned().unwrap_or_default()
        };
        Ok(match self.chosen(name, keys)? {
            Some((tasks, _)) => tasks.into_iter().map(value).collect(),
            None => (0..of.count().unwrap_or_default() as usize).map(value).collect(),
        })
    }

    fn goes_over_parts(&self, step: &str) -> bool {
        self.plan.steps.get(step).is_some_and(|step| matches!(step.fan_out, FanOut::Parts(_)))
    }

    fn status(&self, function: Function) -> Result<bool, EvalError> {
        self.status.map(|status| status(function)).ok_or(EvalError::Unknown)
    }
}

/// The parts, one by one, of the channel that an expression names; each with the stages its rows went through.
pub(super) fn parts(text: &str, values: &dyn Values) -> Result<Vec<Parts>, EvalError> {
    let template = Template::parse(text).map_err(|problem| EvalError::failed(problem.message))?;
    match template.eval(values)? {
        Value::Channel(segments) | Value::Gathered(segments) => Ok(segments
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
