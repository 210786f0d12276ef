//! Foreign code is compiled, asked what it is and asked what its models are outside of whoever wants to know, within limits.

use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use millstream_core::{artifact::Digest, failure::Failure};
use millstream_engine::{Engine, EngineKind, Execute, ExecutorPool, Preparing, Served, Setup};

use crate::support::{Home, PATIENCE, component, executor, limited, run};

fn pool(home: &Home, preparing: Preparing) -> ExecutorPool {
    ExecutorPool::start(executor(), Setup { preparing, ..home.setup() }, 1).unwrap()
}

fn failed<T>(outcome: Result<T, Failure>) -> (String, String) {
    limited(outcome.map(|_| Default::default()))
}

const LITTLE: Preparing = Preparing { memory: 4 << 20, time: Duration::from_secs(120) };

/// A component that never comes to the end of its beginning.
fn endless() -> Vec<u8> {
    wat::parse_str(
        r#"(component
            (core module $m
                (func (export "f"))
                (func $start (loop $again (br $again)))
                (start $start))
            (core instance $i (instantiate $m))
            (func $f (canon lift (core func $i "f")))
            (instance $about (export "describe" (func $f)))
            (export "millstream:function/about@0.1.0" (instance $about))
            (instance $job (export "run" (func $f)))
            (export "millstream:function/job@0.1.0" (instance $job)))"#,
    )
    .unwrap()
}

#[test]
fn compiling_ends_where_its_memory_does() {
    let home = Home::with_empty_cache();
    let pool = pool(&home, LITTLE);
    let function = home.add("faulty");
    let file = home.path().join("faulty.wasm");
    fs::write(&file, component("faulty")).unwrap();
    for outcome in [
        pool.describe(&function).map(drop),
        pool.check(&file).map(drop),
        pool.compile(EngineKind::Job, &function),
        pool.compile(EngineKind::Serve, &function),
        run(&pool, &home.job("ok")).map(drop),
    ] {
        let (limit, message) = failed(outcome);
        assert_eq!(limit, "memory");
        assert!(message.contains("4 MiB") && message.contains(Preparing::MEMORY_VARIABLE), "{message}");
    }
    // With more it is compiled, and what is compiled needs no more.
    self::pool(&home, Preparing::default()).describe(&function).unwrap();
    assert_eq!(run(&pool, &home.job("ok")).unwrap().message, "ok");
}

#[test]
fn who_never_comes_to_an_end_is_ended() {
    let home = Home::with_empty_cache();
    let time = Duration::from_millis(700);
    let pool = pool(&home, Preparing { time, ..Preparing::default() });
    let bytes = endless();
    let file = home.path().join("endless.wasm");
    fs::write(&file, &bytes).unwrap();
    let function = home.artifacts.put(&bytes).unwrap().digest;
    for outcome in [
        pool.describe(&function).map(drop),
        pool.check(&file).map(drop),
        pool.compile(EngineKind::Serve, &function),
    ] {
        let (limit, message) = failed(outcome);
        assert_eq!(limit, "time");
        assert!(message.contains("700ms") && message.contains(Preparing::TIME_VARIABLE), "{message}");
    }
    // Another one has taken its place.
    let pool = self::pool(&home, Preparing::default());
    assert_eq!(run(&pool, &home.job("ok")).unwrap().message, "ok");
}

/// An engine of a server, for which executors compile.
fn server(home: &Home, pool: ExecutorPool) -> Engine {
    let engine = Engine::new(EngineKind::Serve, home.artifacts.clone(), &home.cache).unwrap();
    engine.compile_by(Arc::new(pool));
    engine
}

fn load(home: &Home, engine: &Engine, function: Digest, limit: Duration) -> Result<Served, Failure> {
    let pipeline = home.pipeline(function, &["increment"]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(Served::load(engine, "test", &pipeline, 1 << 30, limit))
}

#[test]
fn a_server_has_others_compile() {
    let home = Home::with_empty_cache();
    let function = home.add("faulty");
    assert!(load(&home, &server(&home, home.pool(1)), function, PATIENCE).is_ok());

    // Nothing is left to compile: nobody is asked.
    let nobody =
        ExecutorPool::start(executor(), Setup { store: "s3://x".to_owned(), ..home.setup() }, 1).unwrap();
    assert!(load(&home, &server(&home, nobody), function, PATIENCE).is_ok());

    let little = Home::with_empty_cache();
    let function = little.add("faulty");
    let engine = server(&little, pool(&little, LITTLE));
    let (limit, _) = failed(load(&little, &engine, function, PATIENCE));
    assert_eq!(limit, "memory");
    let start = Instant::now();
    assert_eq!(failed(load(&little, &engine, function, PATIENCE)).0, "memory");
    assert!(
        start.elapsed() < Duration::from_millis(100),
        "it is not tried again at once: {:?}",
        start.elapsed()
    );
}

#[test]
fn a_server_does_not_wait_for_jobs_to_have_something_compiled() {
    let home = Home::with_empty_cache();
    let pool = Arc::new(home.pool(1));
    pool.describe(&home.add("faulty")).unwrap();
    let cancel = millstream_engine::Cancel::new();
    std::thread::scope(|scope| {
        let (started, heard) = std::sync::mpsc::channel();
        let (pool, home, cancel) = (&pool, &home, &cancel);
        let job = scope.spawn(move || {
            pool.execute(&home.job("loop"), cancel, &mut |_| {
                let _ = started.send(());
            })
        });
        heard.recv_timeout(PATIENCE).unwrap();
        let function = home.add("faulty");
        assert!(pool.compile(EngineKind::Serve, &function).is_ok());
        let pipeline = home.pipeline(function, &["increment"]);
        let described = pool.describe_model("letters", &pipeline, 1 << 30).unwrap();
        assert!(described.contains("increment") && described.contains("letters"), "{described}");
        cancel.cancel();
        assert_eq!(job.join().unwrap(), Err(Failure::Cancelled));
    });
    assert_eq!(pool.idle_ids().len(), 1, "the one that was added is gone");
}

#[test]
fn what_is_wrong_with_a_model_is_said_by_who_describes_it() {
    let home = Home::new();
    let pool = home.pool(1);
    let function = home.add("faulty");
    let describe = |state: &str| pool.describe_model("m", &home.pipeline(function, &[state]), 256 << 20);
    assert!(describe("refuse-load").unwrap_err().to_string().contains("version 99"));
    assert!(matches!(describe("bad-description"), Err(Failure::Function { .. })));
    assert!(matches!(describe("trap-load"), Err(Failure::Function { .. })));
    assert!(describe("increment").is_ok());
}
