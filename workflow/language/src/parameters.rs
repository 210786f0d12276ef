//! Parameters against a manifest's JSON Schema.

mod integers;

use jsonschema::error::ValidationErrorKind as Kind;
use millstream_core::{nearest, number};
use serde_json::{Map, Value};

/// What is wrong with one parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where: keys and places, from the top of the parameters.
    pub path: Vec<String>,
    /// It is the key there that is at fault, not the value.
    pub at_key: bool,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
}

impl Problem {
    /// The path as people write it.
    pub fn name(&self) -> String {
        self.path.join(".")
    }
}

/// Makes parameters what a function gets and what a task's key is made of: defaults filled in, numbers in one form.
pub fn complete(schema: &Value, params: &mut Map<String, Value>) {
    fill_defaults(schema, params);
    params.values_mut().for_each(number::normalise);
}

/// Adds the schema's defaults for what is missing, objects within objects included.
pub fn fill_defaults(schema: &Value, params: &mut Map<String, Value>) {
    fill(schema, schema, params, 0);
}

fn fill(root: &Value, schema: &Value, params: &mut Map<String, Value>, depth: usize) {
    const DEEPEST: usize = 16;
    let Some(properties) = follow(root, schema).get("properties").and_then(Value::as_object) else { return };
    for (name, property) in properties {
        let target = follow(root, property);
        if !params.contains_key(name) {
            let default = property.get("default").or_else(|| target.get("default"));
            let Some(default) = default.filter(|default| !default.is_null()) else { continue };
            params.insert(name.clone(), default.clone());
        }
        if let Some(Value::Object(inner)) = params.get_mut(name)
            && depth < DEEPEST
        {
            fill(root, target, inner, depth + 1);
        }
    }
}

/// The schema that a local `$ref` names.
fn follow<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let mut schema = schema;
    for _ in 0..8 {
        match schema.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix('#')) {
            Some(pointer) => schema = root.pointer(pointer).unwrap_or(&Value::Null),
            None => break,
        }
    }
    schema
}

/// Whether a parameter takes whole numbers and no others.
pub fn takes_integers(schema: &Value, name: &str) -> bool {
    /// What kinds of numbers a schema takes: whole ones, any.
    fn kinds(root: &Value, schema: &Value, depth: usize) -> (bool, bool) {
        const DEEPEST: usize = 8;
        let schema = follow(root, schema);
        let is = |kind: &str| match schema.get("type") {
            Some(Value::String(one)) => one == kind,
            Some(Value::Array(all)) => all.iter().any(|one| one == kind),
            _ => false,
        };
        let forms = ["anyOf", "oneOf"].into_iter().filter_map(|key| schema.get(key)?.as_array()).flatten();
        forms
            .filter(|_| depth < DEEPEST)
            .map(|form| kinds(root, form, depth + 1))
            .fold((is("integer"), is("number")), |(whole, any), (more_whole, more_any)| {
                (whole || more_whole, any || more_any)
            })
    }
    let property = schema.get("properties").and_then(|all| all.get(name)).unwrap_or(&Value::Null);
    kinds(schema, property, 0) == (true, false)
}

/// Everything that is wrong with `params`. Values at `unknown` (JSON pointers) are not known yet: what is wrong at
/// or around them is left out.
pub fn problems(schema: &Value, params: &Map<String, Value>, unknown: &[String]) -> Vec<Problem> {
    let validator = match jsonschema::validator_for(schema) {
        Ok(validator) => validator,
        Err(error) => {
            let message = format!("the function's schema of parameters is not valid: {error}");
            return vec![Problem {
                path: vec![],
                at_key: false,
                message,
                help: Some("report it to its author".into()),
            }];
        }
    };
    let instance = Value::Object(params.clone());
    let mut problems = Vec::new();
    for error in validator.iter_errors(&instance) {
        let at = error.instance_path().to_string();
        let combined = matches!(
            error.kind(),
            Kind::AnyOf { .. }
                | Kind::OneOfNotValid { .. }
                | Kind::OneOfMultipleValid { .. }
                | Kind::Not { .. }
        );
        let is_unknown = unknown.iter().any(|unknown| {
            at == *unknown
                || at.strip_prefix(unknown.as_str()).is_some_and(|rest| rest.starts_with('/'))
                || (combined && unknown.starts_with(&at))
        });
        if !is_unknown {
            problems.extend(describe(schema, &error, &at));
        }
    }
    if problems.is_empty() {
        problems = integers::problems(schema, params, unknown);
    }
    problems
}

fn describe(root: &Value, error: &jsonschema::ValidationError<'_>, at: &str) -> Vec<Problem> {
    let path: Vec<String> =
        at.split('/').skip(1).map(|segment| segment.replace("~1", "/").replace("~0", "~")).collect();
    let name = if path.is_empty() { "the parameters".to_owned() } else { format!("`{}`", path.join(".")) };
    let keyword = error.schema_path().to_string();
    let parent = keyword.rsplit_once('/').map_or("", |(parent, _)| parent);
    let schema = root.pointer(parent).map(|schema| follow(root, schema)).unwrap_or(&Value::Null);
    let one = |message: String, help: Option<String>| {
        vec![Problem { path: path.clone(), at_key: false, message, help: help.or_else(|| about(schema)) }]
    };
    let value = shorten(error.instance());
    match error.kind() {
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => unexpected
            .iter()
            .map(|key| {
                let known: Vec<&str> = schema
                    .get("properties")
                    .and_then(Value::as_object)
                    .map(|properties| properties.keys().map(String::as_str).collect())
                    .unwrap_or_default();
                let mut path = path.clone();
                path.push(key.clone());
                let message = format!("there is no parameter `{key}`");
                Problem { path, at_key: true, message, help: Some(nearest::or_all(key, known, "parameters")) }
            })
            .collect(),
        Kind::Required { property } => {
            let key = property.as_str().unwrap_or_default();
            let property = schema.pointer(&format!("/properties/{key}")).map(|schema| follow(root, schema));
            one(format!("parameter `{key}` is missing"), property.and_then(about))
        }
        Kind::Type { .. } => {
            let wanted = match schema.get("type") {
                Some(Value::String(name)) => name.clone(),
                Some(Value::Array(names)) => {
                    names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or ")
                }
                _ => "another type".to_owned(),
            };
            one(format!("{name} is {value}, but it must be of type {wanted}"), None)
        }
        Kind::Enum { options } => {
            let options: Vec<String> =
                options.as_array().map(|options| options.iter().map(shorten).collect()).unwrap_or_default();
            let bare: Vec<&str> = options.iter().map(|option| option.trim_matches('"')).collect();
            let near =
                error.instance().as_str().and_then(|text| nearest::nearest(text, bare.iter().copied()));
            let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            one(format!("{name} can't be {value}"), Some(format!("allowed: {}{near}", nearest::list(&bare))))
        }
        Kind::Minimum { .. }
        | Kind::Maximum { .. }
        | Kind::ExclusiveMinimum { .. }
        | Kind::ExclusiveMaximum { .. } => one(
            format!("{name} is {value}, which is out of range"),
            range(schema).map(|r| format!("allowed: {r}")),
        ),
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            let forms: Vec<String> =
                context.iter().filter_map(|errors| errors.first()).map(|error| error.to_string()).collect();
            one(format!("{name} is {value}, which fits none of its forms"), Some(forms.join("; or ")))
        }
        _ => one(format!("{name}: {error}"), None),
    }
}

/// The allowed range of numbers, for people.
fn range(schema: &Value) -> Option<String> {
    let bound = |inclusive: &str, exclusive: &str, at: &str, beyond: &str| {
        let written = |word: &str, key: &str| schema.get(key).map(|limit| format!("{word} {limit}"));
        written(at, inclusive).or_else(|| written(beyond, exclusive))
    };
    let low = bound("minimum", "exclusiveMinimum", "at least", "more than");
    let high = bound("maximum", "exclusiveMaximum", "at most", "less than");
    match (low, high) {
        (Some(low), Some(high)) => Some(format!("{low} and {high}")),
        (low, high) => low.or(high),
    }
}

fn about(schema: &Value) -> Option<String> {
    schema
        .get("description")
        .and_then(Value::as_str)
        // Its first paragraph.
        .map(|text| text.split("\n\n").next().unwrap_or_default().replace('\n', " "))
}

fn shorten(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 40 {
        text
    } else {
        format!("{}...", text.chars().take(37).collect::<String>())
    }
}
