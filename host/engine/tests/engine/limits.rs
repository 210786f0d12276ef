//! Every limit holds, and others are unharmed.

use std::time::{Duration, Instant};

use millstream_engine::{Event, Level, Limits};

use crate::support::{Home, PATIENCE, limited, log_lines, run, run_with_events};

#[test]
fn memory() {
    let home = Home::new();
    let pool = home.pool(1);
    let mut job = home.job("allocate");
    job.limits.memory = 64 << 20;
    let (limit, message) = limited(run(&pool, &job));
    assert_eq!(limit, "memory");
    assert!(message.contains("64 MiB"), "{message}");
    assert!(run(&pool, &home.job("ok")).is_ok());
}

#[test]
fn memory_that_the_guest_notices() {
    let home = Home::new();
    let mut job = home.job("try-allocate");
    job.limits.memory = 64 << 20;
    let (limit, message) = limited(run(&home.local(), &job));
    assert_eq!(limit, "memory");
    assert!(message.contains("MiB fit"), "its own words: {message}");
}

#[test]
fn memory_less_than_the_function_starts_with() {
    let home = Home::new();
    let mut job = home.job("ok");
    job.limits.memory = 64 << 10;
    assert_eq!(limited(run(&home.local(), &job)).0, "memory");
}

#[test]
fn output() {
    let home = Home::new();
    let mut job = home.job("write");
    job.limits.output = 10 << 20;
    let (limit, message) = limited(run(&home.pool(1), &job));
    assert_eq!(limit, "output");
    assert!(message.contains("10 MiB"), "{message}");
}

#[test]
fn log_lines_beyond_the_limit_are_dropped_with_a_note() {
    let home = Home::new();
    let mut job = home.job("log");
    job.limits.log_lines = 5;
    let (outcome, events) = run_with_events(&home.pool(1), &job);
    assert_eq!(outcome.unwrap().message, "logged");
    let lines = log_lines(&events);
    assert_eq!(lines.len(), 6);
    assert_eq!(lines[5], (Level::Warn, "more than 5 log lines: the rest are dropped"));
}

#[test]
fn metric_points_beyond_the_limit_are_dropped_with_a_note() {
    let home = Home::new();
    let mut job = home.job("metrics");
    job.limits.metric_points = 7;
    let (outcome, events) = run_with_events(&home.local(), &job);
    outcome.unwrap();
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Metric { .. })).count(), 7);
    assert_eq!(log_lines(&events).len(), 1);
}

#[test]
fn progress_is_thinned_out() {
    let home = Home::new();
    let (outcome, events) = run_with_events(&home.pool(1), &home.job("progress"));
    outcome.unwrap();
    let progress: Vec<_> = events.iter().filter(|event| matches!(event, Event::Progress { .. })).collect();
    assert!(progress.len() < 1000, "{}", progress.len());
    assert_eq!(progress.last(), Some(&&Event::Progress { done: 100_000, total: Some(100_000) }));
}

#[test]
fn handles() {
    let home = Home::new();
    let (message, _) = crate::support::blamed(run(&home.local(), &home.job_with("open", &[b"x"])));
    assert!(message.contains("it holds 1024 readers"), "{message}");
}

#[test]
fn time() {
    let home = Home::new();
    let pool = home.pool(1);
    let before = pool.idle_ids();
    let mut job = home.job("loop");
    job.limits.wall_time = Duration::from_millis(300);
    let start = Instant::now();
    let (limit, message) = limited(run(&pool, &job));
    assert_eq!(limit, "time");
    assert!(message.contains("300ms"), "{message}");
    assert!((Duration::from_millis(300)..PATIENCE).contains(&start.elapsed()), "{:?}", start.elapsed());
    assert!(run(&pool, &home.job("ok")).is_ok(), "another has taken its place");
    assert_ne!(pool.idle_ids(), before);
}

#[test]
fn time_within_the_process_counts_at_calls_to_the_host() {
    let home = Home::new();
    let mut job = home.job("write");
    job.limits = Limits { wall_time: Duration::from_millis(100), ..Limits::default() };
    assert_eq!(limited(run(&home.local(), &job)).0, "time");
}
