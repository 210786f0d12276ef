//! What learns without a target, beside scikit-learn's: on rows that it has not seen, where there is a model for them.

use crate::hold::{Beside, Case, Figures, hold};
use crate::table::Fold;
use crate::{ALL, CLASSES};
use millstream_learners::metrics::{curves, partition};
use millstream_learners::{Check, agglomerative, gaussian_mixture, isolation_forest, k_means, pca};

/// Sets without categories, which are no mixture of normal distributions.
const MEASURED: &[&str] = &["breast_cancer", "digits", "wine", "iris", "diabetes", "winequality_white"];

fn clusters(fold: &Fold) -> u32 {
    if fold.classes() > 0 { fold.classes() as u32 } else { 8 }
}

fn means(fold: &Fold, seed: u64) -> Figures {
    let view = fold.wide();
    let params = k_means::Params { n_clusters: clusters(fold), n_init: 10, seed, ..Default::default() };
    let (model, _) = params.check().unwrap().fit(&view.train(), None).unwrap();
    let distances = model.distances(&view.test()).unwrap();
    let nearest =
        distances.chunks(model.clusters()).map(|row| row.iter().copied().fold(f64::INFINITY, f64::min));
    let inertia = nearest.map(|distance| distance * distance).sum::<f64>() / fold.truth.len() as f64;
    vec![("train_inertia", model.inertia() / fold.y.len() as f64), ("inertia", inertia)]
}

fn mixture(fold: &Fold, seed: u64) -> Figures {
    let view = fold.wide();
    let params = gaussian_mixture::Params {
        n_components: clusters(fold),
        covariance_type: gaussian_mixture::CovarianceType::Diag,
        reg_covar: 1e-3,
        seed,
        ..Default::default()
    };
    let model = params.check().unwrap().fit(&view.train(), None, &mut |_| {}).unwrap();
    let [train, test] = [view.train(), view.test()].map(|x| {
        let likelihoods = model.predict_proba(&x).unwrap().1;
        likelihoods.iter().sum::<f64>() / likelihoods.len() as f64
    });
    vec![("train_log_likelihood", train), ("log_likelihood", test)]
}

/// How far rows lie from what three components say of them.
fn reconstruction(fold: &Fold, center: bool) -> Figures {
    let view = fold.wide();
    let params = pca::Params { n_components: pca::Components::Count(3), center, ..Default::default() };
    let model = params.check().unwrap().fit(&view.train()).unwrap();
    let test = view.test();
    let reduced = model.transform(&test).unwrap();
    let mut squares = 0.0;
    for (j, column) in test.iter().enumerate() {
        for (i, value) in column.iter().enumerate() {
            let parts = reduced.iter().zip(model.components().chunks(model.width()));
            let back = model.means()[j] + parts.map(|(out, component)| out[i] * component[j]).sum::<f64>();
            squares += (value - back) * (value - back);
        }
    }
    vec![("reconstruction_error", squares / (test.rows() * test.width()) as f64)]
}

/// Malignant tumours, class 0, are the anomalies.
fn anomalies(fold: &Fold, seed: u64) -> Figures {
    let view = fold.wide();
    let params = isolation_forest::Params { seed, ..Default::default() }.check().unwrap();
    let forest = params.fit(&view.train(), None, &mut |_| {}).unwrap();
    let scores: Vec<f64> = forest.score_samples(&view.test()).unwrap().iter().map(|score| -score).collect();
    let malignant: Vec<bool> = fold.truth.iter().map(|&class| class == 0.0).collect();
    vec![("auc", curves::roc_auc(&malignant, &scores, None).unwrap())]
}

/// There is no model for new rows: how like the classes the clusters of the rows to learn from are.
fn merged(fold: &Fold) -> Figures {
    let params = agglomerative::Params { n_clusters: Some(clusters(fold)), ..Default::default() };
    let tree = params.check().unwrap().fit(&fold.wide().train()).unwrap();
    vec![("adjusted_rand", partition::adjusted_rand(&fold.labels(), &tree.labels).unwrap())]
}

pub fn cases() -> Vec<Case> {
    vec![
        Case { seeds: 8, beside: Beside::NoWorse("train_inertia", 5e-3), ..Case::new("k-means", ALL, means) },
        Case { seeds: 12, ..Case::new("gaussian-mixture", MEASURED, mixture) },
        Case { beside: Beside::Same(1e-6), ..Case::new("pca", ALL, |fold, _| reconstruction(fold, true)) },
        Case {
            beside: Beside::Same(1e-6),
            ..Case::new("truncated-svd", ALL, |fold, _| reconstruction(fold, false))
        },
        Case { seeds: 8, ..Case::new("isolation-forest", &["breast_cancer"], anomalies) },
        Case { beside: Beside::Same(0.02), ..Case::new("agglomerative", CLASSES, |fold, _| merged(fold)) },
    ]
}

#[test]
fn clusters_components_and_anomalies_are_as_good() {
    hold(cases());
}
