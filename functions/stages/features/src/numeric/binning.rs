//! Numbers as the intervals that they lie in, as scikit-learn's `KBinsDiscretizer` with `encode='ordinal'`.

use millstream_sdk::{Context, Failure, arrow_array::ArrayRef, internal, invalid_parameter};
use serde::{Deserialize, Serialize};

use crate::{learnt::Learnt, transform::Transform, values};

pub const STEP: &str = "binning";

/// Bins of less width are none.
const NARROWEST: f64 = 1e-8;

/// Options of `binning`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Intervals.
    pub n_bins: usize,
    pub strategy: Strategy,
    /// Of `quantile`: where a bin ends between two values.
    pub quantile_method: Method,
}

/// What a quantile between two values is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The value at that rank, or the mean of two.
    AveragedInvertedCdf,
    /// On the line between them.
    Linear,
}

impl Default for Options {
    fn default() -> Self {
        Self { n_bins: 5, strategy: Strategy::Quantile, quantile_method: Method::AveragedInvertedCdf }
    }
}

/// Where the intervals end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// All are as wide.
    Uniform,
    /// All hold as many rows.
    Quantile,
}

/// The state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Bins {
    /// Ends of all intervals but the last one, ascending.
    edges: Vec<f64>,
}

pub fn fit(context: &Context, options: &Options, name: &str, array: &ArrayRef) -> Result<Learnt, Failure> {
    let count = options.n_bins;
    if !(2..=10_000).contains(&count) {
        return Err(invalid_parameter("n_bins", format!("{count} is out of range")).allowed("2 to 10,000"));
    }
    let values = values::sorted(values::finite(STEP, array)?);
    let (least, most) = (values[0], values[values.len() - 1]);
    values::measurable(most - least)?;
    let mut edges = match options.strategy {
        Strategy::Uniform => values::evenly(least, most, count + 1),
        Strategy::Quantile => {
            let shares = values::evenly(0.0, 1.0, count + 1).into_iter();
            shares
                .map(|share| match options.quantile_method {
                    Method::Linear => values::quantile(&values, share),
                    Method::AveragedInvertedCdf => ranked(&values, share),
                })
                .collect()
        }
    };
    if least == most {
        context.warn(format!("column `{name}` is constant: it tells the algorithm nothing"));
        edges = vec![least, most];
    } else if options.strategy == Strategy::Quantile {
        let before = edges.len();
        let mut last = f64::NEG_INFINITY;
        edges = edges
            .windows(1)
            .map(|edge| edge[0])
            .filter(|edge| {
                let wide = edge - last > NARROWEST;
                last = *edge;
                wide
            })
            .collect();
        if edges.len() < before {
            context.info(format!(
                "column `{name}`: values repeat, so that {} of {count} bins are left",
                edges.len() - 1
            ));
        }
    }
    let inner = edges.len() - 1;
    let state = Bins { edges: edges.get(1..inner).unwrap_or_default().to_vec() };
    Ok(Learnt::new(vec![name.to_owned()], Transform::Bins(state)))
}

/// The first of some sorted values at or below which a share of them lies; the mean of two where both are as good.
fn ranked(sorted: &[f64], share: f64) -> f64 {
    let rank = share * sorted.len() as f64;
    let last = sorted.len() - 1;
    // Shares are not exact: 0.6 of 5 values are 3 of them.
    let whole = rank.round();
    match (rank - whole).abs() < 1e-9 * rank.max(1.0) {
        true if whole < 1.0 => sorted[0],
        true => {
            let (low, high) = (sorted[(whole as usize - 1).min(last)], sorted[(whole as usize).min(last)]);
            low + (high - low) / 2.0
        }
        false => sorted[(rank.floor() as usize).min(last)],
    }
}

impl Bins {
    pub fn apply(&self, array: &ArrayRef) -> Vec<ArrayRef> {
        vec![values::map(array, |value| match value.is_nan() {
            true => value,
            false => self.edges.partition_point(|edge| *edge <= value) as f64,
        })]
    }

    /// Whether the edges are in order.
    pub fn check(&self, gives: usize) -> Result<(), Failure> {
        match gives == 1 && self.edges.iter().all(|edge| !edge.is_nan()) && self.edges.is_sorted() {
            true => Ok(()),
            false => Err(internal("the bins are damaged")),
        }
    }
}
