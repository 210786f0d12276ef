//! The `millstream` binary, with the functions inside.

use std::path::PathBuf;

use crate::{
    functions,
    run::{cargo, check, say, target_dir},
};

/// Builds the functions, then the binary that carries them, and returns the binary's path.
pub fn build() -> anyhow::Result<PathBuf> {
    functions::build()?;
    say("Building millstream");
    check(cargo().args(["build", "--quiet", "--release", "--package", "millstream"]))?;
    Ok(binary())
}

/// The same together with every test, as `cargo test --workspace` builds it: dependencies are compiled once for both.
pub fn build_with_tests() -> anyhow::Result<PathBuf> {
    functions::build()?;
    say("Building millstream and its tests");
    check(cargo().args(["build", "--quiet", "--release", "--workspace", "--tests", "--bins"]))?;
    Ok(binary())
}

fn binary() -> PathBuf {
    target_dir().join("release").join(format!("millstream{}", std::env::consts::EXE_SUFFIX))
}
