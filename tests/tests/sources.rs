//! Files from outside: what is no regular file is named at once, and a long copy ends with its run or its time.
#![cfg(unix)]

use std::{
    fs,
    os::unix::net::UnixListener,
    process::Command,
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

#[test]
fn whoever_is_stopped_while_files_are_taken_in_leaves_nothing() {
    let place = Place::new().with_test_functions(&["faulty"]);
    fs::File::create(place.path().join("large")).unwrap().set_len(LARGE).unwrap();
    place.write("w.yaml", workflow("./large", "{}"));
    let mut run = place.spawn(&["run", "w.yaml"], &[]);
    let temp = place.store().join(".store/temp");
    let copied = || {
        let folders = fs::read_dir(&temp).into_iter().flatten().flatten();
        let files = folders.flat_map(|folder| fs::read_dir(folder.path()).into_iter().flatten().flatten());
        files.filter_map(|file| file.metadata().ok()).map(|metadata| metadata.len()).max().unwrap_or(0)
    };
    wait_until("the copy has begun", Duration::from_secs(60), || copied() > 1 << 20);
    // As Ctrl-C, which shells have what they run in the background ignore.
    // SAFETY: a signal to a child that has not been waited for.
    unsafe { libc::kill(run.id() as i32, libc::SIGTERM) };
    let began = Instant::now();
    run.wait().unwrap();
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    place.run(&["runs"]).expect(0);
    assert_eq!(copied(), 0, "what was copied is removed");
    assert!(place.runs().is_empty(), "nothing was started");
}

/// A run is started in one folder; the home moves to another place, and the folder is gone; a worker there does the run.
#[test]
fn a_run_is_done_where_nobody_can_see_the_folder_that_it_was_started_in() {
    let place = Place::new().with_test_functions(&["faulty"]);
    place.write("data/a.txt", "own bytes\n");
    place.write("data/b.txt", "more\n");
    place.write("parts/1.txt", "one\n");
    place.write("parts/2.txt", "two\n");
    place.write("inner/rows.txt", "inner bytes\n");
    place.write("inner/given.txt", "given bytes\n");
    let inner = "
name: inner
params:
  given: { type: uri }
steps:
  own: { uses: faulty, inputs: { table: ./rows.txt }, with: { mode: echo } }
  given: { uses: faulty, inputs: { table: \"${{ params.given }}\" }, with: { mode: echo } }
";
    place.write("inner/w.yaml", inner);
    let outer = "
name: outer
params:
  folder: { type: uri, default: data }
  mode: { type: string, default: echo }
steps:
  all: { uses: faulty, inputs: { table: \"${{ params.folder }}\" }, with: { mode: \"${{ params.mode }}\" } }
  each:
    uses: faulty
    for-each: { items: [1, 2] }
    inputs: { table: \"parts/${{ item }}.txt\" }
    with: { mode: echo }
  inner: { uses: run-workflow, needs: [all], with: { file: inner/w.yaml, params: { given: given.txt } } }
";
    place.write("outer.yaml", outer);
    place.run(&["run", "--detach", "outer.yaml"]).expect(0);
    let run = place.runs().remove(0);
    let elsewhere = Place::new();
    fs::rename(place.path().join(".millstream"), elsewhere.path().join(".millstream")).unwrap();
    let gone = place.path().to_owned();
    drop(place);
    assert!(!gone.exists());
    let mut worker = elsewhere.spawn(&["worker"], &[]);
    wait_until("the run is done", Duration::from_secs(60), || {
        elsewhere.run(&["status", &run, "--json"]).stdout.contains("\"succeeded\"")
    });
    worker.kill().unwrap();
    worker.wait().unwrap();
    elsewhere.check_artifacts();
    let text = |run: &str, task: &str| {
        let results = elsewhere.results(run);
        let digest = results[task]["outputs"]["echo"]["parts"][0]["digest"].as_str().unwrap();
        fs::read_to_string(elsewhere.store().join("artifacts").join(&digest[..2]).join(digest)).unwrap()
    };
    assert_eq!(text(&run, "each/000001.json"), "two\n");
    let child = format!("{run}-inner-0");
    assert_eq!(text(&child, "own/000000.json"), "inner bytes\n");
    assert_eq!(text(&child, "given/000000.json"), "given bytes\n");
    // The plan names them by digest.
    let plan = elsewhere.plan(&run);
    let sources = plan["frozen"]["sources"].as_object().unwrap();
    assert_eq!(sources.len(), 5, "{sources:?}");
    assert!(sources.values().all(|parts| parts["parts"][0]["digest"].is_string()), "{sources:?}");
}

#[test]
fn what_a_run_would_read_is_looked_for_before_it_starts() {
    let place = Place::new().with_test_functions(&["faulty"]);
    let outer = |with: &str| format!("name: o\nsteps:\n  i: {{ uses: run-workflow, with: {with} }}\n");
    let inner = |source: &str| {
        format!(
            "name: i\nsteps:\n  r: {{ uses: faulty, inputs: {{ table: {source} }}, with: {{ mode: echo }} }}\n"
        )
    };
    place.write("wrong.yaml", "name: i\nsteps:\n  r: { uses: fualty }\n");
    place.write("missing.yaml", inner("./nothing.txt"));
    assert!(Command::new("mkfifo").arg(place.path().join("pipe.yaml")).status().unwrap().success());
    for (workflow, said) in [
        ("nowhere.yaml", "nowhere.yaml"),
        ("wrong.yaml", "did you mean `faulty`?"),
        ("missing.yaml", "there is no such file"),
        ("pipe.yaml", "a named pipe"),
    ] {
        place.write("w.yaml", outer(&format!("{{ file: {workflow} }}")));
        place.run(&["run", "w.yaml"]).expect(2).says(&[said]);
    }
    assert!(place.runs().is_empty(), "nothing was started");
    // What is not reached is not read.
    place.write(
        "w.yaml",
        "name: w\nparams: { more: { type: boolean, default: false } }\nsteps:\n  r: { uses: faulty, if: \"${{ params.more }}\", inputs: { table: ./nothing.txt }, with: { mode: echo } }\n",
    );
    place.run(&["run", "w.yaml"]).expect(0);
    place.run(&["run", "w.yaml", "-p", "more=true"]).expect(2).says(&["there is no such file"]);
}
