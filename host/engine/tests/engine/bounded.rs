//! What a function says is cut to what people read, and its faults stay its own, however long they are.

use std::time::{Duration, Instant};

use millstream_core::failure::Failure;
use millstream_engine::{Engine, EngineKind, Event, Execute, Request, Served};

use crate::support::{Home, PATIENCE, blamed, log_lines, run, run_with_events};

/// Beyond it nothing of a failure is as long.
const LONG: usize = 80 << 10;

#[test]
fn a_fault_of_70_mib_is_the_functions_own() {
    let home = Home::new();
    let (pool, local) = (home.pool(1), home.local());
    for execute in [&pool as &dyn Execute, &local] {
        for mode in [
            "endless-failure",
            "endless-name",
            "endless-part",
            "endless-channel",
            "endless-panic",
            "many-metrics",
        ] {
            let (message, backtrace) = blamed(run(execute, &home.job(mode)));
            assert!(message.len() <= LONG && backtrace.len() <= LONG, "{mode}: {}", message.len());
        }
        match run(execute, &home.job("endless-input")) {
            Err(Failure::InvalidInput { message, channel, part, column, row }) => {
                assert!(message.ends_with('…') && message.len() <= LONG && row == Some(1));
                assert!([channel, part, column].iter().flatten().all(|name| name.len() <= 1024));
            }
            other => panic!("{other:?}"),
        }
        let message = run(execute, &home.job("endless-summary")).unwrap().message;
        assert!(message.len() <= LONG && message.ends_with('…'));
    }
    assert_eq!(run(&pool, &home.job("ok")).unwrap().message, "ok", "the executor is whole");
}

#[test]
fn what_is_said_meanwhile_is_cut() {
    let home = Home::new();
    let (outcome, events) = run_with_events(&home.pool(1), &home.job("endless-words"));
    outcome.unwrap();
    let lines = log_lines(&events);
    assert!(lines.len() == 1 && lines[0].1.len() <= 16 << 10 && lines[0].1.ends_with('…'));
    let metrics = events.iter().filter_map(|event| match event {
        Event::Metric { name, .. } => Some(name.len()),
        _ => None,
    });
    assert_eq!(metrics.filter(|length| *length <= 16 << 10).count(), 1);
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(work)
}

#[test]
fn a_predictor_says_no_more_than_a_job() {
    let home = Home::new();
    block_on(async {
        let engine = Engine::new(EngineKind::Serve, home.artifacts.clone(), &home.cache).unwrap();
        let load = async |state: &str| {
            let pipeline = home.pipeline(home.add("faulty"), &[state]);
            Served::load(&engine, "test", &pipeline, 3 << 30, PATIENCE).await
        };
        let ask = async |state: &str| {
            let body = b"abc".to_vec();
            let request = Request { content_type: "text/plain".to_owned(), accept: None, body };
            load(state).await.unwrap().predict(request, PATIENCE).await
        };
        let failure = load("endless-description").await.err().unwrap();
        assert!(matches!(&failure, Failure::Function { message, .. } if message.len() <= LONG), "{failure}");
        let failure = ask("endless-refusal").await.unwrap_err();
        assert!(matches!(&failure, Failure::InvalidInput { message, .. } if message.len() <= LONG));
        for state in ["endless-type", "broken-type"] {
            let failure = ask(state).await.unwrap_err();
            assert!(
                matches!(&failure, Failure::Function { message, .. } if message.len() <= LONG),
                "{state}"
            );
        }
        // A line of a gigabyte: not copied, and nobody waits for it.
        load("endless-words").await.unwrap();
        let body = b"abc".to_vec();
        let mut model = load("endless-words").await.unwrap();
        let request = Request { content_type: "text/plain".to_owned(), accept: None, body };
        let before = peak();
        let start = Instant::now();
        assert_eq!(model.predict(request, PATIENCE).await.unwrap().body, b"abc");
        let grown = peak().saturating_sub(before);
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
        assert!(grown < 1536 << 20, "the guest's own gigabyte and no second one: {} MiB", grown >> 20);
    });
}

/// Bytes that this process had at the most.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    let kilobytes = line.split_whitespace().nth(1).and_then(|text| text.parse::<u64>().ok());
    kilobytes.unwrap_or_default() << 10
}
