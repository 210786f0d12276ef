//! Several processes on one folder, processes killed at any time, and a file that cannot grow.
//!
//! A child is this test binary, told to run the test `child` alone.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use millstream_queue::{Outgoing, Queue, QueueOptions, SqliteQueue, Stats};

const PART: &str = "MILLSTREAM_TEST_CHILD";
const HOUR: Duration = Duration::from_secs(3600);
const MANY: QueueOptions = QueueOptions { max_receive_count: 1000 };

#[test]
#[ignore = "a part that the other tests have child processes play"]
fn child() {
    let Ok(part) = std::env::var(PART) else { return };
    let (part, folder) = part.split_once(' ').unwrap();
    let queue = SqliteQueue::open(folder, MANY).unwrap();
    match part {
        "hold" => {
            let held = queue.receive("q", 10, Duration::ZERO, HOUR).unwrap();
            println!("\nholds {}", held.len());
            thread::sleep(HOUR);
        }
        "consume" => consume(&queue),
        "work" => work_for_ever(&queue),
        "full" => full(&queue),
        _ => panic!("unknown part {part}"),
    }
}

fn spawn(part: &str, folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored", "--nocapture"])
        .env(PART, format!("{part} {}", folder.display()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits for a child to succeed, and gives what it printed.
fn output(child: Child) -> String {
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    text
}

fn numbers<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = u64> + 'a {
    // A line that was cut when its writer was killed has no end.
    let whole = text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
    whole.filter_map(move |line| line.strip_prefix(word)?.strip_prefix(' ')?.parse().ok())
}

#[test]
fn what_a_killed_process_held_is_visible_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let queue = SqliteQueue::open(folder.path(), MANY).unwrap();
    queue.send("q", &[Outgoing::new("x"), Outgoing::new("y")]).unwrap();
    let mut child = spawn("hold", folder.path());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.find(|line| line.as_ref().unwrap() == "holds 2").unwrap().unwrap();
    let wait = Duration::from_millis(300);
    assert_eq!(queue.receive("q", 10, wait, HOUR).unwrap(), [], "the living keep what they hold");
    child.kill().unwrap();
    child.wait().unwrap();

    let start = Instant::now();
    let back = queue.receive("q", 10, Duration::from_secs(10), HOUR).unwrap();
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert_eq!(back.iter().map(|d| d.receive_count).collect::<Vec<_>>(), [2, 2]);
}

#[test]
fn after_a_kill_and_a_restart_nothing_waits() {
    let folder = tempfile::tempdir().unwrap();
    SqliteQueue::open(folder.path(), MANY).unwrap().send("q", &[Outgoing::new("x")]).unwrap();
    let mut child = spawn("hold", folder.path());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.find(|line| line.as_ref().unwrap() == "holds 1").unwrap().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let queue = SqliteQueue::open(folder.path(), MANY).unwrap();
    assert_eq!(queue.receive("q", 1, Duration::ZERO, HOUR).unwrap().len(), 1);
    assert_eq!(std::fs::read_dir(folder.path().join("consumers")).unwrap().count(), 1, "our own lock");
}

fn consume(queue: &SqliteQueue) {
    println!();
    loop {
        let batch = queue.receive("q", 3, Duration::from_millis(200), HOUR).unwrap();
        if batch.is_empty() {
            break;
        }
        for delivery in batch {
            assert_eq!(delivery.receive_count, 1);
            println!("got {}", delivery.body);
            queue.delete(&delivery.receipt).unwrap();
        }
    }
}

#[test]
fn several_processes_share_the_work() {
    let folder = tempfile::tempdir().unwrap();
    // They open the folder at the same moment, and it is empty.
    let children: Vec<_> = (0..6).map(|_| spawn("consume", folder.path())).collect();
    let queue = SqliteQueue::open(folder.path(), MANY).unwrap();
    for ten in 0..40 {
        let messages: Vec<_> = (0..10).map(|i| Outgoing::new((ten * 10 + i).to_string())).collect();
        queue.send("q", &messages).unwrap();
    }
    // Children that came and went before the first message leave the rest to us.
    let mut got: Vec<u64> =
        children.into_iter().flat_map(|c| numbers(&output(c), "got").collect::<Vec<_>>()).collect();
    for delivery in queue.receive("q", 1000, Duration::ZERO, HOUR).unwrap() {
        got.push(delivery.body.parse().unwrap());
        queue.delete(&delivery.receipt).unwrap();
    }
    got.sort_unstable();
    assert_eq!(got, (0..400).collect::<Vec<_>>(), "each message once");
    assert_eq!(queue.stats("q").unwrap(), Stats::default());
}

/// Sends numbers, receives and deletes, and says so after each step.
fn work_for_ever(queue: &SqliteQueue) {
    println!();
    let first = u64::from(std::process::id()) * 1_000_000;
    for number in first.. {
        queue.send("q", &[Outgoing::new(number.to_string())]).unwrap();
        println!("sent {number}");
        if number % 2 == 0 {
            for delivery in queue.receive("q", 2, Duration::ZERO, HOUR).unwrap() {
                println!("got {}", delivery.body);
                queue.delete(&delivery.receipt).unwrap();
                println!("deleted {}", delivery.body);
            }
        }
    }
}

#[test]
fn killed_at_any_time_a_process_loses_no_message() {
    let folder = tempfile::tempdir().unwrap();
    let (mut sent, mut got, mut deleted) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for round in 0..25_u64 {
        // Two at once: one dies while the other writes.
        let mut children = [spawn("work", folder.path()), spawn("work", folder.path())];
        let readers = children.each_mut().map(|child| {
            let mut stdout = child.stdout.take().unwrap();
            thread::spawn(move || {
                let mut text = Vec::new();
                stdout.read_to_end(&mut text).unwrap();
                String::from_utf8(text).unwrap()
            })
        });
        for child in &mut children {
            thread::sleep(Duration::from_micros(3_000 + round * 7_919 % 50_000));
            child.kill().unwrap();
            child.wait().unwrap();
        }
        for text in readers.map(|reader| reader.join().unwrap()) {
            sent.extend(numbers(&text, "sent"));
            got.extend(numbers(&text, "got"));
            deleted.extend(numbers(&text, "deleted"));
        }
    }
    let queue = SqliteQueue::open(folder.path(), MANY).unwrap();
    let mut left = BTreeSet::new();
    loop {
        let batch = queue.receive("q", 1000, Duration::ZERO, HOUR).unwrap();
        if batch.is_empty() {
            break;
        }
        left.extend(batch.into_iter().map(|d| d.body.parse::<u64>().unwrap()));
    }
    assert!(sent.len() > 50, "the children got to work: {}", sent.len());
    let lost: Vec<_> = sent.iter().filter(|n| !got.contains(n) && !left.contains(n)).collect();
    // Received, but killed before it could say so? Then it was not deleted either, and is among those left.
    assert!(lost.is_empty(), "sent, never received, and gone: {lost:?}");
    assert!(deleted.is_disjoint(&left), "deleted, and back");
    assert_eq!(queue.stats("q").unwrap().dead, 0);
    let file = rusqlite::Connection::open(folder.path().join("queue.sqlite")).unwrap();
    let check: String = file.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
}

fn limit_files_to(bytes: libc::rlim_t) {
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: two plain system calls on this process, which plays one part only.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
        assert_eq!(libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit), 0);
    }
}

/// A limit on the size of files fails writes half-way, like a disk that fills up.
fn full(queue: &SqliteQueue) {
    queue.send("q", &[Outgoing::new("before")]).unwrap();
    limit_files_to(300_000);
    let large = vec![Outgoing::new("x".repeat(100_000)); 10];
    for _ in 0..3 {
        queue.send("q", &large).unwrap_err();
    }
    assert_eq!(queue.stats("q").unwrap(), Stats { visible: 1, ..Stats::default() }, "all or nothing");
    limit_files_to(libc::RLIM_INFINITY);
    queue.send("q", &[Outgoing::new("after")]).unwrap();
    println!("\nheld");
}

#[test]
fn a_file_that_cannot_grow_is_an_error_and_no_loss() {
    let folder = tempfile::tempdir().unwrap();
    assert!(output(spawn("full", folder.path())).contains("held"));
    let queue = SqliteQueue::open(folder.path(), MANY).unwrap();
    let bodies: Vec<_> =
        queue.receive("q", 10, Duration::ZERO, HOUR).unwrap().into_iter().map(|d| d.body).collect();
    assert_eq!(bodies, ["before", "after"]);
}
