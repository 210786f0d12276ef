//! Principal components, and the truncated singular value decomposition of columns that are not centred, as
//! scikit-learn's `PCA` and `TruncatedSVD`.

mod algorithm;
mod hyperparams;
mod randomized;

pub use algorithm::Pca;
pub use hyperparams::{Components, Params, Solver};
