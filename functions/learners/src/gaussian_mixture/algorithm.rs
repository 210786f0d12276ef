//! A. P. Dempster, N. M. Laird, D. B. Rubin, Maximum likelihood from incomplete data via the EM algorithm, 1977. One
//! pass over the rows does both halves of a step: rows' shares are used at once and not kept.

use super::components::{BLOCK, Components, Densities};
use super::model::normalize;
use super::moments::Moments;
use super::{CovarianceType, GaussianMixture, InitParams, Params};
use crate::linalg::cross::{self, GROUP, Products};
use crate::rng::Rng;
use crate::weights::{Kept, check_weights};
use crate::{Check, Checked, Columns, Error, k_means};

/// Where the search stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// From 0.
    pub start: u32,
    /// From 0, within the start.
    pub index: u32,
    /// The mean log likelihood of a row.
    pub log_likelihood: f64,
}

/// What a fit looks at.
struct Data<'a> {
    x: &'a Columns<'a>,
    origin: &'a [f64],
    weights: Option<&'a [f64]>,
    /// The sum of the weights.
    total: f64,
    /// The weighted products of the columns, if they are wanted.
    products: Vec<f64>,
}

impl Checked<Params> {
    /// Finds components that make the rows likely. `on_step` hears of each step.
    ///
    /// # Errors
    /// For values that are not finite, bad weights, more components than rows, and components that collapse.
    pub fn fit(
        &self,
        x: &Columns,
        weights: Option<&[f64]>,
        on_step: &mut dyn FnMut(&Step),
    ) -> Result<GaussianMixture, Error> {
        x.check_squares()?;
        check_weights(weights, x.rows())?;
        if let Some(kept) = Kept::of(x, weights) {
            return self.fit(&kept.columns(), Some(kept.weights()), on_step);
        }
        if self.n_components as usize > x.rows() {
            let message = format!(
                "n_components is {}, but the table has {}; ask for fewer components",
                self.n_components,
                crate::errors::rows(x.rows())
            );
            return Err(Error::data(message));
        }
        let rows = x.rows() as f64;
        let origin: Vec<f64> = x.iter().map(|column| crate::linalg::mean(column, None, rows)).collect();
        let total = weights.map_or(rows, |w| w.iter().sum());
        let mut data = Data { x, origin: &origin, weights, total, products: Vec::new() };
        if self.covariance_type == CovarianceType::Tied {
            data.products = data.products();
        }
        let mut best: Option<GaussianMixture> = None;
        for start in 0..self.n_init {
            let run = self.run(&data, start, on_step)?;
            if best.as_ref().is_none_or(|best| run.lower_bound > best.lower_bound) {
                best = Some(run);
            }
        }
        best.ok_or_else(|| Error::data("there was no start"))
    }

    fn run(&self, data: &Data, start: u32, on_step: &mut dyn FnMut(&Step)) -> Result<GaussianMixture, Error> {
        let mut components = self.start(data, start)?;
        let (mut lower_bound, mut iterations, mut converged) = (f64::NEG_INFINITY, 0, false);
        while iterations < self.max_iter && !converged {
            let mut moments =
                Moments::new(self.covariance_type, data.x.width(), components.means.clone(), &data.products);
            let mean = data.expect(&components, |block, shares, groups| moments.add(block, shares, groups));
            if !mean.is_finite() || mean < -1e300 {
                return Err(Error::data("the values are too large for densities; scale the columns"));
            }
            components = Components::of(self.covariance_type, &moments, self.reg_covar)?;
            on_step(&Step { start, index: iterations, log_likelihood: mean });
            iterations += 1;
            converged = (mean - lower_bound).abs() < self.tol;
            lower_bound = mean;
        }
        let origin = data.origin.to_vec();
        Ok(GaussianMixture { components, origin, lower_bound, iterations, converged })
    }

    /// The first components: rows belong wholly to a cluster, or to all components at random.
    fn start(&self, data: &Data, start: u32) -> Result<Components, Error> {
        let (k, width) = (self.n_components as usize, data.x.width());
        let seed = self.seed.wrapping_add(u64::from(start));
        let params = k_means::Params { n_clusters: self.n_components, seed, ..Default::default() };
        let (model, labels) = match self.init_params {
            InitParams::Kmeans => params.check()?.fit(data.x, data.weights).map(Some)?.unzip(),
            InitParams::Random => (None, None),
        };
        let shifts = match &model {
            Some(model) => (0..k)
                .flat_map(|c| model.centre(c).into_iter().zip(data.origin).map(|(v, o)| v - o))
                .collect(),
            None => vec![0.0; k * width],
        };
        let mut rng = Rng::new(self.seed, u64::from(start));
        let mut moments = Moments::new(self.covariance_type, width, shifts, &data.products);
        let mut shares = vec![0.0; k * BLOCK];
        let (mut block, mut groups) = (vec![0.0; width * BLOCK], Vec::new());
        for first in (0..data.x.rows()).step_by(BLOCK) {
            let rows = cross::read(data.x, data.origin, first, &mut block);
            shares.fill(0.0);
            for i in 0..rows {
                let weight = data.weight(first + i);
                match &labels {
                    Some(labels) => shares[labels[first + i] as usize * BLOCK + i] = weight,
                    None => {
                        let drawn: Vec<f64> = (0..k).map(|_| rng.unit()).collect();
                        let sum: f64 = drawn.iter().sum();
                        let sum = if sum > 0.0 { sum } else { 1.0 };
                        drawn.iter().enumerate().for_each(|(c, d)| shares[c * BLOCK + i] = weight * d / sum);
                    }
                }
            }
            moments.add(&block, &shares, &mut groups);
        }
        Components::of(self.covariance_type, &moments, self.reg_covar)
    }
}

impl Data<'_> {
    fn weight(&self, i: usize) -> f64 {
        self.weights.map_or(1.0, |w| w[i])
    }

    /// The weighted products of all pairs of columns, less the origin.
    fn products(&self) -> Vec<f64> {
        let width = self.x.width();
        let mut products = Products::new(width);
        let mut block = vec![0.0; width * BLOCK];
        let mut groups = vec![[0.0; GROUP]; width.div_ceil(GROUP) * BLOCK];
        for start in (0..self.x.rows()).step_by(BLOCK) {
            let rows = cross::read(self.x, self.origin, start, &mut block);
            for (j, column) in block.chunks_exact(BLOCK).enumerate() {
                let group = &mut groups[j / GROUP * BLOCK..(j / GROUP + 1) * BLOCK];
                for (i, (out, v)) in group.iter_mut().zip(column).enumerate() {
                    out[j % GROUP] = if i < rows { v * self.weight(start + i).sqrt() } else { 0.0 };
                }
            }
            products.add(&groups);
        }
        products.full()
    }

    /// Gives each block with its rows' shares, weighted, to `each`. Returns the mean log likelihood.
    fn expect(
        &self,
        components: &Components,
        mut each: impl FnMut(&[f64], &[f64], &mut Vec<[f64; GROUP]>),
    ) -> f64 {
        let densities = Densities::new(components);
        let (mut block, mut work) = (vec![0.0; self.x.width() * BLOCK], Vec::new());
        let mut shares = vec![0.0; components.weights.len() * BLOCK];
        let mut groups = Vec::new();
        let mut sum = 0.0;
        for start in (0..self.x.rows()).step_by(BLOCK) {
            let rows = cross::read(self.x, self.origin, start, &mut block);
            densities.logs(&block, &mut work, &mut shares);
            let norms = normalize(&mut shares);
            for (i, norm) in norms.iter().enumerate().take(rows) {
                sum += norm * self.weight(start + i);
            }
            for own in shares.chunks_exact_mut(BLOCK) {
                if let Some(w) = self.weights {
                    own.iter_mut().zip(&w[start..start + rows]).for_each(|(share, w)| *share *= w);
                }
                own[rows..].fill(0.0);
            }
            each(&block, &shares, &mut groups);
        }
        sum / self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Matrix, ParamError};

    const KINDS: [CovarianceType; 4] =
        [CovarianceType::Full, CovarianceType::Tied, CovarianceType::Diag, CovarianceType::Spherical];

    /// Three clouds; the first column is wider than the second.
    fn clouds(offset: f64) -> Matrix {
        let mut rng = Rng::new(2, 0);
        let mut noise = || (0..12).map(|_| rng.unit()).sum::<f64>() - 6.0;
        let values: Vec<f64> = (0..900)
            .flat_map(|i| {
                let c = (i % 3) as f64;
                [offset + 20.0 * c + 3.0 * noise(), -10.0 * c + noise()]
            })
            .collect();
        Matrix::from_rows(&values, 2).unwrap()
    }

    fn fit(matrix: &Matrix, params: Params) -> Result<GaussianMixture, Error> {
        params.check().unwrap().fit(&matrix.columns(), None, &mut |_| {})
    }

    #[test]
    fn finds_clouds_of_every_kind_wherever_they_are() {
        for kind in KINDS {
            for offset in [0.0, 1e7] {
                let matrix = clouds(offset);
                let params = Params { n_components: 3, covariance_type: kind, ..Params::default() };
                let model = fit(&matrix, params).unwrap();
                let (proba, _) = model.predict_proba(&matrix.columns()).unwrap();
                let labels = crate::metrics::most_probable(&proba, 3);
                let wrong = (0..900).filter(|&i| labels[i] != labels[i % 3]).count();
                assert!(wrong < 9, "{kind:?} {offset}: {wrong}");
                assert!(model.weights().iter().all(|w| (w - 1.0 / 3.0).abs() < 0.02));
            }
        }
    }

    #[test]
    fn the_likelihood_never_falls() {
        for (kind, init_params) in KINDS.into_iter().zip([InitParams::Random, InitParams::Kmeans].repeat(2)) {
            let mut last = f64::NEG_INFINITY;
            let params = Params {
                n_components: 4,
                covariance_type: kind,
                init_params,
                tol: 1e-9,
                ..Params::default()
            };
            let params = params.check().unwrap();
            let model = params.fit(&clouds(0.0).columns(), None, &mut |step| {
                assert!(step.log_likelihood >= last - 1e-9, "{kind:?}");
                last = step.log_likelihood;
            });
            assert_eq!(model.unwrap().lower_bound(), last);
        }
    }

    #[test]
    fn weights_are_repetitions() {
        let matrix = Matrix::from_rows(&[0.0, 1.0, 2.5, 9.0, 11.0], 1).unwrap();
        let more = Matrix::from_rows(&[0.0, 1.0, 1.0, 2.5, 9.0, 11.0, 11.0, 11.0], 1).unwrap();
        let params = Params { n_components: 2, ..Params::default() }.check().unwrap();
        let weighted = params.fit(&matrix.columns(), Some(&[1.0, 2.0, 1.0, 1.0, 3.0]), &mut |_| {}).unwrap();
        let repeated = params.fit(&more.columns(), None, &mut |_| {}).unwrap();
        assert!((weighted.lower_bound() - repeated.lower_bound()).abs() < 1e-6);
    }

    #[test]
    fn what_collapses_is_said() {
        let matrix = Matrix::from_rows(&[1.0, 1.0, 1.0, 1.0], 1).unwrap();
        let error = fit(&matrix, Params { reg_covar: 0.0, ..Params::default() }).unwrap_err();
        assert!(matches!(error, Error::Param(ParamError { name: "reg_covar", .. })));
        assert!(fit(&matrix, Params::default()).is_ok());
        assert!(fit(&matrix, Params { n_components: 5, ..Params::default() }).is_err());
    }

    #[test]
    fn damaged_states_are_refused() {
        let model = fit(&clouds(0.0), Params { n_components: 2, ..Params::default() }).unwrap();
        let json = serde_json::to_string(&model).unwrap();
        assert_eq!(serde_json::from_str::<GaussianMixture>(&json).unwrap(), model);
        assert!(
            serde_json::from_str::<GaussianMixture>(&json.replace("\"width\":2", "\"width\":1")).is_err()
        );
    }
}
