//! What `${{ }}` may refer to, and of which type it is.

use indexmap::IndexMap;
use serde_json::{Map, Value as Json};

use crate::{
    expr::{EvalError, Function, Reference, Scope, Type, Value, Values},
    manifest::Manifest,
    model::{ParamType, Workflow},
    nearest,
};

/// What is known of a step before its expressions are checked.
pub struct Shape<'a> {
    /// By variant; none where `uses` is at fault.
    pub manifests: Vec<Option<&'a Manifest>>,
    /// It has a list of results.
    pub fanned_out: bool,
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
}

type Refusal = (String, Option<String>);

impl Scope for StepScope<'_> {
    fn reference(&self, reference: &Reference) -> Result<Type, Refusal> {
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
            Reference::Item => self.item.clone().ok_or_else(|| {
                (
                    "`item` means nothing here".to_owned(),
                    Some("it belongs to steps with `for-each: { parts }` or `{ items }`".to_owned()),
                )
            }),
            Reference::Matrix(name) => {
                let Some(combinations) = self.matrix.filter(|all| !all.is_empty()) else {
                    let help = "it belongs to `uses`, `with`, `inputs` and `seed` of steps with a matrix";
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
                let mut kinds = Vec::new();
                for manifest in shape.manifests.iter().flatten() {
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
                for manifest in shape.manifests.iter().flatten() {
                    if !manifest.metrics.iter().any(|metric| metric.name == *name) {
                        let names = manifest.metrics.iter().map(|metric| metric.name.as_str());
                        let message =
                            format!("step `{step}` uses `{}`, which has no metric `{name}`", manifest.name);
                        return Err((message, Some(nearest::or_all(name, names, "metrics"))));
                    }
                }
                Ok(if shape.fanned_out { Type::list(Type::Number) } else { Type::Number })
            }
        }
    }

    fn has_status(&self) -> bool {
        self.has_status
    }
}

impl<'a> StepScope<'a> {
    fn step(&self, name: &str) -> Result<&'a Shape<'a>, Refusal> {
        if name == self.own {
            return Err(("a step can't refer to itself".to_owned(), None));
        }
        self.shapes.get(name).ok_or_else(|| {
            let names = self.shapes.keys().map(String::as_str).filter(|other| *other != self.own);
            (format!("there is no step `{name}`"), Some(nearest::or_all(name, names, "steps")))
        })
    }
}

/// What is known before the run: the matrix, and the parameters once a run has given them.
pub struct Known<'a> {
    pub params: Option<&'a Map<String, Json>>,
    pub matrix: Option<&'a Map<String, Json>>,
}

impl Values for Known<'_> {
    fn reference(&self, reference: &Reference) -> Result<Value, EvalError> {
        let (map, name) = match reference {
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
