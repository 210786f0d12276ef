//! The main job: from raw data to predictions.

use std::fs;

use millstream_tests::{Place, root};
use serde_json::Value;

fn place() -> Place {
    let place = Place::new();
    let example = root().join("workflow/examples/breast-cancer.yaml");
    fs::copy(example, place.path().join("breast-cancer.yaml")).unwrap();
    place.run(&["samples", "--quiet", "data"]).expect(0);
    place
}

fn results(place: &Place) -> std::collections::BTreeMap<String, Value> {
    let runs = place.runs();
    place.results(runs.last().expect("a run"))
}

#[test]
fn raw_data_to_predictions_twice_the_same_then_cached() {
    let (first, second) = (place(), place());
    first.run(&["run", "breast-cancer.yaml"]).expect(0);
    let results_of_first = results(&first);

    // Each model told the classes apart, on rows that it had not seen.
    for task in ["evaluate/000000.json", "evaluate/000001.json"] {
        let auc = results_of_first[task]["metrics"]["auc"].as_f64().unwrap();
        assert!((0.97..=1.0).contains(&auc), "{task}: auc {auc}");
    }
    let predictions = &results_of_first["predict/000000.json"]["outputs"]["predictions"]["parts"][0];
    let digest = predictions["digest"].as_str().unwrap();
    let csv = fs::read_to_string(first.store().join("artifacts").join(&digest[..2]).join(digest)).unwrap();
    assert_eq!(csv.lines().count(), 115, "a header, and a fifth of 569 rows");
    let header = csv.lines().next().unwrap();
    for column in ["diagnosis", "prediction", "probability_benign", "probability_malignant"] {
        assert!(header.split(',').any(|name| name == column), "{column} is not in {header}");
    }
    let columns: Vec<&str> = header.split(',').collect();
    let at = |name: &str| columns.iter().position(|column| *column == name).unwrap();
    let right = csv.lines().skip(1).filter(|line| {
        let cells: Vec<&str> = line.split(',').collect();
        cells[at("diagnosis")] == cells[at("prediction")]
    });
    assert!(right.count() >= 105, "at least 92 % are right");

    // Same inputs, same bytes, from empty caches.
    second.run(&["run", "breast-cancer.yaml"]).expect(0);
    assert_eq!(results_of_first, results(&second));

    // And from a full cache: nothing runs that is a function.
    first.run(&["run", "breast-cancer.yaml"]).expect(0);
    assert_eq!(first.runs().len(), 2);
    assert_eq!(results_of_first, results(&first));
    let run = first.runs().pop().unwrap();
    for (key, record) in first.records(&format!("runs/{run}/done")) {
        assert_eq!(record["attempt"] == 0, !key.starts_with("register/"), "{key}: {}", record["why"]);
    }
    // A run that only repeats what was done makes no second version.
    let models = first.records("models/breast-cancer/versions");
    assert!(!models.is_empty());
    first.check_artifacts();
}

#[test]
fn a_parameter_out_of_range_or_an_unknown_name_is_found_before_anything_runs() {
    let place = place();
    let text = fs::read_to_string(place.path().join("breast-cancer.yaml")).unwrap();
    place.write(
        "broken.yaml",
        text.replace("train: 0.8", "train: 8.0")
            .replace("steps.extract.outputs.table", "steps.extrct.outputs.table"),
    );
    let ran = place.run(&["validate", "broken.yaml"]).expect(2);
    ran.says(&["broken.yaml:", "extrct", "extract", "train"]);
    place.run(&["run", "broken.yaml"]).expect(2);
    assert!(place.runs().is_empty());
}
