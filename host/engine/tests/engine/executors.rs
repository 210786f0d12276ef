//! Processes: ended, replaced, and ending themselves.

use std::{
    fs,
    io::Read as _,
    path::Path,
    process::{Command, Stdio},
    sync::{Barrier, mpsc},
    thread,
    time::{Duration, Instant},
};

use millstream_core::failure::Failure;
use millstream_engine::{Cancel, Event, Execute, ExecutorCommand, ExecutorPool, Setup};

use crate::support::{Home, PATIENCE, executor, run};

fn kill(id: u32) {
    assert!(Command::new("kill").args(["-9", &id.to_string()]).status().unwrap().success());
}

fn lives(id: u32) -> bool {
    // A zombie has a folder too, but its command line is empty.
    fs::read(format!("/proc/{id}/cmdline")).is_ok_and(|line| !line.is_empty())
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn cancel_ends_a_job_that_never_calls_the_host() {
    let home = Home::new();
    let pool = home.pool(2);
    let cancel = Cancel::new();
    let start = Instant::now();
    thread::scope(|scope| {
        let job = scope.spawn(|| {
            pool.execute(&home.job("loop"), &cancel, &mut |event| {
                if matches!(event, Event::Started { .. }) {
                    let cancel = cancel.clone();
                    scope.spawn(move || cancel.cancel());
                }
            })
        });
        let neighbour = scope.spawn(|| run(&pool, &home.job_with("echo", &[b"unharmed"])));
        assert_eq!(job.join().unwrap(), Err(Failure::Cancelled));
        assert!(neighbour.join().unwrap().is_ok());
    });
    assert!(start.elapsed() < PATIENCE);
    assert!(run(&pool, &home.job("ok")).is_ok());
    assert_eq!(pool.idle_ids().len(), 2);
}

#[test]
fn a_killed_executor_is_a_transient_failure_and_is_replaced() {
    let home = Home::new();
    let pool = home.pool(1);
    let [id] = pool.idle_ids()[..] else { panic!("one is idle") };
    let outcome = pool.execute(&home.job("loop"), &Cancel::new(), &mut |event| {
        if matches!(event, Event::Started { .. }) {
            kill(id);
        }
    });
    let failure = outcome.unwrap_err();
    assert!(failure.is_transient() && failure.to_string().contains("signal 9"), "{failure}");
    assert!(run(&pool, &home.job("ok")).is_ok());
}

#[test]
fn an_executor_killed_while_idle_is_replaced() {
    let home = Home::new();
    let pool = home.pool(1);
    run(&pool, &home.job("ok")).unwrap();
    kill(pool.idle_ids()[0]);
    assert!(run(&pool, &home.job("ok")).unwrap_err().is_transient());
    assert!(run(&pool, &home.job("ok")).is_ok());
}

#[test]
fn killed_at_random_nothing_is_left_half_done() {
    let home = Home::new();
    let pool = home.pool(1);
    let block = vec![b'x'; 1 << 20];
    let job = home.job_with("echo", &[&block, b"end"]);
    let expected = run(&pool, &job).unwrap();
    let mut killed = 0;
    for round in 0..60_u64 {
        let [id] = pool.idle_ids()[..] else { panic!("one is idle") };
        let outcome = thread::scope(|scope| {
            scope.spawn(move || {
                thread::sleep(Duration::from_micros(round * 211 % 6000));
                // It may be over and replaced: then the number is nobody's.
                let _ = Command::new("kill").args(["-9", &id.to_string()]).stderr(Stdio::null()).status();
            });
            run(&pool, &job)
        });
        match outcome {
            Ok(done) => assert_eq!(done, expected),
            Err(failure) => {
                assert!(failure.is_transient(), "{failure}");
                killed += 1;
            }
        }
    }
    assert!(killed > 0, "no kill hit a job");
    // The last kill may still lie in wait for the next job.
    let _ = run(&pool, &job);
    assert_eq!(run(&pool, &job).unwrap(), expected);
}

#[test]
fn a_panicking_listener_does_not_return_an_executor_half_way() {
    let home = Home::new();
    let pool = home.pool(1);
    let panicked = thread::scope(|scope| {
        let listener =
            scope.spawn(|| pool.execute(&home.job("events"), &Cancel::new(), &mut |_| panic!("no, thanks")));
        listener.join().is_err()
    });
    assert!(panicked);
    assert_eq!(run(&pool, &home.job("ok")).unwrap().message, "ok");
}

#[test]
fn more_jobs_than_executors_wait_their_turn() {
    let home = Home::new();
    let pool = home.pool(2);
    let barrier = Barrier::new(8);
    thread::scope(|scope| {
        for index in 0..8 {
            let (home, pool, barrier) = (&home, &pool, &barrier);
            scope.spawn(move || {
                barrier.wait();
                let text = format!("job {index}");
                let done = run(pool, &home.job_with("echo", &[text.as_bytes()])).unwrap();
                assert_eq!(home.read(&done.outputs["echo"][0]), text);
            });
        }
    });
    assert_eq!(pool.idle_ids().len(), 2);
}

#[test]
fn who_waits_for_an_executor_can_be_cancelled() {
    let home = Home::new();
    let pool = home.pool(1);
    let (long, waiting) = (Cancel::new(), Cancel::new());
    let (taken, heard) = mpsc::channel();
    thread::scope(|scope| {
        let holder = scope.spawn(|| pool.execute(&home.job("loop"), &long, &mut |_| taken.send(()).unwrap()));
        heard.recv_timeout(PATIENCE).unwrap();
        let waiter = scope.spawn(|| pool.execute(&home.job("ok"), &waiting, &mut |_| ()));
        waiting.cancel();
        assert_eq!(waiter.join().unwrap(), Err(Failure::Cancelled));
        long.cancel();
        assert_eq!(holder.join().unwrap(), Err(Failure::Cancelled));
    });
}

#[test]
fn dropping_the_pool_ends_its_processes() {
    let home = Home::new();
    let pool = home.pool(3);
    let ids = pool.idle_ids();
    assert_eq!(ids.len(), 3);
    drop(pool);
    wait_until("they end", || !ids.iter().any(|id| lives(*id)));
}

/// Stands in for a worker that is killed: a shell that holds the executor's pipe, and dies without a word.
#[test]
#[cfg(target_os = "linux")]
fn an_executor_ends_when_its_parent_is_killed() {
    let binary = env!("CARGO_BIN_EXE_millstream-executor");
    let script = format!("sleep 1000 | {{ echo $$; exec {binary}; }} & wait");
    let mut parent = Command::new("sh").args(["-c", &script]).stdout(Stdio::piped()).spawn().unwrap();
    let find = || {
        let entries = fs::read_dir("/proc").unwrap().flatten();
        let numbers = entries.filter_map(|entry| entry.file_name().to_string_lossy().parse::<u32>().ok());
        let of = |id: u32| {
            let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
            let rest = stat.rsplit_once(')')?.1.to_owned();
            rest.split_whitespace().nth(1)?.parse::<u32>().ok()
        };
        let children: Vec<_> = numbers.filter(|id| of(*id) == Some(parent.id())).collect();
        let named = |id: &&u32, name: &str| {
            fs::read(format!("/proc/{id}/cmdline"))
                .is_ok_and(|line| String::from_utf8_lossy(&line).contains(name))
        };
        let sleeper = children.iter().find(|id| named(id, "sleep\0")).copied();
        let executor = children.iter().find(|id| named(id, "millstream-executor")).copied();
        sleeper.zip(executor)
    };
    let mut found = None;
    wait_until("both have started", || {
        found = find();
        found.is_some()
    });
    let (sleeper, executor) = found.unwrap();
    assert!(lives(executor));
    // The other end of its standard input goes away.
    kill(sleeper);
    wait_until("the executor ends", || !lives(executor));
    let _ = parent.kill();
    let mut rest = String::new();
    let _ = parent.stdout.take().unwrap().read_to_string(&mut rest);
    let _ = parent.wait();
}

#[test]
fn what_is_wrong_with_the_setup_shows_at_the_first_job() {
    let home = Home::new();
    let setup = Setup { store: "s3://bucket/x".to_owned(), ..home.setup() };
    let pool = ExecutorPool::start(executor(), setup, 1).unwrap();
    let failure = run(&pool, &home.job("ok")).unwrap_err();
    assert!(failure.to_string().contains("can't open the store s3://bucket/x"), "{failure}");
}

#[test]
fn a_program_that_is_no_executor_is_noticed() {
    let home = Home::new();
    let start = |program: &str, args: &[&str]| {
        ExecutorPool::start(ExecutorCommand::new(Path::new(program), args), home.setup(), 1)
    };
    assert!(start("/nowhere/executor", &[]).err().unwrap().to_string().contains("/nowhere/executor"));
    for (program, args) in [("true", &[][..]), ("echo", &["hello"]), ("cat", &[])] {
        let failure = run(&start(program, args).unwrap(), &home.job("ok")).unwrap_err();
        assert!(matches!(failure, Failure::Host { .. }), "{program}: {failure:?}");
    }
}

/// What a worker knows by its environment, its functions' processes don't.
#[test]
#[cfg(target_os = "linux")]
fn executors_do_not_get_the_environment() {
    let home = Home::new();
    // SAFETY: other tests read no variable of this name, and reading others while one is set is what `std` locks for.
    unsafe { std::env::set_var("MILLSTREAM_TEST_SECRET", "hush") };
    let pool = home.pool(1);
    run(&pool, &home.job("ok")).unwrap();
    let [id] = pool.idle_ids()[..] else { panic!("one is idle") };
    let environment = fs::read(format!("/proc/{id}/environ")).unwrap();
    let environment = String::from_utf8_lossy(&environment).into_owned();
    let names: Vec<&str> =
        environment.split_terminator('\0').filter_map(|one| one.split('=').next()).collect();
    assert!(!environment.contains("hush"), "{names:?}");
    for name in &names {
        assert!(
            ["LANG", "RUST_BACKTRACE", "LD_LIBRARY_PATH", "RAYON_NUM_THREADS", "LLVM_PROFILE_FILE"]
                .contains(name),
            "{name}"
        );
    }
}

/// The second fence, as the system says that it stands.
#[test]
#[cfg(target_os = "linux")]
fn executors_give_up_what_they_do_not_need() {
    let home = Home::new();
    let pool = home.pool(1);
    assert_eq!(pool.confinement(), None, "not known before the first answer");
    run(&pool, &home.job("ok")).unwrap();
    let held = pool.confinement().unwrap();
    let [id] = pool.idle_ids()[..] else { panic!("one is idle") };
    for task in fs::read_dir(format!("/proc/{id}/task")).unwrap().flatten() {
        let status = fs::read_to_string(task.path().join("status")).unwrap();
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(&format!("{name}:"))).unwrap_or_default();
            line.split_whitespace().nth(1).unwrap_or_default().to_owned()
        };
        assert_eq!(field("NoNewPrivs") == "1", held.no_new_privileges, "{status}");
        assert_eq!(field("Seccomp") == "2", held.system_calls, "{status}");
    }
    assert!(held.no_new_privileges, "every Linux that Rust runs on has that");
    // Only what holds can be tried: a kernel without Landlock runs functions too.
    assert_eq!(held.lacks().is_empty(), held.files && held.network && held.system_calls);
}
