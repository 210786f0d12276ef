//! Principal components, and the truncated singular value decomposition of columns that are not centred, as
//! scikit-learn's `PCA` and `TruncatedSVD`.

mod algorithm;
mod hyperparams;
mod model;
mod randomized;

pub use hyperparams::{Components, Params, Solver};
pub use model::Pca;
