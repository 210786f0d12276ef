//! From a file to a plan: everything is checked before anything runs.

mod fan_out;
mod folds;
mod graph;
mod matrix;
mod scope;
mod select;
mod space;
mod step;
mod steps;
mod triggers;
mod tune;
mod with;

use std::{collections::BTreeMap, ops::Range};

use indexmap::IndexMap;
use millstream_core::{nearest, number};
use millstream_errors::{Code, Coded};
use millstream_language::{
    Functions,
    diagnostic::{Diagnostic, Diagnostics},
    expr::Problem,
    model::{Param, ParamType, Step, Workflow},
    triggers::{Concurrency, On, read as read_triggers},
    yaml::{self, Node, Sink, Tree, from_node},
};
use serde_json::{Map, Value};

use crate::{Frozen, Function, Plan, Triggered};

/// A workflow in which nothing is wrong, as far as that can be known without its parameters.
#[derive(Clone, Debug)]
pub struct Checked {
    /// What the file says.
    pub workflow: Workflow,
    file: String,
    text: String,
    root: Node,
    /// The steps that were added, with those that they belong to.
    origins: BTreeMap<String, String>,
}

/// What a run asks for.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The run's name.
    pub run: String,
    /// Now, in milliseconds since 1970 UTC.
    pub created: u64,
    /// Parameters; those left out have their defaults. [`Checked::param`] reads them from text.
    pub params: Map<String, Value>,
    /// Take no results from the cache.
    pub no_cache: bool,
    /// Run this step and all that depend on it; take over what they need from the base run.
    pub from: Option<String>,
    /// Run these steps; take over what they need from the base run. Empty: all.
    pub only: Vec<String>,
    /// The run to take results from.
    pub base_run: Option<String>,
    /// What starts it; none if a person does.
    pub trigger: Option<Triggered>,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// What was asked for does not fit the workflow.
    #[error("{message}{}", help.as_ref().map(|help| format!("\n  {help}")).unwrap_or_default())]
    Request {
        /// What is wrong.
        message: String,
        /// What to do about it.
        help: Option<String>,
    },
    /// The workflow is wrong with these parameters.
    #[error(transparent)]
    Workflow(#[from] Box<Diagnostics>),
}

impl Coded for PlanError {
    fn code(&self) -> Code {
        match self {
            Self::Request { .. } => Code::RunRequest,
            Self::Workflow(diagnostics) => diagnostics.code(),
        }
    }
}

impl PlanError {
    fn request(message: impl Into<String>, help: impl Into<Option<String>>) -> Self {
        Self::Request { message: message.into(), help: help.into() }
    }
}

/// Reads and checks a workflow. `file` is its name for messages.
pub fn check(file: &str, text: &str, functions: &dyn Functions) -> Result<Checked, Box<Diagnostics>> {
    let report = |mut all: Vec<Diagnostic>| {
        all.sort_by_key(|diagnostic| diagnostic.span.start);
        all.dedup();
        Box::new(Diagnostics { file: file.to_owned(), text: text.to_owned(), all })
    };
    let root = yaml::load(text).map_err(report)?;
    let sink = Sink::default();
    let workflow = read(&root, &sink);
    let sink = sink.into_inner();
    let Some(workflow) = workflow.filter(|_| sink.is_empty()) else { return Err(report(sink)) };
    let mut workflow = workflow;
    let origins = folds::expand(&mut workflow, functions);
    let checked = Checked { workflow, file: file.to_owned(), text: text.to_owned(), root, origins };
    let mut compiler = Compiler::new(&checked, functions, None, None);
    compiler.triggers();
    compiler.steps();
    if compiler.diagnostics.is_empty() { Ok(checked) } else { Err(report(compiler.diagnostics)) }
}

/// What starts runs of a workflow by itself, and how many there may be at once; nothing else of it is checked.
///
/// # Errors
/// What is wrong with them.
pub fn triggers_of(text: &str) -> Result<(On, Option<Concurrency>), Vec<Diagnostic>> {
    let root = yaml::load(text)?;
    let sink = Sink::default();
    let on = root.get("on").map(|(_, node)| read_triggers(node, &sink)).unwrap_or_default();
    let concurrency = root.get("concurrency").and_then(|(_, node)| from_node(node, &sink));
    let sink = sink.into_inner();
    if sink.is_empty() { Ok((on, concurrency)) } else { Err(sink) }
}

/// Reads the parts of a file one by one, so that a fault in one does not hide those in the others.
fn read(root: &Node, sink: &Sink) -> Option<Workflow> {
    const KEYS: [&str; 6] = ["name", "description", "on", "concurrency", "params", "steps"];
    let refuse = |code: Code, span: &Range<usize>, message: String, help: Option<String>| {
        sink.borrow_mut().push(Diagnostic { code, span: span.clone(), message, help });
    };
    let Tree::Map(entries) = &root.value else {
        refuse(
            Code::WorkflowHead,
            &root.span,
            "a workflow is a map with the keys `name` and `steps`".to_owned(),
            None,
        );
        return None;
    };
    for (key, _) in entries.iter().filter(|(key, _)| !KEYS.contains(&key.name.as_str())) {
        let help = nearest::or_all(&key.name, KEYS, "keys of a workflow");
        refuse(Code::UnknownKey, &key.span, format!("there is no key `{}` here", key.name), Some(help));
    }
    let mut workflow = Workflow {
        name: String::new(),
        description: None,
        on: root.get("on").map(|(_, node)| read_triggers(node, sink)).unwrap_or_default(),
        concurrency: root.get("concurrency").and_then(|(_, node)| from_node(node, sink)),
        params: IndexMap::new(),
        steps: IndexMap::new(),
    };
    match root.get("name") {
        Some((_, node)) => {
            workflow.name = from_node::<String>(node, sink).unwrap_or_default();
            if !workflow.name.is_empty() && !is_name(&workflow.name) {
                refuse(
                    Code::WorkflowHead,
                    &node.span,
                    format!("`{}` is no name", workflow.name),
                    Some(NAME_RULE.to_owned()),
                );
            }
        }
        None => refuse(
            Code::WorkflowHead,
            &(0..0),
            "the workflow has no `name`".to_owned(),
            Some("add `name: my-workflow`".to_owned()),
        ),
    }
    workflow.description = root.get("description").and_then(|(_, node)| from_node(node, sink));
    entries_of::<Param>(root, "params", sink, |name, _, param| drop(workflow.params.insert(name, param)));
    entries_of::<Step>(root, "steps", sink, |name, span, step| {
        if !is_name(&name.replace('_', "-").to_lowercase()) {
            refuse(
                Code::WorkflowHead,
                span,
                format!("`{name}` is no name for a step"),
                Some(NAME_RULE.to_owned()),
            );
        }
        workflow.steps.insert(name, step);
    });
    let no_steps =
        root.get("steps").is_none_or(|(_, node)| matches!(&node.value, Tree::Map(all) if all.is_empty()));
    if no_steps {
        let span = root.get("steps").map_or(0..0, |(key, _)| key.span.clone());
        refuse(Code::WorkflowHead, &span, "the workflow has no steps".to_owned(), None);
    }
    Some(workflow)
}

const NAME_RULE: &str =
    "names have letters, digits and hyphens, at most 63, and begin and end with a letter or digit";

fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&name.len()) && name.chars().all(fits) && !name.starts_with('-') && !name.ends_with('-')
}

fn entries_of<T: serde::de::DeserializeOwned>(
    root: &Node,
    key: &str,
    sink: &Sink,
    mut each: impl FnMut(String, &Range<usize>, T),
) {
    let Some((key, node)) = root.get(key) else { return };
    match &node.value {
        Tree::Map(entries) => {
            for (name, node) in entries {
                if let Some(entry) = from_node(node, sink) {
                    each(name.name.clone(), &name.span, entry);
                }
            }
        }
        _ => sink.borrow_mut().push(Diagnostic {
            code: Code::WrongValue,
            span: key.span.clone(),
            message: format!("`{}` is a map of names", key.name),
            help: None,
        }),
    }
}

impl Checked {
    /// What is wrong with it where it is to run, though nothing is in itself.
    pub fn refused(&self, all: Vec<Diagnostic>) -> Box<Diagnostics> {
        Box::new(Diagnostics { file: self.file.clone(), text: self.text.clone(), all })
    }

    /// The file, as it was read.
    pub(crate) fn root(&self) -> &Node {
        &self.root
    }

    /// The value of a parameter that was given as text, as on a command line.
    pub fn param(&self, name: &str, text: &str) -> Result<Value, PlanError> {
        let declared = self.declared(name)?;
        let refuse = |message: String| {
            let message =
                format!("parameter `{name}` is {text}, but {} is wanted: {message}", wanted(declared.kind));
            PlanError::request(message, declared.description.clone())
        };
        let json = |text: &str| {
            let Ok(value) = serde_json::from_str(text) else { return Ok(Value::from(text)) };
            number::check_json(text).map_err(refuse)?;
            Ok::<Value, PlanError>(value)
        };
        let read = |read: Option<Result<serde_json::Number, String>>| match read {
            Some(number) => number.map(Value::Number).map_err(refuse),
            None => Ok(Value::from(text)),
        };
        let value = match declared.kind {
            ParamType::String | ParamType::Uri => Value::from(text),
            ParamType::List if !text.trim_start().starts_with('[') => {
                text.split(',').map(|item| json(item.trim())).collect::<Result<_, _>>()?
            }
            ParamType::Integer => read(number::read_whole(text.trim()))?,
            ParamType::Number => read(number::read(text.trim()))?,
            ParamType::List | ParamType::Boolean => json(text)?,
        };
        self.fits(name, declared, value)
    }

    fn declared(&self, name: &str) -> Result<&Param, PlanError> {
        self.workflow.params.get(name).ok_or_else(|| {
            let names = self.workflow.params.keys().map(String::as_str);
            PlanError::request(
                format!("the workflow has no parameter `{name}`"),
                nearest::or_all(name, names, "parameters"),
            )
        })
    }

    fn fits(&self, name: &str, declared: &Param, value: Value) -> Result<Value, PlanError> {
        if fits(declared.kind, &value) {
            return Ok(one_form(declared.kind, value));
        }
        let message = format!("parameter `{name}` is {value}, but {} is wanted", wanted(declared.kind));
        Err(PlanError::request(message, declared.description.clone()))
    }

    /// The plan of a run.
    pub fn plan(&self, functions: &dyn Functions, options: &Options) -> Result<Plan, PlanError> {
        let mut params = Map::new();
        for (name, value) in &options.params {
            let value = self.fits(name, self.declared(name)?, value.clone())?;
            params.insert(name.clone(), value);
        }
        for (name, declared) in &self.workflow.params {
            if params.contains_key(name) {
                continue;
            }
            match &declared.default {
                Some(default) if declared.required != Some(true) => {
                    params.insert(name.clone(), one_form(declared.kind, default.clone()));
                }
                _ => {
                    let message = format!("parameter `{name}` is missing");
                    return Err(PlanError::request(message, format!("give it with -p {name}=VALUE")));
                }
            }
        }
        let event = options.trigger.as_ref().map_or(Value::Null, |trigger| trigger.event.to_value());
        let mut compiler = Compiler::new(self, functions, Some(&params), Some(&event));
        let steps = compiler.steps();
        let mut all = compiler.diagnostics;
        if !all.is_empty() {
            all.sort_by_key(|diagnostic| diagnostic.span.start);
            all.dedup();
            let (file, text) = (self.file.clone(), self.text.clone());
            return Err(Box::new(Diagnostics { file, text, all }).into());
        }
        let mut plan = Plan {
            format: Plan::FORMAT,
            run: options.run.clone(),
            workflow: self.workflow.name.clone(),
            version: None,
            created: options.created,
            params,
            functions: BTreeMap::new(),
            steps,
            base_run: options.base_run.clone(),
            cache: !options.no_cache,
            base: None,
            parent: None,
            trigger: options.trigger.clone(),
            previous: None,
            frozen: Frozen::default(),
        };
        select::select(&mut plan, options)?;
        for variant in plan.steps.values().flat_map(|step| &step.variants) {
            if let Some((digest, manifest)) = functions.get(&variant.uses) {
                let function = || Function { digest, manifest: manifest.clone() };
                plan.functions.entry(variant.uses.clone()).or_insert_with(function);
            }
        }
        Ok(plan)
    }
}

fn fits(kind: ParamType, value: &Value) -> bool {
    match kind {
        ParamType::String => value.is_string(),
        ParamType::Uri => value.as_str().is_some_and(|text| !text.is_empty()),
        ParamType::Number => value.is_number(),
        ParamType::Integer => number::whole(value).is_some(),
        ParamType::Boolean => value.is_boolean(),
        ParamType::List => value.is_array(),
    }
}

/// An integer has one form, whether it was written 6 or 6.0.
fn one_form(kind: ParamType, mut value: Value) -> Value {
    if kind == ParamType::Integer {
        number::normalise(&mut value);
    }
    value
}

fn wanted(kind: ParamType) -> &'static str {
    match kind {
        ParamType::String => "text",
        ParamType::Uri => "a path or URI",
        ParamType::Number => "a number",
        ParamType::Integer => "an integer",
        ParamType::Boolean => "true or false",
        ParamType::List => "a list",
    }
}

/// Checks the steps of a workflow and makes them ready for a plan.
struct Compiler<'a> {
    checked: &'a Checked,
    functions: &'a dyn Functions,
    /// None while no run has given them.
    params: Option<&'a Map<String, Value>>,
    /// None while there is no run; null if a person starts it.
    event: Option<&'a Value>,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Compiler<'a> {
    fn new(
        checked: &'a Checked,
        functions: &'a dyn Functions,
        params: Option<&'a Map<String, Value>>,
        event: Option<&'a Value>,
    ) -> Self {
        Self { checked, functions, params, event, diagnostics: Vec::new() }
    }

    /// Where a fault at `path` is shown: that of a step that was added, where its origin asks for it.
    fn shown<'p>(&'p self, path: &[&'p str]) -> Vec<&'p str> {
        match path {
            ["steps", name, ..] if self.checked.origins.contains_key(*name) => {
                let origin = self.checked.origins[*name].as_str();
                match self.checked.root.at(&["steps", origin, "cross-validate"]).0 {
                    Some(key) if key.name == "cross-validate" => vec!["steps", origin, "cross-validate"],
                    _ => vec!["steps", origin, "tune", "cross-validate"],
                }
            }
            _ => path.to_vec(),
        }
    }

    /// Reports a fault of the value at `path`.
    fn refuse(&mut self, path: &[&str], message: impl Into<String>, help: impl Into<Option<String>>) {
        let span = self.checked.root.at(&self.shown(path)).1.span.clone();
        self.diagnostics.push(Diagnostic {
            code: code_at(path),
            span,
            message: message.into(),
            help: help.into(),
        });
    }

    /// Reports a fault of the key at `path`.
    fn refuse_key(&mut self, path: &[&str], message: impl Into<String>, help: impl Into<Option<String>>) {
        let (key, node) = self.checked.root.at(&self.shown(path));
        let span = key.map_or_else(|| node.span.clone(), |key| key.span.clone());
        self.diagnostics.push(Diagnostic {
            code: code_at(path),
            span,
            message: message.into(),
            help: help.into(),
        });
    }

    /// Reports a fault of a step as a whole, at its name.
    fn refuse_step(&mut self, code: Code, step: &str, message: String, help: String) {
        let (key, node) = self.checked.root.at(&self.shown(&["steps", step]));
        let span = key.map_or_else(|| node.span.clone(), |key| key.span.clone());
        self.diagnostics.push(Diagnostic { code, span, message, help: Some(help) });
    }

    /// Reports a fault within the text at `path`: exactly, if the text stands in the file as it is.
    fn refuse_in(&mut self, path: &[&str], text: &str, problem: Problem) {
        let node = self.checked.root.at(&self.shown(path)).1;
        let written = self.checked.text.get(node.span.clone()).unwrap_or_default();
        let span = match written.find(text) {
            Some(offset) if offset <= 1 => {
                let start = node.span.start + offset;
                start + problem.span.start..start + problem.span.end.max(problem.span.start + 1)
            }
            _ => node.span.clone(),
        };
        self.diagnostics.push(Diagnostic {
            code: Code::Expression,
            span,
            message: problem.message,
            help: problem.help,
        });
    }
}

/// The code of a fault of what stands at `path`: each part of a workflow has one.
fn code_at(path: &[&str]) -> Code {
    match path {
        ["params", ..] => Code::WorkflowParams,
        ["on" | "concurrency", ..] => Code::Trigger,
        ["steps", _, key, ..] => match *key {
            "uses" => Code::StepFunction,
            "inputs" => Code::StepInputs,
            "with" => Code::StepParameters,
            "needs" => Code::StepOrder,
            "matrix" => Code::StepMatrix,
            "for-each" => Code::StepForEach,
            "if" => Code::StepCondition,
            _ => Code::StepSettings,
        },
        _ => Code::WorkflowHead,
    }
}
