//! Values by their rank, as scikit-learn's `QuantileTransformer` (of all rows: none are sampled).

use millstream_sdk::{Context, Failure, arrow_array::ArrayRef, internal, invalid_parameter};
use serde::{Deserialize, Serialize};

use super::normal;
use crate::{learnt::Learnt, transform::Transform, values};

pub const STEP: &str = "quantile";

/// Values so near to the least or the largest one are as good as it, where the ends of the distribution are infinite.
const EDGE: f64 = 1e-7;

/// Options of `quantile`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Quantiles that are learnt; as many as rows at the most.
    pub n_quantiles: usize,
    pub output_distribution: Distribution,
}

impl Default for Options {
    fn default() -> Self {
        Self { n_quantiles: 1000, output_distribution: Distribution::Uniform }
    }
}

/// How the values are distributed that come out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Distribution {
    /// Evenly from 0 to 1.
    Uniform,
    /// Normally, with mean 0 and standard deviation 1.
    Normal,
}

/// The state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Quantiles {
    /// Ascending, at equal distances of rank.
    quantiles: Vec<f64>,
    distribution: Distribution,
}

pub fn fit(context: &Context, options: &Options, name: &str, array: &ArrayRef) -> Result<Learnt, Failure> {
    if options.n_quantiles == 0 || options.n_quantiles > 100_000 {
        return Err(invalid_parameter("n_quantiles", format!("{} is out of range", options.n_quantiles))
            .allowed("1 to 100,000"));
    }
    let values = values::sorted(values::finite(STEP, array)?);
    if values[0] == values[values.len() - 1] {
        context.warn(format!("column `{name}` is constant: it tells the algorithm nothing"));
    }
    let count = options.n_quantiles.min(array.len());
    let mut quantiles: Vec<f64> =
        values::evenly(0.0, 1.0, count).into_iter().map(|share| values::quantile(&values, share)).collect();
    // Rounding may put one below the one before.
    (1..quantiles.len()).for_each(|place| quantiles[place] = quantiles[place].max(quantiles[place - 1]));
    let state = Quantiles { quantiles, distribution: options.output_distribution };
    Ok(Learnt::new(vec![name.to_owned()], Transform::Quantiles(state)))
}

impl Quantiles {
    pub fn apply(&self, array: &ArrayRef) -> Vec<ArrayRef> {
        let (least, most) = (self.quantiles[0], self.quantiles[self.quantiles.len() - 1]);
        let normal = self.distribution == Distribution::Normal;
        let edge = if normal { EDGE } else { 0.0 };
        let bound = normal::quantile(EDGE - f64::EPSILON);
        vec![values::map(array, |value| {
            let share = match value {
                value if value.is_nan() => return value,
                // As in scikit-learn, the upper bound is looked at first and the lower one wins.
                value if value - edge <= least && (value - edge < least || !normal) => 0.0,
                value if value + edge >= most && (value + edge > most || !normal) => 1.0,
                value => self.share(value),
            };
            match normal {
                false => share,
                true => normal::quantile(share).clamp(bound, -bound),
            }
        })]
    }

    /// The rank of a value, from 0 to 1: the middle, where several quantiles are the same.
    fn share(&self, value: f64) -> f64 {
        let quantiles = &self.quantiles;
        let last = quantiles.len() - 1;
        let step = |place: usize| place as f64 / last.max(1) as f64;
        let between = |low: usize| {
            let (from, to) = (quantiles[low], quantiles[low + 1]);
            step(low) + (step(low + 1) - step(low)) * ((value - from) / (to - from))
        };
        let above = quantiles.partition_point(|quantile| *quantile <= value);
        let below = quantiles.partition_point(|quantile| *quantile < value);
        let upper = match above {
            0 => 0.0,
            above if above > last => 1.0,
            above if quantiles[above - 1] == value => step(above - 1),
            above => between(above - 1),
        };
        let lower = match below {
            below if below > last => 1.0,
            below if quantiles[below] == value => step(below),
            0 => 0.0,
            below => between(below - 1),
        };
        0.5 * (upper + lower)
    }

    /// Whether there is a quantile, and none is out of order.
    pub fn check(&self, gives: usize) -> Result<(), Failure> {
        let finite = self.quantiles.iter().all(|quantile| quantile.is_finite());
        match gives == 1 && !self.quantiles.is_empty() && finite && self.quantiles.is_sorted() {
            true => Ok(()),
            false => Err(internal("the quantiles are damaged")),
        }
    }
}
