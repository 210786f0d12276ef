//! What boosting's parameters promise.
#![allow(clippy::disallowed_methods)]

use millstream_learners::gradient_boosting::{
    Data, EvalMetric, GradientBoosting, GrowPolicy, Objective, Params, Round,
};
use millstream_learners::rng::Rng;
use millstream_learners::{Check, Columns, Error, Matrix};
use proptest::prelude::*;
use std::ops::ControlFlow;

fn fit(params: Params, data: Data) -> Result<GradientBoosting, Error> {
    params.check()?.fit(data, None, &mut |_| ControlFlow::Continue(()))
}

fn plain<'a>(x: &'a Columns<'a>, y: &'a [f64]) -> Data<'a> {
    Data { x, y, weights: None, groups: None }
}

/// Rows of numbers from 0 to 1 and a smooth target with noise.
fn smooth(rows: usize, seed: u64) -> (Matrix, Vec<f64>) {
    let mut rng = Rng::new(seed, 0);
    let values: Vec<f64> = (0..rows * 4).map(|_| rng.unit()).collect();
    let target = |row: &[f64]| 3.0 * row[0] - (row[1] * 6.0).sin() + row[2] * row[3];
    let y = values.chunks(4).map(|row| target(row) + rng.unit()).collect();
    (Matrix::from_rows(&values, 4).unwrap(), y)
}

#[test]
fn constraints_hold_everywhere() {
    let (matrix, y) = smooth(800, 1);
    let x = matrix.columns();
    // Against the data for the first feature.
    for (direction, grow_policy) in [(-1, GrowPolicy::Depthwise), (1, GrowPolicy::Lossguide)] {
        let monotone_constraints = vec![direction, direction];
        let params = Params {
            monotone_constraints,
            grow_policy,
            max_leaves: 20,
            num_round: 30,
            alpha: 0.1,
            ..Params::default()
        };
        let model = fit(params, plain(&x, &y)).unwrap();
        let free = fit(Params { num_round: 30, ..Params::default() }, plain(&x, &y)).unwrap();
        let mut broken = 0;
        for feature in 0..2 {
            for row in 0..60 {
                let grid: Vec<f64> = (0..50).map(|i| f64::from(i) / 49.0).collect();
                let fixed: Vec<Vec<f64>> = (0..4)
                    .map(|j| if j == feature { grid.clone() } else { vec![x.column(j)[row]; 50] })
                    .collect();
                let along = Columns::new(fixed.iter().map(Vec::as_slice).collect()).unwrap();
                let falls = |model: &GradientBoosting| {
                    let p = model.predict_numbers(&along).unwrap();
                    p.windows(2).any(|w| (w[1] - w[0]) * f64::from(direction) < -1e-9)
                };
                assert!(!falls(&model), "feature {feature}, direction {direction}");
                broken += usize::from(falls(&free));
            }
        }
        assert!(broken > 50, "without constraints predictions would rise and fall: {broken}");
    }
}

#[test]
fn a_set_of_categories_is_found_at_once() {
    let mut rng = Rng::new(2, 0);
    let chosen = |category: usize| [3, 4, 8, 17, 19, 26].contains(&category);
    let categories: Vec<usize> = (0..3000).map(|_| rng.below(30)).collect();
    let column: Vec<f64> =
        categories.iter().map(|&c| if c == 29 { f64::NAN } else { (c * 3) as f64 }).collect();
    let y: Vec<f64> = categories.iter().map(|&c| f64::from(u8::from(chosen(c) || c == 29))).collect();
    let x = Columns::new(vec![&column]).unwrap();
    let params = Params {
        categorical_features: vec![0],
        num_round: 1,
        eta: 1.0,
        max_depth: 1,
        lambda: 0.0,
        ..Params::default()
    };
    let model = fit(params.clone(), plain(&x, &y)).unwrap();
    let predicted = model.predict_numbers(&x).unwrap();
    assert!(predicted.iter().zip(&y).all(|(p, y)| (p - y).abs() < 1e-5));
    // As numbers, one cut does not part them; nor does one category.
    let numbers = Params { categorical_features: vec![], ..params.clone() };
    let one_hot = Params { max_cat_to_onehot: 100, ..params.clone() };
    for params in [numbers, one_hot] {
        let worse = fit(params, plain(&x, &y)).unwrap().predict_numbers(&x).unwrap();
        assert!(worse.iter().zip(&y).any(|(p, y)| (p - y).abs() > 0.1));
    }
    // Categories that were never seen go with the larger part.
    let unseen = Columns::new(vec![&[1.0, 1000.0]]).unwrap();
    assert!(model.predict_numbers(&unseen).unwrap().iter().all(|p| p.abs() < 1e-5));
}

#[test]
fn the_order_of_splits_does_not_matter_where_leaves_are_not_counted() {
    let (matrix, y) = smooth(500, 3);
    let x = matrix.columns();
    let with = |grow_policy, max_leaves| {
        let params = Params { grow_policy, max_leaves, max_depth: 4, num_round: 5, ..Params::default() };
        fit(params, plain(&x, &y)).unwrap()
    };
    let deep = with(GrowPolicy::Depthwise, 0);
    assert_eq!(deep, with(GrowPolicy::Lossguide, 0));
    assert_eq!(deep, with(GrowPolicy::Depthwise, 1000));
    let few = with(GrowPolicy::Lossguide, 6);
    let splits = |model: &GradientBoosting| model.importances().iter().map(|i| i.weight).sum::<u32>();
    assert_eq!(splits(&few), 5 * 5);
    assert_ne!(few, with(GrowPolicy::Depthwise, 6));
    assert!(splits(&with(GrowPolicy::Lossguide, 1)) == 0);
}

#[test]
fn steps_are_limited() {
    let (matrix, y) = smooth(500, 4);
    let x = matrix.columns();
    let params =
        Params { max_delta_step: 0.1, num_round: 1, eta: 1.0, base_score: Some(0.0), ..Params::default() };
    let predicted = fit(params, plain(&x, &y)).unwrap().predict_numbers(&x).unwrap();
    assert!(predicted.iter().all(|p| p.abs() <= 0.1 + 1e-6) && predicted.iter().any(|p| p.abs() > 0.099));
}

#[test]
fn weights_count_like_rows() {
    let (matrix, y) = smooth(300, 5);
    // So few values that weights do not move the bins.
    let coarse: Vec<Vec<f64>> =
        matrix.columns().iter().map(|column| column.iter().map(|v| (v * 40.0).round()).collect()).collect();
    let x = Columns::new(coarse.iter().map(Vec::as_slice).collect()).unwrap();
    let weights: Vec<f64> = (0..300).map(|i| f64::from(i % 3 + 1)).collect();
    let repeat = |values: &[f64]| -> Vec<f64> {
        values.iter().zip(&weights).flat_map(|(v, w)| std::iter::repeat_n(*v, *w as usize)).collect()
    };
    let columns: Vec<Vec<f64>> = x.iter().map(repeat).collect();
    let repeated = Columns::new(columns.iter().map(Vec::as_slice).collect()).unwrap();
    let y: Vec<f64> = y.iter().map(|y| y + 3.0).collect();
    let repeated_y = repeat(&y);
    for objective in [Objective::SquaredError, Objective::AbsoluteError, Objective::Gamma] {
        let params = Params { objective, num_round: 5, max_depth: 3, ..Params::default() };
        let weighted = Data { weights: Some(&weights), ..plain(&x, &y) };
        let weighted = fit(params.clone(), weighted).unwrap().predict_numbers(&x).unwrap();
        let longer = fit(params, plain(&repeated, &repeated_y)).unwrap().predict_numbers(&x).unwrap();
        assert!(weighted.iter().zip(&longer).all(|(a, b)| (a - b).abs() < 1e-4), "{objective:?}");
    }
}

#[test]
fn validation_rows_are_predicted_as_the_curve_says() {
    let (matrix, y) = smooth(600, 6);
    let x = matrix.columns();
    let part =
        |from: usize, to: usize| Columns::new(x.iter().map(|column| &column[from..to]).collect()).unwrap();
    let (train, test) = (part(0, 400), part(400, 600));
    let params = Params {
        num_round: 200,
        eta: 0.5,
        subsample: 0.6,
        colsample_bytree: 0.8,
        colsample_bylevel: 0.7,
        colsample_bynode: 0.7,
        early_stopping_rounds: Some(5),
        ..Params::default()
    };
    let mut curve = Vec::new();
    let mut on_round = |round: &Round| {
        curve.push(round.validation[0].1);
        ControlFlow::Continue(())
    };
    let validation = Some(plain(&test, &y[400..]));
    let model = params.check().unwrap().fit(plain(&train, &y[..400]), validation, &mut on_round).unwrap();
    let best = model.best_iteration().unwrap() as usize;
    assert_eq!((curve.len(), model.rounds()), (best + 6, best + 1));
    let p = model.predict_numbers(&test).unwrap();
    let rmse = (p.iter().zip(&y[400..]).map(|(p, y)| (p - y) * (p - y)).sum::<f64>() / 200.0).sqrt();
    assert!((rmse - curve[best]).abs() < 1e-9, "{rmse} {}", curve[best]);
}

#[test]
fn training_goes_on_as_if_it_had_not_stopped() {
    let (matrix, y) = smooth(500, 9);
    let x = matrix.columns();
    let with = |num_round| Params { num_round, num_parallel_tree: 2, subsample: 0.7, ..Params::default() };
    let train = |params: Params, model: Option<&GradientBoosting>| {
        let mut rounds = Vec::new();
        let mut on_round = |round: &Round| {
            rounds.push(round.index);
            ControlFlow::Continue(())
        };
        let fitted = params.check().unwrap().fit_from(model, plain(&x, &y), None, &mut on_round)?;
        Ok::<_, Error>((fitted, rounds))
    };
    let (whole, _) = train(with(9), None).unwrap();
    let (first, _) = train(with(4), None).unwrap();
    let (second, rounds) = train(with(5), Some(&first)).unwrap();
    assert_eq!((second.rounds(), second.trees(), rounds), (9, 18, vec![4, 5, 6, 7, 8]));
    let [whole, second] = [&whole, &second].map(|model| model.predict_numbers(&x).unwrap());
    assert!(whole.iter().zip(&second).all(|(a, b)| (a - b).abs() < 1e-5));
    for params in [
        Params { num_parallel_tree: 1, ..with(1) },
        Params { objective: Objective::Poisson, ..with(1) },
        Params { base_score: Some(0.5), ..with(1) },
    ] {
        assert!(matches!(train(params, Some(&first)), Err(Error::Param(_) | Error::Data { .. })));
    }
    let narrow = Columns::new(vec![x.column(0)]).unwrap();
    let refused = with(1)
        .check()
        .unwrap()
        .fit_from(Some(&first), plain(&narrow, &y), None, &mut |_| ControlFlow::Continue(()));
    assert!(refused.unwrap_err().to_string().contains("features"));
}

#[test]
fn rows_are_ranked_within_their_groups() {
    let (matrix, y) = smooth(1000, 7);
    let x = matrix.columns();
    let mut rng = Rng::new(8, 0);
    // The level of a group says nothing of the order within it.
    let groups: Vec<u32> = (0..1000).map(|_| rng.below(40) as u32).collect();
    let grades: Vec<f64> = y.iter().map(|v| (v + 1.0).clamp(0.0, 4.0).floor()).collect();
    let data = Data { groups: Some(&groups), ..plain(&x, &grades) };
    let params = Params { objective: Objective::RankNdcg, num_round: 30, eta: 0.1, ..Params::default() };
    let mut curve = Vec::new();
    let mut on_round = |round: &Round| {
        curve.push(round.train[0]);
        ControlFlow::Continue(())
    };
    params.clone().check().unwrap().fit(data, None, &mut on_round).unwrap();
    assert!(curve[0].0 == EvalMetric::Ndcg && curve[29].1 > curve[0].1 && curve[29].1 > 0.95, "{curve:?}");
    assert!(fit(params, plain(&x, &grades)).unwrap_err().to_string().contains("groups"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the table and the parameters: a model that predicts finite numbers and reads back, or an error.
    #[test]
    fn any_table_is_learnt_or_refused(
        values in prop::collection::vec(
            prop_oneof![
                20 => (0u8..7).prop_map(f64::from),
                10 => -1e3..1e3f64,
                3 => Just(f64::NAN),
                1 => prop_oneof![Just(1e300), Just(-1e300), Just(1e-310), Just(f64::INFINITY)],
            ],
            3..90,
        ),
        targets in prop::collection::vec(
            prop_oneof![20 => (0u8..3).prop_map(f64::from), 5 => 0.0..50.0f64, 1 => -1e3..1e3f64, 1 => Just(1e200)],
            30,
        ),
        weighted: bool,
        objective in prop::sample::select(Objective::ALL.to_vec()),
        categorical: bool,
        lossguide: bool,
        max_depth in 0u32..5,
        max_leaves in 0u32..6,
        loose: bool,
        share in 0.2..=1.0f64,
        direction in -1i8..=1,
        alpha in 0.0..2.0f64,
        max_delta_step in 0.0..1.0f64,
    ) {
        let rows = values.len() / 3;
        let matrix = Matrix::from_rows(&values[..rows * 3], 3).unwrap();
        let x = matrix.columns();
        let weights: Vec<f64> = (0..rows).map(|i| (i % 3) as f64).collect();
        let groups: Vec<u32> = (0..rows as u32).map(|i| i % 4).collect();
        let params = Params {
            objective,
            num_round: 3,
            categorical_features: if categorical { vec![0] } else { vec![] },
            grow_policy: if lossguide { GrowPolicy::Lossguide } else { GrowPolicy::Depthwise },
            max_depth,
            max_leaves,
            lambda: if loose { 0.0 } else { 1.0 },
            min_child_weight: if loose { 0.0 } else { 1.0 },
            subsample: share,
            colsample_bynode: share,
            colsample_bylevel: share,
            monotone_constraints: vec![0, direction],
            alpha,
            max_delta_step,
            ..Params::default()
        };
        let data = Data {
            x: &x,
            y: &targets[..rows],
            weights: weighted.then_some(&weights[..]),
            groups: Some(&groups),
        };
        if let Ok(model) = fit(params, data) {
            let margins = model.margins(&x).unwrap();
            prop_assert!(margins.iter().all(|margin| margin.is_finite()));
            let json = serde_json::to_string(&model).unwrap();
            let again: GradientBoosting = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(&again, &model);
            let contributions = model.contributions(&x).unwrap();
            for (own, margin) in contributions.chunks(4).zip(&margins) {
                let sum: f64 = own.iter().sum();
                prop_assert!((sum - margin).abs() <= 1e-6 * margin.abs().max(1.0), "{} {}", sum, margin);
            }
        }
    }
}
