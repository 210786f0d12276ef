//! `validation` goes with `train`: rows as they were before `features` are scored behind it.

use std::fmt::Write as _;

use millstream_tests::Place;
use serde_json::Value;

fn rows(from: usize, to: usize) -> String {
    let mut text = "size,city,sold,price\n".to_owned();
    for i in from..to {
        let city = ["Rome", "Oslo", "Bern"][i * 7 % 3];
        let size = (i * 37 % 101) as f64;
        let gap = if i % 11 == 0 { String::new() } else { size.to_string() };
        let price = size * 3.0 + [40.0, 0.0, 90.0][i * 7 % 3] + (i * 13 % 17) as f64;
        writeln!(text, "{gap},{city},20{:02}-0{}-11,{price}", i % 20, 1 + i % 9).unwrap();
    }
    text
}

/// `validation`: an expression.
fn workflow(validation: &str) -> String {
    format!(
        "name: behind
steps:
  known: {{ uses: extract, inputs: {{ source: train.csv }} }}
  other: {{ uses: extract, inputs: {{ source: other.csv }} }}
  features:
    uses: features
    inputs: {{ table: \"${{{{ steps.known.outputs.table }}}}\" }}
    with:
      target: price
      columns: {{ size: [\"impute:median\", log1p, standard], city: target, sold: date-parts }}
  others:
    uses: features
    inputs: {{ table: \"${{{{ steps.other.outputs.table }}}}\" }}
    with: {{ target: price }}
  boosted:
    uses: gradient-boosting
    inputs: {{ train: \"${{{{ steps.features.outputs.table }}}}\", validation: \"${{{{ {validation} }}}}\" }}
    with: {{ target: price, num_round: 200, early_stopping_rounds: 5 }}
  line:
    uses: linear-learner
    inputs: {{ train: \"${{{{ steps.features.outputs.table }}}}\", validation: \"${{{{ {validation} }}}}\" }}
    with: {{ target: price, predictor_type: regressor }}
  judge-boosted:
    uses: evaluate
    inputs: {{ model: \"${{{{ steps.boosted.outputs.model }}}}\", test: \"${{{{ steps.other.outputs.table }}}}\" }}
  judge-line:
    uses: evaluate
    inputs: {{ model: \"${{{{ steps.line.outputs.model }}}}\", test: \"${{{{ steps.other.outputs.table }}}}\" }}
"
    )
}

fn place(validation: &str) -> Place {
    let place = Place::new();
    place.write("train.csv", rows(0, 400));
    place.write("other.csv", rows(400, 520));
    place.write("w.yaml", workflow(validation));
    place
}

#[test]
fn raw_validation_rows_are_scored_as_evaluate_scores_them() {
    let place = place("steps.other.outputs.table");
    place.run(&["run", "w.yaml"]).expect(0);
    let logs = place.run(&["logs"]).expect(0).stdout;
    assert!(
        logs.contains("input `validation` goes through the fitted stages of `train` first: features"),
        "{logs}"
    );
    let results = place.results(&place.runs().remove(0));
    let metric = |step: &str, name: &str| -> f64 {
        let (_, done) = results.iter().find(|(file, _)| file.starts_with(&format!("{step}/"))).expect(step);
        let metrics: &Value = &done["metrics"];
        metrics[name].as_f64().unwrap_or_else(|| panic!("no {name} in {metrics}"))
    };
    for (trained, judged) in [("boosted", "judge-boosted"), ("line", "judge-line")] {
        let (watched, judged) = (metric(trained, "validation:rmse"), metric(judged, "rmse"));
        assert!((watched - judged).abs() < 1e-6 * judged, "{trained}: {watched} and {judged}");
    }
    assert!(metric("boosted", "rounds") < 200.0, "it stops early");
}

#[test]
fn rows_that_came_through_other_stages_are_refused() {
    let place = place("steps.others.outputs.table");
    let ran = place.run(&["run", "w.yaml"]).expect(1);
    ran.says(&["input `validation`", "came through other fitted stages (`features`) than those of `train`"]);
}
