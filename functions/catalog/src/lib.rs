//! Every function once, with examples and traits.
//!
//! For tests and fuzzing alone: what holds for all functions is tested by walking [`all`], so that a new function is
//! tested as soon as it stands in [`algorithms`] or [`stages`]. The end-to-end tests hold the list to what the binary
//! carries.
//!
//! ```
//! let ridge = millstream_catalog::all().into_iter().find(|function| function.name == "ridge").unwrap();
//! let host = millstream_catalog::host(&ridge.examples[0], &millstream_catalog::table(48));
//! ridge.run(&host, &ridge.examples[0].on_table()).unwrap();
//! assert!(host.wrote("model"));
//! ```

mod algorithms;
mod function;
mod stages;
mod table;

pub use algorithms::algorithms;
pub use function::{Answers, Example, Function, Input, Learns, Model};
pub use stages::{LINE, stages};
pub use table::{csv, table};

use millstream_sdk::arrow_array::RecordBatch;
use millstream_sdk::testing::Host;
use std::fs;
use std::path::Path;

/// Every function that the binary carries.
pub fn all() -> Vec<Function> {
    [algorithms(), stages()].concat()
}

/// A file of the repository.
///
/// # Panics
/// There is no such file.
pub fn file(name: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    fs::read(root.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A host with what the example takes in. Its seed is 7.
///
/// # Panics
/// The table cannot be written, a file is not there, or the example is wrong.
pub fn host(example: &Example, table: &RecordBatch) -> Host {
    let host = Host::new().seed(7);
    match &example.input {
        Input::Table(channel) => host.rows(channel, table),
        Input::Csv(channel) => host.file(channel, "table.csv", csv(table.num_rows())),
        Input::File(channel, path) => host.file(channel, name(path), file(path)),
        Input::Model { model, table: channel } => stages::answering(host, model, table).rows(channel, table),
    }
}

/// The last part of a path.
pub fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
