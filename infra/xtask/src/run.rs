//! Running other programs: whole output on failure, silence otherwise, and never for ever.

use std::{
    env, fs,
    io::{self, Read, Write as _},
    path::PathBuf,
    process::{Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};

/// The workspace's root folder.
pub fn root() -> PathBuf {
    // Cargo tells it when it runs this: two checkouts may share a target folder, and so this binary.
    env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from)
        .ancestors()
        .nth(2)
        .expect("infra/xtask has two parents")
        .to_owned()
}

/// Where cargo puts what it builds.
pub fn target_dir() -> PathBuf {
    let folder = env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    root().join(folder)
}

/// `cargo`, as it was called, in the workspace's root.
pub fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Runs to the end with the terminal's output; an error names the command.
pub fn check(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("cannot start {}", shown(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", shown(command));
    }
    Ok(())
}

/// What a command printed, and how it ended.
pub struct Finished {
    pub status: Option<ExitStatus>,
    pub output: String,
}

impl Finished {
    pub fn ok(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }
}

/// Runs with standard output and error captured in one text, for `limit` at the most; past it the command is killed
/// and `status` is `None`.
pub fn captured(command: &mut Command, limit: Duration) -> anyhow::Result<Finished> {
    let (reader, writer) = io::pipe().context("cannot make a pipe")?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .spawn()
        .with_context(|| format!("cannot start {}", shown(command)))?;
    // The command holds the pipe's other end until it is given new streams.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let drain = thread::spawn(move || {
        let mut bytes = Vec::new();
        let mut reader = reader;
        // A pipe that breaks ends the text; the exit status tells the rest.
        let _ = reader.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if started.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            break None;
        }
        thread::sleep(Duration::from_millis(20));
    };
    Ok(Finished { status, output: drain.join().unwrap_or_default() })
}

/// The command as one would type it.
pub fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// Says what begins, on standard error.
pub fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Writes only what differs, so that nothing is rebuilt for a file that stays the same.
pub fn write_if_changed(path: &PathBuf, bytes: &[u8]) -> anyhow::Result<bool> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(false);
    }
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(true)
}
