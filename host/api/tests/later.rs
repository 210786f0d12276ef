//! Requests that are answered later, and their answers.

mod common;

use std::time::Duration;

use common::{Fake, loopback, start, start_with};
use millstream_api::Config;
use millstream_core::artifact::Digest;
use millstream_endpoint::LaterInput;

#[test]
fn a_request_for_later_is_queued() {
    let server = start();
    let path = "/endpoints/churn/async-invocations";
    let answer = server.post(
        path,
        &[
            ("X-Amzn-SageMaker-InputLocation", "s3://b/in.csv"),
            ("X-Amzn-SageMaker-Content-Type", "text/csv"),
            ("X-Amzn-SageMaker-Inference-Id", "i"),
            ("X-Amzn-SageMaker-RequestTTLSeconds", "600"),
        ],
        "",
    );
    assert_eq!((answer.status, answer.json()["InferenceId"].as_str()), (202, Some("i")));
    assert_eq!(answer.header("x-amzn-sagemaker-outputlocation"), "s3://millstream/out/i");
    assert_eq!(answer.header("x-amzn-sagemaker-failurelocation"), "s3://millstream/failed");
    let inline = server.post(path, &[("content-type", "application/json")], "[[1]]");
    assert_eq!(inline.status, 202);
    let later = server.fake.later();
    assert_eq!(later[0].input, LaterInput::Artifact(Digest::of(b"s3://b/in.csv")));
    assert_eq!(later[0].ttl, Some(Duration::from_secs(600)));
    assert_eq!(later[1].input, LaterInput::Inline("[[1]]".into()));
    assert_eq!(later[1].content_type.as_deref(), Some("application/json"));
    let elsewhere = server.post(path, &[("X-Amzn-SageMaker-InputLocation", "s3://none/in.csv")], "");
    assert_eq!((elsewhere.status, elsewhere.header("x-amzn-errortype")), (400, "ValidationError"));
    let nothing = server.post(path, &[], "");
    assert_eq!((nothing.status, nothing.header("x-amzn-errortype")), (400, "ValidationError"));
    let soon =
        [("X-Amzn-SageMaker-InputLocation", "s3://b/x"), ("X-Amzn-SageMaker-RequestTTLSeconds", "soon")];
    assert!(server.post(path, &soon, "").text().contains("whole number"));
}

#[test]
fn an_answer_is_fetched_when_it_is_there() {
    let server = start();
    let get = |id: &str| server.get(&format!("/endpoints/churn/async-invocations/{id}"));
    let done = get("done");
    assert_eq!((done.status, done.text(), done.header("content-type")), (200, "0.75\n", "text/csv"));
    assert_eq!(done.header("x-amzn-invoked-production-variant"), "churn-3");
    let pending = get("pending");
    assert_eq!((pending.status, pending.header("retry-after")), (202, "1"));
    assert_eq!(pending.json()["InferenceId"], "pending");
    let failed = get("failed");
    assert_eq!((failed.status, failed.header("x-amzn-errortype")), (424, "ModelError"));
    assert!(failed.json()["OriginalMessage"].as_str().unwrap().contains("`age`"), "{}", failed.text());
    let unknown = get("never");
    assert_eq!((unknown.status, unknown.header("x-amzn-errortype")), (400, "ValidationError"));
    assert_eq!(server.get("/endpoints/other/async-invocations/done").status, 400);
}

#[test]
fn an_answer_is_for_those_who_may_ask_the_endpoint() {
    let server = start_with(&Config { require_keys: true, ..loopback() }, Fake::with_keys());
    let get = |path: &str, key: &str| {
        server.request("GET", path, &[("authorization", &format!("Bearer {key}"))], b"")
    };
    let path = "/endpoints/churn/async-invocations/done";
    assert_eq!(server.get(path).status, 403);
    assert_eq!(get(path, "msk_stranger").status, 403);
    assert_eq!(get(path, "msk_invoke").status, 200);
    let other = "/endpoints/echo/async-invocations/done";
    assert_eq!(get(other, "msk_invoke").status, 403, "the key is for another endpoint");
    // Rows that lie elsewhere are read for those who may read them.
    let key = |key: &'static str| [("x-api-key", key), ("X-Amzn-SageMaker-InputLocation", "s3://b/in.csv")];
    let ask = |name: &'static str| server.post("/endpoints/churn/async-invocations", &key(name), "").status;
    assert_eq!((ask("msk_invoke"), ask("msk_admin")), (403, 202));
}

#[test]
fn rows_are_in_the_body_or_elsewhere_not_both() {
    let server = start();
    let path = "/endpoints/churn/async-invocations";
    let location = [("X-Amzn-SageMaker-InputLocation", "s3://b/in.csv")];
    let both = server.post(path, &location, "1,2\n");
    assert_eq!((both.status, both.header("x-amzn-errortype")), (400, "ValidationError"));
    assert!(both.text().contains("send one of the two"), "{}", both.text());
    assert!(server.fake.later().is_empty());
    assert_eq!(server.post(path, &location, "").status, 202);
}

#[test]
fn times_are_kept_and_have_limits() {
    let server = start();
    let path = "/endpoints/churn/async-invocations";
    let with = |name: &str, value: &str| server.post(path, &[(name, value)], "1\n").status;
    let (timeout, ttl) = ("X-Amzn-SageMaker-InvocationTimeoutSeconds", "X-Amzn-SageMaker-RequestTTLSeconds");
    assert_eq!([with(timeout, "1"), with(timeout, "3600"), with(ttl, "21600")], [202; 3]);
    let later = server.fake.later();
    assert_eq!([later[0].timeout, later[1].timeout], [1, 3600].map(|time| Some(Duration::from_secs(time))));
    for (name, value) in [
        (timeout, "0"),
        (timeout, "3601"),
        (timeout, "-1"),
        (timeout, "1.5"),
        (timeout, ""),
        (timeout, "18446744073709551616"),
        (ttl, "0"),
        (ttl, "21601"),
        (ttl, "soon"),
    ] {
        assert_eq!(with(name, value), 400, "{name}: {value}");
    }
}

#[test]
fn a_part_of_an_answer_is_a_part() {
    let server = start();
    {
        let path = "/endpoints/churn/async-invocations/done";
        let get = |headers: &[(&str, &str)]| server.request("GET", path, headers, b"");
        let whole = get(&[]);
        assert_eq!((whole.status, whole.header("accept-ranges")), (200, "bytes"));
        let etag = whole.header("etag");
        for (range, text, content_range) in [
            ("bytes=0-1", "0.", "bytes 0-1/5"),
            ("bytes=2-", "75\n", "bytes 2-4/5"),
            ("bytes=-1", "\n", "bytes 4-4/5"),
            ("bytes=0-99", "0.75\n", "bytes 0-4/5"),
        ] {
            let part = get(&[("range", range)]);
            assert_eq!((part.status, part.text()), (206, text), "{path} {range}");
            assert_eq!((part.header("content-range"), part.header("etag")), (content_range, etag), "{range}");
            assert_eq!(part.header("content-type"), "text/csv");
        }
        let beyond = get(&[("range", "bytes=5-")]);
        assert_eq!((beyond.status, beyond.header("content-range")), (416, "bytes */5"));
        for whole in ["bytes=0-1,3-4", "bytes=3-1", "bytes=x", "lines=0-1"] {
            assert_eq!(get(&[("range", whole)]).status, 200, "{whole}");
        }
        assert_eq!(get(&[("range", "bytes=0-1"), ("if-range", etag)]).status, 206);
        assert_eq!(get(&[("range", "bytes=0-1"), ("if-range", "\"other\"")]).status, 200);
        assert_eq!(get(&[("if-match", "\"other\"")]).status, 412);
        let same = get(&[("if-none-match", etag)]);
        assert_eq!((same.status, same.header("etag"), same.body.len()), (304, etag, 0));
        let head = server.request("HEAD", path, &[("range", "bytes=0-1")], b"");
        assert_eq!((head.status, head.header("content-length"), head.body.len()), (206, "2", 0));
    }
}
