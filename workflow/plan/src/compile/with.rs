//! A step's parameters against its function's schema.

use millstream_core::manifest::Manifest;
use millstream_language::{
    acts::Act,
    expr::{EvalError, Scope, Template, Type, check, kind_name},
    parameters,
};
use serde_json::{Map, Value};

use super::{
    Compiler,
    scope::{Known, StepScope},
};

/// What is found in a step's parameters.
#[derive(Default)]
struct Found {
    /// JSON pointers of values that only the run will know.
    unknown: Vec<String>,
}

impl Compiler<'_> {
    /// Checks parameters: types of expressions, and values as far as they are known. `path` is where they stand.
    pub(super) fn with(
        &mut self,
        path: &[&str],
        with: &Map<String, Value>,
        manifest: Option<&Manifest>,
        scope: &StepScope<'_>,
        known: &Known<'_>,
    ) {
        let mut found = Found::default();
        let mut params = Map::new();
        for (name, value) in with {
            let schema = manifest.and_then(|manifest| manifest.parameters.get("properties")?.get(name));
            let mut at = vec![name.clone()];
            let value = self.value(path, &mut at, value, schema, scope, known, &mut found);
            params.insert(name.clone(), value);
        }
        let Some(manifest) = manifest else { return };
        let mut problems = parameters::problems(&manifest.parameters, &params, &found.unknown);
        if problems.is_empty() {
            problems = Act::named(&manifest.name)
                .map(|act| act.problems(&params, &found.unknown))
                .unwrap_or_default();
        }
        for problem in problems {
            let full: Vec<&str> =
                path.iter().copied().chain(problem.path.iter().map(String::as_str)).collect();
            let message = format!("{} (of `{}`)", problem.message, manifest.name);
            let is_missing = problem.path.is_empty();
            if problem.at_key || is_missing {
                self.refuse_key(&full, message, problem.help);
            } else {
                self.refuse(&full, message, problem.help);
            }
        }
    }

    /// The value with what is known filled in.
    #[allow(clippy::too_many_arguments)]
    fn value(
        &mut self,
        path: &[&str],
        at: &mut Vec<String>,
        value: &Value,
        schema: Option<&Value>,
        scope: &StepScope<'_>,
        known: &Known<'_>,
        found: &mut Found,
    ) -> Value {
        match value {
            Value::String(text) if text.contains("${{") => {
                let full: Vec<&str> = path.iter().copied().chain(at.iter().map(String::as_str)).collect();
                let pointer = || {
                    at.iter().map(|key| format!("/{}", key.replace('~', "~0").replace('/', "~1"))).collect()
                };
                let Some((template, found_type)) = self.template(&full, text, scope) else {
                    found.unknown.push(pointer());
                    return Value::Null;
                };
                if let Type::Channel(kind) = &found_type {
                    let message = format!("this is a channel of kind {}, not a parameter", kind_name(*kind));
                    self.refuse(&full, message, "channels go under `inputs`".to_owned());
                } else if let Some(wanted) = schema.and_then(|schema| mismatch(&found_type, schema)) {
                    let name = at.join(".");
                    self.refuse(
                        &full,
                        format!("`{name}` is {found_type}, but it must be of type {wanted}"),
                        None,
                    );
                    found.unknown.push(pointer());
                    return Value::Null;
                }
                match template.eval(known).map(|value| value.to_json()) {
                    Ok(Ok(json)) => json,
                    Err(EvalError::Unknown) => {
                        found.unknown.push(pointer());
                        Value::Null
                    }
                    Err(EvalError::Failed(message)) | Ok(Err(message)) => {
                        self.refuse(&full, message, None);
                        found.unknown.push(pointer());
                        Value::Null
                    }
                }
            }
            Value::Array(items) => items
                .iter()
                .enumerate()
                .map(|(i, item)| {
                    at.push(i.to_string());
                    let item = self.value(path, at, item, None, scope, known, found);
                    at.pop();
                    item
                })
                .collect(),
            Value::Object(map) => map
                .iter()
                .map(|(name, item)| {
                    at.push(name.clone());
                    let item = self.value(path, at, item, None, scope, known, found);
                    at.pop();
                    (name.clone(), item)
                })
                .collect(),
            other => other.clone(),
        }
    }

    /// Reads and checks a string with expressions; reports what is wrong.
    pub(super) fn template(
        &mut self,
        path: &[&str],
        text: &str,
        scope: &dyn Scope,
    ) -> Option<(Template, Type)> {
        let template = match Template::parse(text) {
            Ok(template) => template,
            Err(problem) => {
                self.refuse_in(path, text, problem);
                return None;
            }
        };
        let mut found = Type::String;
        let mut fine = true;
        for expr in template.exprs() {
            match check(expr, scope) {
                Ok(of) if template.whole().is_some() => found = of,
                Ok(
                    of
                    @ (Type::List(_) | Type::Object | Type::Record(_) | Type::Groups(_) | Type::Channel(_)),
                ) => {
                    let problem = millstream_language::expr::Problem::new(
                        format!("`{expr}` is {of}, which can't stand within text"),
                        expr.span.clone(),
                    );
                    self.refuse_in(path, text, problem);
                    fine = false;
                }
                Ok(_) => {}
                Err(problems) => {
                    problems.into_iter().for_each(|problem| self.refuse_in(path, text, problem));
                    fine = false;
                }
            }
        }
        fine.then_some((template, found))
    }
}

/// The types that the schema wants, if `found` is none of them for certain.
fn mismatch(found: &Type, schema: &Value) -> Option<String> {
    let wanted: Vec<&str> = match schema.get("type")? {
        Value::String(one) => vec![one],
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        _ => return None,
    };
    let name = match found {
        Type::Any | Type::Null | Type::Channel(_) => return None,
        Type::Bool => "boolean",
        Type::Integer => "integer",
        Type::Number => "number",
        Type::String => "string",
        Type::List(_) => "array",
        Type::Object | Type::Record(_) | Type::Groups(_) => "object",
    };
    let is_number = matches!(name, "integer" | "number");
    let fits =
        wanted.iter().any(|wanted| *wanted == name || (is_number && matches!(*wanted, "integer" | "number")));
    (!fits).then(|| wanted.join(" or "))
}
