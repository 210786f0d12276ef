//! A home by location: store and queue wherever they are said to be, and nothing in the home's folder but copies for people.
#![cfg(unix)]

use std::{fs, time::Duration};

use millstream_tests::{Place, wait_until};

const WORKFLOW: &str = "name: w\nsteps:\n  a: { uses: extract, inputs: { source: ./rows.csv } }\n";

fn rows() -> String {
    (0..40).fold("x,y\n".to_owned(), |text, i| format!("{text}{i},{}\n", i % 3))
}

#[test]
fn store_and_queue_are_where_they_are_said_to_be() {
    let (place, shared) = (Place::new(), Place::new());
    place.write("w.yaml", WORKFLOW);
    place.write("rows.csv", rows());
    // As a URL with an escape, and as a plain folder.
    let store = format!("file://{}", shared.path().join("a%20store").display());
    let queue = shared.path().join("queue").display().to_string();
    let flags = ["--store", store.as_str(), "--queue", queue.as_str()];
    let run = |verb: &[&str]| place.run(&[verb, &flags].concat());

    run(&["run", "w.yaml", "--detach"]).expect(0);
    assert!(
        shared.path().join("a store/runs").is_dir() && shared.path().join("queue/queue.sqlite").is_file()
    );
    assert!(!place.path().join(".millstream").exists(), "nothing here");
    place.run(&["runs"]).expect(0).says(&["There is no run in"]);

    // A worker elsewhere, told by its environment.
    let elsewhere = Place::new();
    let (by_folder, by_scheme) = (
        format!("file:{}", shared.path().join("a store").display()),
        format!("sqlite:{}", shared.path().join("queue").display()),
    );
    let variables = [("MILLSTREAM_STORE", by_folder.as_str()), ("MILLSTREAM_QUEUE", by_scheme.as_str())];
    let mut worker = elsewhere.spawn(&["worker"], &variables);
    wait_until("the run is done", Duration::from_secs(60), || {
        run(&["status", "latest", "--json"]).stdout.contains("\"succeeded\"")
    });
    worker.kill().unwrap();
    worker.wait().unwrap();

    // Copies for people go to a folder of this machine.
    let copy = place.path().join("copies");
    let folder = copy.to_string_lossy().into_owned();
    let opened = run(&["artifacts", "latest", "open", "a/table", "--exports", &folder]).expect(0);
    let path = opened.stdout.trim().to_owned();
    assert!(path.starts_with(&folder) && fs::metadata(&path).unwrap().len() > 0, "{path}");

    let doctor = run(&["doctor"]).expect(0).stdout;
    assert!(doctor.contains("a%20store with sqlite:"), "{doctor}");
    assert_eq!(doctor.matches("its owner's alone").count(), 2, "store and queue are looked at: {doctor}");
}

#[test]
fn kinds_of_places_that_are_not_built_in_are_refused_by_name() {
    let place = Place::new();
    for (flags, said) in [
        (["--store", "gs://bucket/prefix"], "this program has no store for `gs:`, only for file:, s3:"),
        (["--queue", "amqp://host/tasks"], "this program has no queue for `amqp:`, only for sqlite:, sqs:"),
        (["--store", "sqlite:x"], "no store for `sqlite:`"),
        (["--store", "file://host/x"], "file:FOLDER takes any path"),
    ] {
        place.run(&[&["runs"][..], &flags].concat()).expect(1).says(&[said]);
    }
    place.run(&["runs", "--store", ""]).expect(2).says(&["it is empty"]);
    for name in ["gs:", "amqp:", "sqlite:x"] {
        assert!(!place.path().join(name).exists(), "{name} is no folder");
    }
}
