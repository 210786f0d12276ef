use super::Params;
use super::init::plus_plus;
use super::lloyd::Data;
use crate::linalg::mean;
use crate::matrix::Missing;
use crate::rng::Rng;
use crate::weights::check_weights;
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
        x.check_features(Missing::Refused)?;
        check_weights(weights, x.rows())?;
        let k = self.n_clusters as usize;
        if k > x.rows() {
            return Err(Error::data(format!(
                "n_clusters is {k}, but there are {} rows; ask for fewer clusters",
                x.rows()
            )));
        }
        let origin: Vec<f64> = x.iter().map(|column| mean(column, None, x.rows() as f64)).collect();
        let data = Data::new(x, &origin, weights);
        let variance = data.mean_variance();
        if !variance.is_finite() {
            return Err(Error::data("the values are too large for squared distances; scale the columns"));
        }
        let run_one = |start: u32| {
            let centres = plus_plus(&data, k, &mut Rng::new(self.seed, u64::from(start)));
            data.run(centres, self.max_iter, self.tol * variance)
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
        Ok((model, best.labels))
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
        x.check_features(Missing::Refused)?;
        let mut distances = Data::new(x, &self.origin, None).all_distances(&self.centres);
        distances.iter_mut().for_each(|d| *d = d.sqrt());
        Ok(distances)
    }

    /// The nearest centre of each row.
    pub fn predict(&self, x: &Columns) -> Result<Vec<u32>, Error> {
        Ok(nearest(&self.distances(x)?, self.clusters()))
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
