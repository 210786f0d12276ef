//! `models rm` beside servers and deployments, and killed at every point: what an endpoint uses goes on answering.

use std::{fs, thread, time::Duration};

use millstream_tests::{Place, wait_until};
use millstream_worker::failpoint::KILL_AT;
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(20);

fn record(place: &Place, version: u32) -> std::path::PathBuf {
    place.store().join(format!("models/echo/versions/{version:06}.json"))
}

fn version(place: &Place, number: u32) -> Value {
    serde_json::from_slice(&fs::read(record(place, number)).unwrap()).unwrap()
}

#[test]
fn killed_at_every_point_a_removal_is_done_or_not() {
    for point in ["rm-checked", "rm-marked", "rm-checked-again", "rm-removed"] {
        let place = Place::with_echo();
        place.deploy(&["--model", "echo@1"]);
        let mut victim = place.spawn(&["models", "rm", "echo@2"], &[(KILL_AT, point)]);
        assert_eq!(victim.wait().unwrap().code(), None, "killed at {point}");
        let removed = version(&place, 2).get("removed").is_some();
        assert_eq!(removed, point == "rm-removed", "{point}");
        if removed {
            place.run(&["deploy", "e", "--model", "echo@2"]).expect(2).says(&["models restore echo@2"]);
            place.run(&["models", "restore", "echo@2"]).expect(0);
        }
        // What was left of the removal is in nobody's way.
        place.deploy(&["--model", "echo@2"]);
        assert!(version(&place, 2).get("removing").is_none(), "{point}");
        place.run(&["models", "rm", "echo@2"]).expect(1).says(&["in use by endpoint `e`"]);
        place.run(&["models", "rm", "echo@3"]).expect(0);
        place.run(&["models", "rm", "echo@3"]).expect(2).says(&["was removed"]);
    }
}

#[test]
fn a_refused_removal_killed_at_any_point_takes_no_endpoint_down() {
    let place = Place::with_echo();
    place.deploy(&["--model", "echo@1"]);
    let before = fs::read(record(&place, 1)).unwrap();
    for point in ["rm-checked", "rm-marked", "rm-checked-again", "rm-removed"] {
        let mut rm = place.spawn(&["models", "rm", "echo@1"], &[(KILL_AT, point)]);
        assert_eq!(rm.wait().unwrap().code(), Some(1), "refused before {point}");
    }
    assert_eq!(fs::read(record(&place, 1)).unwrap(), before, "nothing was written");
}

/// The one order of events that leaves an endpoint with a version that is marked as removed: the deployment is killed between its
/// write and its look at the version, and the removal ends in between.
#[test]
fn a_version_that_is_in_use_is_served_whatever_its_record_says() {
    let place = Place::with_echo();
    place.deploy(&["--model", "echo@1"]);
    let mut deploy = place.spawn(&["deploy", "e", "--model", "echo@2"], &[(KILL_AT, "deployed")]);
    assert_eq!(deploy.wait().unwrap().code(), None, "killed");
    let mut removed = version(&place, 2);
    removed["removed"] = json!(5);
    fs::write(record(&place, 2), removed.to_string()).unwrap();
    let server = place.serve(&["--no-workers"]);
    let reply = server.invoke("e", "a\n").expect(200);
    assert_eq!(reply.variant.as_deref(), Some("echo-2"));
    wait_until("the version is back", SOON, || version(&place, 2).get("removed").is_none());
}

#[test]
fn servers_that_start_while_removals_are_refused_answer() {
    let place = Place::with_echo();
    place.deploy(&["--model", "echo@1"]);
    let stop = std::sync::atomic::AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                place.run(&["models", "rm", "echo@1"]).expect(1);
            }
        });
        for round in 0..6 {
            let server = place.serve(&["--no-workers"]);
            let reply = server.invoke("e", "a\n");
            if reply.status != 200 {
                stop.store(true, std::sync::atomic::Ordering::Relaxed);
            }
            assert_eq!(reply.status, 200, "server {round}: {}", reply.text());
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn a_server_tries_again_what_it_could_not_load_at_its_start() {
    let place = Place::with_echo();
    place.deploy(&["--model", "echo@1"]);
    // Out of reach in the very moment in which a server starts: its record, then its state.
    let state = version(&place, 1)["pipeline"][0]["state"].as_str().unwrap().to_owned();
    let state = place.store().join("artifacts").join(&state[..2]).join(&state);
    for file in [record(&place, 1), state] {
        let aside = file.with_extension("aside");
        fs::rename(&file, &aside).unwrap();
        let server = place.serve(&["--no-workers"]);
        wait_until("it says that it cannot", SOON, || server.invoke("e", "a\n").status == 503);
        thread::sleep(Duration::from_millis(500));
        fs::rename(&aside, &file).unwrap();
        wait_until("it answers", SOON, || server.invoke("e", "a\n").status == 200);
    }
}
