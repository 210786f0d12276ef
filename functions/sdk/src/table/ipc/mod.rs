//! The Arrow IPC stream format, for the column types that functions meet.
//!
//! `arrow-ipc` reads and writes every type of Arrow, and so links the kernels behind them all: 2.5 MB of WebAssembly in
//! each component, of which nothing is ever called. This is the part that is; the messages themselves are
//! `arrow-ipc`'s generated code, and its reader and writer are what the tests hold this against.
//!
//! Format: <https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc>

mod array;
mod body;
mod read;
mod schema;
mod write;

pub use body::{Memory, Origin};
pub use read::{Head, Stream};
pub use write::Writer;

/// Comes before the length of each message since format 0.15.
const CONTINUATION: [u8; 4] = [0xff; 4];

/// Buffers start at multiples of this, as the format recommends.
const ALIGNMENT: usize = 64;

#[cfg(test)]
mod tests;
