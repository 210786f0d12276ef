//! `extract` on a large CSV file, beside the same parse natively.

use std::{
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::median;
use crate::{host, run::target_dir};

const ROUNDS: usize = 7;
const BYTES: u64 = 50_000_000;
const COLUMNS: usize = 20;

/// Prints megabytes a second of the file's bytes: the whole step (the task's time, with hashing and storing the table), and `csv` +
/// `fast-float2` natively, which only parse.
pub fn measure() -> anyhow::Result<()> {
    let millstream = host::build()?;
    let folder = target_dir().join("bench").join("extract");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let file = write_numbers(&folder)?;
    let size = fs::metadata(&file)?.len() as f64;
    fs::write(
        folder.join("w.yaml"),
        "name: extract\nsteps:\n  extract: { uses: extract, inputs: { source: ./numbers.csv } }\n",
    )?;
    // Compiles the function, and warms the file cache for both.
    ours(&millstream, &folder)?;
    let (mut own, mut peer) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        own.push(ours(&millstream, &folder)?);
        peer.push(native(&file)?);
    }
    let (own, peer) = (median(&mut own), median(&mut peer));
    println!(
        "| {:.0} MB of numbers, {COLUMNS} columns | s, median of {ROUNDS} | MB/s |\n|---|---|---|",
        size / 1e6
    );
    for (name, seconds) in [("extract, the whole step", own), ("native csv + fast-float2", peer)] {
        println!("| {name} | {seconds:.3} | {:.0} |", size / 1e6 / seconds);
    }
    println!("\nThroughput of the step beside the native parse: {:.0} %", 100.0 * peer / own);
    Ok(())
}

/// Seconds that the task took.
fn ours(millstream: &Path, folder: &Path) -> anyhow::Result<f64> {
    let mut command = Command::new(millstream);
    command.args(["run", "--no-cache", "--json", "--workers", "1", "w.yaml"]).current_dir(folder);
    let output = command.stderr(Stdio::inherit()).output().context("cannot start millstream")?;
    ensure!(output.status.success(), "the run failed");
    let text = String::from_utf8(output.stdout)?;
    let last: Value = serde_json::from_str(text.lines().last().context("no event came")?)?;
    let milliseconds = last["steps"][0]["tasks"][0]["milliseconds"].as_f64();
    Ok(milliseconds.context("the last event has no time of the task")? / 1000.0)
}

/// Seconds that a careful native program takes for the same columns of numbers.
fn native(file: &Path) -> anyhow::Result<f64> {
    let began = Instant::now();
    let mut reader = csv::ReaderBuilder::new().buffer_capacity(1 << 20).from_path(file)?;
    let mut columns: Vec<Vec<f64>> = vec![Vec::new(); reader.byte_headers()?.len()];
    let mut record = csv::ByteRecord::new();
    while reader.read_byte_record(&mut record)? {
        for (column, field) in columns.iter_mut().zip(&record) {
            column.push(fast_float2::parse(field)?);
        }
    }
    std::hint::black_box(&columns);
    Ok(began.elapsed().as_secs_f64())
}

/// Numbers of various lengths, the same each time.
fn write_numbers(folder: &Path) -> anyhow::Result<PathBuf> {
    let path = folder.join("numbers.csv");
    let mut file = BufWriter::new(File::create(&path)?);
    let names: Vec<String> = (0..COLUMNS).map(|column| format!("c{column}")).collect();
    let mut written = writeln_counted(&mut file, &names.join(","))?;
    // The 64-bit linear congruential generator of Knuth's MMIX.
    let mut state = 7_u64;
    let mut cells = Vec::with_capacity(COLUMNS);
    while written < BYTES {
        cells.clear();
        for column in 0..COLUMNS {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let number = (state >> 11) as f64 / (1_u64 << 53) as f64;
            let scale = [1.0, 100.0, 10_000.0, 1e6][column % 4];
            cells.push(format!("{:.*}", 3 + column % 6, (number - 0.3) * scale));
        }
        written += writeln_counted(&mut file, &cells.join(","))?;
    }
    file.flush()?;
    Ok(path)
}

fn writeln_counted(file: &mut impl std::io::Write, line: &str) -> std::io::Result<u64> {
    writeln!(file, "{line}")?;
    Ok(line.len() as u64 + 1)
}
