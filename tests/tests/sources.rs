//! Files from outside: what is no regular file is named at once, and a long copy ends with its run or its time.
#![cfg(unix)]

use std::{
    fs,
    os::unix::net::UnixListener,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use millstream_tests::{Place, wait_until};

fn workflow(source: &str, limits: &str) -> String {
    format!(
        "name: sources\nsteps:\n  read: {{ uses: faulty, inputs: {{ table: {source} }}, with: {{ mode: echo }}, limits: {limits} }}\n"
    )
}

#[test]
fn what_is_no_regular_file_is_refused_by_name_before_anything_runs() {
    let place = Place::new().with_test_functions(&["faulty"]);
    let at = |name: &str| place.path().join(name);
    assert!(Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
    let _socket = UnixListener::bind(at("socket")).unwrap();
    fs::create_dir(at("folder")).unwrap();
    fs::write(at("folder/a.csv"), "x\n").unwrap();
    std::os::unix::fs::symlink("nowhere", at("folder/b.csv")).unwrap();
    std::os::unix::fs::symlink("pipe", at("to-pipe")).unwrap();
    for (source, said) in [
        ("./pipe", "a named pipe"),
        ("./to-pipe", "a named pipe"),
        ("./socket", "a socket"),
        ("/dev/zero", "a device"),
        ("/proc/kmsg", "a file that the system makes up"),
        ("/proc/cpuinfo", "a file that the system makes up"),
        ("./folder", "b.csv"),
        ("./folder/*.csv", "b.csv"),
        ("./nothing", "there is no such file"),
    ] {
        place.write("w.yaml", workflow(source, "{}"));
        let began = Instant::now();
        place.run(&["run", "w.yaml"]).expect(2).says(&[said]);
        assert!(began.elapsed() < Duration::from_secs(10), "{source}");
    }
    assert!(place.runs().is_empty(), "nothing was started");
    for (file, said) in [("pipe", "a named pipe"), ("socket", "a socket"), ("/dev/zero", "a device")] {
        place.run(&["models", "import", file]).expect(2).says(&[said]);
    }
    std::os::unix::fs::symlink("pipe", at("rows.csv")).unwrap();
    place.run(&["deploy", "e", "-m", "m", "--sample", "rows.csv"]).expect(2).says(&["a named pipe"]);
    // A link to a file is a file.
    fs::write(at("rows"), "x\n").unwrap();
    std::os::unix::fs::symlink("rows", at("link")).unwrap();
    place.write("w.yaml", workflow("./link", "{}"));
    place.run(&["run", "w.yaml"]).expect(0);
}

/// So large that nobody has copied it before he is stopped; it takes no room itself.
const LARGE: u64 = 24 << 30;

fn with_large_file(limits: &str) -> Place {
    let place = Place::new().with_test_functions(&["faulty"]);
    fs::File::create(place.path().join("large")).unwrap().set_len(LARGE).unwrap();
    place.write("w.yaml", workflow("./large", limits));
    place
}

#[test]
fn the_time_limit_covers_the_copy() {
    let place = with_large_file("{ time: 1s }");
    let began = Instant::now();
    place.run(&["run", "w.yaml"]).expect(1).says(&["stopped at the time limit", "1s", "reading ./large"]);
    assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
}

#[test]
fn a_cancel_ends_the_copy_and_nothing_of_it_stays() {
    let place = with_large_file("{}");
    let mut run = place.spawn(&["run", "w.yaml"], &[]);
    let temp = place.store().join(".store/temp");
    let copied = || {
        let folders = fs::read_dir(&temp).into_iter().flatten().flatten();
        let files = folders.flat_map(|folder| fs::read_dir(folder.path()).into_iter().flatten().flatten());
        files.filter_map(|file| file.metadata().ok()).map(|metadata| metadata.len()).max().unwrap_or(0)
    };
    wait_until("the copy has begun", Duration::from_secs(60), || copied() > 1 << 20);
    let began = Instant::now();
    place.run(&["cancel", "latest"]).expect(0);
    assert_eq!(run.wait().unwrap().code(), Some(1));
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    thread::sleep(Duration::from_millis(100));
    place.run(&["runs"]).expect(0);
    assert_eq!(copied(), 0, "what was copied is removed");
}
