//! Naive Bayes, decompositions, neighbours and clusters against what scikit-learn says of small tables.
//! `reference/make_neighbours.py` makes the reference.

use millstream_learners::metrics::partition;
use millstream_learners::neighbours::Metric;
use millstream_learners::{
    Check, Columns, Matrix, agglomerative, dbscan, gaussian_mixture, knn, naive_bayes, pca,
};
use serde_json::Value;

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
            let (_, found) = params.check().unwrap().fit(&x).unwrap();
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
fn new_rows_are_put_where_theirs_are() {
    use millstream_learners::hdbscan::{Params, Selection};
    let reference: Value = serde_json::from_str(include_str!("reference/hdbscan.json")).unwrap();
    let matrix = |name: &str| Matrix::from_rows(&numbers(&reference[name]), 2).unwrap();
    let (x, new) = (matrix("x"), matrix("new"));
    // Clusters are numbered otherwise; one more, so that noise is a label too.
    let shifted =
        |labels: Vec<f64>| -> Vec<u32> { labels.iter().map(|label| (label + 1.0) as u32).collect() };
    for case in reference["cases"].as_array().unwrap() {
        let leaf = case["method"] == "leaf";
        let metric = if case["metric"] == "manhattan" { Metric::Manhattan } else { Metric::Euclidean };
        let params = Params {
            min_cluster_size: case["min_cluster_size"].as_u64().unwrap() as u32,
            min_samples: Some(case["min_samples"].as_u64().unwrap() as u32),
            cluster_selection_method: if leaf { Selection::Leaf } else { Selection::Eom },
            metric,
            ..Params::default()
        };
        let (model, found) = params.check().unwrap().fit(&x.columns()).unwrap();
        let placed = model.predict(&new.columns()).unwrap();
        let theirs = [shifted(numbers(&case["fitted"])), shifted(numbers(&case["labels"]))].concat();
        let ours: Vec<f64> =
            found.labels.iter().chain(&placed.labels).map(|&label| f64::from(label)).collect();
        let name = case.to_string();
        close(partition::adjusted_rand(&theirs, &shifted(ours)).unwrap(), 1.0, 1e-12, &name);
        all_close(&placed.probabilities, &case["strengths"], 1e-9, &name);
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
