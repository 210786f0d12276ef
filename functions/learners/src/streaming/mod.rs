//! What learns from a table batch by batch, several times over, without ever holding all of it.

mod optimizer;
mod statistics;

pub use optimizer::{Method, Optimizer};
pub use statistics::Statistics;

use crate::linalg::exp::{exp, ln_1p_unit};
use crate::matrix::check_length;
use crate::{Columns, Error, shown};
use serde::{Deserialize, Serialize};

/// Rows of a batch: features, targets (numbers, or places of classes), weights.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    pub x: &'a Columns<'a>,
    pub y: &'a [f64],
    pub weights: Option<&'a [f64]>,
}

impl Batch<'_> {
    /// Checks a batch against the number of columns and of outputs; classes go up to `classes` (0: numbers).
    pub(crate) fn check(&self, width: usize, classes: usize) -> Result<(), Error> {
        self.x.check_width(width)?;
        self.x.check_squares()?;
        check_length("target", self.y.len(), self.x.rows())?;
        let bad = |y: &f64| match classes {
            0 => !y.is_finite(),
            _ => !(0.0..classes as f64).contains(y) || y.fract() != 0.0,
        };
        if let Some(row) = self.y.iter().position(bad) {
            return Err(Error::row(row, format!("the target is {}", shown(self.y[row]))));
        }
        let Some(weights) = self.weights else { return Ok(()) };
        check_length("weight", weights.len(), self.x.rows())?;
        match weights.iter().position(|w| !(w.is_finite() && *w >= 0.0)) {
            None => Ok(()),
            Some(row) => Err(Error::row(
                row,
                format!("the weight is {}; weights are finite and at least 0", shown(weights[row])),
            )),
        }
    }

    pub(crate) fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |w| w[row])
    }
}

/// Sees every batch once to [`observe`](Self::observe), is [started](Self::start), then sees every batch once an epoch
/// to [`learn`](Self::learn).
pub trait Streaming {
    /// What comes of it.
    type Model;

    /// Takes note of scales and counts.
    fn observe(&mut self, batch: Batch) -> Result<(), Error>;

    /// Ends the observation.
    fn start(&mut self) -> Result<(), Error>;

    /// Takes steps, a mini-batch each; rows of a batch come in random order.
    fn learn(&mut self, batch: Batch) -> Result<(), Error>;

    /// Ends an epoch. Returns the mean loss of its rows, each before it was learnt from.
    fn end_epoch(&mut self) -> f64;

    /// The sum of the rows' losses by the model of the last epoch, and of their weights.
    fn loss(&self, batch: Batch) -> Result<(f64, f64), Error>;

    /// The model of the last epoch.
    ///
    /// # Errors
    /// If it is not finite.
    fn model(&self) -> Result<Self::Model, Error>;
}

/// What a model predicts, named as in SageMaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PredictorType {
    /// A number.
    #[default]
    Regressor,
    /// One of two classes.
    BinaryClassifier,
    /// One of several classes.
    MulticlassClassifier,
}

/// The log loss of score `s` for label 0 or 1, and its slope.
pub(crate) fn logistic(s: f64, label: f64) -> (f64, f64) {
    let e = exp(-s.abs());
    let likelier = 1.0 / (1.0 + e);
    let p = if s >= 0.0 { likelier } else { e * likelier };
    (s.max(0.0) - label * s + ln_1p_unit(e), p - label)
}
