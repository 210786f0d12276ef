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
    assert_eq!(body["type"], "urn:millstream:problem:bad-rows");
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
    assert_eq!((answer.status, answer.json()["title"].as_str()), (404, Some("No such path")));
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
