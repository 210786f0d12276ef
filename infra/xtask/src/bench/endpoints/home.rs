//! A store of our own with models in it, and the command line at it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::server::Server;
use crate::run::{captured, shown};

/// Training the largest model takes minutes on a busy machine.
const LIMIT: Duration = Duration::from_secs(1_800);

/// The breast-cancer data: 30 numbers and the class.
pub const TARGET: &str = "diagnosis";

pub struct Home {
    binary: PathBuf,
    folder: PathBuf,
}

impl Home {
    /// An empty one.
    pub fn new(binary: &Path, folder: PathBuf) -> anyhow::Result<Self> {
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
        }
        fs::create_dir_all(&folder)?;
        Ok(Self { binary: binary.to_owned(), folder })
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command.current_dir(&self.folder).env_remove("MILLSTREAM_HOME").env_remove("MILLSTREAM_URL");
        command
    }

    /// Runs `millstream` with these words; what it printed is in the error if it fails.
    pub fn run(&self, words: &[&str]) -> anyhow::Result<()> {
        let mut command = self.command();
        let finished = captured(command.args(words), LIMIT)?;
        if !finished.ok() {
            bail!("`{}` failed:\n{}", shown(&command), finished.output.trim());
        }
        Ok(())
    }

    /// Runs steps as a workflow of this name.
    pub fn workflow(&self, name: &str, steps: &Value) -> anyhow::Result<()> {
        // JSON is YAML.
        fs::write(self.path("w.yaml"), json!({ "name": name, "steps": steps }).to_string())?;
        self.run(&["run", "w.yaml"])
    }

    /// Trains on a CSV file by a step of this function, and registers what comes out as the next version of `model`.
    pub fn train(&self, model: &str, function: &str, source: &Path, with: &Value) -> anyhow::Result<()> {
        let output = |step: &str, name: &str| format!("${{{{ steps.{step}.outputs.{name} }}}}");
        self.workflow(
            model,
            &json!({
                "extract": { "uses": "extract", "inputs": { "source": source } },
                "train": { "uses": function, "inputs": { "train": output("extract", "table") }, "with": with },
                "register": {
                    "uses": "register",
                    "inputs": { "model": output("train", "model") },
                    "with": { "name": model },
                },
            }),
        )
    }

    /// The breast-cancer data, in CSV with a header.
    pub fn samples(&self) -> anyhow::Result<PathBuf> {
        self.run(&["samples", "--quiet", "data"])?;
        Ok(self.path("data").join("breast-cancer.csv"))
    }

    /// `millstream serve`, endpoints alone.
    pub fn serve(&self, logs: &Path) -> anyhow::Result<Server> {
        Server::start("millstream", logs, "/ping", |port| {
            let mut command = self.command();
            command.args(["serve", "--no-workers", "--port", &port.to_string()]);
            command
        })
    }
}

/// Rows of features from a CSV file whose last column is the target, without the header.
pub fn rows(source: &Path) -> anyhow::Result<Vec<String>> {
    let text = fs::read_to_string(source).with_context(|| format!("cannot read {}", source.display()))?;
    let rows = text.lines().skip(1).map(|line| line.rsplit_once(',').map(|(row, _)| row.to_owned()));
    rows.collect::<Option<Vec<_>>>().with_context(|| format!("{} has one column", source.display()))
}
