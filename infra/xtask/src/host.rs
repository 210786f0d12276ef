//! The `millstream` binary, with the functions inside.

use std::path::PathBuf;

use crate::{
    functions,
    run::{cargo, check, say, target_dir},
};

/// What a build of the whole workspace adds to be that of a release.
pub const WHOLE: [&str; 2] = ["--features", "millstream/aws"];

/// Builds the functions, then the binary that carries them, and returns the binary's path.
pub fn build() -> anyhow::Result<PathBuf> {
    functions::build()?;
    say("Building millstream");
    check(cargo().args(["build", "--quiet", "--release", "--package", "millstream"]))?;
    Ok(binary())
}

/// The same with all that releases have: AWS too, whose SDK takes minutes to build.
pub fn build_whole() -> anyhow::Result<PathBuf> {
    functions::build()?;
    say("Building millstream as it is released");
    let package = ["build", "--quiet", "--release", "--package", "millstream"];
    check(cargo().args(package).args(["--features", "aws"]))?;
    Ok(binary())
}

/// The same together with every test, as `cargo test --workspace` builds it: dependencies are compiled once for both.
pub fn build_with_tests() -> anyhow::Result<PathBuf> {
    functions::build()?;
    say("Building millstream and its tests");
    check(cargo().args(["build", "--quiet", "--release", "--workspace", "--tests", "--bins"]).args(WHOLE))?;
    Ok(binary())
}

fn binary() -> PathBuf {
    target_dir().join("release").join(format!("millstream{}", std::env::consts::EXE_SUFFIX))
}
