//! What reaches a terminal, and the files that are copied out: names and texts of others do no harm there.

use std::fs;

use millstream_tests::{Place, Ran};
use serde_json::Value;

/// A title, the clipboard, a line that goes back over the one before, a forged line, C1 controls, text that turns around.
const EVIL: &str =
    "a\u{1b}]0;owned\u{7}\u{1b}]52;c;aGk=\u{7}\u{1b}[1A\u{1b}[2K\r\n✓ deploy  done\u{9b}31m\u{202e}b\u{2066}";

/// Nothing but ends of lines commands the terminal, and nobody forges a line.
#[track_caller]
fn harmless(what: &str, ran: &Ran) {
    for text in [&ran.stdout, &ran.stderr] {
        let found = text.chars().find(|c| {
            (c.is_control() && !matches!(c, '\n' | '\t'))
                || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        });
        assert_eq!(found, None, "{what}: {text:?}");
        assert!(!text.lines().any(|line| line.starts_with("✓ deploy")), "{what}: {text}");
    }
}

/// JSON on standard output, which says exactly what was said.
#[track_caller]
fn exact(ran: &Ran, lines: bool) {
    let texts: Vec<&str> = if lines { ran.stdout.lines().collect() } else { vec![&ran.stdout] };
    let mut found = false;
    for text in texts {
        let value: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        found |= holds(&value);
    }
    assert!(found, "{EVIL:?} is not in {}", ran.stdout);
}

fn holds(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(EVIL),
        Value::Array(items) => items.iter().any(holds),
        Value::Object(map) => map.iter().any(|(key, value)| key.contains(EVIL) || holds(value)),
        _ => false,
    }
}

#[test]
fn what_functions_say_commands_no_terminal() {
    let place = Place::new().with_test_functions(&["faulty"]);
    for (name, end, code) in [("well", "", 0), ("badly", "fail", 1)] {
        let text = serde_json::to_string(&format!("{EVIL}{end}")).unwrap();
        place.write(
            "w.yaml",
            format!(
                "name: {name}\nsteps:\n  speak: {{ uses: faulty, with: {{ mode: say, state: {text} }} }}\n"
            ),
        );
        harmless("run", &place.run(&["run", "w.yaml", "--no-cache"]).expect(code));
        let told = place.run(&["run", "w.yaml", "--no-cache", "--json"]).expect(code);
        harmless("run --json", &told);
        exact(&told, true);
        for arguments in [&["status"][..], &["logs"], &["artifacts"], &["runs"]] {
            harmless(arguments[0], &place.run(arguments).expect(0));
        }
        for (arguments, lines) in [(&["status", "--json"][..], false), (&["logs", "--json"], true)] {
            let told = place.run(arguments).expect(0);
            harmless(&arguments.join(" "), &told);
            exact(&told, lines);
        }
    }
}

#[test]
fn names_in_data_and_files_command_no_terminal() {
    let place = Place::new();
    let rows: String = (0..20).map(|i| format!("{i},{}\n", i % 3)).collect();
    place.write("in.csv", format!("\"{}\",y\n{rows}", EVIL.replace('"', "")));
    let workflow = |target: &str| {
        format!(
            "name: columns\nsteps:\n  x: {{ uses: extract, inputs: {{ source: ./in.csv }} }}\n  look: {{ uses: analyze, inputs: {{ table: \"${{{{ steps.x.outputs.table }}}}\" }} }}\n  t: {{ uses: linear-regression, inputs: {{ train: \"${{{{ steps.x.outputs.table }}}}\" }}, with: {{ target: {target} }} }}\n"
        )
    };
    place.write("w.yaml", workflow("nope"));
    harmless("run", &place.run(&["run", "w.yaml"]).expect(1));
    for verb in ["status", "logs", "artifacts"] {
        harmless(verb, &place.run(&[verb]).expect(0));
    }
    // The file itself, its name, and what is asked for.
    let evil = serde_json::to_string(EVIL).unwrap();
    place.write(
        "w.yaml",
        workflow(&evil).replace("name: columns", "name: columns # \u{1b}]0;owned\u{7}\u{202e}"),
    );
    harmless("run", &place.run(&["run", "w.yaml"]));
    place.write(
        "w.yaml",
        format!("name: {evil}\n\u{202e}wrong\u{1b}[2K: {evil}\nsteps: {{ {evil}: {{ uses: {evil} }} }}\n"),
    );
    harmless("validate", &place.run(&["validate", "w.yaml"]).expect(2));
    harmless("validate --json", &place.run(&["validate", "w.yaml", "--json"]).expect(2));
    place.write("e\u{1b}]0;x\u{7}.yaml", "name: x\n");
    harmless("validate", &place.run(&["validate", "e\u{1b}]0;x\u{7}.yaml"]).expect(2));
    harmless("status", &place.run(&["status", EVIL]).expect(2));
    harmless("describe", &place.run(&["functions", "describe", EVIL]).expect(2));
    harmless("artifacts", &place.run(&["artifacts", "latest", "open", EVIL]).expect(2));
}

#[test]
fn no_command_begins_with_the_words_of_a_library() {
    let place = Place::new();
    for arguments in [&["runs"][..], &["models"], &["endpoints"], &["status"]] {
        let ran = place.run(arguments);
        assert!(!ran.stderr.contains("tracing") && !ran.stderr.contains("feature"), "{}", ran.stderr);
    }
}

const TWO: &str = "
name: two-files
steps:
  extract: { uses: extract, inputs: { source: ./in.csv } }
  train: { uses: gradient-boosting, inputs: { train: \"${{ steps.extract.outputs.table }}\" }, with: { target: y, num_round: ROUNDS, export_xgboost: json } }
  many: { uses: gradient-boosting, matrix: { depth: [1, 2] }, inputs: { train: \"${{ steps.extract.outputs.table }}\" }, with: { target: y, num_round: 2, max_depth: \"${{ matrix.depth }}\", export_xgboost: json } }
";

fn files(folder: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(folder).unwrap().to_string_lossy().replace('\\', "/"));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn artifacts_of_one_name_are_several_files() {
    let place = Place::new();
    let rows: String = (0..60).map(|i| format!("{i},{}\n", (i * 7) % 11)).collect();
    place.write("in.csv", format!("x,y\n{rows}"));
    place.write("w.yaml", TWO.replace("ROUNDS", "2"));
    place.run(&["run", "w.yaml"]).expect(0);
    let copied = place.run(&["artifacts", "latest", "copy", "train", "out"]).expect(0);
    let there = files(&place.path().join("out"));
    assert!(
        there.contains(&"model/model.json".to_owned()) && there.contains(&"xgboost/model.json".to_owned()),
        "{there:?}"
    );
    let mut printed: Vec<&str> = copied.stdout.lines().collect();
    assert_eq!(printed.len(), there.len(), "a file for each line");
    printed.sort_unstable();
    printed.dedup();
    assert_eq!(printed.len(), there.len());
    // Each is what the list says it is.
    let list = place.run(&["artifacts", "latest", "--json"]).expect(0).stdout;
    let list: Value = serde_json::from_str(&list).unwrap();
    let size = |address: &str| {
        let one = list.as_array().unwrap().iter().find(|one| one["address"] == address).unwrap();
        one["size"].as_u64().unwrap()
    };
    for output in ["model", "xgboost"] {
        let file = place.path().join("out").join(output).join("model.json");
        assert_eq!(fs::metadata(file).unwrap().len(), size(&format!("train/{output}/model.json")));
    }
    // Opened one by one, they lie beside each other as well.
    let model = place.run(&["artifacts", "latest", "open", "train/model"]).expect(0).stdout;
    let xgboost = place.run(&["artifacts", "latest", "open", "train/xgboost"]).expect(0).stdout;
    assert_ne!(fs::read(model.trim()).unwrap(), fs::read(xgboost.trim()).unwrap());
    place.run(&["artifacts", "latest", "copy", "many", "all/"]).expect(0);
    let all = files(&place.path().join("all"));
    for file in ["many.0/model/model.json", "many.0/xgboost/model.json", "many.1/xgboost/model.json"] {
        assert!(all.contains(&file.to_owned()), "{file} is not in {all:?}");
    }
}

#[test]
fn a_file_that_is_there_is_not_written_over() {
    let place = Place::new();
    let rows: String = (0..60).map(|i| format!("{i},{}\n", (i * 7) % 11)).collect();
    place.write("in.csv", format!("x,y\n{rows}"));
    place.write("w.yaml", TWO.replace("ROUNDS", "2"));
    place.run(&["run", "w.yaml"]).expect(0);
    let copy = |dest: &str, more: &[&str]| {
        place.run(&[&["artifacts", "latest", "copy", "train/xgboost", dest][..], more].concat())
    };
    place.write("out/model.json", "mine");
    copy("out", &[]).expect(2).says(&["out/model.json is there already", "nothing was copied", "--force"]);
    copy("out/model.json", &[]).expect(2).says(&["--force"]);
    assert_eq!(fs::read(place.path().join("out/model.json")).unwrap(), b"mine");
    // All or none: one file in the way keeps the others back.
    place.write("some/xgboost/model.json", "mine");
    place.run(&["artifacts", "latest", "copy", "train", "some"]).expect(2);
    assert_eq!(files(&place.path().join("some")), ["xgboost/model.json"]);
    copy("out", &["--force"]).expect(0);
    let first = fs::read(place.path().join("out/model.json")).unwrap();
    assert_ne!(first, b"mine");
    // The same again is no harm.
    copy("out", &[]).expect(0);
    place.write("w.yaml", TWO.replace("ROUNDS", "3"));
    place.run(&["run", "w.yaml"]).expect(0);
    copy("out", &[]).expect(2);
    assert_eq!(fs::read(place.path().join("out/model.json")).unwrap(), first);
}
