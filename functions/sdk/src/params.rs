//! Parameters: JSON in, a checked struct out.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{
    Failure,
    failure::{invalid_parameter, listing, nearest, shown},
    manifest::schema_of,
};

/// Reads parameters and holds them to the schema of `P`: unknown names, types, ranges and lengths.
/// An empty text is an empty object.
pub fn parse<P: DeserializeOwned + JsonSchema>(json: &str) -> Result<P, Failure> {
    let json = if json.trim().is_empty() { "{}" } else { json };
    let value: Value = serde_json::from_str(json)
        .map_err(|error| invalid_parameter("with", format!("the parameters are not JSON: {error}")))?;
    from_value(value)
}

/// The same from a JSON value.
pub fn from_value<P: DeserializeOwned + JsonSchema>(value: Value) -> Result<P, Failure> {
    if !value.is_object() {
        return Err(invalid_parameter("with", "the parameters must be a JSON object"));
    }
    let schema = schema_of::<P>();
    Checker { root: &schema }.check(&schema, &value, "")?;
    read::<P>(&value).map_err(|(path, message)| match (missing(&message), path.as_str()) {
        (Some(field), ".") => invalid_parameter(field, "is required"),
        (Some(field), path) => invalid_parameter(format!("{path}.{field}"), "is required"),
        (None, ".") => {
            invalid_parameter(flattened::<P>(&value, &message).unwrap_or_else(|| "with".into()), message)
        }
        (None, path) => invalid_parameter(path, message),
    })
}

/// An error is a path and a message.
fn read<P: DeserializeOwned>(value: &Value) -> Result<P, (String, String)> {
    serde_path_to_error::deserialize(value)
        .map_err(|error| (error.path().to_string(), with_nearest(error.inner().to_string())))
}

/// serde's list of what there is, with the name that was likely meant.
fn with_nearest(message: String) -> String {
    let unknown =
        ["unknown variant `", "unknown field `"].iter().find_map(|start| message.strip_prefix(start));
    let Some((given, rest)) = unknown.and_then(|rest| rest.split_once('`')) else { return message };
    let known = rest.split('`').skip(1).step_by(2);
    match nearest(given, known) {
        Some(near) => format!("{message}; did you mean `{near}`?"),
        None => message,
    }
}

/// The field that a message of serde calls missing: it is in the message alone.
fn missing(message: &str) -> Option<&str> {
    message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next())
}

/// The parameter that a message is about. serde knows no path into flattened structs; but without that parameter the message is
/// another one, or there is none.
fn flattened<P: DeserializeOwned>(value: &Value, message: &str) -> Option<String> {
    let object = value.as_object()?;
    let mut required = None;
    for name in object.keys() {
        let mut others = object.clone();
        others.remove(name);
        match read::<P>(&others.into()) {
            Err((_, other)) if other == message => {}
            // Perhaps only because the others need it.
            Err((_, other)) if missing(&other) == Some(name) => required = Some(name.clone()),
            _ => return Some(name.clone()),
        }
    }
    required
}

/// The part of JSON Schema that says more than the Rust type does. Types are left to serde.
struct Checker<'a> {
    root: &'a Value,
}

impl<'a> Checker<'a> {
    fn check(&self, schema: &'a Value, value: &Value, path: &str) -> Result<(), Failure> {
        let Some(schema) = self.resolve(schema) else { return Ok(()) };
        match value {
            Value::Object(object) => self.object(schema, object, path),
            Value::Array(items) => self.array(schema, items, path),
            Value::Number(number) => {
                number.as_f64().map_or(Ok(()), |number| self.number(schema, number, path))
            }
            Value::String(text) => {
                let length = text.chars().count() as f64;
                self.length(schema, ["minLength", "maxLength"], length, "letters", path)
            }
            _ => Ok(()),
        }
    }

    fn resolve(&self, schema: &'a Value) -> Option<&'a Map<String, Value>> {
        let mut schema = schema;
        // A chain of references can only be as long as there are definitions; eight is plenty.
        for _ in 0..8 {
            let object = schema.as_object()?;
            if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
                schema = self.root.pointer(reference.strip_prefix('#')?)?;
                continue;
            }
            // `Option<T>`: T or null.
            if let Some([one, two]) = object.get("anyOf").and_then(Value::as_array).map(Vec::as_slice) {
                let is_null = |schema: &Value| schema.get("type").is_some_and(|t| t == "null");
                if is_null(two) {
                    schema = one;
                    continue;
                }
                if is_null(one) {
                    schema = two;
                    continue;
                }
            }
            return Some(object);
        }
        None
    }

    fn object(
        &self,
        schema: &'a Map<String, Value>,
        object: &Map<String, Value>,
        path: &str,
    ) -> Result<(), Failure> {
        let empty = Map::new();
        let properties = schema.get("properties").and_then(Value::as_object);
        for (name, value) in object {
            let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            if let Some(property) = properties.and_then(|properties| properties.get(name)) {
                self.check(property, value, &inner)?;
                continue;
            }
            match schema.get("additionalProperties") {
                Some(Value::Bool(false)) => {
                    let names: Vec<&str> = properties.unwrap_or(&empty).keys().map(String::as_str).collect();
                    let message = match nearest(name, names.iter().copied()) {
                        Some(near) => format!("there is no such parameter; did you mean `{near}`?"),
                        None => "there is no such parameter".to_owned(),
                    };
                    return Err(invalid_parameter(inner, message).allowed(listing(&names)));
                }
                Some(other) => self.check(other, value, &inner)?,
                None => {}
            }
        }
        Ok(())
    }

    fn array(&self, schema: &'a Map<String, Value>, items: &[Value], path: &str) -> Result<(), Failure> {
        self.length(schema, ["minItems", "maxItems"], items.len() as f64, "items", path)?;
        let Some(item) = schema.get("items") else { return Ok(()) };
        items.iter().enumerate().try_for_each(|(i, value)| self.check(item, value, &format!("{path}[{i}]")))
    }

    fn length(
        &self,
        schema: &Map<String, Value>,
        [least, most]: [&str; 2],
        length: f64,
        unit: &str,
        path: &str,
    ) -> Result<(), Failure> {
        let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
        if bound(least).is_some_and(|least| length < least) || bound(most).is_some_and(|most| length > most) {
            let allowed = match (bound(least), bound(most)) {
                (Some(least), Some(most)) => format!("{least} to {most} {unit}"),
                (Some(least), None) => format!("{least} {unit} or more"),
                (_, most) => format!("at most {} {unit}", most.unwrap_or_default()),
            };
            return Err(invalid_parameter(path, format!("has {length} {unit}")).allowed(allowed));
        }
        Ok(())
    }

    fn number(&self, schema: &Map<String, Value>, number: f64, path: &str) -> Result<(), Failure> {
        let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
        let (least, above) = (bound("minimum"), bound("exclusiveMinimum"));
        let (most, below) = (bound("maximum"), bound("exclusiveMaximum"));
        let fits = least.is_none_or(|least| number >= least)
            && above.is_none_or(|above| number > above)
            && most.is_none_or(|most| number <= most)
            && below.is_none_or(|below| number < below);
        if fits {
            return Ok(());
        }
        let mut allowed = Vec::new();
        allowed.extend(least.map(|least| format!(">= {}", shown(least))));
        allowed.extend(above.map(|above| format!("> {}", shown(above))));
        allowed.extend(most.map(|most| format!("<= {}", shown(most))));
        allowed.extend(below.map(|below| format!("< {}", shown(below))));
        Err(invalid_parameter(path, format!("{} is out of range", shown(number)))
            .allowed(allowed.join(" and ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(rename_all = "kebab-case")]
    struct Params {
        target: String,
        #[serde(default)]
        #[schemars(range(min = 0.0, max = 1.0))]
        learning_rate: Option<f64>,
        #[serde(default)]
        #[schemars(length(min = 1))]
        features: Option<Vec<String>>,
        #[serde(default)]
        penalty: Penalty,
        #[serde(default)]
        nested: Option<Nested>,
    }

    #[derive(Debug, Default, Deserialize, JsonSchema, PartialEq)]
    #[serde(rename_all = "kebab-case")]
    enum Penalty {
        #[default]
        L1,
        L2,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Nested {
        #[schemars(range(min = 1))]
        depth: u32,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    struct Flat {
        #[serde(flatten)]
        columns: Columns,
        #[serde(flatten)]
        shape: Shape,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    struct Columns {
        target: String,
    }

    #[derive(Debug, Default, Deserialize, JsonSchema)]
    #[serde(default, deny_unknown_fields)]
    struct Shape {
        #[schemars(range(min = 0))]
        alpha: f64,
        penalty: Penalty,
    }

    #[test]
    fn flattened_parameters_are_named() {
        let flat: Flat = parse(r#"{"target": "y", "alpha": 2}"#).unwrap();
        assert_eq!((flat.columns.target.as_str(), flat.shape.alpha), ("y", 2.0));
        assert_eq!(flat.shape.penalty, Penalty::L1);
        let refusal = |json: &str| parse::<Flat>(json).unwrap_err().to_string();
        assert_eq!(refusal("{}"), "parameter `target`: is required");
        assert!(refusal(r#"{"target": 5, "alpha": 1}"#).starts_with("parameter `target`: invalid type"));
        assert!(refusal(r#"{"target": "y", "alpha": "1"}"#).starts_with("parameter `alpha`: invalid type"));
        assert!(refusal(r#"{"target": "y", "alpha": 1, "penalty": 3}"#).starts_with("parameter `penalty`: "));
        assert!(refusal(r#"{"target": "y", "alpha": "1", "penalty": 3}"#).starts_with("parameter `"));
        assert_eq!(
            refusal(r#"{"target": "y", "alpha": -1}"#),
            "parameter `alpha`: -1 is out of range (allowed: >= 0)"
        );
        assert!(refusal(r#"{"target": "y", "alhpa": 1}"#).contains("did you mean `alpha`?"));
    }

    fn refusal(json: &str) -> String {
        parse::<Params>(json).unwrap_err().to_string()
    }

    #[test]
    fn good_parameters_are_taken() {
        let params: Params =
            parse(r#"{"target": "y", "learning-rate": 0.5, "penalty": "l2", "features": ["a"], "nested": {"depth": 1}}"#)
                .unwrap();
        assert_eq!(params.target, "y");
        assert_eq!(params.learning_rate, Some(0.5));
        assert_eq!(params.penalty, Penalty::L2);
        assert_eq!(params.features.unwrap(), ["a"]);
        assert_eq!(params.nested.unwrap().depth, 1);
    }

    #[test]
    fn bad_parameters_are_named() {
        assert!(refusal("{").contains("not JSON"));
        assert!(refusal("[]").contains("JSON object"));
        assert_eq!(refusal("{}"), "parameter `target`: is required");
        let unknown = refusal(r#"{"target": "y", "learning_rate": 1}"#);
        assert!(
            unknown.contains("parameter `learning_rate`") && unknown.contains("`learning-rate`?"),
            "{unknown}"
        );
        let range = refusal(r#"{"target": "y", "learning-rate": 2}"#);
        assert_eq!(range, "parameter `learning-rate`: 2 is out of range (allowed: >= 0 and <= 1)");
        assert!(refusal(r#"{"target": 5}"#).starts_with("parameter `target`: invalid type"));
        assert!(refusal(r#"{"target": "y", "features": []}"#).contains("allowed: 1 items or more"));
        assert!(
            refusal(r#"{"target": "y", "penalty": "l3"}"#)
                .starts_with("parameter `penalty`: unknown variant")
        );
        let depth = refusal(r#"{"target": "y", "nested": {"depth": 0}}"#);
        assert!(depth.starts_with("parameter `nested.depth`: 0 is out of range"), "{depth}");
        assert!(
            refusal(r#"{"target": "y", "nested": {}}"#).starts_with("parameter `nested.depth`: is required")
        );
    }
}
