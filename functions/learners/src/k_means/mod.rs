//! k-means clustering: Lloyd's algorithm and mini-batches, from k-means++, k-means|| or random starts, as
//! scikit-learn's `KMeans` and `MiniBatchKMeans`.

mod algorithm;
mod assign;
mod bounds;
mod distances;
mod hyperparams;
mod init;
mod lloyd;
mod mini_batch;

pub use algorithm::{KMeans, nearest};
pub use hyperparams::{Algorithm, Init, Params};
