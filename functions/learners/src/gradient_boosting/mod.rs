//! Gradient-boosted trees on histograms, with XGBoost's objectives, parameters and regularisation.
//!
//! T. Chen, C. Guestrin, XGBoost: a scalable tree boosting system, KDD 2016; the histograms and their subtraction as
//! in LightGBM (G. Ke et al., NIPS 2017). Missing values (NaN) go the way that lowers the loss most.

mod algorithm;
mod grow;
mod histogram;
mod hyperparams;
mod metric;
mod model;
mod objective;

pub use algorithm::{Data, Round};
pub use hyperparams::{Objective, Params};
pub use metric::EvalMetric;
pub use model::{GradientBoosting, Importance};
