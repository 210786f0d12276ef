//! What the tree methods share: features cut into at most 255 bins, and ensembles of trees over them.

pub mod binning;
pub mod ensemble;
mod stored;

pub use binning::{Binned, Cuts, MISSING};
pub use ensemble::{Ensemble, Node, Tree};
