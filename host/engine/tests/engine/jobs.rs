//! Jobs that keep the contract, in this process and in an executor: no difference.

use millstream_core::{failure::Failure, manifest::Kind};
use millstream_engine::{Cancel, Event, Execute, Job, Level, Shard};

use crate::support::{Home, log_lines, run, run_with_events};

/// Runs `job` both ways and checks that they agree to the last bit.
fn everywhere(home: &Home, job: &Job) -> (Result<millstream_engine::Done, Failure>, Vec<Event>) {
    let here = run_with_events(&home.local(), job);
    let there = run_with_events(&home.pool(1), job);
    let comparable = |(outcome, events): &(_, Vec<Event>)| {
        let events: Vec<_> = events.iter().filter(|event| !matches!(event, Event::Started { .. })).collect();
        format!("{outcome:?} {events:?}")
    };
    assert_eq!(comparable(&here), comparable(&there));
    there
}

#[test]
fn echo() {
    let home = Home::new();
    let large = vec![b'x'; 3 << 20];
    let (outcome, _) = everywhere(&home, &home.job_with("echo", &[b"a,b\n1,2\n", b"", &large]));
    let done = outcome.unwrap();
    assert_eq!(done.message, format!("echoed {} bytes", large.len() + 8));
    assert_eq!(done.metrics["bytes"], (large.len() + 8) as f64);
    let parts = &done.outputs["echo"];
    assert_eq!(parts.iter().map(|part| part.name.as_str()).collect::<Vec<_>>(), ["0.csv", "1.csv", "2.csv"]);
    assert_eq!(home.read(&parts[0]), "a,b\n1,2\n");
    assert_eq!((parts[1].size, parts[2].size), (0, large.len() as u64));
}

#[test]
fn events_come_in_order_and_floats_survive() {
    let home = Home::new();
    let (outcome, events) = everywhere(&home, &home.job("events"));
    assert!(matches!(events[0], Event::Started { .. }), "{events:?}");
    assert_eq!(
        log_lines(&events),
        [(Level::Debug, "one"), (Level::Info, "two"), (Level::Warn, "three"), (Level::Error, "four")]
    );
    assert_eq!(events[5], Event::Progress { done: 1, total: Some(2) });
    assert_eq!(events[6], Event::Metric { name: "loss".to_owned(), value: 0.1, step: 1 });
    assert!(matches!(events[7], Event::Metric { value, step: 2, .. } if value.is_nan()));
    let metrics = outcome.unwrap().metrics;
    assert!(metrics["nan"].is_nan());
    assert_eq!((metrics["infinite"], metrics["tenth"]), (f64::INFINITY, 0.1));
}

#[test]
fn seed_shard_and_channels_are_told() {
    let home = Home::new();
    let mut job = home.job_with("seed-and-shard", &[b"x"]);
    job.seed = u64::MAX;
    assert_eq!(
        everywhere(&home, &job).0.unwrap().message,
        format!("seed {}, channels [\"table\"]", u64::MAX)
    );
    job.shard = Some(Shard { index: 2, count: 5 });
    let message = everywhere(&home, &job).0.unwrap().message;
    assert_eq!(message, format!("seed {}, shard 2/5, channels [\"table\"]", u64::MAX));
}

#[test]
fn readers_seek() {
    let home = Home::new();
    let done = run(&home.local(), &home.job_with("seek", &[b"abcdefgh"])).unwrap();
    assert_eq!(home.read(&done.outputs["echo"][0]), "fgh|abc");
}

#[test]
fn a_dropped_writer_leaves_nothing() {
    let home = Home::new();
    let done = run(&home.local(), &home.job("abandon")).unwrap();
    assert_eq!(done.outputs["echo"].len(), 1);
    assert_eq!(home.read(&done.outputs["echo"][0]), "whole");
}

#[test]
fn alone_in_the_gang() {
    let home = Home::new();
    assert_eq!(run(&home.local(), &home.job("collective")).unwrap().message, "alone");
}

#[test]
fn the_guests_failures_arrive_as_they_are() {
    let home = Home::new();
    let failure = |mode: &str| everywhere(&home, &home.job(mode)).0.unwrap_err();
    assert_eq!(
        failure("fail-input"),
        Failure::InvalidInput {
            message: "not a number".to_owned(),
            channel: Some("table".to_owned()),
            part: Some("rows.csv".to_owned()),
            row: Some(7),
            column: Some("age".to_owned()),
        }
    );
    assert_eq!(
        failure("fail-parameter"),
        Failure::InvalidParameter {
            name: "mode".to_owned(),
            message: "out of range".to_owned(),
            allowed: Some("0 to 1".to_owned()),
        }
    );
    let limit = Failure::Limit { limit: "memory".to_owned(), message: "the table does not fit".to_owned() };
    assert_eq!(failure("fail-memory"), limit);
    assert_eq!(
        failure("fail-internal"),
        Failure::Function { message: "lost count".to_owned(), backtrace: None }
    );
}

#[test]
fn the_same_job_gives_the_same_bytes() {
    let home = Home::new();
    let job = home.job_with("echo", &[b"once", b"twice"]);
    let pool = home.pool(2);
    assert_eq!(run(&pool, &job).unwrap(), run(&pool, &job).unwrap());
}

#[test]
fn describe() {
    let home = Home::new();
    let function = home.add("faulty");
    let manifest = home.pool(1).describe(&function).unwrap();
    assert_eq!(manifest, home.local().describe(&function).unwrap());
    assert_eq!(
        (manifest.name.as_str(), manifest.exports.job, manifest.exports.model),
        ("faulty", true, true)
    );
    assert_eq!(manifest.channel("model").unwrap().kind, Kind::Model);
    assert_eq!(manifest.parameters["properties"]["mode"]["type"], "string");
}

#[test]
fn a_missing_function_is_the_hosts_failure_and_says_what_to_do() {
    let home = Home::new();
    let mut job = home.job("ok");
    job.function.0[0] ^= 1;
    let failure = run(&home.local(), &job).unwrap_err();
    assert!(failure.is_transient());
    assert!(failure.to_string().contains("millstream functions add"), "{failure}");
}

#[test]
fn a_missing_input_is_the_hosts_failure() {
    let home = Home::new();
    let mut job = home.job_with("echo", &[b"x"]);
    job.inputs.get_mut("table").unwrap().parts[0].digest.0[0] ^= 1;
    let failure = run(&home.local(), &job).unwrap_err();
    assert!(failure.is_transient() && failure.to_string().contains("table/0.csv"), "{failure}");
}

#[test]
fn an_input_that_no_channel_takes_is_refused() {
    let home = Home::new();
    let mut job = home.job_with("echo", &[b"x"]);
    let parts = job.inputs["table"].clone();
    job.inputs.insert("elsewhere".to_owned(), parts);
    let failure = run(&home.local(), &job).unwrap_err();
    assert!(failure.to_string().contains("`elsewhere`"), "{failure}");
}

#[test]
fn a_cancelled_job_does_not_start() {
    let home = Home::new();
    let cancel = Cancel::new();
    cancel.cancel();
    let pool = home.pool(1);
    let executors: [&dyn Execute; 2] = [&home.local(), &pool];
    for execute in executors {
        let outcome = execute.execute(&home.job("ok"), &cancel, &mut |event| panic!("{event:?}"));
        assert_eq!(outcome, Err(Failure::Cancelled));
    }
    assert!(run(&pool, &home.job("ok")).is_ok());
}
