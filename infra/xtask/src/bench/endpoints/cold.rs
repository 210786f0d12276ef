//! The first answer after scale-to-zero.

use std::{
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::{
    ask,
    home::{self, Home},
};
use crate::{bench::median, run::say};

const COLUMNS: usize = 30;
/// What is unloaded, and how long until it surely is.
const IDLE: &str = "200ms";
const UNLOADED: Duration = Duration::from_millis(1_500);

/// Trees that learn noise: each goes on until its rows are told apart, so rows and trees say how large the model is.
struct Size {
    name: &'static str,
    function: &'static str,
    /// About.
    megabytes: f64,
    rows: usize,
    trees: u32,
    goal: &'static str,
}

const FOREST: &str = "random-forest";
const BOOSTING: &str = "gradient-boosting";

#[rustfmt::skip]
const SIZES: [Size; 5] = [
    Size { name: "forest-1", function: FOREST, megabytes: 1.0, rows: 2_000, trees: 87, goal: "" },
    Size { name: "boosting-1", function: BOOSTING, megabytes: 1.0, rows: 2_000, trees: 43, goal: "" },
    Size { name: "forest-10", function: FOREST, megabytes: 10.0, rows: 10_000, trees: 174, goal: "< 10" },
    Size { name: "boosting-10", function: BOOSTING, megabytes: 10.0, rows: 10_000, trees: 103, goal: "< 10" },
    Size { name: "forest-200", function: FOREST, megabytes: 200.0, rows: 50_000, trees: 695, goal: "" },
];

impl Size {
    fn parameters(&self) -> Value {
        match self.function {
            FOREST => json!({ "target": "y", "n_estimators": self.trees, "max_features": 5 }),
            _ => {
                json!({ "target": "y", "preset": "xgboost", "num_round": self.trees, "max_depth": 0, "eta": 0.05 })
            }
        }
    }
}

pub fn measure(binary: &Path, folder: &Path, quick: bool) -> anyhow::Result<()> {
    let home = Home::new(binary, folder.join("cold"))?;
    let sizes: Vec<&Size> = SIZES.iter().filter(|size| !quick || size.megabytes < 100.0).collect();
    let samples = if quick { 3 } else { 25 };
    let mut bodies = Vec::new();
    for size in &sizes {
        say(&format!("Training {}, of about {} MB", size.function, size.megabytes));
        let source = home.path(&format!("{}.csv", size.name));
        write_noise(&source, size.rows)?;
        home.train(size.name, size.function, &source, &size.parameters())?;
        home.run(&["deploy", size.name, "--model", size.name, "--idle", IDLE])?;
        let first = home::rows(&source)?.into_iter().next().context("no rows")?;
        bodies.push(first + "\n");
    }
    let server = home.serve(folder)?;
    println!(
        "\nFirst answer of a predictor that was unloaded; {samples} times each, a new connection each time, files in the system's cache.\n"
    );
    println!(
        "| model | MB | first answer ms, median | 90th percentile | slowest | warm ms, median | goal |\n|---|---|---|---|---|---|---|"
    );
    for (size, body) in sizes.iter().zip(&bodies) {
        let (mut cold, mut warm) = times(&server.url, size.name, body, samples)?;
        let middle = median(&mut cold);
        let tenth = cold[cold.len() * 9 / 10];
        let slowest = cold.last().copied().unwrap_or_default();
        println!(
            "| {}, {} trees | {:.1} | {middle:.2} | {tenth:.2} | {slowest:.2} | {:.2} | {} |",
            size.function,
            size.trees,
            state_bytes(&home, size.name)? as f64 / 1e6,
            median(&mut warm),
            size.goal
        );
    }
    Ok(())
}

/// Milliseconds of first answers, and of the ones right after them.
fn times(url: &str, endpoint: &str, body: &str, samples: usize) -> anyhow::Result<(Vec<f64>, Vec<f64>)> {
    let watcher = ask::agent(Duration::from_secs(60));
    let label = format!("endpoint=\"{endpoint}\"");
    let starts = || ask::counter(&watcher, url, "millstream_cold_starts_total", &label);
    let address = format!("{url}/endpoints/{endpoint}/invocations");
    let one = || -> anyhow::Result<f64> {
        let agent = ask::agent(Duration::from_secs(60));
        let began = Instant::now();
        ask::post(&agent, &address, "text/csv", body.as_bytes())?.ok(endpoint)?;
        Ok(began.elapsed().as_secs_f64() * 1000.0)
    };
    // What is done once for a version, such as compiling it, belongs to its deployment.
    one()?;
    let before = starts()?;
    let (mut cold, mut warm) = (Vec::new(), Vec::new());
    for _ in 0..samples {
        thread::sleep(UNLOADED);
        cold.push(one()?);
        warm.push(one()?);
    }
    let count = starts()? - before;
    ensure!(
        count == samples as f64,
        "{endpoint}: {count} cold starts where {samples} were expected: the figures are not what they say"
    );
    Ok((cold, warm))
}

/// Bytes of the newest version's states.
fn state_bytes(home: &Home, model: &str) -> anyhow::Result<u64> {
    let store = home.path(".millstream/store");
    let record = store.join("models").join(model).join("versions/000001.json");
    let text = fs::read_to_string(&record).with_context(|| format!("cannot read {}", record.display()))?;
    let record: Value = serde_json::from_str(&text)?;
    let stages = record["pipeline"].as_array().context("the version has no pipeline")?;
    let sizes = stages.iter().filter_map(|stage| stage["state"].as_str()).map(|state| {
        let path = store.join("artifacts").join(&state[..2]).join(state);
        fs::metadata(&path).map(|found| found.len()).with_context(|| format!("no {}", path.display()))
    });
    sizes.sum()
}

/// Numbers, and a target that has nothing to do with them, the same each time.
fn write_noise(path: &Path, rows: usize) -> anyhow::Result<()> {
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut file = BufWriter::new(file);
    let names: Vec<String> = (0..COLUMNS).map(|column| format!("x{column}")).collect();
    writeln!(file, "{},y", names.join(","))?;
    // The 64-bit linear congruential generator of Knuth's MMIX.
    let mut state = 7_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as u32
    };
    for _ in 0..rows {
        for _ in 0..COLUMNS {
            write!(file, "{:.4},", f64::from(next()) / 16_777.216)?;
        }
        writeln!(file, "{:.4}", f64::from(next()) / 16_777.216)?;
    }
    file.flush()?;
    Ok(())
}
