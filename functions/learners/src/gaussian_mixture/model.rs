//! A fitted mixture, and what it says of rows.

use super::components::{BLOCK, Components, Densities};
use crate::linalg::cross;
use crate::{Columns, Error};
use serde::{Deserialize, Serialize};

/// A fitted mixture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct GaussianMixture {
    pub(super) components: Components,
    /// Taken off the columns first.
    #[serde(with = "crate::packed")]
    pub(super) origin: Vec<f64>,
    pub(super) lower_bound: f64,
    pub(super) iterations: u32,
    pub(super) converged: bool,
}

/// [`GaussianMixture`] as it is read, before it is known to hold together.
#[derive(Deserialize)]
struct Stored {
    components: Components,
    #[serde(with = "crate::packed")]
    origin: Vec<f64>,
    lower_bound: f64,
    iterations: u32,
    converged: bool,
}

impl TryFrom<Stored> for GaussianMixture {
    type Error = &'static str;

    fn try_from(stored: Stored) -> Result<Self, Self::Error> {
        let Stored { components, origin, lower_bound, iterations, converged } = stored;
        match components.whole() && origin.len() == components.width as usize {
            true => Ok(Self { components, origin, lower_bound, iterations, converged }),
            false => Err("the components are damaged"),
        }
    }
}

impl GaussianMixture {
    /// How many components there are.
    pub fn len(&self) -> usize {
        self.components.weights.len()
    }

    /// Whether there is none: never after a fit.
    pub fn is_empty(&self) -> bool {
        self.components.weights.is_empty()
    }

    /// The shape of the components.
    pub fn kind(&self) -> super::CovarianceType {
        self.components.kind
    }

    /// The number of features.
    pub fn width(&self) -> usize {
        self.origin.len()
    }

    /// The share of each component.
    pub fn weights(&self) -> &[f64] {
        &self.components.weights
    }

    /// The mean of a component, one value a feature.
    pub fn mean(&self, component: usize) -> Vec<f64> {
        let width = self.width();
        let own = &self.components.means[component * width..(component + 1) * width];
        own.iter().zip(&self.origin).map(|(v, o)| v + o).collect()
    }

    /// The covariance of a component, `reg_covar` included: features x features, row after row; for `diag` and `spherical`
    /// the variance of each feature.
    pub fn covariance(&self, component: usize) -> Vec<f64> {
        self.components.covariance(component)
    }

    /// The mean log likelihood of a fitted row, at the last step but one, as scikit-learn's `lower_bound_`.
    pub fn lower_bound(&self) -> f64 {
        self.lower_bound
    }

    /// Steps of the best start.
    pub fn iterations(&self) -> u32 {
        self.iterations
    }

    /// Whether the best start came to rest within `max_iter` steps.
    pub fn converged(&self) -> bool {
        self.converged
    }

    /// Shares of the components, rows x components, row after row, and the log likelihood of each row.
    ///
    /// # Errors
    /// For another number of columns than at the fit, and for values that are not finite.
    pub fn predict_proba(&self, x: &Columns) -> Result<(Vec<f64>, Vec<f64>), Error> {
        x.check_width(self.width())?;
        x.check_squares()?;
        let densities = Densities::new(&self.components);
        let (k, rows) = (self.len(), x.rows());
        let (mut proba, mut scores) = (vec![0.0; rows * k], Vec::with_capacity(rows));
        let (mut block, mut work) = (vec![0.0; x.width() * BLOCK], Vec::new());
        let mut shares = vec![0.0; k * BLOCK];
        for start in (0..rows).step_by(BLOCK) {
            let count = cross::read(x, &self.origin, start, &mut block);
            densities.logs(&block, &mut work, &mut shares);
            scores.extend_from_slice(&normalize(&mut shares)[..count]);
            for (c, own) in shares.chunks_exact(BLOCK).enumerate() {
                let out = proba[start * k..].iter_mut().skip(c).step_by(k);
                out.zip(&own[..count]).for_each(|(out, share)| *out = *share);
            }
        }
        Ok((proba, scores))
    }

    /// Akaike's and the Bayesian information criterion of rows: less is better.
    ///
    /// # Errors
    /// As [`GaussianMixture::predict_proba`].
    pub fn criteria(&self, x: &Columns) -> Result<(f64, f64), Error> {
        let sum: f64 = self.predict_proba(x)?.1.iter().sum();
        let parameters = self.components.parameters();
        Ok((-2.0 * sum + 2.0 * parameters, -2.0 * sum + parameters * libm::log(x.rows() as f64)))
    }
}

/// Turns logs of densities, component after component, into shares. Returns the logs of the densities' sums.
pub(super) fn normalize(logs: &mut [f64]) -> [f64; BLOCK] {
    let mut highest = [f64::NEG_INFINITY; BLOCK];
    for own in logs.chunks_exact(BLOCK) {
        highest.iter_mut().zip(own).for_each(|(most, v)| *most = if v > most { *v } else { *most });
    }
    let mut sums = [0.0; BLOCK];
    for own in logs.chunks_exact_mut(BLOCK) {
        for ((v, most), sum) in own.iter_mut().zip(&highest).zip(&mut sums) {
            let d = *v - most;
            // Less than the last bit of the sum.
            *v = if d < -60.0 { 0.0 } else { libm::exp(d) };
            *sum += *v;
        }
    }
    for own in logs.chunks_exact_mut(BLOCK) {
        own.iter_mut().zip(&sums).for_each(|(v, sum)| *v /= sum);
    }
    std::array::from_fn(|i| highest[i] + libm::log(sums[i]))
}
