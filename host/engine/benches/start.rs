//! What a job costs beside its work: `cargo bench -p millstream-engine`. Needs `cargo xtask functions`.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use millstream_engine::{
    Cancel, Event, Execute, ExecutorCommand, ExecutorPool, Job, Limits, Local, Preparing, Setup,
};
use millstream_store::{Artifacts, LocalStore};

const ROUNDS: usize = 2_000;

struct Row {
    /// From the call to the event's arrival.
    started: Duration,
    /// What the executor says it needed.
    preparation: Duration,
    /// From the call to its return.
    round_trip: Duration,
}

fn measure(execute: &dyn Execute, job: &Job) -> Row {
    let begin = Instant::now();
    let mut row = Row { started: Duration::ZERO, preparation: Duration::ZERO, round_trip: Duration::ZERO };
    let outcome = execute.execute(job, &Cancel::new(), &mut |event| {
        if let Event::Started { preparation } = event {
            row.started = begin.elapsed();
            row.preparation = preparation;
        }
    });
    row.round_trip = begin.elapsed();
    outcome.expect("the function does nothing, and that well");
    row
}

fn report(name: &str, execute: &dyn Execute, job: &Job) {
    let begin = Instant::now();
    measure(execute, job);
    let first = begin.elapsed();
    let rows: Vec<_> = (0..ROUNDS).map(|_| measure(execute, job)).collect();
    print!("{name:<12} first {first:>10.1?}");
    for (column, of) in [
        ("preparation", (|row| row.preparation) as fn(&Row) -> Duration),
        ("first instruction", |row| row.started),
        ("round trip", |row| row.round_trip),
    ] {
        let mut times: Vec<_> = rows.iter().map(of).collect();
        times.sort();
        print!("  | {column} p50 {:>7.1?} p99 {:>8.1?}", times[ROUNDS / 2], times[ROUNDS * 99 / 100]);
    }
    println!();
}

fn main() {
    let folder = match env::var_os("MILLSTREAM_FUNCTIONS_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("functions"),
    };
    let path = folder.join("testing/noop.wasm");
    let component =
        fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}; run `cargo xtask functions`", path.display()));
    let home = tempfile::tempdir().expect("a temporary folder");
    let store = home.path().join("store");
    let artifacts = Artifacts::new(Arc::new(LocalStore::open(&store).expect("a store")));
    let job = Job {
        function: artifacts.put(&component).expect("room for it").digest,
        params: "{}".to_owned(),
        inputs: BTreeMap::new(),
        seed: 0,
        shard: None,
        limits: Limits::default(),
        sound: BTreeMap::new(),
    };
    let cache = home.path().join("cache");
    let setup = Setup {
        store: store.to_str().expect("UTF-8").to_owned(),
        cache: cache.clone(),
        network: None,
        preparing: Preparing::default(),
    };
    let command = ExecutorCommand::new(Path::new(env!("CARGO_BIN_EXE_millstream-executor")), &[]);
    let begin = Instant::now();
    let pool = ExecutorPool::start(command, setup, 1).expect("an executor");
    println!("pool of one started in {:.1?} (not waiting until it is ready)", begin.elapsed());
    report("executor", &pool, &job);
    report("in process", &Local::new(artifacts, &cache).expect("an engine"), &job);
}
