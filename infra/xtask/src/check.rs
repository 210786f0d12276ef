//! What must hold of the sources, besides the tests.

use std::{env, fs, path::PathBuf, process::Command, time::Duration};

use anyhow::{bail, ensure};

use crate::{
    docs, host, infra,
    run::{captured, cargo, check as run, say, shown},
};

/// Fetching a database, or the lints of a whole workspace: a machine may be slow.
const LIMIT: Duration = Duration::from_secs(60 * 60);

/// The format and the lints.
pub fn lint() -> anyhow::Result<()> {
    say("Checking the format");
    run(cargo().args(["fmt", "--all", "--check"]))?;
    say("Checking the lints");
    // What releases have is looked at with the rest; without it, the binary alone is another.
    let clippy = ["clippy", "--quiet", "--all-targets", "--release"];
    let strict = ["--", "-D", "warnings"];
    run(cargo().args(clippy).arg("--workspace").args(host::WHOLE).args(strict))?;
    run(cargo().args(clippy).args(["--workspace", "--bin", "millstream"]).args(strict))
}

/// All that can be checked without running a test. What could not be checked here is said at the end.
pub fn check() -> anyhow::Result<()> {
    let mut skipped = Vec::new();
    lint()?;
    unused(&mut skipped)?;
    deny(&mut skipped)?;
    infra::check(&mut skipped)?;
    let stale = docs::stale()?;
    ensure!(stale.is_empty(), "not what the binary prints: {}; run `cargo xtask docs`", stale.join(", "));
    for what in &skipped {
        say(&format!("SKIPPED: {what}"));
    }
    say(if skipped.is_empty() { "Everything is as it should be" } else { "The rest is as it should be" });
    Ok(())
}

/// Dependencies that no source names.
fn unused(skipped: &mut Vec<String>) -> anyhow::Result<()> {
    if !has("machete") {
        skipped.push(
            "unused dependencies, as cargo-machete is not here (cargo install cargo-machete)".to_owned(),
        );
        return Ok(());
    }
    say("Looking for unused dependencies");
    quietly(cargo().args(["machete"]))
}

/// Licences, sources and bans of all that is linked in; and known faults, where the advisory database can be had.
fn deny(skipped: &mut Vec<String>) -> anyhow::Result<()> {
    if !has("deny") {
        skipped.push(
            "licences, sources and advisories of dependencies, as cargo-deny is not here (cargo install cargo-deny)"
                .to_owned(),
        );
        return Ok(());
    }
    say("Checking licences, sources and advisories");
    let deny = |arguments: &[&str]| {
        let mut command = cargo();
        command.args(["deny", "--log-level", "error"]).args(arguments);
        command
    };
    quietly(&mut deny(&["check", "bans", "licenses", "sources"]))?;
    if captured(&mut deny(&["fetch", "db"]), LIMIT)?.ok() {
        return quietly(&mut deny(&["check", "advisories"]));
    }
    if fetched_before() {
        skipped.push("advisories of today: the database is that of the last fetch".to_owned());
        return quietly(&mut deny(&["--offline", "check", "advisories"]));
    }
    skipped.push("advisories of dependencies, as their database cannot be fetched".to_owned());
    Ok(())
}

/// Whether a database of advisories was fetched at some time.
fn fetched_before() -> bool {
    let home = env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let cargo_home = env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
    let Ok(entries) = fs::read_dir(cargo_home.join("advisory-dbs")) else { return false };
    entries.flatten().any(|entry| entry.path().join(".git").exists())
}

/// Whether cargo has a command of that name.
fn has(subcommand: &str) -> bool {
    let found = captured(Command::new(format!("cargo-{subcommand}")).arg("--version"), LIMIT);
    found.is_ok_and(|finished| finished.ok())
}

/// Runs a command; what it prints is shown if it fails.
pub(crate) fn quietly(command: &mut Command) -> anyhow::Result<()> {
    let finished = captured(command, LIMIT)?;
    if !finished.ok() {
        bail!("{} failed:\n{}", shown(command), finished.output.trim());
    }
    Ok(())
}
