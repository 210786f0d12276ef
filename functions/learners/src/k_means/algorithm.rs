use super::assign::Data;
use super::{Algorithm, Params, distances, init, lloyd, mini_batch};
use crate::errors::rows;
use crate::linalg::{mean, standardize::sums};
use crate::rng::Rng;
use crate::weights::{Kept, check_weights};
use crate::{Checked, Columns, Error};
use serde::{Deserialize, Serialize};

/// Fitted centres.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct KMeans {
    /// k x features, relative to `origin`.
    #[serde(with = "crate::packed")]
    centres: Vec<f64>,
    /// The mean of the fitted rows.
    #[serde(with = "crate::packed")]
    origin: Vec<f64>,
    inertia: f64,
    iterations: u32,
    converged: bool,
}

/// [`KMeans`] as it is read, before it is known to hold together.
#[derive(Deserialize)]
struct Stored {
    #[serde(with = "crate::packed")]
    centres: Vec<f64>,
    #[serde(with = "crate::packed")]
    origin: Vec<f64>,
    inertia: f64,
    iterations: u32,
    converged: bool,
}

impl TryFrom<Stored> for KMeans {
    type Error = &'static str;

    fn try_from(stored: Stored) -> Result<Self, Self::Error> {
        let Stored { centres, origin, inertia, iterations, converged } = stored;
        match !centres.is_empty() && !origin.is_empty() && centres.len().is_multiple_of(origin.len()) {
            true => Ok(Self { centres, origin, inertia, iterations, converged }),
            false => Err("the centres are damaged"),
        }
    }
}

impl Checked<Params> {
    /// Finds centres that lower the weighted sum of squared distances. `x` is rows x features. Also returns the
    /// cluster of each row.
    ///
    /// # Errors
    /// For values that are not finite, bad weights, or more clusters than rows.
    pub fn fit(&self, x: &Columns, weights: Option<&[f64]>) -> Result<(KMeans, Vec<u32>), Error> {
        self.fit_with_curve(x, weights).map(|(model, labels, _)| (model, labels))
    }

    /// The same with the inertia after each step of the start that was kept (mini-batches: an estimate after each pass).
    ///
    /// # Errors
    /// As [`Self::fit`].
    pub fn fit_with_curve(
        &self,
        x: &Columns,
        weights: Option<&[f64]>,
    ) -> Result<(KMeans, Vec<u32>, Vec<f64>), Error> {
        x.check_squares()?;
        check_weights(weights, x.rows())?;
        if let Some(kept) = Kept::of(x, weights) {
            let (model, _, curve) = self.fit_with_curve(&kept.columns(), Some(kept.weights()))?;
            let labels = model.predict(x)?;
            return Ok((model, labels, curve));
        }
        let k = self.n_clusters as usize;
        if k > x.rows() {
            return Err(Error::data(format!(
                "n_clusters is {k}, but the table has {}; ask for fewer clusters",
                rows(x.rows())
            )));
        }
        let origin: Vec<f64> = x.iter().map(|column| mean(column, None, x.rows() as f64)).collect();
        let data = Data::new(x, &origin, weights);
        let variance = data.mean_variance();
        if !variance.is_finite() {
            return Err(Error::data("the values are too large for squared distances; scale the columns"));
        }
        let heaviest = weights.map_or(1.0, |weights| weights.iter().copied().fold(0.0, f64::max));
        if !(heaviest * variance.max(1.0) * (x.rows() * x.width()) as f64).is_finite() {
            return Err(Error::data(
                "the weights are too large for sums of squared distances; divide them by the largest",
            ));
        }
        let tolerance = self.tol * variance;
        // The variance is one of single precision.
        let squares = x.iter().zip(&origin).map(|(column, o)| sums(column, weights, *o).1).sum();
        let run_one = |start: u32| {
            let mut rng = Rng::new(self.seed, u64::from(start));
            match self.algorithm {
                Algorithm::Lloyd => {
                    let centres = init::centres(&data, self.init, k, &mut rng);
                    lloyd::run(&data, centres, self.max_iter, tolerance, squares)
                }
                Algorithm::MiniBatch => {
                    let centres = self.start_of_sample(x, &origin, weights, &mut rng);
                    mini_batch::run(&data, centres, self, tolerance, &mut rng)
                }
            }
        };
        let mut best = run_one(0);
        for start in 1..self.n_init {
            let run = run_one(start);
            if run.inertia < best.inertia {
                best = run;
            }
        }
        let model = KMeans {
            centres: best.centres,
            origin,
            inertia: best.inertia,
            iterations: best.iterations,
            converged: best.converged,
        };
        Ok((model, best.labels, best.curve))
    }

    /// Mini-batches start at the centres of a sample.
    fn start_of_sample(
        &self,
        x: &Columns,
        origin: &[f64],
        weights: Option<&[f64]>,
        rng: &mut Rng,
    ) -> Vec<f64> {
        let k = self.n_clusters as usize;
        let size = (3 * self.batch_size as usize).max(3 * k);
        if size >= x.rows() {
            return init::centres(&Data::new(x, origin, weights), self.init, k, rng);
        }
        let drawn = rng.sample_sorted(x.rows(), size);
        let pick = |column: &[f64]| drawn.iter().map(|&i| column[i as usize]).collect::<Vec<f64>>();
        let columns: Vec<Vec<f64>> = x.iter().map(pick).collect();
        let weights = weights.map(pick);
        let sample = Columns::alike(columns.iter().map(Vec::as_slice).collect(), size);
        init::centres(&Data::new(&sample, origin, weights.as_deref()), self.init, k, rng)
    }
}

impl KMeans {
    pub fn clusters(&self) -> usize {
        self.centres.len() / self.origin.len().max(1)
    }

    /// The number of features.
    pub fn width(&self) -> usize {
        self.origin.len()
    }

    /// The centre of a cluster, one value a feature.
    pub fn centre(&self, cluster: usize) -> Vec<f64> {
        let width = self.origin.len();
        self.centres[cluster * width..(cluster + 1) * width]
            .iter()
            .zip(&self.origin)
            .map(|(c, o)| c + o)
            .collect()
    }

    /// The weighted sum of squared distances of the fitted rows to their centres.
    pub fn inertia(&self) -> f64 {
        self.inertia
    }

    /// Steps of the best start.
    pub fn iterations(&self) -> u32 {
        self.iterations
    }

    /// Whether the best start came to rest within `max_iter` steps.
    pub fn converged(&self) -> bool {
        self.converged
    }

    /// Euclidean distances to each centre, rows x clusters, row after row.
    ///
    /// # Errors
    /// For another number of columns than at the fit, and for values that are not finite.
    pub fn distances(&self, x: &Columns) -> Result<Vec<f64>, Error> {
        x.check_width(self.origin.len())?;
        x.check_squares()?;
        Ok(self.predict_with_distances(x)?.1)
    }

    /// The nearest centre of each row, and the distances as [`KMeans::distances`] has them.
    pub fn predict_with_distances(&self, x: &Columns) -> Result<(Vec<u32>, Vec<f64>), Error> {
        x.check_width(self.origin.len())?;
        x.check_squares()?;
        let mut distances = distances::all(x, &self.origin, &self.centres);
        // Before the roots, which may make two distances equal.
        let labels = nearest(&distances, self.clusters());
        distances.iter_mut().for_each(|d| *d = d.sqrt());
        Ok((labels, distances))
    }

    /// The nearest centre of each row, without the memory for all distances.
    pub fn predict(&self, x: &Columns) -> Result<Vec<u32>, Error> {
        x.check_width(self.origin.len())?;
        x.check_squares()?;
        let mut labels = vec![u32::MAX; x.rows()];
        Data::new(x, &self.origin, None).assign(&self.centres, &mut labels);
        Ok(labels)
    }
}

/// The nearest cluster of each row, from distances of rows x clusters; the first of equally near ones.
pub fn nearest(distances: &[f64], clusters: usize) -> Vec<u32> {
    let first =
        |row: &[f64]| (1..row.len()).fold(0, |best, i| if row[i] < row[best] { i } else { best }) as u32;
    distances.chunks_exact(clusters.max(1)).map(first).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Init;
    use super::*;
    use crate::{Check, Matrix};

    fn blobs(rows: usize, offset: f64) -> Matrix {
        let mut rng = Rng::new(1, 0);
        let values: Vec<f64> = (0..rows)
            .flat_map(|i| [(i % 3) as f64 * 10.0 + offset + rng.unit(), (i % 3) as f64 * -5.0 + rng.unit()])
            .collect();
        Matrix::from_rows(&values, 2).unwrap()
    }

    #[test]
    fn finds_blobs_far_from_the_origin() {
        let matrix = blobs(300, 1e7);
        let params = Params { n_clusters: 3, ..Params::default() }.check().unwrap();
        let (model, labels) = params.fit(&matrix.columns(), None).unwrap();
        assert!(model.converged());
        assert!((0..300).all(|i| labels[i] == labels[i % 3]));
        assert_eq!(model.predict(&matrix.columns()).unwrap(), labels);
        let squares: f64 = model
            .distances(&matrix.columns())
            .unwrap()
            .chunks(3)
            .map(|row| row.iter().copied().fold(f64::INFINITY, f64::min).powi(2))
            .sum();
        assert!((squares - model.inertia()).abs() < 1e-9 * squares);
    }

    #[test]
    fn every_start_and_algorithm_finds_the_blobs() {
        let matrix = blobs(3000, -50.0);
        for init in [Init::PlusPlus, Init::Parallel, Init::Random] {
            for algorithm in [Algorithm::Lloyd, Algorithm::MiniBatch] {
                let params = Params {
                    n_clusters: 3,
                    n_init: 25,
                    batch_size: 100,
                    init,
                    algorithm,
                    ..Params::default()
                };
                let (model, labels) = params.check().unwrap().fit(&matrix.columns(), None).unwrap();
                assert!((0..3000).all(|i| labels[i] == labels[i % 3]), "{init:?} {algorithm:?}");
                // Uniform noise of a unit square: a twelfth a column.
                assert!((model.inertia() / 3000.0 - 1.0 / 6.0).abs() < 0.01, "{init:?} {algorithm:?}");
            }
        }
    }

    #[test]
    fn labels_are_those_of_double_precision() {
        // A first column that is ever so much larger decides nothing within its halves.
        let mut rng = Rng::new(5, 0);
        let values: Vec<f64> =
            (0..4000).flat_map(|i| [f64::from(i % 2) * 1e9, rng.unit(), rng.unit() * 3.0]).collect();
        let matrix = Matrix::from_rows(&values, 3).unwrap();
        let params = Params { n_clusters: 8, max_iter: 20, ..Params::default() }.check().unwrap();
        let (model, labels) = params.fit(&matrix.columns(), None).unwrap();
        assert_eq!(model.predict(&matrix.columns()).unwrap(), labels);
        assert_eq!(model.predict_with_distances(&matrix.columns()).unwrap().0, labels);
        let squares: f64 = nearest_squares(&model, &matrix);
        assert!((squares / model.inertia() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn no_row_is_left_behind_when_centres_move() {
        let mut rng = Rng::new(3, 0);
        for (rows, width, k) in [(3001, 5, 30), (997, 1, 7), (500, 3, 1)] {
            let values: Vec<f64> = (0..rows * width).map(|_| rng.unit() + rng.unit() - 1.0).collect();
            let matrix = Matrix::from_rows(&values, width).unwrap();
            for max_iter in [2, 3, 5, 300] {
                let params =
                    Params { n_clusters: k, max_iter, tol: 0.0, ..Params::default() }.check().unwrap();
                let (model, labels) = params.fit(&matrix.columns(), None).unwrap();
                assert_eq!(model.predict_with_distances(&matrix.columns()).unwrap().0, labels);
            }
        }
    }

    fn nearest_squares(model: &KMeans, matrix: &Matrix) -> f64 {
        let distances = model.distances(&matrix.columns()).unwrap();
        distances
            .chunks(model.clusters())
            .map(|row| row.iter().copied().fold(f64::INFINITY, f64::min).powi(2))
            .sum()
    }

    #[test]
    fn a_weight_of_zero_does_not_pull() {
        let matrix = Matrix::from_rows(&[0.0, 1.0, 100.0], 1).unwrap();
        let params = Params { n_clusters: 1, ..Params::default() }.check().unwrap();
        let (model, _) = params.fit(&matrix.columns(), Some(&[1.0, 3.0, 0.0])).unwrap();
        assert!((model.centre(0)[0] - 0.75).abs() < 1e-12);
    }

    #[test]
    fn equal_rows_and_as_many_clusters_as_rows() {
        let matrix = Matrix::from_rows(&[4.0; 5], 1).unwrap();
        let params = Params { n_clusters: 5, ..Params::default() }.check().unwrap();
        let (model, _) = params.fit(&matrix.columns(), None).unwrap();
        assert_eq!(model.inertia(), 0.0);
        let params = Params { n_clusters: 6, ..Params::default() }.check().unwrap();
        assert!(params.fit(&matrix.columns(), None).is_err());
    }
}
