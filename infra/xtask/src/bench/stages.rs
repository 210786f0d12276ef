//! Stages beside pandas, polars and DuckDB, on one thread each.
//!
//! Ours is the phase `transform` of the step `process`, inside the WebAssembly engine; the peers' is the same work natively, on tables in
//! their own memory. The script holds the results against each other.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::median;
use crate::{host, python, run::target_dir};

const ROUNDS: usize = 9;
const ROWS: usize = 1_000_000;
const SCRIPT: &str = include_str!("stages.py");
const PACKAGES: [&str; 4] = ["duckdb==2.0.1", "pandas==3.1.1", "polars==2.1.0", "pyarrow==26.0.1"];

/// What to measure.
#[derive(clap::Args)]
pub struct Args {
    /// Measure this `millstream` instead of building one.
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
}

/// Prints the seconds of filter, derive and group by on a million rows of mixed columns.
pub fn measure(args: &Args) -> anyhow::Result<()> {
    let folder = target_dir().join("bench").join("stages");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let environment = python::environment("stages", &PACKAGES)
        .context("the peers need `python3` with its module `venv`, and PyPI at the first call")?;
    let millstream = match &args.binary {
        Some(path) => path.canonicalize().with_context(|| format!("no binary at {}", path.display()))?,
        None => host::build()?,
    };
    fs::write(folder.join("rows.csv"), rows())?;
    fs::write(folder.join("stages.py"), SCRIPT)?;
    let own = ours(&millstream, &folder)?;
    let peers = peers(&python::interpreter(&environment), &folder)?;
    println!(
        "| filter, derive, group by: 1,000,000 rows, one thread | s, median of {ROUNDS} | ours beside it |\n|---|---|---|"
    );
    println!("| process | {own:.3} | |");
    for (name, figure) in peers["figures"].as_object().context("the peers printed no figures")? {
        let mut seconds: Vec<f64> =
            figure.as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
        let seconds = median(&mut seconds);
        let version = peers["versions"][name].as_str().unwrap_or_default();
        println!("| {name} {version} | {seconds:.3} | {:.2} |", own / seconds);
    }
    Ok(())
}

/// Seconds of the step's phase; the rows that it made are copied into the folder.
fn ours(millstream: &Path, folder: &Path) -> anyhow::Result<f64> {
    let workflow = json!({ "name": "stages", "steps": {
        "extract": { "uses": "extract", "inputs": { "source": "rows.csv" } },
        "process": {
            "uses": "process",
            "inputs": { "table": "${{ steps.extract.outputs.table }}" },
            "with": { "steps": [
                { "filter": "price > 500 AND code <> 7" },
                { "derive": { "total": "price * 1.2 + code" } },
                { "group-by": {
                    "by": "city",
                    "aggregates": { "n": "count(*)", "total": "sum(total)", "code": "avg(code)", "largest": "max(total)" },
                } },
                { "sort": "city NULLS LAST" },
                { "select": ["city", "n", "total", "code", "largest"] },
            ] },
        },
    } });
    fs::write(folder.join("stages.yaml"), workflow.to_string())?;
    let mut seconds = Vec::with_capacity(ROUNDS);
    for round in 0..=ROUNDS {
        let mut command = Command::new(millstream);
        command.args(["run", "--no-cache", "--json", "--workers", "1", "stages.yaml"]).current_dir(folder);
        let output = command.stderr(Stdio::inherit()).output().context("cannot start millstream")?;
        ensure!(output.status.success(), "the run failed");
        let text = String::from_utf8(output.stdout)?;
        let last: Value = serde_json::from_str(text.lines().last().context("no event came")?)?;
        let steps = last["steps"].as_array().context("the last event has no steps")?;
        let step =
            steps.iter().find(|step| step["step"] == "process").context("there is no step `process`")?;
        let phases = step["tasks"][0]["phases"].as_array().context("the task has no phases")?;
        let phase = phases.iter().find(|phase| phase["name"] == "transform");
        let milliseconds =
            phase.and_then(|phase| phase["milliseconds"].as_f64()).context("no phase `transform`")?;
        // The first one compiles.
        if round > 0 {
            seconds.push(milliseconds / 1000.0);
        }
    }
    let mut command = Command::new(millstream);
    command.args(["artifacts", "copy", "--force", "process/table", "made.arrow"]).current_dir(folder);
    let output = command.stderr(Stdio::inherit()).output().context("cannot start millstream")?;
    ensure!(output.status.success(), "the result cannot be copied");
    Ok(median(&mut seconds))
}

fn peers(python: &Path, folder: &Path) -> anyhow::Result<Value> {
    let mut command = Command::new(python);
    command
        .arg(folder.join("stages.py"))
        .arg(folder.join("rows.csv"))
        .arg(folder.join("made.arrow"))
        .arg(ROUNDS.to_string());
    for variable in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS"] {
        command.env(variable, "1");
    }
    let output = command.stderr(Stdio::inherit()).output().context("cannot start python")?;
    ensure!(output.status.success(), "the peers failed");
    serde_json::from_slice(&output.stdout).context("the peers printed no JSON")
}

/// Numbers of mixed columns with missing values, the same each time.
fn rows() -> String {
    // The 64-bit linear congruential generator of Knuth's MMIX.
    let mut state = 18_u64;
    let mut next = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut text = "id,city,code,price\n".to_owned();
    for id in 0..ROWS {
        let city = if next(50) > 0 { format!("city-{}", next(200)) } else { String::new() };
        let price =
            if next(20) > 0 { format!("{:.3}", next(2_000_000) as f64 / 1000.0) } else { String::new() };
        writeln!(text, "{id},{city},{},{price}", next(1000)).expect("a string takes it");
    }
    text
}
