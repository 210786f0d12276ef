//! Functions and files that mean no good, from outside: the server goes on, and says what happened.

use std::{
    thread,
    time::{Duration, Instant},
};

use millstream_tests::{Place, server::Server, wait_until};

const SOON: Duration = Duration::from_secs(20);

/// Endpoint `waits`: its predictor waits for WASI's clock, as the rows say.
fn waiting() -> Place {
    let place = Place::new().with_test_functions(&["waiting"]);
    place.write(
        "w.yaml",
        r#"
name: waiting
steps:
  fit: { uses: waiting, with: { mode: "sleep 3600", state: "sleep 3600" } }
  register: { uses: register, inputs: { model: "${{ steps.fit.outputs.state }}" }, with: { name: waiting } }
"#,
    );
    let start = Instant::now();
    place.run(&["run", "w.yaml"]).expect(0);
    assert!(start.elapsed() < Duration::from_secs(120), "the job did not wait for an hour");
    place.run(&["deploy", "waits", "--model", "waiting", "--timeout", "2s"]).expect(0);
    place
}

fn later(server: &Server, rows: &str, id: &str) {
    let path = "/endpoints/waits/async-invocations";
    server.post(path, &[("x-amzn-sagemaker-inference-id", id)], rows.as_bytes()).expect(202);
}

#[test]
fn who_waits_for_the_clock_holds_up_nobody() {
    let place = waiting();
    let server = place.serve(&["--no-workers", "--http-threads", "2"]);
    let start = Instant::now();
    for rows in ["sleep 3600", "poll 3600", "instant 3600", "ready 3600"] {
        let seconds: u64 = server.invoke("waits", rows).expect(200).text().parse().unwrap();
        assert!(seconds >= 3600, "{rows}: by its own clock {seconds} s have passed");
    }
    server.invoke("waits", "ever").expect(200);
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());

    // It looks at the clock for ever: more of it than there are threads, asked now and later.
    for id in ["a", "b", "c"] {
        later(&server, "spin 1000000", id);
    }
    later(&server, "sleep 3600", "d");
    let outcome =
        |id: &str, what: &str| server.s3("GET", &format!("/millstream/async/waits/{id}/{what}"), b"");
    wait_until("the queue goes on", SOON, || outcome("d", "output").status == 200);
    for id in ["a", "b", "c"] {
        wait_until("it has ended at its limit", SOON, || outcome(id, "error.json").status == 200);
        assert!(outcome(id, "error.json").text().contains("did not answer within 2s"));
    }
    server.invoke("waits", "sleep 1").expect(200);
}

#[test]
fn a_request_that_takes_long_does_not_keep_the_server_from_ending() {
    let place = waiting();
    place.run(&["deploy", "waits", "--timeout", "10m"]).expect(0);
    let server = place.serve(&["--no-workers", "--http-threads", "2", "--drain", "1s"]);
    for id in ["a", "b", "c"] {
        later(&server, "spin 1000000", id);
    }
    // They are in hand, and the other way is open.
    thread::sleep(Duration::from_secs(1));
    server.invoke("waits", "sleep 1").expect(200);
    let start = Instant::now();
    assert_eq!(server.stop(), Some(0));
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());

    // What was not answered was given back, and is answered by whoever comes next.
    place.run(&["deploy", "waits", "--timeout", "1s"]).expect(0);
    let server = place.serve(&["--no-workers"]);
    for id in ["a", "b", "c"] {
        let path = format!("/millstream/async/waits/{id}/error.json");
        wait_until("it has ended at its limit", SOON, || server.s3("GET", &path, b"").status == 200);
    }
}

#[test]
fn predictors_together_have_what_the_server_gives_them() {
    let place = Place::with_echo();
    place.deploy(&["--model", "echo@2", "--timeout", "20s"]);
    place.run(&["deploy", "other", "--model", "echo@1"]).expect(0);
    let server = place.serve(&["--no-workers", "--memory", "400MB", "--http-threads", "4"]);
    server.invoke("other", "x\n").expect(200);
    // Each row keeps 64 MiB for good.
    let replies: Vec<_> = thread::scope(|scope| {
        let asking: Vec<_> = (0..24).map(|_| scope.spawn(|| server.invoke("e", "hoard\n"))).collect();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let refused: Vec<_> = replies.iter().filter(|reply| reply.status != 200).collect();
    assert!(!refused.is_empty() && refused.len() < replies.len(), "{} of {}", refused.len(), replies.len());
    for reply in refused {
        assert_eq!(reply.status, 503, "{}", reply.text());
        assert!(reply.text().contains("--memory"), "{}", reply.text());
    }
    let resident = server.resident();
    assert!(resident < 800 << 20, "{} MiB", resident >> 20);
    // Whoever comes next has what was given back.
    wait_until("others answer", SOON, || server.invoke("other", "x\n").status == 200);
    wait_until("it answers again", SOON, || server.invoke("e", "x\n").status == 200);
}

/// What a function says is cut, and its faults stay its own: not tried again as if the host were at fault.
#[test]
fn a_fault_of_70_mib_fails_the_step_once() {
    let place = Place::new().with_test_functions(&["faulty"]);
    place.write("w.yaml", "name: w\nsteps:\n  a: { uses: faulty, with: { mode: endless-failure } }\n");
    let ran = place.run(&["run", "w.yaml"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.len() + ran.stdout.len() < 1 << 20, "{}", ran.stderr.len());
    assert!(
        !ran.stderr.contains("Millstream"),
        "the host is not to blame:\n{}",
        &ran.stderr[..2000.min(ran.stderr.len())]
    );
}
