//! Requests of S3's clients: which they are, and that the limits of all requests hold for them.

mod common;

use std::time::{Duration, Instant};

use common::{Fake, Raw, Response, Running, loopback, start, start_with};
use millstream_api::{AccessLogConfig, Config};

const SIGNED: (&str, &str) = (
    "authorization",
    "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0",
);

fn with_buckets(config: &Config) -> Running {
    start_with(config, Fake::with_buckets())
}

fn ask(server: &Running, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
    server.request(method, path, &[&[SIGNED], headers].concat(), body)
}

#[test]
fn they_are_told_from_all_others() {
    let server = with_buckets(&loopback());
    assert_eq!(ask(&server, "PUT", "/raw-data", &[], b"").status, 200);
    let put = ask(&server, "PUT", "/raw-data/a/b", &[], b"hello");
    assert_eq!((put.status, put.header("etag")), (200, "\"5d41402abc4b2a76b9719d911017c592\""));
    assert!(!put.header("x-amz-request-id").is_empty(), "{:?}", put.headers);
    assert_eq!(put.header("x-amz-request-id"), put.header("x-amzn-requestid"));
    assert_eq!(ask(&server, "GET", "/raw-data/a/b", &[], b"").text(), "hello");
    // By the host's name, in both styles.
    let by_host = |host: &str, path: &str| server.request("GET", path, &[("host", host)], b"");
    assert_eq!(by_host("s3.localhost:80", "/raw-data/a/b").text(), "hello");
    assert_eq!(by_host("raw-data.s3.localhost", "/a/b").text(), "hello");
    // Whoever says nothing of S3 gets what is at that path: nothing, or a route.
    let other = server.get("/raw-data/a/b");
    assert_eq!((other.status, other.header("content-type")), (404, "application/problem+json"));
    let sagemaker = SIGNED.1.replace("/s3/", "/sagemaker/");
    let answer = server.request(
        "POST",
        "/endpoints/churn/invocations",
        &[("authorization", &sagemaker), ("content-type", "text/csv")],
        b"1\n",
    );
    assert_eq!((answer.status, answer.text()), (200, "0.75\n"));
    // A bucket may be called like a route.
    assert_eq!(ask(&server, "PUT", "/endpoints", &[], b"").status, 200);
    assert_eq!(ask(&server, "PUT", "/endpoints/churn/invocations", &[], b"object").status, 200);
    assert_eq!(ask(&server, "GET", "/endpoints/churn/invocations", &[], b"").text(), "object");
    // Where there are no buckets, there is no such service.
    let without = start();
    assert_eq!(ask(&without, "GET", "/raw-data/a/b", &[], b"").status, 404);
}

#[test]
fn pages_of_other_sites_are_kept_out() {
    let server = with_buckets(&loopback());
    let refused = ask(&server, "PUT", "/raw-data", &[("origin", "http://evil.example")], b"");
    assert_eq!((refused.status, refused.header("content-type")), (403, "application/xml"));
    assert!(refused.text().contains("<Code>AccessDenied</Code>"), "{}", refused.text());
    assert_eq!(ask(&server, "PUT", "/raw-data", &[("host", "evil.example")], b"").status, 421);
    assert_eq!(ask(&server, "HEAD", "/raw-data", &[], b"").status, 404, "nothing was made");
}

#[test]
fn a_body_of_any_size_comes_in_and_goes_out_and_a_slow_one_does_not() {
    let mut config = loopback();
    // What holds for rows does not hold for objects: they are not held in memory.
    config.limits.body = 1000;
    config.limits.bodies = 1000;
    config.limits.body_grace = Duration::from_millis(300);
    let server = with_buckets(&config);
    ask(&server, "PUT", "/raw-data", &[], b"");
    let large = vec![7; 20 << 20];
    assert_eq!(ask(&server, "PUT", "/raw-data/large", &[], &large).status, 200);
    assert!(ask(&server, "GET", "/raw-data/large", &[], b"").body == large);
    let mut slow = Raw::connect(server.address);
    let begun = Instant::now();
    slow.send_head("PUT", "/raw-data/slow", &[SIGNED, ("content-length", "1000000")]);
    slow.send(&[1; 1000]);
    let answer = slow.response().unwrap();
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(answer.text().contains("IncompleteBody"), "{}", answer.text());
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(ask(&server, "HEAD", "/raw-data/slow", &[], b"").status, 404);
    // A body that nobody wants does not keep its answer from being seen.
    assert_eq!(ask(&server, "PUT", "/none-there/large", &[], &large).status, 404);
}

#[test]
fn a_client_that_waits_to_send_its_body_is_not_taken_at_its_word_after_an_error() {
    let server = with_buckets(&loopback());
    let mut client = Raw::connect(server.address);
    client.send_head("PUT", "/none-there/k", &[SIGNED, ("content-length", "1"), ("expect", "100-continue")]);
    let answer = client.response().unwrap();
    assert_eq!((answer.status, answer.header("connection")), (404, "close"), "{}", answer.text());
    assert!(client.is_closed());
    ask(&server, "PUT", "/raw-data", &[], b"");
    let mut client = Raw::connect(server.address);
    client.send_head("PUT", "/raw-data/k", &[SIGNED, ("content-length", "1"), ("expect", "100-continue")]);
    assert_eq!(client.response().unwrap().status, 100);
    client.send(b"x");
    assert_eq!(client.response().unwrap().status, 200);
    assert_eq!(client.request("GET", "/raw-data/k", &[SIGNED], b"").text(), "x");
}

#[test]
fn they_are_logged_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("access.log");
    let mut config = loopback();
    config.access_log = Some(AccessLogConfig { file: Some(file.clone()), sample: 1.0 });
    let server = with_buckets(&config);
    ask(&server, "PUT", "/raw-data", &[], b"");
    ask(
        &server,
        "PUT",
        "/raw-data/k?x-id=PutObject&X-Amz-Signature=secret&X-Amz-Date=29990101T000000Z&X-Amz-Expires=9",
        &[],
        b"12345",
    );
    ask(&server, "GET", "/raw-data/none", &[], b"");
    common::eventually("three lines", || {
        std::fs::read_to_string(&file).is_ok_and(|log| log.lines().count() == 3)
    });
    let log = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        (&lines[1]["path"], &lines[1]["status"], &lines[1]["bytes_in"]),
        (&"/raw-data/k".into(), &200.into(), &5.into()),
        "{log}"
    );
    assert_eq!(lines[2]["status"], 404, "{log}");
    assert!(!log.contains("secret"), "{log}");
    let metrics = server.get("/metrics");
    assert!(metrics.text().contains("refused_total{kind=\"no-such-target\"} 1"), "{}", metrics.text());
}

#[test]
fn bad_requests_are_answered() {
    let server = with_buckets(&loopback());
    ask(&server, "PUT", "/raw-data", &[], b"");
    for (method, path, headers, body) in [
        ("PUT", "/raw-data/%ff", &[][..], &b"x"[..]),
        ("PUT", "/RAW/x", &[], b"x"),
        ("GET", "/raw-data?list-type=2&max-keys=-1", &[], b""),
        ("GET", "/raw-data?list-type=2&max-keys=99999999999999", &[], b""),
        ("GET", "/raw-data?list-type=2&encoding-type=x", &[], b""),
        ("GET", "/raw-data?list-type=2&continuation-token=%25", &[], b""),
        ("POST", "/raw-data?delete", &[], b"<Delete><Object>"),
        ("POST", "/raw-data?delete", &[], b""),
        ("POST", "/raw-data/k?uploadId=../../x", &[], b"<CompleteMultipartUpload/>"),
        ("PUT", "/raw-data/k?partNumber=0&uploadId=x", &[], b"x"),
        ("PUT", "/raw-data/k?partNumber=x&uploadId=x", &[], b"x"),
        ("PUT", "/raw-data/k", &[("content-md5", "x")], b"x"),
        ("PUT", "/raw-data/k", &[("x-amz-checksum-crc32", "AAAAAA==")], b"x"),
        ("PUT", "/raw-data/k", &[("x-amz-sdk-checksum-algorithm", "MD4")], b"x"),
        ("PUT", "/raw-data/k", &[("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")], b"x"),
        (
            "PUT",
            "/raw-data/k",
            &[
                ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
                ("x-amz-decoded-content-length", "1"),
            ],
            b"x",
        ),
        (
            "PUT",
            "/raw-data/k",
            &[("x-amz-content-sha256", "0000000000000000000000000000000000000000000000000000000000000000")],
            b"x",
        ),
        ("PUT", "/raw-data/k", &[("x-amz-copy-source", "nowhere")], b""),
        ("PUT", "/raw-data/k", &[("x-amz-copy-source", "/raw-data/%ff")], b""),
        ("GET", "/raw-data/k?versionId=x", &[], b""),
        ("GET", "/raw-data/k?X-Amz-Signature=x&X-Amz-Date=x", &[], b""),
        ("POST", "/raw-data", &[("content-type", "multipart/form-data; boundary=x")], b"--x--"),
        ("PATCH", "/raw-data/k", &[], b""),
        ("GET", "/raw-data/k?AWSAccessKeyId=x&Signature=y", &[], b""),
    ] {
        let answer = ask(&server, method, path, headers, body);
        assert!(
            (400..=501).contains(&answer.status) && answer.status != 500,
            "{method} {path} {headers:?}: {} {}",
            answer.status,
            answer.text()
        );
        assert!(answer.text().contains("<Code>"), "{method} {path}: {}", answer.text());
    }
    assert_eq!(ask(&server, "HEAD", "/raw-data/k", &[], b"").status, 404, "nothing was written");
}

#[test]
fn chunks_and_trailers_are_read_where_nobody_signs() {
    let server = with_buckets(&loopback());
    ask(&server, "PUT", "/raw-data", &[], b"");
    let streamed = |crc: &str| {
        let body = format!("5\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:{crc}\r\n\r\n");
        let headers = [
            ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
            ("x-amz-decoded-content-length", "11"),
            ("x-amz-trailer", "x-amz-checksum-crc32"),
            ("content-encoding", "aws-chunked"),
        ];
        ask(&server, "PUT", "/raw-data/k", &headers, body.as_bytes())
    };
    let wrong = streamed("AAAAAA==");
    assert_eq!(wrong.status, 400, "{}", wrong.text());
    assert!(wrong.text().contains("BadDigest"), "{}", wrong.text());
    assert_eq!(ask(&server, "HEAD", "/raw-data/k", &[], b"").status, 404);
    // Of `hello world`.
    assert_eq!(streamed("DUoRhQ==").status, 200);
    let got = ask(&server, "GET", "/raw-data/k", &[("x-amz-checksum-mode", "ENABLED")], b"");
    assert_eq!((got.text(), got.header("x-amz-checksum-crc32")), ("hello world", "DUoRhQ=="));
    assert_eq!(got.header("content-encoding"), "", "that was the coding of the request");
}

#[test]
fn parts_and_conditions_are_those_of_http() {
    let server = with_buckets(&loopback());
    ask(&server, "PUT", "/raw-data", &[], b"");
    ask(&server, "PUT", "/raw-data/k", &[("content-type", "text/csv")], b"0.75\n");
    let get = |headers: &[(&str, &str)]| ask(&server, "GET", "/raw-data/k", headers, b"");
    let whole = get(&[]);
    assert_eq!(
        (whole.status, whole.header("accept-ranges"), whole.header("content-type")),
        (200, "bytes", "text/csv")
    );
    let (etag, modified) = (whole.header("etag").to_owned(), whole.header("last-modified").to_owned());
    assert_eq!(get(&[("range", "bytes=0-1"), ("if-range", &etag)]).status, 206);
    assert_eq!(get(&[("range", "bytes=0-1"), ("if-range", &modified)]).status, 206);
    assert_eq!(get(&[("range", "bytes=0-1"), ("if-range", "\"other\"")]).status, 200);
    let beyond = get(&[("range", "bytes=5-")]);
    assert_eq!((beyond.status, beyond.header("content-range")), (416, "bytes */5"));
    let same = get(&[("if-none-match", &etag)]);
    assert_eq!((same.status, same.header("etag"), same.body.len()), (304, etag.as_str(), 0));
    assert_eq!(get(&[("if-modified-since", &modified)]).status, 304);
    let head = ask(&server, "HEAD", "/raw-data/k", &[("range", "bytes=1-2")], b"");
    assert_eq!((head.status, head.header("content-length")), (206, "2"));
}
