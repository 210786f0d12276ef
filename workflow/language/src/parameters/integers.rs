//! Whole numbers against the range of the type that a function reads them into. JSON Schema itself takes any.

use millstream_core::number;
use serde_json::{Map, Value};

use super::{Problem, follow, shorten};

/// Schemas within schemas are followed so far.
const DEEPEST: usize = 16;

/// The range that a `format` names, as schemars writes it. Functions have 32 bits: so has a length.
fn of_format(format: &str) -> Option<(i128, i128)> {
    Some(match format {
        "uint8" => (0, u8::MAX.into()),
        "uint16" => (0, u16::MAX.into()),
        "uint32" | "uint" => (0, u32::MAX.into()),
        "uint64" => (0, u64::MAX.into()),
        "int8" => (i8::MIN.into(), i8::MAX.into()),
        "int16" => (i16::MIN.into(), i16::MAX.into()),
        "int32" | "int" => (i32::MIN.into(), i32::MAX.into()),
        "int64" => (i64::MIN.into(), i64::MAX.into()),
        _ => return None,
    })
}

/// The whole numbers in `params` that do not fit, outside of what is `unknown`.
pub fn problems(root: &Value, params: &Map<String, Value>, unknown: &[String]) -> Vec<Problem> {
    let mut found = Vec::new();
    let mut path = Vec::new();
    object(root, root, params, &mut path, &mut found);
    found.retain(|problem| {
        let at: String = problem
            .path
            .iter()
            .map(|key| format!("/{}", key.replace('~', "~0").replace('/', "~1")))
            .collect();
        !unknown.iter().any(|unknown| at == *unknown || at.starts_with(&format!("{unknown}/")))
    });
    found
}

fn object(
    root: &Value,
    schema: &Value,
    map: &Map<String, Value>,
    path: &mut Vec<String>,
    found: &mut Vec<Problem>,
) {
    let schema = follow(root, schema);
    for (name, value) in map {
        let of = schema
            .get("properties")
            .and_then(|all| all.get(name))
            .or_else(|| schema.get("additionalProperties"));
        if let Some(of) = of {
            path.push(name.clone());
            within(root, of, value, path, found);
            path.pop();
        }
    }
}

fn within(root: &Value, schema: &Value, value: &Value, path: &mut Vec<String>, found: &mut Vec<Problem>) {
    if path.len() > DEEPEST {
        return;
    }
    match value {
        Value::Number(_) => {
            // It does for one that fits one of several forms.
            if let Some(ranges) = ranges(root, schema, 0) {
                let fits = |range: &(i128, i128)| {
                    number::whole(value).is_some_and(|whole| (range.0..=range.1).contains(&whole))
                };
                if let Some((least, greatest)) = ranges.iter().find(|range| !fits(range))
                    && !ranges.iter().any(fits)
                {
                    found.push(Problem {
                        path: path.clone(),
                        at_key: false,
                        message: format!("`{}` is {}, which is out of range", path.join("."), shorten(value)),
                        help: Some(format!("allowed: whole numbers from {least} to {greatest}")),
                    });
                }
            }
        }
        Value::Array(items) => {
            for schema in forms(root, schema, 0) {
                let Some(of) = schema.get("items") else { continue };
                for (i, item) in items.iter().enumerate() {
                    path.push(i.to_string());
                    within(root, of, item, path, found);
                    path.pop();
                }
                break;
            }
        }
        Value::Object(map) => {
            let forms = forms(root, schema, 0);
            // Which of several forms of objects is meant is not known here.
            let objects: Vec<&&Value> = forms
                .iter()
                .filter(|form| form.get("properties").is_some() || form.get("additionalProperties").is_some())
                .collect();
            if let [only] = objects.as_slice() {
                object(root, only, map, path, found);
            }
        }
        _ => {}
    }
}

/// The schema, or the schemas that it is one of.
fn forms<'a>(root: &'a Value, schema: &'a Value, depth: usize) -> Vec<&'a Value> {
    let schema = follow(root, schema);
    let several = ["anyOf", "oneOf", "allOf"].iter().find_map(|key| schema.get(*key)?.as_array());
    match several {
        Some(all) if depth < DEEPEST => all.iter().flat_map(|one| forms(root, one, depth + 1)).collect(),
        _ => vec![schema],
    }
}

/// The ranges of the whole numbers that the schema takes; none if it takes other numbers too, or anything.
fn ranges(root: &Value, schema: &Value, depth: usize) -> Option<Vec<(i128, i128)>> {
    let mut ranges = Vec::new();
    for form in forms(root, schema, depth) {
        let types: Vec<&str> = match form.get("type") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
            _ if form.get("const").is_some() || form.get("enum").is_some() => continue,
            _ => return None,
        };
        if types.contains(&"number") {
            return None;
        }
        if types.contains(&"integer") {
            let format = form.get("format").and_then(Value::as_str).and_then(of_format);
            ranges.push(format.unwrap_or((number::LEAST, number::GREATEST)));
        }
    }
    (!ranges.is_empty()).then_some(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn whole_numbers_are_in_the_range_of_their_type() {
        let schema = json!({
            "$defs": {"Depth": {"type": "integer", "format": "uint32"}},
            "properties": {
                "depth": {"$ref": "#/$defs/Depth"},
                "seed": {"type": ["integer", "null"], "format": "uint64"},
                "plain": {"type": "integer"},
                "eta": {"type": "number"},
                "either": {"anyOf": [{"type": "integer", "format": "uint8"}, {"type": "string"}]},
                "any": {"anyOf": [{"type": "integer"}, {"type": "number"}]},
                "list": {"type": "array", "items": {"$ref": "#/$defs/Depth"}},
                "map": {"type": "object", "additionalProperties": {"type": "integer", "format": "int8"}},
                "inner": {"anyOf": [{"type": "object", "properties": {"n": {"$ref": "#/$defs/Depth"}}}, {"type": "null"}]}
            }
        });
        let wrong = |params: Value, unknown: &[&str]| -> Vec<String> {
            let Value::Object(params) = params else { panic!() };
            let unknown: Vec<String> = unknown.iter().map(|one| (*one).to_owned()).collect();
            let mut names: Vec<String> =
                problems(&schema, &params, &unknown).iter().map(Problem::name).collect();
            names.sort();
            names
        };
        let fine = json!({"depth": 4294967295u64, "seed": u64::MAX, "plain": u64::MAX, "eta": 1e300, "either": 255,
            "any": 1e300, "list": [1, 2.0], "map": {"a": -128}, "inner": {"n": 1}});
        assert_eq!(wrong(fine, &[]), [""; 0]);
        let out = json!({"depth": 4294967296u64, "seed": 1e20, "plain": 1e20, "either": 256, "list": [1, 1e10],
            "map": {"a": 128}, "inner": {"n": -1}});
        assert_eq!(
            wrong(out.clone(), &[]),
            ["depth", "either", "inner.n", "list.1", "map.a", "plain", "seed"]
        );
        assert_eq!(wrong(out, &["/depth", "/list", "/map/a", "/inner"]), ["either", "plain", "seed"]);
    }
}
