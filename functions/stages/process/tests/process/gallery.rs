//! docs/process.md: what it shows is what comes out.

use std::fs;

use millstream_sdk::testing::Host;
use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::Value;

use super::run;

/// A fenced block and the words behind its fence.
fn blocks(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(words) = line.strip_prefix("```") {
            let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            found.push((words.trim().to_owned(), body.join("\n")));
        }
    }
    found
}

/// Before each block of steps come the tables that they see; behind it what comes out of the first one.
#[test]
fn the_gallery_shows_what_comes_out() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../docs/process.md");
    let text = fs::read_to_string(path).unwrap();
    let mut tables: Vec<(String, String)> = Vec::new();
    let mut steps: Option<Value> = None;
    let mut shown = 0;
    for (words, body) in blocks(&text) {
        match words.as_str() {
            "yaml" if body.starts_with("steps:") => steps = Some(yaml(&body)),
            "csv out" => {
                let steps = steps.take().unwrap_or_else(|| panic!("no steps before\n{body}"));
                let host = tables.iter().fold(Host::new(), |host, (name, table)| host.csv(name, table));
                let made = run(&host, &steps).unwrap_or_else(|error| panic!("{steps}: {error}"));
                assert_eq!(made.trim_end(), body.trim_end(), "{steps}");
                shown += 1;
            }
            words => {
                if let Some(name) = words.strip_prefix("csv ") {
                    tables.retain(|(other, _)| other != name);
                    tables.push((name.to_owned(), body));
                }
            }
        }
    }
    assert!(shown >= 19, "{shown}");
}

fn yaml(text: &str) -> Value {
    let read = Yaml::load_from_str(text).unwrap_or_else(|error| panic!("{error}:\n{text}"));
    json(&read[0])["steps"].clone()
}

fn json(yaml: &Yaml<'_>) -> Value {
    match yaml {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(value)) => (*value).into(),
        Yaml::Value(Scalar::Integer(value)) => (*value).into(),
        Yaml::Value(Scalar::FloatingPoint(value)) => value.into_inner().into(),
        Yaml::Value(Scalar::String(text)) => text.as_ref().into(),
        Yaml::Sequence(all) => all.iter().map(json).collect(),
        Yaml::Mapping(all) => {
            let key = |key: &Yaml<'_>| match json(key) {
                Value::String(text) => text,
                other => other.to_string(),
            };
            all.iter().map(|(name, value)| (key(name), json(value))).collect::<serde_json::Map<_, _>>().into()
        }
        other => panic!("the gallery has no need of {other:?}"),
    }
}
