//! The routes of SageMaker's runtime.

mod common;

use common::{loopback, start, start_with};

#[test]
fn an_answer_has_the_headers_that_clients_read() {
    let server = start();
    let answer = server.post(
        "/endpoints/churn/invocations",
        &[
            ("content-type", "text/csv"),
            ("accept", "text/csv"),
            ("X-Amzn-SageMaker-Target-Variant", "churn-3"),
            ("X-Amzn-SageMaker-Target-Model", "churn@3"),
            ("X-Amzn-SageMaker-Inference-Id", "id-1"),
        ],
        "1,2,3\n",
    );
    assert_eq!((answer.status, answer.text()), (200, "0.75\n"));
    assert_eq!(answer.header("content-type"), "text/csv");
    assert_eq!(answer.header("x-amzn-invoked-production-variant"), "churn-3");
    assert_eq!(answer.header("x-millstream-model"), "churn@3");
    assert_eq!(answer.header("x-amzn-requestid").len(), 36);
    let seen = server.fake.seen();
    assert_eq!(seen.endpoint, "churn");
    assert_eq!(seen.variant.as_deref(), Some("churn-3"));
    assert_eq!(seen.model.as_deref(), Some("churn@3"));
    assert_eq!(seen.inference_id.as_deref(), Some("id-1"));
    assert_eq!(seen.body, "1,2,3\n");
}

#[test]
fn a_body_that_says_nothing_of_itself_is_csv_and_names_are_decoded() {
    let server = start();
    let answer = server.post("/endpoints/no%20such%2Fone/invocations", &[], "1\n");
    assert_eq!(answer.status, 400);
    let seen = server.fake.seen();
    assert_eq!(
        (seen.endpoint.as_str(), seen.content_type.as_str(), seen.accept),
        ("no such/one", "text/csv", None)
    );
    assert_eq!(server.post("/endpoints/%ff/invocations", &[], "1\n").status, 400);
}

#[test]
fn faults_have_awss_names() {
    let server = start();
    for (endpoint, status, name) in [
        ("nobody", 400, "ValidationError"),
        ("busy", 429, "ThrottlingException"),
        ("down", 503, "ServiceUnavailable"),
        ("bad-rows", 424, "ModelError"),
        ("broken", 424, "ModelError"),
    ] {
        let answer = server.post(&format!("/endpoints/{endpoint}/invocations"), &[], "1\n");
        assert_eq!((answer.status, answer.header("x-amzn-errortype")), (status, name), "{endpoint}");
        assert!(!answer.json()["Message"].as_str().unwrap().is_empty());
    }
    assert_eq!(server.post("/endpoints/busy/invocations", &[], "").header("retry-after"), "2");
    assert_eq!(server.post("/endpoints/down/invocations", &[], "").header("retry-after"), "5");
}

#[test]
fn a_models_fault_keeps_the_status_it_would_have_alone() {
    let server = start();
    for (endpoint, original) in
        [("bad-rows", 400), ("many-rows", 413), ("wrong-type", 415), ("late", 504), ("broken", 500)]
    {
        let answer = server.post(&format!("/endpoints/{endpoint}/invocations"), &[], "1\n");
        let body = answer.json();
        assert_eq!(answer.status, 424, "{endpoint}");
        assert_eq!(body["OriginalStatusCode"], original, "{endpoint}");
        assert!(body["LogStreamArn"].as_str().unwrap().starts_with("arn:"), "{endpoint}");
    }
    let body = server.post("/endpoints/bad-rows/invocations", &[], "1\n").json();
    assert_eq!(body["OriginalMessage"], "row 2, column `age`: `abc` is not a number");
}

#[test]
fn our_own_route_answers_faults_with_problem_documents() {
    let server = start();
    let answer = server.post("/v1/endpoints/bad-rows/invocations", &[], "1\n");
    assert_eq!((answer.status, answer.header("content-type")), (400, "application/problem+json"));
    let body = answer.json();
    assert_eq!(
        (body["code"].as_str(), body["title"].as_str()),
        (Some("MS0710"), Some("The rows are at fault"))
    );
    assert_eq!((&body["status"], &body["row"], &body["column"]), (&400.into(), &2.into(), &"age".into()));
    assert_eq!(server.post("/v1/endpoints/churn/invocations", &[], "1\n").text(), "0.75\n");
    for (endpoint, status) in [
        ("nobody", 404),
        ("wrong-type", 415),
        ("many-rows", 413),
        ("late", 504),
        ("broken", 500),
        ("busy", 429),
    ] {
        let answer = server.post(&format!("/v1/endpoints/{endpoint}/invocations"), &[], "1\n");
        assert_eq!(answer.status, status, "{endpoint}");
    }
}

#[test]
fn a_stream_comes_in_frames() {
    let server = start();
    let answer = server.post(
        "/endpoints/churn/invocations-response-stream",
        &[("x-amzn-sagemaker-accept", "text/csv")],
        "1,2\n",
    );
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/vnd.amazon.eventstream");
    assert_eq!(answer.header("x-amzn-sagemaker-content-type"), "text/csv");
    let length = u32::from_be_bytes(answer.body[..4].try_into().unwrap()) as usize;
    assert_eq!(length, answer.body.len());
    assert_eq!(&answer.body[length - 9..length - 4], b"0.75\n");
    assert_eq!(server.fake.seen().accept.as_deref(), Some("text/csv"));
}

#[test]
fn a_wrong_method_says_what_the_path_takes() {
    let server = start();
    let answer = server.get("/endpoints/churn/invocations");
    assert_eq!((answer.status, answer.header("allow")), (405, "POST"));
    let answer = server.get("/nowhere");
    assert_eq!(
        (answer.status, answer.json()["title"].as_str()),
        (404, Some("There is nothing at this path"))
    );
}

#[test]
fn a_header_that_is_no_text_is_refused() {
    let server = start();
    let mut client = common::Raw::connect(server.address);
    client.send(b"POST /endpoints/churn/invocations HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/\xe9\r\ncontent-length: 0\r\n\r\n");
    assert_eq!(client.response().unwrap().status, 400);
}

#[test]
fn every_request_is_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("access.log");
    let mut config = loopback();
    config.access_log = Some(millstream_api::AccessLogConfig { file: Some(file.clone()), sample: 1.0 });
    let server = start_with(&config, Default::default());
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let answer = server.post("/endpoints/churn/invocations", &[("traceparent", trace)], "1,2\n");
    server.post("/endpoints/broken/invocations", &[], "1\n");
    server.join();
    let text = std::fs::read_to_string(file).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert_eq!(lines[0]["request"], answer.header("x-amzn-requestid"));
    assert_eq!((&lines[0]["status"], &lines[0]["bytes_in"]), (&200.into(), &4.into()));
    assert_eq!((&lines[0]["model"], &lines[0]["traceparent"]), (&"churn@3".into(), &trace.into()));
    assert_eq!((&lines[1]["status"], &lines[1]["error"]), (&424.into(), &"model".into()));
}

#[test]
fn the_best_type_that_is_accepted_comes_first() {
    let server = start();
    let seen = |lines: &[&str]| {
        let headers: Vec<(&str, &str)> = lines.iter().map(|line| ("accept", *line)).collect();
        assert_eq!(server.post("/endpoints/churn/invocations", &headers, "1,2\n").status, 200, "{lines:?}");
        server.fake.seen().accept
    };
    for (lines, expected) in [
        (&["text/csv;q=0.1, application/json;q=0.9"][..], Some("application/json, text/csv")),
        (&["application/json;q=0, text/csv"], Some("text/csv")),
        (&["text/html", "application/json"], Some("text/html, application/json")),
        (&["application/json"], Some("application/json")),
        (&["json"], None),
        (&[""], None),
        (&[], None),
    ] {
        assert_eq!(seen(lines).as_deref(), expected, "{lines:?}");
    }
    let strange =
        server.request("POST", "/endpoints/churn/invocations", &[("accept", "text/\u{e9}")], b"1\n");
    assert_eq!(strange.status, 200);
    // The routes with other names for the header, too.
    let headers =
        [("x-amzn-sagemaker-accept", "text/csv;q=0.1, application/json;q=0.9"), ("accept", "text/csv")];
    assert_eq!(server.post("/endpoints/churn/invocations-response-stream", &headers, "1\n").status, 200);
    assert_eq!(server.fake.seen().accept.as_deref(), Some("application/json, text/csv"));
    assert_eq!(server.post("/endpoints/churn/async-invocations", &headers, "1\n").status, 202);
    assert_eq!(server.fake.later()[0].accept.as_deref(), Some("application/json, text/csv"));
}

#[test]
fn nothing_acceptable_is_406_in_each_routes_shape() {
    let server = start();
    let nothing = [("accept", "*/*;q=0")];
    let ask = |path: &str| server.post(path, &nothing, "1,2\n");
    for endpoint in ["churn", "not-acceptable"] {
        let aws = ask(&format!("/endpoints/{endpoint}/invocations"));
        assert_eq!((aws.status, aws.json()["OriginalStatusCode"].as_u64()), (424, Some(406)), "{endpoint}");
        let ours = ask(&format!("/v1/endpoints/{endpoint}/invocations"));
        assert_eq!(
            (ours.status, ours.header("content-type")),
            (406, "application/problem+json"),
            "{endpoint}"
        );
    }
    assert!(ask("/v1/endpoints/churn/invocations").text().contains("text/csv, application/json"));
    let event =
        r#"{"rawPath": "/", "headers": {"accept": "*/*;q=0", "content-type": "text/csv"}, "body": "1,2\n"}"#;
    let lambda = server.post("/2015-03-31/functions/churn/invocations", &[], event);
    assert_eq!((lambda.status, lambda.json()["statusCode"].as_u64()), (200, Some(406)));
    let rows = server.post("/2015-03-31/functions/not-acceptable/invocations", &[], "[[1]]");
    assert_eq!((rows.status, rows.json()["errorType"].as_str()), (200, Some("NotAcceptable")));
}

#[test]
fn a_header_that_says_two_things_is_refused_one_that_says_one_twice_is_not() {
    let server = start();
    for (name, one, other) in [
        ("content-type", "text/csv", "application/json"),
        ("X-Amzn-SageMaker-Target-Variant", "a", "b"),
        ("X-Amzn-SageMaker-Target-Model", "a", "b"),
        ("X-Amzn-SageMaker-Inference-Id", "a", "b"),
        ("x-millstream-alias", "a", "b"),
    ] {
        let both = [(name, one), (name, other)];
        let answer = server.post("/v1/endpoints/churn/invocations", &both, "1\n");
        let parameter = name.to_ascii_lowercase();
        assert_eq!((answer.status, answer.json()["parameter"].as_str()), (400, Some(&*parameter)), "{name}");
        let same = [(name, one), (name, one)];
        assert_eq!(server.post("/v1/endpoints/churn/invocations", &same, "1\n").status, 200, "{name}");
    }
    let (deploy, body) = ("/v1/endpoints/churn/rollback", "");
    let keys = [("idempotency-key", "a"), ("idempotency-key", "b")];
    assert_eq!(server.post(deploy, &keys, body).status, 400);
    let later = [("X-Amzn-SageMaker-InputLocation", "a"), ("X-Amzn-SageMaker-InputLocation", "b")];
    assert_eq!(server.post("/endpoints/churn/async-invocations", &later, "").status, 400);
    let hosts = [("host", "localhost"), ("host", "evil.example")];
    assert_eq!(server.post("/endpoints/churn/invocations", &hosts, "1\n").status, 400);
}

#[test]
fn a_content_type_without_a_character_says_nothing() {
    let server = start();
    for given in ["", "  "] {
        server.post("/endpoints/churn/invocations", &[("content-type", given)], "1\n");
        assert_eq!(server.fake.seen().content_type, "text/csv", "{given:?}");
    }
    server.post("/endpoints/churn/invocations", &[("CONTENT-TYPE", " Text/CSV ; header=present ")], "1\n");
    assert_eq!(server.fake.seen().content_type, "Text/CSV ; header=present");
    // No text.
    let strange = [("content-type", "text/\u{e9}")];
    assert_eq!(server.post("/v1/endpoints/churn/invocations", &strange, "1\n").status, 400);
}
