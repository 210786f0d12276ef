//! Rows of weight 0 are as good as absent, wherever they lie: models of trees are the same to the last bit, others predict the
//! same.

#![allow(clippy::disallowed_methods)]

use millstream_learners::gradient_boosting::{
    Data, EvalMetric, GrowPolicy, Objective, Params as Boosting, Round,
};
use millstream_learners::random_forest::ClassWeight;
use millstream_learners::{
    Check, Columns, Matrix, decision_tree, elastic_net, extra_trees, gaussian_mixture, isolation_forest,
    k_means, linear_regression, logistic_regression, naive_bayes, random_forest, ridge, svm,
};
use std::ops::ControlFlow;

/// A row and what is told of it.
#[derive(Clone)]
struct Row {
    x: [f64; 4],
    number: f64,
    class: u32,
    grade: f64,
    group: u32,
    weight: f64,
}

struct Table {
    rows: Vec<Row>,
    matrix: Matrix,
}

impl Table {
    fn of(rows: Vec<Row>) -> Self {
        let values: Vec<f64> = rows.iter().flat_map(|row| row.x).collect();
        Self { matrix: Matrix::from_rows(&values, 4).unwrap(), rows }
    }

    fn x(&self) -> Columns<'_> {
        self.matrix.columns()
    }

    fn each<T>(&self, of: impl Fn(&Row) -> T) -> Vec<T> {
        self.rows.iter().map(of).collect()
    }
}

/// Scattered over 0 to 1.
fn scattered(i: u32, j: u32) -> f64 {
    let mixed = (i.wrapping_mul(0x9e37_79b9) ^ j.wrapping_mul(0x85eb_ca6b)).wrapping_mul(0xc2b2_ae35);
    f64::from((mixed ^ mixed >> 15).wrapping_mul(0x27d4_eb2f) >> 8) / f64::from(1u32 << 24)
}

/// More different values than there are bins.
fn row(i: u32, missing: bool) -> Row {
    let [a, b, c] = [0, 1, 2].map(|j| scattered(i, j));
    let category = f64::from((scattered(i, 3) * 6.0) as u32);
    let number = 3.0 * a + (5.0 * b).sin() + 0.3 * category + 0.2 * scattered(i, 4) + 0.5;
    let class = u32::from(number > 2.6) + u32::from(number > 3.9);
    let hidden = missing && scattered(i, 6) < 0.1;
    Row {
        x: [a, if hidden { f64::NAN } else { b }, c, category],
        number,
        class,
        grade: f64::from(class),
        group: i / 25,
        weight: [1.0, 1.0, 2.0, 0.5][i as usize % 4],
    }
}

/// The rows, and the same with rows of weight 0 among them, in front and behind: far away, of other categories, with values that
/// are missing nowhere else, and told wrong.
fn tables(count: u32, missing: bool) -> [Table; 2] {
    let without: Vec<Row> = (0..count).map(|i| row(i, missing)).collect();
    let weightless = |i: u32| {
        let far = 1000.0 * (scattered(i, 9) - 0.5);
        let class = [0, 2, 2, 1][i as usize % 4];
        let hidden = missing && i.is_multiple_of(3);
        Row {
            x: [far, far * far, if hidden { f64::NAN } else { -far }, f64::from(7 + i % 40)],
            number: 900.0 + far,
            class,
            grade: f64::from(class),
            group: i % 60,
            weight: 0.0,
        }
    };
    // Two or three of them in front of each row with weight, and some behind the last.
    let mut others = (0..).map(weightless);
    let mut with = Vec::new();
    for row in &without {
        with.extend(others.by_ref().take(2 + with.len() % 2));
        with.push(row.clone());
    }
    with.extend(others.take(5));
    [Table::of(without), Table::of(with)]
}

/// What one of the tables comes to is what the other does.
fn same<T: PartialEq + std::fmt::Debug>(name: &str, missing: bool, fitted: impl Fn(&Table) -> T) {
    let [without, with] = tables(700, missing);
    assert!(fitted(&without) == fitted(&with), "{name}: rows without weight count");
}

fn near(name: &str, fitted: impl Fn(&Table, &Columns) -> Vec<f64>) {
    let [without, with] = tables(400, false);
    let asked = Table::of((5000..5060).map(|i| row(i, false)).collect());
    let [a, b] = [&without, &with].map(|table| fitted(table, &asked.x()));
    let off = a.iter().zip(&b).map(|(a, b)| (a - b).abs() / a.abs().max(1.0)).fold(0.0, f64::max);
    assert!(a.len() == b.len() && off < 1e-4, "{name}: rows without weight move predictions by {off}");
}

#[test]
fn trees_and_forests() {
    for seed in 0..2 {
        same("decision-tree, numbers", true, |table| {
            let params = decision_tree::Params { seed, ..Default::default() }.check().unwrap();
            let weights = table.each(|row| row.weight);
            params.fit_numbers(&table.x(), &table.each(|row| row.number), Some(&weights)).unwrap().0
        });
        same("decision-tree, classes", true, |table| {
            let class_weight = ClassWeight::Balanced;
            let params = decision_tree::Params { seed, class_weight, ..Default::default() }.check().unwrap();
            let weights = table.each(|row| row.weight);
            params.fit_classes(&table.x(), &table.each(|row| row.class), Some(&weights)).unwrap().0
        });
        macro_rules! forest {
            ($kind:ident, $more:expr) => {
                same(concat!(stringify!($kind), ", numbers"), true, |table| {
                    let params = $kind::Params { seed, n_estimators: 5, min_samples_leaf: 3, ..$more };
                    let weights = table.each(|row| row.weight);
                    let y = table.each(|row| row.number);
                    let params = params.check().unwrap();
                    params.fit_numbers(&table.x(), &y, Some(&weights), &mut |_| {}).unwrap()
                });
                for class_weight in [ClassWeight::None, ClassWeight::Balanced, ClassWeight::BalancedSubsample]
                {
                    same(concat!(stringify!($kind), ", classes"), true, |table| {
                        let bootstrap = $kind::Params { ..$more }.bootstrap;
                        let class_weight = match (&class_weight, bootstrap) {
                            (ClassWeight::BalancedSubsample, false) => ClassWeight::Balanced,
                            (other, _) => other.clone(),
                        };
                        let params = $kind::Params { seed, n_estimators: 5, class_weight, ..$more };
                        let weights = table.each(|row| row.weight);
                        let y = table.each(|row| row.class);
                        let params = params.check().unwrap();
                        params.fit_classes(&table.x(), &y, Some(&weights), &mut |_| {}).unwrap()
                    });
                }
            };
        }
        forest!(random_forest, random_forest::Params { oob_score: true, ..Default::default() });
        let max_samples = Some(random_forest::MaxSamples::Share(0.5));
        forest!(random_forest, random_forest::Params { max_samples, ..Default::default() });
        forest!(extra_trees, extra_trees::Params::default());
        forest!(extra_trees, extra_trees::Params { bootstrap: true, oob_score: true, ..Default::default() });
    }
}

/// Trees of a class that weighs nothing are those without it.
#[test]
fn classes_of_weight_0_are_left_out_too() {
    let [table, _] = tables(300, false);
    let few = Table::of(table.rows.iter().filter(|row| row.class < 2).cloned().collect());
    let weights = ClassWeight::Given;
    let params = |given: Vec<f64>| random_forest::Params {
        n_estimators: 5,
        class_weight: weights(given),
        ..Default::default()
    };
    let fit = |table: &Table, given: Vec<f64>| {
        let forest = params(given).check().unwrap();
        forest.fit_classes(&table.x(), &table.each(|row| row.class), None, &mut |_| {}).unwrap()
    };
    let all = fit(&table, vec![1.0, 3.0, 0.0]).predict_proba(&few.x()).unwrap();
    let two = fit(&few, vec![1.0, 3.0]).predict_proba(&few.x()).unwrap();
    for (all, two) in all.chunks(3).zip(two.chunks(2)) {
        assert!(all[2] == 0.0 && (all[1] - two[1]).abs() < 1e-6, "{all:?} {two:?}");
    }
}

/// With the learning curve of validation rows some of which weigh nothing, and the round that it stops at.
#[test]
fn boosting() {
    let objectives = [
        Objective::SquaredError,
        Objective::AbsoluteError,
        Objective::QuantileError,
        Objective::PseudoHuberError,
        Objective::SquaredLogError,
        Objective::Poisson,
        Objective::Gamma,
        Objective::Tweedie,
        Objective::MultiSoftprob,
        Objective::BinaryLogistic,
        Objective::RankNdcg,
        Objective::RankPairwise,
    ];
    for (number, objective) in objectives.into_iter().enumerate() {
        let y = |table: &Table| {
            table.each(|row| match objective {
                Objective::MultiSoftprob => f64::from(row.class),
                Objective::BinaryLogistic => f64::from(row.class.min(1)),
                objective if objective.ranks() => row.grade,
                _ => row.number.abs() + 0.1,
            })
        };
        let sampled = number % 2 == 1;
        let params = Boosting {
            objective,
            num_round: 12,
            early_stopping_rounds: Some(3),
            categorical_features: vec![3],
            subsample: if sampled { 0.7 } else { 1.0 },
            colsample_bytree: if sampled { 0.8 } else { 1.0 },
            max_leaves: if sampled { 9 } else { 0 },
            grow_policy: if sampled { GrowPolicy::Lossguide } else { GrowPolicy::Depthwise },
            min_data_in_leaf: if sampled { 5 } else { 0 },
            ..Boosting::default()
        };
        let params = params.check().unwrap();
        same(objective.name(), true, |table| {
            let [plain, with] = tables(300, true);
            // The validation rows with weight are the same; those without are there if there are such training rows.
            let watched = if table.rows.iter().any(|row| row.weight == 0.0) { with } else { plain };
            let mut curve: Vec<Round> = Vec::new();
            let parts = |table: &Table| (y(table), table.each(|row| row.weight), table.each(|row| row.group));
            let ((y, w, g), (vy, vw, vg)) = (parts(table), parts(&watched));
            let (x, vx) = (table.x(), watched.x());
            let groups = objective.ranks();
            let data = Data { x: &x, y: &y, weights: Some(&w), groups: groups.then_some(&g[..]) };
            let validation = Data { x: &vx, y: &vy, weights: Some(&vw), groups: groups.then_some(&vg[..]) };
            let mut on_round = |round: &Round| {
                curve.push(round.clone());
                ControlFlow::Continue(())
            };
            let model = params.fit(data, Some(validation), &mut on_round).unwrap();
            let more =
                params.fit_from(Some(&model), data, Some(validation), &mut |_| ControlFlow::Continue(()));
            (model, more.unwrap(), curve)
        });
    }
}

/// Metrics of rankings and areas know nothing of rows without weight.
#[test]
fn boosting_metrics() {
    for (objective, metric) in [
        (Objective::BinaryLogistic, "auc"),
        (Objective::BinaryLogistic, "aucpr"),
        (Objective::RankNdcg, "ndcg@3"),
    ] {
        same(metric, false, |table| {
            let eval_metric: Vec<EvalMetric> = vec![metric.parse().unwrap()];
            let params =
                Boosting { objective, num_round: 4, eval_metric, ..Boosting::default() }.check().unwrap();
            let y = table.each(|row| f64::from(row.class.min(1)));
            let (weights, groups) = (table.each(|row| row.weight), table.each(|row| row.group));
            let x = table.x();
            let data = Data {
                x: &x,
                y: &y,
                weights: Some(&weights),
                groups: objective.ranks().then_some(&groups[..]),
            };
            let mut curve = Vec::new();
            let model = params.fit(data, None, &mut |round| {
                curve.push(round.clone());
                ControlFlow::Continue(())
            });
            (model.unwrap(), curve)
        });
    }
}

/// Bins follow the weights: what weighs little leaves few of them for what weighs much.
#[test]
fn tiny_weights_move_hardly_any_bin() {
    let near: Vec<f64> = (0..2000).map(|i| scattered(i, 0)).collect();
    let far: Vec<f64> = (0..20_000).map(|i| 10.0 + 1000.0 * scattered(i, 1)).collect();
    let x: Vec<f64> = near.iter().chain(&far).copied().collect();
    let y: Vec<f64> = x.iter().map(|x| if *x < 2.0 { (20.0 * x).sin() } else { 0.0 }).collect();
    let asked: Vec<f64> = (0..500).map(|i| scattered(i, 2)).collect();
    let (x, asked) = (Columns::new(vec![&x]).unwrap(), Columns::new(vec![&asked]).unwrap());
    let off = |predicted: &[f64]| {
        let squares = asked.column(0).iter().zip(predicted).map(|(x, p)| ((20.0 * x).sin() - p).powi(2));
        squares.sum::<f64>() / predicted.len() as f64
    };
    for light in [1e-9, 1e-3] {
        let weights: Vec<f64> = (0..22_000).map(|i| if i < 2000 { 1.0 } else { light }).collect();
        let data = Data { x: &x, y: &y, weights: Some(&weights), groups: None };
        let boosted = Boosting::default().check().unwrap();
        let boosted = boosted.fit(data, None, &mut |_| ControlFlow::Continue(())).unwrap();
        let forest = random_forest::Params { n_estimators: 20, ..Default::default() }.check().unwrap();
        let forest = forest.fit_numbers(&x, &y, Some(&weights), &mut |_| {}).unwrap();
        let extra = extra_trees::Params { n_estimators: 20, ..Default::default() }.check().unwrap();
        let extra = extra.fit_numbers(&x, &y, Some(&weights), &mut |_| {}).unwrap();
        let found = [
            off(&boosted.predict_numbers(&asked).unwrap()),
            off(&forest.predict_numbers(&asked).unwrap()),
            off(&extra.predict_numbers(&asked).unwrap()),
        ];
        assert!(found.iter().all(|off| *off < 0.005), "{light}: {found:?}");
    }
}

#[test]
fn other_models() {
    let weights = |table: &Table| table.each(|row| row.weight);
    let number = |table: &Table| table.each(|row| row.number);
    let class = |table: &Table| table.each(|row| row.class);
    near("linear-regression", |table, asked| {
        let params = linear_regression::Params::default().check().unwrap();
        params.fit(&table.x(), &number(table), Some(&weights(table))).unwrap().predict(asked).unwrap()
    });
    near("ridge", |table, asked| {
        let params = ridge::Params::default().check().unwrap();
        params.fit(&table.x(), &number(table), Some(&weights(table))).unwrap().predict(asked).unwrap()
    });
    near("elastic-net", |table, asked| {
        let params = elastic_net::Params { alpha: 0.01, ..Default::default() }.check().unwrap();
        params.fit(&table.x(), &number(table), Some(&weights(table))).unwrap().model.predict(asked).unwrap()
    });
    near("logistic-regression", |table, asked| {
        let params = logistic_regression::Params::default().check().unwrap();
        params.fit(&table.x(), &class(table), Some(&weights(table))).unwrap().predict_proba(asked).unwrap()
    });
    near("naive-bayes", |table, asked| {
        let params = naive_bayes::Params::default().check().unwrap();
        params.fit(&table.x(), &class(table), Some(&weights(table))).unwrap().predict_proba(asked).unwrap()
    });
    near("svm", |table, asked| {
        let params = svm::Params::default().check().unwrap();
        let model = params.fit_numbers(&table.x(), &number(table), Some(&weights(table))).unwrap();
        model.predict(asked).unwrap()
    });
    near("k-means", |table, asked| {
        let params = k_means::Params { n_clusters: 3, ..Default::default() }.check().unwrap();
        let model = params.fit(&table.x(), Some(&weights(table))).unwrap().0;
        // Clusters have no order.
        let near = model.distances(asked).unwrap();
        let near = near.chunks(3).map(|own| own.iter().copied().fold(f64::INFINITY, f64::min));
        near.chain([model.inertia() / 100.0]).collect()
    });
    near("gaussian-mixture", |table, asked| {
        let params = gaussian_mixture::Params { n_components: 2, ..Default::default() }.check().unwrap();
        let model = params.fit(&table.x(), Some(&weights(table)), &mut |_| {}).unwrap();
        model.predict_proba(asked).unwrap().1
    });
    near("isolation-forest", |table, asked| {
        let params = isolation_forest::Params::default().check().unwrap();
        params.fit(&table.x(), Some(&weights(table)), &mut |_| {}).unwrap().score_samples(asked).unwrap()
    });
}
