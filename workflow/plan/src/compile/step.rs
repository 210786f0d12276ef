//! One step: what it uses, what it refers to, what goes into it.

use std::cell::RefCell;

use indexmap::{IndexMap, IndexSet};
use millstream_core::{manifest::Manifest, nearest, number};
use millstream_language::{
    acts::Act,
    expr::{EvalError, Node, Reference, Template, Type, check, kind_name},
    model::{ForEach, ParamType, Step},
};
use serde_json::{Map, Value};

use super::{
    Compiler, graph,
    matrix::{Combination, combinations},
    scope::{Known, Shape, StepScope, Tasks},
};
use crate::combination;

/// Shards and combinations of one step.
const MOST_TASKS: usize = 100_000;

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
            let tasks = self.tasks(step, &combinations);
            shapes.insert(name.clone(), Shape { manifests, fanned_out, combinations, keys, tasks });
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
                self.refuse_key(
                    &["steps", &first],
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
        if product > MOST_TASKS {
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
    fn tasks(&self, step: &Step, combinations: &[Map<String, Value>]) -> Tasks {
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
                self.refuse_key(&["steps", name], message, help);
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
        let known = Known { params: None, matrix: step.matrix.as_ref().map(|_| values) };
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

    fn step(
        &mut self,
        name: &str,
        step: &Step,
        variants: Vec<crate::Variant>,
        shapes: &IndexMap<String, Shape<'a>>,
    ) -> crate::Step {
        let workflow = &self.checked.workflow;
        if step.tune.is_some() {
            self.refuse_key(
                &["steps", name, "tune"],
                "`tune` is not supported yet",
                "use `matrix`".to_owned(),
            );
        }
        let values: Vec<Map<String, Value>> = variants.iter().map(|variant| variant.matrix.clone()).collect();
        let mut scope = StepScope {
            workflow,
            shapes,
            own: name,
            matrix: None,
            item: None,
            has_status: false,
            params: self.params,
            chosen: RefCell::default(),
        };
        let mut edges = IndexSet::new();

        let (fan_out, item, into) = self.fan_out(name, step, &scope, &mut edges);
        let condition = step.condition.as_ref().map(|condition| condition.0.clone());
        if let Some(text) = &condition {
            scope.has_status = true;
            // With a matrix, the condition is one of each task.
            scope.matrix = Some(if step.matrix.is_some() { &values } else { &[] });
            self.condition(&["steps", name, "if"], text, &scope, &mut edges);
            scope.has_status = false;
        }
        for need in &step.needs.0 {
            if need == name {
                self.refuse(&["steps", name, "needs"], "a step can't need itself", None);
            } else if workflow.steps.contains_key(need) {
                edges.insert(need.clone());
            } else {
                let names = workflow.steps.keys().map(String::as_str).filter(|other| *other != name);
                let help = nearest::or_all(need, names, "steps");
                self.refuse(&["steps", name, "needs"], format!("there is no step `{need}`"), help);
            }
        }

        scope.matrix = Some(if step.matrix.is_some() { &values } else { &[] });
        scope.item = item;
        let seed = step.seed.clone().unwrap_or_else(|| 0.into());
        self.seed(name, &seed, &scope, &values, &mut edges);
        let mut inputs: IndexMap<String, Vec<String>> =
            step.inputs.iter().map(|(channel, inputs)| (channel.clone(), inputs.0.clone())).collect();
        if let Some(channel) = into {
            if inputs.contains_key(&channel) {
                let message = format!("channel `{channel}` is filled by `for-each` and by `inputs`");
                self.refuse_key(&["steps", name, "inputs", &channel], message, None);
            }
            inputs.insert(channel, vec!["${{ item }}".to_owned()]);
        }
        let manifests = &shapes[name].manifests;
        self.inputs(name, &inputs, manifests, &scope, &mut edges);
        for (variant, manifest) in variants.iter().zip(manifests) {
            let known = Known { params: self.params, matrix: Some(&variant.matrix) };
            self.with(&["steps", name, "with"], &variant.with, *manifest, &scope, &known);
            variant.with.values().for_each(|value| references(value, &mut edges));
        }
        self.registered(name, &variants, &edges);
        // In order of declaration, so that messages and plans do not depend on how a step is written.
        let needs =
            workflow.steps.keys().filter(|other| *other != name && edges.contains(*other)).cloned().collect();
        let retry = step.retry.map(|retry| crate::Retry {
            max_attempts: retry.max_attempts.clamp(1, 100),
            backoff: retry.backoff.map_or(crate::Retry::default().backoff, |backoff| backoff.0),
        });
        crate::Step {
            adopted: false,
            needs,
            dependents: Vec::new(),
            condition,
            fan_out,
            keys: shapes[name].keys.clone(),
            variants,
            inputs,
            seed,
            retry: retry.unwrap_or_default(),
            limits: self.limits(name, step),
            cache: step.cache,
            pool: step.pool.clone(),
        }
    }

    /// A `deploy` that names no model deploys what the `register` step before it has made: there has to be one.
    fn registered(&mut self, name: &str, variants: &[crate::Variant], edges: &IndexSet<String>) {
        if !variants.iter().any(|variant| variant.is(Act::Deploy) && !variant.with.contains_key("model")) {
            return;
        }
        let steps = &self.checked.workflow.steps;
        let registers = |step: &str| steps.get(step).is_some_and(|step| step.uses == Act::Register.name());
        let before: Vec<&str> = edges.iter().map(String::as_str).filter(|step| registers(step)).collect();
        let message = match before.as_slice() {
            [_] => return,
            [] => "nothing says what is to be deployed".to_owned(),
            several => format!("`register` steps before it are {}; which one is meant?", several.join(", ")),
        };
        let help = match steps.keys().find(|step| registers(step)) {
            Some(step) => format!(
                "write `needs: {step}` for what that step registers, or `model: NAME@VERSION` under `with`"
            ),
            None => "write `model: NAME` or `model: NAME@VERSION` under `with`".to_owned(),
        };
        self.refuse_key(&["steps", name], message, help);
    }

    fn limits(&mut self, name: &str, step: &Step) -> crate::Limits {
        let limits = step.limits.unwrap_or_default();
        if step.timeout.is_some() && limits.time.is_some() {
            let message = "`timeout` and `limits.time` are the same: give one of them";
            self.refuse_key(&["steps", name, "timeout"], message, None);
        }
        if step.retry.is_some_and(|retry| !(1..=100).contains(&retry.max_attempts)) {
            self.refuse(&["steps", name, "retry", "max-attempts"], "`max-attempts` is from 1 to 100", None);
        }
        crate::Limits {
            memory: limits.memory.map(|size| size.0),
            time: step.timeout.or(limits.time).map(|time| time.0),
            output: limits.output.map(|size| size.0),
        }
    }

    /// How tasks are made, the type of `item`, and the channel that it goes into.
    fn fan_out(
        &mut self,
        name: &str,
        step: &Step,
        scope: &StepScope<'_>,
        edges: &mut IndexSet<String>,
    ) -> (crate::FanOut, Option<Type>, Option<String>) {
        let Some(for_each) = &step.for_each else {
            let fan_out = if step.matrix.is_some() { crate::FanOut::Matrix } else { crate::FanOut::Single };
            return (fan_out, None, None);
        };
        if step.matrix.is_some() {
            let help = "make two steps of it, or put the items into the matrix".to_owned();
            self.refuse_key(
                &["steps", name, "for-each"],
                "a step has `matrix` or `for-each`, not both",
                help,
            );
        }
        let base = ["steps", name, "for-each"];
        let known = Known { params: self.params, matrix: None };
        match for_each {
            ForEach::Shards(value) => {
                let path = ["steps", name, "for-each", "shards"];
                let value = self.early(&path, value, scope, &known);
                let count = match value {
                    None => 1,
                    Some(value) => match number::whole(&value) {
                        Some(count @ 1..=100_000) => count as u32,
                        _ => {
                            self.refuse(
                                &path,
                                format!("{value} is no number of shards"),
                                "from 1 to 100000".to_owned(),
                            );
                            1
                        }
                    },
                };
                (crate::FanOut::Shards(count), None, None)
            }
            ForEach::Items(value) => {
                let path = ["steps", name, "for-each", "items"];
                let items = match self.early(&path, value, scope, &known) {
                    None => return (crate::FanOut::Items(Vec::new()), Some(Type::Any), None),
                    Some(Value::Array(items)) => items,
                    Some(other) => {
                        self.refuse(&path, format!("{other} is no list"), None);
                        Vec::new()
                    }
                };
                let of = Type::common(items.iter().map(Type::of));
                (crate::FanOut::Items(items), Some(of), None)
            }
            ForEach::Parts { parts, r#as } => {
                let path: &[&str] =
                    if matches!(self.checked.root.at(&base).1.value, millstream_language::yaml::Tree::Map(_))
                    {
                        &["steps", name, "for-each", "parts"]
                    } else {
                        &base
                    };
                let mut item = Type::Any;
                if let Some((template, found)) = self.template(path, parts, scope) {
                    let whole = template.whole().is_some();
                    match found {
                        Type::Channel(_) if whole => item = found,
                        Type::Any if whole => {}
                        _ => {
                            let help = "for a list of values write `for-each: { items: ... }`".to_owned();
                            self.refuse(path, format!("this is {found}, not a channel"), help);
                        }
                    }
                }
                references(&Value::from(parts.as_str()), edges);
                (crate::FanOut::Parts(parts.clone()), Some(item), r#as.clone())
            }
        }
    }

    /// A value that must be known when the plan is made; none while parameters are missing, or after a report.
    fn early(
        &mut self,
        path: &[&str],
        value: &Value,
        scope: &StepScope<'_>,
        known: &Known<'_>,
    ) -> Option<Value> {
        let Value::String(text) = value else { return Some(value.clone()) };
        let (template, _) = self.template(path, text, scope)?;
        match template.eval(known).map(|value| value.to_json()) {
            Ok(Ok(value)) => Some(value),
            Err(EvalError::Unknown) => {
                let steps =
                    template.exprs().flat_map(|expr| expr.references()).any(|(r, _)| r.step().is_some());
                if steps || self.params.is_some() {
                    let help = "the plan fixes it, so it may refer to `params` alone".to_owned();
                    self.refuse(path, "this is not known when the run starts", help);
                }
                None
            }
            Err(EvalError::Failed(message)) | Ok(Err(message)) => {
                self.refuse(path, message, None);
                None
            }
        }
    }

    fn condition(&mut self, path: &[&str], text: &str, scope: &StepScope<'_>, edges: &mut IndexSet<String>) {
        match Template::condition(text) {
            Ok(expr) => {
                match check(&expr, scope) {
                    Ok(Type::Bool | Type::Any) => {}
                    Ok(other) => {
                        self.refuse(path, format!("a condition is a boolean, but this is {other}"), None)
                    }
                    Err(problems) => {
                        problems.into_iter().for_each(|problem| self.refuse_in(path, text, problem));
                    }
                }
                let steps = expr.references().into_iter().filter_map(|(reference, _)| reference.step());
                edges.extend(steps.map(str::to_owned));
            }
            Err(problem) => self.refuse_in(path, text, problem),
        }
    }

    fn seed(
        &mut self,
        name: &str,
        seed: &Value,
        scope: &StepScope<'_>,
        combinations: &[Map<String, Value>],
        edges: &mut IndexSet<String>,
    ) {
        let path = ["steps", name, "seed"];
        let refuse = |this: &mut Self, found: &Value| {
            let message = format!("a seed is a whole number from 0 to {}, but this is {found}", u64::MAX);
            this.refuse(&path, message, None);
        };
        match seed {
            Value::String(text) => {
                if let Some((template, found)) = self.template(&path, text, scope) {
                    let whole = template.whole().is_some();
                    if !whole || !(found.is_number() || found == Type::Any) {
                        let found = if whole { found } else { Type::String };
                        let message =
                            format!("a seed is a whole number from 0 to {}, but this is {found}", u64::MAX);
                        self.refuse(&path, message, None);
                    } else {
                        // As far as it is known before the run, so that nothing runs in vain.
                        for values in combinations {
                            let known = Known { params: self.params, matrix: Some(values) };
                            let value = match template.eval(&known) {
                                Ok(value) => value.to_json(),
                                Err(EvalError::Unknown) => continue,
                                Err(EvalError::Failed(message)) => Err(message),
                            };
                            match value {
                                Ok(value) if crate::seed(&value).is_some() => continue,
                                Ok(value) => refuse(self, &value),
                                Err(message) => self.refuse(&path, message, None),
                            }
                            break;
                        }
                    }
                }
            }
            other if crate::seed(other).is_none() => refuse(self, other),
            _ => {}
        }
        references(seed, edges);
    }

    fn inputs(
        &mut self,
        name: &str,
        inputs: &IndexMap<String, Vec<String>>,
        manifests: &[Option<&Manifest>],
        scope: &StepScope<'_>,
        edges: &mut IndexSet<String>,
    ) {
        for (channel, texts) in inputs {
            let mut found = Vec::new();
            for (i, text) in texts.iter().enumerate() {
                let place = i.to_string();
                let path = ["steps", name, "inputs", channel.as_str(), &place];
                if text.trim().is_empty() {
                    self.refuse(
                        &path,
                        "this is empty",
                        "an expression, a path, a URI or a glob is wanted".to_owned(),
                    );
                }
                if let Some((_, of)) = self.template(&path, text, scope) {
                    if !matches!(of, Type::Channel(_) | Type::String | Type::Any | Type::List(_)) {
                        self.refuse(&path, format!("this is {of}, but a channel takes parts or paths"), None);
                    }
                    found.push((i, of));
                }
                references(&Value::from(text.as_str()), edges);
            }
            for manifest in manifests.iter().flatten() {
                let Some(wanted) = manifest.channel(channel) else {
                    let names = manifest.channels.iter().map(|channel| channel.name.as_str());
                    let help = nearest::or_all(channel, names, "channels");
                    let message = format!("`{}` has no channel `{channel}`", manifest.name);
                    self.refuse_key(&["steps", name, "inputs", channel], message, help);
                    continue;
                };
                for (i, of) in &found {
                    if let Type::Channel(kind) = of
                        && *kind != wanted.kind
                        && wanted.kind != millstream_core::manifest::Kind::File
                    {
                        let place = i.to_string();
                        let message = format!(
                            "channel `{channel}` of `{}` takes a {}, but this is a {}",
                            manifest.name,
                            kind_name(wanted.kind),
                            kind_name(*kind)
                        );
                        self.refuse(
                            &["steps", name, "inputs", channel, &place],
                            message,
                            wanted.description.clone(),
                        );
                    }
                }
            }
        }
        for manifest in manifests.iter().flatten() {
            for channel in manifest.channels.iter().filter(|channel| channel.required) {
                if !inputs.contains_key(&channel.name) {
                    let message = format!("`{}` needs the channel `{}`", manifest.name, channel.name);
                    let help = format!("add it under `inputs`: {}", channel.description);
                    self.refuse_key(&["steps", name], message, help);
                }
            }
        }
    }
}

/// Adds the steps that the expressions in `value` refer to.
fn references(value: &Value, edges: &mut IndexSet<String>) {
    match value {
        Value::String(text) if text.contains("${{") => {
            let Ok(template) = Template::parse(text) else { return };
            let all = template.exprs().flat_map(|expr| expr.references());
            edges.extend(all.filter_map(|(reference, _)| reference.step()).map(str::to_owned));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, edges)),
        Value::Object(map) => map.values().for_each(|item| references(item, edges)),
        _ => {}
    }
}
