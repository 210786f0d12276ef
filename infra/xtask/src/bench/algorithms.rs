//! The algorithms: ours as steps inside the WebAssembly engine, the peers natively in Python.
//!
//! Each side has one thread, and two times of each are taken. The calls: of a peer the bare `fit` (`fit_transform` of a
//! transformer, whose step writes its rows transformed as well) and `predict` on arrays in memory; of ours the phases of the
//! step that do the same, inside the engine, on columns in memory (`fit` and `transform`; `predict`, which hands the rows
//! through the host to the model's component and back). And the whole steps: of ours the task's time, which is looking up
//! the function, reading the table from the store, the fit, scoring the training rows and storing the model; or loading the
//! model, predicting, and writing the predictions as Arrow; of a peer the same, from an Arrow file to a pickle or an Arrow
//! file on disk. Each figure is held against the peer that is the fastest at it; quality and memory are those of the fastest
//! fit.

mod cases;
mod ours;
mod peers;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use cases::{CASES, Case, NOT_YET};
use ours::Ours;
use peers::Peers;

use crate::{
    host,
    run::{say, target_dir},
};

const ROUNDS: usize = 3;
/// Where a round takes no longer than [`QUICK`].
const QUICK_ROUNDS: usize = 9;
const QUICK: f64 = 2.0;
/// Beyond this one round has to do.
const LONG: f64 = 60.0;

/// How many rows and columns, by the name on the command line.
#[derive(Clone, Copy)]
pub struct Size {
    name: &'static str,
    rows: usize,
    columns: usize,
    test: usize,
}

const SIZES: [Size; 3] = [
    Size { name: "10k", rows: 10_000, columns: 20, test: 10_000 },
    Size { name: "100k", rows: 100_000, columns: 30, test: 100_000 },
    Size { name: "1m", rows: 1_000_000, columns: 28, test: 200_000 },
];

/// What to measure.
#[derive(clap::Args)]
pub struct Args {
    /// These functions only, such as `k-means,ridge`.
    #[arg(long, value_delimiter = ',', value_name = "NAME", value_parser = known)]
    only: Vec<String>,
    /// Rows to train on: 10k (20 columns), 100k (30), 1m (28).
    #[arg(long, value_delimiter = ',', value_parser = size, default_value = "10k,100k,1m")]
    rows: Vec<Size>,
    /// Measure this `millstream` instead of building one.
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
}

fn size(text: &str) -> Result<Size, String> {
    let found = SIZES.into_iter().find(|size| size.name == text);
    found.ok_or_else(|| "it is one of 10k, 100k and 1m".to_owned())
}

fn known(text: &str) -> Result<String, String> {
    if CASES.iter().any(|case| case.function == text) {
        return Ok(text.to_owned());
    }
    if NOT_YET.contains(&text) {
        return Err("it is not measured yet: give it a row in bench/algorithms/cases.rs".to_owned());
    }
    let mut names: Vec<_> = CASES.iter().map(|case| case.function).collect();
    names.dedup();
    Err(format!("it is one of {}", names.join(", ")))
}

/// What one run of one side gave: seconds, the model's quality, and MiB at the peak, NaN where the system does not
/// tell.
#[derive(Clone, Copy)]
struct Figures {
    fit: f64,
    fit_step: f64,
    predict: f64,
    predict_step: f64,
    quality: f64,
    memory: f64,
}

/// Prints a table for each size. A case that fails has its reason in the table's place, and the others go on.
pub fn measure(args: &Args) -> anyhow::Result<()> {
    let folder = target_dir().join("bench").join("algorithms");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let peers = Peers::install(&folder)?;
    let binary = match &args.binary {
        Some(path) => path.canonicalize().with_context(|| format!("no binary at {}", path.display()))?,
        None => host::build()?,
    };
    let mut failed = Vec::new();
    for &size in &args.rows {
        let data = peers.data(&folder, size)?;
        let ours = Ours::begin(&binary, &folder.join("work"), &data, size)?;
        println!("\n{}\n\n{HEADER}", title(size));
        for case in CASES.iter().filter(|case| wanted(case, args, size)) {
            match compare(&ours, &peers, &data, case, size) {
                Ok(row) => println!("{row}"),
                Err(error) => {
                    println!("| {} | failed |", case.name);
                    failed.push(format!("{}, {} rows: {error:#}", case.name, size.name));
                }
            }
        }
    }
    ensure!(failed.is_empty(), "not measured:\n{}", failed.join("\n"));
    Ok(())
}

fn title(size: Size) -> String {
    let Size { rows, columns, test, .. } = size;
    format!(
        "{rows} rows, {columns} columns; {test} rows predicted. The calls on rows in memory, and whole steps."
    )
}

const HEADER: &str = "\
| algorithm | fit s | fastest peer | its fit s | ratio | step s | fastest step s | ratio | predict s | fastest peer | its predict s | ratio | step s | fastest step s | ratio | quality, ours / peer | peak MiB, ours / peer |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|";

fn wanted(case: &Case, args: &Args, size: Size) -> bool {
    let named = args.only.is_empty() || args.only.iter().any(|name| name == case.function);
    named && size.rows <= case.most
}

/// The sides take turns, so that a machine whose speed drifts treats them alike. Each round has a seed of its own: how long
/// k-means searches, and what it finds, hangs on where it starts.
fn compare(ours: &Ours, peers: &Peers, data: &Path, case: &Case, size: Size) -> anyhow::Result<String> {
    ours.warm(case, size)?;
    let mut own = Vec::new();
    let mut theirs = vec![Vec::new(); case.peers.len()];
    for round in 0..QUICK_ROUNDS {
        own.push(ours.run(case, size, round)?);
        for (name, runs) in case.peers.iter().zip(&mut theirs) {
            runs.push(peers.run(name, case, size, data, round)?);
        }
        let fits =
            case.peers.iter().zip(&theirs).map(|(name, runs)| format!("{name} {:.3}", runs[round].fit));
        let fits = fits.collect::<Vec<_>>().join(", ");
        say(&format!(
            "{}, {} rows, round {}: fit s: ours {:.3}, {fits}",
            case.name,
            size.name,
            round + 1,
            own[round].fit
        ));
        let slowest = theirs.iter().flatten().map(|run: &Figures| run.fit + run.predict).fold(0.0, f64::max);
        let rounds = match slowest {
            ..QUICK => QUICK_ROUNDS,
            ..LONG => ROUNDS,
            _ => 1,
        };
        if round + 1 >= rounds {
            break;
        }
    }
    let own = middle(&own);
    let theirs: Vec<_> = case.peers.iter().zip(&theirs).map(|(name, runs)| (*name, middle(runs))).collect();
    // Who fits fastest need not predict fastest.
    let fastest = |figure: fn(&Figures) -> f64| {
        let fastest = theirs.iter().min_by(|a, b| figure(&a.1).total_cmp(&figure(&b.1)));
        fastest.with_context(|| format!("{} has no peer", case.name))
    };
    let (at_fit, at_predict) = (fastest(|run| run.fit)?, fastest(|run| run.predict)?);
    let steps = Steps { fit: fastest(|run| run.fit_step)?.1, predict: fastest(|run| run.predict_step)?.1 };
    Ok(row(case.name, &own, at_fit, at_predict, &steps))
}

/// The peers whose whole steps are the fastest.
struct Steps {
    fit: Figures,
    predict: Figures,
}

/// The means of the middle third, which of three runs is the median; of memory the most.
fn middle(runs: &[Figures]) -> Figures {
    let of = |figure: fn(&Figures) -> f64| middle_third(&mut runs.iter().map(figure).collect::<Vec<_>>());
    Figures {
        fit: of(|run| run.fit),
        fit_step: of(|run| run.fit_step),
        predict: of(|run| run.predict),
        predict_step: of(|run| run.predict_step),
        quality: of(|run| run.quality),
        memory: runs.iter().map(|run| run.memory).fold(f64::NAN, f64::max),
    }
}

fn middle_third(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let aside = (values.len() - 1) / 3;
    let middle = &values[aside..values.len() - aside];
    middle.iter().sum::<f64>() / middle.len() as f64
}

fn row(
    name: &str,
    own: &Figures,
    at_fit: &(&str, Figures),
    at_predict: &(&str, Figures),
    steps: &Steps,
) -> String {
    let (fit, predict) = (&at_fit.1, &at_predict.1);
    let cells = [
        name.to_owned(),
        seconds(own.fit),
        at_fit.0.to_owned(),
        seconds(fit.fit),
        format!("{:.2}", own.fit / fit.fit),
        seconds(own.fit_step),
        seconds(steps.fit.fit_step),
        format!("{:.2}", own.fit_step / steps.fit.fit_step),
        seconds(own.predict),
        at_predict.0.to_owned(),
        seconds(predict.predict),
        format!("{:.2}", own.predict / predict.predict),
        seconds(own.predict_step),
        seconds(steps.predict.predict_step),
        format!("{:.2}", own.predict_step / steps.predict.predict_step),
        format!("{} / {}", quality(own.quality), quality(fit.quality)),
        format!("{} / {}", mebibytes(own.memory), mebibytes(fit.memory)),
    ];
    format!("| {} |", cells.join(" | "))
}

fn seconds(value: f64) -> String {
    match value {
        ..0.01 => format!("{value:.5}"),
        ..10.0 => format!("{value:.3}"),
        _ => format!("{value:.1}"),
    }
}

fn mebibytes(value: f64) -> String {
    if value.is_nan() { "?".to_owned() } else { format!("{value:.0}") }
}

/// Inertia is large; the others are at most 1.
fn quality(value: f64) -> String {
    if value.abs() < 10.0 { format!("{value:.4}") } else { format!("{value:.0}") }
}
