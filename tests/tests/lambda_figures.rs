//! What the bootstrap costs: `cargo xtask bench lambda` runs this with the bootstrap that packages carry.

use std::{
    fs,
    time::{Duration, Instant},
};

use millstream_aws_package::{Function, Target, package};
use millstream_tests::{
    Place,
    lambda::{Environment, Package, bootstrap, of_store},
};
use serde_json::json;

const ROUNDS: usize = 21;
const LONG: Duration = Duration::from_secs(60);

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Milliseconds.
fn time(work: impl FnOnce()) -> f64 {
    let began = Instant::now();
    work();
    began.elapsed().as_secs_f64() * 1e3
}

/// Most memory that a process has had resident, in MiB.
fn peak(process: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("Linux tells");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a peak");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).expect("a number") / 1024.0
}

fn row(what: &str, figure: String, goal: &str) {
    println!("| {what} | {figure} | {goal} |");
}

#[test]
#[ignore = "measures: cargo xtask bench lambda"]
fn figures() {
    let target = Target::here().expect("Lambda has this machine's processor");
    let place = Place::new();
    place.deploy_sample(
        "forest",
        "breast-cancer",
        "  train: { uses: random-forest, inputs: { train: \"${{ steps.extract.outputs.table }}\" }, with: { target: diagnosis, n_estimators: 6000 } }\n",
    );
    // Describes all of them.
    place.run(&["functions", "list"]).expect(0);
    let functions = of_store(&place);
    let all = Package::of(&functions, target);
    println!("| | median of {ROUNDS} | goal |\n|---|---|---|");

    let size = |bytes: usize| format!("{:.1} MB", bytes as f64 / 1e6);
    let program = fs::read(bootstrap()).expect("the bootstrap");
    row("bootstrap, unzipped", size(program.len()), "20 MB");
    let for_jobs: Vec<Function> =
        functions.iter().map(|one| Function { predictors: false, ..one.clone() }).collect();
    let zip = package(target, &bootstrap(), &for_jobs, &|_| ()).expect("a package");
    row(&format!("zip of a worker with all {} functions", functions.len()), size(zip.len()), "50 MB");

    let mut starts = Vec::new();
    let mut memory = Vec::new();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let mut environment = Environment::start(&place, &all, "worker", &[]);
        environment.ready();
        starts.push(began.elapsed().as_secs_f64() * 1e3);
        memory.push(peak(environment.id()));
    }
    row(
        "worker: process start to the first `/next`, all components at hand",
        format!("{:.1} ms", median(starts)),
        "15 ms",
    );
    row("worker: peak memory when idle", format!("{:.0} MiB", median(memory)), "60 MiB");

    let bound = [("MILLSTREAM_ENDPOINT", "forest"), ("MILLSTREAM_MODEL_VERSION", "forest@1")];
    let data = fs::read_to_string(place.path().join("data/breast-cancer.csv")).expect("the sample");
    let csv: String =
        data.lines().take(2).map(|row| row.rsplit_once(',').expect("columns").0.to_owned() + "\n").collect();
    let event = json!({
        "rawPath": "/", "headers": {"content-type": "text/csv"},
        "requestContext": {"http": {"method": "POST"}}, "body": csv, "isBase64Encoded": false,
    });
    let mut firsts = Vec::new();
    let mut warm = Vec::new();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let mut environment = Environment::start(&place, &all, "endpoint", &bound);
        let answer = environment.invoke(&event, LONG);
        firsts.push(began.elapsed().as_secs_f64() * 1e3);
        assert_eq!(answer.json()["statusCode"], 200, "{answer:?}");
        let again: Vec<f64> = (0..50).map(|_| time(|| drop(environment.invoke(&event, LONG)))).collect();
        warm.push(median(again));
    }
    let record = place.records("models/forest/versions").into_values().next().expect("a version");
    let state = record.pointer("/pipeline/stages/0/state").or(record.pointer("/pipeline/0/state"));
    let state = state.and_then(|digest| digest.as_str()).map(|digest| {
        fs::metadata(place.store().join("artifacts").join(&digest[..2]).join(digest))
            .map_or(0, |found| found.len())
    });
    let state = state.map_or_else(String::new, |bytes| format!(" of {}", size(bytes as usize)));
    row(
        &format!("endpoint: process start to the first prediction, a forest{state}, store in a folder"),
        format!("{:.1} ms", median(firsts)),
        "60 ms",
    );
    row(
        "endpoint: warm invocation, one row, the model's own time included",
        format!("{:.2} ms", median(warm)),
        "1 ms over the model",
    );
}
