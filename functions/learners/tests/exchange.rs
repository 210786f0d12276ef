//! Models of XGBoost and LightGBM: read, predicted from, written and read again; and files that are damaged.

use millstream_learners::gradient_boosting::{
    Categories, Data, Encoding, Foreign, GradientBoosting, GrowPolicy, Objective, Params, Table,
};
use millstream_learners::{Check, Columns, Error, Matrix};
use proptest::prelude::*;
use serde_json::Value;
use std::ops::ControlFlow;
use std::path::PathBuf;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/reference/boosting").join(name)
}

fn read(name: &str) -> Result<GradientBoosting, Error> {
    let bytes = std::fs::read(path(name)).unwrap();
    parse(name, &bytes)
}

fn parse(name: &str, bytes: &[u8]) -> Result<GradientBoosting, Error> {
    foreign(name, bytes).map(|foreign| foreign.model)
}

fn foreign(name: &str, bytes: &[u8]) -> Result<Foreign, Error> {
    let text = || String::from_utf8_lossy(bytes);
    match name.rsplit_once('.').unwrap().1 {
        "json" => Foreign::from_xgboost_json(&text()),
        "ubj" => Foreign::from_xgboost_ubj(bytes),
        _ => Foreign::from_lightgbm_text(&text()),
    }
}

/// Models of a table with names and categories, which tests/tests/import.rs predicts by.
fn named(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/reference/import").join(name)
}

#[test]
fn names_and_categories_come_along() {
    for (name, unknown_is_missing) in [("binary.json", false), ("multi.ubj", false), ("binary.txt", true)] {
        let model = foreign(name, &std::fs::read(named(name)).unwrap()).unwrap();
        assert_eq!(model.feature_names, ["age", "plan", "zip", "calls"], "{name}");
        let [plan, zip] = model.encodings.as_slice() else { panic!("{name}: {:?}", model.encodings) };
        assert_eq!((plan.feature, zip.feature), (1, 2));
        assert_eq!(plan.categories, Categories::Text(["basic", "plus", "pro"].map(str::to_owned).to_vec()));
        assert_eq!(zip.categories, Categories::Numbers(vec![1010.0, 1020.0, 4600.0]));
        assert_eq!(plan.unknown_is_missing, unknown_is_missing);
    }
}

/// XGBoost 3.1 and 3.2 count characters where they write bytes. What they wrote of rows from Arrow is right, but nothing says so.
#[test]
fn names_beyond_ascii_are_refused_where_they_cannot_be_told_apart() {
    let file = |name: &str| std::fs::read(path(name)).unwrap();
    let refused = |name: &str, bytes: &[u8]| {
        let refusal = foreign(name, bytes).unwrap_err().to_string();
        assert!(
            refusal.contains("of feature `size` go beyond ASCII") && refusal.contains("3.3"),
            "{refusal}"
        );
    };
    for name in ["letters.json", "letters.ubj", "letters_of_arrow.json"] {
        refused(name, &file(name));
    }
    // The trees alone need no names.
    assert!(GradientBoosting::from_xgboost_ubj(&file("letters.ubj")).is_ok());
    // The bytes of XGBoost 3.3 are right, and so are ours of 3.2, which say so.
    let names = ["Größe?", "XS", "SM", "LG", "😀"].map(str::to_owned).to_vec();
    let mut document: Value = serde_json::from_slice(&file("letters_of_arrow.json")).unwrap();
    document["version"] = serde_json::json!([3, 3, 0]);
    let read = Foreign::from_xgboost_json(&document.to_string()).unwrap();
    assert_eq!(read.encodings[1].categories, Categories::Text(names.clone()));
    for version in [serde_json::json!([3, 2, 1]), serde_json::json!([2, 9, 0]), Value::Null] {
        document["version"] = version;
        refused("x.json", document.to_string().as_bytes());
    }
    let table = Table { names: &read.feature_names, categorical: &[], encodings: &read.encodings };
    let (json, ubj) = (read.model.to_xgboost_json_of(&table), read.model.to_xgboost_ubj_of(&table));
    for again in [Foreign::from_xgboost_json(&json), Foreign::from_xgboost_ubj(&ubj)] {
        assert_eq!(again.unwrap().encodings, read.encodings);
    }
    // XGBoost does not write again what says so.
    let mut document: Value = serde_json::from_str(&json).unwrap();
    let own = &mut document["learner"]["gradient_booster"]["model"]["cats"]["enc"][1];
    assert_eq!(own.as_object_mut().unwrap().remove("offset_unit"), Some("byte".into()));
    refused("x.json", document.to_string().as_bytes());
}

#[test]
fn scikit_learns_interface_predicts_with_the_best_rounds() {
    let text = std::fs::read_to_string(named("stopped.json")).unwrap();
    let (all, kept) = (GradientBoosting::from_xgboost_json(&text), Foreign::from_xgboost_json(&text));
    let (all, kept) = (all.unwrap(), kept.unwrap().model);
    assert_eq!(kept.rounds() + 2, all.rounds(), "it waited for two rounds");
    assert_eq!(kept.trees(), kept.rounds());
}

#[test]
fn cut_text_is_no_smaller_model() {
    let text = std::fs::read_to_string(named("binary.txt")).unwrap();
    let (first, _) = text.split_once("\nTree=1").unwrap();
    let refusal = GradientBoosting::from_lightgbm_text(first).unwrap_err().to_string();
    assert!(refusal.contains("cut off"), "{refusal}");
}

fn expected() -> Value {
    serde_json::from_slice(&std::fs::read(path("expected.json")).unwrap()).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap_or(f64::NAN)).collect()
}

fn shown(expected: &Value) -> Matrix {
    let rows: Vec<f64> = expected["x"].as_array().unwrap().iter().flat_map(numbers).collect();
    Matrix::from_rows(&rows, 5).unwrap()
}

#[track_caller]
fn all_close(ours: &[f64], theirs: &[f64], tolerance: f64, what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!((a - b).abs() <= tolerance * b.abs().max(1.0), "{what}, {i}: {a}, theirs {b}");
    }
}

fn predict(model: &GradientBoosting, x: &Columns) -> Vec<f64> {
    match model.objective() {
        Objective::MultiSoftprob => model.predict_proba(x).unwrap(),
        _ => model.predict_numbers(x).unwrap(),
    }
}

#[test]
fn foreign_models_predict_what_they_did() {
    let expected = expected();
    let matrix = shown(&expected);
    let x = matrix.columns();
    let models = expected["models"].as_object().unwrap();
    assert_eq!(models.len(), 19);
    for (name, theirs) in models {
        let model = read(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        all_close(&predict(&model, &x), &numbers(&theirs["prediction"]), 1e-6, name);
        all_close(&model.margins(&x).unwrap(), &numbers(&theirs["margin"]), 1e-6, name);
        all_close(&model.contributions(&x).unwrap(), &numbers(&theirs["contributions"]), 1e-5, name);
        for (feature, importance) in model.importances().iter().enumerate().filter(|_| !name.ends_with("txt"))
        {
            for (kind, ours) in
                [("gain", importance.gain), ("cover", importance.cover), ("weight", importance.weight.into())]
            {
                let theirs = theirs[kind][feature.to_string()].as_f64().unwrap_or(0.0);
                all_close(&[ours], &[theirs], 1e-5, &format!("{name}, {kind} of {feature}"));
            }
        }
    }
}

#[test]
fn what_is_written_reads_back() {
    let expected = expected();
    let matrix = shown(&expected);
    let x = matrix.columns();
    for name in expected["models"].as_object().unwrap().keys().filter(|name| !name.ends_with("txt")) {
        let model = read(name).unwrap();
        let json = GradientBoosting::from_xgboost_json(&model.to_xgboost_json()).unwrap();
        let ubj = GradientBoosting::from_xgboost_ubj(&model.to_xgboost_ubj()).unwrap();
        let state = serde_json::to_string(&model).unwrap();
        let state: GradientBoosting = serde_json::from_str(&state).unwrap();
        assert_eq!(state, model, "{name}");
        for again in [json, ubj] {
            all_close(&predict(&again, &x), &predict(&model, &x), 1e-6, name);
            assert_eq!(again.rounds(), model.rounds());
        }
    }
}

/// Features in single precision, some of them missing, with a column of categories.
fn single(rows: usize) -> (Matrix, Vec<f64>) {
    let scattered = |i: usize| (i.wrapping_mul(2_654_435_761) >> 7) % 1000;
    let value = |i: usize, j: usize| match j {
        1 => (scattered(i * 3 + 1) % 9) as f64,
        _ if scattered(i * 5 + j).is_multiple_of(11) => f64::NAN,
        _ => f64::from(scattered(i * 7 + j) as f32 / 37.0),
    };
    let values: Vec<f64> = (0..rows).flat_map(|i| (0..3).map(move |j| value(i, j))).collect();
    let y = values.chunks(3).map(|r| (r[0] > 10.0) as u8 as f64 + (r[1] % 3.0) + r[2].max(0.0) / 40.0);
    let y = y.collect();
    (Matrix::from_rows(&values, 3).unwrap(), y)
}

/// Models of ours as files: XGBoost 3.2.0 has read them and predicted (tests/reference/boosting/written.py). With
/// `MILLSTREAM_WRITE_REFERENCE` set they are written anew; then run that script.
#[test]
fn xgboost_predicts_the_same_from_what_is_written() {
    let rewrite = std::env::var_os("MILLSTREAM_WRITE_REFERENCE").is_some();
    let folder = path("written");
    let (matrix, y) = single(300);
    let x = matrix.columns();
    let groups: Vec<u32> = (0..300).map(|i| i / 20).collect();
    let names = ["x", "kind", "z"].map(str::to_owned);
    let called = |stem: &str| {
        let categories = Categories::Text((0..9).map(|code| format!("{stem} {code}")).collect());
        [Encoding { feature: 1, categories, unknown_is_missing: true }]
    };
    let (encodings, letters) = (called("kind"), called("Größe"));
    let theirs: Value = match std::fs::read(folder.join("predictions.json")) {
        Ok(bytes) => serde_json::from_slice(&bytes).unwrap(),
        Err(error) => {
            assert!(rewrite, "{error}");
            Value::Null
        }
    };
    let shown = Columns::new(x.iter().map(|column| &column[..30]).collect()).unwrap();
    let columns: Vec<Vec<Option<f64>>> = shown
        .iter()
        .map(|column| column.iter().map(|v| Some(*v).filter(|v| !v.is_nan())).collect())
        .collect();
    // Each objective once more than a tree a round, and with the texts of its categories; one with texts beyond ASCII.
    let all = Objective::ALL.into_iter().flat_map(|o| [(o, false, false), (o, true, false)]);
    for (objective, forest, beyond) in all.chain([(Objective::SquaredError, true, true)]) {
        let y = target_for(objective, &y);
        let params = Params {
            objective,
            num_round: 2,
            num_parallel_tree: if forest { 2 } else { 1 },
            subsample: if forest { 0.7 } else { 1.0 },
            categorical_features: vec![1],
            max_depth: 3,
            huber_slope: 2.5,
            quantile_alpha: 0.8,
            tweedie_variance_power: 1.3,
            ..Params::default()
        };
        let data = Data { x: &x, y: &y, weights: None, groups: Some(&groups) };
        let model = params.check().unwrap().fit(data, None, &mut |_| ControlFlow::Continue(())).unwrap();
        let encodings = match (forest, beyond) {
            (_, true) => &letters[..],
            (true, false) => &encodings[..],
            (false, false) => &[],
        };
        let table = Table { names: &names, categorical: &[1], encodings };
        let name = if beyond { "letters".to_owned() } else { objective.name().replace(':', "_") };
        let name = format!("{name}{}", if forest { "_forest" } else { "" });
        for (suffix, bytes) in [
            ("json", model.to_xgboost_json_of(&table).into_bytes()),
            ("ubj", model.to_xgboost_ubj_of(&table)),
        ] {
            let file = format!("{name}.{suffix}");
            if rewrite {
                std::fs::write(folder.join(&file), bytes).unwrap();
                continue;
            }
            let written = std::fs::read(folder.join(&file)).unwrap();
            assert!(written == bytes, "{file} is written in another way than XGBoost has read it");
            all_close(&predict(&model, &shown), &numbers(&theirs["models"][&file]), 1e-6, &file);
            let again = foreign(&file, &bytes).unwrap();
            assert_eq!(again.feature_names, names);
            assert_eq!(
                again.encodings.first().map(|e| &e.categories),
                encodings.first().map(|e| &e.categories)
            );
            all_close(&predict(&again.model, &shown), &predict(&model, &shown), 1e-6, &file);
            assert_eq!(again.model.rounds(), 2, "{file}");
        }
    }
    if rewrite {
        let rows = serde_json::to_string(&serde_json::json!({"x": columns})).unwrap();
        std::fs::write(folder.join("rows.json"), rows).unwrap();
    } else {
        assert_eq!(theirs["models"].as_object().unwrap().len(), 4 * Objective::ALL.len() + 2);
    }
}

/// A target that goes with the objective.
fn target_for(objective: Objective, y: &[f64]) -> Vec<f64> {
    let one = |y: f64| match objective {
        Objective::BinaryLogistic | Objective::BinaryLogitraw => y.floor() % 2.0,
        Objective::MultiSoftprob | Objective::RankNdcg | Objective::RankPairwise => y.floor() % 3.0,
        Objective::RegLogistic => (y / 4.0).min(1.0),
        _ => y + 0.1,
    };
    y.iter().map(|&y| one(y)).collect()
}

#[test]
fn own_models_go_through_both_formats() {
    let (matrix, y) = single(600);
    let x = matrix.columns();
    for objective in Objective::ALL {
        let y = target_for(objective, &y);
        let groups: Vec<u32> = (0..600).map(|i| i / 20).collect();
        let params = Params {
            objective,
            num_round: 6,
            categorical_features: vec![1],
            grow_policy: GrowPolicy::Lossguide,
            max_leaves: 12,
            ..Params::default()
        };
        let data = Data { x: &x, y: &y, weights: None, groups: Some(&groups) };
        let model = params.check().unwrap().fit(data, None, &mut |_| ControlFlow::Continue(())).unwrap();
        assert!(model.importances()[1].weight > 0);
        let name = objective.name();
        for again in [
            GradientBoosting::from_xgboost_json(&model.to_xgboost_json()).unwrap(),
            GradientBoosting::from_xgboost_ubj(&model.to_xgboost_ubj()).unwrap(),
        ] {
            all_close(&predict(&again, &x), &predict(&model, &x), 1e-6, name);
            assert_eq!(again.objective(), objective);
        }
        let margins = model.margins(&x).unwrap();
        let sums = model.contributions(&x).unwrap();
        let sums: Vec<f64> = sums.chunks(4).map(|row| row.iter().sum()).collect();
        all_close(&sums, &margins, 1e-9, name);
    }
}

#[test]
fn foreign_features_that_are_not_ours_are_refused() {
    let text = std::fs::read_to_string(path("binary.json")).unwrap();
    let refused = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        GradientBoosting::from_xgboost_json(&text.replace(from, to)).unwrap_err().to_string()
    };
    assert!(refused("binary:logistic", "survival:aft").contains("`survival:aft`"));
    assert!(refused("\"gbtree\"}", "\"gblinear\"}").contains("`gblinear`"));
    assert!(refused("\"num_feature\":\"5\"", "\"num_feature\":\"3\"").contains("feature"));
    assert!(refused("\"num_feature\":\"5\"", "\"num_feature\":\"2000000000\"").contains("features"));
    assert!(refused("\"num_target\":\"1\"", "\"num_target\":\"2\"").contains("targets"));
    let text = std::fs::read_to_string(path("light_number.txt")).unwrap();
    for (from, to) in
        [("objective=regression", "objective=cross_entropy"), ("is_linear=0", "is_linear=1"), ("tree\n", "")]
    {
        assert!(GradientBoosting::from_lightgbm_text(&text.replacen(from, to, 1)).is_err(), "{to}");
    }
}

/// A model from a damaged file is refused, or it predicts.
fn sound(model: Result<GradientBoosting, Error>, x: &Columns) {
    if let Ok(model) = model
        && model.width() == 5
    {
        assert_eq!(predict(&model, x).len(), x.rows() * if model.classes() > 2 { model.slots() } else { 1 });
        assert_eq!(model.contributions(x).unwrap().len(), x.rows() * 6 * model.slots());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_files_are_refused_or_predict(
        file in prop::sample::select(vec![
            "binary.json", "binary.ubj", "multi.ubj", "light_number.txt", "named/binary.json", "named/binary.ubj",
            "named/binary.txt",
        ]),
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        digit: bool,
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        let file_path = file.strip_prefix("named/").map_or_else(|| path(file), named);
        let mut bytes = std::fs::read(file_path).unwrap();
        for (place, byte) in places {
            let place = place.index(bytes.len());
            // Digits for digits get further than any byte.
            if digit && bytes[place].is_ascii_digit() {
                bytes[place] = b'0' + byte % 10;
            } else if !digit {
                bytes[place] = byte;
            }
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let matrix = shown(&expected());
        sound(parse(file, &bytes), &matrix.columns());
    }

    #[test]
    fn damaged_states_are_refused_or_predict(
        file in prop::sample::select(vec!["binary.json", "multi.ubj", "lossguide.ubj"]),
        field in prop::sample::select(vec![
            "slots", "sizes", "features", "covers", "gains", "values", "thresholds", "long_thresholds",
            "categorical", "lengths", "sets",
        ]),
        place: prop::sample::Index,
        byte: u8,
        how in 0u8..3,
    ) {
        let mut state = serde_json::to_value(read(file).unwrap()).unwrap();
        let bytes = state[field].as_array_mut().unwrap();
        match how {
            0 if !bytes.is_empty() => { let at = place.index(bytes.len()); bytes[at] = byte.into(); }
            1 if !bytes.is_empty() => bytes.truncate(place.index(bytes.len())),
            _ => bytes.extend([byte, 0, 0, 0, byte, 0, 0, 0].map(Value::from)),
        }
        let model = serde_json::from_value::<GradientBoosting>(state);
        let matrix = shown(&expected());
        sound(model.map_err(|error| Error::data(error.to_string())), &matrix.columns());
    }
}
