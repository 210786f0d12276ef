//! What learns from a table batch by batch, several times over, without ever holding all of it.

mod batch;
mod optimizer;
mod statistics;

pub use batch::{Batch, Features, View};
pub use optimizer::{Method, Optimizer};
pub use statistics::Statistics;

use crate::Error;
use crate::linalg::exp::{exp, ln_1p_unit};
use serde::{Deserialize, Serialize};

/// Sees every batch once to [`observe`](Self::observe), is [started](Self::start), then sees every batch once an epoch
/// to [`learn`](Self::learn).
pub trait Streaming {
    /// What comes of it.
    type Model;

    /// Takes note of scales and counts.
    fn observe<X: Features>(&mut self, batch: Batch<X>) -> Result<(), Error>;

    /// Ends the observation.
    fn start(&mut self) -> Result<(), Error>;

    /// Takes steps, a mini-batch each; rows of a batch come in random order.
    fn learn<X: Features>(&mut self, batch: Batch<X>) -> Result<(), Error>;

    /// Ends an epoch. Returns the mean loss of its rows, each before it was learnt from.
    fn end_epoch(&mut self) -> f64;

    /// The sum of the rows' losses by the model of the last epoch, and of their weights.
    fn loss<X: Features>(&self, batch: Batch<X>) -> Result<(f64, f64), Error>;

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
