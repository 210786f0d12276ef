//! The task key: a name for everything that can make a difference to a task's result.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::{
    artifact::{Digest, Parts},
    number,
};

/// Which share of the rows a task takes when its step is fanned out over shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Shard {
    /// From 0.
    pub index: u32,
    /// At least 1.
    pub count: u32,
}

/// SHA-256 of the canonical JSON of all that a function can see.
///
/// `function` is the component's digest. `params` must have their defaults filled in, so that a default that is
/// written down and one that is left out have the same key. Names of parts count, as functions see them; the
/// stages that rows went through count, as they become part of a model trained on them.
pub fn task_key(
    function: &Digest,
    params: &Map<String, Value>,
    inputs: &BTreeMap<String, Parts>,
    seed: u64,
    shard: Option<Shard>,
) -> Digest {
    let inputs: BTreeMap<&str, Value> = inputs
        .iter()
        .filter(|(_, channel)| !channel.parts.is_empty())
        .map(|(name, channel)| {
            let parts: Vec<_> =
                channel.parts.iter().map(|part| json!([part.name, part.media_type, part.digest])).collect();
            let stages: Vec<_> =
                channel.stages.iter().map(|stage| json!([stage.function, stage.state])).collect();
            (name.as_str(), json!([parts, stages]))
        })
        .collect();
    let all = json!({
        "format": 1,
        "function": function,
        "params": params,
        "inputs": inputs,
        "seed": seed,
        "shard": shard,
    });
    Digest::of(canonical(&all).as_bytes())
}

/// JSON in one way only: keys sorted, no white space, and numbers of the same value written alike
/// (`1.0` as `1`, see [`number::normalise`]), in the manner of RFC 8785, but with integers of 64 bits kept exact.
pub fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Array(items) => {
            text.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    text.push(',');
                }
                write(item, text);
            }
            text.push(']');
        }
        Value::Object(map) => {
            let sorted: BTreeMap<_, _> = map.iter().collect();
            text.push('{');
            for (i, (key, item)) in sorted.into_iter().enumerate() {
                if i > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write(item, text);
            }
            text.push('}');
        }
        Value::Number(written) => match number::whole(value) {
            Some(whole) => text.push_str(&whole.to_string()),
            None => text.push_str(&written.to_string()),
        },
        other => text.push_str(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::{Artifact, Stage};

    #[test]
    fn canonical_json_has_one_form() {
        let a: Value =
            serde_json::from_str(r#"{"b": 1.0, "a": [0.5, -0.0, 18446744073709551615, "é\n"]}"#).unwrap();
        assert_eq!(canonical(&a), "{\"a\":[0.5,0,18446744073709551615,\"é\\n\"],\"b\":1}");
    }

    #[test]
    fn whatever_a_function_sees_is_in_the_key() {
        let part = |name: &str, bytes: &[u8]| Artifact {
            name: name.to_owned(),
            media_type: "text/csv".to_owned(),
            size: bytes.len() as u64,
            digest: Digest::of(bytes),
        };
        let stage = Stage {
            name: "features".to_owned(),
            version: "1.0.0".to_owned(),
            function: Digest::of(b"f"),
            state: Digest::of(b"s"),
            size: 1,
        };
        let channel = |parts: Vec<Artifact>, stages: Vec<Stage>| {
            BTreeMap::from([("t".to_owned(), Parts { parts, stages })])
        };
        let params = |text: &str| -> Map<String, Value> { serde_json::from_str(text).unwrap() };
        let f = Digest::of(b"function");
        let plain = channel(vec![part("a", b"1")], vec![]);
        let shard = |index, count| Some(Shard { index, count });
        let keys = [
            task_key(&f, &params("{}"), &plain, 0, None),
            task_key(&Digest::of(b"other"), &params("{}"), &plain, 0, None),
            task_key(&f, &params(r#"{"x": 1}"#), &plain, 0, None),
            task_key(&f, &params("{}"), &plain, 1, None),
            task_key(&f, &params("{}"), &plain, 0, shard(0, 2)),
            task_key(&f, &params("{}"), &plain, 0, shard(1, 2)),
            task_key(&f, &params("{}"), &channel(vec![part("b", b"1")], vec![]), 0, None),
            task_key(&f, &params("{}"), &channel(vec![part("a", b"2")], vec![]), 0, None),
            task_key(&f, &params("{}"), &channel(vec![part("a", b"1")], vec![stage]), 0, None),
        ];
        let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
        let mut with_empty = plain.clone();
        with_empty.insert("empty".to_owned(), Parts::default());
        assert_eq!(keys[0], task_key(&f, &params("{}"), &with_empty, 0, None), "no parts is no channel");
        assert_eq!(
            task_key(&f, &params(r#"{"x": 1, "y": 2}"#), &plain, 0, None),
            task_key(&f, &params(r#"{"y": 2.0, "x": 1}"#), &plain, 0, None),
        );
    }
}
