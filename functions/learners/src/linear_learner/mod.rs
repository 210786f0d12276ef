//! Lines and logistic regressions learnt in mini-batches, as SageMaker's Linear Learner.

mod algorithm;
mod hyperparams;
mod sparse;

pub use crate::streaming::{Method, PredictorType};
pub use algorithm::{LinearLearner, Model};
pub use hyperparams::{Loss, Params};
