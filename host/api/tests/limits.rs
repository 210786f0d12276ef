//! Clients that send too much, too slowly, or go away; and the end.

mod common;

use std::time::{Duration, Instant};

use common::{Fake, Raw, eventually, loopback, start, start_with};
use millstream_api::Config;

fn small() -> Config {
    let mut config = loopback();
    config.limits.body = 1000;
    config.limits.body_grace = Duration::from_millis(300);
    config.limits.head = Duration::from_millis(500);
    config
}

#[test]
fn a_body_of_fifty_megabytes_arrives_whole() {
    let server = start();
    let body = vec![b'7'; 50 << 20];
    let answer = server.request("POST", "/endpoints/size/invocations", &[], &body);
    assert_eq!((answer.status, answer.text()), (200, "52428800"));
}

#[test]
fn an_answer_of_fifty_megabytes_arrives_whole() {
    let server = start();
    let body: Vec<u8> = (0..50 << 20).map(|byte: u32| byte as u8).collect();
    let answer = server.request("POST", "/endpoints/echo/invocations", &[], &body);
    assert!(answer.body == body);
}

#[test]
fn a_body_that_says_it_is_too_large_is_not_read() {
    let server = start_with(&small(), Fake::default());
    let mut client = Raw::connect(server.address);
    client.send_head("POST", "/v1/endpoints/churn/invocations", &[("content-length", "1001")]);
    let answer = client.response().expect("an answer before the body");
    assert_eq!((answer.status, answer.header("connection")), (413, "close"));
    assert!(answer.json()["detail"].as_str().unwrap().contains("1000 at most"));
    assert_eq!(server.fake.asked(), 0);
    let aws = server.post("/endpoints/churn/invocations", &[], &"1".repeat(1001));
    assert_eq!((aws.status, aws.header("x-amzn-errortype")), (413, "ValidationError"));
    let lambda = server.post("/2015-03-31/functions/churn/invocations", &[], &"1".repeat(1001));
    assert_eq!(lambda.header("x-amzn-errortype"), "RequestTooLargeException");
    assert_eq!(server.post("/endpoints/churn/invocations", &[], &"1".repeat(1000)).status, 200);
}

#[test]
fn a_client_that_sends_far_too_much_still_sees_the_answer() {
    let server = start_with(&small(), Fake::default());
    let body = vec![b'1'; 20 << 20];
    let answer = server.request("POST", "/endpoints/churn/invocations", &[], &body);
    assert_eq!(answer.status, 413);
}

#[test]
fn a_body_without_a_length_is_counted() {
    let server = start_with(&small(), Fake::default());
    let mut client = Raw::connect(server.address);
    client.send_head("POST", "/v1/endpoints/churn/invocations", &[("transfer-encoding", "chunked")]);
    client.send(b"190\r\n");
    client.send(&[b'1'; 400]);
    client.send(b"\r\n400\r\n");
    client.send(&[b'1'; 1024]);
    client.send(b"\r\n0\r\n\r\n");
    assert_eq!(client.response().unwrap().status, 413);
    let mut client = Raw::connect(server.address);
    client.send_head("POST", "/v1/endpoints/size/invocations", &[("transfer-encoding", "chunked")]);
    client.send(b"2\r\n1,\r\n2\r\n2\n\r\n0\r\n\r\n");
    assert_eq!(client.response().unwrap().text(), "4");
}

#[test]
fn bodies_that_are_too_much_together_are_told_to_come_back() {
    let mut config = loopback();
    config.limits.bodies = 250_000;
    let server = start_with(&config, Fake::default());
    let body = vec![b'1'; 100_000];
    let mut held: Vec<Raw> = (0..2)
        .map(|_| {
            let mut client = Raw::connect(server.address);
            let headers = [("content-length", "100000"), ("expect", "100-continue")];
            client.send_head("POST", "/v1/endpoints/size/invocations", &headers);
            assert_eq!(client.response().unwrap().status, 100, "its room is taken");
            client.send(&body[1..]);
            client
        })
        .collect();
    eventually("there is no room for a third", || {
        let answer = server.request("POST", "/v1/endpoints/size/invocations", &[], &body);
        (answer.status, answer.header("retry-after")) == (503, "1")
    });
    assert_eq!(server.request("POST", "/v1/endpoints/size/invocations", &[], b"1").status, 200);
    for client in &mut held {
        client.send(&body[..1]);
        assert_eq!(client.response().unwrap().text(), "100000");
    }
    assert_eq!(server.request("POST", "/v1/endpoints/size/invocations", &[], &body).status, 200);
}

#[test]
fn a_slow_body_is_given_up() {
    let server = start_with(&small(), Fake::default());
    let mut client = Raw::connect(server.address);
    let begun = Instant::now();
    client.send_head("POST", "/v1/endpoints/churn/invocations", &[("content-length", "100")]);
    client.send(b"1,2,");
    let answer = client.response().unwrap();
    assert_eq!((answer.status, answer.header("connection")), (408, "close"));
    assert!(answer.json()["detail"].as_str().unwrap().contains("only 4 bytes"));
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(server.fake.asked(), 0);
}

#[test]
fn a_slow_head_is_given_up() {
    let server = start_with(&small(), Fake::default());
    let mut client = Raw::connect(server.address);
    client.send(b"POST /endpoints/churn/invocations HTTP/1.1\r\nhost: loc");
    let begun = Instant::now();
    assert!(client.is_closed());
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn what_is_no_http_is_refused_and_harms_nobody() {
    let server = start();
    for garbage in
        [&b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n"[..], b"GET\r\n\r\n", b"\0\0\0\0\r\n\r\n"]
    {
        let mut client = Raw::connect(server.address);
        client.send(garbage);
        assert!(client.response().is_none_or(|answer| answer.status == 400));
    }
    let mut client = Raw::connect(server.address);
    let long = "x".repeat(100_000);
    client.send_head("GET", "/ping", &[("x-long", &long)]);
    assert!(client.response().is_none_or(|answer| answer.status == 431));
    assert_eq!(server.get("/ping").status, 200);
}

#[test]
fn a_client_that_hangs_up_leaves_nothing_behind() {
    let server = start();
    let clients: Vec<Raw> = (0..20)
        .map(|_| {
            let mut client = Raw::connect(server.address);
            client.send_head("POST", "/endpoints/stuck/invocations", &[("content-length", "2")]);
            client.send(b"1\n");
            client
        })
        .collect();
    eventually("all are under way", || server.fake.under_way() == 20);
    assert!(server.get("/metrics").text().contains(r#"millstream_in_flight{endpoint="stuck"} 20"#));
    drop(clients);
    eventually("all are given up", || server.fake.under_way() == 0);
    eventually("none is counted as in flight", || {
        server.get("/metrics").text().contains(r#"millstream_in_flight{endpoint="stuck"} 0"#)
    });
    // Of the metrics' own connection.
    eventually("their connections are closed", || {
        server.get("/metrics").text().contains("millstream_connections 1\n")
    });
}

#[test]
fn a_body_that_breaks_off_asks_nobody() {
    let server = start();
    let mut client = Raw::connect(server.address);
    client.send_head("POST", "/endpoints/churn/invocations", &[("content-length", "100")]);
    client.send(b"1,2");
    drop(client);
    eventually("the connection is gone", || {
        server.get("/metrics").text().contains("millstream_connections 1\n")
    });
    assert_eq!(server.fake.asked(), 0);
}

#[test]
fn one_connection_takes_many_requests() {
    let server = start();
    let mut client = Raw::connect(server.address);
    for body in [&b"1,2\n"[..], b"", b"3,4\n"] {
        let answer = client.request("POST", "/endpoints/churn/invocations", &[], body);
        assert_eq!(answer.text(), "0.75\n");
    }
    // Two at once, answered in order.
    for path in ["/endpoints/slow/invocations", "/endpoints/churn/invocations"] {
        client.send_head("POST", path, &[("content-length", "0")]);
    }
    assert_eq!(client.response().unwrap().text(), "slow\n");
    assert_eq!(client.response().unwrap().text(), "0.75\n");
}

#[test]
fn draining_finishes_what_is_in_flight_and_takes_nothing_new() {
    let mut server = start();
    let address = server.address;
    let mut idle = Raw::connect(address);
    assert_eq!(idle.request("GET", "/ping", &[], b"").status, 200);
    let mut slow = Raw::connect(address);
    slow.send_head("POST", "/endpoints/slow/invocations", &[("content-length", "2")]);
    slow.send(b"1\n");
    eventually("it is under way", || server.fake.under_way() == 1);
    server.stop();
    assert!(idle.is_closed());
    assert!(std::net::TcpStream::connect(address).is_err());
    assert_eq!(slow.response().expect("an answer").text(), "slow\n");
    assert_eq!(server.join().cut_off, 0);
}

#[test]
fn an_event_is_finished_before_the_end() {
    let server = start();
    let event = [("x-amz-invocation-type", "Event")];
    assert_eq!(server.post("/2015-03-31/functions/slow/invocations", &event, "[[1]]").status, 202);
    let fake = server.fake.clone();
    assert_eq!((server.join().cut_off, fake.slow_ones_done()), (0, 1));
}

#[test]
fn draining_has_an_end() {
    let mut config = loopback();
    config.limits.drain = Duration::from_millis(200);
    let server = start_with(&config, Fake::default());
    let mut stuck = Raw::connect(server.address);
    stuck.send_head("POST", "/endpoints/stuck/invocations", &[("content-length", "0")]);
    eventually("it is under way", || server.fake.under_way() == 1);
    let fake = server.fake.clone();
    let begun = Instant::now();
    assert_eq!(server.join().cut_off, 1);
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(fake.under_way(), 0);
    assert!(stuck.response().is_none());
}

#[test]
fn a_load_balancer_is_told_before_connections_are_refused() {
    let mut config = loopback();
    config.limits.drain_notice = Duration::from_millis(600);
    let mut server = start_with(&config, Fake::default());
    server.stop();
    eventually("ping says so", || server.get("/ping").status == 503);
    let answer = server.get("/ping");
    assert_eq!((answer.header("retry-after"), answer.json()["status"].as_str()), ("1", Some("draining")));
    assert_eq!(server.get("/v2/health/ready").status, 503);
    // Whoever has not heard it yet is still answered.
    assert_eq!(server.post("/endpoints/churn/invocations", &[], "1\n").status, 200);
    assert_eq!(server.join().cut_off, 0);
}
