//! What starts runs by itself, with real servers: files that are dropped, schedules, requests, ends of runs, and kills in between.

use std::{collections::BTreeSet, fs, time::Duration};

use millstream_tests::{Place, server::Server, wait_until};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const LONG: Duration = Duration::from_secs(90);

/// A workflow with these lines that echoes the file or artifact in parameter `given`.
fn workflow(name: &str, lines: &str) -> String {
    format!(
        "name: {name}\n{lines}\nparams: {{ given: {{ type: uri }} }}\nsteps:\n  \
         e: {{ uses: faulty, inputs: {{ table: \"${{{{ params.given }}}}\" }}, with: {{ mode: echo }} }}\n"
    )
}

/// A place with a folder `flows` of workflows and a folder `in` to watch.
fn place(workflows: &[(&str, String)]) -> Place {
    let place = Place::new().with_test_functions(&["faulty"]);
    fs::create_dir(place.path().join("flows")).unwrap();
    fs::create_dir(place.path().join("in")).unwrap();
    for (name, text) in workflows {
        place.write(&format!("flows/{name}.yaml"), text);
    }
    place
}

fn on_files(place: &Place) -> String {
    let folder = place.path().join("in");
    format!(
        "on: {{ object-created: {{ bucket: 'file://{}', suffix: .csv, params: {{ given: '${{{{ event.data.uri }}}}' }} }} }}",
        folder.display()
    )
}

fn json(place: &Place, arguments: &[&str]) -> Value {
    let printed = place.run(&[arguments, &["--json"]].concat()).expect(0).stdout;
    serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
}

/// The runs of a workflow that have succeeded.
fn succeeded(place: &Place, workflow: &str) -> Vec<String> {
    let runs = json(place, &["runs", "-n", "100"]);
    let of = |run: &&Value| run["workflow"] == workflow && run["state"] == "succeeded";
    let mut names: Vec<String> = runs
        .as_array()
        .unwrap()
        .iter()
        .filter(of)
        .map(|run| run["run"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

/// What the step of a run put out.
fn echoed(place: &Place, run: &str) -> String {
    let results = place.results(run);
    let digest = results["e/000000.json"]["outputs"]["echo"]["parts"][0]["digest"].clone();
    let digest = digest.as_str().unwrap();
    fs::read_to_string(place.store().join("artifacts").join(&digest[..2]).join(digest)).unwrap()
}

#[test]
fn a_file_that_is_dropped_starts_a_run_and_its_end_another() {
    let chain =
        "on: { workflow-completed: { name: first, params: { given: '${{ event.data.outputs.e.echo }}' } } }";
    let place = place(&[("second", workflow("second", chain))]);
    place.write("flows/first.yaml", workflow("first", &on_files(&place)));
    place.write("in/before.csv", "was there before\n");
    let server = place.serve(&["--workflows", "flows"]);
    wait_until("both are pushed", LONG, || {
        json(&place, &["workflows", "list"]).as_array().unwrap().len() == 2
    });
    // Written under another name, and moved when it is whole; and one that nobody waits for.
    wait_until("the folder is watched", LONG, || {
        place.write("in/probe.txt", "x");
        let listed = json(&place, &["triggers", "list"]);
        listed.as_array().unwrap().iter().any(|one| one["last"]["outcome"]["kind"] == "not-started")
    });
    place.write("in/.rows.part", "rows\n");
    fs::rename(place.path().join("in/.rows.part"), place.path().join("in/rows.csv")).unwrap();
    wait_until("the second run has succeeded", LONG, || succeeded(&place, "second").len() == 1);
    let (first, second) = (succeeded(&place, "first"), succeeded(&place, "second"));
    assert_eq!((first.len(), second.len()), (1, 1));
    assert_eq!(echoed(&place, &first[0]), "rows\n");
    assert_eq!(echoed(&place, &second[0]), "rows\n");
    let plan = place.plan(&first[0]);
    assert_eq!(plan["trigger"]["name"], "object-created");
    assert_eq!(plan["trigger"]["event"]["data"]["key"], "rows.csv");
    assert_eq!(place.plan(&second[0])["trigger"]["event"]["data"]["run"], first[0].as_str());

    let shown = place.run(&["triggers"]).expect(0);
    for text in ["first@1", "object-created", "second@1", "end of first"] {
        assert!(shown.stdout.contains(text), "{text}: {}", shown.stdout);
    }
    place.run(&["status", &first[0]]).expect(0);
    let runs = place.run(&["runs"]).expect(0).stdout;
    assert!(runs.contains("object-created") && runs.contains("workflow-completed"), "{runs}");
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn two_servers_start_each_time_of_a_schedule_once() {
    let place = place(&[]);
    let rows = place.write("rows.txt", "rows\n");
    let schedule =
        format!("on: {{ schedule: {{ rate: 2 seconds, params: {{ given: '{}' }} }} }}", rows.display());
    place.write("flows/often.yaml", workflow("often", &schedule));
    let servers = [place.serve(&["--workflows", "flows"]), place.serve(&["--workflows", "flows"])];
    wait_until("some runs have succeeded", LONG, || succeeded(&place, "often").len() >= 4);
    for server in servers {
        server.stop();
    }
    let plans: Vec<Value> = place.runs().iter().map(|run| place.plan(run)).collect();
    let due: BTreeSet<String> =
        plans.iter().map(|plan| plan["trigger"]["event"]["data"]["due"].to_string()).collect();
    assert_eq!(due.len(), plans.len(), "each time has one run: {due:?}");
    let listed = json(&place, &["triggers"]);
    assert!(listed[0]["next"].is_u64() && listed[0]["last"]["started"]["run"].is_string(), "{listed}");
}

/// The HMAC-SHA-256 of RFC 2104, in hexadecimal digits.
fn hmac(secret: &str, body: &[u8]) -> String {
    let pad = |with: u8| -> Vec<u8> {
        let mut key = secret.as_bytes().to_vec();
        key.resize(64, 0);
        key.iter().map(|byte| byte ^ with).collect()
    };
    let inner = Sha256::digest([pad(0x36), body.to_vec()].concat());
    let outer = Sha256::digest([pad(0x5c), inner.to_vec()].concat());
    outer.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn requests_start_runs_if_they_are_signed_and_once_for_each_event() {
    let rows = |place: &Place| place.write("rows.txt", "rows\n").display().to_string();
    let place = place(&[]);
    let given = rows(&place);
    place.write("flows/open.yaml", workflow("open", "on: { http: { if: event.data.skip != true } }"));
    place.write(
        "flows/signed.yaml",
        workflow(
            "signed",
            "on: { http: { secret: HOOK_SECRET, params: { given: '${{ event.data.file }}' } } }",
        ),
    );
    place.write(
        "flows/deaf.yaml",
        workflow("deaf", &format!("on: {{ queue: {{ name: q, params: {{ given: '{given}' }} }} }}")),
    );
    let server = place.serve_with(&["--workflows", "flows"], &[("HOOK_SECRET", "s3cret")]);
    wait_until("all are pushed", LONG, || {
        json(&place, &["workflows", "list"]).as_array().unwrap().len() == 3
    });
    wait_until("they are known", LONG, || {
        server.post("/workflows/open/runs", &[], br#"{"skip": true}"#).status == 200
    });
    let post = |name: &str, headers: &[(&str, &str)], body: &Value| {
        server.post(&format!("/workflows/{name}/runs"), headers, body.to_string().as_bytes())
    };
    // Parameters, and a key that names the request.
    let params = json!({"params": {"given": given}});
    let first = post("open", &[("idempotency-key", "one")], &params).expect(202).json();
    assert_eq!(first["state"], "started", "{first}");
    let again = post("open", &[("idempotency-key", "one")], &params).expect(200).json();
    assert_eq!((&again["state"], &again["run"]), (&json!("repeated"), &first["run"]));
    let address = first["address"].as_str().unwrap();
    wait_until("the run has succeeded", LONG, || {
        server.get(address).expect(200).json()["state"] == "succeeded"
    });
    assert_eq!(server.get(address).json()["trigger"]["name"], "http");
    // A filter is no error; a run that can never start is.
    let skipped = post("open", &[], &json!({"skip": true})).expect(200).json();
    assert_eq!(skipped["state"], "not-started");
    let wrong = post("open", &[], &json!({"params": {"gvien": 1}})).expect(422).json();
    assert!(wrong["detail"].as_str().unwrap().contains("did you mean `given`?"), "{wrong}");
    // Nobody waits there.
    assert_eq!(post("deaf", &[], &params).expect(404).json()["code"], "MS0320");
    post("nobody", &[], &params).expect(404);
    server.get("/runs/nothing").expect(404);

    // Signed requests.
    let body = json!({"file": given});
    let signature = format!("sha256={}", hmac("s3cret", body.to_string().as_bytes()));
    for headers in
        [&[][..], &[("x-hub-signature-256", "sha256=00")], &[("x-hub-signature-256", signature.as_str())]]
    {
        let other = if headers.first().is_some_and(|(_, value)| *value == signature) {
            json!({"file": "/etc/passwd"})
        } else {
            body.clone()
        };
        assert_eq!(post("signed", headers, &other).expect(403).json()["code"], "MS0725");
    }
    let signed = [("x-hub-signature-256", signature.as_str())];
    assert_eq!(post("signed", &signed, &body).expect(202).json()["workflow"], "signed");

    // The same CloudEvent in both modes is one event.
    let attributes = json!({"specversion": "1.0", "id": "7", "source": "/shop", "type": "order"});
    let mut structured = attributes.clone();
    structured["data"] = json!({"file": given});
    let text = structured.to_string();
    let signature = format!("sha256={}", hmac("s3cret", text.as_bytes()));
    let headers =
        [("content-type", "application/cloudevents+json"), ("x-hub-signature-256", signature.as_str())];
    let event = server.post("/workflows/signed/runs", &headers, text.as_bytes()).expect(202).json();
    let data = json!({"file": given}).to_string();
    let signature = format!("sha256={}", hmac("s3cret", data.as_bytes()));
    let headers = [
        ("ce-specversion", "1.0"),
        ("ce-id", "7"),
        ("ce-source", "/shop"),
        ("ce-type", "order"),
        ("content-type", "application/json"),
        ("x-hub-signature-256", signature.as_str()),
    ];
    let same = server.post("/workflows/signed/runs", &headers, data.as_bytes()).expect(200).json();
    assert_eq!((&same["run"], &same["state"]), (&event["run"], &json!("repeated")));
}

#[test]
fn a_signature_stands_for_a_key_and_nothing_else_does() {
    let place = place(&[]);
    let given = place.write("rows.txt", "rows\n").display().to_string();
    place.write("flows/open.yaml", workflow("open", "on: { http: {} }"));
    place.write("flows/signed.yaml", workflow("signed", "on: { http: { secret: HOOK_SECRET } }"));
    let key = |scope: &str| {
        let made = json(&place, &["keys", "create", scope, "--scope", scope]);
        made["key"].as_str().unwrap().to_owned()
    };
    let (invoke, deploy) = (key("invoke"), key("deploy"));
    let server = place.serve_with(&["--workflows", "flows", "--require-keys"], &[("HOOK_SECRET", "s3cret")]);
    wait_until("both are pushed", LONG, || {
        json(&place, &["workflows", "list"]).as_array().unwrap().len() == 2
    });
    let body = json!({"params": {"given": given}}).to_string();
    let post = |server: &Server, name: &str, headers: &[(&str, &str)]| {
        server.post(&format!("/workflows/{name}/runs"), headers, body.as_bytes()).status
    };
    wait_until("they are known", LONG, || post(&server, "signed", &[]) == 403);
    assert_eq!(post(&server, "open", &[]), 401);
    assert_eq!(post(&server, "nobody", &[]), 401);
    assert_eq!(post(&server, "open", &[("x-api-key", &invoke)]), 403);
    assert_eq!(post(&server, "open", &[("x-api-key", &deploy)]), 202);
    assert_eq!(post(&server, "signed", &[("x-api-key", &deploy)]), 403, "a key is no signature");
    let signature = format!("sha256={}", hmac("s3cret", body.as_bytes()));
    assert_eq!(post(&server, "signed", &[("x-hub-signature-256", &signature)]), 202);
}

#[test]
fn a_server_that_is_killed_while_it_starts_a_run_leaves_it_to_the_next() {
    for point in ["event-starting", "event-seen", "event-started"] {
        let place = place(&[]);
        place.write("flows/first.yaml", workflow("first", &on_files(&place)));
        let server = place.serve_with(&["--workflows", "flows"], &[("MILLSTREAM_KILL_AT", point)]);
        wait_until("the folder is watched", LONG, || {
            place.write("in/probe.txt", "x");
            let listed = json(&place, &["triggers"]);
            listed[0]["last"]["outcome"]["kind"] == "not-started"
        });
        place.write("in/rows.csv", "rows\n");
        wait_until("the server is killed", LONG, || server.get("/ping").status == 0);
        drop(server);
        let server = place.serve(&["--workflows", "flows"]);
        wait_until("the run has succeeded", LONG, || succeeded(&place, "first").len() == 1);
        // The file is written again, but nothing of the first event starts anything.
        assert_eq!(place.runs().len(), 1, "{point}");
        assert_eq!(echoed(&place, &place.runs()[0]), "rows\n");
        drop(server);
    }
}

#[test]
fn an_event_can_be_tried_by_hand() {
    let place = place(&[]);
    place.write(
        "first.yaml",
        workflow(
            "first",
            "on: { object-created: { prefix: in/, params: { given: '${{ event.data.uri }}' } } }",
        ),
    );
    place.run(&["workflows", "push", "first.yaml"]).expect(0);
    let given = place.write("rows.txt", "rows\n").display().to_string();
    let event = json!({
        "specversion": "1.0", "id": "1", "source": "s3://raw", "type": "io.millstream.object-created",
        "data": {"bucket": "raw", "key": "in/rows.txt", "uri": given, "size": 5}
    });
    place.write("event.json", event.to_string());
    let fire =
        |more: &[&str]| place.run(&[&["triggers", "fire", "first", "--event", "event.json"], more].concat());
    let dry = fire(&["--dry-run"]).expect(0);
    dry.says(&["Would start first@1 by object-created"]);
    assert!(dry.stdout.contains(&given), "{}", dry.stdout);
    assert!(place.runs().is_empty());
    let run = fire(&[]).expect(0).stdout.trim().to_owned();
    assert_eq!(place.plan(&run)["trigger"]["event"]["id"], "1");
    fire(&[]).expect(1).says(&["the event came before"]);
    fire(&["--dry-run"]).expect(1).says(&["the event came before"]);
    place
        .run(&["triggers", "fire", "first/schedule", "--event", "event.json"])
        .expect(2)
        .says(&["no trigger `schedule`"]);
    place.write("event.json", "{\"hello\": 1}");
    fire(&[]).expect(2).says(&["neither a CloudEvent", "MS0321"]);
    // By hand there is no event: what reads it gets null.
    place.write(
        "by-hand.yaml",
        workflow("by-hand", "on: { http: {} }").replace("e: {", "e: { if: event == null,"),
    );
    place.run(&["run", "by-hand.yaml", "-p", &format!("given={given}")]).expect(0);
    assert_eq!(echoed(&place, place.runs().last().unwrap()), "rows\n");
}

#[test]
fn an_object_that_is_uploaded_starts_one_run() {
    let place = place(&[]);
    let upload =
        "on: { object-created: { bucket: raw, suffix: .csv, params: { given: '${{ event.data.uri }}' } } }";
    place.write("upload.yaml", workflow("upload", upload));
    place.run(&["workflows", "push", "upload.yaml"]).expect(0);
    let server = place.serve(&[]);
    server.s3("PUT", "/raw", b"").expect(200);
    server.s3("PUT", "/raw/2026/notes.txt", b"no rows").expect(200);
    server.s3("PUT", "/raw/2026/a%20b.csv", b"rows").expect(200);
    wait_until("the run has succeeded", LONG, || succeeded(&place, "upload").len() == 1);
    let event = place.plan(&succeeded(&place, "upload")[0])["trigger"]["event"].clone();
    assert_eq!(event["source"], "s3://raw");
    assert_eq!(event["data"]["key"], "2026/a b.csv");
    assert_eq!(event["data"]["size"], 4);
    // The run has read the object: it echoes what came.
    let echoed = |run: &str| {
        place.run(&["artifacts", run, "copy", "e/echo", "echoed", "--force"]).expect(0);
        fs::read_to_string(place.path().join("echoed")).unwrap()
    };
    assert_eq!(echoed(&succeeded(&place, "upload")[0]), "rows");
    // Written again, it is another event, and other rows.
    server.s3("PUT", "/raw/2026/a%20b.csv", b"more rows").expect(200);
    wait_until("the second run has succeeded", LONG, || succeeded(&place, "upload").len() == 2);
    let mut read: Vec<String> = succeeded(&place, "upload").iter().map(|run| echoed(run)).collect();
    read.sort();
    assert_eq!(read, ["more rows", "rows"]);
    assert_eq!(server.stop(), Some(0));
}
