//! The other side: scikit-learn, XGBoost and LightGBM, each run in a Python process of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::{Case, Figures, Size};
use crate::{
    python,
    run::{captured, say},
};

const SCRIPT: &str = include_str!("../algorithms.py");
const PACKAGES: [&str; 5] =
    ["scikit-learn==1.9.1", "xgboost==3.2.0", "lightgbm==4.7.0", "pyarrow==26.0.1", "numpy==2.4.6"];
const LIMIT: Duration = Duration::from_secs(2 * 60 * 60);

pub struct Peers {
    python: PathBuf,
    script: PathBuf,
}

impl Peers {
    /// Installs them at the first call, and writes the script into `folder`.
    pub fn install(folder: &Path) -> anyhow::Result<Self> {
        let environment = python::environment("algorithms", &PACKAGES)
            .context("the peers need `python3` with its module `venv`, and PyPI at the first call")?;
        let script = folder.join("algorithms.py");
        fs::write(&script, SCRIPT).with_context(|| format!("cannot write {}", script.display()))?;
        Ok(Self { python: python::interpreter(&environment), script })
    }

    /// The folder with the data of a size, made anew when the script changes.
    pub fn data(&self, folder: &Path, size: Size) -> anyhow::Result<PathBuf> {
        let folder = folder.join(size.name);
        let made = folder.join("made.txt");
        if fs::read_to_string(&made).is_ok_and(|by| by == SCRIPT) {
            return Ok(folder);
        }
        say(&format!("Making {} rows", size.name));
        fs::create_dir_all(&folder)?;
        let (rows, columns, test) = (size.rows, size.columns, size.test);
        self.ask(&json!({ "do": "make", "folder": folder, "rows": rows, "columns": columns, "test": test }))?;
        fs::write(made, SCRIPT)?;
        Ok(folder)
    }

    pub fn run(
        &self,
        peer: &str,
        case: &Case,
        size: Size,
        data: &Path,
        seed: usize,
    ) -> anyhow::Result<Figures> {
        let answer = self.ask(&json!({
            "do": "measure",
            "folder": data,
            "peer": peer,
            "function": case.function,
            "target": case.target,
            "metric": case.metric,
            "given": case.with(size),
            "rows": case.limit,
            "seed": seed,
        }))?;
        let figure = |name: &str| answer[name].as_f64().with_context(|| format!("{peer} gave no {name}"));
        Ok(Figures {
            fit: figure("fit")?,
            fit_step: figure("fit_step")?,
            predict: figure("predict")?,
            predict_step: figure("predict_step")?,
            quality: figure("quality")?,
            memory: figure("memory")?,
        })
    }

    fn ask(&self, what: &Value) -> anyhow::Result<Value> {
        let mut command = Command::new(&self.python);
        command.arg(&self.script).arg(what.to_string());
        for library in ["OMP", "OPENBLAS", "MKL", "BLIS", "NUMEXPR", "VECLIB_MAXIMUM", "LOKY_MAX"] {
            command.env(format!("{library}_NUM_THREADS"), "1");
        }
        let finished = captured(&mut command, LIMIT)?;
        // Warnings come before the answer.
        let answer = finished.output.lines().last().and_then(|line| serde_json::from_str(line).ok());
        match answer {
            Some(answer) if finished.ok() => Ok(answer),
            _ if finished.status.is_none() => bail!("a peer took more than two hours: {what}"),
            _ => bail!("a peer failed: {what}\n{}", finished.output.trim()),
        }
    }
}
