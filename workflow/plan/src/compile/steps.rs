//! All steps of a workflow: what each one uses and what its tasks are, then each by itself, in an order in which they can run.

use indexmap::{IndexMap, IndexSet};
use millstream_core::{manifest::Manifest, nearest, number, round::MOST_TASKS};
use millstream_errors::Code;
use millstream_language::{
    acts::Act,
    expr::{Node, Reference, Template},
    model::{ForEach, ParamType, Step},
};
use serde_json::{Map, Value};

use super::{
    Compiler, folds, graph,
    matrix::{Combination, combinations},
    scope::{Known, Shape, Tasks},
};
use crate::combination;

impl<'a> Compiler<'a> {
    /// Checks all steps and gives them in order, ready for a plan.
    pub(super) fn steps(&mut self) -> IndexMap<String, crate::Step> {
        let workflow = &self.checked.workflow;
        self.defaults();
        self.unlike_names();
        let mut shapes = IndexMap::new();
        let mut variants = IndexMap::new();
        for (name, step) in &workflow.steps {
            let combinations = self.combinations(name, step);
            let mut manifests = Vec::new();
            let mut of_step: Vec<crate::Variant> = Vec::new();
            for Combination { values, with: over } in combinations {
                let uses = self.uses(name, step, &values);
                manifests.push(uses.as_deref().and_then(|uses| self.manifest(name, uses)));
                let mut with = step.with.clone();
                with.extend(over);
                of_step.push(crate::Variant { uses: uses.unwrap_or_default(), with, matrix: values });
            }
            let fanned_out = step.matrix.is_some() || step.for_each.is_some();
            let combinations = match step.matrix {
                Some(_) => of_step.iter().map(|variant| variant.matrix.clone()).collect(),
                None => Vec::new(),
            };
            let axes = step.matrix.iter().flat_map(|matrix| matrix.axes.keys());
            let keys = combination::keys(axes, &combinations.iter().collect::<Vec<_>>());
            let tasks = self.tasks(name, step, &combinations);
            let folded = folds::cross_validate(step).is_some();
            shapes.insert(name.clone(), Shape { manifests, fanned_out, combinations, keys, tasks, folded });
            variants.insert(name.clone(), of_step);
        }
        let mut steps = IndexMap::new();
        for (name, step) in &workflow.steps {
            let variants = variants.swap_remove(name).unwrap_or_default();
            steps.insert(name.clone(), self.step(name, step, variants, &shapes));
        }
        let needs: IndexMap<String, IndexSet<String>> =
            steps.iter().map(|(name, step)| (name.clone(), step.needs.iter().cloned().collect())).collect();
        match graph::order(&needs) {
            Ok(order) => order
                .into_iter()
                .filter_map(|name| {
                    let mut step = steps.swap_remove(&name)?;
                    let dependents = needs.iter().filter(|(_, needs)| needs.contains(&name));
                    step.dependents = dependents.map(|(name, _)| name.clone()).collect();
                    Some((name, step))
                })
                .collect(),
            Err(cycle) => {
                let first = cycle.first().cloned().unwrap_or_default();
                let ring: Vec<&str> = cycle.iter().chain([&first]).map(String::as_str).collect();
                self.refuse_step(
                    Code::StepOrder,
                    &first,
                    format!("these steps form a cycle: {}", ring.join(" -> ")),
                    "take out one of the references or `needs`".to_owned(),
                );
                IndexMap::new()
            }
        }
    }

    /// Defaults of the workflow's parameters.
    fn defaults(&mut self) {
        for (name, param) in &self.checked.workflow.params {
            if let Some(default) = &param.default
                && !super::fits(param.kind, default)
            {
                let message =
                    format!("the default is {default}, but {} is wanted", super::wanted(param.kind));
                let is_large =
                    param.kind == ParamType::Integer && default.as_f64().is_some_and(|n| n.fract() == 0.0);
                let help = is_large.then(number::range);
                self.refuse(&["params", name, "default"], message, help);
            }
        }
    }

    fn combinations(&mut self, name: &str, step: &Step) -> Vec<Combination> {
        let Some(matrix) = &step.matrix else { return vec![Combination::default()] };
        let path = ["steps", name, "matrix"];
        for (axis, values) in &matrix.axes {
            if values.is_empty() {
                self.refuse(&["steps", name, "matrix", axis], format!("`{axis}` has no values"), None);
            }
        }
        let carries_no_map =
            |entry: &&Map<String, Value>| entry.get("with").is_some_and(|with| !with.is_object());
        if matrix.include.iter().any(|entry| carries_no_map(&entry)) {
            self.refuse(
                &["steps", name, "matrix", "include"],
                "`with` of an entry is a map of parameters",
                None,
            );
        }
        let product = matrix.axes.values().fold(1usize, |n, values| n.saturating_mul(values.len()));
        if product > MOST_TASKS as usize {
            self.refuse_key(&path, format!("the matrix has more than {MOST_TASKS} combinations"), None);
            return Vec::new();
        }
        let written = serde_json::to_string(step).unwrap_or_default();
        let mentions = |key: &str| {
            written.contains(&format!("matrix.{key}")) || written.contains(&format!("matrix['{key}']"))
        };
        let (all, faults) = combinations(matrix, mentions);
        for fault in faults {
            let full: Vec<&str> = path.iter().copied().chain(fault.path.iter().map(String::as_str)).collect();
            match fault.at_key {
                true => self.refuse_key(&full, fault.message, fault.help),
                false => self.refuse(&full, fault.message, fault.help),
            }
        }
        all
    }

    /// What the tasks of the step are, as far as the file says it.
    fn tasks(&self, name: &str, step: &Step, combinations: &[Map<String, Value>]) -> Tasks {
        match (&step.matrix, &step.for_each) {
            (Some(_), _) => {
                let mut keys: Vec<String> = Vec::new();
                for key in combinations.iter().flat_map(Map::keys) {
                    if !keys.contains(key) {
                        keys.push(key.clone());
                    }
                }
                let tuples = combinations.iter().map(|values| combination::tuple(&keys, values)).collect();
                Tasks::Combinations(keys, tuples)
            }
            (None, None) => Tasks::Single,
            (None, Some(ForEach::Shards(auto))) if auto == "auto" => Tasks::Own(name.to_owned()),
            (None, Some(ForEach::Shards(count))) => Tasks::Shards(count.clone()),
            (None, Some(ForEach::Items(items))) => Tasks::Items(items.clone()),
            (None, Some(ForEach::Parts { parts, .. })) => {
                let template = Template::parse(parts).ok();
                let whole = template.as_ref().and_then(Template::whole).map(|expr| &expr.node);
                let fanned_out = |step: &str| {
                    let step = self.checked.workflow.steps.get(step);
                    step.is_some_and(|step| step.matrix.is_some() || step.for_each.is_some())
                };
                match whole {
                    Some(Node::Reference(Reference::Output(step, _))) if fanned_out(step) => {
                        Tasks::Of(step.clone())
                    }
                    _ => Tasks::Parts(parts.clone()),
                }
            }
        }
    }

    /// Files and folders are called like steps: two must not be one where case makes no difference.
    fn unlike_names(&mut self) {
        let mut seen: IndexMap<String, &String> = IndexMap::new();
        for name in self.checked.workflow.steps.keys() {
            if let Some(other) = seen.insert(name.to_lowercase(), name) {
                let message = format!("steps `{other}` and `{name}` differ only in case");
                let help = "some file systems take them for one: give one another name".to_owned();
                self.refuse_step(Code::WorkflowHead, name, message, help);
            }
        }
    }

    /// The name that the step uses, with these values of its matrix.
    fn uses(&mut self, name: &str, step: &Step, values: &Map<String, Value>) -> Option<String> {
        let path = ["steps", name, "uses"];
        if !step.uses.contains("${{") {
            return Some(step.uses.clone());
        }
        let template = match Template::parse(&step.uses) {
            Ok(template) => template,
            Err(problem) => {
                self.refuse_in(&path, &step.uses, problem);
                return None;
            }
        };
        let known = Known { params: None, matrix: step.matrix.as_ref().map(|_| values), event: None };
        match template.eval(&known).map(|value| value.to_json()) {
            Ok(Ok(Value::String(uses))) => Some(uses),
            _ => {
                let names: Vec<&str> = values.keys().map(String::as_str).collect();
                let help = match names.as_slice() {
                    [] => "it is checked before the run, so it may refer to `matrix` alone".to_owned(),
                    names => {
                        format!("it may refer to the values of the matrix alone: {}", nearest::list(names))
                    }
                };
                self.refuse(&path, "`uses` is not the name of a function", help);
                None
            }
        }
    }

    fn manifest(&mut self, step: &str, uses: &str) -> Option<&'a Manifest> {
        let path = ["steps", step, "uses"];
        let found = Act::named(uses)
            .map(|act| -> &Manifest { act.manifest() })
            .or_else(|| self.functions.get(uses).map(|(_, manifest)| manifest));
        match found {
            Some(manifest) if manifest.exports.job => Some(manifest),
            Some(_) => {
                let help = "it can serve predictions only".to_owned();
                self.refuse(&path, format!("`{uses}` has no job, so it can't be a step"), help);
                None
            }
            None => {
                let names = self.functions.names();
                let acts = Act::ALL.into_iter().map(|act| -> &str { act.name() });
                let help = nearest::or_all(uses, names.into_iter().chain(acts), "functions");
                self.refuse(&path, format!("there is no function `{uses}`"), help);
                None
            }
        }
    }
}
