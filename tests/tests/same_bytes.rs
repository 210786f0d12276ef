//! The same table, parameters and seed give the same bytes, whether a function runs natively or as WebAssembly: every
//! example of the catalogue.
//!
//! Natively means this test's own process: the machine's own floating-point instructions, and its C library's
//! functions if a kernel should call one.

use std::collections::BTreeSet;
use std::fs;

use millstream_catalog::{Example, Function, Input, LINE, all, csv, file, host, name};
use millstream_sdk::table::from_ipc;
use millstream_tests::{Place, test_function};
use serde_json::{Value, json};

const ROWS: usize = 400;

/// An example, and the step that runs it.
struct Case {
    step: String,
    function: Function,
    example: Example,
    with: Value,
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for function in all() {
        // The table comes from a CSV file, which holds no sparse rows.
        for (number, example) in function.examples.iter().enumerate().filter(|(_, own)| !own.is_sparse()) {
            let mut with = example.on_table();
            if function.has("seed") {
                with["seed"] = 7.into();
            }
            let step = format!("{}-{number}", function.name);
            cases.push(Case { step, function: function.clone(), example: example.clone(), with });
        }
    }
    cases
}

impl Case {
    /// The step of a workflow with the steps `rows` and `line`.
    fn step(&self, place: &Place) -> Value {
        let table = "${{ steps.rows.outputs.table }}";
        let inputs = match &self.example.input {
            Input::Table(channel) => json!({ channel: table }),
            Input::Csv(channel) => json!({ channel: "table.csv" }),
            Input::File(channel, path) => {
                place.write(name(path), file(path));
                json!({ channel: name(path) })
            }
            Input::Model { model, table: channel } => {
                json!({ model: "${{ steps.line.outputs.model }}", channel: table })
            }
        };
        json!({ "uses": self.function.name, "inputs": inputs, "with": self.with })
    }
}

#[test]
fn natively_and_in_webassembly() {
    let cases = cases();
    let place = Place::new();
    place.write("table.csv", csv(ROWS));
    let mut steps = json!({
        "rows": { "uses": "extract", "inputs": { "source": "table.csv" } },
        "line": {
            "uses": "linear-regression",
            "inputs": { "train": "${{ steps.rows.outputs.table }}" },
            "with": serde_json::from_str::<Value>(LINE).unwrap(),
        },
    });
    for case in &cases {
        steps[&case.step] = case.step(&place);
    }
    place.write("w.yaml", json!({ "name": "same-bytes", "steps": steps }).to_string());
    place.run(&["run", "w.yaml"]).expect(0);
    let results = place.results(place.runs().last().unwrap());
    let artifact =
        |digest: &str| fs::read(place.store().join("artifacts").join(&digest[..2]).join(digest)).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let rows = artifact(&text(&results["rows/000000.json"]["outputs"]["table"]["parts"][0]["digest"]));
    let rows = from_ipc(rows).unwrap();

    let mut differ = Vec::new();
    for case in &cases {
        let host = host(&case.example, &rows);
        case.function.run(&host, &case.with).unwrap_or_else(|failure| panic!("{}: {failure}", case.step));
        let there = &results[&format!("{}/000000.json", case.step)]["outputs"];
        let outputs = host.outputs();
        assert!(!outputs.is_empty());
        for written in outputs {
            let mut digest = text(&there[&written.output]["parts"][0]["digest"]);
            if there[&written.output]["parts"][0]["media-type"] == "application/vnd.millstream.model+json" {
                // Which functions, with which states.
                let pipeline: Value = serde_json::from_slice(&artifact(&digest)).unwrap();
                let stages = pipeline.as_array().or_else(|| pipeline["stages"].as_array()).unwrap();
                digest = text(&stages.last().unwrap()["state"]);
            }
            if artifact(&digest) != written.bytes {
                differ.push(format!("{}: {}", case.step, written.output));
            }
        }
    }
    assert!(differ.is_empty(), "not the same natively: {}", differ.join(", "));
}

/// The catalogue has what the binary carries, and nothing else.
#[test]
fn the_catalogue_has_every_function() {
    let noop = test_function("noop");
    let built = fs::read_dir(noop.ancestors().nth(2).expect("the folder of functions")).unwrap();
    let built: BTreeSet<String> = built
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|file| file.strip_suffix(".wasm").map(str::to_owned))
        .collect();
    let list = Place::new().run(&["functions", "list", "--json"]).expect(0).stdout;
    let list: Vec<Value> = serde_json::from_str(&list).unwrap();
    let catalogue = all();
    let names: BTreeSet<String> = catalogue.iter().map(|function| function.name.clone()).collect();
    assert_eq!(catalogue.len(), names.len(), "a function stands twice in the catalogue");
    assert_eq!(names, built, "the catalogue and the built functions");
    for function in catalogue {
        let name = &function.name;
        let carried = list.iter().find(|manifest| manifest["name"] == **name);
        let carried = carried.unwrap_or_else(|| panic!("the binary does not carry {name}"));
        assert_eq!(carried["parameters"], function.manifest.parameters, "{name}");
        assert!(!function.examples.is_empty(), "{name} has no example");
        let writes_model = function.manifest.outputs.iter().any(|output| output.name == "model");
        assert_eq!(function.model.is_some(), writes_model, "{name}");
    }
}
