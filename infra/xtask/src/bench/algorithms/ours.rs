//! Our side: a workflow that trains and predicts, in a command of its own with one worker.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};

use super::{Case, Figures, Size};

/// Rows of the runs that only compile components.
const FEW: usize = 1_000;

pub struct Ours<'a> {
    binary: &'a Path,
    folder: PathBuf,
    data: &'a Path,
}

impl<'a> Ours<'a> {
    /// Takes the tables into an empty store: from then on they come from its cache.
    pub fn begin(binary: &'a Path, folder: &Path, data: &'a Path, size: Size) -> anyhow::Result<Self> {
        if folder.exists() {
            fs::remove_dir_all(folder).with_context(|| format!("cannot empty {}", folder.display()))?;
        }
        fs::create_dir_all(folder)?;
        let ours = Self { binary, folder: folder.to_owned(), data };
        ours.events(&ours.tables(size.rows))?;
        Ok(ours)
    }

    /// Compiles the components, and takes the table of a case that learns from fewer rows, so that neither is measured.
    pub fn warm(&self, case: &Case, size: Size) -> anyhow::Result<()> {
        self.events(&self.tables(case.limit.unwrap_or(size.rows)))?;
        self.events(&self.steps(case, size, FEW, 0)).map(drop)
    }

    pub fn run(&self, case: &Case, size: Size, seed: usize) -> anyhow::Result<Figures> {
        let (last, memory) = self.events(&self.steps(case, size, case.limit.unwrap_or(size.rows), seed))?;
        let seconds = |step: &str| -> anyhow::Result<f64> {
            let time = task(&last, step)["milliseconds"].as_f64();
            Ok(time.with_context(|| format!("the last event has no time of `{step}`"))? / 1000.0)
        };
        let of = if case.target.is_some() { "evaluate" } else { "train" };
        let quality = task(&last, of)["metrics"][case.metric].as_f64();
        // What the peers' bare calls do.
        let phases = |step: &str, names: &[&str]| -> anyhow::Result<f64> {
            let phases = task(&last, step)["phases"].as_array().map_or(&[][..], Vec::as_slice);
            let counted = phases.iter().filter(|phase| names.iter().any(|name| phase["name"] == *name));
            let times: Vec<f64> = counted.filter_map(|phase| phase["milliseconds"].as_f64()).collect();
            ensure!(!times.is_empty(), "`{step}` has no phase {}", names.join(" or "));
            Ok(times.iter().sum::<f64>() / 1000.0)
        };
        Ok(Figures {
            fit: phases("train", &["fit", "transform"])?,
            fit_step: seconds("train")?,
            predict: phases("predict", &["predict"])?,
            predict_step: seconds("predict")?,
            quality: quality.with_context(|| format!("`{of}` has no metric `{}`", case.metric))?,
            memory: memory.unwrap_or(f64::NAN),
        })
    }

    fn tables(&self, rows: usize) -> Value {
        let extract = |name: &str| json!({ "source": self.data.join(name).with_extension("parquet") });
        json!({
            "train-table": { "uses": "extract", "inputs": extract("train"), "with": { "limit": rows } },
            "test-table": { "uses": "extract", "inputs": extract("test") },
        })
    }

    fn steps(&self, case: &Case, size: Size, rows: usize, seed: usize) -> Value {
        let mut with = case.with(size);
        // The other target must not help.
        with["features"] = (0..size.columns).map(|i| format!("x{i}")).collect();
        if let Some(target) = case.target {
            with["target"] = target.into();
        }
        // A transformer takes a `table`, what learns to predict takes `train`.
        let channel = if case.metric == "explained_variance_ratio" { "table" } else { "train" };
        let (model, test) = (output("train", "model"), output("test-table", "table"));
        let mut steps = self.tables(rows);
        let inputs = json!({ channel: output("train-table", "table") });
        steps["train"] = json!({
            "uses": case.function, "cache": false, "seed": seed, "inputs": inputs, "with": with,
        });
        let inputs = json!({ "model": model, "table": test });
        // The peers leave their predictions in memory as numbers; writing them as text would be another benchmark.
        let mut with = json!({ "format": "arrow" });
        if let Some(columns) = case.predicted {
            with["columns"] = json!(columns);
        }
        steps["predict"] = json!({ "uses": "batch-predict", "cache": false, "inputs": inputs, "with": with });
        if case.target.is_some() {
            // After `predict`, when the memory has been read.
            let inputs = json!({ "model": model, "test": test });
            steps["evaluate"] = json!({ "uses": "evaluate", "needs": ["predict"], "inputs": inputs });
        }
        steps
    }

    /// Runs the steps; the last event, and the most MiB that an executor had until `predict` ended.
    fn events(&self, steps: &Value) -> anyhow::Result<(Value, Option<f64>)> {
        // JSON is YAML.
        fs::write(self.folder.join("w.yaml"), json!({ "name": "bench", "steps": steps }).to_string())?;
        let mut command = Command::new(self.binary);
        command.args(["run", "--json", "--workers", "1", "w.yaml"]).current_dir(&self.folder);
        command.env_remove("MILLSTREAM_HOME");
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .with_context(|| format!("cannot start {}", self.binary.display()))?;
        let (mut last, mut memory, mut predicted) = (Value::Null, None, false);
        for line in BufReader::new(child.stdout.take().expect("it is piped")).lines() {
            last = serde_json::from_str(&line?)?;
            if !predicted {
                memory = memory.max(executor_peak(child.id()));
            }
            predicted |= last["step"] == "predict" && last["completion"].is_object();
        }
        if !child.wait()?.success() {
            bail!("{}", failure(&last));
        }
        Ok((last, memory.map(|kib: u64| kib as f64 / 1024.0)))
    }
}

fn output(step: &str, name: &str) -> String {
    format!("${{{{ steps.{step}.outputs.{name} }}}}")
}

fn task<'a>(last: &'a Value, step: &str) -> &'a Value {
    let steps = last["steps"].as_array().map_or(&[][..], Vec::as_slice);
    steps.iter().find(|found| found["step"] == step).map_or(&Value::Null, |found| &found["tasks"][0])
}

/// Why a run failed: what its first failed task says. What the command itself has to say stands on the terminal.
fn failure(last: &Value) -> String {
    let steps = last["steps"].as_array().map_or(&[][..], Vec::as_slice);
    let failed = steps.iter().find_map(|step| Some((&step["step"], step["tasks"][0]["error"].as_str()?)));
    failed.map_or_else(|| "the run failed".to_owned(), |(step, error)| format!("step {step}: {error}"))
}

/// The most memory so far, in KiB, of any process that this one started, where the system tells. High-water marks outlast the
/// work, so it is enough to look when a task has ended.
fn executor_peak(process: u32) -> Option<u64> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).ok()?;
    // A child belongs to the thread that started it.
    let children = tasks.flatten().filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let children: Vec<String> = children.collect();
    children.iter().flat_map(|list| list.split_whitespace()).filter_map(peak).max()
}

fn peak(process: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
