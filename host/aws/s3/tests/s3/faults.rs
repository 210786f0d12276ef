//! What goes wrong between a store and S3, made to happen by a proxy before MiniStack.

use std::{
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use aws_smithy_types::{DateTime, date_time::Format};
use millstream_emulators::proxy::{Act, Proxy, Request};
use millstream_errors::{Code, Coded as _};
use millstream_store::{Artifacts, ErrorKind, PutOptions, Store};

use crate::{bucket, store};

/// A store behind a proxy, which gets the number of the request among those that `such` picks, from 0.
fn behind(
    such: impl Fn(&Request) -> bool + Send + Sync + 'static,
    rule: impl Fn(usize) -> Act + Send + Sync + 'static,
) -> Option<(Proxy, impl Store + Clone + 'static)> {
    let emulator = millstream_emulators::ministack()?;
    let bucket = bucket(&emulator.url());
    let nth = AtomicUsize::new(0);
    let proxy = Proxy::start(emulator.address(), move |request, _| {
        if such(request) { rule(nth.fetch_add(1, Ordering::SeqCst)) } else { Act::Pass }
    });
    let store = store(&proxy.url(), &bucket);
    Some((proxy, store))
}

fn is_put(request: &Request) -> bool {
    request.method == "PUT"
}

fn is_get(request: &Request) -> bool {
    request.method == "GET" && !request.target.contains("list-type")
}

#[test]
fn throttling_and_faults_of_the_service_pass() {
    let bad = [
        Act::s3(503, "SlowDown", "Please reduce your request rate."),
        Act::s3(500, "InternalError", "We encountered an internal error."),
        Act::Lose,
    ];
    let again = bad.clone();
    let rule = move |nth: usize| again.get(nth).cloned().unwrap_or(Act::Pass);
    let Some((proxy, store)) = behind(is_put, rule) else { return };
    store.put("a", b"1", &PutOptions::absent()).unwrap();
    assert_eq!(store.get("a").unwrap().bytes, b"1");
    assert_eq!(proxy.count(is_put), 4);
    let Some((_proxy, store)) = behind(is_get, move |nth: usize| bad.get(nth).cloned().unwrap_or(Act::Pass))
    else {
        return;
    };
    store.put("a", b"1", &PutOptions::absent()).unwrap();
    assert_eq!(store.get("a").unwrap().bytes, b"1");
}

#[test]
fn what_does_not_pass_is_said() {
    let slow = |_| Act::s3(503, "SlowDown", "Please reduce your request rate.");
    let Some((_proxy, store)) = behind(is_put, slow) else { return };
    let error = store.put("a", b"1", &PutOptions::absent()).unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, Code::AwsThrottled), "{error}");
    assert_eq!(store.get("a").unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_body_that_breaks_off_is_read_again() {
    let Some((proxy, store)) = behind(is_get, |nth| if nth < 2 { Act::Cut(1000) } else { Act::Pass }) else {
        return;
    };
    let bytes: Vec<u8> = (0..100_000_u32).map(|i| (i % 251) as u8).collect();
    store.put("a", &bytes, &PutOptions::absent()).unwrap();
    assert!(store.get("a").unwrap().bytes == bytes);
    assert_eq!(proxy.count(is_get), 3);
    let Some((_proxy, store)) = behind(is_get, |_| Act::Cut(1000)) else { return };
    store.put("a", &bytes, &PutOptions::absent()).unwrap();
    let error = store.get("a").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("broke off"), "{error}");
    assert_eq!(store.get_range("a", 5, 10).unwrap(), bytes[5..15], "ten bytes come before it breaks off");
}

#[test]
fn a_lost_answer_to_a_write_that_took_place_is_no_defeat() {
    let first = |nth| if nth == 0 { Act::LoseAnswer } else { Act::Pass };
    let Some((proxy, store)) = behind(is_put, first) else { return };
    let created = store.put("a", b"mine", &PutOptions::absent()).unwrap();
    assert_eq!(store.get("a").unwrap().version, created);
    assert_eq!(proxy.count(is_put), 2, "the SDK sent it again, and S3 refused it");

    let Some((_proxy, store)) = behind(is_put, |nth| if nth == 1 { Act::LoseAnswer } else { Act::Pass })
    else {
        return;
    };
    let first = store.put("a", b"1", &PutOptions::absent()).unwrap();
    let second = store.put("a", b"2", &PutOptions::matches(first.clone())).unwrap();
    assert_eq!(store.get("a").unwrap().version, second);
    let error = store.put("a", b"3", &PutOptions::matches(first)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PreconditionFailed);

    // Every answer is lost: what is there tells.
    let Some((_proxy, store)) = behind(is_put, |_| Act::LoseAnswer) else { return };
    store.put("a", b"mine", &PutOptions::absent()).unwrap();
    assert_eq!(store.get("a").unwrap().bytes, b"mine");
}

#[test]
fn a_write_that_lost_has_lost_even_if_its_answer_did_too() {
    let Some(emulator) = millstream_emulators::ministack() else { return };
    let bucket = bucket(&emulator.url());
    let winner = store(&emulator.url(), &bucket);
    let theirs = winner.clone();
    // The winner comes between the first try, which gets nowhere, and the second.
    let proxy = Proxy::start(emulator.address(), move |request, _| {
        if is_put(request) && theirs.put("a", b"theirs", &PutOptions::absent()).is_ok() {
            return Act::Lose;
        }
        Act::Pass
    });
    let loser = store(&proxy.url(), &bucket);
    let error = loser.put("a", b"mine", &PutOptions::absent()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PreconditionFailed, "{error}");
    // The same bytes by somebody else are somebody else's write, too.
    let error = loser.put("a", b"theirs", &PutOptions::absent()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PreconditionFailed, "{error}");
    assert_eq!(winner.get("a").unwrap().bytes, b"theirs");
}

#[test]
fn at_the_same_time_as_another_is_tried_again() {
    let conflict = || Act::s3(409, "ConditionalRequestConflict", "A conflicting conditional operation");
    let Some((proxy, store)) = behind(is_put, move |nth| if nth < 3 { conflict() } else { Act::Pass }) else {
        return;
    };
    store.put("a", b"1", &PutOptions::absent()).unwrap();
    assert_eq!(proxy.count(is_put), 4);
    assert_eq!(
        store.put("a", b"2", &PutOptions::absent()).unwrap_err().kind(),
        ErrorKind::PreconditionFailed
    );
}

/// Sixteen files of a few parts each, and of some the answers are lost.
#[test]
fn large_files_go_in_parts_and_leave_none_behind() {
    let is_part = |request: &Request| is_put(request) && request.target.contains("partNumber");
    let Some((proxy, store)) = behind(is_part, |nth| if nth % 5 == 4 { Act::LoseAnswer } else { Act::Pass })
    else {
        return;
    };
    let file = |store: &dyn Store| {
        let mut file = store.temp_file().unwrap();
        let block: Vec<u8> = (0..1_u32 << 18).flat_map(u32::to_le_bytes).collect();
        (0..20).for_each(|_| file.write_all(&block).unwrap());
        file
    };
    let version = store.put_file("large", file(&store), &PutOptions::absent()).unwrap();
    let head = store.head("large").unwrap();
    assert_eq!((head.size, head.version), (20 << 20, version));
    assert!(proxy.count(is_part) >= 3);
    assert_eq!(store.get_range("large", 8 << 20, 8).unwrap(), [0, 0, 0, 0, 1, 0, 0, 0]);

    let error = store.put_file("large", file(&store), &PutOptions::absent()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PreconditionFailed);
    let aborted = |request: &Request| request.method == "DELETE" && request.target.contains("uploadId");
    assert_eq!(proxy.count(aborted), 1, "parts that nobody completes are removed");

    // No part gets through.
    let Some((proxy, store)) = behind(is_part, |_| Act::s3(403, "AccessDenied", "no")) else { return };
    let error = store.put_file("large", file(&store), &PutOptions::default()).unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Permission, Code::AwsDenied));
    assert_eq!(proxy.count(aborted), 1);
    assert_eq!(store.head("large").unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn the_completion_of_an_upload_whose_answer_is_lost_is_found_out() {
    let completes = |request: &Request| request.method == "POST" && request.target.contains("uploadId");
    for options in [PutOptions::absent(), PutOptions::default()] {
        let Some((_proxy, store)) =
            behind(completes, |nth| if nth == 0 { Act::LoseAnswer } else { Act::Pass })
        else {
            return;
        };
        let mut file = store.temp_file().unwrap();
        (0..17).for_each(|_| file.write_all(&[7; 1 << 20]).unwrap());
        let version = store.put_file("large", file, &options).unwrap();
        assert_eq!(store.head("large").unwrap().version, version);
    }
}

#[test]
fn what_is_wrong_with_the_credentials_the_region_and_the_clock_is_said() {
    let past = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() as i64 - 3600;
    let date = DateTime::from_secs(past).fmt(Format::HttpDate).unwrap();
    let skewed = move || match Act::s3(403, "RequestTimeTooSkewed", "The difference is too large.") {
        Act::Answer { status, body, .. } => {
            Act::Answer { status, body, headers: vec![("date", date.clone())] }
        }
        other => other,
    };
    let moved = || Act::Answer {
        status: 301,
        headers: vec![("x-amz-bucket-region", "eu-central-1".to_owned())],
        body: "<Error><Code>PermanentRedirect</Code><Message>elsewhere</Message></Error>".to_owned(),
    };
    type Made = Arc<dyn Fn() -> Act + Send + Sync>;
    let cases: Vec<(Made, ErrorKind, Code, &str)> = vec![
        (
            Arc::new(|| Act::s3(400, "ExpiredToken", "The provided token has expired.")),
            ErrorKind::Permission,
            Code::AwsRefused,
            "have expired",
        ),
        (
            Arc::new(|| Act::s3(403, "InvalidAccessKeyId", "It does not exist in our records.")),
            ErrorKind::Permission,
            Code::AwsRefused,
            "does not accept",
        ),
        (
            Arc::new(|| Act::s3(403, "AccessDenied", "Access Denied")),
            ErrorKind::Permission,
            Code::AwsDenied,
            "another account",
        ),
        (Arc::new(moved), ErrorKind::Unsupported, Code::AwsRegion, "AWS_REGION=eu-central-1"),
        (Arc::new(skewed), ErrorKind::Unavailable, Code::AwsClock, "1 h 0 min ahead"),
    ];
    for (act, kind, code, says) in cases {
        let Some((_proxy, store)) = behind(|_| true, move |_| act()) else { return };
        let tries: [(&str, millstream_store::Error); 4] = [
            ("get", store.get("a").map(drop).unwrap_err()),
            ("put", store.put("a", b"x", &PutOptions::absent()).map(drop).unwrap_err()),
            ("list", store.list("", None, 10).map(drop).unwrap_err()),
            ("head", store.head("a").map(drop).unwrap_err()),
        ];
        for (what, error) in tries {
            assert_eq!((error.kind(), error.code()), (kind, code), "{what}: {error}");
            assert!(error.to_string().contains(says), "{what}: {error}");
        }
    }
}

#[test]
fn no_such_bucket_and_nobody_there() {
    let Some(emulator) = millstream_emulators::ministack() else { return };
    let none = store(&emulator.url(), "there-is-none/x");
    for error in [
        none.put("a", b"x", &PutOptions::absent()).map(drop).unwrap_err(),
        none.list("", None, 1).map(drop).unwrap_err(),
        none.get("a").map(drop).unwrap_err(),
    ] {
        assert_eq!((error.kind(), error.code()), (ErrorKind::Unsupported, Code::AwsNoBucket), "{error}");
    }
    let nobody = store(&format!("http://127.0.0.1:{}", millstream_emulators::free_port()), "bucket");
    let error = nobody.get("a").unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, Code::AwsUnreachable), "{error}");
}

/// A read of an artifact goes on when its connection breaks, and never gives other bytes.
#[test]
fn artifacts_over_a_bad_network_are_whole() {
    let Some((_proxy, store)) =
        behind(is_get, |nth| if nth % 3 == 0 { Act::Cut(200_000) } else { Act::Pass })
    else {
        return;
    };
    let artifacts = Artifacts::new(Arc::new(store));
    let bytes: Vec<u8> = (0..5_000_000_u32).map(|i| (i % 253) as u8).collect();
    let written = artifacts.put(&bytes).unwrap();
    let start = std::time::Instant::now();
    let mut reader = artifacts.open_verified(&written.digest, None).unwrap();
    let mut found = Vec::new();
    std::io::Read::read_to_end(&mut reader, &mut found).unwrap();
    assert!(found == bytes);
    assert!(start.elapsed() < Duration::from_secs(60));
}
