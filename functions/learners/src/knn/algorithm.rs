use super::index::{self, Index};
use super::inverted::Lists;
use super::{Algorithm, Params, Weights};
use crate::matrix::{check_classes, check_target};
use crate::neighbours::{Metric, Rows};
use crate::{Checked, Columns, Error, ParamError};
use serde::{Deserialize, Serialize};
use std::cell::OnceCell;

/// The rows that were learnt, with what they have.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Knn {
    #[serde(rename = "values", serialize_with = "values")]
    rows: Rows,
    target: Target,
    n_neighbors: u32,
    weights: Weights,
    algorithm: Algorithm,
    metric: Metric,
    lists: Option<Lists>,
    /// Made by whoever searches first: a job that only learns has no use for it.
    #[serde(skip)]
    index: OnceCell<Index>,
}

fn values<S: serde::Serializer>(rows: &Rows, serializer: S) -> Result<S::Ok, S::Error> {
    crate::packed::serialize(&rows.values, serializer)
}

/// One a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Target {
    Classes {
        count: u32,
        #[serde(with = "crate::packed")]
        labels: Vec<u32>,
    },
    Numbers(#[serde(with = "crate::packed")] Vec<f64>),
}

/// [`Knn`] as it is read, before it is known to hold together.
#[derive(Deserialize)]
struct Stored {
    #[serde(with = "crate::packed")]
    values: Vec<f64>,
    target: Target,
    n_neighbors: u32,
    weights: Weights,
    algorithm: Algorithm,
    metric: Metric,
    lists: Option<Lists>,
}

impl TryFrom<Stored> for Knn {
    type Error = &'static str;

    fn try_from(stored: Stored) -> Result<Self, Self::Error> {
        let Stored { values, target, n_neighbors, weights, algorithm, metric, lists } = stored;
        let damaged = "the neighbours are damaged";
        let (count, sound) = match &target {
            Target::Classes { count, labels } => {
                (labels.len(), *count >= 2 && labels.iter().all(|label| label < count))
            }
            Target::Numbers(numbers) => (numbers.len(), numbers.iter().all(|v| v.is_finite())),
        };
        let whole = sound
            && count > 0
            && !values.is_empty()
            && values.len().is_multiple_of(count)
            && values.iter().all(|v| v.is_finite())
            && (1..=count).contains(&(n_neighbors as usize));
        if !whole {
            return Err(damaged);
        }
        let rows = Rows { width: values.len() / count, values };
        if lists.as_ref().is_some_and(|lists| !lists.suits(&rows)) {
            return Err(damaged);
        }
        let knn = Self::new(rows, target, lists, (n_neighbors, weights, algorithm, metric));
        // Who loads it means to predict: the first row is not to wait.
        knn.index();
        Ok(knn)
    }
}

/// Without any row, as smartcore's traits want it; it refuses to predict.
impl Default for Knn {
    fn default() -> Self {
        let Params { n_neighbors, weights, algorithm, metric, .. } = Params::default();
        Self {
            rows: Rows::default(),
            target: Target::Numbers(Vec::new()),
            n_neighbors,
            weights,
            algorithm,
            metric,
            lists: None,
            index: OnceCell::new(),
        }
    }
}

impl Checked<Params> {
    /// Learns rows by heart, with their classes `0..n`, each in use.
    ///
    /// # Errors
    /// For values that are not finite or above 1e150, fewer than two classes, and more neighbours than rows.
    pub fn fit_classes(&self, x: &Columns, y: &[u32]) -> Result<Knn, Error> {
        let rows = self.read(x)?;
        let count = check_classes(y, x.rows())?.len() as u32;
        self.finish(x, rows, Target::Classes { count, labels: y.to_vec() })
    }

    /// Learns rows by heart, with a number each.
    ///
    /// # Errors
    /// As [`Checked::fit_classes`], and for numbers that are not finite.
    pub fn fit_numbers(&self, x: &Columns, y: &[f64]) -> Result<Knn, Error> {
        let rows = self.read(x)?;
        check_target(y, x.rows())?;
        if let Some(row) = y.iter().position(|v| v.abs() > 1e300) {
            return Err(Error::row(row, "the target is too large to be averaged; scale it"));
        }
        self.finish(x, rows, Target::Numbers(y.to_vec()))
    }

    fn read(&self, x: &Columns) -> Result<Rows, Error> {
        let rows = Rows::read(x)?;
        match self.n_neighbors as usize <= rows.len() {
            true => Ok(rows),
            false => {
                let message = format!(
                    "{} neighbours are asked of {}",
                    self.n_neighbors,
                    crate::errors::rows(rows.len())
                );
                Err(ParamError::new("n_neighbors", message, format!("at most {}", rows.len())).into())
            }
        }
    }

    fn finish(&self, x: &Columns, rows: Rows, target: Target) -> Result<Knn, Error> {
        let lists = index::lists(self, x)?;
        Ok(Knn::new(rows, target, lists, (self.n_neighbors, self.weights, self.algorithm, self.metric)))
    }
}

impl Knn {
    fn new(
        rows: Rows,
        target: Target,
        lists: Option<Lists>,
        (n_neighbors, weights, algorithm, metric): (u32, Weights, Algorithm, Metric),
    ) -> Self {
        let index = OnceCell::new();
        Self { rows, target, n_neighbors, weights, algorithm, metric, lists, index }
    }

    fn index(&self) -> &Index {
        self.index.get_or_init(|| Index::new(self.algorithm, self.metric, &self.rows, self.lists.as_ref()))
    }

    /// 0 if it predicts numbers.
    pub fn classes(&self) -> usize {
        match &self.target {
            Target::Classes { count, .. } => *count as usize,
            Target::Numbers(_) => 0,
        }
    }

    /// The number of features.
    pub fn width(&self) -> usize {
        self.rows.width
    }

    /// The nearest fitted rows of each row, `n_neighbors` a row, the nearest first: distances and rows.
    ///
    /// # Errors
    /// For another number of columns than at the fit, and for values that are not finite or above 1e150.
    pub fn neighbours(&self, x: &Columns) -> Result<(Vec<f64>, Vec<u32>), Error> {
        let k = self.n_neighbors as usize;
        let (mut distances, mut rows) = (Vec::with_capacity(x.rows() * k), Vec::with_capacity(x.rows() * k));
        self.search(x, |found| {
            distances.extend(found.iter().map(|(reduced, _)| self.metric.distance(*reduced)));
            rows.extend(found.iter().map(|(_, row)| *row));
        })?;
        Ok((distances, rows))
    }

    fn search(&self, x: &Columns, mut found: impl FnMut(&[(f64, u32)])) -> Result<(), Error> {
        x.check_width(self.rows.width)?;
        let queries = Rows::read(x)?;
        if self.rows.is_empty() {
            return Err(Error::data("the model is not fitted"));
        }
        let k = self.n_neighbors as usize;
        self.index().nearest(&self.rows, self.metric, &queries, k, |_, nearest| found(nearest));
        Ok(())
    }

    /// Calls `each` with the neighbours of each row and their shares, which add up to 1.
    fn shares(
        &self,
        x: &Columns,
        mut each: impl FnMut(&mut dyn Iterator<Item = (u32, f64)>),
    ) -> Result<(), Error> {
        let mut shares = Vec::new();
        self.search(x, |found| {
            shares.clear();
            let nearest = self.metric.distance(found[0].0);
            shares.extend(found.iter().map(|(reduced, _)| match self.weights {
                Weights::Uniform => 1.0,
                Weights::Distance if nearest == 0.0 => f64::from(u8::from(*reduced == 0.0)),
                // Relative to the nearest, so that the smallest of distances has a finite inverse.
                Weights::Distance => nearest / self.metric.distance(*reduced),
            }));
            let sum: f64 = shares.iter().sum();
            each(&mut found.iter().zip(&shares).map(|((_, row), share)| (*row, share / sum)));
        })
    }

    /// Shares of the neighbours' classes, rows x classes, row after row.
    ///
    /// # Errors
    /// For a model of numbers, another number of columns than at the fit, and bad values.
    pub fn predict_proba(&self, x: &Columns) -> Result<Vec<f64>, Error> {
        let Target::Classes { count, labels } = &self.target else {
            return Err(Error::data("the model predicts numbers, not classes"));
        };
        let classes = *count as usize;
        let mut proba = Vec::with_capacity(x.rows() * classes);
        self.shares(x, |neighbours| {
            let start = proba.len();
            proba.resize(start + classes, 0.0);
            neighbours.for_each(|(row, share)| proba[start + labels[row as usize] as usize] += share);
            // Shares of a single class may add up to a last bit more.
            proba[start..].iter_mut().for_each(|p| *p = p.min(1.0));
        })?;
        Ok(proba)
    }

    /// The class of most of each row's neighbours.
    pub fn predict(&self, x: &Columns) -> Result<Vec<u32>, Error> {
        Ok(crate::metrics::most_probable(&self.predict_proba(x)?, self.classes()))
    }

    /// The mean of each row's neighbours.
    ///
    /// # Errors
    /// For a model of classes, another number of columns than at the fit, and bad values.
    pub fn predict_numbers(&self, x: &Columns) -> Result<Vec<f64>, Error> {
        let Target::Numbers(numbers) = &self.target else {
            return Err(Error::data("the model predicts classes, not numbers"));
        };
        let mut means = Vec::with_capacity(x.rows());
        self.shares(x, |neighbours| {
            means.push(neighbours.map(|(row, share)| numbers[row as usize] * share).sum());
        })?;
        Ok(means)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;
    use crate::{Check, Matrix};

    fn table(rows: usize, width: usize) -> Matrix {
        let mut rng = Rng::new(3, 0);
        Matrix::from_rows(&(0..rows * width).map(|_| rng.unit()).collect::<Vec<_>>(), width).unwrap()
    }

    fn fit(matrix: &Matrix, y: &[f64], params: Params) -> Knn {
        params.check().unwrap().fit_numbers(&matrix.columns(), y).unwrap()
    }

    #[test]
    fn exact_algorithms_agree_and_the_inverted_file_nearly_does() {
        let matrix = table(3000, 6);
        let y: Vec<f64> = (0..3000).map(f64::from).collect();
        let search = |algorithm| {
            let params = Params { algorithm, ..Params::default() };
            fit(&matrix, &y, params).neighbours(&matrix.columns()).unwrap()
        };
        let (tree, brute, file) =
            (search(Algorithm::KdTree), search(Algorithm::Brute), search(Algorithm::Ivf));
        assert_eq!(tree, brute);
        let shared = |i: usize| {
            file.1[i * 5..i * 5 + 5].iter().filter(|row| tree.1[i * 5..i * 5 + 5].contains(row)).count()
        };
        let recall = (0..3000).map(shared).sum::<usize>() as f64 / 15_000.0;
        assert!(recall > 0.8, "{recall}");
        // A row is its own nearest neighbour.
        assert!((0..3000).all(|i| file.1[i * 5] == i as u32 && file.0[i * 5] == 0.0));
    }

    #[test]
    fn few_probes_still_find_enough() {
        let matrix = table(50, 2);
        let params = Params {
            algorithm: Algorithm::Ivf,
            n_lists: Some(50),
            n_probe: Some(1),
            n_neighbors: 20,
            ..Params::default()
        };
        let model = fit(&matrix, &[0.5; 50], params);
        assert_eq!(model.neighbours(&matrix.columns()).unwrap().1.len(), 50 * 20);
        assert!((model.predict_numbers(&matrix.columns()).unwrap()[0] - 0.5).abs() < 1e-12);
    }

    #[test]
    fn near_rows_weigh_more() {
        let matrix = Matrix::from_rows(&[0.0, 1.0, 4.0], 1).unwrap();
        let params = Params { n_neighbors: 3, weights: Weights::Distance, ..Params::default() };
        let model = fit(&matrix, &[10.0, 20.0, 30.0], params);
        let ask = |v: f64| model.predict_numbers(&Matrix::from_rows(&[v], 1).unwrap().columns()).unwrap()[0];
        assert_eq!(ask(1.0), 20.0);
        let expected = (10.0 / 2.0 + 20.0 + 30.0 / 2.0) / 2.0;
        assert!((ask(2.0) - expected).abs() < 1e-12);
        assert!(ask(1e149).is_finite());
    }

    #[test]
    fn bytes_bring_it_back_and_damaged_ones_do_not() {
        let matrix = table(100, 3);
        let labels: Vec<u32> = (0..100).map(|i| i % 3).collect();
        for algorithm in [Algorithm::Auto, Algorithm::Ivf] {
            let params = Params { algorithm, ..Params::default() }.check().unwrap();
            let model = params.fit_classes(&matrix.columns(), &labels).unwrap();
            let json = serde_json::to_string(&model).unwrap();
            let back: Knn = serde_json::from_str(&json).unwrap();
            let proba = |model: &Knn| model.predict_proba(&matrix.columns()).unwrap();
            assert_eq!(proba(&back), proba(&model));
            for (from, to) in [("\"count\":3", "\"count\":2"), ("\"n_neighbors\":5", "\"n_neighbors\":500")] {
                assert!(json.contains(from));
                assert!(serde_json::from_str::<Knn>(&json.replace(from, to)).is_err());
            }
        }
    }

    #[test]
    fn more_neighbours_than_rows() {
        let error =
            Params::default().check().unwrap().fit_numbers(&table(3, 1).columns(), &[1.0; 3]).unwrap_err();
        assert!(matches!(error, Error::Param(ParamError { name: "n_neighbors", .. })));
    }
}
