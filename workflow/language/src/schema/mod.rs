//! The JSON Schema of workflow files, for editors, and the references made from it and from the manifests.
//!
//! The shape comes from the Rust types of [`crate::model`]; what stands under `with` and `inputs` comes from the
//! manifests, chosen by `uses`.

pub mod reference;
mod words;

use serde_json::{Map, Value, json};

pub use words::{default, takes};

use millstream_core::manifest::{Channel, Manifest};

use crate::{Functions, acts::Act, model::Workflow};

/// The schema (2020-12) of workflows that use these functions and the acts of the host.
pub fn workflow(functions: &dyn Functions) -> Value {
    let mut root = schemars::schema_for!(Workflow).to_value();
    let manifests: Vec<&Manifest> =
        manifests(functions).into_iter().filter(|manifest| manifest.exports.job).collect();
    let mut definitions = Map::new();
    let cases: Vec<Value> = manifests.iter().map(|manifest| case(manifest, &mut definitions)).collect();
    let names: Vec<Value> = manifests
        .iter()
        .map(|manifest| json!({"const": manifest.name, "description": manifest.summary}))
        .chain([json!({"type": "string", "pattern": r"\$\{\{"})])
        .collect();
    if let Some(step) = root.pointer_mut("/$defs/Step").and_then(Value::as_object_mut) {
        step.insert("allOf".to_owned(), cases.into());
        if let Some(uses) = step.get_mut("properties").and_then(|all| all.get_mut("uses")) {
            uses["anyOf"] = names.into();
        }
    }
    if let Some(all) = root.pointer_mut("/$defs").and_then(Value::as_object_mut) {
        all.extend(definitions);
    }
    root["title"] = "Millstream workflow".into();
    root
}

/// Everything that a step may use, by name.
fn manifests(functions: &dyn Functions) -> Vec<&Manifest> {
    let known =
        functions.names().into_iter().filter_map(|name| functions.get(name)).map(|(_, manifest)| manifest);
    let mut manifests: Vec<&Manifest> =
        known.chain(Act::ALL.into_iter().map(|act| -> &Manifest { act.manifest() })).collect();
    manifests.sort_by(|a, b| a.name.cmp(&b.name));
    manifests
}

/// What `uses: NAME` asks of a step.
fn case(manifest: &Manifest, definitions: &mut Map<String, Value>) -> Value {
    let mut with = manifest.parameters.clone();
    if let Some(Value::Object(own)) = with.as_object_mut().and_then(|with| with.remove("$defs")) {
        for (name, mut definition) in own {
            relocate(&mut definition, &manifest.name);
            definitions.insert(format!("{}.{name}", manifest.name), definition);
        }
    }
    relocate(&mut with, &manifest.name);
    if let Some(with) = with.as_object_mut() {
        with.remove("$schema");
        with.remove("title");
        for property in with
            .get_mut("properties")
            .and_then(Value::as_object_mut)
            .into_iter()
            .flat_map(|all| all.values_mut())
        {
            or_expression(property);
        }
    }
    let input = |channel: &Channel| json!({"$ref": "#/$defs/Inputs", "description": channel.description});
    let named = manifest.channels.iter().filter(|channel| channel.name != Channel::ANY);
    let channels: Map<String, Value> = named.map(|channel| (channel.name.clone(), input(channel))).collect();
    let others =
        manifest.channels.iter().find(|channel| channel.name == Channel::ANY).map_or(json!(false), input);
    json!({
        "if": {"properties": {"uses": {"const": manifest.name}}, "required": ["uses"]},
        "then": {"properties": {
            "with": with,
            "inputs": {"properties": channels, "additionalProperties": others}
        }}
    })
}

/// The same, or text with an expression; what describes it stays outside, where editors look.
fn or_expression(property: &mut Value) {
    let Value::Object(inner) = property else { return };
    let outer: Map<String, Value> = ["description", "default", "title"]
        .iter()
        .filter_map(|key| Some(((*key).to_owned(), inner.get(*key)?.clone())))
        .collect();
    let mut either = json!({"anyOf": [inner, {"type": "string", "pattern": r"\$\{\{"}]});
    if let Some(either) = either.as_object_mut() {
        either.extend(outer);
    }
    *property = either;
}

/// Makes references to a function's own definitions point to where they lie now.
fn relocate(schema: &mut Value, function: &str) {
    match schema {
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(target) if key == "$ref" => {
                        if let Some(name) = target.strip_prefix("#/$defs/") {
                            *target = format!("#/$defs/{function}.{name}");
                        }
                    }
                    other => relocate(other, function),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| relocate(item, function)),
        _ => {}
    }
}
