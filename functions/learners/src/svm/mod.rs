//! Support vector machines, for classes and for numbers, as scikit-learn's `SVC` and `SVR` (LIBSVM).
//!
//! C.-C. Chang, C.-J. Lin, LIBSVM: A Library for Support Vector Machines, ACM TIST 2, 2011.

mod classifier;
mod coupling;
mod hyperparams;
mod kernel;
mod machine;
mod regressor;
mod rows;
mod smo;

pub use classifier::SupportVectorClassifier;
pub use hyperparams::{Gamma, Kernel, Params};
pub use regressor::SupportVectorRegressor;
