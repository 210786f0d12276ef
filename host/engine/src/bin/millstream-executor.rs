//! An executor by itself, for the engine's tests and benchmarks. The `millstream` binary has one built in.

use std::process::ExitCode;

fn main() -> ExitCode {
    millstream_engine::executor::main(&millstream_store::Stores::default())
}
