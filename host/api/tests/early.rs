//! Answers that are ready before the body has come: the client sees them, however it sends.

mod common;

use std::time::{Duration, Instant};

use common::{Fake, Raw, Response, loopback, start, start_with};

/// Larger than all that sockets hold on the way.
const LARGE: usize = 50 << 20;

/// Method, path, headers and the status of the answer.
type Early = (&'static str, &'static str, &'static [(&'static str, &'static str)], u16);

/// Requests that are refused, or answered, without their bodies.
const EARLY: [Early; 13] = [
    ("POST", "/nowhere", &[], 404),
    ("DELETE", "/endpoints/churn/invocations", &[], 405),
    ("POST", "/endpoints/%ff/invocations", &[], 400),
    ("POST", "/endpoints/churn/invocations", &[("content-encoding", "snappy")], 415),
    (
        "POST",
        "/endpoints/churn/invocations",
        &[("x-millstream-alias", "a"), ("x-millstream-alias", "b")],
        400,
    ),
    ("POST", "/v2/models/churn/infer", &[("content-type", "text/csv")], 415),
    ("POST", "/v2/models/churn/infer", &[("inference-header-content-length", "7")], 415),
    ("POST", "/2015-03-31/functions/churn/invocations?Qualifier=9", &[], 404),
    ("POST", "/2015-03-31/functions/churn/invocations", &[("x-amz-invocation-type", "DryRun")], 204),
    ("POST", "/v1/endpoints/churn/deploy", &[("idempotency-key", "a b")], 400),
    ("POST", "/endpoints/churn/async-invocations", &[("x-amzn-sagemaker-requestttlseconds", "soon")], 400),
    (
        "POST",
        "/endpoints/churn/async-invocations",
        &[("x-amzn-sagemaker-inference-id", "a"), ("x-amzn-sagemaker-inference-id", "b")],
        400,
    ),
    ("GET", "/ping", &[], 200),
];

fn send(client: &mut Raw, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
    client.request(method, path, headers, body)
}

#[test]
fn a_client_that_sends_everything_first_sees_the_answer() {
    let server = start();
    let body = vec![b'1'; LARGE];
    for (method, path, headers, status) in EARLY {
        let mut client = Raw::connect(server.address);
        let answer = send(&mut client, method, path, headers, &body);
        assert_eq!(answer.status, status, "{method} {path} {headers:?}");
        // The connection is as good as before.
        assert_eq!(client.request("GET", "/ping", &[], b"").status, 200, "{method} {path} {headers:?}");
    }
    assert_eq!(server.fake.asked(), 0);
}

/// As Python's `http.client` does: it names `Expect`, and does not wait.
#[test]
fn a_client_that_names_expect_and_sends_all_the_same_sees_the_answer() {
    let server = start();
    let body = vec![b'1'; LARGE];
    for (method, path, headers, status) in EARLY {
        let mut client = Raw::connect(server.address);
        let headers = [headers, &[("expect", "100-continue")]].concat();
        let answer = send(&mut client, method, path, &headers, &body);
        assert_eq!(answer.status, status, "no `100 Continue` for {method} {path}");
    }
}

#[test]
fn a_client_that_waits_is_not_told_to_go_on() {
    let server = start();
    for (method, path, headers, status) in EARLY {
        let mut client = Raw::connect(server.address);
        let headers = [headers, &[("expect", "100-continue"), ("content-length", "1000")]].concat();
        client.send_head(method, path, &headers);
        assert_eq!(client.response().unwrap().status, status, "{method} {path}");
    }
    // Where the body is wanted it is.
    let mut client = Raw::connect(server.address);
    client.send_head(
        "POST",
        "/endpoints/size/invocations",
        &[("expect", "100-continue"), ("content-length", "3")],
    );
    assert_eq!(client.response().unwrap().status, 100);
    client.send(b"1,2");
    assert_eq!(client.response().unwrap().text(), "3");
}

#[test]
fn without_a_key_the_body_is_read_on_too() {
    let config = millstream_api::Config { require_keys: true, ..loopback() };
    let server = start_with(&config, Fake::with_keys());
    let body = vec![b'1'; LARGE];
    for (path, key, status) in [
        ("/endpoints/churn/invocations", "msk_stranger", 403),
        ("/v1/endpoints/churn/deploy", "msk_invoke", 403),
        ("/v1/endpoints/churn/deploy", "msk_stranger", 401),
        ("/endpoints/churn/invocations", "msk_lost", 503),
    ] {
        let answer = server.request("POST", path, &[("x-api-key", key)], &body);
        assert_eq!(answer.status, status, "{path} {key}");
    }
}

#[test]
fn reading_on_has_an_end() {
    let mut config = loopback();
    config.limits.discard = Duration::from_secs(1);
    config.limits.discard_idle = Duration::from_millis(300);
    let server = start_with(&config, Fake::default());
    // Nothing comes any more.
    let begun = Instant::now();
    let mut client = Raw::connect(server.address);
    client.send_head("POST", "/nowhere", &[("content-length", "1000")]);
    client.send(b"1");
    assert_eq!(client.response().unwrap().status, 404);
    assert!(client.is_closed());
    assert!(begun.elapsed() < Duration::from_secs(5));
    // It goes on for ever.
    let begun = Instant::now();
    let mut client = Raw::connect(server.address);
    client.send_head("POST", "/nowhere", &[("content-length", "100000000")]);
    assert_eq!(client.response().unwrap().status, 404);
    while client.try_send(b"1") {
        assert!(begun.elapsed() < Duration::from_secs(10), "the server reads for ever");
        std::thread::sleep(Duration::from_millis(20));
    }
}
