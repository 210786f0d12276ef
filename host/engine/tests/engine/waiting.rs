//! Components that wait for WASI's clock do not wait, and no call outlives its time limit.

use std::time::{Duration, Instant};

use millstream_core::failure::Failure;
use millstream_engine::{Engine, EngineKind, Execute as _, Job, Limits, Request, Response, Served};

use crate::support::{Home, PATIENCE, limited, run};

/// An hour by the guest's clock, in each way in which a guest can wait; then a minute of looking at the clock, a microsecond a
/// look, is more than it has time for.
const WAYS: [&str; 5] = ["sleep 3600", "instant 3600", "poll 3600", "ready 3600", "spin 1"];

fn job(home: &Home, mode: &str) -> Job {
    Job {
        function: home.add("waiting"),
        params: format!(r#"{{"mode": "{mode}"}}"#),
        inputs: Default::default(),
        sound: Default::default(),
        seed: 0,
        shard: None,
        limits: Limits::default(),
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(work)
}

async fn load(home: &Home, state: &str, limit: Duration) -> Result<Served, Failure> {
    let engine = Engine::new(EngineKind::Serve, home.artifacts.clone(), &home.cache).unwrap();
    let pipeline = home.pipeline(home.add("waiting"), &[state]);
    Served::load(&engine, "test", &pipeline, 1 << 30, limit).await
}

fn text(body: &str) -> Request {
    Request { content_type: "text/plain".to_owned(), accept: None, body: body.as_bytes().to_vec() }
}

/// Seconds that have passed by the guest's clock.
fn seconds(text: &str) -> u64 {
    text.parse().unwrap()
}

#[test]
fn a_job_that_waits_does_not_wait() {
    let home = Home::new();
    let (pool, local) = (home.pool(1), home.local());
    let start = Instant::now();
    for way in WAYS {
        let asked = seconds(way.split(' ').nth(1).unwrap());
        let message = run(&pool, &job(&home, way)).unwrap().message;
        assert!(seconds(&message) >= asked, "{way}: the clock went on by {message} s");
        assert_eq!(run(&local, &job(&home, way)).unwrap().message, message, "and always as far");
    }
    assert!(run(&pool, &job(&home, "ever")).is_ok(), "who waits for ever comes back");
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}

#[test]
fn a_predictor_that_waits_does_not_wait() {
    let home = Home::new();
    block_on(async {
        let start = Instant::now();
        for way in WAYS {
            let mut model = load(&home, way, PATIENCE).await.unwrap();
            let Response { body, .. } = model.predict(text(way), PATIENCE).await.unwrap();
            let passed = String::from_utf8(body).unwrap();
            assert!(seconds(&passed) >= seconds(way.split(' ').nth(1).unwrap()), "{way}: {passed}");
        }
        load(&home, "ever", PATIENCE).await.unwrap().predict(text("ever"), PATIENCE).await.unwrap();
        assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
    });
}

/// A loop that looks at the clock for an hour makes 3.6 billion calls.
#[test]
fn who_calls_the_host_all_the_time_ends_at_the_limit() {
    let home = Home::new();
    let limit = Duration::from_millis(300);
    let pool = home.pool(1);
    run(&pool, &job(&home, "sleep 1")).unwrap();
    let mut endless = job(&home, "spin 100000");
    endless.limits.wall_time = limit;
    assert_eq!(limited(run(&pool, &endless)).0, "time");
    block_on(async {
        let mut model = load(&home, "", PATIENCE).await.unwrap();
        let start = Instant::now();
        let failure = model.predict(text("spin 100000"), limit).await.unwrap_err();
        assert!(matches!(&failure, Failure::Limit { limit, .. } if limit == "time"), "{failure:?}");
        assert!(model.is_broken() && start.elapsed() < limit * 10, "{:?}", start.elapsed());
        let start = Instant::now();
        let failure = load(&home, "spin 100000", limit).await.err().unwrap();
        assert!(matches!(&failure, Failure::Limit { limit, .. } if limit == "time"), "{failure:?}");
        assert!(start.elapsed() < limit * 10, "{:?}", start.elapsed());
    });
}

#[test]
fn the_limit_is_for_all_stages_together() {
    let home = Home::new();
    block_on(async {
        let engine = Engine::new(EngineKind::Serve, home.artifacts.clone(), &home.cache).unwrap();
        let pipeline = home.pipeline(home.add("waiting"), &["", "", ""]);
        let mut model = Served::load(&engine, "test", &pipeline, 1 << 30, PATIENCE).await.unwrap();
        let limit = Duration::from_millis(300);
        let start = Instant::now();
        // Each stage hands on how many seconds it has seen pass; the next one does not wait for that.
        model.predict(text("spin 100000"), limit).await.unwrap_err();
        assert!(start.elapsed() < limit * 2, "{:?}", start.elapsed());
    });
}

#[test]
fn an_executor_describes_what_waits() {
    let home = Home::new();
    let manifest = home.pool(1).describe(&home.add("waiting")).unwrap();
    assert_eq!(manifest.name, "waiting");
}
