//! Models that XGBoost, LightGBM and scikit-learn made, imported and predicted with, as `tests/reference/import/make.py` wrote
//! them; and files that are none.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::PathBuf};

use millstream_tests::{Place, root};
use serde_json::{Value, json};

fn reference(name: &str) -> PathBuf {
    root().join("tests/reference/import").join(name)
}

fn path(name: &str) -> String {
    reference(name).to_string_lossy().into_owned()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn expected() -> BTreeMap<String, Vec<f64>> {
    serde_json::from_slice(&fs::read(reference("expected.json")).unwrap()).unwrap()
}

/// What the references are of, row after row: probabilities, or the prediction where there are none.
fn figures(csv: &str) -> Vec<f64> {
    let mut lines = csv.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let own =
        |prefix: &str| (0..header.len()).filter(|&at| header[at].starts_with(prefix)).collect::<Vec<_>>();
    let columns = match own("probability_") {
        none if none.is_empty() => own("prediction"),
        probabilities => probabilities,
    };
    lines
        .flat_map(|line| columns.iter().map(move |&at| line[at].parse().unwrap()).collect::<Vec<f64>>())
        .collect()
}

#[test]
fn imported_models_predict_what_they_did() {
    let place = Place::new();
    let expected = expected();
    assert_eq!(expected.len(), 13);
    // A workflow that reads each file and predicts the table by it: the same models as the registered ones.
    let mut workflow = format!(
        "name: predict\nsteps:\n  table: {{ uses: extract, inputs: {{ source: {} }} }}\n",
        json!(path("table.csv"))
    );
    for file in expected.keys() {
        let step = file.replace('.', "-");
        let uses = if file.ends_with("onnx") { "onnx" } else { "gradient-boosting" };
        let file = json!(path(file));
        writeln!(
            workflow,
            "  read-{step}: {{ uses: {uses}, inputs: {{ model: {file} }}, with: {{ target: y }} }}"
        )
        .unwrap();
        writeln!(
            workflow,
            "  predict-{step}: {{ uses: batch-predict, inputs: {{ model: \"${{{{ steps.read-{step}.outputs.model }}}}\", \
             table: \"${{{{ steps.table.outputs.table }}}}\" }} }}"
        )
        .unwrap();
    }
    place.write("predict.yaml", &workflow);
    place.run(&["run", "predict.yaml"]).expect(0);
    let results = place.results(&place.runs()[0]);
    for (file, theirs) in &expected {
        let step = file.replace('.', "-");
        let name = format!("m-{step}");
        let version =
            place.run(&["models", "import", &path(file), "--name", &name, "--target", "y", "--json"]);
        let version = json(&version.expect(0).stdout);
        assert_eq!(version["version"], 1, "{version}");
        let read = &results[&format!("read-{step}/000000.json")]["outputs"]["model"]["parts"][0];
        assert_eq!(
            version["model"]["digest"], read["digest"],
            "{file}: the registered model is the one that predicts"
        );

        let to = place.path().join(format!("{step}.csv"));
        let address = format!("predict-{step}/predictions");
        place.run(&["artifacts", &place.runs()[0], "copy", &address, &to.to_string_lossy()]).expect(0);
        let ours = figures(&fs::read_to_string(&to).unwrap());
        assert_eq!(ours.len(), theirs.len(), "{file}");
        for (row, (a, b)) in ours.iter().zip(theirs).enumerate() {
            assert!((a - b).abs() <= 1e-6 * b.abs().max(1.0), "{file}, value {row}: {a}, theirs {b}");
        }
    }
}

#[test]
fn an_import_is_a_run_and_the_same_file_the_same_version() {
    let place = Place::new();
    let first =
        place.run(&["models", "import", &path("binary.json"), "--param", "classes=leaves,stays"]).expect(0);
    assert!(
        first.stdout.starts_with("binary version 1 (xgboost-json: 5 trees on 4 features"),
        "{}",
        first.stdout
    );
    first.says(&["millstream models binary", "millstream status"]);
    let again =
        place.run(&["models", "import", &path("binary.json"), "--param", "classes=leaves,stays"]).expect(0);
    assert!(
        again.stdout.contains("binary version 1") && again.stdout.contains("already"),
        "{}",
        again.stdout
    );
    let status = json(&place.run(&["status", "latest", "--json"]).expect(0).stdout);
    assert_eq!(status["steps"][0]["state"], "cached");
    let other =
        place.run(&["models", "import", &path("number.json"), "--name", "binary", "--json"]).expect(0);
    assert_eq!(json(&other.stdout)["version"], 2);
    let versions = json(&place.run(&["models", "binary", "--json"]).expect(0).stdout);
    assert_eq!(versions["versions"].as_array().unwrap().len(), 2);
    let version = &versions["versions"][0];
    assert_eq!(version["description"], "Imported from binary.json (xgboost-json)");
    assert_eq!(version["pipeline"][0]["name"], "gradient-boosting");
    assert!(place.runs().contains(&version["origin"]["run"].as_str().unwrap().to_owned()), "{version}");
    // What a file begins with says what it is, whatever it is called.
    let renamed = place.write("model.bst", fs::read(reference("binary.ubj")).unwrap());
    let renamed = place.run(&["models", "import", &renamed.to_string_lossy(), "--json"]).expect(0);
    assert_eq!(json(&renamed.stdout)["description"], "Imported from model.bst (xgboost-ubj)");
}

#[test]
fn what_is_no_model_is_refused_with_what_would_be() {
    let place = Place::new();
    let import = |name: &str, bytes: &[u8]| {
        let file = place.write(name, bytes);
        place.run(&["models", "import", &file.to_string_lossy(), "--name", "m"])
    };
    let formats = ["xgboost-json", "xgboost-ubj", "lightgbm-text", "onnx"];
    import("model.pkl", &[0x80, 4, 0x95, 0, 0]).expect(2).says(&formats);
    import("model.pkl", &[0x80, 4, 0x95, 0, 0]).says(&["pickle", "skl2onnx"]);
    import("notes.txt", b"Buy milk.\n").expect(2).says(&["does not begin like it", "lightgbm-text"]);
    import("empty.json", b"").expect(2).says(&["empty"]);
    import("data.json", b"{\"rows\": []}").expect(1).says(&[
        "no model of XGBoost",
        "learner",
        "millstream logs",
    ]);
    // Cut off, each in the middle.
    for name in ["binary.json", "multi.ubj", "binary.txt", "multi.onnx"] {
        let bytes = fs::read(reference(name)).unwrap();
        let ran = import(name, &bytes[..bytes.len() / 2]).expect(1);
        ran.says(&[&format!("input `model`, {name}: ")]);
    }
    let mut foreign = fs::read(reference("binary.onnx")).unwrap();
    let places = (0..foreign.len() - 13).filter(|&at| foreign[at..].starts_with(b"OneHotEncoder"));
    for at in places.collect::<Vec<_>>() {
        foreign[at..at + 13].copy_from_slice(b"MagicEncoders");
    }
    import("magic.onnx", &foreign).expect(1).says(&["MagicEncoders (ai.onnx.ml)"]);
    assert_eq!(json(&place.run(&["models", "--json"]).expect(0).stdout), json!([]), "nothing was registered");

    let binary = path("binary.json");
    let refused = |arguments: &[&str], texts: &[&str]| {
        place.run(&[&["models", "import", binary.as_str()], arguments].concat()).expect(2).says(texts);
    };
    refused(&["--name", "No Name"], &["No Name", "lower-case"]);
    refused(&["--format", "xgbost-json"], &["xgbost-json", "did you mean `xgboost-json`"]);
    refused(&["--function", "gradient-bosting"], &["gradient-boosting"]);
    refused(&["--param", "clases=a,b"], &["clases", "classes"]);
    place.run(&["models", "import", "nowhere.json"]).expect(2).says(&["nowhere.json"]);
    place
        .run(&["models", "import", &binary, "--param", "classes=a"])
        .expect(1)
        .says(&["2 classes", "classes"]);
}

#[test]
fn training_still_says_what_it_needs() {
    let place = Place::new();
    place.write("rows.csv", "x,y\n1,2\n2,3\n3,5\n");
    let run = |step: &str| {
        let extract = "  rows: { uses: extract, inputs: { source: ./rows.csv } }\n";
        place.write(
            "w.yaml",
            format!("name: w\nsteps:\n{extract}  train: {{ uses: gradient-boosting, {step} }}\n"),
        );
        place.run(&["run", "w.yaml"]).expect(1)
    };
    let rows = "train: \"${{ steps.rows.outputs.table }}\"";
    run("with: { target: y }").says(&["there is nothing to learn from"]);
    run(&format!("inputs: {{ {rows} }}")).says(&["parameter `target`", "what to predict"]);
    let model = json!(path("number.json"));
    // Training goes on with the columns that the model knows.
    run(&format!("inputs: {{ {rows}, model: {model} }}, with: {{ target: y }}")).says(&["no column `age`"]);
}
