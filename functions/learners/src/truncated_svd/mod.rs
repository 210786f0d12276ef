//! Truncated singular value decomposition: principal components of columns that are not centred. The kernel is that of
//! [`pca`](crate::pca), under scikit-learn's names for this.

mod hyperparams;

pub use hyperparams::{Algorithm, Params};
