//! The bootstrap of Lambda functions, for either processor, on whichever machine this is.
//!
//! It is built apart from the binary: without the compiler, stripped, and for the C library of Amazon Linux 2023, which is older
//! than that of most machines. `cargo-zigbuild` has a C compiler and a linker that do so; both come from PyPI.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, bail};
use clap::ValueEnum;

use crate::{
    python,
    run::{captured, cargo, check, say, shown, target_dir},
};

/// A processor that Lambda has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Arch {
    /// 64-bit x86.
    #[value(name = "x86_64")]
    X86_64,
    /// 64-bit Arm.
    #[value(name = "arm64")]
    Arm64,
}

impl Arch {
    /// Lambda's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        }
    }

    fn target(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-linux-gnu",
            Self::Arm64 => "aarch64-unknown-linux-gnu",
        }
    }
}

/// Of Amazon Linux 2023.
const GLIBC: &str = "2.34";
const TOOLS: [&str; 2] = ["cargo-zigbuild==0.24.1", "ziglang==0.17.1"];
const LIMIT: Duration = Duration::from_secs(60);

/// Builds it into `<target>/release/millstream-lambda-<arch>`, beside the binary.
pub fn build(arch: Arch) -> anyhow::Result<PathBuf> {
    let tools =
        python::environment("zigbuild", &TOOLS).context("the bootstrap is linked by zig, from PyPI")?;
    add_target(arch.target())?;
    say(&format!("Building the bootstrap for {}", arch.name()));
    let mut command = cargo();
    command.args([
        "zigbuild",
        "--quiet",
        "--release",
        "--package",
        "millstream-lambda",
        "--bin",
        "millstream-lambda",
    ]);
    command.arg("--target").arg(format!("{}.{GLIBC}", arch.target()));
    // Apart, so that neither build's features unsettle the other's.
    let folder = target_dir().join("lambda");
    command.arg("--target-dir").arg(&folder).args(["--config", "profile.release.strip=\"symbols\""]);
    let paths = env::var_os("PATH").unwrap_or_default();
    let paths = [tools.join(python::BIN)].into_iter().chain(env::split_paths(&paths));
    command.env("PATH", env::join_paths(paths)?);
    check(&mut command)?;
    let built = folder.join(arch.target()).join("release/millstream-lambda");
    let place = target_dir().join("release").join(format!("millstream-lambda-{}", arch.name()));
    copy(&built, &place)?;
    Ok(place)
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to.parent().expect("a file in a folder"))?;
    // A new file: one that runs is not written into.
    let unfinished = to.with_extension("unfinished");
    fs::copy(from, &unfinished).with_context(|| format!("cannot copy {}", from.display()))?;
    fs::rename(unfinished, to)?;
    Ok(())
}

/// The standard library of that target, from rustup unless it is there.
fn add_target(target: &str) -> anyhow::Result<()> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let found = captured(Command::new(rustc).args(["--print", "target-libdir", "--target", target]), LIMIT)?;
    if found.ok() && Path::new(found.output.trim()).is_dir() {
        return Ok(());
    }
    let mut add = Command::new("rustup");
    add.args(["target", "add", target]);
    let added = captured(&mut add, LIMIT)?;
    if !added.ok() {
        bail!("{} failed: the bootstrap needs that standard library\n{}", shown(&add), added.output.trim());
    }
    Ok(())
}
