//! From one version to the next, from outside: whoever deploys to a server, and whoever kills it.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use millstream_tests::{
    Place,
    server::{Reply, Server},
    wait_until,
};

const SOON: Duration = Duration::from_secs(20);

fn live_variant(server: &Server) -> Option<String> {
    server.invoke("e", "a,b\n").variant
}

#[test]
fn a_change_by_another_process_is_taken_within_a_second_and_no_request_fails() {
    let place = Place::with_echo();
    place.deploy(&["--model", "echo@1"]);
    let server = place.serve(&["--no-workers"]);
    let (stop, asked) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        let askers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut failed = Vec::new();
                    while !stop.load(Ordering::Relaxed) {
                        let reply = server.invoke("e", "a,b\n");
                        asked.fetch_add(1, Ordering::Relaxed);
                        if reply.status != 200 || reply.body != b"a,b\n" {
                            failed.push(reply);
                        }
                    }
                    failed
                })
            })
            .collect();
        for round in 0..6 {
            let version = 1 + (round + 1) % 2;
            place.deploy(&["--model", &format!("echo@{version}")]);
            let expected = format!("echo-{version}");
            let began = Instant::now();
            wait_until("the server has taken the change", Duration::from_secs(1), || {
                live_variant(&server).as_ref() == Some(&expected)
            });
            eprintln!("taken after {:?}", began.elapsed());
        }
        stop.store(true, Ordering::Relaxed);
        for asker in askers {
            let failed: Vec<Reply> = asker.join().unwrap();
            assert!(failed.is_empty(), "{} failed, the first with {}", failed.len(), failed[0].text());
        }
    });
    assert!(asked.load(Ordering::Relaxed) > 50, "{asked:?} requests");
}

#[test]
fn a_canary_that_fails_is_rolled_back_and_says_why() {
    let place = Place::with_echo();
    place.deploy(&["--model", "echo@1"]);
    let server = place.serve(&["--no-workers"]);
    place.deploy(&[
        "--model",
        "echo@3",
        "--rollout",
        "canary=50%,interval=60s,bake=10s",
        "--alarm",
        "error-rate > 1%",
    ]);
    let mut own = 0;
    wait_until("the rollout is rolled back", SOON, || {
        let reply = server.invoke("e", "a,b\n");
        if reply.status != 200 {
            assert_eq!(reply.status, 424, "only the bad version's own answers fail: {}", reply.text());
            own += 1;
        }
        place.run(&["endpoints", "e", "--json"]).stdout.contains("rolled back")
    });
    assert!(own >= 1);
    let history = place.run(&["endpoints", "e"]).expect(0).stdout;
    assert!(history.contains("error-rate > 1%"), "{history}");
    wait_until("only the old version answers", Duration::from_secs(2), || {
        (0..20).all(|_| live_variant(&server).as_deref() == Some("echo-1"))
    });
}

#[test]
fn a_rollout_is_carried_on_by_a_server_that_comes_back() {
    let place = Place::with_echo();
    place.deploy(&["--model", "echo@1"]);
    let server = place.serve(&["--no-workers"]);
    place.deploy(&["--model", "echo@2", "--rollout", "linear=40%,interval=2s,bake=1s"]);
    wait_until("the new version answers", SOON, || live_variant(&server).as_deref() == Some("echo-2"));
    server.kill();
    // The record is whole, whatever the moment: the rollout, or its end.
    let record = place.run(&["endpoints", "e", "--json"]).expect(0).stdout;
    assert!(record.contains("echo"), "{record}");
    let server = place.serve(&["--no-workers"]);
    wait_until("the rollout is completed", SOON, || {
        place.run(&["endpoints", "e"]).stdout.contains("completed")
    });
    assert!((0..20).all(|_| live_variant(&server).as_deref() == Some("echo-2")));
}

#[test]
fn a_damaged_record_or_state_changes_nothing() {
    let place = Place::with_echo();
    place.deploy(&["--model", "echo@1"]);
    let server = place.serve(&["--no-workers"]);
    server.invoke("e", "a\n").expect(200);
    let record = place.store().join("endpoints/e.json");
    let whole = std::fs::read(&record).unwrap();
    std::fs::write(&record, &whole[..whole.len() / 2]).unwrap();
    thread::sleep(Duration::from_secs(1));
    assert_eq!(live_variant(&server).as_deref(), Some("echo-1"), "the old version goes on");
    let refused = place.run(&["deploy", "e", "--model", "echo@2"]);
    assert_ne!(refused.code, Some(0));
    refused.says(&["endpoints/e.json", "damaged"]);
    std::fs::write(&record, &whole).unwrap();

    // The state of a version that comes is damaged after it was tried.
    place.deploy(&["--model", "echo@2"]);
    wait_until("the change is taken", SOON, || live_variant(&server).as_deref() == Some("echo-2"));
    let version = place.records("models/echo/versions")["000001.json"].clone();
    let state = version["pipeline"][0]["state"].as_str().unwrap().to_owned();
    std::fs::write(place.store().join(format!("artifacts/{}/{state}", &state[..2])), "other").unwrap();
    let refused = place.run(&["deploy", "e", "--model", "echo@1"]);
    assert_ne!(refused.code, Some(0), "{}", refused.stderr);
    assert_eq!(live_variant(&server).as_deref(), Some("echo-2"));
}

#[test]
fn two_deployments_at_once() {
    let place = Place::with_echo();
    place.deploy(&["--model", "echo@1"]);
    let arguments =
        |model: &'static str| ["deploy", "e", "--model", model, "--rollout", "canary=10%,interval=1h"];
    let both: Vec<_> = thread::scope(|scope| {
        let of = |model| {
            scope.spawn({
                let place = &place;
                move || place.run(&arguments(model))
            })
        };
        let both = [of("echo@2"), of("echo@3")];
        both.map(|run| run.join().unwrap()).into_iter().collect()
    });
    let won = both.iter().filter(|ran| ran.code == Some(0)).count();
    assert_eq!(won, 1, "{}\n{}", both[0].stderr, both[1].stderr);
    let told = both.iter().find(|ran| ran.code != Some(0)).unwrap();
    assert!(told.stderr.contains("echo@"), "says who won: {}", told.stderr);
}
