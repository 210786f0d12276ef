//! Each mix of stores and queues, and two machines on one home.

use std::time::{Duration, Instant};

use millstream_tests::wait_until;

use crate::{Home, TASKS, bucket, expected, unique};

#[test]
fn a_run_comes_to_the_same_with_each_mix_of_stores_and_queues() {
    let Some(emulator) = millstream_emulators::ministack() else { return };
    let expected = expected();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let mixes = [
        (format!("s3://{}/a/b", bucket(&emulator.url())), format!("sqs://{}", unique())),
        (format!("s3://{}", bucket(&emulator.url())), format!("sqlite:{}", at("queue"))),
        (format!("file:{}", at("store")), format!("sqs://{}", unique())),
    ];
    for (store, queue) in mixes {
        let home = Home::at(&emulator.url(), store, queue);
        home.run(&["run", "w.yaml"]).expect(0);
        let run = &home.runs()[0];
        assert_eq!(home.results(run), expected, "{} {}", home.store, home.queue);
        // Whatever was sent was deleted.
        let stats = home.queue().stats("tasks").unwrap();
        assert_eq!((stats.visible, stats.in_flight, stats.dead), (0, 0, 0), "{stats:?}");
        // A second run finds all of it in the cache.
        home.run(&["run", "w.yaml"]).expect(0);
        let runs = home.runs();
        assert_eq!(home.results(&runs[1]), expected);
        let again = home.run(&["status", &runs[1]]).expect(0).stdout;
        assert!(again.contains("cached"), "{again}");
    }
}

#[test]
fn two_machines_share_a_run_and_end_at_once() {
    let Some(emulator) = millstream_emulators::ministack() else { return };
    let expected = expected();
    let home = Home::remote(emulator);
    home.run(&["run", "--detach", "w.yaml"]).expect(0);
    let caches = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let machines = [home.elsewhere(), home.elsewhere()];
    let mut workers: Vec<_> = machines
        .iter()
        .zip(&caches)
        .map(|(machine, cache)| {
            machine.spawn(&["worker"], &[("MILLSTREAM_CACHE", &cache.path().display().to_string())])
        })
        .collect();
    wait_until("the run ends", Duration::from_secs(180), || home.has_ended());
    let run = &home.runs()[0];
    assert_eq!(home.results(run), expected);
    assert_eq!(home.records("models/remote/versions/").len(), 1);
    // They wait for messages now, twenty seconds at a time; who is told to end does not.
    for worker in &mut workers {
        let start = Instant::now();
        // SAFETY: a plain system call; the process is our child, and has not been waited for.
        unsafe { libc::kill(worker.id() as libc::pid_t, libc::SIGINT) };
        worker.wait().unwrap();
        assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    }
    // The records tell it from anywhere.
    let told = home.elsewhere().run(&["status", run]).expect(0).stdout;
    assert!(told.contains("succeeded"), "{told}");
}

#[test]
fn the_doctor_and_the_verbs_work_over_aws() {
    let Some(emulator) = millstream_emulators::ministack() else { return };
    let home = Home::remote(emulator);
    let doctor = home.run(&["doctor"]).stdout;
    assert!(
        doctor.contains("can be written and read") && doctor.contains("but the store's ports"),
        "{doctor}"
    );
    home.run(&["run", "w.yaml"]).expect(0);
    for verb in [
        &["runs"][..],
        &["status", "latest"],
        &["artifacts"],
        &["models"],
        &["logs", "latest"],
        &["dead", "list"],
    ] {
        home.run(verb).expect(0);
    }
    assert!(home.run(&["models"]).expect(0).stdout.contains("remote"));
    assert_eq!(home.results(&home.runs()[0]).len(), TASKS);
}
