//! k-means by Lloyd's algorithm from k-means++ starts, as scikit-learn's `KMeans`.

mod algorithm;
mod hyperparams;
mod init;
mod lloyd;

pub use algorithm::{KMeans, nearest};
pub use hyperparams::Params;
