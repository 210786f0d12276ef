//! One step: what it refers to, what goes into it, what it may use.

use std::cell::RefCell;

use indexmap::{IndexMap, IndexSet};
use millstream_core::{manifest::Manifest, nearest};
use millstream_errors::Code;
use millstream_language::{
    acts::Act,
    expr::{EvalError, Template, Type, check, kind_name},
    model::Step,
    triggers,
    tuning::SearchAxis,
};
use serde_json::{Map, Value};

use super::{
    Compiler,
    scope::{Known, Shape, StepScope},
};

impl<'a> Compiler<'a> {
    pub(super) fn step(
        &mut self,
        name: &str,
        step: &Step,
        variants: Vec<crate::Variant>,
        shapes: &IndexMap<String, Shape<'a>>,
    ) -> crate::Step {
        let workflow = &self.checked.workflow;
        let values: Vec<Map<String, Value>> = variants.iter().map(|variant| variant.matrix.clone()).collect();
        let mut scope = StepScope {
            workflow,
            shapes,
            own: name,
            matrix: None,
            item: None,
            has_status: false,
            params: self.params,
            events: triggers::event_type(&workflow.on.0),
            event: self.event,
            chosen: RefCell::default(),
        };
        let mut edges = IndexSet::new();

        let (mut fan_out, item, into) = self.fan_out(name, step, &scope, &mut edges);
        let manifest = shapes[name].manifests.first().copied().flatten();
        let folds = self.folds(name, step, manifest, &mut edges);
        if let Some(mut tuning) = self.tune(name, step, manifest, folds.is_some()) {
            tuning.folds = folds;
            fan_out = crate::FanOut::Trials(Box::new(tuning));
        }
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
            let known = Known { params: self.params, matrix: Some(&variant.matrix), event: self.event };
            let mut with = variant.with.clone();
            // A parameter that is searched is given; its values were checked.
            if let crate::FanOut::Trials(tuning) = &fan_out {
                let first = |(name, dimension): (&String, &SearchAxis)| {
                    // What is not always there may have a default that does.
                    let value =
                        dimension.axis.ends().into_iter().next().filter(|_| dimension.when.is_empty())?;
                    Some((name.clone(), value))
                };
                with.extend(tuning.search.iter().filter_map(first));
                let resource = tuning.resource.iter();
                with.extend(resource.map(|resource| (resource.parameter.clone(), resource.min.into())));
            }
            self.with(&["steps", name, "with"], &with, *manifest, &scope, &known);
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
        self.refuse_step(Code::StepParameters, name, message, help);
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
                            let known =
                                Known { params: self.params, matrix: Some(values), event: self.event };
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
                    self.refuse_step(Code::StepInputs, name, message, help);
                }
            }
        }
    }
}

/// Adds the steps that the expressions in `value` refer to.
pub(super) fn references(value: &Value, edges: &mut IndexSet<String>) {
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
