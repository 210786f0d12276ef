//! Pipelines in a server: requests as they came, time limits, neighbours on the same thread.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use millstream_core::failure::Failure;
use millstream_engine::{Engine, EngineKind, Memory, Novelty, Quota, Request, Response, Served};

use crate::support::{Home, PATIENCE};

const MEMORY: u64 = 1 << 30;

fn block_on<T>(work: impl Future<Output = T>) -> T {
    // One thread: who keeps it for himself keeps it from all others.
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(work)
}

async fn load(home: &Home, states: &[&str]) -> Result<Served, Failure> {
    let engine = Engine::new(EngineKind::Serve, home.artifacts.clone(), &home.cache).unwrap();
    let pipeline = home.pipeline(home.add("faulty"), states);
    Served::load(&engine, "test", &pipeline, MEMORY, PATIENCE).await
}

fn text(body: &str) -> Request {
    Request { content_type: "text/plain".to_owned(), accept: None, body: body.as_bytes().to_vec() }
}

#[test]
fn the_first_stage_reads_the_request_and_the_last_one_writes_the_answer() {
    let home = Home::new();
    block_on(async {
        for (states, expected) in
            [(&["increment"][..], "bcd"), (&["double", "increment"], "bcdbcd"), (&["increment"; 3], "def")]
        {
            let mut model = load(&home, states).await.unwrap();
            let Response { content_type, body } = model.predict(text("abc"), PATIENCE).await.unwrap();
            assert_eq!((content_type.as_str(), body.as_slice()), ("text/plain", expected.as_bytes()));
            assert!(!model.is_broken());
            assert!(model.memory() > 0);
        }
    });
}

#[test]
fn what_is_wrong_with_a_request_leaves_the_model_as_it_was() {
    let home = Home::new();
    block_on(async {
        let mut model = load(&home, &["increment", "marked"]).await.unwrap();
        // The first stage shifts each letter.
        let failure = model.predict(text("qdetrd"), PATIENCE).await.unwrap_err();
        assert!(matches!(&failure, Failure::InvalidInput { row: Some(3), .. }), "{failure:?}");
        assert!(!model.is_broken());
        assert_eq!(model.predict(text("abc"), PATIENCE).await.unwrap().body, b"bcd");
    });
}

#[test]
fn what_is_unlike_training_is_told_once_and_only_of_rows_that_were_answered() {
    let home = Home::new();
    block_on(async {
        let mut model = load(&home, &["novel", "novel"]).await.unwrap();
        model.predict(text("abc"), PATIENCE).await.unwrap();
        let told: Vec<_> =
            model.take_unseen().into_iter().map(|one| (one.column, one.novelty, one.rows)).collect();
        let expected =
            [("job", Novelty::Category, 2), ("age", Novelty::OutOfRange, 1), ("job", Novelty::Missing, 1)];
        assert_eq!(told, expected.map(|(column, novelty, rows)| (column.to_owned(), novelty, rows)));
        assert!(model.take_unseen().is_empty());
        model.predict(text("refuse"), PATIENCE).await.unwrap_err();
        assert!(model.take_unseen().is_empty());
        let mut model = load(&home, &["increment"]).await.unwrap();
        model.predict(text("abc"), PATIENCE).await.unwrap();
        assert!(model.take_unseen().is_empty());
    });
}

#[test]
fn a_trap_breaks_the_model_and_says_where() {
    let home = Home::new();
    block_on(async {
        let mut model = load(&home, &["marked"]).await.unwrap();
        let failure = model.predict(text("trap"), PATIENCE).await.unwrap_err();
        let Failure::Function { message, backtrace: Some(_) } = &failure else { panic!("{failure:?}") };
        assert!(message.contains("model stage `faulty 0.1.0`"), "{message}");
        assert!(model.is_broken());
    });
}

#[test]
fn a_loop_ends_at_its_time_and_others_go_on_meanwhile() {
    let home = Home::new();
    block_on(async {
        let mut looping = load(&home, &["marked"]).await.unwrap();
        let mut other = load(&home, &["increment"]).await.unwrap();
        let limit = Duration::from_millis(400);
        let began = Instant::now();
        let neighbours = async {
            let mut answers = 0;
            while began.elapsed() < limit {
                other.predict(text("abc"), PATIENCE).await.unwrap();
                answers += 1;
                tokio::task::yield_now().await;
            }
            answers
        };
        let (failure, answers) = tokio::join!(looping.predict(text("loop"), limit), neighbours);
        assert!(
            matches!(failure.as_ref().unwrap_err(), Failure::Limit { limit, .. } if limit == "time"),
            "{failure:?}"
        );
        assert!(looping.is_broken());
        assert!(answers > 10, "one thread for both: {answers} answers beside the loop");
    });
}

#[test]
fn a_call_that_nobody_waits_for_any_more_breaks_the_model() {
    let home = Home::new();
    block_on(async {
        let mut model = load(&home, &["marked"]).await.unwrap();
        let call = model.predict(text("loop"), PATIENCE);
        assert!(tokio::time::timeout(Duration::from_millis(50), call).await.is_err());
        assert!(model.is_broken());
    });
}

#[test]
fn a_state_that_is_refused_or_traps_says_in_which_stage() {
    let home = Home::new();
    block_on(async {
        for (state, expected) in
            [("refuse-load", "version 99"), ("trap-load", "can't load"), ("bad-description", "not JSON")]
        {
            let failure = load(&home, &["increment", state]).await.err().unwrap();
            let message = failure.to_string();
            assert!(message.contains(expected) || message.contains("description"), "{state}: {message}");
        }
    });
}

/// The copies of memory in a home's cache.
#[cfg(target_os = "linux")]
fn copies(home: &Home) -> Vec<std::path::PathBuf> {
    let folders = std::fs::read_dir(&home.cache).unwrap().map(|entry| entry.unwrap().path());
    let folders = folders.filter(|path| path.is_dir());
    let files =
        folders.flat_map(|folder| std::fs::read_dir(folder).unwrap()).map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "memory")).collect()
}

/// Whether a stage of this state is loaded without its state at last, and what it answers each time.
#[cfg(target_os = "linux")]
async fn comes_back(home: &Home, state: &str) -> (bool, Vec<String>) {
    let engine = Engine::new(EngineKind::Serve, home.artifacts.clone(), &home.cache).unwrap();
    let pipeline = home.pipeline(home.add("faulty"), &[state]);
    let mut answers = Vec::new();
    for _ in 0..3 {
        let mut model = Served::load(&engine, "test", &pipeline, MEMORY, PATIENCE).await.unwrap();
        for _ in 0..2 {
            let answer = model.predict(text("abc"), PATIENCE).await.unwrap();
            answers.push(String::from_utf8(answer.body).unwrap());
        }
    }
    // It was checked when it was loaded for the second time.
    std::fs::remove_file(home.artifacts.local_path(&pipeline.stages[0].state).unwrap()).unwrap();
    (Served::load(&engine, "test", &pipeline, MEMORY, PATIENCE).await.is_ok(), answers)
}

#[test]
#[cfg(target_os = "linux")]
fn a_predictor_comes_back_as_it_was_when_it_was_loaded() {
    let home = Home::with_empty_cache();
    block_on(async {
        let size = 24 << 20;
        let each = [format!("true {size} 1"), format!("true {size} 2")];
        assert_eq!(comes_back(&home, "heavy").await, (true, [&each[..]; 3].concat()));
        assert_eq!(comes_back(&home, "increment").await, (true, vec!["bcd".to_owned(); 6]));
        assert_eq!(copies(&home).len(), 2);
    });
}

#[test]
#[cfg(target_os = "linux")]
fn who_cannot_come_back_is_loaded_again() {
    let home = Home::with_empty_cache();
    block_on(async {
        for state in ["forgetful", "trap-resume"] {
            assert_eq!(comes_back(&home, state).await, (false, vec!["abc".to_owned(); 6]), "{state}");
        }
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_damaged_copy_or_state_is_found_out() {
    let home = Home::with_empty_cache();
    block_on(async {
        load(&home, &["increment"]).await.unwrap();
        let [copy] = copies(&home).try_into().unwrap();
        let mut bytes = std::fs::read(&copy).unwrap();
        let place = bytes.len() / 2;
        bytes[place] ^= 1;
        std::fs::write(&copy, bytes).unwrap();
        let mut model = load(&home, &["increment"]).await.unwrap();
        assert_eq!(model.predict(text("abc"), PATIENCE).await.unwrap().body, b"bcd");
        assert_eq!(copies(&home), [copy], "it was made anew");

        let pipeline = home.pipeline(home.add("faulty"), &["increment"]);
        std::fs::write(home.artifacts.local_path(&pipeline.stages[0].state).unwrap(), "decrement").unwrap();
        let engine = Engine::new(EngineKind::Serve, home.artifacts.clone(), &home.cache).unwrap();
        let failure = Served::load(&engine, "test", &pipeline, MEMORY, PATIENCE).await.err().unwrap();
        assert!(failure.to_string().contains("state"), "{failure}");
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_limit_on_memory_holds_for_who_comes_back() {
    let home = Home::with_empty_cache();
    block_on(async {
        load(&home, &["heavy"]).await.unwrap();
        let engine = Engine::new(EngineKind::Serve, home.artifacts.clone(), &home.cache).unwrap();
        let pipeline = home.pipeline(home.add("faulty"), &["heavy"]);
        let failure = Served::load(&engine, "test", &pipeline, 8 << 20, PATIENCE).await.err().unwrap();
        assert!(matches!(&failure, Failure::Limit { limit, .. } if limit == "memory"), "{failure:?}");
        let model = Served::load(&engine, "test", &pipeline, MEMORY, PATIENCE).await.unwrap();
        assert!(model.memory() > 24 << 20);
    });
}

/// A copy that loses its end while it is mapped: that predictor is not believed, the process goes on, and the next one is
/// loaded from its state.
#[test]
#[cfg(target_os = "linux")]
fn a_copy_that_is_cut_short_while_it_is_used_ends_one_request() {
    let home = Home::with_empty_cache();
    block_on(async {
        let engine = Engine::new(EngineKind::Serve, home.artifacts.clone(), &home.cache).unwrap();
        let pipeline = home.pipeline(home.add("faulty"), &["heavy"]);
        let load = || Served::load(&engine, "test", &pipeline, MEMORY, PATIENCE);
        load().await.unwrap();
        let [copy] = copies(&home).try_into().unwrap();
        for length in [0, 100_000, 5 << 20] {
            let mut model = load().await.unwrap();
            let mut neighbour = load().await.unwrap();
            assert_eq!(neighbour.predict(text("abc"), PATIENCE).await.unwrap().body.len(), 15);
            std::fs::File::options().write(true).open(&copy).unwrap().set_len(length).unwrap();
            let failure = model.predict(text("abc"), PATIENCE).await.unwrap_err();
            assert!(failure.to_string().contains("cut short"), "{failure}");
            assert!(matches!(failure, Failure::Host { .. }) && model.is_broken());
            let mut next = load().await.unwrap();
            let answer = next.predict(text("abc"), PATIENCE).await.unwrap().body;
            assert_eq!(String::from_utf8(answer).unwrap(), format!("true {} 1", 24 << 20));
            assert_eq!(copies(&home), std::slice::from_ref(&copy), "it was made anew");
        }
    });
}

/// Of many predictors one grows into the room of those that nobody asks, and no further than all may.
#[test]
fn predictors_grow_within_what_they_have_together() {
    let home = Home::new();
    block_on(async {
        let engine = Engine::new(EngineKind::Serve, home.artifacts.clone(), &home.cache).unwrap();
        let pipeline = home.pipeline(home.add("faulty"), &["marked"]);
        let quota = Quota::new(300 << 20, "have more");
        let load = || {
            let memory = Memory { each: MEMORY, quota: Some(Arc::clone(&quota)) };
            Served::load(&engine, "test", &pipeline, memory, PATIENCE)
        };
        let mut first = load().await.unwrap();
        first.predict(text("hoard"), PATIENCE).await.unwrap();
        let idle = Arc::new(Mutex::new(Some(first)));
        let with_idle = quota.used();
        assert!(with_idle > 64 << 20, "{with_idle}");
        let dropped = Arc::clone(&idle);
        quota.on_shortage(move |_| drop(dropped.lock().unwrap().take()));
        let mut busy = load().await.unwrap();
        for piece in 0..4 {
            busy.predict(text("hoard"), PATIENCE).await.unwrap_or_else(|error| panic!("{piece}: {error}"));
        }
        assert!(idle.lock().unwrap().is_none(), "room was made");
        let mut failures = Vec::new();
        for _ in 0..3 {
            failures.extend(busy.predict(text("hoard"), PATIENCE).await.err());
        }
        let failure = failures.first().expect("there is a limit");
        assert!(
            matches!(failure, Failure::Limit { limit, message } if limit == Quota::LIMIT
            && message.contains("300 MiB") && message.contains("have more")),
            "{failure:?}"
        );
        assert!(quota.used() <= 300 << 20);
        drop(busy);
        assert_eq!(quota.used(), 0);
    });
}
