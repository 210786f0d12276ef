//! A Python wheel that carries the binary, so that whoever only wants to use it builds nothing.
//!
//! maturin makes it (`infra/python`). It asks cargo to build the binary; the binary is there already, and building it once more with
//! maturin's flags would take minutes. So maturin is given this program for a cargo, which answers that one question itself.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use serde_json::json;

use crate::{
    host, python,
    run::{captured, cargo, root, say, shown, target_dir},
};

const LIMIT: Duration = Duration::from_secs(10 * 60);

/// The file with what cargo would answer, for this program when it stands in for cargo.
const ANSWER: &str = "MILLSTREAM_CARGO_ANSWER";
/// The true cargo.
const CARGO: &str = "MILLSTREAM_CARGO";

/// Builds the binary, and the wheel that carries it.
pub fn wheel() -> anyhow::Result<PathBuf> {
    let binary = host::build_whole()?;
    pack(&maturin()?, &binary)
}

/// A wheel with this binary, for the tests. None, and why is said, where maturin cannot be had: the wheel is then left untested.
///
/// # Errors
/// maturin is there, but the binary cannot be packed.
pub fn for_tests(binary: &Path) -> anyhow::Result<Option<PathBuf>> {
    packed_if_there(maturin(), |maturin| pack(maturin, binary))
}

fn packed_if_there(
    maturin: anyhow::Result<PathBuf>,
    pack: impl FnOnce(&Path) -> anyhow::Result<PathBuf>,
) -> anyhow::Result<Option<PathBuf>> {
    match maturin {
        Ok(maturin) => pack(&maturin).map(Some),
        Err(error) => {
            say(&format!("SKIPPED: the wheel is NOT tested, as maturin cannot be had: {error:#}"));
            Ok(None)
        }
    }
}

/// The program `maturin`, installed from PyPI at the first call.
fn maturin() -> anyhow::Result<PathBuf> {
    Ok(python::environment("maturin", &["maturin==1.16.0"])?.join(python::BIN).join("maturin"))
}

/// Puts a binary that is built into a wheel, and returns the wheel's path: in `<target>/wheels`, alone.
fn pack(maturin: &Path, binary: &Path) -> anyhow::Result<PathBuf> {
    let folder = target_dir().join("wheels");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let answer = folder.join("cargo-answer.json");
    fs::write(&answer, built(binary)?)?;
    say("Packing the wheel");
    let mut command = Command::new(maturin);
    command.args(["build", "--release", "--out"]).arg(&folder).current_dir(root().join("infra/python"));
    // Not as it was started: the tests' build has put another one in its place since.
    let this = target_dir().join("release").join(format!("xtask{}", env::consts::EXE_SUFFIX));
    command.env("CARGO", this).env(ANSWER, &answer);
    command.env(CARGO, env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let finished = captured(&mut command, LIMIT)?;
    fs::remove_file(answer)?;
    ensure!(finished.ok(), "{} failed\n{}", shown(&command), finished.output.trim());
    let mut made =
        fs::read_dir(&folder)?.map(|entry| entry.map(|e| e.path())).collect::<Result<Vec<_>, _>>()?;
    match (made.pop(), made.is_empty()) {
        (Some(wheel), true) => Ok(wheel),
        _ => bail!("{} made no wheel\n{}", shown(&command), finished.output.trim()),
    }
}

/// What cargo says of a binary that is up to date, as JSON lines.
fn built(binary: &Path) -> anyhow::Result<String> {
    let finished = captured(cargo().args(["pkgid", "--package", "millstream"]), LIMIT)?;
    ensure!(finished.ok(), "cargo pkgid failed\n{}", finished.output.trim());
    let package = root().join("host/cli");
    let artifact = json!({
        "reason": "compiler-artifact",
        "package_id": finished.output.trim(),
        "manifest_path": package.join("Cargo.toml"),
        "target": {
            "kind": ["bin"],
            "crate_types": ["bin"],
            "name": "millstream",
            "src_path": package.join("src/main.rs"),
            "edition": "2024",
            "doc": true,
            "doctest": false,
            "test": true,
        },
        "profile": {
            "opt_level": "3", "debuginfo": 0, "debug_assertions": false, "overflow_checks": false, "test": false,
        },
        "features": [],
        "filenames": [binary],
        "executable": binary,
        "fresh": true,
    });
    Ok(format!("{artifact}\n{}\n", json!({ "reason": "build-finished", "success": true })))
}

/// Where maturin called this program for cargo: the answer to a build, or the true cargo's to anything else. None if it did not.
pub fn as_cargo() -> Option<anyhow::Result<ExitCode>> {
    let answer = env::var_os(ANSWER)?;
    Some(answer_as_cargo(answer))
}

fn answer_as_cargo(answer: OsString) -> anyhow::Result<ExitCode> {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    if arguments.first().is_some_and(|verb| verb == "rustc" || verb == "build") {
        print!("{}", fs::read_to_string(answer)?);
        return Ok(ExitCode::SUCCESS);
    }
    let cargo = env::var_os(CARGO).context("no cargo is named")?;
    let status = Command::new(&cargo).args(arguments).env("CARGO", &cargo).env_remove(ANSWER).status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_missing_maturin_skips_the_wheel() {
        let missing = packed_if_there(Err(anyhow::anyhow!("no network")), |_| panic!("nothing to pack with"));
        assert!(missing.unwrap().is_none());
        let failed = packed_if_there(Ok("maturin".into()), |_| bail!("no room on the disk"));
        assert_eq!(failed.unwrap_err().to_string(), "no room on the disk");
        let made = packed_if_there(Ok("maturin".into()), |maturin| Ok(maturin.with_extension("whl")));
        assert_eq!(made.unwrap(), Some("maturin.whl".into()));
    }
}
