//! What random forests and extra trees share: trees on binned features, grown from samples of the rows, that vote.

mod bins;
mod histogram;
mod model;
mod params;
mod random;
mod splitter;
mod stored;
mod train;
mod votes;

pub use model::Forest;
pub use params::{ClassWeight, Options};
pub(crate) use splitter::Search;
pub(crate) use train::Trees;
