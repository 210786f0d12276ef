//! Endpoints, from outside: `millstream serve` and those who ask it, deploy to it, and kill it.

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

/// Versions of a model that answers with the rows that it gets: `echo@1` echoes, `echo@2` does what the rows say (trap,
/// loop, refuse), `echo@3` always traps.
fn place() -> Place {
    let place = Place::new().with_test_functions(&["faulty"]);
    place.write("input.txt", "x\n");
    for state in ["echo", "marked", "trap"] {
        place.write(
            "w.yaml",
            format!(
                "name: echo
steps:
  fit: {{ uses: faulty, inputs: {{ table: ./input.txt }}, with: {{ mode: fit, state: {state} }} }}
  register: {{ uses: register, inputs: {{ model: \"${{{{ steps.fit.outputs.state }}}}\" }}, with: {{ name: echo }} }}
"
            ),
        );
        place.run(&["run", "w.yaml"]).expect(0);
    }
    place
}

fn deploy(place: &Place, arguments: &[&str]) {
    let mut all = vec!["deploy", "e"];
    all.extend_from_slice(arguments);
    place.run(&all).expect(0);
}

fn live_variant(server: &Server) -> Option<String> {
    server.invoke("e", "a,b\n").variant
}

#[test]
fn from_data_to_an_answer() {
    let place = Place::new();
    place.run(&["samples", "data"]).expect(0);
    place.write(
        "w.yaml",
        r#"
name: tumours
steps:
  extract: { uses: extract, inputs: { source: data/breast-cancer.csv } }
  split: { uses: split, inputs: { table: "${{ steps.extract.outputs.table }}" }, with: { train: 0.8, test: 0.2 } }
  features:
    uses: features
    inputs: { table: "${{ steps.split.outputs.train }}" }
    with: { target: diagnosis, columns: { mean_radius: standard } }
  train:
    uses: gradient-boosting
    inputs: { train: "${{ steps.features.outputs.table }}" }
    with: { target: diagnosis, objective: "binary:logistic", num_round: 20 }
  predict:
    uses: batch-predict
    inputs: { model: "${{ steps.train.outputs.model }}", table: "${{ steps.split.outputs.test }}" }
  register: { uses: register, inputs: { model: "${{ steps.train.outputs.model }}" }, with: { name: tumours } }
"#,
    );
    place.run(&["run", "w.yaml"]).expect(0);
    place.run(&["deploy", "tumours", "--model", "tumours"]).expect(0);
    let server = place.serve(&["--no-workers"]);

    let data = std::fs::read_to_string(place.path().join("data/breast-cancer.csv")).unwrap();
    let rows: Vec<&str> = data.lines().collect();
    let names: Vec<&str> = rows[0].split(',').take(30).collect();
    let features = |row: &str| row.rsplit_once(',').unwrap().0.to_owned();
    let body = format!("{}\n{}\n{}\n", features(rows[0]), features(rows[1]), features(rows[100]));

    let csv = server.invoke("tumours", &body).expect(200);
    assert_eq!(csv.variant.as_deref(), Some("tumours-1"));
    assert_eq!(csv.content_type, "text/csv");
    let answer = csv.text();
    let lines: Vec<&str> = answer.lines().collect();
    assert_eq!(lines.len(), 3, "a header as the request had, and two rows: {answer}");
    assert!(lines[0].starts_with("prediction"), "{answer}");

    // The same rows in the other formats, on the other routes, get the same predictions.
    let numbers = |row: &str| -> serde_json::Value {
        features(row).split(',').map(|text| text.parse::<f64>().unwrap()).collect()
    };
    let instances = serde_json::json!({ "instances": [numbers(rows[1]), numbers(rows[100])] });
    let split = serde_json::json!({
        "dataframe_split": { "columns": names, "data": [numbers(rows[1]), numbers(rows[100])] }
    });
    let lines_of_json = format!("{}\n{}\n", numbers(rows[1]), numbers(rows[100]));
    let path = "/endpoints/tumours/invocations";
    for (content_type, body) in [
        ("application/json", instances.to_string()),
        ("application/json", split.to_string()),
        ("application/x-ndjson", lines_of_json),
    ] {
        let headers = [("content-type", content_type), ("accept", "text/csv")];
        let reply = server.post(path, &headers, body.as_bytes()).expect(200);
        assert_eq!(reply.text(), answer, "{content_type}: {body}");
    }
    let lambda = server.post(
        "/2015-03-31/functions/tumours/invocations?Qualifier=live",
        &[("content-type", "application/json")],
        instances.to_string().as_bytes(),
    );
    let predictions = lambda.expect(200).json()["predictions"].clone();
    assert_eq!(predictions.as_array().unwrap().len(), 2);

    let metadata = server.get("/v2/models/tumours").expect(200).json();
    assert_eq!(metadata["inputs"].as_array().unwrap().len(), 30, "{metadata}");
    let tensor = serde_json::json!({ "inputs": [{
        "name": "rows", "shape": [2, 30], "datatype": "FP64",
        "data": [numbers(rows[1]), numbers(rows[100])],
    }]});
    let inferred = server
        .post(
            "/v2/models/tumours/infer",
            &[("content-type", "application/json")],
            tensor.to_string().as_bytes(),
        )
        .expect(200)
        .json();
    assert_eq!(inferred["outputs"][0]["data"].as_array().unwrap().len(), 2, "{inferred}");

    // What is wrong with rows is said by row and column.
    let wrong =
        server.invoke("tumours", &format!("{}\n{}\n", features(rows[0]), "x".to_owned() + &",1".repeat(29)));
    assert!((400..500).contains(&wrong.status), "{}", wrong.text());
    assert!(wrong.text().contains("row 1") && wrong.text().contains("mean_radius"), "{}", wrong.text());
    let narrow = server.invoke("tumours", "1,2,3\n");
    assert!((400..500).contains(&narrow.status) && narrow.text().contains("3 fields"), "{}", narrow.text());

    // The command line asks in its own process, and the server.
    let file = place.write("rows.csv", &body);
    let here = place.run(&["invoke", "tumours", &file.to_string_lossy()]).expect(0);
    assert_eq!(here.stdout, answer);
    let there = place.run(&["invoke", "tumours", &file.to_string_lossy(), "--url", &server.url]).expect(0);
    assert_eq!(there.stdout, answer);
    let missing = place.run(&["invoke", "tumor", &file.to_string_lossy()]).expect(2);
    missing.says(&["there is no endpoint `tumor`", "tumours"]);

    let metrics = server.get("/metrics").expect(200).text();
    assert!(metrics.contains("tumours-1"), "{metrics}");
    assert_eq!(server.stop(), Some(0), "drained");
}

#[test]
fn a_change_by_another_process_is_taken_within_a_second_and_no_request_fails() {
    let place = place();
    deploy(&place, &["--model", "echo@1"]);
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
            deploy(&place, &["--model", &format!("echo@{version}")]);
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
    let place = place();
    deploy(&place, &["--model", "echo@1"]);
    let server = place.serve(&["--no-workers"]);
    deploy(
        &place,
        &["--model", "echo@3", "--rollout", "canary=50%,interval=60s,bake=10s", "--alarm", "error-rate > 1%"],
    );
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
    let place = place();
    deploy(&place, &["--model", "echo@1"]);
    let server = place.serve(&["--no-workers"]);
    deploy(&place, &["--model", "echo@2", "--rollout", "linear=40%,interval=2s,bake=1s"]);
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
fn a_trap_or_a_loop_harms_nobody_else() {
    let place = place();
    deploy(&place, &["--model", "echo@2", "--timeout", "500ms"]);
    let server = place.serve(&["--no-workers"]);
    server.invoke("e", "fine\n").expect(200);
    let trap = server.invoke("e", "trap\n").expect(424);
    assert!(trap.text().contains("a row said so"), "{}", trap.text());
    server.invoke("e", "fine\n").expect(200);
    let refused = server.invoke("e", "refuse\n").expect(424);
    assert_eq!(refused.json()["OriginalStatusCode"], 400, "the rows are at fault: {}", refused.text());
    thread::scope(|scope| {
        // More loops than threads: each gives way to the others.
        let loops: Vec<_> = (0..3).map(|_| scope.spawn(|| server.invoke("e", "loop\n"))).collect();
        thread::sleep(Duration::from_millis(50));
        assert_eq!(server.get("/ping").status, 200, "others are answered meanwhile");
        for looping in loops {
            let reply = looping.join().unwrap();
            assert!(reply.status >= 400 && reply.text().contains("time limit"), "{}", reply.text());
        }
    });
    server.invoke("e", "fine\n").expect(200);
}

#[test]
fn a_shadow_gets_copies_and_its_faults_show_nowhere() {
    let place = place();
    deploy(&place, &["--model", "echo@1", "--capture", "100%"]);
    let server = place.serve(&["--no-workers"]);
    place.run(&["traffic", "e", "echo-1=1", "--shadow", "echo@3"]).expect(0);
    thread::sleep(Duration::from_secs(1));
    for _ in 0..20 {
        let reply = server.invoke("e", "a,b\n").expect(200);
        assert_eq!(reply.variant.as_deref(), Some("echo-1"));
    }
    // A shadow can be asked by name: then its answer, or its fault, is the caller's.
    let named = server.invoke_with("e", "a,b\n", &[("x-amzn-sagemaker-target-variant", "echo-3")]);
    assert_eq!(named.status, 424, "{}", named.text());
    let unknown = server.invoke_with("e", "a,b\n", &[("x-amzn-sagemaker-target-variant", "echo-9")]);
    assert!((400..424).contains(&unknown.status) && unknown.text().contains("echo-1"), "{}", unknown.text());
    assert_eq!(server.stop(), Some(0));
    // Written at the end at the latest.
    let captured = captured(&place);
    assert_eq!(captured.len(), 20, "{captured:?}");
    assert_eq!(captured[0]["captureData"]["endpointInput"]["data"], "a,b\n");
    assert_eq!(captured[0]["captureData"]["endpointOutput"]["data"], "a,b\n");
}

/// All captured exchanges.
fn captured(place: &Place) -> Vec<serde_json::Value> {
    let mut lines = Vec::new();
    let mut folders = vec![place.store().join("capture")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                let text = std::fs::read_to_string(entry.path()).unwrap();
                lines.extend(text.lines().map(|line| serde_json::from_str(line).unwrap()));
            }
        }
    }
    lines
}

#[test]
fn callers_keep_their_variant() {
    let place = place();
    deploy(&place, &["--model", "echo@1", "--sticky-header", "x-user"]);
    let server = place.serve(&["--no-workers"]);
    place.run(&["traffic", "e", "echo-1=50", "echo@2=50"]).expect(0);
    wait_until("both answer", SOON, || {
        let of = |user: &str| server.invoke_with("e", "a\n", &[("x-user", user)]).variant;
        of("0") != of("1") || of("2") != of("3") || of("4") != of("5")
    });
    let mut seen = std::collections::BTreeSet::new();
    for user in 0..20 {
        let user = user.to_string();
        let of = || server.invoke_with("e", "a\n", &[("x-user", &user)]).variant.unwrap();
        let first = of();
        assert!((0..5).all(|_| of() == first), "user {user} moves");
        seen.insert(first);
    }
    assert_eq!(seen.len(), 2, "{seen:?}");
}

#[test]
fn an_idle_predictor_is_unloaded_and_loaded_again() {
    let place = place();
    deploy(&place, &["--model", "echo@1", "--idle", "300ms"]);
    let server = place.serve(&["--no-workers"]);
    server.invoke("e", "a\n").expect(200);
    let cold = |server: &Server| {
        let metrics = server.get("/metrics").text();
        let line = metrics.lines().find(|line| line.contains("cold") && line.contains("echo-1"));
        line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).unwrap_or_default()
    };
    let before = cold(&server);
    thread::sleep(Duration::from_secs(2));
    server.invoke("e", "a\n").expect(200);
    assert!(cold(&server) > before, "{}", server.get("/metrics").text());
}

#[test]
fn a_damaged_record_or_state_changes_nothing() {
    let place = place();
    deploy(&place, &["--model", "echo@1"]);
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
    deploy(&place, &["--model", "echo@2"]);
    wait_until("the change is taken", SOON, || live_variant(&server).as_deref() == Some("echo-2"));
    let version = place.records("models/echo/versions")["000001.json"].clone();
    let state = version["pipeline"][0]["state"].as_str().unwrap().to_owned();
    std::fs::write(place.store().join(format!("artifacts/{}/{state}", &state[..2])), "other").unwrap();
    let refused = place.run(&["deploy", "e", "--model", "echo@1"]);
    assert_ne!(refused.code, Some(0), "{}", refused.stderr);
    assert_eq!(live_variant(&server).as_deref(), Some("echo-2"));
}

#[test]
fn a_request_is_answered_later() {
    let place = place();
    deploy(&place, &["--model", "echo@2"]);
    place.write(".millstream/store/uploads/rows.csv", "a,b\n1,2\n");
    let server = place.serve(&["--no-workers"]);
    let path = "/endpoints/e/async-invocations";
    let location = [
        ("x-amzn-sagemaker-inputlocation", "s3://millstream/uploads/rows.csv"),
        ("content-type", "text/csv"),
    ];
    let taken = server.post(path, &location, b"").expect(202).json();
    let id = taken["InferenceId"].as_str().unwrap().to_owned();
    let answer = place.store().join(format!("async/e/{id}/output"));
    wait_until("the answer is there", SOON, || answer.is_file());
    assert_eq!(std::fs::read_to_string(answer).unwrap(), "a,b\n1,2\n");
    let missing = [("x-amzn-sagemaker-inputlocation", "s3://millstream/uploads/none.csv")];
    assert!((400..500).contains(&server.post(path, &missing, b"").status));
    let elsewhere = [("x-amzn-sagemaker-inputlocation", "s3://millstream/models/echo/versions/000001.json")];
    assert!((400..500).contains(&server.post(path, &elsewhere, b"").status));
}

#[test]
fn many_models_behind_one_endpoint() {
    let place = place();
    place.run(&["deploy", "all", "--multi-model", "ech"]).expect(0);
    let server = place.serve(&["--no-workers"]);
    let ask = |model: &str| server.invoke_with("all", "a\n", &[("x-amzn-sagemaker-target-model", model)]);
    assert_eq!(ask("echo@1").expect(200).text(), "a\n");
    assert_eq!(ask("echo@2").expect(200).text(), "a\n");
    assert_eq!(ask("echo@3").status, 424);
    for wrong in ["echo@9", "other", "../echo"] {
        let reply = ask(wrong);
        assert!((400..424).contains(&reply.status), "{wrong}: {} {}", reply.status, reply.text());
    }
}

#[test]
fn two_deployments_at_once() {
    let place = place();
    deploy(&place, &["--model", "echo@1"]);
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
