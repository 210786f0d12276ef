//! Spans reach a collector, within the caller's trace. A file of its own: a program has one subscriber.

mod common;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use common::start;
use tracing_subscriber::{Registry, layer::SubscriberExt};

/// Takes what is sent to it and says that all is well.
fn collector() -> (String, Receiver<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (sender, received) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let (mut first, mut line, mut length) = (String::new(), String::new(), 0);
            stream.read_line(&mut first).unwrap();
            while stream.read_line(&mut line).unwrap() > 2 {
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                line.clear();
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            stream
                .get_mut()
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                .unwrap();
            if sender.send((first, body)).is_err() {
                return;
            }
        }
    });
    (address, received)
}

#[test]
fn a_request_is_a_span_of_the_callers_trace() {
    let (address, received) = collector();
    let (layer, traces) = millstream_api::traces_to::<Registry>(&address).unwrap();
    tracing::subscriber::set_global_default(Registry::default().with(layer)).unwrap();
    let server = start();
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let parent = format!("00-{trace}-b7ad6b7169203331-01");
    server.post("/endpoints/churn/invocations", &[("traceparent", &parent)], "1,2\n");
    server.post("/endpoints/broken/invocations", &[("traceparent", &parent)], "1,2\n");
    server.join();
    drop(traces);
    let (first, body) = received.recv_timeout(Duration::from_secs(10)).expect("spans");
    assert!(first.starts_with("POST /v1/traces "), "{first}");
    let holds = |what: &[u8]| body.windows(what.len()).any(|window| window == what);
    let trace: Vec<u8> =
        (0..trace.len()).step_by(2).map(|at| u8::from_str_radix(&trace[at..at + 2], 16).unwrap()).collect();
    assert!(holds(&trace), "the caller's trace");
    for word in
        ["/endpoints/{name}/invocations", "churn-3", "broken", "error.type", "service.name", "millstream"]
    {
        assert!(holds(word.as_bytes()), "{word}");
    }
}
