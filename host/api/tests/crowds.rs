//! Many clients that hold what others need: connections, room, answers that they don't take.

mod common;

use std::{
    io::Write as _,
    net::TcpStream,
    time::{Duration, Instant},
};

use common::{Fake, Raw, Running, eventually, loopback, start_with};
use millstream_api::Config;

fn few(connections: usize) -> Config {
    let mut config = loopback();
    config.limits.connections = connections;
    config
}

fn upload(server: &Running, length: usize) -> Raw {
    let mut client = Raw::connect(server.address);
    client.send_head("POST", "/v1/endpoints/size/invocations", &[("content-length", &length.to_string())]);
    client
}

fn metric(server: &Running, name: &str) -> u64 {
    let text = server.get("/metrics");
    let line =
        text.text().lines().find_map(|line| line.strip_prefix(&format!("{name} "))).unwrap().to_owned();
    line.parse().unwrap()
}

#[test]
fn idle_connections_lock_nobody_out() {
    let server = start_with(&few(20), Fake::default());
    let address = server.address;
    // Without a byte, with half a head, and after an answer.
    let mut idle: Vec<Raw> = (0..60)
        .map(|number| {
            let mut client = Raw::connect(address);
            match number % 3 {
                0 => {}
                1 => client.send(b"POST /endpoints/churn/invocations HTTP/1.1\r\nhost: loc"),
                _ => assert_eq!(client.request("GET", "/ping", &[], b"").status, 200),
            }
            client
        })
        .collect();
    for _ in 0..50 {
        assert_eq!(server.post("/endpoints/churn/invocations", &[], "1\n").status, 200);
    }
    assert!(idle[0].is_closed(), "the oldest has gone");
    // 60 and the first of the others came, and there is room for 20; the others close theirs themselves.
    assert!(metric(&server, "millstream_connections_let_go_total") >= 41);
    assert!(metric(&server, "millstream_connections") <= 21);
}

#[test]
fn a_request_under_way_is_never_let_go() {
    let server = start_with(&few(4), Fake::default());
    let mut slow: Vec<Raw> = (0..3)
        .map(|_| {
            let mut client = Raw::connect(server.address);
            client.send_head("POST", "/endpoints/slow/invocations", &[("content-length", "0")]);
            client
        })
        .collect();
    eventually("they are under way", || server.fake.under_way() == 3);
    for _ in 0..20 {
        assert_eq!(server.get("/ping").status, 200);
    }
    for client in &mut slow {
        assert_eq!(client.response().unwrap().text(), "slow\n");
    }
}

#[test]
fn when_all_are_at_work_the_next_is_told_at_once() {
    let server = start_with(&few(3), Fake::default());
    let stuck: Vec<Raw> = (0..3)
        .map(|_| {
            let mut client = Raw::connect(server.address);
            client.send_head("POST", "/endpoints/stuck/invocations", &[("content-length", "0")]);
            client
        })
        .collect();
    eventually("they are under way", || server.fake.under_way() == 3);
    let begun = Instant::now();
    let answer = server.post("/endpoints/churn/invocations", &[], &"1".repeat(1 << 20));
    assert_eq!((answer.status, answer.header("x-amzn-errortype")), (503, "ServiceUnavailable"));
    assert_eq!((answer.header("retry-after"), answer.header("connection")), ("1", "close"));
    assert_eq!(server.get("/ping").status, 503);
    assert!(begun.elapsed() < Duration::from_secs(5));
    drop(stuck);
    eventually("there is a place again", || server.get("/ping").status == 200);
    assert!(metric(&server, "millstream_connections_turned_away_total") >= 2);
}

#[test]
fn clients_that_stop_in_the_middle_of_a_body_make_room() {
    let server = start_with(&few(8), Fake::default());
    let _stopped: Vec<Raw> = (0..8).map(|_| upload(&server, 100)).collect();
    eventually("one that has stopped is let go", || server.get("/ping").status == 200);
    // One that goes on is not.
    let mut going_on = upload(&server, 100);
    for _ in 0..99 {
        going_on.send(b"1");
        std::thread::sleep(Duration::from_millis(10));
        assert!(matches!(server.get("/ping").status, 200 | 503));
    }
    going_on.send(b"1");
    assert_eq!(going_on.response().unwrap().text(), "100");
    assert!(metric(&server, "millstream_connections_let_go_total") >= 1);
}

#[test]
fn handshakes_that_never_end_lock_nobody_out() {
    let folder = tempfile::tempdir().unwrap();
    let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificates, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificates, signed.cert.pem()).unwrap();
    std::fs::write(&key, signed.signing_key.serialize_pem()).unwrap();
    let mut config = few(10);
    config.tls = Some(millstream_api::TlsFiles { certificates, key });
    let server = start_with(&config, Fake::default());
    let mut hanging: Vec<TcpStream> = (0..30)
        .map(|number| {
            let mut stream = TcpStream::connect(server.address).unwrap();
            if number % 2 == 0 {
                stream.write_all(b"\x16\x03\x01").unwrap();
            }
            stream
        })
        .collect();
    let root = ureq::tls::Certificate::from_der(signed.cert.der()).to_owned();
    let tls =
        ureq::tls::TlsConfig::builder().root_certs(ureq::tls::RootCerts::new_with_certs(&[root])).build();
    let agent: ureq::Agent = ureq::Agent::config_builder().tls_config(tls).build().into();
    for _ in 0..20 {
        let url = format!("https://localhost:{}/ping", server.address.port());
        assert_eq!(agent.get(&url).call().unwrap().status(), 200);
    }
    let _ = hanging[0].write_all(b"x");
}

#[test]
fn uploads_that_send_nothing_hold_no_room() {
    let mut config = loopback();
    config.limits.bodies = 1 << 20;
    config.limits.bodies_each = 1 << 20;
    let server = start_with(&config, Fake::default());
    let mut nothing: Vec<Raw> = (0..40).map(|_| upload(&server, 1 << 20)).collect();
    let mut chunked: Vec<Raw> = (0..40)
        .map(|_| {
            let mut client = Raw::connect(server.address);
            client.send_head("POST", "/v1/endpoints/size/invocations", &[("transfer-encoding", "chunked")]);
            client.send(b"1\r\n1\r\n");
            client
        })
        .collect();
    std::thread::sleep(Duration::from_millis(100));
    let body = vec![b'1'; 1 << 20];
    for _ in 0..3 {
        let answer = server.request("POST", "/v1/endpoints/size/invocations", &[], &body);
        assert_eq!((answer.status, answer.text()), (200, "1048576"));
    }
    // They still can send what they announced, one after the other.
    for client in nothing.iter_mut().take(3) {
        client.send(&body);
        assert_eq!(client.response().unwrap().text(), "1048576");
    }
    chunked[0].send(b"0\r\n\r\n");
    assert_eq!(chunked[0].response().unwrap().text(), "1");
}

#[test]
fn one_caller_leaves_room_for_others() {
    let mut config = Config { require_keys: true, ..loopback() };
    config.limits.bodies = 1 << 20;
    config.limits.bodies_each = 600_000;
    let server = start_with(&config, Fake::with_keys());
    let headers = |key: &'static str| [("x-api-key", key), ("content-length", "500000")];
    let part = vec![b'1'; 400_000];
    let path = "/v1/endpoints/churn/invocations";
    let mut wait = Duration::from_millis(50);
    let mut first = loop {
        let mut first = Raw::connect(server.address);
        first.send_head("POST", path, &headers("msk_invoke"));
        first.send(&part);
        // Only what has arrived takes room; else the second one may get it, and the first be refused.
        std::thread::sleep(wait);
        let answer = server.request("POST", path, &[("x-api-key", "msk_invoke")], &vec![b'1'; 500_000]);
        assert!(answer.status == 200 || answer.text().contains("API key `app`"), "{}", answer.text());
        if answer.status == 503 {
            break first;
        }
        wait *= 2;
        assert!(wait < Duration::from_secs(10), "a second of the same caller finds room");
    };
    let other = server.request("POST", path, &[("x-api-key", "msk_deploy")], &vec![b'1'; 500_000]);
    assert_eq!(other.status, 200);
    first.send(&part[..100_000]);
    assert_eq!(first.response().unwrap().status, 200);
}

#[test]
fn a_client_that_takes_no_answer_is_given_up() {
    let mut config = loopback();
    config.limits.answer_grace = Duration::from_millis(500);
    config.limits.answer_rate = 1 << 20;
    config.limits.bodies = 40 << 20;
    let server = start_with(&config, Fake::default());
    // Answers of 16 MiB, more than sockets hold.
    let ask = || {
        let mut client = Raw::connect(server.address);
        client.send_head("POST", "/v1/endpoints/large/invocations", &[("content-length", "0")]);
        client
    };
    let never_read: Vec<Raw> = (0..2).map(|_| ask()).collect();
    eventually("two answers take all the room", || server.fake.asked() == 2);
    std::thread::sleep(Duration::from_millis(100));
    let refused = ask().response().unwrap();
    assert_eq!((refused.status, refused.header("retry-after")), (503, "1"));
    eventually("both are given up", || metric(&server, "millstream_connections") == 1);
    assert_eq!(ask().response().unwrap().body.len(), 16 << 20, "there is room again");
    drop(never_read);
}

#[test]
fn a_client_that_takes_its_time_gets_all_of_it() {
    let mut config = loopback();
    config.limits.answer_grace = Duration::from_millis(500);
    config.limits.answer_rate = 1 << 20;
    let server = start_with(&config, Fake::default());
    let mut client = Raw::connect(server.address);
    client.send_head("POST", "/v1/endpoints/large/invocations", &[("content-length", "0")]);
    // Faster than it must be, slower than it could be.
    let (mut read, mut piece) = (0, vec![0; 256 << 10]);
    while read < 16 << 20 {
        let count = std::io::Read::read(client.stream.get_mut(), &mut piece).unwrap();
        assert!(count > 0, "cut off after {read} bytes");
        read += count;
        std::thread::sleep(Duration::from_millis(50));
    }
    // One that takes a little now and then is not fast enough.
    let mut client = Raw::connect(server.address);
    client.send_head("POST", "/v1/endpoints/large/invocations", &[("content-length", "0")]);
    let begun = Instant::now();
    let (mut read, mut piece) = (0, vec![0; 4 << 10]);
    loop {
        match std::io::Read::read(client.stream.get_mut(), &mut piece) {
            Ok(0) | Err(_) => break,
            Ok(count) => read += count,
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "it is served for ever");
        // What sockets hold can be read after the end, as fast as that goes.
        let closed = begun.elapsed() > Duration::from_secs(8);
        std::thread::sleep(Duration::from_millis(if closed { 0 } else { 50 }));
    }
    assert!(read < 16 << 20, "it was cut off");
}
