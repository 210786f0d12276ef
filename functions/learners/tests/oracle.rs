//! Our kernels beside smartcore's estimators, both through smartcore's traits, on real tables: the same numbers where
//! both solve the same problem, a score that is no worse where they search.

mod common;

use common::close;
use millstream_learners::metrics::partition::adjusted_rand;
use millstream_learners::{
    agglomerative, dbscan, decision_tree, elastic_net, extra_trees, gaussian_mixture, hdbscan,
    isolation_forest, k_means, knn, linear_model, linear_regression, logistic_regression, naive_bayes, pca,
    random_forest, ridge, svm,
};
use smartcore::api::{Predictor, SupervisedEstimator, Transformer, UnsupervisedEstimator};
use smartcore::dataset::{Dataset, breast_cancer, diabetes, digits, iris};
use smartcore::linalg::basic::arrays::Array;
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::metrics::distance::euclidian::Euclidian;
use smartcore::{
    cluster, decomposition, ensemble, linear, naive_bayes as bayes, neighbors, svm as vectors, tree,
};

type X = DenseMatrix<f64>;
type Numbers = Vec<f64>;
type Classes = Vec<u32>;

const FOLDS: usize = 5;

/// Rows, and what they are labelled.
struct Table<Y> {
    rows: Vec<Vec<f64>>,
    y: Vec<Y>,
}

impl<Y: Copy> Table<Y> {
    fn new<Z: Copy>(data: &Dataset<f32, Z>, label: impl Fn(Z) -> Y) -> Self {
        let rows = data.data.chunks(data.num_features).map(|row| row.iter().map(|v| f64::from(*v)).collect());
        Self { rows: rows.collect(), y: data.target.iter().map(|&y| label(y)).collect() }
    }

    /// Columns of mean 0 and variance 1; constant ones are left out, which smartcore cannot do with.
    fn standardized(mut self) -> Self {
        let n = self.rows.len() as f64;
        let width = self.rows[0].len();
        let mut columns = Vec::new();
        for j in 0..width {
            let mean = self.rows.iter().map(|row| row[j]).sum::<f64>() / n;
            let variance = self.rows.iter().map(|row| (row[j] - mean).powi(2)).sum::<f64>() / n;
            if variance > 0.0 {
                columns.push((j, mean, variance.sqrt()));
            }
        }
        for row in &mut self.rows {
            *row = columns.iter().map(|&(j, mean, scale)| (row[j] - mean) / scale).collect();
        }
        self
    }

    fn x(&self) -> X {
        X::from_2d_vec(&self.rows).unwrap()
    }

    fn select(&self, wanted: impl Fn(usize) -> bool) -> (X, Vec<Y>) {
        let rows: Vec<usize> = (0..self.y.len()).filter(|&i| wanted(i)).collect();
        let values: Vec<Vec<f64>> = rows.iter().map(|&i| self.rows[i].clone()).collect();
        (X::from_2d_vec(&values).unwrap(), rows.iter().map(|&i| self.y[i]).collect())
    }

    /// The mean of `score` over the folds, of what `predict` says of the left-out rows.
    fn crossed(&self, predict: impl Fn(&X, &Vec<Y>, &X) -> Vec<Y>, score: impl Fn(&[Y], &[Y]) -> f64) -> f64 {
        let fold = |fold| {
            let (train, y) = self.select(|i| i % FOLDS != fold);
            let (test, truth) = self.select(|i| i % FOLDS == fold);
            score(&truth, &predict(&train, &y, &test))
        };
        (0..FOLDS).map(fold).sum::<f64>() / FOLDS as f64
    }
}

/// Fits and predicts.
fn answer<M: SupervisedEstimator<X, Y, P>, Y, P: Clone>(x: &X, y: &Y, test: &X, params: &P) -> Y {
    M::fit(x, y, params.clone()).unwrap().predict(test).unwrap()
}

fn accuracy(truth: &[u32], predicted: &[u32]) -> f64 {
    let right = truth.iter().zip(predicted).filter(|(t, p)| t == p).count();
    right as f64 / truth.len() as f64
}

fn r2(truth: &[f64], predicted: &[f64]) -> f64 {
    let mean = truth.iter().sum::<f64>() / truth.len() as f64;
    let (mut left, mut all) = (0.0, 0.0);
    for (t, p) in truth.iter().zip(predicted) {
        left += (t - p).powi(2);
        all += (t - mean).powi(2);
    }
    1.0 - left / all
}

#[track_caller]
fn no_worse(ours: f64, theirs: f64, tolerance: f64, what: &str) {
    assert!(ours >= theirs - tolerance, "{what}: {ours}, smartcore's {theirs}");
}

#[track_caller]
fn all_close(ours: &[f64], theirs: &[f64], tolerance: f64, what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    ours.iter().zip(theirs).for_each(|(a, b)| close(*a, *b, tolerance, what));
}

/// Columns are equal but for their signs, which nothing determines.
#[track_caller]
fn same_columns(ours: &X, theirs: &X, tolerance: f64, what: &str) {
    assert_eq!(ours.shape(), theirs.shape(), "{what}");
    let (rows, width) = ours.shape();
    for j in 0..width {
        let sign = (0..rows).map(|i| ours.get((i, j)) * theirs.get((i, j))).sum::<f64>().signum();
        (0..rows).for_each(|i| close(*ours.get((i, j)), sign * theirs.get((i, j)), tolerance, what));
    }
}

fn diseases() -> Table<f64> {
    Table::new(&diabetes::load_dataset(), f64::from)
}

fn flowers() -> Table<u32> {
    Table::new(&iris::load_dataset(), |class| class)
}

fn tumours() -> Table<u32> {
    Table::new(&breast_cancer::load_dataset(), |class| class)
}

fn pictures() -> Table<u32> {
    Table::new(&digits::load_dataset(), |class| class as u32)
}

#[test]
fn lines() {
    let table = diseases().standardized();
    let (x, y) = (table.x(), &table.y);
    let theirs =
        linear::linear_regression::LinearRegression::<f64, f64, X, Numbers>::fit(&x, y, Default::default());
    let theirs = theirs.unwrap();
    let ours: linear_regression::LinearRegression =
        SupervisedEstimator::fit(&x, y, Default::default()).unwrap();
    let of = |x: &X| -> Vec<f64> { (0..x.shape().0).map(|i| *x.get((i, 0))).collect() };
    all_close(ours.coefficients(), &of(theirs.coefficients()), 1e-7, "linear regression");
    close(ours.intercept(), *theirs.intercept(), 1e-9, "linear regression");

    // Theirs has an intercept only where it scales the columns, which are scaled already.
    let params = linear::ridge_regression::RidgeRegressionParameters::default().with_alpha(3.0);
    let theirs =
        linear::ridge_regression::RidgeRegression::<f64, f64, X, Numbers>::fit(&x, y, params).unwrap();
    let params = ridge::Params { alpha: 3.0, ..Default::default() };
    let ours: linear_model::LinearModel = SupervisedEstimator::fit(&x, y, params).unwrap();
    all_close(ours.coefficients(), &of(theirs.coefficients()), 1e-7, "ridge");
    close(ours.intercept(), *theirs.intercept(), 1e-9, "ridge");

    // Their sum of squares is not halved.
    let params = linear::lasso::LassoParameters { alpha: 2.0 * 1.5, tol: 1e-9, ..Default::default() };
    let theirs = linear::lasso::Lasso::<f64, f64, X, Numbers>::fit(&x, y, params).unwrap();
    let params = elastic_net::Params { alpha: 1.5, tol: 1e-10, ..elastic_net::Params::lasso() };
    let ours: linear_model::LinearModel = SupervisedEstimator::fit(&x, y, params).unwrap();
    all_close(ours.coefficients(), &of(theirs.coefficients()), 1e-4, "lasso");
    close(ours.intercept(), *theirs.intercept(), 1e-6, "lasso");
    assert!(ours.nonzero() < 10, "the penalty leaves features out");
}

/// Their penalties are of no simple scale to ours, so that only the score is held together, each with the best of some.
#[test]
fn elastic_net_predicts_as_well() {
    type Theirs = linear::elastic_net::ElasticNet<f64, f64, X, Numbers>;
    let table = diseases().standardized();
    let best = |scores: [f64; 3]| scores.into_iter().fold(f64::NEG_INFINITY, f64::max);
    let alphas = [0.01, 0.1, 1.0];
    let theirs = best(alphas.map(|alpha| {
        let params =
            linear::elastic_net::ElasticNetParameters::default().with_alpha(alpha).with_l1_ratio(0.5);
        table.crossed(|x, y, test| answer::<Theirs, _, _>(x, y, test, &params), r2)
    }));
    let ours = best(alphas.map(|alpha| {
        let params = elastic_net::Params { alpha, l1_ratio: 0.5, ..Default::default() };
        table.crossed(|x, y, test| answer::<linear_model::LinearModel, _, _>(x, y, test, &params), r2)
    }));
    no_worse(ours, theirs, 0.002, "elastic net");
}

#[test]
fn logistic_regression_is_theirs() {
    type Theirs = linear::logistic_regression::LogisticRegression<f64, u32, X, Classes>;
    for (name, table) in [("iris", flowers().standardized()), ("breast cancer", tumours().standardized())] {
        let x = table.x();
        let params = linear::logistic_regression::LogisticRegressionParameters::default().with_alpha(1.0);
        let theirs = Theirs::fit(&x, &table.y, params.clone()).unwrap();
        let own = logistic_regression::Params { tol: 1e-8, max_iter: 1000, ..Default::default() };
        let ours: logistic_regression::LogisticRegression =
            SupervisedEstimator::fit(&x, &table.y, own.clone()).unwrap();
        let rows = theirs.coefficients().shape().0;
        let coefficients: Vec<f64> = theirs.coefficients().iterator(0).copied().collect();
        assert_eq!(ours.intercepts().len(), rows, "{name}");
        // They stop earlier.
        all_close(ours.coefficients(), &coefficients, 0.02, name);
        let score = |predicted: Classes| accuracy(&table.y, &predicted);
        let (ours, theirs) = (Predictor::predict(&ours, &x).unwrap(), theirs.predict(&x).unwrap());
        no_worse(score(ours), score(theirs), 1e-9, name);
    }
}

#[test]
fn naive_bayes_is_theirs() {
    let flowers = flowers();
    let x = flowers.x();
    let theirs = bayes::gaussian::GaussianNB::<f64, u32, X, Classes>::fit(&x, &flowers.y, Default::default());
    let theirs = theirs.unwrap();
    let params = naive_bayes::Params { var_smoothing: 0.0, ..Default::default() };
    let ours: naive_bayes::NaiveBayes = SupervisedEstimator::fit(&x, &flowers.y, params).unwrap();
    let (means, variances) = ours.moments().unwrap();
    all_close(means, &theirs.theta().concat(), 1e-9, "means");
    all_close(variances, &theirs.var().concat(), 1e-9, "variances");
    let predicted: Classes = Predictor::predict(&ours, &x).unwrap();
    assert_eq!(predicted, theirs.predict(&x).unwrap());

    let pictures = pictures();
    let (x, y) = (pictures.x(), &pictures.y);
    let (rows, width) = x.shape();
    let counts = |f: &dyn Fn(f64) -> u32| {
        DenseMatrix::new(rows, width, x.iterator(0).map(|&v| f(v)).collect(), false).unwrap()
    };
    let of = |kind, x: &X| -> Classes {
        let params = naive_bayes::Params { kind, binarize: 7.5, ..Default::default() };
        answer::<naive_bayes::NaiveBayes, _, _>(x, y, x, &params)
    };
    let params = bayes::bernoulli::BernoulliNBParameters::default().with_binarize(7.5);
    let theirs = bayes::bernoulli::BernoulliNB::<f64, u32, X, Classes>::fit(&x, y, params).unwrap();
    assert_eq!(of(naive_bayes::Kind::Bernoulli, &x), theirs.predict(&x).unwrap(), "Bernoulli");

    let whole = counts(&|v| v as u32);
    type Multinomial = bayes::multinomial::MultinomialNB<u32, u32, DenseMatrix<u32>, Classes>;
    let theirs = Multinomial::fit(&whole, y, Default::default()).unwrap();
    assert_eq!(of(naive_bayes::Kind::Multinomial, &x), theirs.predict(&whole).unwrap(), "multinomial");

    let levels = counts(&|v| (v / 6.0) as u32);
    let as_numbers =
        DenseMatrix::new(rows, width, levels.iterator(0).map(|&v| f64::from(v)).collect(), false);
    type Categorical = bayes::categorical::CategoricalNB<u32, DenseMatrix<u32>, Classes>;
    let theirs = Categorical::fit(&levels, y, Default::default()).unwrap();
    let ours = of(naive_bayes::Kind::Categorical, &as_numbers.unwrap());
    assert_eq!(ours, theirs.predict(&levels).unwrap(), "categorical");
}

#[test]
fn neighbours_are_theirs() {
    type Theirs = neighbors::knn_regressor::KNNRegressor<f64, f64, X, Numbers, Euclidian<f64>>;
    let table = diseases().standardized();
    let params = knn::Params { n_neighbors: 7, ..Default::default() };
    let (train, y) = table.select(|i| i % 3 > 0);
    let (test, _) = table.select(|i| i % 3 == 0);
    let theirs = neighbors::knn_regressor::KNNRegressorParameters::default().with_k(7);
    let theirs: Numbers = answer::<Theirs, _, _>(&train, &y, &test, &theirs);
    all_close(&answer::<knn::Knn, _, _>(&train, &y, &test, &params), &theirs, 1e-9, "numbers");

    type Classifier = neighbors::knn_classifier::KNNClassifier<f64, u32, X, Classes, Euclidian<f64>>;
    let table = tumours().standardized();
    let (train, y) = table.select(|i| i % 3 > 0);
    let (test, _) = table.select(|i| i % 3 == 0);
    let theirs = neighbors::knn_classifier::KNNClassifierParameters::default().with_k(7);
    let theirs: Classes = answer::<Classifier, _, _>(&train, &y, &test, &theirs);
    assert_eq!(answer::<knn::Knn, _, _>(&train, &y, &test, &params), theirs);
}

#[test]
fn k_means_finds_centres_as_good() {
    for (name, table, k) in [("iris", flowers(), 3), ("digits", pictures(), 10)] {
        let x = table.x();
        let params = cluster::kmeans::KMeansParameters { k, max_iter: 300, seed: Some(1) };
        let theirs = cluster::kmeans::KMeans::<f64, u32, X, Classes>::fit(&x, params).unwrap();
        let params = k_means::Params { n_clusters: k as u32, n_init: 10, ..Default::default() };
        let ours: k_means::KMeans = UnsupervisedEstimator::fit(&x, params).unwrap();
        let labels: Classes = Predictor::predict(&ours, &x).unwrap();
        let (own, their) = (inertia(&table, &labels, k), inertia(&table, &theirs.predict(&x).unwrap(), k));
        close(own, ours.inertia(), 1e-6, name);
        assert!(own <= their * 1.001, "{name}: inertia {own}, smartcore's {their}");
    }
}

/// The sum of squared distances to the mean of each row's cluster.
fn inertia(table: &Table<u32>, labels: &[u32], k: usize) -> f64 {
    let width = table.rows[0].len();
    let (mut sums, mut counts) = (vec![vec![0.0; width]; k], vec![0.0; k]);
    for (row, &label) in table.rows.iter().zip(labels) {
        counts[label as usize] += 1.0;
        sums[label as usize].iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
    }
    let squares = |(row, &label): (&Vec<f64>, &u32)| -> f64 {
        let (sum, count) = (&sums[label as usize], counts[label as usize]);
        row.iter().zip(sum).map(|(value, sum)| (value - sum / count).powi(2)).sum()
    };
    table.rows.iter().zip(labels).map(squares).sum()
}

#[test]
fn clusters_of_neighbours_are_theirs() {
    let x = flowers().x();
    let params = cluster::dbscan::DBSCANParameters::default().with_eps(0.42).with_min_samples(5);
    let theirs = cluster::dbscan::DBSCAN::<f64, u32, X, Classes, Euclidian<f64>>::fit(&x, params).unwrap();
    let params = dbscan::Params { eps: 0.42, min_samples: 5, ..Default::default() };
    let ours: dbscan::Dbscan = UnsupervisedEstimator::fit(&x, params).unwrap();
    let labels: Vec<i32> = Predictor::predict(&ours, &x).unwrap();
    // Theirs calls noise 0 and asks all neighbours, not the nearest: rows at the border of two clusters differ.
    let labels: Classes = labels.iter().map(|label| (label + 1) as u32).collect();
    assert!(labels.contains(&0) && labels.iter().max() > Some(&1), "noise and two clusters at least");
    let agreement = adjusted_rand(&labels, &theirs.predict(&x).unwrap()).unwrap();
    assert!(agreement > 0.95, "{agreement}");

    let params = cluster::agglomerative::AgglomerativeClusteringParameters { n_clusters: 4 };
    type Theirs = cluster::agglomerative::AgglomerativeClustering<f64, u32, X, Classes>;
    let theirs: Classes = Theirs::fit(&x, params).unwrap().labels.iter().map(|&label| label as u32).collect();
    let params = agglomerative::Params {
        n_clusters: Some(4),
        linkage: agglomerative::Linkage::Single,
        ..Default::default()
    };
    let ours: agglomerative::Dendrogram = UnsupervisedEstimator::fit(&x, params).unwrap();
    close(adjusted_rand(&ours.labels, &theirs).unwrap(), 1.0, 1e-12, "single linkage");
}

#[test]
fn components_are_theirs() {
    for (name, x) in [("iris", flowers().x()), ("breast cancer", tumours().standardized().x())] {
        let theirs = decomposition::pca::PCAParameters::default().with_n_components(3);
        let theirs = decomposition::pca::PCA::<f64, X>::fit(&x, theirs).unwrap();
        let params = pca::Params { n_components: pca::Components::Count(3), ..Default::default() };
        let ours: pca::Pca = UnsupervisedEstimator::fit(&x, params.clone()).unwrap();
        same_columns(&Transformer::transform(&ours, &x).unwrap(), &theirs.transform(&x).unwrap(), 1e-6, name);

        let theirs = decomposition::svd::SVDParameters::default().with_n_components(3);
        let theirs = decomposition::svd::SVD::<f64, X>::fit(&x, theirs).unwrap();
        let ours: pca::Pca = UnsupervisedEstimator::fit(&x, pca::Params { center: false, ..params }).unwrap();
        same_columns(&Transformer::transform(&ours, &x).unwrap(), &theirs.transform(&x).unwrap(), 1e-6, name);
    }
}

#[test]
fn support_vectors_predict_as_well() {
    let table = flowers().standardized();
    let gamma = 0.25;
    let kernel = || vectors::Kernels::rbf().with_gamma(gamma);
    let theirs = table.crossed(
        |x, y, test| {
            let params =
                vectors::svc::SVCParameters::default().with_c(1.0).with_kernel(kernel()).with_seed(Some(1));
            let model = vectors::svc::MultiClassSVC::fit(x, y, &params).unwrap();
            model.predict(test).unwrap().iter().map(|class: &f64| *class as u32).collect()
        },
        accuracy,
    );
    let params = svm::Params { gamma: svm::Gamma::Value(gamma), ..Default::default() };
    let ours = table
        .crossed(|x, y, test| answer::<svm::SupportVectorClassifier, _, _>(x, y, test, &params), accuracy);
    no_worse(ours, theirs, 0.014, "classes");

    let table = diseases().standardized();
    let theirs = table.crossed(
        |x, y, test| {
            let params =
                vectors::svr::SVRParameters::default().with_c(10.0).with_eps(5.0).with_kernel(kernel());
            vectors::svr::SVR::fit(x, y, &params).unwrap().predict(test).unwrap()
        },
        r2,
    );
    let params = svm::Params { c: 10.0, epsilon: 5.0, gamma: svm::Gamma::Value(gamma), ..Default::default() };
    let ours =
        table.crossed(|x, y, test| answer::<svm::SupportVectorRegressor, _, _>(x, y, test, &params), r2);
    no_worse(ours, theirs, 0.005, "numbers");
}

#[test]
fn trees_predict_as_well() {
    type Classifier = tree::decision_tree_classifier::DecisionTreeClassifier<f64, u32, X, Classes>;
    for (name, table) in [("iris", flowers()), ("breast cancer", tumours())] {
        let params = tree::decision_tree_classifier::DecisionTreeClassifierParameters {
            seed: Some(1),
            ..Default::default()
        };
        let theirs = table.crossed(|x, y, test| answer::<Classifier, _, _>(x, y, test, &params), accuracy);
        let params = decision_tree::Params::default();
        let ours = table
            .crossed(|x, y, test| answer::<decision_tree::DecisionTree, _, _>(x, y, test, &params), accuracy);
        no_worse(ours, theirs, 0.02, name);
    }
    // The same splits as long as none tie. They count the root as a level.
    type Regressor = tree::decision_tree_regressor::DecisionTreeRegressor<f64, f64, X, Numbers>;
    let table = diseases();
    let params = tree::decision_tree_regressor::DecisionTreeRegressorParameters::default().with_max_depth(3);
    let theirs: Numbers = answer::<Regressor, _, _>(&table.x(), &table.y, &table.x(), &params);
    let params = decision_tree::Params { max_depth: Some(2), ..Default::default() };
    let ours: Numbers =
        answer::<decision_tree::DecisionTree, _, _>(&table.x(), &table.y, &table.x(), &params);
    close(r2(&table.y, &ours), r2(&table.y, &theirs), 1e-6, "a small tree");
}

#[test]
fn forests_predict_as_well() {
    type Classifier = ensemble::random_forest_classifier::RandomForestClassifier<f64, u32, X, Classes>;
    let table = tumours();
    let params =
        ensemble::random_forest_classifier::RandomForestClassifierParameters::default().with_n_trees(50);
    let theirs = table.crossed(|x, y, test| answer::<Classifier, _, _>(x, y, test, &params), accuracy);
    let params = random_forest::Params { n_estimators: 50, ..Default::default() };
    let ours = table
        .crossed(|x, y, test| answer::<random_forest::RandomForest, _, _>(x, y, test, &params), accuracy);
    no_worse(ours, theirs, 0.01, "random forest, classes");

    // Every split looks at all features, as ours does unless told otherwise.
    let table = diseases();
    type Regressor = ensemble::random_forest_regressor::RandomForestRegressor<f64, f64, X, Numbers>;
    let params = ensemble::random_forest_regressor::RandomForestRegressorParameters::default()
        .with_n_trees(50)
        .with_m(10);
    let theirs = table.crossed(|x, y, test| answer::<Regressor, _, _>(x, y, test, &params), r2);
    let params = random_forest::Params { n_estimators: 50, ..Default::default() };
    let ours =
        table.crossed(|x, y, test| answer::<random_forest::RandomForest, _, _>(x, y, test, &params), r2);
    no_worse(ours, theirs, 0.02, "random forest, numbers");

    type Extra = ensemble::extra_trees_regressor::ExtraTreesRegressor<f64, f64, X, Numbers>;
    let params =
        ensemble::extra_trees_regressor::ExtraTreesRegressorParameters::default().with_n_trees(50).with_m(10);
    let theirs = table.crossed(|x, y, test| answer::<Extra, _, _>(x, y, test, &params), r2);
    let params = extra_trees::Params { n_estimators: 50, ..Default::default() };
    let ours = table.crossed(|x, y, test| answer::<extra_trees::ExtraTrees, _, _>(x, y, test, &params), r2);
    no_worse(ours, theirs, 0.02, "extra trees, numbers");
}

/// Those that smartcore has nothing like.
#[test]
fn behind_smartcores_traits() {
    let table = flowers();
    let x = table.x();
    let params = gaussian_mixture::Params { n_components: 3, ..Default::default() };
    let mixture: gaussian_mixture::GaussianMixture = UnsupervisedEstimator::fit(&x, params).unwrap();
    let kinds: Classes = Predictor::predict(&mixture, &x).unwrap();
    let agreement = adjusted_rand(&table.y, &kinds).unwrap();
    assert!(agreement > 0.85, "{agreement}");
    let params = isolation_forest::Params { contamination: Some(0.1), ..Default::default() };
    let forest: isolation_forest::IsolationForest = UnsupervisedEstimator::fit(&x, params).unwrap();
    let strange: Vec<i8> = Predictor::predict(&forest, &x).unwrap();
    let strange = strange.iter().filter(|&&sign| sign == -1).count();
    assert!((13..=15).contains(&strange), "{strange} of 150 are a tenth");
    let found: hdbscan::Hdbscan = UnsupervisedEstimator::fit(&x, hdbscan::Params::default()).unwrap();
    let labels: Vec<i32> = Predictor::predict(&found, &x).unwrap();
    assert!(labels.iter().max() >= Some(&1) && labels.len() == 150);
    assert!(Predictor::<X, Vec<u32>>::predict(&knn::Knn::default(), &x).is_err(), "nothing was fitted");
}
