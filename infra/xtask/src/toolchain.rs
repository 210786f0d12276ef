//! A Rust that builds for WebAssembly: what is there, else rustup's, else Debian's.
//!
//! rustup's server may refuse, or take the connection and never answer; each way has a time limit, and when none works
//! the error says why each failed.

mod debian;

use std::{
    env, fmt,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::bail;

use crate::run::{captured, say};

/// The target that functions are built for.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Set to use the last way even where an earlier one works; for testing it.
const FORCE_FALLBACK: &str = "MILLSTREAM_WASM_FALLBACK";

const PROBE_LIMIT: Duration = Duration::from_secs(30);
const RUSTUP_LIMIT: Duration = Duration::from_secs(60);

/// Which compiler builds the functions.
pub enum Toolchain {
    /// The one that cargo uses anyhow.
    Default,
    /// Another compiler under this root; cargo stays the same.
    Unpacked(PathBuf),
}

impl Toolchain {
    /// Makes `command` (a cargo) use this compiler.
    pub fn apply(&self, command: &mut Command) {
        if let Self::Unpacked(root) = self {
            command.env("RUSTC", root.join("bin/rustc"));
            command.env("LD_LIBRARY_PATH", root.join("lib"));
            // A wrapper set for the default compiler need not know this one.
            command.env_remove("RUSTC_WRAPPER").env_remove("RUSTUP_TOOLCHAIN");
        }
    }

    fn rustc(&self) -> Command {
        let mut command = match self {
            Self::Default => Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())),
            Self::Unpacked(root) => Command::new(root.join("bin/rustc")),
        };
        self.apply(&mut command);
        command
    }

    /// Whether the target's standard library is there.
    fn has_target(&self) -> bool {
        let mut rustc = self.rustc();
        rustc.args(["--print", "target-libdir", "--target", TARGET]);
        let Ok(finished) = captured(&mut rustc, PROBE_LIMIT) else { return false };
        finished.ok() && holds_std(Path::new(finished.output.trim()))
    }
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => write!(f, "the default Rust builds for {TARGET}"),
            Self::Unpacked(root) => write!(f, "the Rust in {} builds for {TARGET}", root.display()),
        }
    }
}

fn holds_std(folder: &Path) -> bool {
    let Ok(entries) = folder.read_dir() else { return false };
    entries.flatten().any(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        name.starts_with("libstd-") && name.ends_with(".rlib")
    })
}

/// Finds or makes a Rust that builds for [`TARGET`].
pub fn find() -> anyhow::Result<Toolchain> {
    if env::var_os(FORCE_FALLBACK).is_some() {
        return debian::toolchain();
    }
    if Toolchain::Default.has_target() {
        return Ok(Toolchain::Default);
    }
    let unpacked = debian::unpacked();
    if unpacked.has_target() {
        return Ok(unpacked);
    }
    let rustup = match rustup() {
        Ok(()) => return Ok(Toolchain::Default),
        Err(error) => error,
    };
    match debian::toolchain() {
        Ok(toolchain) => Ok(toolchain),
        Err(debian) => bail!(
            "no Rust here can build for {TARGET}, and both ways to get one failed:\n\
             \n1. rustup target add {TARGET}: {rustup:#}\n\
             \n2. Debian's rustc-web packages: {debian:#}\n\
             \nOn a machine with a network, run `rustup target add {TARGET}` and try again."
        ),
    }
}

fn rustup() -> anyhow::Result<()> {
    say(&format!("Adding the {TARGET} target"));
    let finished = captured(Command::new("rustup").args(["target", "add", TARGET]), RUSTUP_LIMIT)?;
    match finished.status {
        None => bail!("no answer within {} seconds", RUSTUP_LIMIT.as_secs()),
        Some(status) if !status.success() => bail!("{status}\n{}", finished.output.trim()),
        Some(_) if Toolchain::Default.has_target() => Ok(()),
        Some(_) => bail!(
            "rustup added it to another toolchain than the one that cargo uses ({})",
            env::var("RUSTUP_TOOLCHAIN").unwrap_or_else(|_| "default".into())
        ),
    }
}
