//! What random forests and extra trees share: trees on binned features, grown from samples of the rows, that vote.

mod bins;
mod histogram;
mod kinds;
mod lots;
mod model;
mod params;
mod random;
mod splitter;
mod stored;
mod train;
mod votes;

pub use kinds::ForestOf;
pub use model::Forest;
pub use params::{ClassWeight, Kind, Params};
pub use splitter::Search;
