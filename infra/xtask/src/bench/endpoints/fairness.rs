//! Small requests beside long ones: as many calls that take long as there are cores, and more, and what becomes of everybody else.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use serde_json::json;

use super::{
    ask,
    home::{self, Home, TARGET},
    traffic::{self, Answers},
};
use crate::{functions, run::say};

const RATE: u32 = 200;
const SMALL: &str = "tumours";
/// Whose predictor computes until its time limit.
const BUSY: &str = "busy";
/// Bytes of a large body.
const LARGE: usize = 60 << 20;

/// Who asks for long answers.
struct Long<'a> {
    name: &'static str,
    url: String,
    body: &'a [u8],
}

pub fn measure(binary: &Path, folder: &Path, quick: bool) -> anyhow::Result<()> {
    let seconds = if quick { 4 } else { 20 };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let home = Home::new(binary, folder.join("fairness"))?;
    let source = prepare(&home)?;
    let rows = home::rows(&source)?;
    let row = rows.first().context("no rows")?.clone() + "\n";
    let (some, large) = (row.repeat(1_000), row.repeat(LARGE / row.len()));
    let server = home.serve(folder)?;
    let address = |endpoint: &str| format!("{}/endpoints/{endpoint}/invocations", server.url);
    traffic::drive(&address(SMALL), &row, RATE, 2);
    say(&format!("{RATE} requests/s of one row for {seconds} s, alone"));
    let mut alone = traffic::drive(&address(SMALL), &row, RATE, seconds);
    let kinds = [
        Long { name: "predictors that compute all the time", url: address(BUSY), body: b"loop\n" },
        Long { name: "bodies of 1,000 rows", url: address(SMALL), body: some.as_bytes() },
        Long { name: "bodies of 60 MB", url: address(SMALL), body: large.as_bytes() },
    ];
    println!(
        "\n{RATE} requests/s of one row for {seconds} s, by a client that keeps the rate, beside callers that ask for long \
         answers one after the other. {cores} cores.\n"
    );
    println!(
        "| beside | callers | requests | p50 ms | p99 ms | slowest | failed | long answers |\n|---|---|---|---|---|---|---|---|"
    );
    print("nobody", 0, &mut alone, 0);
    for callers in [cores, 4 * cores] {
        for long in &kinds {
            let (mut beside, answered) = together(long, callers, &address(SMALL), &row, seconds);
            print(long.name, callers, &mut beside, answered);
        }
    }
    Ok(())
}

/// The model, and one whose predictor loops when a row says so.
fn prepare(home: &Home) -> anyhow::Result<std::path::PathBuf> {
    let source = home.samples()?;
    home.train(SMALL, "gradient-boosting", &source, &json!({ "target": TARGET, "num_round": 100 }))?;
    home.run(&["deploy", SMALL, "--model", SMALL, "--max-rows", "1000000"])?;
    let faulty = functions::folder().join("testing/faulty.wasm");
    ensure!(faulty.exists(), "no {}: `cargo xtask functions` builds it", faulty.display());
    home.run(&["functions", "add", &faulty.to_string_lossy()])?;
    home.workflow(
        BUSY,
        &json!({
            "fit": { "uses": "faulty", "inputs": { "table": source }, "with": { "mode": "fit", "state": "marked" } },
            "register": {
                "uses": "register",
                "inputs": { "model": "${{ steps.fit.outputs.state }}" },
                "with": { "name": BUSY },
            },
        }),
    )?;
    home.run(&["deploy", BUSY, "--model", BUSY, "--timeout", "2s"])?;
    Ok(source)
}

/// The small requests while `callers` ask for long answers, and how many of those came.
fn together(long: &Long<'_>, callers: usize, url: &str, row: &str, seconds: u64) -> (Answers, usize) {
    let (stop, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let small = thread::scope(|scope| {
        for _ in 0..callers {
            scope.spawn(|| {
                let agent = ask::agent(Duration::from_secs(120));
                while !stop.load(Ordering::Relaxed) {
                    // A time limit is an answer too.
                    let reply = ask::post(&agent, &long.url, "text/csv", long.body);
                    answered.fetch_add(usize::from(reply.is_ok()), Ordering::Relaxed);
                }
            });
        }
        thread::sleep(Duration::from_millis(500));
        let small = traffic::drive(url, row, RATE, seconds);
        stop.store(true, Ordering::Relaxed);
        small
    });
    (small, answered.into_inner())
}

fn print(beside: &str, callers: usize, answers: &mut Answers, long: usize) {
    println!(
        "| {beside} | {callers} | {} | {:.2} | {:.2} | {:.1} | {} | {long} |",
        answers.made(),
        answers.percentile(0.5),
        answers.percentile(0.99),
        answers.percentile(1.0),
        answers.failed.len()
    );
    for (_, why) in answers.failed.iter().take(3) {
        eprintln!("failed: {why}");
    }
}
