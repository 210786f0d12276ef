//! JSON Schemas in the words of people.

use serde_json::Value;

/// References that lead from one to the next are followed so far.
const DEPTH: usize = 4;

/// What values a schema takes, in a few words: `integer >= 1 <= 10`, `random | time`. References are looked up in `root`; one to
/// an object is named instead.
pub fn takes(schema: &Value, root: &Value) -> String {
    within(schema, root, 0)
}

/// A schema's default, as one would write it; empty if there is none.
pub fn default(schema: &Value) -> String {
    match schema.get("default") {
        None | Some(Value::Null) => String::new(),
        Some(value) => plain(value),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn within(schema: &Value, root: &Value, depth: usize) -> String {
    if depth > DEPTH {
        return String::new();
    }
    if let Some(pointer) = schema["$ref"].as_str().and_then(|target| target.strip_prefix('#')) {
        let Some(found) = root.pointer(pointer) else { return String::new() };
        return match pointer.rsplit_once('/') {
            Some((_, name)) if found.get("properties").is_some() => name.to_owned(),
            _ => within(found, root, depth + 1),
        };
    }
    if let Some(value) = schema.get("const") {
        return plain(value);
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().filter(|value| !value.is_null()).map(plain).collect::<Vec<_>>().join(" | ");
    }
    if let Some(all) = schema["anyOf"].as_array().or(schema["oneOf"].as_array()) {
        let mut words: Vec<String> = Vec::new();
        for word in all.iter().map(|one| within(one, root, depth + 1)) {
            if !word.is_empty() && word != "null" && !words.contains(&word) {
                words.push(word);
            }
        }
        return words.join(" | ");
    }
    let kind = match &schema["type"] {
        Value::String(kind) => kind.clone(),
        Value::Array(kinds) => {
            let kinds: Vec<&str> =
                kinds.iter().filter_map(Value::as_str).filter(|kind| *kind != "null").collect();
            kinds.join(" | ")
        }
        _ => return String::new(),
    };
    let kind = match &schema["items"] {
        items if kind == "array" && items.is_object() => match within(items, root, depth + 1) {
            inner if inner.is_empty() => kind,
            inner => format!("array of {inner}"),
        },
        _ => kind,
    };
    let bound = |names: [&str; 2], signs: [&str; 2]| {
        names.iter().zip(signs).find_map(|(name, sign)| Some(format!("{sign} {}", plain(schema.get(*name)?))))
    };
    let low = bound(["minimum", "exclusiveMinimum"], [">=", ">"]);
    let high = bound(["maximum", "exclusiveMaximum"], ["<=", "<"]);
    [Some(kind), low, high].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_in_a_few_words() {
        let root = json!({"$defs": {
            "By": {"enum": ["random", "time"]}, "Limits": {"properties": {}}, "Loop": {"$ref": "#/$defs/Loop"}
        }});
        for (schema, words) in [
            (json!({"type": "integer", "minimum": 1, "maximum": 10}), "integer >= 1 <= 10"),
            (json!({"type": ["number", "null"], "exclusiveMinimum": 0}), "number > 0"),
            (json!({"$ref": "#/$defs/By"}), "random | time"),
            (json!({"$ref": "#/$defs/Limits"}), "Limits"),
            (json!({"$ref": "#/$defs/Loop"}), ""),
            (json!({"anyOf": [{"$ref": "#/$defs/By"}, {"type": "null"}]}), "random | time"),
            (json!({"oneOf": [{"const": "a"}, {"const": "b"}]}), "a | b"),
            (json!({"type": "array", "items": {"type": "string"}}), "array of string"),
            (json!(true), ""),
        ] {
            assert_eq!(takes(&schema, &root), words);
        }
    }
}
