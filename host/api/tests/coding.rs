//! Bodies that were packed.

mod common;

use std::io::Write as _;

use base64::{Engine, prelude::BASE64_STANDARD};
use common::{loopback, start, start_with};
use flate2::{
    Compression,
    write::{GzEncoder, ZlibEncoder},
};
use serde_json::json;

/// `0.5,3,2\n` a thousand times.
const BROTLI: &[u8] = include_bytes!("../src/coding/testdata/rows.br");
const ZSTD: &[u8] = include_bytes!("../src/coding/testdata/rows.zst");

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::default());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut out = ZlibEncoder::new(Vec::new(), Compression::default());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

#[test]
fn a_packed_body_is_unpacked() {
    let server = start();
    let rows = b"0.5,3,2\n".repeat(1000);
    for (coding, body) in [
        ("gzip", gzip(&rows)),
        ("x-gzip", gzip(&rows)),
        ("GZip", gzip(&rows)),
        ("deflate", deflate(&rows)),
        ("br", BROTLI.to_vec()),
        ("zstd", ZSTD.to_vec()),
        ("identity", rows.clone()),
        ("", rows.clone()),
        ("identity, gzip", gzip(&rows)),
        // Applied from left to right, undone from right to left.
        ("deflate, gzip", gzip(&deflate(&rows))),
    ] {
        let headers = [("content-encoding", coding), ("content-type", "text/csv")];
        let answer = server.request("POST", "/endpoints/churn/invocations", &headers, &body);
        assert_eq!(answer.status, 200, "{coding}: {}", answer.text());
        assert_eq!(server.fake.seen().body, rows, "{coding}");
    }
    let order = [("content-encoding", "gzip, deflate")];
    let wrong = server.request("POST", "/endpoints/churn/invocations", &order, &gzip(&deflate(&rows)));
    assert_eq!(wrong.status, 400, "the other way round: {}", wrong.text());
    // Several lines are one list.
    let twice = [("content-encoding", "deflate"), ("content-encoding", "gzip")];
    let answer = server.request("POST", "/endpoints/churn/invocations", &twice, &gzip(&deflate(&rows)));
    assert_eq!((answer.status, server.fake.seen().body), (200, rows.into()));
}

#[test]
fn every_route_that_takes_a_body_unpacks_it() {
    let server = start();
    let packed = [("content-encoding", "gzip"), ("content-type", "application/json")];
    let send = |path: &str, body: &str| server.request("POST", path, &packed, &gzip(body.as_bytes()));
    let rows = r#"{"instances": [[1, 2]]}"#;
    for path in [
        "/endpoints/churn/invocations",
        "/v1/endpoints/churn/invocations",
        "/endpoints/churn/invocations-response-stream",
        "/2015-03-31/functions/churn/invocations",
    ] {
        assert_eq!(send(path, rows).status, 200, "{path}");
        assert_eq!(server.fake.seen().body, rows, "{path}");
    }
    assert_eq!(send("/endpoints/churn/async-invocations", rows).status, 202);
    assert_eq!(server.fake.later()[0].input, millstream_endpoint::LaterInput::Inline(rows.into()));
    let tensors = r#"{"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP64", "data": [1, 2]}]}"#;
    assert_eq!(send("/v2/models/churn/infer", tensors).status, 200);
    assert_eq!(send("/v1/endpoints/churn/deploy", r#"{"model": "churn@4"}"#).status, 200);
    assert_eq!(server.fake.changes().len(), 1);
    // A body that may be left out is left out.
    assert_eq!(server.request("POST", "/v1/endpoints/churn/rollback", &packed, b"").status, 200);
}

#[test]
fn a_coding_that_is_not_understood_is_named_with_those_that_are() {
    let server = start();
    for (path, error) in [
        ("/endpoints/churn/invocations", "ValidationError"),
        ("/endpoints/churn/async-invocations", "ValidationError"),
        ("/2015-03-31/functions/churn/invocations", "UnsupportedMediaTypeException"),
        ("/v2/models/churn/infer", ""),
        ("/v1/endpoints/churn/invocations", ""),
        ("/v1/endpoints/churn/deploy", ""),
    ] {
        for coding in
            ["compress", "gzip, snappy", "gzip;q=1", "aws-chunked", "gzip gzip", "gzip,gzip,gzip,gzip"]
        {
            let answer = server.request("POST", path, &[("content-encoding", coding)], b"1,2\n");
            assert_eq!((answer.status, answer.header("x-amzn-errortype")), (415, error), "{path} {coding}");
            assert_eq!(
                answer.header("accept-encoding"),
                "gzip, deflate, br, zstd, identity",
                "{path} {coding}"
            );
            assert!(answer.text().contains("ontent-Encoding") || answer.text().contains("content codings"));
        }
    }
    assert_eq!(server.fake.asked(), 0);
    assert!(
        server.get("/metrics").text().contains(r#"millstream_refused_total{kind="unsupported-coding"} 36"#)
    );
}

#[test]
fn what_is_not_whole_or_too_large_is_refused() {
    let mut config = loopback();
    config.limits.body = 100_000;
    let server = start_with(&config, common::Fake::default());
    let path = "/v1/endpoints/churn/invocations";
    let send = |body: &[u8]| server.request("POST", path, &[("content-encoding", "gzip")], body);
    let whole = gzip(b"1,2\n");
    for broken in [&whole[..whole.len() - 1], &whole[..5], b"1,2\n", &[whole.clone(), vec![1]].concat()] {
        let answer = send(broken);
        assert_eq!((answer.status, answer.json()["parameter"].as_str()), (400, Some("Content-Encoding")));
    }
    let bomb = gzip(&vec![b'1'; 100_001]);
    assert!(bomb.len() < 1000);
    assert_eq!(send(&bomb).status, 413);
    assert_eq!(send(&gzip(&bomb)).status, 200, "its own bytes are few");
    let headers = [("content-encoding", "gzip, gzip")];
    assert_eq!(server.request("POST", path, &headers, &gzip(&bomb)).status, 413);
    assert_eq!(send(&gzip(&vec![b'1'; 100_000])).status, 200);
    // The packed bytes have the same limit.
    assert_eq!(send(&vec![b'1'; 100_001]).status, 413);
}

#[test]
fn a_body_in_an_event_is_unpacked_too() {
    let server = start();
    let event = |coding: &str, body: &[u8]| {
        json!({
            "rawPath": "/",
            "headers": {"content-type": "text/csv", "Content-Encoding": coding},
            "body": BASE64_STANDARD.encode(body),
            "isBase64Encoded": true,
        })
        .to_string()
    };
    let path = "/2015-03-31/functions/churn/invocations";
    let answer = server.post(path, &[], &event("gzip", &gzip(b"1,2\n")));
    assert_eq!((answer.json()["statusCode"].as_u64(), server.fake.seen().body), (Some(200), "1,2\n".into()));
    for (coding, body, status) in [("snappy", &b"1,2\n"[..], 415), ("gzip", b"1,2\n", 400)] {
        let answer = server.post(path, &[], &event(coding, body));
        assert_eq!((answer.status, answer.json()["statusCode"].as_u64()), (200, Some(status)), "{coding}");
        assert_eq!(answer.header("x-amz-function-error"), "");
    }
}
