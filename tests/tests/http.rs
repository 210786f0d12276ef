//! HTTP as clients find it: changes made once, answers that come later, many who ask at once, the end.

use std::{
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use millstream_tests::{Place, server::Server, wait_until};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(30);

/// The version that answers, as the server's record has it.
fn live(server: &Server) -> u64 {
    let endpoint = server.get("/v1/endpoints/e").expect(200).json();
    endpoint["aliases"]["live"]["variants"][0]["version"].as_u64().unwrap()
}

fn change(server: &Server, endpoint: &str, verb: &str, key: &str, body: &Value) -> (u16, Value) {
    let headers = [("idempotency-key", key), ("content-type", "application/json")];
    let path = format!("/v1/endpoints/{endpoint}/{verb}");
    let reply = server.post(&path, &headers, body.to_string().as_bytes());
    (reply.status, reply.json())
}

#[test]
fn an_idempotency_key_is_good_for_one_change() {
    let place = Place::with_echo();
    place.deploy(&["--model", "echo@1"]);
    let server = place.serve(&["--no-workers"]);
    let deploy = |version: u32| json!({ "model": format!("echo@{version}") });
    let nothing = json!({});
    assert_eq!(change(&server, "e", "deploy", "k1", &deploy(2)).0, 200);
    wait_until("it is taken", SOON, || live(&server) == 2);
    // The same again, written otherwise: nothing more is done, whatever has happened since.
    assert_eq!(change(&server, "e", "deploy", "k2", &deploy(1)).0, 200);
    let again = change(&server, "e", "deploy", "\"k1\"", &json!({ "alias": "live", "model": "echo@2" }));
    assert_eq!((again.0, &again.1["aliases"]["live"]["variants"][0]["version"]), (200, &json!(1)));
    let revision = again.1["revision"].as_u64();
    // Another version, verb, endpoint: refused, and it says what the key was used for.
    for (endpoint, verb, body) in [
        ("e", "deploy", deploy(1)),
        ("e", "rollback", nothing.clone()),
        ("e", "traffic", json!({"weights": {"echo-1": 1}})),
        ("e", "promote", nothing.clone()),
        ("e", "abort", nothing.clone()),
        ("other", "deploy", deploy(2)),
    ] {
        let (status, problem) = change(&server, endpoint, verb, "k1", &body);
        assert_eq!(status, 422, "{endpoint} {verb}: {problem}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("`k1`") && detail.contains("deployed echo@2"), "{detail}");
    }
    // What had nothing to do, has used its key too.
    assert_eq!(change(&server, "e", "deploy", "k3", &deploy(1)).0, 200);
    assert_eq!(change(&server, "e", "deploy", "k3", &deploy(2)).0, 422);
    // What was refused has not.
    assert_eq!(change(&server, "e", "deploy", "k4", &deploy(9)).0, 404);
    assert_eq!(change(&server, "e", "rollback", "k4", &nothing).0, 200);
    wait_until("it is taken", SOON, || live(&server) == 2);
    let record = place.records("endpoints")["e.json"].clone();
    assert_eq!(record["revision"].as_u64(), revision.map(|revision| revision + 2), "{record}");
    assert!(!place.store().join("endpoints/other.json").exists());
}

#[test]
fn a_request_for_later_is_held_to_what_it_says() {
    let place = Place::with_echo();
    place.deploy(&["--model", "echo@2", "--timeout", "20s"]);
    let server = place.serve(&["--no-workers"]);
    let path = "/endpoints/e/async-invocations";
    let ask = |id: &str, headers: &[(&str, &str)], rows: &str| {
        let headers =
            [&[("x-amzn-sagemaker-inference-id", id), ("content-type", "text/csv")], headers].concat();
        server.post(path, &headers, rows.as_bytes())
    };
    // The time that it may take.
    let begun = Instant::now();
    ask("short", &[("x-amzn-sagemaker-invocationtimeoutseconds", "1")], "loop\n").expect(202);
    wait_until("it has failed", SOON, || server.get(&format!("{path}/short")).status != 202);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let failed = server.get(&format!("{path}/short")).expect(424).text();
    assert!(failed.contains("within 1s, the InvocationTimeoutSeconds of the request"), "{failed}");
    // One id, one request.
    ask("one", &[], "a\n").expect(202);
    ask("one", &[], "a\n").expect(202);
    for (headers, rows) in [
        (&[][..], "b\n"),
        (&[("x-amzn-sagemaker-accept", "application/json")], "a\n"),
        (&[("x-amzn-sagemaker-invocationtimeoutseconds", "9")], "a\n"),
    ] {
        let other = ask("one", headers, rows).expect(400).text();
        assert!(other.contains("was used for another request"), "{other}");
    }
    // Places that can't be.
    for key in [
        "async/",
        "async/../keys",
        "async//x",
        "async/e/one/../../../keys",
        "async/e/one/request.json",
        "runs/x/",
        "keys/x",
        "s3://other/x",
        "",
        "/etc/passwd",
        &format!("runs/{}", "x".repeat(5000)),
    ] {
        for location in [key.to_owned(), format!("s3://millstream/{key}")] {
            let reply = server.post(path, &[("x-amzn-sagemaker-inputlocation", &location)], b"");
            assert_eq!(reply.status, 400, "{location}: {}", reply.text());
        }
    }
}

#[test]
fn ten_times_as_many_idle_connections_as_files_lock_nobody_out() {
    let place = Place::with_echo();
    place.deploy(&["--model", "echo@2"]);
    let made = place.run(&["keys", "create", "app", "--scope", "invoke"]).expect(0);
    let key = made.stdout.split_whitespace().last().unwrap_or_default().to_owned();
    // The hard limit of the server's files, which it can't raise.
    let server = place.serve_limited(600, &["--no-workers", "--require-keys"]);
    let address = server.url.trim_start_matches("http://").to_owned();
    let idle: Vec<TcpStream> = (0..900).filter_map(|_| TcpStream::connect(&address).ok()).collect();
    assert!(idle.len() >= 800, "{}", idle.len());
    for _ in 0..30 {
        let reply = server.invoke_with("e", "fine\n", &[("x-api-key", &key)]);
        assert_eq!(reply.status, 200, "a valid key is known: {}", reply.text());
    }
    drop(idle);
}

#[test]
fn the_end_comes_though_a_request_for_later_hangs() {
    let place = Place::with_echo();
    place.deploy(&["--model", "echo@2", "--timeout", "1h"]);
    let server = place.serve(&["--no-workers", "--drain", "1s"]);
    let path = "/endpoints/e/async-invocations";
    for id in ["a", "b", "c"] {
        let headers = [("x-amzn-sagemaker-inference-id", id), ("content-type", "text/csv")];
        server.post(path, &headers, b"loop\n").expect(202);
    }
    thread::sleep(Duration::from_millis(500));
    let begun = Instant::now();
    assert_eq!(server.stop(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    // They were given back: the next server takes them up at once, and says so when they fail.
    place.deploy(&["--model", "echo@2", "--timeout", "500ms"]);
    let server = place.serve(&["--no-workers"]);
    wait_until("they are done", SOON, || {
        ["a", "b", "c"].iter().all(|id| server.get(&format!("{path}/{id}")).status == 424)
    });
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn tensors_without_rows_have_the_models_outputs() {
    let place = Place::new();
    let train = r#"
  train: { uses: random-forest, inputs: { train: "${{ steps.extract.outputs.table }}" }, with: { target: species } }
"#;
    place.deploy_sample("iris", "iris", train);
    let server = place.serve(&["--no-workers"]);
    let infer = |tensors: Value| {
        let body = json!({ "inputs": tensors }).to_string();
        server.post("/v2/models/iris/infer", &[("content-type", "application/json")], body.as_bytes())
    };
    let metadata = server.get("/v2/models/iris").expect(200).json();
    let names: Vec<String> = metadata["inputs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap().to_owned())
        .collect();
    let table = |shape: [usize; 2], data: Value| json!([{"name": "x", "shape": shape, "datatype": "FP64", "data": data}]);
    let outputs = |reply: Value| -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        reply["outputs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| (text(&one["name"]), text(&one["datatype"])))
            .collect()
    };
    let one = infer(table([1, 4], json!([5.1, 3.5, 1.4, 0.2]))).expect(200).json();
    let none = infer(table([0, 4], json!([]))).expect(200).json();
    assert_eq!(outputs(none.clone()), outputs(one), "the same columns and types: {none}");
    assert!(
        none["outputs"]
            .as_array()
            .unwrap()
            .iter()
            .all(|output| output["shape"][0] == 0 && output["data"] == json!([]))
    );
    let columns: Vec<Value> = names
        .iter()
        .map(|name| json!({"name": name, "shape": [0], "datatype": "FP64", "data": []}))
        .collect();
    assert_eq!(infer(Value::from(columns.clone())).expect(200).json()["outputs"], none["outputs"]);
    // What the model would refuse of rows, it refuses of none.
    infer(table([0, 3], json!([]))).expect(400);
    infer(table([2, 0], json!([]))).expect(400);
    infer(Value::from(columns[1..].to_vec())).expect(400);
}
