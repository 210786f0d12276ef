//! Nearest neighbours: classes and numbers by what the nearest rows have, as scikit-learn's `KNeighborsClassifier` and
//! `KNeighborsRegressor`; approximately by an inverted file for large tables.

mod algorithm;
mod hyperparams;
mod index;
mod inverted;

pub use algorithm::Knn;
pub use hyperparams::{Algorithm, Params, Weights};
