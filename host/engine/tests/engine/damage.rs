//! Inputs and outputs whose files are damaged: never read in silence, and replaced when they are written again.

use std::{collections::BTreeMap, fs, os::unix::fs::FileExt as _, thread, time::Duration};

use millstream_core::{artifact::Digest, failure::Failure};
use millstream_engine::{Event, Execute, Job};

use crate::support::{Home, run, run_with_events};

fn flip(home: &Home, digest: &Digest) {
    let path = home.artifacts.local_path(digest).unwrap();
    let file = fs::File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, 0).unwrap();
    file.write_all_at(&[byte[0] ^ 1], 0).unwrap();
}

fn refused(execute: &dyn Execute, job: &Job) {
    match run(execute, job) {
        Err(Failure::Host { message }) => assert!(message.contains("holds other bytes"), "{message}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_damaged_input_is_refused_here_and_in_executors_that_have_found_it_sound_before() {
    let home = Home::new();
    let job = home.job_with("echo", &[b"a,b\n1,2\n", b"c\n"]);
    let input = job.inputs["table"].parts[1].digest;
    let (local, pool) = (home.local(), home.pool(1));
    for execute in [&local as &dyn Execute, &pool] {
        run(execute, &job).unwrap();
        thread::sleep(Duration::from_millis(60));
        run(execute, &job).unwrap();
        // What the worker knew of it before it was damaged is no excuse.
        let known = home.artifacts.ensure(&input).unwrap().unwrap();
        let sound = BTreeMap::from([(input, known.as_str().to_owned())]);
        let told = Job { sound, ..job.clone() };
        run(execute, &told).unwrap();
        flip(&home, &input);
        refused(execute, &job);
        refused(execute, &told);
        home.artifacts.put(b"c\n").unwrap();
        run(execute, &job).unwrap();
    }
}

#[test]
fn a_damaged_model_and_a_damaged_state_are_refused() {
    let home = Home::new();
    let mut job = home.job_with("predict", &[b"abc"]);
    home.add_model(&mut job, &["increment"]);
    let model = job.inputs["model"].parts[0].digest;
    let state = home.pipeline(job.function, &["increment"]).stages[0].state;
    for damaged in [model, state] {
        flip(&home, &damaged);
        for execute in [&home.local() as &dyn Execute, &home.pool(1)] {
            refused(execute, &job);
        }
        flip(&home, &damaged);
    }
}

#[test]
fn a_damaged_output_is_written_anew_and_that_is_said() {
    let home = Home::new();
    let job = home.job_with("echo", &[b"a,b\n1,2\n"]);
    let pool = home.pool(1);
    let mut fit = job.clone();
    fit.params = r#"{"mode": "fit", "state": "some state"}"#.to_owned();
    let state = run(&pool, &fit).unwrap().outputs["state"][0].clone();
    flip(&home, &state.digest);
    let (outcome, events) = run_with_events(&pool, &fit);
    assert_eq!(outcome.unwrap().outputs["state"][0], state);
    assert_eq!(home.read(&state), "some state");
    let said =
        |event: &Event| matches!(event, Event::Log { message, .. } if message.contains("was written anew"));
    assert!(events.iter().any(said), "{events:?}");
}
