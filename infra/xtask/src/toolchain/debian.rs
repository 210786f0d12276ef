//! Where rustup's server is out of reach: Debian's compiler, unpacked into a cache folder without installing anything, with
//! the target's standard library built once from Debian's own sources.

use std::{
    env, fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};

use super::{TARGET, Toolchain};
use crate::run::{captured, cargo, say};

/// Downloads may be slow; a server that never answers must still come to an end.
const DOWNLOAD_LIMIT: Duration = Duration::from_secs(15 * 60);
const BUILD_LIMIT: Duration = Duration::from_secs(30 * 60);

/// The compiler, if it was made earlier.
pub fn unpacked() -> Toolchain {
    Toolchain::Unpacked(cache().join("root/usr"))
}

/// The compiler, made if need be.
pub fn toolchain() -> anyhow::Result<Toolchain> {
    let toolchain = unpacked();
    if toolchain.has_target() {
        return Ok(toolchain);
    }
    ensure!(cfg!(target_os = "linux"), "Debian's packages are for Linux");
    say(&format!(
        "rustup cannot fetch {TARGET}; taking Debian's compiler instead (about 140 MB of downloads and two minutes, once)"
    ));
    let folder = cache();
    // What an interrupted attempt left is worth nothing.
    remove(&folder)?;
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    unpack(&folder)?;
    build_std(&folder, &toolchain)?;
    ensure!(
        toolchain.has_target(),
        "the standard library was built, but rustc does not see it in {}",
        folder.display()
    );
    Ok(toolchain)
}

fn cache() -> PathBuf {
    let base = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .unwrap_or_else(|| env::var_os("HOME").map_or_else(env::temp_dir, PathBuf::from).join(".cache"));
    base.join("millstream/wasm-toolchain")
}

/// `apt-get` with package lists of its own, so that it needs no rights and changes nothing.
fn apt(folder: &Path) -> Command {
    let mut command = Command::new("apt-get");
    for (option, place) in [("Dir::State", "apt/state"), ("Dir::Cache", "apt/cache")] {
        command.arg("-o").arg(format!("{option}={}", folder.join(place).display()));
    }
    command.args(["-o", "Dir::State::status=/var/lib/dpkg/status", "-o", "APT::Sandbox::User=", "-q"]);
    command.current_dir(folder);
    command
}

fn unpack(folder: &Path) -> anyhow::Result<()> {
    for place in ["apt/state/lists/partial", "apt/cache/archives/partial", "debs"] {
        fs::create_dir_all(folder.join(place))?;
    }
    step(apt(folder).arg("update"), DOWNLOAD_LIMIT)?;
    let base = missing_packages(folder, &["rustc-web", "rust-web-src"])?;
    let llvm = base.iter().find_map(|name| name.strip_prefix("libllvm")).context(
        "Debian's rustc-web brings no libllvm package, so the version of its linker (lld) cannot be told",
    )?;
    let packages = missing_packages(folder, &["rustc-web", "rust-web-src", &format!("lld-{llvm}")])?;
    step(apt(folder).current_dir(folder.join("debs")).arg("download").args(&packages), DOWNLOAD_LIMIT)?;
    let root = folder.join("root");
    for entry in fs::read_dir(folder.join("debs"))? {
        step(Command::new("dpkg").arg("-x").arg(entry?.path()).arg(&root), BUILD_LIMIT)?;
    }
    remove(&folder.join("debs"))?;
    remove(&folder.join("apt"))?;

    let usr = root.join("usr");
    let triple = host_triple()?;
    // The compiler finds its libraries in lib/ and its linker beside its own tools.
    for entry in fs::read_dir(usr.join("lib"))?.flatten() {
        let multiarch = entry.path();
        if !multiarch.is_dir() || !entry.file_name().to_string_lossy().contains("linux-gnu") {
            continue;
        }
        for library in fs::read_dir(&multiarch)?.flatten() {
            let link = usr.join("lib").join(library.file_name());
            if library.file_name().to_string_lossy().contains(".so") && !link.exists() {
                symlink(library.path(), link)?;
            }
        }
    }
    let tools = usr.join("lib/rustlib").join(triple).join("bin");
    fs::create_dir_all(&tools)?;
    symlink(usr.join(format!("lib/llvm-{llvm}/bin/lld")), tools.join("rust-lld"))?;
    Ok(())
}

/// What apt would install for `wanted` on this machine, by name.
fn missing_packages(folder: &Path, wanted: &[&str]) -> anyhow::Result<Vec<String>> {
    let mut command = apt(folder);
    command.args(["-q", "install", "--print-uris", "--no-install-recommends", "--reinstall"]).args(wanted);
    let finished = captured(&mut command, DOWNLOAD_LIMIT)?;
    ensure!(
        finished.ok(),
        "this system's package lists do not offer {}:\n{}",
        wanted.join(", "),
        finished.output.trim()
    );
    // 'http://.../libllvm22_22.1.8_amd64.deb' libllvm22_22.1.8_amd64.deb 29378692 SHA256:...
    Ok(finished
        .output
        .lines()
        .filter(|line| line.starts_with('\''))
        .filter_map(|line| line.split_whitespace().nth(1)?.split('_').next().map(str::to_owned))
        .collect())
}

fn host_triple() -> anyhow::Result<String> {
    let finished = captured(Command::new("rustc").arg("-vV"), DOWNLOAD_LIMIT)?;
    let triple = finished.output.lines().find_map(|line| line.strip_prefix("host: ").map(str::to_owned));
    triple.context("rustc -vV names no host")
}

/// Builds the target's standard library and puts it where the compiler looks.
fn build_std(folder: &Path, toolchain: &Toolchain) -> anyhow::Result<()> {
    say(&format!("Building the standard library for {TARGET}"));
    let usr = folder.join("root/usr");
    let sources = fs::read_dir(usr.join("src"))?
        .flatten()
        .map(|entry| entry.path().join("library"))
        .find(|path| path.is_dir())
        .context("Debian's rust-web-src holds no standard library")?;
    let work = folder.join("work");
    step(Command::new("cp").arg("-a").arg(&sources).arg(&work), BUILD_LIMIT)?;
    let target = folder.join("work-target");
    let mut command = cargo();
    toolchain.apply(&mut command);
    command
        .current_dir(work.join("sysroot"))
        .env("RUSTC_BOOTSTRAP", "1")
        .env("__CARGO_DEFAULT_LIB_METADATA", "wasm")
        .env("RUSTFLAGS", "-Cembed-bitcode=yes -Zforce-unstable-if-unmarked")
        .env_remove("CARGO_TARGET_DIR")
        .args(["build", "--release", "--locked", "--target", TARGET, "--target-dir"])
        .arg(&target)
        .args(["--features", "panic-unwind compiler-builtins-mem"]);
    step(&mut command, BUILD_LIMIT)?;
    let libraries = usr.join("lib/rustlib").join(TARGET).join("lib");
    fs::create_dir_all(&libraries)?;
    for entry in fs::read_dir(target.join(TARGET).join("release/deps"))?.flatten() {
        if entry.path().extension().is_some_and(|extension| extension == "rlib") {
            fs::copy(entry.path(), libraries.join(entry.file_name()))?;
        }
    }
    remove(&work)?;
    remove(&target)
}

fn step(command: &mut Command, limit: Duration) -> anyhow::Result<()> {
    let words = crate::run::shown(command);
    let finished = captured(command, limit)?;
    match finished.status {
        Some(status) if status.success() => Ok(()),
        Some(status) => bail!("{words}: {status}\n{}", last_lines(&finished.output)),
        None => bail!("{words}: not done within {} minutes", limit.as_secs() / 60),
    }
}

fn last_lines(output: &str) -> String {
    let lines: Vec<&str> = output.trim().lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}

fn remove(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}
