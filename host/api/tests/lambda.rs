//! Lambda's invoke.

mod common;

use base64::{Engine, prelude::BASE64_STANDARD};
use common::{eventually, start};
use serde_json::json;

const PATH: &str = "/2015-03-31/functions/churn/invocations";

#[test]
fn an_event_with_rows_is_answered() {
    let server = start();
    let rows = r#"{"instances": [[1, 2]]}"#;
    let answer = server.post(PATH, &[], rows);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json(), json!({"predictions": [{"prediction": "yes", "probability": 0.75}]}));
    assert_eq!(answer.header("x-amz-executed-version"), "3");
    assert_eq!(answer.header("x-amz-function-error"), "");
    let seen = server.fake.seen();
    assert_eq!((seen.endpoint.as_str(), seen.alias, seen.variant), ("churn", None, None));
    assert_eq!((seen.content_type.as_str(), seen.body.as_ref()), ("application/json", rows.as_bytes()));
}

#[test]
fn a_qualifier_is_an_alias_a_variant_or_a_version() {
    let server = start();
    let arn = "arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Achurn";
    for (path, alias, variant) in [
        (format!("{PATH}?Qualifier=next"), Some("next"), None),
        (format!("{PATH}?Qualifier=canary"), Some("next"), Some("canary")),
        (format!("{PATH}?Qualifier=4"), Some("next"), Some("canary")),
        (format!("{PATH}?Qualifier=%24LATEST"), None, None),
        (format!("/2015-03-31/functions/{arn}%3Alive/invocations"), Some("live"), None),
        (format!("/2015-03-31/functions/{arn}/invocations"), None, None),
    ] {
        assert_eq!(server.post(&path, &[], "[[1]]").status, 200, "{path}");
        let seen = server.fake.seen();
        assert_eq!((seen.alias.as_deref(), seen.variant.as_deref()), (alias, variant), "{path}");
    }
    let answer = server.post(&format!("{PATH}?Qualifier=9"), &[], "[[1]]");
    assert_eq!((answer.status, answer.header("x-amzn-errortype")), (404, "ResourceNotFoundException"));
    assert!(answer.text().contains("canary (version 4)"), "{}", answer.text());
}

#[test]
fn an_http_event_is_unpacked_and_answered_in_kind() {
    let server = start();
    let event = json!({
        "version": "2.0",
        "rawPath": "/",
        "headers": {"content-type": "text/csv"},
        "body": BASE64_STANDARD.encode("1,2\n"),
        "isBase64Encoded": true,
    });
    let answer = server.post(PATH, &[], &event.to_string());
    assert_eq!(answer.status, 200);
    let body = answer.json();
    assert_eq!(
        (&body["statusCode"], &body["body"], &body["isBase64Encoded"]),
        (&200.into(), &"0.75\n".into(), &false.into())
    );
    assert_eq!(body["headers"]["content-type"], "text/csv");
    assert_eq!(
        (server.fake.seen().content_type, server.fake.seen().body),
        ("text/csv".into(), "1,2\n".into())
    );
    let bad = "/2015-03-31/functions/bad-rows/invocations";
    let answer = server.post(bad, &[], &event.to_string());
    assert_eq!((answer.status, answer.json()["statusCode"].as_u64()), (200, Some(400)));
    assert!(answer.json()["body"].as_str().unwrap().contains("\"row\":2"));
}

#[test]
fn what_a_handler_would_raise_is_a_function_error() {
    let server = start();
    for (function, name) in [
        ("bad-rows", "InvalidInput"),
        ("broken", "ModelError"),
        ("late", "Sandbox.Timedout"),
        ("many-rows", "TooManyRows"),
    ] {
        let answer = server.post(&format!("/2015-03-31/functions/{function}/invocations"), &[], "[[1]]");
        assert_eq!((answer.status, answer.header("x-amz-function-error")), (200, "Unhandled"), "{function}");
        assert_eq!(answer.json()["errorType"], name);
        assert!(!answer.json()["errorMessage"].as_str().unwrap().is_empty());
    }
    for (function, status, name) in [
        ("nobody", 404, "ResourceNotFoundException"),
        ("busy", 429, "TooManyRequestsException"),
        ("down", 503, "ServiceException"),
    ] {
        let answer = server.post(&format!("/2015-03-31/functions/{function}/invocations"), &[], "[[1]]");
        assert_eq!((answer.status, answer.header("x-amzn-errortype")), (status, name), "{function}");
    }
    let empty = server.post(PATH, &[], "");
    assert_eq!((empty.status, empty.header("x-amzn-errortype")), (400, "InvalidRequestContentException"));
}

#[test]
fn the_log_comes_back_if_asked_for() {
    let server = start();
    assert_eq!(server.post(PATH, &[], "[[1]]").header("x-amz-log-result"), "");
    let answer = server.post(PATH, &[("x-amz-log-type", "Tail")], "[[1]]");
    let log = String::from_utf8(BASE64_STANDARD.decode(answer.header("x-amz-log-result")).unwrap()).unwrap();
    assert!(log.starts_with(&format!("START RequestId: {}", answer.header("x-amzn-requestid"))), "{log}");
    assert!(log.contains("Duration: 0.25 ms"), "{log}");
}

#[test]
fn events_and_dry_runs_do_not_wait() {
    let server = start();
    let dry = server.post(PATH, &[("x-amz-invocation-type", "DryRun")], "[[1]]");
    assert_eq!((dry.status, server.fake.asked()), (204, 0));
    let event = server.post(PATH, &[("x-amz-invocation-type", "Event")], "[[1]]");
    assert_eq!(event.status, 202);
    eventually("the event is handled", || server.fake.asked() == 1);
    let nobody = "/2015-03-31/functions/nobody/invocations";
    assert_eq!(server.post(nobody, &[("x-amz-invocation-type", "Event")], "[[1]]").status, 404);
    let strange = server.post(PATH, &[("x-amz-invocation-type", "Later")], "[[1]]");
    assert_eq!((strange.status, strange.header("x-amzn-errortype")), (400, "InvalidRequestContentException"));
}

#[test]
fn an_http_event_without_rows_gets_an_http_answer() {
    let server = start();
    for event in [
        r#"{"resource":"/","httpMethod":"POST","headers":{"content-type":"application/json"},"requestContext":{},"body":null,"isBase64Encoded":false}"#,
        r#"{"version":"2.0","rawPath":"/","headers":{"content-type":"text/csv"},"requestContext":{"http":{"method":"POST"}},"isBase64Encoded":false}"#,
        r#"{"rawPath": "/", "body": "?", "isBase64Encoded": true}"#,
        r#"{"httpMethod": "POST", "body": 7}"#,
    ] {
        let answer = server.post(PATH, &[], event);
        assert_eq!((answer.status, answer.header("x-amz-function-error")), (200, ""), "{event}");
        assert_eq!(answer.json()["statusCode"], 400, "{event}");
        let later = server.post(PATH, &[("x-amz-invocation-type", "Event")], event);
        assert_eq!(later.status, 202, "{event}");
    }
    assert_eq!(server.fake.asked(), 0);
    assert!(server.get("/metrics").text().contains(r#"millstream_refused_total{kind="bad-request"} 4"#));
}

#[test]
fn headers_of_an_event_are_read_whatever_they_are() {
    let server = start();
    for (event, content_type) in [
        (
            r#"{"httpMethod":"POST","headers":{"content-type":"text/csv","content-length":8,"x":null},"body":"1,2\n"}"#,
            "text/csv",
        ),
        (
            r#"{"requestContext":{"elb":{}},"httpMethod":"POST","path":"/","multiValueHeaders":{"content-type":["text/csv"]},"body":"1,2\n","isBase64Encoded":false}"#,
            "text/csv",
        ),
        (
            r#"{"httpMethod":"POST","headers":{"content-type":"application/json"},"body":{"instances":[[1,2]]}}"#,
            "application/json",
        ),
    ] {
        let answer = server.post(PATH, &[], event);
        assert_eq!((answer.status, answer.json()["statusCode"].as_u64()), (200, Some(200)), "{event}");
        assert_eq!(server.fake.seen().content_type, content_type, "{event}");
        let lists = answer.json()["multiValueHeaders"]["content-type"][0].is_string();
        assert_eq!(lists, event.contains("multiValueHeaders"), "{event}");
    }
    let event = r#"{"rawPath":"/","headers":{"accept":"text/csv;q=0.1,application/json"},"body":"[[1]]"}"#;
    server.post(PATH, &[], event);
    assert_eq!(server.fake.seen().accept.as_deref(), Some("application/json, text/csv"));
}
