//! Millstream's algorithm kernels: plain Rust on plain matrices.
//!
//! Every algorithm's room is furnished alike: `hyperparams` holds `Params` (names and defaults as in scikit-learn
//! or XGBoost) and what they may be, `algorithm` the fitted model and how it comes about. Parameters are checked
//! in one place ([`Check::check`]) and only checked ones can be fitted:
//!
//! ```
//! use millstream_learners::{Check, Columns, linear_regression::Params};
//!
//! let x = [1.0, 2.0, 3.0, 4.0];
//! let model = Params::default().check()?.fit(&Columns::new(vec![&x])?, &[3.0, 5.0, 7.0, 9.0], None)?;
//! assert!((model.intercept() - 1.0).abs() < 1e-9);
//! # Ok::<(), millstream_learners::Error>(())
//! ```
//!
//! All estimators but those that learn batch by batch or forecast stand behind smartcore's traits too (see
//! [`estimator`]). Equal data, parameters and seed give
//! equal bytes on every machine: one thread, fixed orders of summation, generators that do not depend on the width
//! of a pointer, logarithms and exponentials of `libm` or our own ([`linalg::exp`]) and not of the machine's
//! C library. Rows and columns in errors count from 0.
// A test compares within a tolerance, and may ask the machine.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

pub mod agglomerative;
pub mod calibration;
pub mod cart;
pub mod dbscan;
pub mod decision_tree;
pub mod elastic_net;
pub mod errors;
pub mod estimator;
pub mod extra_trees;
pub mod factorization_machines;
pub mod forecasting;
pub mod forest;
pub mod gaussian_mixture;
pub mod gradient_boosting;
pub mod hdbscan;
pub mod isolation_forest;
pub mod k_means;
pub mod knn;
pub mod linalg;
pub mod linear_learner;
pub mod linear_model;
pub mod linear_regression;
pub mod logistic_regression;
pub mod matrix;
pub mod metrics;
pub mod naive_bayes;
pub mod neighbours;
pub mod packed;
pub mod param_guard;
pub mod pca;
pub mod random_forest;
pub mod ridge;
pub mod rng;
pub mod standardized;
pub mod streaming;
pub mod svm;
pub mod tree;
pub mod truncated_svd;
pub mod weights;

pub use errors::{Error, ParamError, shown};
pub use matrix::{Columns, Matrix, SparseRows};
pub use param_guard::{Check, Checked};
pub use standardized::Standardized;
