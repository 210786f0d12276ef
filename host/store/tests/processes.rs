//! Several processes on one folder, processes killed at any time, and a disk that is full.
//!
//! A child is this test binary, told to run the test `child` alone.

use std::{
    io::{Read, Write},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use millstream_store::{Artifacts, ErrorKind, LocalStore, PutOptions, Store, conformance, entries};

const PART: &str = "MILLSTREAM_TEST_CHILD";

#[test]
#[ignore = "a part that the other tests have child processes play"]
fn child() {
    let Ok(part) = std::env::var(PART) else { return };
    let (part, folder) = part.split_once(' ').unwrap();
    let store = LocalStore::open(folder).unwrap();
    match part {
        "count" => conformance::count(&store, "counter", 50),
        "race" => race(&store),
        "write" => write_for_ever(store),
        "full" => full(store),
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

#[test]
fn processes_that_count_lose_no_count() {
    let folder = tempfile::tempdir().unwrap();
    let children: Vec<_> = (0..8).map(|_| spawn("count", folder.path())).collect();
    children.into_iter().for_each(|c| drop(output(c)));
    let store = LocalStore::open(folder.path()).unwrap();
    assert_eq!(store.get("counter").unwrap().bytes, b"400");
}

fn race(store: &LocalStore) {
    for key in (0..200).map(|i| format!("race/{i}")) {
        match store.put(&key, &std::process::id().to_le_bytes(), &PutOptions::absent().relaxed()) {
            Ok(_) => println!("won {key}"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::PreconditionFailed, "{error}"),
        }
    }
}

#[test]
fn one_of_several_processes_creates_an_object() {
    let folder = tempfile::tempdir().unwrap();
    let children: Vec<_> = (0..8).map(|_| spawn("race", folder.path())).collect();
    let mut wins: Vec<String> = Vec::new();
    for child in children {
        let text = output(child);
        wins.extend(text.lines().filter_map(|line| line.split_once("won ")).map(|(_, key)| key.to_owned()));
    }
    assert_eq!(wins.len(), 200);
    wins.sort_unstable();
    wins.dedup();
    assert_eq!(wins.len(), 200, "an object has two creators");
}

/// An object that can be checked: a number, and a filling that follows from it.
fn filled(number: u64) -> Vec<u8> {
    let size = 1000 + (number * 7919 % 40_000) as usize;
    let mut bytes = number.to_le_bytes().to_vec();
    bytes.resize(size, number as u8);
    bytes
}

fn is_whole(bytes: &[u8]) -> bool {
    bytes.first_chunk().is_some_and(|number| filled(u64::from_le_bytes(*number)) == bytes)
}

fn write_for_ever(store: LocalStore) {
    let store = std::sync::Arc::new(store);
    let artifacts = Artifacts::new(store.clone());
    for number in 0.. {
        let bytes = filled(number);
        store.put(&format!("new/{}", number % 50), &bytes, &PutOptions::default()).unwrap();
        let _ = store.put(&format!("once/{number}"), &bytes, &PutOptions::absent()).unwrap_or_else(|e| {
            // A child before us got this far.
            assert_eq!(e.kind(), ErrorKind::PreconditionFailed, "{e}");
            store.head(&format!("once/{number}")).unwrap().version
        });
        let mut writer = artifacts.writer(None).unwrap();
        writer.write_all(&bytes).unwrap();
        let digest = writer.finish().unwrap().digest;
        if number % 3 == 0 {
            store.delete(&format!("new/{}", number % 50)).unwrap();
        }
        // What is said here must be true whatever happens next.
        println!("done {number} {digest}");
    }
}

#[test]
fn killed_at_any_time_a_writer_leaves_whole_objects_and_keeps_its_word() {
    let folder = tempfile::tempdir().unwrap();
    let mut said = Vec::new();
    for round in 0..25_u64 {
        let mut child = spawn("write", folder.path());
        let mut stdout = child.stdout.take().unwrap();
        let reader = thread::spawn(move || {
            let mut text = Vec::new();
            stdout.read_to_end(&mut text).unwrap();
            String::from_utf8(text).unwrap()
        });
        // Spread over the start and the first dozens of writes.
        thread::sleep(Duration::from_micros(2_000 + round * 7_919 % 60_000));
        child.kill().unwrap();
        child.wait().unwrap();
        let text = reader.join().unwrap();
        // The last line may be cut.
        let lines = text.lines().filter(|line| line.starts_with("done ") && line.len() > 70 - 6);
        for line in lines.filter(|line| text.contains(&format!("{line}\n"))) {
            let mut words = line.split(' ').skip(1);
            let (number, digest) = (words.next().unwrap().to_owned(), words.next().unwrap().to_owned());
            said.push((number, digest));
        }

        let store = std::sync::Arc::new(LocalStore::open(folder.path()).unwrap());
        let artifacts = Artifacts::new(store.clone());
        for entry in entries(&*store, "") {
            let key = entry.unwrap().key;
            assert!(is_whole(&store.get(&key).unwrap().bytes), "round {round}: {key} is torn");
        }
        for entry in entries(&*store, "artifacts/") {
            let key = entry.unwrap().key;
            artifacts.verify(&key.rsplit('/').next().unwrap().parse().unwrap()).unwrap();
        }
        for (number, digest) in &said {
            assert!(
                store.head(&format!("once/{number}")).is_ok(),
                "round {round}: {number} was said to be there"
            );
            artifacts.verify(&digest.parse().unwrap()).unwrap();
        }
        // The dead one's files are gone; ours are a folder and its lock.
        store.put("last", &filled(round), &PutOptions::default()).unwrap();
        let left = std::fs::read_dir(folder.path().join(".store/temp")).unwrap().count();
        assert_eq!(left, 2, "round {round}");
    }
    assert!(said.len() > 25, "the children got to write: {}", said.len());
}

/// A limit on the size of files fails writes half-way, like a disk that fills up while they go on.
fn full(store: LocalStore) {
    store.put("x", b"before", &PutOptions::default()).unwrap();
    let limit = libc::rlimit { rlim_cur: 100_000, rlim_max: 100_000 };
    // SAFETY: two plain system calls on this process, which plays this part only.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
        assert_eq!(libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit), 0);
    }
    let store = std::sync::Arc::new(store);
    let full = |result: Result<(), millstream_store::Error>| {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Full, "{error}");
    };
    let large = vec![1; 150_000];
    full(store.put("x", &large, &PutOptions::default()).map(drop));
    full(store.put("y", &large, &PutOptions::absent()).map(drop));
    let artifacts = Artifacts::new(store.clone());
    full(artifacts.put(&large).map(drop));
    let mut writer = artifacts.writer(None).unwrap();
    let error = large.chunks(10_000).find_map(|part| writer.write_all(part).err());
    match error {
        Some(error) => assert_eq!(error.kind(), std::io::ErrorKind::FileTooLarge),
        None => full(writer.finish().map(drop)),
    }
    assert_eq!(store.get("x").unwrap().bytes, b"before");
    let keys: Vec<_> = entries(&*store, "").map(|e| e.unwrap().key).collect();
    assert_eq!(keys, ["x"]);
    store.put("x", b"after", &PutOptions::default()).unwrap();
    println!("held");
}

#[test]
fn a_full_disk_leaves_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    assert!(output(spawn("full", folder.path())).contains("held"));
    let store = LocalStore::open(folder.path()).unwrap();
    assert_eq!(store.get("x").unwrap().bytes, b"after");
}
