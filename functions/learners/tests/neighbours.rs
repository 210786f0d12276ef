//! Naive Bayes, decompositions, neighbours and clusters against what scikit-learn says: the same figures where there is
//! one answer, as good ones on real data. `reference/make_neighbours.py` makes the reference.

use millstream_learners::metrics::{multiclass, partition, regression};
use millstream_learners::neighbours::Metric;
use millstream_learners::{
    Check, Columns, Matrix, agglomerative, dbscan, gaussian_mixture, k_means, knn, naive_bayes, pca,
};
use serde_json::Value;
use smartcore::dataset::{Dataset, breast_cancer, diabetes, digits, iris};

const FOLDS: usize = 5;

fn reference() -> Value {
    serde_json::from_str(include_str!("reference/neighbours.json")).expect("the reference is JSON")
}

/// Holds two numbers together, relative to the larger one or to 1.
#[track_caller]
fn close(ours: f64, theirs: f64, tolerance: f64, what: &str) {
    let scale = theirs.abs().max(ours.abs()).max(1.0);
    assert!((ours - theirs).abs() <= tolerance * scale, "{what}: {ours}, the reference says {theirs}");
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn labels(value: &Value) -> Vec<u32> {
    numbers(value).into_iter().map(|v| v as u32).collect()
}

#[track_caller]
fn all_close(ours: &[f64], theirs: &Value, tolerance: f64, what: &str) {
    let theirs = numbers(theirs);
    assert_eq!(ours.len(), theirs.len(), "{what}");
    ours.iter().zip(theirs).for_each(|(ours, theirs)| close(*ours, theirs, tolerance, what));
}

/// The small table, its counts, weights, classes and numbers.
struct Small {
    x: Matrix,
    counts: Matrix,
    weights: Vec<f64>,
    three: Vec<u32>,
    number: Vec<f64>,
}

fn small(reference: &Value) -> Small {
    let data = &reference["data"];
    Small {
        x: Matrix::from_rows(&numbers(&data["x"]), 4).unwrap(),
        counts: Matrix::from_rows(&numbers(&data["counts"]), 4).unwrap(),
        weights: numbers(&data["weights"]),
        three: labels(&data["three"]),
        number: numbers(&data["number"]),
    }
}

#[test]
fn bayes_is_theirs() {
    use naive_bayes::{Kind, Params};
    let reference = reference();
    let small = small(&reference);
    let weights = Some(small.weights.as_slice());
    let plain = Params::default();
    let kind = |kind| Params { kind, ..plain.clone() };
    let priors = Some(vec![0.2, 0.3, 0.5]);
    let cases = [
        ("gaussian", plain.clone(), &small.x, None),
        ("gaussian_weighted", Params { var_smoothing: 1e-3, ..plain.clone() }, &small.x, weights),
        ("gaussian_priors", Params { priors, ..plain.clone() }, &small.x, None),
        ("bernoulli", Params { binarize: 0.5, ..kind(Kind::Bernoulli) }, &small.x, None),
        ("multinomial", Params { alpha: 0.5, ..kind(Kind::Multinomial) }, &small.counts, None),
        (
            "multinomial_weighted",
            Params { fit_prior: false, ..kind(Kind::Multinomial) },
            &small.counts,
            weights,
        ),
        ("categorical", Params { min_categories: Some(12), ..kind(Kind::Categorical) }, &small.counts, None),
        ("categorical_weighted", kind(Kind::Categorical), &small.counts, weights),
    ];
    assert_eq!(cases.len(), reference["bayes"].as_object().unwrap().len());
    for (name, params, x, weights) in cases {
        let model = params.check().unwrap().fit(&x.columns(), &small.three, weights).unwrap();
        let proba = model.predict_proba(&x.columns()).unwrap();
        all_close(&proba, &reference["bayes"][name], 1e-9, name);
    }
}

#[test]
fn decompositions_are_theirs() {
    use pca::{Components, Params, Solver};
    let reference = reference();
    let small = small(&reference);
    let count = |count| Params { n_components: Components::Count(count), ..Params::default() };
    for (name, params) in [
        ("pca", count(3)),
        ("share", Params { n_components: Components::Share(0.8), ..Params::default() }),
        ("whiten", Params { whiten: true, ..count(2) }),
        ("svd", Params { center: false, ..count(3) }),
    ] {
        let theirs = &reference["decompositions"][name];
        for svd_solver in [Solver::Auto, Solver::Randomized] {
            if svd_solver == Solver::Randomized && name == "share" {
                continue;
            }
            let params = Params { svd_solver, n_iter: Some(20), ..params.clone() };
            let model = params.check().unwrap().fit(&small.x.columns()).unwrap();
            all_close(model.components(), &theirs["components"], 1e-8, name);
            all_close(model.explained_variance(), &theirs["variance"], 1e-8, name);
            all_close(model.explained_variance_ratio(), &theirs["ratio"], 1e-8, name);
            all_close(model.singular_values(), &theirs["singular"], 1e-8, name);
            let out = model.transform(&small.x.columns()).unwrap().concat();
            all_close(&out, &theirs["transformed"], 1e-8, name);
        }
    }
}

fn part<'a>(x: &Columns<'a>, from: usize, to: usize) -> Columns<'a> {
    Columns::new(x.iter().map(|column| &column[from..to]).collect()).unwrap()
}

#[test]
fn neighbours_are_theirs() {
    use knn::{Algorithm, Params, Weights};
    let reference = reference();
    let small = small(&reference);
    let (fit, ask) = (part(&small.x.columns(), 0, 50), part(&small.x.columns(), 50, 80));
    for (metric, metric_name) in [(Metric::Euclidean, "euclidean"), (Metric::Manhattan, "manhattan")] {
        for (weights, weights_name) in [(Weights::Uniform, "uniform"), (Weights::Distance, "distance")] {
            let name = format!("{metric_name}_{weights_name}");
            let theirs = &reference["nearest"][&name];
            for algorithm in [Algorithm::KdTree, Algorithm::Brute] {
                let params = Params { n_neighbors: 4, metric, weights, algorithm, ..Params::default() };
                let params = params.check().unwrap();
                let classes = params.fit_classes(&fit, &small.three[..50]).unwrap();
                let (distances, rows) = classes.neighbours(&ask).unwrap();
                all_close(&distances, &theirs["distances"], 1e-10, &name);
                assert_eq!(rows, labels(&theirs["rows"]), "{name}");
                all_close(&classes.predict_proba(&ask).unwrap(), &theirs["proba"], 1e-10, &name);
                let numbers = params.fit_numbers(&fit, &small.number[..50]).unwrap();
                all_close(&numbers.predict_numbers(&ask).unwrap(), &theirs["numbers"], 1e-10, &name);
            }
        }
    }
}

#[test]
fn dense_clusters_are_theirs() {
    use dbscan::Params;
    let reference = reference();
    let small = small(&reference);
    for (name, params, weights) in [
        ("dbscan", Params { eps: 1.2, min_samples: 4, ..Params::default() }, None),
        ("dbscan_weighted", Params { eps: 1.0, min_samples: 7, ..Params::default() }, Some(&small.weights)),
        ("dbscan_manhattan", Params { eps: 2.0, min_samples: 4, metric: Metric::Manhattan }, None),
    ] {
        let weights = weights.map(Vec::as_slice);
        let (_, clustered) = params.check().unwrap().fit(&small.x.columns(), weights).unwrap();
        let theirs: Vec<i32> = numbers(&reference["clusters"][name]).into_iter().map(|v| v as i32).collect();
        assert!(theirs.contains(&1) && theirs.contains(&-1), "{name}: the reference says something");
        assert_eq!(clustered.labels, theirs, "{name}");
    }
}

#[test]
fn merges_are_theirs() {
    use agglomerative::{Linkage, Params};
    let reference = reference();
    let small = small(&reference);
    for (name, linkage) in [
        ("ward", Linkage::Ward),
        ("complete", Linkage::Complete),
        ("average", Linkage::Average),
        ("single", Linkage::Single),
    ] {
        let params = Params { n_clusters: Some(5), linkage, ..Params::default() };
        let tree = params.check().unwrap().fit(&small.x.columns()).unwrap();
        let distances: Vec<f64> = tree.merges.iter().map(|merge| merge.distance).collect();
        all_close(&distances, &reference["clusters"][name]["distances"], 1e-9, name);
        let theirs = labels(&reference["clusters"][name]["labels"]);
        close(partition::adjusted_rand(&theirs, &tree.labels).unwrap(), 1.0, 1e-12, name);
    }
}

#[test]
fn clusters_of_any_density_are_theirs() {
    use millstream_learners::hdbscan::{Params, Selection};
    let reference = reference();
    let small = small(&reference);
    let columns = small.x.columns();
    let moved = |j: usize| -> Vec<f64> {
        let by = [1.0, -1.0, 0.5, 0.0][j];
        columns.column(j).iter().enumerate().map(|(i, v)| v + 4.0 * (i % 3) as f64 * by).collect()
    };
    let apart: Vec<Vec<f64>> = (0..4).map(moved).collect();
    let x = Columns::new(apart.iter().map(Vec::as_slice).collect()).unwrap();
    for (method, name) in [(Selection::Eom, "eom"), (Selection::Leaf, "leaf")] {
        for size in [5, 10] {
            let theirs = &reference["clusters"][format!("hdbscan_{name}_{size}")];
            let params =
                Params { min_cluster_size: size, cluster_selection_method: method, ..Params::default() };
            let found = params.check().unwrap().fit(&x).unwrap();
            // One more, so that noise is a label too.
            let their_labels: Vec<u32> =
                numbers(&theirs["labels"]).into_iter().map(|label| (label + 1.0) as u32).collect();
            let ours: Vec<u32> = found.labels.iter().map(|&label| (label + 1) as u32).collect();
            assert!(their_labels.iter().max() >= Some(&3), "the reference says something");
            close(partition::adjusted_rand(&their_labels, &ours).unwrap(), 1.0, 1e-12, name);
            all_close(&found.probabilities, &theirs["probabilities"], 1e-9, name);
        }
    }
}

#[test]
fn mixtures_are_theirs() {
    use gaussian_mixture::{CovarianceType, Params};
    let reference = reference();
    let small = small(&reference);
    for (name, covariance_type) in [
        ("mixture_full", CovarianceType::Full),
        ("mixture_tied", CovarianceType::Tied),
        ("mixture_diag", CovarianceType::Diag),
        ("mixture_spherical", CovarianceType::Spherical),
    ] {
        let theirs = &reference["clusters"][name];
        let params = Params {
            n_components: 3,
            covariance_type,
            tol: 1e-10,
            max_iter: 5000,
            n_init: 10,
            ..Params::default()
        };
        let model = params.check().unwrap().fit(&small.x.columns(), None, &mut |_| {}).unwrap();
        // Both stop where the likelihood is highest; the best of ten starts is the same one.
        let their_bound = theirs["lower_bound"].as_f64().unwrap();
        assert!(model.lower_bound() >= their_bound - 1e-6, "{name}: {} {their_bound}", model.lower_bound());
        if (model.lower_bound() - their_bound).abs() < 1e-6 {
            let (aic, bic) = model.criteria(&small.x.columns()).unwrap();
            close(aic, theirs["aic"].as_f64().unwrap(), 1e-6, name);
            close(bic, theirs["bic"].as_f64().unwrap(), 1e-6, name);
            let mut weights = model.weights().to_vec();
            weights.sort_by(f64::total_cmp);
            all_close(&weights, &theirs["weights"], 1e-3, name);
        }
    }
}

/// Rows of a real table, and what they are labelled.
struct Table {
    rows: Vec<Vec<f64>>,
    y: Vec<f64>,
}

impl Table {
    fn new<Y: Copy + Into<f64>>(data: &Dataset<f32, Y>) -> Self {
        let rows = data.data.chunks(data.num_features);
        Self {
            rows: rows.map(|row| row.iter().map(|v| f64::from(*v)).collect()).collect(),
            y: data.target.iter().map(|&y| y.into()).collect(),
        }
    }

    fn wine() -> Self {
        let lines = include_str!("reference/wine.csv").lines().skip(1);
        let mut rows: Vec<Vec<f64>> =
            lines.map(|line| line.split(',').map(|v| v.parse().unwrap()).collect()).collect();
        let y = rows.iter_mut().map(|row| row.pop().unwrap()).collect();
        Self { rows, y }
    }

    fn standardized(&self) -> Self {
        let n = self.rows.len() as f64;
        let mut rows = self.rows.clone();
        for j in 0..rows[0].len() {
            let mean = rows.iter().map(|row| row[j]).sum::<f64>() / n;
            let variance = rows.iter().map(|row| (row[j] - mean).powi(2)).sum::<f64>() / n;
            let scale = if variance > 0.0 { variance.sqrt() } else { 1.0 };
            rows.iter_mut().for_each(|row| row[j] = (row[j] - mean) / scale);
        }
        Self { rows, y: self.y.clone() }
    }

    fn select(&self, wanted: impl Fn(usize) -> bool) -> (Matrix, Vec<f64>) {
        let rows: Vec<usize> = (0..self.y.len()).filter(|&i| wanted(i)).collect();
        let values: Vec<f64> = rows.iter().flat_map(|&i| self.rows[i].iter().copied()).collect();
        (Matrix::from_rows(&values, self.rows[0].len()).unwrap(), rows.iter().map(|&i| self.y[i]).collect())
    }

    fn matrix(&self) -> Matrix {
        self.select(|_| true).0
    }

    fn crossed<const N: usize>(
        &self,
        predict: impl Fn(&Columns, &[f64], &Columns) -> Vec<f64>,
        figures: impl Fn(&[f64], &[f64]) -> [f64; N],
    ) -> [f64; N] {
        let mut means = [0.0; N];
        for fold in 0..FOLDS {
            let (train, y) = self.select(|i| i % FOLDS != fold);
            let (test, truth) = self.select(|i| i % FOLDS == fold);
            let own = figures(&truth, &predict(&train.columns(), &y, &test.columns()));
            means.iter_mut().zip(own).for_each(|(mean, value)| *mean += value / FOLDS as f64);
        }
        means
    }
}

fn classes(y: &[f64]) -> Vec<u32> {
    y.iter().map(|&class| class as u32).collect()
}

fn class_figures(truth: &[f64], proba: &[f64]) -> [f64; 2] {
    let scores = multiclass::scores(&classes(truth), proba, proba.len() / truth.len(), None).unwrap();
    [scores.accuracy, scores.log_loss]
}

fn sets() -> Vec<(&'static str, Table)> {
    let digits = digits::load_dataset();
    let pixels = digits.data.chunks(digits.num_features);
    let digits = Table {
        rows: pixels.map(|row| row.iter().map(|v| f64::from(*v)).collect()).collect(),
        y: digits.target.iter().map(|&v| f64::from(v)).collect(),
    };
    vec![
        ("breast_cancer", Table::new(&breast_cancer::load_dataset())),
        ("iris", Table::new(&iris::load_dataset())),
        ("digits", digits),
        ("wine", Table::wine()),
    ]
}

/// No worse than theirs by more than half their standard deviation over the folds.
#[track_caller]
fn as_good(theirs: &Value, [accuracy, log_loss]: [f64; 2], what: &str) {
    let figure = |name: &str, part: &str| theirs[name][part].as_f64().unwrap();
    let least = figure("accuracy", "mean") - 0.5 * figure("accuracy", "std") - 1e-9;
    assert!(accuracy >= least, "{what}: accuracy {accuracy}, theirs {least}");
    let most = figure("log_loss", "mean") + 0.5 * figure("log_loss", "std") + 1e-9;
    assert!(log_loss <= most, "{what}: log loss {log_loss}, theirs {most}");
}

#[test]
fn bayes_is_as_good_on_real_data() {
    let reference = reference();
    for (name, table) in sets() {
        let params = naive_bayes::Params { var_smoothing: 1e-6, ..Default::default() }.check().unwrap();
        let fit = |x: &Columns, y: &[f64], test: &Columns| {
            params.fit(x, &classes(y), None).unwrap().predict_proba(test).unwrap()
        };
        as_good(&reference["quality"][name]["gaussian"], table.crossed(fit, class_figures), name);
        if name == "digits" {
            let kind = naive_bayes::Kind::Multinomial;
            let params = naive_bayes::Params { kind, ..Default::default() }.check().unwrap();
            let fit = |x: &Columns, y: &[f64], test: &Columns| {
                params.fit(x, &classes(y), None).unwrap().predict_proba(test).unwrap()
            };
            as_good(&reference["quality"][name]["multinomial"], table.crossed(fit, class_figures), name);
        }
    }
}

#[test]
fn neighbours_are_as_good_on_real_data() {
    let reference = reference();
    let weights = knn::Weights::Distance;
    for (name, table) in sets() {
        for algorithm in [knn::Algorithm::Auto, knn::Algorithm::Ivf] {
            let params =
                knn::Params { n_neighbors: 15, weights, algorithm, n_probe: Some(8), ..Default::default() };
            let params = params.check().unwrap();
            let fit = |x: &Columns, y: &[f64], test: &Columns| {
                params.fit_classes(x, &classes(y)).unwrap().predict_proba(test).unwrap()
            };
            let figures = table.standardized().crossed(fit, class_figures);
            as_good(&reference["quality"][name]["knn"], figures, &format!("{name} {algorithm:?}"));
        }
    }
    let params = knn::Params { n_neighbors: 15, ..Default::default() }.check().unwrap();
    let [r2] = Table::new(&diabetes::load_dataset()).crossed(
        |x, y, test| params.fit_numbers(x, y).unwrap().predict_numbers(test).unwrap(),
        |truth, predicted| [regression::scores(truth, predicted, None).unwrap().r2],
    );
    // smartcore's copy of the data is not scaled as scikit-learn's, so that neighbours differ.
    assert!(r2 > reference["quality"]["diabetes"]["knn"]["r2"]["mean"].as_f64().unwrap() - 0.1, "{r2}");
}

#[test]
fn clusters_are_as_good_on_real_data() {
    let reference = reference();
    for (name, table) in sets() {
        let theirs = &reference["quality"][name];
        let scaled = table.standardized().matrix();
        let x = scaled.columns();
        let k = classes(&table.y).into_iter().max().unwrap() + 1;

        let params = pca::Params { n_components: pca::Components::Count(3), ..Default::default() };
        let model = params.check().unwrap().fit(&x).unwrap();
        // smartcore's iris has a few typing errors of its own.
        all_close(model.explained_variance_ratio(), &theirs["variance"], 3e-3, name);

        let params = k_means::Params { n_clusters: k, n_init: 10, ..Default::default() };
        let (model, _) = params.check().unwrap().fit(&x, None).unwrap();
        let inertia = theirs["k_means"]["inertia"].as_f64().unwrap();
        assert!(model.inertia() <= inertia * 1.01, "{name}: {} {inertia}", model.inertia());

        let params = agglomerative::Params { n_clusters: Some(k), ..Default::default() };
        let tree = params.check().unwrap().fit(&x).unwrap();
        let ours = partition::adjusted_rand(&classes(&table.y), &tree.labels).unwrap();
        close(ours, theirs["ward"]["adjusted_rand"].as_f64().unwrap(), 0.02, name);

        let covariance_type = gaussian_mixture::CovarianceType::Diag;
        // One start, as often as theirs: starts differ and end in different places.
        let score = |seed| {
            let params = gaussian_mixture::Params {
                n_components: k,
                covariance_type,
                reg_covar: 1e-3,
                seed,
                ..Default::default()
            };
            let model = params.check().unwrap().fit(&x, None, &mut |_| {}).unwrap();
            model.predict_proba(&x).unwrap().1.iter().sum::<f64>() / x.rows() as f64
        };
        let mut scores: Vec<f64> = (0..12).map(score).collect();
        scores.sort_by(f64::total_cmp);
        let score = (scores[5] + scores[6]) / 2.0;
        let their = |part: &str| theirs["mixture"][part].as_f64().unwrap();
        let least = their("median") - 0.5 * their("std") - 1e-3 * their("median").abs();
        assert!(score >= least, "{name}: {score} {least}");
    }
}
