//! Factorization machines: scores with a product for each pair of features, of few factors each. Made for many columns
//! that are mostly 0.
//!
//! S. Rendle, Factorization Machines, ICDM 2010. Names are those of SageMaker's Factorization Machines.

mod algorithm;
mod hyperparams;
mod model;

pub use crate::streaming::PredictorType;
pub use algorithm::Learner;
pub use hyperparams::Params;
pub use model::FactorizationMachine;
