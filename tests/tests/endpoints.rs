//! Endpoints, from outside: `millstream serve` and those who ask it.

use std::{thread, time::Duration};

use millstream_tests::{Place, server::Server, wait_until};

const SOON: Duration = Duration::from_secs(20);

#[test]
fn from_data_to_an_answer() {
    let place = Place::new();
    place.deploy_sample(
        "tumours",
        "breast-cancer",
        r#"
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
"#,
    );
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
fn a_trap_or_a_loop_harms_nobody_else() {
    let place = Place::with_echo();
    place.deploy(&["--model", "echo@2", "--timeout", "500ms"]);
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
fn long_calls_keep_no_short_one_waiting() {
    let place = Place::with_echo();
    place.deploy(&["--model", "echo@2", "--timeout", "3s"]);
    let server = place.serve(&["--no-workers", "--http-threads", "2"]);
    server.invoke("e", "fine\n").expect(200);
    // Large bodies go to the threads for long calls from the beginning, small ones when they turn out to take long.
    for long in ["loop\n".to_owned(), "loop\n".repeat(100_000)] {
        thread::scope(|scope| {
            // As many as there are threads, of the same version.
            let loops: Vec<_> = (0..2).map(|_| scope.spawn(|| server.invoke("e", &long))).collect();
            thread::sleep(Duration::from_millis(500));
            for _ in 0..50 {
                server.invoke("e", "fine\n").expect(200);
            }
            assert!(loops.iter().all(|long| !long.is_finished()), "they were answered before the long ones");
            for long in loops {
                let reply = long.join().unwrap();
                assert!(reply.status >= 400 && reply.text().contains("time limit"), "{}", reply.text());
            }
        });
    }
}

#[test]
fn a_shadow_gets_copies_and_its_faults_show_nowhere() {
    let place = Place::with_echo();
    place.deploy(&["--model", "echo@1", "--capture", "100%"]);
    let server = place.serve(&["--no-workers"]);
    place.run(&["traffic", "e", "echo-1=1", "--shadow", "echo@3"]).expect(0);
    thread::sleep(Duration::from_secs(1));
    for _ in 0..20 {
        let reply = server.invoke("e", "a,b\n").expect(200);
        assert_eq!(reply.variant.as_deref(), Some("echo-1"));
    }
    let of_shadow = |outcome: &str| {
        let metrics = server.get("/metrics").text();
        let labels = format!(r#"{{endpoint="e",variant="echo-3",outcome="{outcome}"}} 20"#);
        metrics
            .lines()
            .any(|line| line.starts_with("millstream_shadow_predictions_total") && line.ends_with(&labels))
    };
    wait_until("each copy that failed is counted", SOON, || of_shadow("failed"));
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

#[test]
fn a_shadows_answers_are_compared_with_the_callers() {
    let place = Place::with_echo();
    place.deploy(&["--model", "echo@1"]);
    place.run(&["traffic", "e", "echo-1=1", "--shadow", "echo@2"]).expect(0);
    let server = place.serve(&["--no-workers"]);
    for rows in ["1.5\n2.5\n", "a\n"] {
        server.invoke("e", rows).expect(200);
    }
    wait_until("all three predictions are compared", SOON, || {
        let metrics = server.get("/metrics").text();
        metrics.contains(r#"shadow_predictions_total{endpoint="e",variant="echo-2",outcome="agreed"} 3"#)
    });
    // The caller gets a row back where the shadow refuses it.
    server.invoke("e", "refuse\n").expect(200);
    wait_until("what the shadow fails is counted", SOON, || {
        let metrics = server.get("/metrics").text();
        metrics.contains(r#"shadow_predictions_total{endpoint="e",variant="echo-2",outcome="failed"} 1"#)
    });
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
    let place = Place::with_echo();
    place.deploy(&["--model", "echo@1", "--sticky-header", "x-user"]);
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
    let place = Place::with_echo();
    place.deploy(&["--model", "echo@1", "--idle", "300ms"]);
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
fn a_request_is_answered_later() {
    let place = Place::with_echo();
    place.deploy(&["--model", "echo@2"]);
    let server = place.serve(&["--no-workers"]);
    server.s3("PUT", "/data", b"").expect(200);
    server.s3("PUT", "/data/rows.csv", b"a,b\n1,2\n").expect(200);
    let path = "/endpoints/e/async-invocations";
    let location = [("x-amzn-sagemaker-inputlocation", "s3://data/rows.csv"), ("content-type", "text/csv")];
    let taken = server.post(path, &location, b"").expect(202).json();
    let id = taken["InferenceId"].as_str().unwrap().to_owned();
    let fetch = |id: &str| server.get(&format!("{path}/{id}"));
    wait_until("the answer is there", SOON, || fetch(&id).status != 202);
    let answer = fetch(&id).expect(200);
    assert_eq!((answer.text().as_str(), answer.content_type.as_str()), ("a,b\n1,2\n", "text/csv"));
    assert_eq!(answer.variant.as_deref(), Some("echo-2"));
    let stored = place.store().join(format!("async/e/{id}/output"));
    assert_eq!(std::fs::read(stored).unwrap(), answer.body);
    let object = server.s3("GET", &format!("/millstream/async/e/{id}/output"), b"").expect(200);
    assert_eq!((object.body, object.content_type.as_str()), (answer.body, "text/csv"));

    let own = [("x-amzn-sagemaker-inference-id", "mine"), ("content-type", "text/csv")];
    server.post(path, &own, b"refuse\n").expect(202);
    wait_until("it has failed", SOON, || fetch("mine").status != 202);
    let failed = fetch("mine").expect(424);
    assert!(failed.json()["OriginalMessage"].as_str().unwrap().contains("row"), "{}", failed.text());
    let record = server.s3("GET", "/millstream/async/e/mine/error.json", b"").expect(200).json();
    assert_eq!(record["inferenceId"], "mine");
    server.s3("GET", "/millstream/async/e/mine/output", b"").expect(404);
    server.s3("GET", "/millstream/async/e/mine/request.json", b"").expect(404);
    for nobodys in ["never", "..%2f..%2fkeys", "%2e%2e"] {
        fetch(nobodys).expect(400);
    }

    for nothing in
        ["s3://data/none.csv", "s3://none/rows.csv", "s3://millstream/models/echo/versions/000001.json"]
    {
        let reply = server.post(path, &[("x-amzn-sagemaker-inputlocation", nothing)], b"");
        assert_eq!(reply.status, 400, "{nothing}: {}", reply.text());
    }
}

#[test]
fn many_models_behind_one_endpoint() {
    let place = Place::with_echo();
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
#[ignore = "needs boto3 from PyPI: `cargo xtask test` gets it"]
fn boto3_asks_unmodified() {
    let python = std::env::var_os("BOTO3_PYTHON").expect("BOTO3_PYTHON names a Python with boto3");
    let place = Place::new();
    let train = r#"
  train: { uses: random-forest, inputs: { train: "${{ steps.extract.outputs.table }}" }, with: { target: species } }
"#;
    place.deploy_sample("iris", "iris", train);
    let scopes = ["--scope", "invoke", "--scope", "read", "--scope", "write"];
    let made = place.run(&[&["keys", "create", "boto3", "--json"], &scopes[..]].concat()).expect(0);
    let made: serde_json::Value = serde_json::from_str(&made.stdout).unwrap();
    let (key, secret) = (made["key"].as_str().unwrap(), made["secret-access-key"].as_str().unwrap());
    let server = place.serve(&["--no-workers", "--require-keys"]);
    let script = millstream_tests::root().join("tests/clients/boto3_invoke.py");
    let asked = std::process::Command::new(python)
        .arg(script)
        .args([&server.url, "iris", "5.1,3.5,1.4,0.2", "--wrong-row", "x,3.5,1.4,0.2", "--key", key])
        .args(["--secret", secret, "--later"])
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&asked.stdout), text(&asked.stderr));
    assert!(asked.status.success() && out.trim_end().ends_with("ok"), "{out}\n{err}");
}
