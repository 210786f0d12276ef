//! What a run reads from outside of the store, as far as that can be told before anything has run.

use std::collections::{BTreeMap, BTreeSet};

use millstream_language::{
    acts::Act,
    expr::{Template, Value, eval, fill},
};
use millstream_plan::{FanOut, Plan, Step, Variant};
use serde_json::{Map, Value as Json};

use super::values::RunValues;

/// What the steps of a plan name outright, or by parameters, items and combinations alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outside {
    /// Files, folders, patterns and URIs that go into channels, each once.
    pub sources: BTreeSet<String>,
    /// Workflows that `run-workflow` steps run.
    pub workflows: Vec<Called>,
}

/// Where a workflow is that a task runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CalledAt {
    /// In a file.
    File(String),
    /// In the store, as it was pushed: `NAME` or `NAME@VERSION`.
    Stored(String),
}

/// A workflow that a task runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Called {
    /// Where it is.
    pub at: CalledAt,
    /// The parameters that are known.
    pub params: Map<String, Json>,
    /// No other parameter depends on results of steps.
    pub all_known: bool,
}

impl Outside {
    /// Of the steps that run; what comes from another run is not read again. Steps that are known to be skipped read nothing.
    pub fn of(plan: &Plan) -> Self {
        let mut outside = Self::default();
        let nothing = BTreeMap::new();
        for step in plan.steps.values().filter(|step| !step.adopted) {
            // Of a channel's parts nobody knows how many there are, but they are all alike.
            let tasks = match step.fan_out {
                FanOut::Shards(_) => 1,
                _ => step.count().unwrap_or(1),
            };
            for task in 0..tasks {
                let Some(variant) = step.variant(task) else { continue };
                let item = match &step.fan_out {
                    FanOut::Items(items) => items.get(task as usize).cloned().map(Value::from),
                    _ => None,
                };
                let values = RunValues {
                    item,
                    own: Some((step, &variant.matrix)),
                    ..RunValues::of_run(plan, &nothing)
                };
                outside.task(step, variant, &values);
            }
        }
        outside
    }

    fn task(&mut self, step: &Step, variant: &Variant, values: &RunValues<'_>) {
        let condition = step.condition.as_deref().and_then(|text| Template::condition(text).ok());
        if condition.is_some_and(|condition| matches!(eval(&condition, values), Ok(Value::Bool(false)))) {
            return;
        }
        for text in step.inputs.values().flatten() {
            // What depends on steps is their output.
            if let Ok(value) = Template::parse(text).map_err(drop).and_then(|t| t.eval(values).map_err(drop))
            {
                self.sources_of(value);
            }
        }
        let text = |name: &str| match variant.with.get(name).map(|value| fill(value, values)) {
            Some(Ok(Json::String(text))) => Some(text),
            _ => None,
        };
        let at = || text("file").map(CalledAt::File).or_else(|| text("workflow").map(CalledAt::Stored));
        if variant.is(Act::RunWorkflow)
            && let Some(at) = at()
        {
            let mut called = Called { at, params: Map::new(), all_known: true };
            match variant.with.get("params") {
                None => {}
                Some(Json::Object(params)) => {
                    for (name, value) in params {
                        match fill(value, values) {
                            Ok(value) => drop(called.params.insert(name.clone(), value)),
                            Err(_) => called.all_known = false,
                        }
                    }
                }
                Some(other) => match fill(other, values) {
                    Ok(Json::Object(params)) => called.params = params,
                    _ => called.all_known = false,
                },
            }
            if !self.workflows.contains(&called) {
                self.workflows.push(called);
            }
        }
    }

    fn sources_of(&mut self, value: Value) {
        match value {
            Value::String(source) if !source.is_empty() => {
                self.sources.insert(source);
            }
            Value::List(items) => items.into_iter().for_each(|item| self.sources_of(item)),
            _ => {}
        }
    }
}
