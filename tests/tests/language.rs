//! The workflow language against real functions: combinations, whole numbers, steps with nothing to do, what is refused.

use std::collections::BTreeMap;

use millstream_tests::Place;
use serde_json::Value;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The tasks of a step in the newest run, by label.
fn tasks(place: &Place, step: &str) -> BTreeMap<String, Value> {
    let status = json(&place.run(&["status", "latest", "--json"]).expect(0).stdout);
    let steps = status["steps"].as_array().unwrap();
    let step = steps.iter().find(|one| one["step"] == step).unwrap_or_else(|| panic!("{step} in {status}"));
    let tasks = step["tasks"].as_array().unwrap().iter();
    tasks.map(|task| (task["label"].as_str().unwrap().to_owned(), task.clone())).collect()
}

/// The sign of a product: trees learn it, a line does not.
fn xor() -> String {
    let mut state = 7u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / (1u64 << 24) as f64 - 0.5
    };
    let rows = (0..600).map(|_| {
        let (a, b) = (next(), next());
        format!("{a:.4},{b:.4},{}\n", if a * b > 0.0 { "same" } else { "other" })
    });
    format!("a,b,y\n{}", rows.collect::<String>())
}

const MATRIX: &str = "
name: matrix
steps:
  extract: { uses: extract, inputs: { source: ./xor.csv } }
  split: { uses: split, inputs: { table: \"${{ steps.extract.outputs.table }}\" }, with: { train: 0.7, test: 0.3, seed: 1 } }
  train:
    uses: \"${{ matrix.algorithm }}\"
    matrix: { algorithm: [logistic-regression, gradient-boosting], fold: [0, 1] }
    inputs: { train: \"${{ steps.split.outputs.train }}\" }
    with: { target: y }
    seed: \"${{ matrix.fold }}\"
  evaluate:
    uses: evaluate
    matrix: { algorithm: [logistic-regression, gradient-boosting], fold: [0, 1] }
    inputs: { model: \"${{ steps.train.outputs.modelINDEX }}\", test: \"${{ steps.split.outputs.test }}\" }
";

#[test]
fn a_combination_shows_its_own_figures() {
    let place = Place::new();
    place.write("xor.csv", xor());
    place.write("w.yaml", MATRIX.replace("INDEX", "[matrix.fold]"));
    place.run(&["validate", "w.yaml"]).expect(2).says(&[
        "w.yaml:15:",
        "is one already",
        "leave `[matrix.fold]` out",
    ]);
    place.write("w.yaml", MATRIX.replace("INDEX", ""));
    place.run(&["run", "w.yaml"]).expect(0);
    let tasks = tasks(&place, "evaluate");
    assert_eq!(tasks.len(), 4);
    for fold in [0, 1] {
        let auc = |algorithm: &str| {
            tasks[&format!("algorithm={algorithm}, fold={fold}")]["metrics"]["auc"].as_f64().unwrap()
        };
        assert!(auc("gradient-boosting") > 0.9, "{}", auc("gradient-boosting"));
        assert!(auc("logistic-regression") < 0.7, "{}", auc("logistic-regression"));
    }
    let shown = place.run(&["status", "latest"]).expect(0).stdout;
    assert!(shown.contains("algorithm=gradient-boosting, fold=1"), "{shown}");
}

#[test]
fn what_would_exclude_nothing_is_refused_with_its_place() {
    let place = Place::new();
    for (matrix, said) in [
        ("{ d: [1, 2], exclude: [{ D: 1 }] }", "did you mean `d`?"),
        (
            "{ include: [{ d: 1, n: 5 }, { d: 2, n: 6 }], exclude: [{ n: 5 }] }",
            "`n` is a key of `include` alone",
        ),
        ("{ d: [1, 2], exclude: [{ d: \"1\" }] }", "\"1\" is not 1"),
    ] {
        place.write("w.yaml", format!("name: m\nsteps:\n  t: {{ uses: split, matrix: {matrix} }}\n"));
        place.run(&["run", "w.yaml"]).expect(2).says(&["w.yaml:3:", said]);
    }
    place.write("in.csv", "x,y\n1,2\n2,3\n3,4\n");
    place.write(
        "w.yaml",
        "name: m\nsteps:\n  t: { uses: extract, matrix: { d: [1, 2], exclude: [{ d: 1.0 }] }, inputs: { source: ./in.csv }, with: { limit: \"${{ matrix.d }}\" } }\n",
    );
    place.run(&["run", "w.yaml"]).expect(0);
    assert_eq!(tasks(&place, "t").into_keys().collect::<Vec<_>>(), ["d=2"]);
}

#[test]
fn a_whole_number_reaches_the_function_however_it_is_written() {
    let place = Place::new();
    let rows: String = (0..80).map(|i| format!("{i},{},{}\n", i % 5, (i * 7) % 11)).collect();
    place.write("in.csv", format!("a,b,y\n{rows}"));
    place.write(
        "w.yaml",
        "
name: w
params: { depth: { type: integer, default: 3 }, seed: { type: integer, default: 1 } }
steps:
  x: { uses: extract, inputs: { source: ./in.csv }, with: { limit: 60.0 } }
  params: { uses: gradient-boosting, inputs: { train: \"${{ steps.x.outputs.table }}\" }, with: { target: y, num_round: 2, max_depth: \"${{ params.depth }}\" } }
  matrix: { uses: gradient-boosting, matrix: { d: [2.0, 3] }, inputs: { train: \"${{ steps.x.outputs.table }}\" }, with: { target: y, num_round: 2, max_depth: \"${{ matrix.d }}\" } }
  quotient: { uses: gradient-boosting, inputs: { train: \"${{ steps.x.outputs.table }}\" }, with: { target: y, num_round: \"${{ 2 + 1.0 }}\", max_depth: \"${{ 8 / 2 }}\" } }
  metric: { uses: gradient-boosting, inputs: { train: \"${{ steps.x.outputs.table }}\" }, with: { target: y, num_round: \"${{ steps.x.metrics.columns }}\" } }
  forest: { uses: random-forest, inputs: { train: \"${{ steps.x.outputs.table }}\" }, with: { target: y, n_estimators: 5.0 }, seed: \"${{ params.seed }}\" }
  clusters: { uses: k-means, inputs: { train: \"${{ steps.x.outputs.table }}\" }, with: { n_clusters: 3.0 } }
  split: { uses: split, inputs: { table: \"${{ steps.x.outputs.table }}\" }, with: { train: 0.5, test: 0.5, seed: 7.0 } }
",
    );
    // What was computed for 6 is there for 6.0, and the other way round.
    for (depth, state) in [("6.0", "done"), ("6", "cached"), ("6e0", "cached")] {
        place.run(&["run", "w.yaml", "-p", &format!("depth={depth}")]).expect(0);
        let status = json(&place.run(&["status", "latest", "--json"]).expect(0).stdout);
        for step in status["steps"].as_array().unwrap() {
            assert_eq!(step["state"], state, "{depth}: {step}");
        }
        assert_eq!(status["params"]["depth"].to_string(), "6");
    }
    for seed in ["9223372036854775808", "18446744073709551615", "7.0"] {
        place.run(&["run", "w.yaml", "-p", &format!("seed={seed}")]).expect(0);
    }
    for (param, said) in [
        ("depth=6.5", "parameter `depth` is 6.5, but an integer is wanted"),
        ("seed=18446744073709551616", "parameter `seed` is 18446744073709551616"),
        ("seed=-1", "a seed is a whole number from 0 to 18446744073709551615"),
        ("depth=5000000000", "`max_depth` is 5000000000, which is out of range"),
    ] {
        place.run(&["run", "w.yaml", "-p", param]).expect(2).says(&[said]);
    }
}

#[test]
fn a_large_number_keeps_its_digits_in_text() {
    let place = Place::new();
    place.write("in.csv", "x,y\n1,2\n");
    place.write(
        "w.yaml",
        "name: w\nparams: { n: { type: integer, default: 3 } }\nsteps:\n  e: { uses: extract, inputs: { source: ./in.csv }, with: { column_names: [\"${{ format('n{0}', params.n) }}\", b] } }\n  look: { uses: analyze, inputs: { table: \"${{ steps.e.outputs.table }}\" } }\n",
    );
    for (n, name) in [
        ("20200219", "n20200219"),
        ("9007199254740993", "n9007199254740993"),
        ("9223372036854775808", "n9223372036854775808"),
        ("1e3", "n1000"),
        ("5.0", "n5"),
    ] {
        place.run(&["run", "w.yaml", "-p", &format!("n={n}")]).expect(0);
        let report = place.run(&["artifacts", "latest", "open", "look"]).expect(0).stdout;
        let texts = report.lines().map(|file| std::fs::read_to_string(file).unwrap_or_default());
        assert!(texts.collect::<String>().contains(name), "{name}");
    }
    let refused = place.run(&["run", "w.yaml", "-p", "n=99999999999999999999"]).expect(2);
    refused.says(&[
        "parameter `n` is 99999999999999999999",
        "from -9223372036854775808 to 18446744073709551615",
    ]);
}

#[test]
fn a_for_each_over_nothing_is_shown_as_skipped() {
    let place = Place::new();
    let rows: String = (0..40).map(|i| format!("{i},{}.5\n", (i * 7) % 11)).collect();
    place.write("in.csv", format!("x,y\n{rows}"));
    place.write(
        "w.yaml",
        "
name: fan
params: { depths: { type: list, default: [2, 1] } }
steps:
  x: { uses: extract, inputs: { source: ./in.csv } }
  train: { uses: gradient-boosting, for-each: { items: \"${{ params.depths }}\" }, inputs: { train: \"${{ steps.x.outputs.table }}\" }, with: { target: y, num_round: 3, max_depth: \"${{ item }}\" } }
  ev: { uses: evaluate, for-each: \"${{ steps.train.outputs.model }}\", inputs: { model: \"${{ item }}\", test: \"${{ steps.x.outputs.table }}\" } }
  best: { uses: register, inputs: { model: \"${{ steps.train.outputs.model[argmin(steps.ev.metrics.rmse)] }}\" }, with: { name: fan } }
",
    );
    let events = place.run(&["run", "w.yaml", "-p", "depths=[]", "--json"]).expect(0).stdout;
    let skipped: Vec<String> = events
        .lines()
        .map(json)
        .filter(|event| event["event"] == "step-skipped")
        .map(|event| format!("{}: {}", event["step"].as_str().unwrap(), event["reason"].as_str().unwrap()))
        .collect();
    assert!(skipped.contains(&"train: for-each found nothing to do".to_owned()), "{skipped:?}");
    assert_eq!(skipped.len(), 3, "{skipped:?}");
    let shown = place.run(&["status", "latest"]).expect(0).stdout;
    let line = |step: &str| {
        let line = shown.lines().find(|line| line.split_whitespace().nth(1) == Some(step));
        line.unwrap_or_else(|| panic!("{step} in\n{shown}")).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("train"), "- train skipped: for-each found nothing to do");
    assert!(line("ev").starts_with("- ev skipped: step") && line("ev").contains("step `train`"), "{shown}");
    let status = json(&place.run(&["status", "latest", "--json"]).expect(0).stdout);
    let train = &status["steps"][1];
    assert_eq!(
        (&train["state"], &train["reason"]),
        (&"skipped".into(), &"for-each found nothing to do".into())
    );
    let plain = place.run(&["run", "w.yaml", "-p", "depths=[]"]).expect(0);
    plain.says(&["train: skipped: for-each found nothing to do"]);
    place.run(&["run", "w.yaml"]).expect(0);
    // A version says how good it is: what `evaluate` found of that model.
    let models = place.run(&["models", "fan"]).expect(0).stdout;
    assert!(models.contains("rmse "), "{models}");
}

#[test]
fn triggers_are_checked_with_their_places() {
    let place = Place::new();
    for (on, says) in [
        ("{ schedule: never }", "w.yaml:2:17: error[MS0218]: cron has five fields, but `never` has 1 field"),
        ("{ sceduhle: 0 6 * * * }", "w.yaml:2:7: error[MS0218]: there is no trigger `sceduhle`"),
        ("[push]", "w.yaml:2:5: error[MS0218]: `on` is a map of triggers"),
    ] {
        place.write(
            "w.yaml",
            format!("name: w\non: {on}\nsteps:\n  x: {{ uses: extract, inputs: {{ source: ./in.csv }} }}\n"),
        );
        for verb in ["validate", "run"] {
            place.run(&[verb, "w.yaml"]).expect(2).says(&[says]);
        }
    }
    let schema = json(&place.run(&["schema"]).expect(0).stdout);
    assert!(schema["properties"]["on"].is_object());
}
