//! Gradient-boosted trees on histograms, with XGBoost's objectives, parameters and regularisation.
//!
//! T. Chen, C. Guestrin, XGBoost: a scalable tree boosting system, KDD 2016; the histograms and their subtraction as
//! in LightGBM (G. Ke et al., NIPS 2017), the derivatives in whole numbers as in Y. Shi et al., Quantized training of
//! gradient boosting decision trees, NeurIPS 2022. Missing values (NaN) go the way that lowers the loss most.

mod algorithm;
mod bins;
mod data;
mod exchange;
mod exp;
mod grow;
mod histogram;
mod hyperparams;
mod interactions;
mod metric;
mod model;
mod objective;
mod overrides;
mod preset;
mod quantile;
mod ranking;
mod sampler;
mod shap;
mod split;
mod start;
mod stored;
mod tournament;
mod trees;
mod walk;

pub use algorithm::Round;
pub use data::Data;
pub use exchange::{Categories, Encoding, Foreign, Table};
pub use hyperparams::{GrowPolicy, Objective, Params};
pub use metric::{EvalMetric, Top};
pub use model::{GradientBoosting, Importance};
pub use overrides::Overrides;
pub use preset::{Preset, Size};
