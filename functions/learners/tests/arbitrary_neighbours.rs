//! Whatever the matrix: a model that predicts, or an error; never a panic, never an endless loop, never a prediction
//! that is not finite. As `arbitrary.rs`, for naive Bayes, decompositions, neighbours and clusters.

use millstream_learners::neighbours::Metric;
use millstream_learners::{
    Check, Error, Matrix, agglomerative, dbscan, gaussian_mixture, k_means, knn, naive_bayes, pca,
};
use proptest::prelude::*;

#[derive(Debug, Clone)]
struct Table {
    values: Vec<f64>,
    width: usize,
    y: Vec<f64>,
    weights: Option<Vec<f64>>,
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        40 => (-3i8..=3).prop_map(f64::from),
        20 => -1e3..1e3f64,
        1 => prop_oneof![Just(1e155), Just(-1e155), Just(1e308), Just(-1e308), Just(1e-310), Just(1e40), Just(-0.0)],
        1 => prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY)],
    ]
}

fn table() -> impl Strategy<Value = Table> {
    (1usize..7, 1usize..40, any::<bool>()).prop_flat_map(|(width, rows, tame)| {
        let weight = prop_oneof![20 => 0.0..3.0f64, 5 => Just(0.0), 1 => Just(-1.0), 1 => Just(1e300)];
        let label = prop_oneof![60 => (0u8..3).prop_map(f64::from), 1 => value()];
        let values = match tame {
            true => prop::collection::vec((0i8..4).prop_map(f64::from), rows * width).boxed(),
            false => prop::collection::vec(value(), rows * width).boxed(),
        };
        (values, prop::collection::vec(label, rows), prop::option::of(prop::collection::vec(weight, rows)))
            .prop_map(move |(values, y, weights)| Table { values, width, y, weights })
    })
}

impl Table {
    fn matrix(&self) -> Matrix {
        Matrix::from_rows(&self.values, self.width).unwrap()
    }

    fn classes(&self) -> Vec<u32> {
        self.y.iter().map(|&y| y as u32).collect()
    }

    fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }
}

fn sound_shares(proba: &[f64], rows: usize) -> Result<(), TestCaseError> {
    for row in proba.chunks(proba.len() / rows) {
        prop_assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{row:?}");
        prop_assert!(row.iter().all(|p| (0.0..=1.0).contains(p)), "{row:?}");
    }
    Ok(())
}

/// An error says something; a state comes back as it was, whatever was fitted.
fn sound<M>(fitted: Result<M, Error>) -> Result<Option<M>, TestCaseError>
where
    M: serde::Serialize + serde::de::DeserializeOwned,
{
    match fitted {
        Ok(model) => {
            let json = serde_json::to_string(&model).unwrap();
            let back: Result<M, _> = serde_json::from_str(&json);
            prop_assert!(back.is_ok(), "{:?}", back.err());
            Ok(back.ok())
        }
        Err(error) => {
            prop_assert!(!error.to_string().is_empty());
            Ok(None)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bayes(table in table(), kind in 0usize..4, alpha in prop_oneof![Just(0.0), Just(1.0)], fit_prior: bool) {
        use naive_bayes::{Kind, Params};
        let kind = [Kind::Gaussian, Kind::Bernoulli, Kind::Multinomial, Kind::Categorical][kind];
        let x = table.matrix();
        let params = Params { kind, alpha, fit_prior, ..Params::default() }.check().unwrap();
        let fitted = params.fit(&x.columns(), &table.classes(), table.weights());
        if let Some(model) = sound(fitted)? {
            match model.predict_proba(&x.columns()) {
                Ok(proba) => sound_shares(&proba, x.columns().rows())?,
                // A row that weighed nothing may be too large to be asked about.
                Err(Error::Data { row, .. }) => {
                    let weightless = |row: usize| table.weights().is_some_and(|w| w[row] == 0.0);
                    prop_assert!(row.is_some_and(weightless), "{row:?} has weight");
                }
                Err(error) => return Err(TestCaseError::fail(error.to_string())),
            }
            prop_assert!(model.separation().iter().all(|s| *s >= 0.0));
        }
    }

    #[test]
    fn clusters(table in table(), n_clusters in 1u32..9, kind in 0usize..6) {
        use k_means::{Algorithm, Init, Params};
        let x = table.matrix();
        let init = [Init::PlusPlus, Init::Parallel, Init::Random][kind % 3];
        let algorithm = [Algorithm::Lloyd, Algorithm::MiniBatch][kind / 3];
        let params = Params { n_clusters, init, algorithm, n_init: 2, max_iter: 20, batch_size: 8, ..Params::default() };
        if let Ok((model, labels)) = params.check().unwrap().fit(&x.columns(), table.weights()) {
            prop_assert!(model.inertia() >= 0.0);
            let (predicted, distances) = model.predict_with_distances(&x.columns()).unwrap();
            prop_assert_eq!(&predicted, &labels);
            prop_assert_eq!(&model.predict(&x.columns()).unwrap(), &labels);
            prop_assert!(distances.iter().all(|d| *d >= 0.0));
        }
    }

    #[test]
    fn decompositions(table in table(), count in 1u32..8, center: bool, random: bool, whiten: bool) {
        use pca::{Components, Params, Solver};
        let x = table.matrix();
        let svd_solver = if random { Solver::Randomized } else { Solver::Auto };
        let n_components = if count == 7 && !random { Components::Share(0.9) } else { Components::Count(count) };
        let params = Params { n_components, center, svd_solver, whiten, ..Params::default() };
        if let Some(model) = sound(params.check().unwrap().fit(&x.columns()))? {
            prop_assert!(model.components().iter().all(|v| v.abs() <= 1.0 + 1e-9));
            let shares = model.explained_variance_ratio();
            prop_assert!(shares.iter().all(|s| (0.0..=1.0 + 1e-9).contains(s)), "{:?}", shares);
            let out = model.transform(&x.columns()).unwrap();
            prop_assert!(out.iter().flatten().all(|v| v.is_finite()));
        }
    }

    #[test]
    fn nearest(table in table(), n_neighbors in 1u32..9, kind in 0usize..8) {
        use knn::{Algorithm, Params, Weights};
        let x = table.matrix();
        let algorithm = [Algorithm::KdTree, Algorithm::Brute, Algorithm::Ivf, Algorithm::Auto][kind % 4];
        let weights = if kind < 4 { Weights::Uniform } else { Weights::Distance };
        let metric = if kind % 3 == 0 { Metric::Manhattan } else { Metric::Euclidean };
        let params = Params { n_neighbors, algorithm, weights, metric, ..Params::default() }.check().unwrap();
        if let Some(model) = sound(params.fit_classes(&x.columns(), &table.classes()))? {
            sound_shares(&model.predict_proba(&x.columns()).unwrap(), x.columns().rows())?;
        }
        if let Some(model) = sound(params.fit_numbers(&x.columns(), &table.y))? {
            prop_assert!(model.predict_numbers(&x.columns()).unwrap().iter().all(|v| v.is_finite()));
            let nearest = |algorithm| {
                let params = Params { n_neighbors, algorithm, metric, ..Params::default() }.check().unwrap();
                params.fit_numbers(&x.columns(), &table.y).unwrap().neighbours(&x.columns()).unwrap()
            };
            prop_assert_eq!(nearest(Algorithm::KdTree), nearest(Algorithm::Brute));
        }
    }

    #[test]
    fn dense(table in table(), eps in 0.1..4.0f64, min_samples in 1u32..6) {
        let x = table.matrix();
        let params = dbscan::Params { eps, min_samples, ..Default::default() }.check().unwrap();
        if let Ok((model, clustered)) = params.fit(&x.columns(), table.weights()) {
            let model = sound(Ok(model))?.unwrap();
            let predicted = model.predict(&x.columns()).unwrap();
            for (i, &label) in clustered.labels.iter().enumerate() {
                prop_assert!((-1..model.clusters() as i32).contains(&label));
                // Core rows and noise keep their labels; border rows stay in some cluster.
                let kept = predicted[i] == label;
                let stays = kept || (!clustered.core[i] && label >= 0 && predicted[i] >= 0);
                prop_assert!(stays, "row {}: {} became {}", i, label, predicted[i]);
            }
        }
    }

    #[test]
    fn of_any_density(table in table(), min_cluster_size in 2u32..6, min_samples in 1u32..6, leaf: bool, single: bool) {
        use millstream_learners::hdbscan::{Params, Selection};
        let x = table.matrix();
        let params = Params {
            min_cluster_size,
            min_samples: Some(min_samples),
            cluster_selection_method: if leaf { Selection::Leaf } else { Selection::Eom },
            allow_single_cluster: single,
            ..Params::default()
        };
        let fitted = params.check().unwrap().fit(&x.columns());
        if let Ok((model, found)) = fitted {
            prop_assert_eq!(found.labels.iter().max().map(|last| last + 1), Some(found.clusters as i32));
            prop_assert!(found.probabilities.iter().all(|p| (0.0..=1.0).contains(p)));
            let model = sound(Ok(model))?.unwrap();
            let placed = model.predict(&x.columns()).unwrap();
            prop_assert!(placed.labels.iter().all(|label| (-1..found.clusters as i32).contains(label)));
            prop_assert!(placed.probabilities.iter().all(|p| (0.0..=1.0).contains(p)));
        }
    }

    #[test]
    fn mixtures(table in table(), n_components in 1u32..4, kind in 0usize..8) {
        use gaussian_mixture::{CovarianceType, InitParams, Params};
        let x = table.matrix();
        let covariance_type =
            [CovarianceType::Full, CovarianceType::Tied, CovarianceType::Diag, CovarianceType::Spherical][kind % 4];
        let init_params = if kind < 4 { InitParams::Kmeans } else { InitParams::Random };
        let params = Params { n_components, covariance_type, init_params, max_iter: 20, ..Params::default() };
        let fitted = params.check().unwrap().fit(&x.columns(), table.weights(), &mut |_| {});
        if let Some(model) = sound(fitted)? {
            let (proba, scores) = model.predict_proba(&x.columns()).unwrap();
            sound_shares(&proba, x.columns().rows())?;
            prop_assert!(scores.iter().all(|s| s.is_finite()));
        }
    }

    #[test]
    fn trees(table in table(), n_clusters in 1u32..9, kind in 0usize..4) {
        use agglomerative::{Linkage, Params};
        let x = table.matrix();
        let linkage = [Linkage::Ward, Linkage::Complete, Linkage::Average, Linkage::Single][kind];
        let params = Params { n_clusters: Some(n_clusters), linkage, ..Params::default() }.check().unwrap();
        if let Ok(tree) = params.fit(&x.columns()) {
            prop_assert!(tree.merges.is_sorted_by(|a, b| a.distance <= b.distance));
            prop_assert_eq!(tree.labels.iter().max().map(|&last| last + 1), Some(n_clusters));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn forecasts(
        values in prop::collection::vec(prop::collection::vec(value(), 0..40), 0..3),
        horizon in 1u32..9,
        season_length in 1u32..9,
        kind in 0usize..9,
    ) {
        use millstream_learners::forecasting::{Method, Params, Seasonal, Series, Trend};
        let method = [Method::Ets, Method::BoostedLags, Method::SeasonalNaive][kind % 3];
        let trend = [Trend::Auto, Trend::Additive, Trend::Multiplicative][kind / 3];
        let seasonal = [Seasonal::Auto, Seasonal::Multiplicative, Seasonal::None][kind / 3];
        let mut params = Params { horizon, season_length, trend, seasonal, ..Params::default() };
        params.num_round = 3;
        let params = params.check().unwrap();
        let series: Vec<Series> =
            values.into_iter().map(|values| Series { values, calendar: Vec::new() }).collect();
        if let Ok(forecasts) = params.forecast(&series, method) {
            for forecast in forecasts {
                prop_assert_eq!((forecast.mean.len(), forecast.sd.len()), (horizon as usize, horizon as usize));
                prop_assert!(forecast.mean.iter().all(|v| v.is_finite()), "{:?}", forecast);
                prop_assert!(forecast.sd.iter().all(|v| *v >= 0.0 && v.is_finite()), "{:?}", forecast);
            }
        }
        if let Ok(test) = params.backtest(&series, method) {
            prop_assert!(test.scores.mae >= 0.0 && (0.0..=1.0).contains(&test.scores.coverage));
        }
    }
}
