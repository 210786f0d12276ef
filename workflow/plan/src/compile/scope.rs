//! What `${{ }}` may refer to, and of which type it is.

use std::{cell::RefCell, collections::HashMap};

use indexmap::IndexMap;
use millstream_core::{
    manifest::{Kind, Manifest},
    nearest, number,
};
use millstream_language::{
    expr::{
        EvalError, Expr, Function, KeyValues, Keys, Node, Reference, Scope, Type, Value, Values, eval,
        key_values,
    },
    model::{ParamType, Workflow},
};
use serde_json::{Map, Value as Json};

use super::folds::{self, FOLD_MODELS};
use crate::combination::{Choice, label};

/// What is known of a step before its expressions are checked.
pub struct Shape<'a> {
    /// By variant; none where `uses` is at fault.
    pub manifests: Vec<Option<&'a Manifest>>,
    /// It has a list of results.
    pub fanned_out: bool,
    /// The combinations of its matrix; none without one.
    pub combinations: Vec<Map<String, Json>>,
    /// The keys that tell them apart.
    pub keys: Vec<String>,
    /// What its tasks are, in their order.
    pub tasks: Tasks,
    /// It is measured in folds.
    pub folded: bool,
}

/// What the tasks of a step are. Two steps for which this is the same have the same tasks in the same order.
#[derive(Clone, Debug, PartialEq)]
pub enum Tasks {
    /// One.
    Single,
    /// Combinations of these keys, as text that is the same if they are.
    Combinations(Vec<String>, Vec<String>),
    /// Values of a list, or the expression that gives it.
    Items(Json),
    /// Shares of the rows.
    Shards(Json),
    /// That step's own: nobody knows before the run how many.
    Own(String),
    /// Parts of the channel that the expression gives.
    Parts(String),
    /// The tasks of another step, through the parts that they put out.
    Of(String),
}

/// The scope of one step.
pub struct StepScope<'a> {
    pub workflow: &'a Workflow,
    pub shapes: &'a IndexMap<String, Shape<'a>>,
    /// The step itself.
    pub own: &'a str,
    /// Values of its combinations; none where `matrix` may not stand.
    pub matrix: Option<&'a [Map<String, Json>]>,
    pub item: Option<Type>,
    pub has_status: bool,
    /// None while no run has given them.
    pub params: Option<&'a Map<String, Json>>,
    /// The type of the events that start runs; none if only people do.
    pub events: Option<Type>,
    /// What started the run, or null; none while there is no run.
    pub event: Option<&'a Json>,
    /// What was found for a reference: it is asked for again for each combination of the step.
    pub chosen: RefCell<HashMap<String, Result<Chosen, Refusal>>>,
}

/// What a reference to a step means.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    /// It is the result of one task, not a list.
    one: bool,
    /// The keys of its matrix that are set, by hand or by being aligned.
    set: Vec<String>,
    /// The variants that may be meant.
    variants: Vec<usize>,
}

/// Where there is no event.
const NO_EVENT: &str = "it is what started the run, and this workflow has no `on`";

type Refusal = (String, Option<String>);

impl Scope for StepScope<'_> {
    fn reference(&self, reference: &Reference, keys: &Keys) -> Result<Type, Refusal> {
        match reference {
            Reference::Param(name) => match self.workflow.params.get(name) {
                Some(param) => Ok(match param.kind {
                    ParamType::String | ParamType::Uri => Type::String,
                    ParamType::Number => Type::Number,
                    ParamType::Integer => Type::Integer,
                    ParamType::Boolean => Type::Bool,
                    ParamType::List => Type::list(Type::Any),
                }),
                None => Err((
                    format!("the workflow has no parameter `{name}`"),
                    Some(nearest::or_all(
                        name,
                        self.workflow.params.keys().map(String::as_str),
                        "parameters",
                    )),
                )),
            },
            Reference::RunId => Ok(Type::String),
            Reference::Event => self
                .events
                .clone()
                .ok_or_else(|| ("`event` means nothing here".to_owned(), Some(NO_EVENT.to_owned()))),
            Reference::Item => self.item.clone().ok_or_else(|| {
                (
                    "`item` means nothing here".to_owned(),
                    Some("it belongs to steps with `for-each: { parts }` or `{ items }`".to_owned()),
                )
            }),
            Reference::Matrix(name) => {
                let Some(combinations) = self.matrix.filter(|all| !all.is_empty()) else {
                    let help =
                        "it belongs to `uses`, `with`, `inputs`, `if` and `seed` of steps with a matrix";
                    return Err(("`matrix` means nothing here".to_owned(), Some(help.to_owned())));
                };
                if combinations.iter().any(|values| values.contains_key(name)) {
                    let types =
                        combinations.iter().map(|values| Type::of(values.get(name).unwrap_or(&Json::Null)));
                    return Ok(Type::common(types));
                }
                let names = combinations.iter().flat_map(Map::keys).map(String::as_str);
                let names: std::collections::BTreeSet<_> = names.collect();
                Err((
                    format!("the matrix has no `{name}`"),
                    Some(nearest::or_all(name, names, "values of the matrix")),
                ))
            }
            Reference::Output(step, name) => {
                let shape = self.step(step)?;
                let chosen = self.chosen(step, shape, keys)?;
                if shape.folded && name == FOLD_MODELS {
                    return Ok(Type::Channel(Kind::Model));
                }
                let mut kinds = Vec::new();
                for manifest in chosen.manifests(shape) {
                    match manifest.output(name) {
                        Some(output) => kinds.push(output.kind),
                        None => {
                            let names = manifest.outputs.iter().map(|output| output.name.as_str());
                            let message = format!(
                                "step `{step}` uses `{}`, which has no output `{name}`",
                                manifest.name
                            );
                            return Err((message, Some(nearest::or_all(name, names, "outputs"))));
                        }
                    }
                }
                match kinds.first() {
                    Some(first) if kinds.iter().all(|kind| kind == first) => Ok(Type::Channel(*first)),
                    Some(_) => Err((
                        format!("output `{name}` is not of one kind in all variants of step `{step}`"),
                        None,
                    )),
                    None => Ok(Type::Any),
                }
            }
            Reference::Metric(step, name) => {
                let shape = self.step(step)?;
                let chosen = self.chosen(step, shape, keys)?;
                let summarised = folds::summarised(name).filter(|_| shape.folded);
                if shape.folded && name.starts_with("validation:") && summarised.is_none() {
                    let message = format!("step `{step}` has `{name}` of each fold, and no single one");
                    return Err((message, Some(format!("write `{name}_mean` or `{name}_std`"))));
                }
                let name = summarised.unwrap_or(name);
                for manifest in chosen.manifests(shape) {
                    if !manifest.metrics.iter().any(|metric| metric.name == *name) {
                        let names = manifest.metrics.iter().map(|metric| metric.name.as_str());
                        let message =
                            format!("step `{step}` uses `{}`, which has no metric `{name}`", manifest.name);
                        return Err((message, Some(nearest::or_all(name, names, "metrics"))));
                    }
                }
                Ok(if shape.fanned_out && !chosen.one { Type::list(Type::Number) } else { Type::Number })
            }
        }
    }

    fn groups(&self, reference: &Reference, keys: &Keys, key: &str) -> Result<(), Refusal> {
        let Some(step) = reference.step() else { return Ok(()) };
        let shape = self.step(step)?;
        if !matches!(shape.tasks, Tasks::Combinations(..)) {
            return Err((format!("step `{step}` has no matrix, so there is no key to group by"), None));
        }
        if !shape.combinations.iter().any(|values| values.contains_key(key)) {
            let names: std::collections::BTreeSet<_> =
                shape.combinations.iter().flat_map(Map::keys).map(String::as_str).collect();
            return Err((
                format!("the matrix of step `{step}` has no key `{key}`"),
                Some(nearest::or_all(key, names, "its keys")),
            ));
        }
        if self.chosen(step, shape, keys)?.one {
            return Err((
                format!("`{reference}` is one number here, so there is nothing to group"),
                Some(format!("{} set, by name or as the same key of this step", are(&shape.keys))),
            ));
        }
        Ok(())
    }

    /// A place means a task only if it was found among the same tasks.
    fn place(&self, x: &Expr, index: &Expr) -> Result<(), Refusal> {
        let none = Keys::new();
        let (reference, keys) = match &x.node {
            Node::Reference(reference) => (reference, &none),
            Node::Select(reference, keys) => (reference, keys),
            _ => return Ok(()),
        };
        let Some(step) = reference.step() else { return Ok(()) };
        let (Ok(shape), Reference::Output(..) | Reference::Metric(..)) = (self.step(step), reference) else {
            return Ok(());
        };
        let Ok(chosen) = self.chosen(step, shape, keys) else { return Ok(()) };
        if !shape.fanned_out {
            return Ok(());
        }
        if chosen.one {
            let (message, help) = (
                format!("`{x}` is one already, so `[{index}]` picks nothing from it"),
                format!(
                    "leave `[{index}]` out: {} set, by name or as the same key of this step",
                    are(&shape.keys)
                ),
            );
            return Err((message, Some(help)));
        }
        if let Some((other, of)) = index.best_of() {
            let Ok(theirs) = self.step(other) else { return Ok(()) };
            let Ok(among) = self.chosen(other, theirs, &of.to_vec()) else { return Ok(()) };
            let same = other == step || self.tasks(step) == self.tasks(other);
            if same && among.set == chosen.set && of == keys.as_slice() {
                return Ok(());
            }
            return Err((
                format!(
                    "`{index}` is a place among the tasks of `{other}`, which are not those of `{step}` here"
                ),
                Some(format!(
                    "give `{other}` the same matrix as `{step}`, or write `for-each: \"${{{{ {reference} }}}}\"` there"
                )),
            ));
        }
        let open: Vec<&String> = shape.keys.iter().filter(|key| !chosen.set.contains(*key)).collect();
        if open.len() < 2 {
            return match chosen.set.is_empty() {
                true => self.within(x, index, reference, shape, &open),
                false => Ok(()),
            };
        }
        let names: Vec<&str> = open.iter().map(|key| key.as_str()).collect();
        Err((
            format!(
                "`{step}` has a task for each combination of {}, so `[{index}]` does not say which one is meant",
                names.join(" and ")
            ),
            Some(format!(
                "write `{}`, or find the place with argmin() or argmax() of its metrics",
                self.example(reference, shape, &open)
            )),
        ))
    }

    fn has_status(&self) -> bool {
        self.has_status
    }
}

/// `algorithm and fold are`
fn are(keys: &[String]) -> String {
    format!("{} {}", keys.join(" and "), if keys.len() == 1 { "is" } else { "are" })
}

impl Chosen {
    fn manifests<'s, 'a>(&'s self, shape: &'s Shape<'a>) -> impl Iterator<Item = &'a Manifest> + 's {
        let all = self.variants.iter().filter_map(|place| *shape.manifests.get(*place)?);
        // Many variants use few functions.
        let mut seen: Vec<*const Manifest> = Vec::new();
        all.filter(move |manifest| {
            let is_new = !seen.contains(&std::ptr::from_ref(*manifest));
            if is_new {
                seen.push(*manifest);
            }
            is_new
        })
    }
}

impl<'a> StepScope<'a> {
    /// A place among the combinations of a matrix is one that there is, as far as it is known now.
    fn within(
        &self,
        x: &Expr,
        index: &Expr,
        reference: &Reference,
        shape: &Shape<'_>,
        open: &[&String],
    ) -> Result<(), Refusal> {
        let count = shape.combinations.len();
        if !matches!(shape.tasks, Tasks::Combinations(..)) || count == 0 {
            return Ok(());
        }
        let own = self.matrix.unwrap_or_default();
        let own = if own.is_empty() { vec![None] } else { own.iter().map(Some).collect() };
        for matrix in own {
            let value = eval(index, &Known { params: self.params, matrix, event: self.event });
            let Some(Ok(place)) = value.ok().map(|value| value.to_json()) else { continue };
            let Some(whole) = number::whole(&place).filter(|place| !(0..count as i128).contains(place))
            else {
                continue;
            };
            return Err((
                format!("`{x}` has {count} entries, [0] to [{}]: there is none at [{whole}]", count - 1),
                Some(format!(
                    "choose by key, which keeps its meaning: `{}`",
                    self.example(reference, shape, open)
                )),
            ));
        }
        Ok(())
    }

    fn step(&self, name: &str) -> Result<&'a Shape<'a>, Refusal> {
        if name == self.own {
            return Err(("a step can't refer to itself".to_owned(), None));
        }
        self.shapes.get(name).ok_or_else(|| {
            let names = self.shapes.keys().map(String::as_str).filter(|other| *other != self.own);
            (format!("there is no step `{name}`"), Some(nearest::or_all(name, names, "steps")))
        })
    }

    /// What a reference to `step` means in each combination of this step.
    fn chosen(&self, step: &str, shape: &Shape<'_>, keys: &Keys) -> Result<Chosen, Refusal> {
        let written: Vec<String> = keys
            .iter()
            .map(|(key, value)| format!("{key}={}", value.as_ref().map(Expr::to_string).unwrap_or_default()))
            .collect();
        let asked = format!("{step} {} {}", self.matrix.is_some(), written.join(","));
        if let Some(found) = self.chosen.borrow().get(&asked) {
            return found.clone();
        }
        let found = self.choose(step, shape, keys);
        self.chosen.borrow_mut().insert(asked, found.clone());
        found
    }

    fn choose(&self, step: &str, shape: &Shape<'_>, keys: &Keys) -> Result<Chosen, Refusal> {
        let every: Vec<usize> = (0..shape.manifests.len()).collect();
        if !matches!(shape.tasks, Tasks::Combinations(..)) {
            return match keys.first() {
                None => Ok(Chosen { one: false, set: Vec::new(), variants: every }),
                Some((key, _)) => Err((
                    format!("step `{step}` has no matrix, so there is no key `{key}` to select by"),
                    shape.fanned_out.then(|| "pick one of its tasks by place: [i], from 0".to_owned()),
                )),
            };
        }
        for (key, _) in keys {
            if !shape.combinations.iter().any(|values| values.contains_key(key)) {
                let names: std::collections::BTreeSet<_> =
                    shape.combinations.iter().flat_map(Map::keys).map(String::as_str).collect();
                return Err((
                    format!("the matrix of step `{step}` has no key `{key}`"),
                    Some(nearest::or_all(key, names, "its keys")),
                ));
            }
        }
        let own = self.matrix.unwrap_or_default();
        let aligned = |key: &str| own.iter().any(|values| values.contains_key(key));
        let by_hand: Vec<(String, bool)> =
            keys.iter().map(|(key, value)| (key.clone(), value.is_some())).collect();
        let choice = Choice::new(&shape.keys, shape.combinations.iter().collect(), aligned, &by_hand);
        let mut meant = std::collections::BTreeSet::new();
        let none = Map::new();
        let tasks: Vec<&Map<String, Json>> = if own.is_empty() { vec![&none] } else { own.iter().collect() };
        for values in tasks {
            let known = Known { params: self.params, matrix: Some(values), event: self.event };
            let wanted = match key_values(keys, &known) {
                Ok(wanted) => wanted.into_iter().filter_map(|(key, value)| Some((key, value?))),
                Err(EvalError::Unknown) => {
                    meant.extend(every.iter().copied());
                    break;
                }
                Err(EvalError::Failed(message)) => return Err((message, None)),
            };
            let wanted = wanted
                .map(|(key, value)| Ok((key, value.to_json()?)))
                .collect::<Result<Vec<_>, String>>()
                .map_err(|message| (message, None))?;
            match choice.places(Some(values), &wanted) {
                Ok(places) => meant.extend(places.iter().copied()),
                Err(message) => {
                    let help = match (values.is_empty(), keys.is_empty()) {
                        (true, _) => None,
                        (false, true) => Some(format!(
                            "the keys that both steps have are aligned; `{step}[{}=*]` leaves one open, and `exclude` takes \
                             a combination out here",
                            choice.set().first().map_or("", String::as_str)
                        )),
                        (false, false) => Some(format!("this step's combination is ({})", label(values))),
                    };
                    return Err((format!("step `{step}` {message}"), help));
                }
            }
        }
        Ok(Chosen { one: choice.one, set: choice.set().to_vec(), variants: meant.into_iter().collect() })
    }

    /// What the tasks of a step are in the end: those of another step, if it goes over what that one's tasks put out.
    fn tasks(&self, step: &str) -> Option<&Tasks> {
        let mut step = step;
        for _ in 0..=self.shapes.len() {
            match &self.shapes.get(step)?.tasks {
                Tasks::Of(other) => step = other,
                tasks => return Some(tasks),
            }
        }
        None
    }

    /// How to write the reference with its combination.
    fn example(&self, reference: &Reference, shape: &Shape<'_>, open: &[&String]) -> String {
        let own = self.matrix.unwrap_or_default();
        let literal = |value: &Json| Expr { node: Node::Literal(Value::from(value.clone())), span: 0..0 };
        let first = shape.combinations.first();
        let keys = open.iter().map(|key| {
            let value = match own.iter().any(|values| values.contains_key(*key)) {
                true => Expr { node: Node::Reference(Reference::Matrix((*key).clone())), span: 0..0 },
                false => literal(first.and_then(|first| first.get(*key)).unwrap_or(&Json::Null)),
            };
            ((*key).clone(), Some(value))
        });
        Expr { node: Node::Select(reference.clone(), keys.collect()), span: 0..0 }.to_string()
    }
}

/// What is known before the run: the matrix, and the parameters once a run has given them.
pub struct Known<'a> {
    pub params: Option<&'a Map<String, Json>>,
    pub matrix: Option<&'a Map<String, Json>>,
    /// Null if a person starts the run.
    pub event: Option<&'a Json>,
}

impl Values for Known<'_> {
    fn reference(&self, reference: &Reference, _: &KeyValues) -> Result<Value, EvalError> {
        let (map, name) = match reference {
            Reference::Event => return self.event.cloned().map(Value::from).ok_or(EvalError::Unknown),
            Reference::Param(name) => (self.params, name),
            Reference::Matrix(name) => (self.matrix, name),
            _ => return Err(EvalError::Unknown),
        };
        map.map(|map| map.get(name).cloned().unwrap_or_default().into()).ok_or(EvalError::Unknown)
    }

    fn status(&self, _: Function) -> Result<bool, EvalError> {
        Err(EvalError::Unknown)
    }
}
