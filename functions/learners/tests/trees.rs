//! Single trees, forests of both kinds and isolation forests against scikit-learn's.

mod common;

use common::close;
use millstream_learners::decision_tree::{self, ClassWeight, Criterion, DecisionTree, Export, Names};
use millstream_learners::metrics::{multiclass, regression};
use millstream_learners::{Check, Columns, Matrix, extra_trees, isolation_forest, random_forest};
use serde_json::Value;
use smartcore::dataset::{breast_cancer, diabetes, digits, iris};

fn trees() -> Value {
    serde_json::from_str(include_str!("reference/trees.json")).expect("the reference is JSON")
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn labels(value: &Value) -> Vec<u32> {
    numbers(value).iter().map(|v| *v as u32).collect()
}

/// Rows of a table, and what they are labelled.
struct Table {
    rows: Vec<Vec<f64>>,
    y: Vec<f64>,
}

impl Table {
    fn select(&self, wanted: impl Fn(usize) -> bool) -> (Matrix, Vec<f64>) {
        let rows: Vec<usize> = (0..self.y.len()).filter(|&i| wanted(i)).collect();
        let values: Vec<f64> = rows.iter().flat_map(|&i| self.rows[i].iter().copied()).collect();
        (Matrix::from_rows(&values, self.rows[0].len()).unwrap(), rows.iter().map(|&i| self.y[i]).collect())
    }
}

fn parameters(options: &Value) -> decision_tree::Params {
    let mut options = options.as_object().unwrap().clone();
    let weight = options.remove("class_weight");
    let params: decision_tree::Params = serde_json::from_value(Value::Object(options)).unwrap();
    let class_weight = match weight {
        Some(_) => ClassWeight::Balanced,
        None => ClassWeight::None,
    };
    decision_tree::Params { class_weight, ..params }
}

/// The same leaves, predictions, importances and exports as scikit-learn's, wherever splits do not tie.
#[test]
fn decision_trees_are_theirs() {
    let reference = trees();
    let x = Matrix::from_rows(&numbers(&reference["x"]), 4).unwrap();
    let x = x.columns();
    let (train, test): (Vec<_>, Vec<_>) = x.iter().map(|column| column.split_at(80)).unzip();
    let (train, test) = (Columns::new(train).unwrap(), Columns::new(test).unwrap());
    let weights = numbers(&reference["weights"]);
    let features = ["a", "b", "c", "d"].map(str::to_owned);
    let cases = reference["trees"].as_array().unwrap();
    assert!(cases.len() >= 15);
    for case in cases {
        let name = format!("{} {} {}", case["target"], case["weighted"], case["options"]);
        let params = parameters(&case["options"]).check().unwrap();
        let weights = case["weighted"].as_bool().unwrap().then_some(weights.as_slice());
        let target = case["target"].as_str().unwrap();
        let (model, export): (DecisionTree, Export) = match target {
            "number" => params.fit_numbers(&train, &numbers(&reference[target]), weights).unwrap(),
            _ => params.fit_classes(&train, &labels(&reference[target]), weights).unwrap(),
        };
        assert_eq!(model.leaves() as u64, case["leaves"], "{name}");
        let predicted = match target {
            "number" => model.predict_numbers(&test),
            _ => model.predict_proba(&test),
        };
        let expected = numbers(&case["predicted"]);
        assert_eq!(predicted.as_ref().unwrap().len(), expected.len());
        predicted.unwrap().iter().zip(expected).for_each(|(ours, theirs)| close(*ours, theirs, 1e-9, &name));
        let expected = numbers(&case["importances"]);
        // Impurities of fractional weights are summed in another order.
        model.importances().iter().zip(expected).for_each(|(ours, theirs)| close(*ours, theirs, 1e-6, &name));

        let by_number = ["0", "1", "2"].map(str::to_owned);
        let by_letter = ["x", "y", "z"].map(str::to_owned);
        let text = export.text(Names { features: &features, classes: &by_number }, 10);
        assert_eq!(text, case["text"].as_str().unwrap(), "{name}");
        // Nodes that came best first have other numbers.
        if case["options"]["max_leaf_nodes"].is_null() {
            let dot = export.dot(Names { features: &features, classes: &by_letter }, 99);
            // Where sums are not exact, theirs show it: `-0.0`, `6.0` rows.
            let plain =
                |dot: &str| dot.replace("= -0.0\\n", "= 0.0\\n").replace(".0,", ",").replace(".0]", "]");
            assert_eq!(plain(dot.trim_end()), plain(case["dot"].as_str().unwrap().trim_end()), "{name}");
        }
    }
}

/// With many trees the draws do not matter.
#[test]
fn isolation_scores_are_theirs() {
    let reference = trees();
    let mut values = numbers(&reference["x"]);
    values.extend([6.0, -6.0, 0.0, 0.0, 0.0, 0.0, 0.0, 9.0]);
    let x = Matrix::from_rows(&values, 4).unwrap();
    let expected = &reference["isolation"];
    let check = |params: isolation_forest::Params, theirs: &Value| {
        let forest = params.check().unwrap().fit(&x.columns(), None, &mut |_| {}).unwrap();
        let scores = forest.score_samples(&x.columns()).unwrap();
        let theirs = numbers(theirs);
        assert_eq!(scores.len(), theirs.len());
        scores.iter().zip(theirs).for_each(|(ours, theirs)| close(*ours, theirs, 0.02, "score"));
        forest.offset()
    };
    let many = isolation_forest::Params { n_estimators: 2000, ..Default::default() };
    assert_eq!(check(many.clone(), &expected["scores"]), -0.5);
    let max_samples = Some(isolation_forest::MaxSamples::Count(32));
    let few = isolation_forest::Params { max_samples, contamination: Some(0.1), ..many };
    close(check(few, &expected["few"]), expected["offset"].as_f64().unwrap(), 0.02, "threshold");
}

fn tables() -> Vec<(&'static str, Table)> {
    let rows = |data: &[f32], width: usize| -> Vec<Vec<f64>> {
        data.chunks(width).map(|row| row.iter().map(|v| f64::from(*v)).collect()).collect()
    };
    let (cancer, iris, digits) =
        (breast_cancer::load_dataset(), iris::load_dataset(), digits::load_dataset());
    let diabetes = diabetes::load_dataset();
    let wine = include_str!("reference/wine.csv").lines().skip(1);
    let wine: Vec<Vec<f64>> =
        wine.map(|line| line.split(',').map(|v| v.parse().unwrap()).collect()).collect();
    let of_classes = |target: &[u32]| target.iter().map(|&class| f64::from(class)).collect();
    let of_numbers = |target: &[f32]| target.iter().map(|&y| f64::from(y)).collect();
    vec![
        ("breast_cancer", Table { rows: rows(&cancer.data, 30), y: of_classes(&cancer.target) }),
        ("iris", Table { rows: rows(&iris.data, 4), y: of_classes(&iris.target) }),
        ("digits", Table { rows: rows(&digits.data, 64), y: of_numbers(&digits.target) }),
        (
            "wine",
            Table {
                rows: wine.iter().map(|row| row[..13].to_vec()).collect(),
                y: wine.iter().map(|row| row[13]).collect(),
            },
        ),
        (
            "diabetes",
            Table {
                rows: rows(&diabetes.data, 10),
                y: diabetes.target.iter().map(|&y| f64::from(y)).collect(),
            },
        ),
    ]
}

/// Predictions for rows by a model of others: probabilities, or numbers.
type Fit<'a> = &'a dyn Fn(u64, &Columns, &[f64], bool, &Columns) -> Vec<f64>;

/// On no set of data the mean over the folds is worse than theirs by more than half of their deviation.
fn as_good(method: &str, seeds: u64, fit: Fit) {
    const FOLDS: usize = 5;
    let reference = trees();
    for (set, table) in tables() {
        let of_numbers = set == "diabetes";
        let mut means = [0.0; 2];
        for (seed, fold) in (0..seeds).flat_map(|seed| (0..FOLDS).map(move |fold| (seed, fold))) {
            let (train, y) = table.select(|i| i % FOLDS != fold);
            let (test, truth) = table.select(|i| i % FOLDS == fold);
            let predicted = fit(seed, &train.columns(), &y, of_numbers, &test.columns());
            let figures = if of_numbers {
                [regression::scores(&truth, &predicted, None).unwrap().r2, 0.0]
            } else {
                let truth: Vec<u32> = truth.iter().map(|&y| y as u32).collect();
                let classes = predicted.len() / truth.len();
                let scores = multiclass::scores(&truth, &predicted, classes, None).unwrap();
                [scores.accuracy, -scores.log_loss]
            };
            let count = (seeds as usize * FOLDS) as f64;
            means.iter_mut().zip(figures).for_each(|(mean, figure)| *mean += figure / count);
        }
        let names: &[(&str, f64)] =
            if of_numbers { &[("r2", 1.0)] } else { &[("accuracy", 1.0), ("log_loss", -1.0)] };
        for ((name, sign), ours) in names.iter().zip(means) {
            let theirs = &reference["quality"][set][method][name];
            let (mean, sd) = (theirs["mean"].as_f64().unwrap() * sign, theirs["sd"].as_f64().unwrap());
            assert!(ours >= mean - sd / 2.0, "{method}, {set}: {name} {ours}, theirs {mean}, deviation {sd}");
        }
    }
}

fn classes(y: &[f64]) -> Vec<u32> {
    y.iter().map(|&class| class as u32).collect()
}

#[test]
fn single_trees_are_as_good() {
    as_good("tree", 6, &|seed, x, y, of_numbers, test| {
        let params = decision_tree::Params { seed, ..Default::default() }.check().unwrap();
        match of_numbers {
            true => params.fit_numbers(x, y, None).unwrap().0.predict_numbers(test).unwrap(),
            false => params.fit_classes(x, &classes(y), None).unwrap().0.predict_proba(test).unwrap(),
        }
    });
}

#[test]
fn random_forests_are_as_good() {
    as_good("forest", 5, &|seed, x, y, of_numbers, test| {
        let params = random_forest::Params { seed, ..Default::default() }.check().unwrap();
        match of_numbers {
            true => params.fit_numbers(x, y, None, &mut |_| {}).unwrap().predict_numbers(test).unwrap(),
            false => {
                params.fit_classes(x, &classes(y), None, &mut |_| {}).unwrap().predict_proba(test).unwrap()
            }
        }
    });
}

#[test]
fn extra_trees_are_as_good() {
    as_good("extra", 5, &|seed, x, y, of_numbers, test| {
        let params = extra_trees::Params { seed, ..Default::default() }.check().unwrap();
        match of_numbers {
            true => params.fit_numbers(x, y, None, &mut |_| {}).unwrap().predict_numbers(test).unwrap(),
            false => {
                params.fit_classes(x, &classes(y), None, &mut |_| {}).unwrap().predict_proba(test).unwrap()
            }
        }
    });
}

/// The score by rows left out tells what fresh rows bring.
#[test]
fn left_out_rows_are_like_fresh_ones() {
    let (_, table) = tables().into_iter().find(|(name, _)| *name == "digits").unwrap();
    let (train, y) = table.select(|i| i % 3 != 0);
    let (test, truth) = table.select(|i| i % 3 == 0);
    let params =
        random_forest::Params { oob_score: true, criterion: Some(Criterion::Entropy), ..Default::default() };
    let forest =
        params.check().unwrap().fit_classes(&train.columns(), &classes(&y), None, &mut |_| {}).unwrap();
    let hits =
        forest.predict(&test.columns()).unwrap().iter().zip(classes(&truth)).filter(|(a, b)| *a == b).count();
    let fresh = hits as f64 / truth.len() as f64;
    let left_out = forest.oob_score().unwrap();
    assert!(fresh > 0.95 && (fresh - left_out).abs() < 0.02, "{fresh} {left_out}");
}
