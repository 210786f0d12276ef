use super::*;
use crate::random_forest::{ClassWeight, MaxSamples};
use crate::rng::Rng;
use crate::{Check, Matrix};

fn rings(rows: usize) -> (Matrix, Vec<u32>) {
    let mut rng = Rng::new(3, 0);
    let values: Vec<f64> = (0..rows * 3).map(|_| rng.unit() * 2.0 - 1.0).collect();
    let class = |r: &[f64]| (r[0].hypot(r[1]) * 2.5) as u32;
    let y = values.chunks(3).map(class).map(|c| c.min(2)).collect();
    (Matrix::from_rows(&values, 3).unwrap(), y)
}

#[test]
fn learns_rings_and_ignores_noise() {
    let (matrix, y) = rings(2000);
    let params = Params { n_estimators: 30, oob_score: true, ..Params::default() }.check().unwrap();
    let forest = params.fit_classes(&matrix.columns(), &y, None, &mut |_| {}).unwrap();
    assert!(forest.oob_score().unwrap() > 0.93, "{:?}", forest.oob_score());
    assert!(forest.importances()[2] < 0.15 && (forest.importances().iter().sum::<f64>() - 1.0).abs() < 1e-9);
    let (fresh, truth) = rings(3000);
    let predicted = forest.predict(&fresh.columns()).unwrap();
    let hits = predicted.iter().zip(&truth).filter(|(a, b)| a == b).count();
    assert!(hits > 2850, "{hits}");
    for row in forest.predict_proba(&fresh.columns()).unwrap().chunks(3) {
        assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-6);
    }
}

#[test]
fn a_single_full_tree_repeats_its_numbers() {
    let matrix = Matrix::from_rows(&[1.0, 5.0, 2.0, 9.0], 1).unwrap();
    let params = Params { n_estimators: 1, bootstrap: false, ..Params::default() }.check().unwrap();
    let forest = params.fit_numbers(&matrix.columns(), &[1e6, 2.0, -3.0, 2.5], None, &mut |_| {}).unwrap();
    for (p, y) in forest.predict_numbers(&matrix.columns()).unwrap().iter().zip([1e6, 2.0, -3.0, 2.5]) {
        assert!((p - y).abs() < 0.1, "{p} {y}");
    }
    assert!(forest.predict(&matrix.columns()).is_err());
}

#[test]
fn same_seed_same_bytes_other_seed_others() {
    let (matrix, y) = rings(300);
    let fit = |seed| {
        let params = Params { n_estimators: 5, seed, ..Params::default() }.check().unwrap();
        let forest = params.fit_classes(&matrix.columns(), &y, None, &mut |_| {}).unwrap();
        serde_json::to_string(&forest).unwrap()
    };
    assert_eq!(fit(1), fit(1));
    assert_ne!(fit(1), fit(2));
    let forest: RandomForest = serde_json::from_str(&fit(1)).unwrap();
    assert_eq!(forest.trees(), 5);
}

#[test]
fn classes_and_rows_weigh_what_they_are_given() {
    let matrix = Matrix::from_rows(&[0.0; 10], 1).unwrap();
    let y = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1];
    let second = |class_weight, bootstrap, weights| {
        let params = Params { class_weight, bootstrap, ..Params::default() }.check().unwrap();
        let forest = params.fit_classes(&matrix.columns(), &y, weights, &mut |_| {}).unwrap();
        forest.predict_proba(&matrix.columns()).unwrap()[1]
    };
    assert!((second(ClassWeight::None, false, None) - 0.2).abs() < 1e-6);
    assert!((second(ClassWeight::Balanced, false, None) - 0.5).abs() < 1e-6);
    assert!((second(ClassWeight::Given(vec![1.0, 2.0]), false, None) - 1.0 / 3.0).abs() < 1e-6);
    let heavy = [[1.0; 8].as_slice(), &[2.0; 2]].concat();
    assert!((second(ClassWeight::None, false, Some(&heavy)) - 1.0 / 3.0).abs() < 1e-6);
    // Samples without the rare class know nothing of it: a tenth of them.
    assert!((0.4..0.5).contains(&second(ClassWeight::BalancedSubsample, true, None)));
}

#[test]
fn samples_may_be_small_and_leaves_few() {
    let (matrix, y) = rings(300);
    let params = Params { max_samples: Some(MaxSamples::Count(2)), n_estimators: 9, ..Params::default() };
    let forest = params.check().unwrap().fit_classes(&matrix.columns(), &y, None, &mut |_| {}).unwrap();
    for row in forest.predict_proba(&matrix.columns()).unwrap().chunks(3) {
        assert!(row.iter().all(|p| (p * 18.0).fract() < 1e-6 || (p * 18.0).fract() > 1.0 - 1e-6), "{row:?}");
    }
    let too_many = Params { max_samples: Some(MaxSamples::Count(301)), ..Params::default() }.check().unwrap();
    assert!(too_many.fit_classes(&matrix.columns(), &y, None, &mut |_| {}).is_err());

    // One tree of three leaves has no more than three answers.
    let params = Params { max_leaf_nodes: Some(3), n_estimators: 1, ..Params::default() };
    let forest = params.check().unwrap().fit_classes(&matrix.columns(), &y, None, &mut |_| {}).unwrap();
    let proba = forest.predict_proba(&matrix.columns()).unwrap();
    let mut answers: Vec<&[f64]> = proba.chunks(3).collect();
    answers.sort_by(|a, b| a.partial_cmp(b).unwrap());
    answers.dedup();
    assert_eq!(answers.len(), 3);
}

#[test]
fn the_one_row_that_has_weight_is_found() {
    // Chance hardly ever draws the one row that has weight.
    let x = Matrix::from_rows(&vec![0.0; 200_000], 1).unwrap();
    let (mut y, mut weights) = (vec![1.0; 200_000], vec![0.0; 200_000]);
    (y[77], weights[77]) = (5.0, 1.0);
    let params = Params { max_samples: Some(MaxSamples::Count(2)), n_estimators: 3, ..Params::default() };
    let forest = params.check().unwrap().fit_numbers(&x.columns(), &y, Some(&weights), &mut |_| {}).unwrap();
    let answer = forest.predict_numbers(&x.columns()).unwrap();
    assert!((answer[0] - 5.0).abs() < 1e-5, "{}", answer[0]);
}

/// A number counts only where it is there, and that it is not there tells the class.
#[test]
fn missing_values_go_where_they_belong() {
    let mut rng = Rng::new(5, 0);
    let mut table = |rows: usize| {
        let (mut values, mut y) = (Vec::new(), Vec::new());
        for _ in 0..rows {
            let (known, noise) = (rng.unit(), rng.unit());
            let class = u32::from(known > 0.5);
            // Half of the second class have no value.
            let hidden = class == 1 && rng.unit() < 0.5;
            values.extend([if hidden { f64::NAN } else { known }, noise]);
            y.push(class);
        }
        (Matrix::from_rows(&values, 2).unwrap(), y)
    };
    let ((train, y), (fresh, truth)) = (table(600), table(300));
    let params = Params { n_estimators: 20, oob_score: true, ..Params::default() }.check().unwrap();
    let forest = params.fit_classes(&train.columns(), &y, None, &mut |_| {}).unwrap();
    let forest: RandomForest = serde_json::from_str(&serde_json::to_string(&forest).unwrap()).unwrap();
    let predicted = forest.predict(&fresh.columns()).unwrap();
    let hits = predicted.iter().zip(&truth).filter(|(a, b)| a == b).count();
    assert!(hits >= 296 && forest.oob_score().unwrap() > 0.98, "{hits} {:?}", forest.oob_score());
    assert_eq!((forest.width(), forest.importances().len()), (2, 2));
    assert!(forest.importances()[0] > 0.9);
    // The second feature never was missing.
    let asked = Matrix::from_rows(&[0.1, f64::NAN], 2).unwrap();
    assert!(forest.predict(&asked.columns()).unwrap_err().to_string().contains("never was in training"));
}
