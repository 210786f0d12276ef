//! The JSON Schema of workflow files, for editors, and the reference made from it.
//!
//! The shape comes from the Rust types of [`crate::model`]; what stands under `with` and `inputs` comes from the
//! manifests, chosen by `uses`.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::{acts, compile::Functions, manifest::Manifest, model::Workflow, nearest};

/// The schema (2020-12) of workflows that use these functions and the acts of the host.
pub fn workflow(functions: &dyn Functions) -> Value {
    let mut root = schemars::schema_for!(Workflow).to_value();
    let known =
        functions.names().into_iter().filter_map(|name| functions.get(name)).map(|(_, manifest)| manifest);
    let mut manifests: Vec<&Manifest> =
        known.chain(acts::all()).filter(|manifest| manifest.exports.job).collect();
    manifests.sort_by(|a, b| a.name.cmp(&b.name));
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
    let channels: Map<String, Value> = manifest
        .channels
        .iter()
        .map(|channel| {
            (channel.name.clone(), json!({"$ref": "#/$defs/Inputs", "description": channel.description}))
        })
        .collect();
    json!({
        "if": {"properties": {"uses": {"const": manifest.name}}, "required": ["uses"]},
        "then": {"properties": {
            "with": with,
            "inputs": {"properties": channels, "additionalProperties": false}
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

/// The reference of the workflow language: its keys with what they mean, the functions of `${{ }}`, and the
/// functions that steps may use.
pub fn reference_markdown(functions: &dyn Functions) -> String {
    let schema = workflow(functions);
    let mut text = String::from(
        "# Workflow reference\n\nGenerated from the JSON Schema and the manifests; see `millstream schema`.\n\n## Workflow\n\n",
    );
    keys(&mut text, &schema, &schema);
    for name in ["Param", "Triggers", "ObjectCreated", "Step", "Retry", "Limits", "Matrix"] {
        let definition = &schema["$defs"][name];
        let _ = writeln!(text, "## {name}\n\n{}\n", definition["description"].as_str().unwrap_or_default());
        keys(&mut text, &schema, definition);
    }
    text.push_str("## Uses\n\n| function | does | inputs | outputs |\n|---|---|---|---|\n");
    let known =
        functions.names().into_iter().filter_map(|name| functions.get(name)).map(|(_, manifest)| manifest);
    for manifest in known.chain(acts::all()) {
        let inputs: Vec<&str> = manifest.channels.iter().map(|channel| channel.name.as_str()).collect();
        let outputs: Vec<&str> = manifest.outputs.iter().map(|output| output.name.as_str()).collect();
        let (inputs, outputs) = (nearest::list(&inputs), nearest::list(&outputs));
        let _ =
            writeln!(text, "| `{}` | {} | {inputs} | {outputs} |", manifest.name, cell(&manifest.summary));
    }
    text
}

fn keys(text: &mut String, root: &Value, schema: &Value) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    text.push_str("| key | type | |\n|---|---|---|\n");
    for (name, property) in properties {
        let needed = if required.contains(&name.as_str()) { " Required." } else { "" };
        let about = cell(property["description"].as_str().unwrap_or_default());
        let _ = writeln!(text, "| `{name}` | {} | {about}{needed} |", kind(root, property, 0));
    }
    text.push('\n');
}

fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}

/// A schema's type for people.
fn kind(root: &Value, schema: &Value, depth: usize) -> String {
    if depth > 4 {
        return "any".to_owned();
    }
    if let Some(name) = schema["$ref"].as_str().and_then(|target| target.strip_prefix("#/$defs/")) {
        let target = &root["$defs"][name];
        return if target.get("properties").is_some() {
            name.to_owned()
        } else {
            kind(root, target, depth + 1)
        };
    }
    let alternatives = schema["anyOf"].as_array().or(schema["oneOf"].as_array());
    if let Some(alternatives) = alternatives {
        let mut kinds: Vec<String> = Vec::new();
        for alternative in alternatives {
            let kind = kind(root, alternative, depth + 1);
            if kind != "null" && !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        return kinds.join(" or ");
    }
    if let Some(value) = schema["const"].as_str() {
        return format!("`{value}`");
    }
    match &schema["type"] {
        Value::String(kind) => kind.clone(),
        Value::Array(kinds) => {
            let kinds: Vec<&str> =
                kinds.iter().filter_map(Value::as_str).filter(|kind| *kind != "null").collect();
            kinds.join(" or ")
        }
        _ => "any".to_owned(),
    }
}
