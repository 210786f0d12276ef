//! What learns batch by batch, against the exact solutions and on whatever table.
#![allow(clippy::disallowed_methods)]

use millstream_learners::streaming::{Batch, PredictorType, Streaming};
use millstream_learners::{
    Check, Columns, Error, Matrix, SparseRows, factorization_machines, linear_learner, linear_model,
    logistic_regression,
};
use proptest::prelude::*;

/// Reads the table in pieces of `rows` rows, `epochs` times.
fn run<S: Streaming>(
    mut learner: S,
    x: &Columns,
    y: &[f64],
    weights: Option<&[f64]>,
    rows: usize,
    epochs: usize,
) -> Result<(S::Model, Vec<f64>), Error> {
    let each = |f: &mut dyn FnMut(Batch) -> Result<(), Error>| -> Result<(), Error> {
        for start in (0..x.rows()).step_by(rows) {
            let end = x.rows().min(start + rows);
            let part = Columns::new(x.iter().map(|column| &column[start..end]).collect())?;
            f(Batch { x: &part, y: &y[start..end], weights: weights.map(|w| &w[start..end]) })?;
        }
        Ok(())
    };
    each(&mut |batch| learner.observe(batch))?;
    learner.start()?;
    let mut losses = Vec::new();
    for _ in 0..epochs {
        each(&mut |batch| learner.learn(batch))?;
        losses.push(learner.end_epoch());
    }
    Ok((learner.model()?, losses))
}

/// Two columns far from the origin and in different units.
fn plain(rows: usize) -> Matrix {
    let values: Vec<f64> = (0..rows)
        .flat_map(|i| [100.0 + (i as f64 * 0.37).sin() * 3.0, ((i * i) % 101) as f64 * 0.01])
        .collect();
    Matrix::from_rows(&values, 2).unwrap()
}

#[test]
fn a_line_is_that_of_least_squares() {
    let x = plain(5000);
    let x = x.columns();
    let y: Vec<f64> =
        (0..5000).map(|i| 2.0 * x.column(0)[i] - 7.0 * x.column(1)[i] + (i as f64).cos()).collect();
    let exact = millstream_learners::ridge::Params { alpha: 0.0, fit_intercept: true }.check().unwrap();
    let exact = exact.fit(&x, &y, None).unwrap();
    for optimizer in
        [linear_learner::Method::Adam, linear_learner::Method::Sgd, linear_learner::Method::RmsProp]
    {
        let params = linear_learner::Params { optimizer, ..Default::default() };
        let learner = params.check().unwrap().learner(2, 0).unwrap();
        let (model, losses) = run(learner, &x, &y, None, 1700, 15).unwrap();
        assert!(losses[14] < losses[0], "{losses:?}");
        let linear_learner::Model::Numbers(model) = model else { panic!("no numbers") };
        for (ours, exact) in model.coefficients().iter().zip(exact.coefficients()) {
            assert!((ours - exact).abs() < 0.05, "{optimizer:?}: {model:?} {exact:?}");
        }
    }
}

#[test]
fn losses_ask_for_what_they_are_named_after() {
    use linear_learner::{Loss, Model, Params};
    // Four in five errors are small, the fifth is huge.
    let rows = 4000;
    let x = plain(rows);
    let x = x.columns();
    let y: Vec<f64> = (0..rows).map(|i| if i * 7 % 5 == 0 { 1000.0 } else { (i % 3) as f64 }).collect();
    let mean = |loss, quantile| {
        let params = Params { loss, quantile, huber_delta: 0.01, ..Default::default() };
        let learner = params.check().unwrap().learner(2, 0).unwrap();
        let Model::Numbers(model) = run(learner, &x, &y, None, rows, 30).unwrap().0 else {
            panic!("no numbers")
        };
        model.predict(&x).unwrap().iter().sum::<f64>() / rows as f64
    };
    assert!((mean(Loss::SquaredLoss, 0.5) - 200.0).abs() < 15.0);
    assert!(mean(Loss::AbsoluteLoss, 0.5) < 40.0);
    assert!(mean(Loss::HuberLoss, 0.5) < 40.0);
    assert!(mean(Loss::EpsInsensitiveAbsoluteLoss, 0.5) < 40.0);
    assert!(mean(Loss::QuantileLoss, 0.2) < 40.0);
    assert!(mean(Loss::QuantileLoss, 0.95) > 900.0);
}

#[test]
fn classes_are_those_of_logistic_regression() {
    let x = plain(6000);
    let x = x.columns();
    let score = |i: usize| x.column(0)[i] - 100.0 + 2.0 * x.column(1)[i] + 2.0 * (i as f64 * 1.3).sin();
    for (classes, predictor_type) in
        [(2, PredictorType::BinaryClassifier), (3, PredictorType::MulticlassClassifier)]
    {
        // Sorted by class within the table's halves: mini-batches must not be.
        let mut y: Vec<f64> =
            (0..6000).map(|i| (score(i) * 0.5 + 1.0).clamp(0.0, classes as f64 - 1.0).floor()).collect();
        y[0] = 0.0;
        let params = linear_learner::Params { predictor_type, wd: Some(1e-4), ..Default::default() };
        let learner = params.check().unwrap().learner(2, classes).unwrap();
        let linear_learner::Model::Classes(model) = run(learner, &x, &y, None, 4000, 20).unwrap().0 else {
            panic!("no classes")
        };
        let codes: Vec<u32> = y.iter().map(|&c| c as u32).collect();
        let exact = logistic_regression::Params { c: 1.0 / (6000.0 * 1e-4), ..Default::default() };
        let exact = exact.check().unwrap().fit(&x, &codes, None).unwrap();
        let (ours, theirs) = (model.predict_proba(&x).unwrap(), exact.predict_proba(&x).unwrap());
        let off = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).sum::<f64>() / ours.len() as f64;
        assert!(off < 0.02, "{classes}: {off}");
    }
}

#[test]
fn sparse_coefficients_and_balanced_classes() {
    use linear_learner::{Model, Params};
    let x = plain(3000);
    let x = x.columns();
    let y: Vec<f64> = (0..3000).map(|i| 3.0 * x.column(0)[i] + (i as f64).sin()).collect();
    let params = Params { l1: 0.2, ..Default::default() };
    let learner = params.check().unwrap().learner(2, 0).unwrap();
    let Model::Numbers(model) = run(learner, &x, &y, None, 3000, 15).unwrap().0 else { panic!("no numbers") };
    assert!(model.coefficients()[0] > 1.0 && model.coefficients()[1] == 0.0, "{model:?}");

    let y: Vec<f64> = (0..3000).map(|i| f64::from(u8::from(i * 7 % 10 == 0))).collect();
    let mean = |weight| {
        let params = Params {
            predictor_type: PredictorType::BinaryClassifier,
            positive_example_weight_mult: weight,
            ..Default::default()
        };
        let learner = params.check().unwrap().learner(2, 2).unwrap();
        let Model::Classes(model) = run(learner, &x, &y, None, 3000, 15).unwrap().0 else {
            panic!("no classes")
        };
        model.predict_proba(&x).unwrap().chunks(2).map(|row| row[1]).sum::<f64>() / 3000.0
    };
    assert!(
        (mean(Some(1.0)) - 0.1).abs() < 0.03 && (mean(None) - 0.5).abs() < 0.05,
        "{} {}",
        mean(Some(1.0)),
        mean(None)
    );
}

/// People and things, one column each: what a person thinks of a thing is a product, which no line can say.
fn opinions(rows: usize) -> (Matrix, Vec<f64>) {
    let (people, things) = (20, 15);
    let width = people + things;
    let (mut values, mut y) = (vec![0.0; rows * width], Vec::new());
    for i in 0..rows {
        let (person, thing) = (i * 7 % people, i * 11 % things);
        values[i * width + person] = 1.0;
        values[i * width + people + thing] = 1.0;
        let taste = |k: usize| if k.is_multiple_of(2) { 1.0 } else { -1.0 };
        y.push(taste(person) * taste(thing) + 0.3 * (person % 3) as f64);
    }
    (Matrix::from_rows(&values, width).unwrap(), y)
}

#[test]
fn products_of_features_are_learnt() {
    let (x, y) = opinions(3000);
    let x = x.columns();
    let line = millstream_learners::ridge::Params::default().check().unwrap().fit(&x, &y, None).unwrap();
    let rmse =
        |p: &[f64]| (p.iter().zip(&y).map(|(p, y)| (p - y).powi(2)).sum::<f64>() / y.len() as f64).sqrt();
    let by_line = rmse(&line.predict(&x).unwrap());
    let params =
        factorization_machines::Params { num_factors: 4, factors_init_sigma: 0.1, ..Default::default() };
    let learner = params.clone().check().unwrap().learner(x.width(), 0).unwrap();
    let (model, losses) = run(learner, &x, &y, None, 1000, 30).unwrap();
    let by_factors = rmse(&model.predict_numbers(&x).unwrap());
    assert!(by_line > 0.8 && by_factors < 0.1, "{by_line} {by_factors} {losses:?}");

    let liked: Vec<f64> = y.iter().map(|&y| f64::from(u8::from(y > 0.0))).collect();
    let params = factorization_machines::Params { predictor_type: PredictorType::BinaryClassifier, ..params };
    let learner = params.check().unwrap().learner(x.width(), 2).unwrap();
    let (model, _) = run(learner, &x, &liked, None, 1000, 30).unwrap();
    let proba = model.predict_proba(&x).unwrap();
    let right = proba.chunks(2).zip(&liked).filter(|(p, y)| (p[1] > 0.5) == (**y > 0.5)).count();
    assert!(right > 2900, "{right}");
    let json = serde_json::to_value(&model).unwrap();
    let load = |value| serde_json::from_value::<factorization_machines::FactorizationMachine>(value);
    assert_eq!(load(json.clone()).unwrap(), model);
    for (part, value) in [
        ("num_factors", serde_json::json!(5)),
        ("classes", serde_json::json!(3)),
        ("linear", serde_json::json!([])),
    ] {
        let mut damaged = json.clone();
        damaged[part] = value;
        assert!(load(damaged).is_err(), "{part}");
    }
}

/// Reads sparse rows as [`run`] reads columns.
fn run_sparse<S: Streaming>(
    mut learner: S,
    rows: &[Vec<(u32, f64)>],
    width: usize,
    y: &[f64],
    batch: usize,
    epochs: usize,
) -> Result<(S::Model, Vec<f64>, f64), Error> {
    let parts: Vec<SparseRows> = rows.chunks(batch).map(|rows| sparse(rows, width)).collect();
    let batches = || {
        let parts = parts.iter().zip(y.chunks(batch));
        parts.map(|(x, y)| Batch { x, y, weights: None })
    };
    batches().try_for_each(|batch| learner.observe(batch))?;
    learner.start()?;
    let mut losses = Vec::new();
    for _ in 0..epochs {
        batches().try_for_each(|batch| learner.learn(batch))?;
        losses.push(learner.end_epoch());
    }
    let loss = batches().map(|batch| learner.loss(batch).map(|loss| loss.0)).sum::<Result<f64, _>>()?;
    Ok((learner.model()?, losses, loss))
}

fn sparse(rows: &[Vec<(u32, f64)>], width: usize) -> SparseRows {
    let mut x = SparseRows::new(width);
    for row in rows {
        row.iter().for_each(|(feature, value)| x.push(*feature, *value));
        x.end_row();
    }
    x
}

/// Few values a row, and a target of their sum and of a product.
fn scattered(rows: usize, width: usize) -> (Vec<Vec<(u32, f64)>>, Vec<f64>) {
    let mut rng = millstream_learners::rng::Rng::new(5, 0);
    let row = |_| {
        let features = rng.sample_sorted(width, 4);
        features.into_iter().map(|j| (j, if j % 5 == 0 { 10.0 } else { 0.5 + rng.unit() })).collect()
    };
    let rows: Vec<Vec<(u32, f64)>> = (0..rows).map(row).collect();
    let target = |row: &Vec<(u32, f64)>| {
        let sum: f64 = row.iter().map(|(j, x)| f64::from(j % 7) * x).sum();
        sum + row[0].1 * row[1].1 * f64::from(row[0].0 % 2)
    };
    let y = rows.iter().map(target).collect();
    (rows, y)
}

/// As columns with all their zeros.
fn filled(rows: &[Vec<(u32, f64)>], width: usize) -> Matrix {
    let mut values = vec![0.0; rows.len() * width];
    for (i, row) in rows.iter().enumerate() {
        row.iter().for_each(|(j, x)| values[i * width + *j as usize] = *x);
    }
    Matrix::from_rows(&values, width).unwrap()
}

fn near(a: &[f64], b: &[f64], within: f64) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= within * b.abs().max(1.0))
}

#[test]
fn sparse_rows_give_the_model_of_columns() {
    use linear_learner::{Model, Params};
    let (rows, y) = scattered(700, 30);
    let dense = filled(&rows, 30);
    let x = dense.columns();
    let classes: Vec<f64> = y.iter().map(|y| f64::from(u8::from(*y > 20.0) + u8::from(*y > 40.0))).collect();
    let two: Vec<f64> = classes.iter().map(|c| c.min(1.0)).collect();
    for (predictor_type, count, y) in [
        (PredictorType::Regressor, 0, &y),
        (PredictorType::BinaryClassifier, 2, &two),
        (PredictorType::MulticlassClassifier, 3, &classes),
    ] {
        for (use_bias, normalize_data, l1) in [(true, true, 0.0), (false, true, 0.01), (true, false, 0.001)] {
            let params = Params { predictor_type, use_bias, normalize_data, l1, ..Default::default() };
            let learner = || params.clone().check().unwrap().learner(30, count).unwrap();
            let (model, losses) = run(learner(), &x, y, None, 300, 5).unwrap();
            let (by_rows, sparse_losses, _) = run_sparse(learner(), &rows, 30, y, 300, 5).unwrap();
            assert!(near(&sparse_losses, &losses, 1e-9), "{sparse_losses:?} {losses:?}");
            let (ours, theirs) = match (&by_rows, &model) {
                (Model::Numbers(a), Model::Numbers(b)) => {
                    assert!(near(&[a.intercept()], &[b.intercept()], 1e-8), "{a:?} {b:?}");
                    (a.predict(&x).unwrap(), b.predict(&x).unwrap())
                }
                (Model::Classes(a), Model::Classes(b)) => {
                    (a.predict_proba(&x).unwrap(), b.predict_proba(&x).unwrap())
                }
                _ => panic!("models of two kinds"),
            };
            assert!(near(&ours, &theirs, 1e-7), "{predictor_type:?} {use_bias} {normalize_data}");
            assert!(near(&by_rows.predict_sparse(&sparse(&rows, 30)).unwrap(), &ours, 1e-12));
        }
        if predictor_type == PredictorType::MulticlassClassifier {
            continue;
        }
        let params = factorization_machines::Params { predictor_type, num_factors: 3, ..Default::default() };
        let learner = || params.clone().check().unwrap().learner(30, count).unwrap();
        let (model, losses) = run(learner(), &x, y, None, 300, 5).unwrap();
        let (by_rows, sparse_losses, loss) = run_sparse(learner(), &rows, 30, y, 300, 5).unwrap();
        assert_eq!((&model, losses), (&by_rows, sparse_losses));
        assert!(loss.is_finite());
        let width = 31;
        assert!(by_rows.predict_numbers(&sparse(&rows, width)).is_err());
    }
}

/// Features that no row has are not held, and those that there are learn what they learn beside the others.
#[test]
fn features_that_never_come_up_change_nothing() {
    let (rows, y) = scattered(300, 12);
    let apart: Vec<Vec<(u32, f64)>> =
        rows.iter().map(|row| row.iter().map(|(j, x)| (3 * j + 1, *x)).collect()).collect();
    let params = factorization_machines::Params::default().check().unwrap();
    let wide =
        run(params.learner(40, 0).unwrap(), &filled(&apart, 40).columns(), &y, None, 100, 4).unwrap().0;
    let places = (0..12).map(|j| 3 * j + 1).collect();
    let few = run_sparse(params.learner_of(places, 40, 0).unwrap(), &rows, 12, &y, 100, 4).unwrap().0;
    assert_eq!(
        wide.predict_numbers(&sparse(&apart, 40)).unwrap(),
        few.predict_numbers(&sparse(&rows, 12)).unwrap()
    );
    // Places far apart take no longer than others.
    let far = (0..12).map(|j| j * (1 << 40)).collect();
    assert!(params.learner_of(far, 1 << 44, 0).is_ok());
}

/// 20,000 features, of which rows have two and a context: what counts is the product of the two.
#[test]
fn factors_of_many_features_are_found() {
    const WIDTH: usize = 20_000;
    const HALF: usize = 9_990;
    let mut rng = millstream_learners::rng::Rng::new(11, 0);
    // The factor of each feature, and what it says alone.
    let factors: Vec<f64> = (0..WIDTH).map(|_| if rng.below(2) == 0 { 1.0 } else { -1.0 }).collect();
    let alone: Vec<f64> = (0..WIDTH).map(|_| 0.6 * (rng.unit() - 0.5)).collect();
    let mut score = Vec::new();
    let mut row = || {
        let (a, b, c) = (rng.below(HALF), HALF + rng.below(HALF), 2 * HALF + rng.below(20));
        score.push(factors[a] * factors[b] + alone[a] + alone[b] + alone[c] + 0.2 * (rng.unit() - 0.5));
        vec![(a as u32, 1.0), (b as u32, 1.0), (c as u32, 1.0)]
    };
    let rows: Vec<_> = (0..220_000).map(|_| row()).collect();
    let (train, test) = (200_000, 20_000);
    let held_out = sparse(&rows[train..], WIDTH);
    let rmse = |predicted: &[f64]| {
        let errors = predicted.iter().zip(&score[train..]).map(|(p, y)| (p - y).powi(2));
        (errors.sum::<f64>() / test as f64).sqrt()
    };
    let auc = |predicted: &[f64]| {
        let mut order: Vec<usize> = (0..test).collect();
        order.sort_by(|a, b| predicted[*a].total_cmp(&predicted[*b]));
        let (mut below, mut pairs, mut above) = (0.0, 0.0, 0.0);
        for i in order {
            match score[train + i] > 0.0 {
                true => (pairs, above) = (pairs + below, above + 1.0),
                false => below += 1.0,
            }
        }
        pairs / (below * above)
    };
    let params = factorization_machines::Params {
        num_factors: 4,
        factors_lr: 0.05,
        factors_init_sigma: 0.2,
        linear_lr: 0.02,
        ..Default::default()
    };
    let learner = params.clone().check().unwrap().learner(WIDTH, 0).unwrap();
    let (model, losses, _) = run_sparse(learner, &rows[..train], WIDTH, &score[..train], 65_536, 12).unwrap();
    let by_factors = rmse(&model.predict_numbers(&held_out).unwrap());
    let learner = linear_learner::Params::default().check().unwrap().learner(WIDTH, 0).unwrap();
    let line = run_sparse(learner, &rows[..train], WIDTH, &score[..train], 65_536, 3).unwrap().0;
    let by_line = rmse(&line.predict_sparse(&held_out).unwrap());
    assert!(by_line > 0.9 && by_factors < 0.4, "{by_line} {by_factors} {losses:?}");

    let liked: Vec<f64> = score.iter().map(|score| f64::from(u8::from(*score > 0.0))).collect();
    let params = factorization_machines::Params { predictor_type: PredictorType::BinaryClassifier, ..params };
    let learner = params.check().unwrap().learner(WIDTH, 2).unwrap();
    let model = run_sparse(learner, &rows[..train], WIDTH, &liked[..train], 65_536, 12).unwrap().0;
    let by_factors = auc(&model.predict_numbers(&held_out).unwrap());
    let by_line = auc(&line.predict_sparse(&held_out).unwrap());
    assert!(by_line < 0.7 && by_factors > 0.97, "{by_line} {by_factors}");
}

#[test]
fn the_same_seed_gives_the_same_model() {
    let (x, y) = opinions(500);
    let fit = |seed| {
        let params = factorization_machines::Params { seed, ..Default::default() };
        run(params.check().unwrap().learner(35, 0).unwrap(), &x.columns(), &y, None, 200, 3).unwrap().0
    };
    assert_eq!(fit(1), fit(1));
    assert_ne!(fit(1), fit(2));
}

fn finite(values: &[f64]) -> bool {
    values.iter().all(|v| v.is_finite())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_table(
        (values, width, y, weights) in (1usize..4, 1usize..15).prop_flat_map(|(width, rows)| {
            let value = prop_oneof![
                20 => (-3i8..=3).prop_map(f64::from), 10 => -1e3..1e3f64,
                1 => Just(1e300), 1 => Just(f64::NAN), 1 => Just(f64::INFINITY),
            ];
            let label = prop_oneof![30 => (0u8..2).prop_map(f64::from), 1 => value.clone()];
            let weight = prop_oneof![20 => 0.0..3.0f64, 3 => Just(0.0), 1 => Just(-1.0)];
            (
                prop::collection::vec(value, rows * width), Just(width), prop::collection::vec(label, rows),
                prop::option::of(prop::collection::vec(weight, rows)),
            )
        }),
        rows in 1usize..6,
        classes in prop_oneof![Just(0usize), Just(2)],
    ) {
        let x = Matrix::from_rows(&values, width).unwrap();
        let (x, weights) = (x.columns(), weights.as_deref());
        let predictor_type =
            if classes == 0 { PredictorType::Regressor } else { PredictorType::BinaryClassifier };
        let params = linear_learner::Params { predictor_type, ..Default::default() }.check().unwrap();
        match run(params.learner(width, classes).unwrap(), &x, &y, weights, rows, 2) {
            Ok((linear_learner::Model::Numbers(model), _)) => {
                prop_assert!(finite(linear_model::LinearModel::coefficients(&model)));
            }
            Ok((linear_learner::Model::Classes(model), _)) => prop_assert!(finite(model.coefficients())),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
        let params = factorization_machines::Params { predictor_type, ..Default::default() }.check().unwrap();
        match run(params.learner(width, classes).unwrap(), &x, &y, weights, rows, 2) {
            Ok((model, _)) => prop_assert!(finite(model.linear()) && finite(model.factors())),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }
}
