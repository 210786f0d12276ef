//! A backend of which the tests know what it does, a server on a free port, and a client that can misbehave.
#![allow(dead_code, reason = "each test file uses its part")]

mod fake;
mod raw;

use std::{
    net::SocketAddr,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use millstream_api::{Config, Drained, Server};
use tokio::sync::oneshot;

pub use fake::Fake;
pub use raw::{Raw, Response};

/// A server with a runtime of its own; stopped when it is dropped.
pub struct Running {
    pub address: SocketAddr,
    pub fake: Fake,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Drained>>,
}

pub fn loopback() -> Config {
    Config::new(([127, 0, 0, 1], 0).into())
}

pub fn start() -> Running {
    start_with(&loopback(), Fake::default())
}

pub fn start_with(config: &Config, fake: Fake) -> Running {
    let (stop, stopped) = oneshot::channel();
    let (started, address) = std::sync::mpsc::channel();
    let (config, backend) = (config.clone(), fake.clone());
    let thread = std::thread::spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async move {
            let server = Server::bind(&config, backend).await.unwrap();
            started.send(server.address().unwrap()).unwrap();
            server.run(async move { drop(stopped.await) }).await
        })
    });
    Running { address: address.recv().unwrap(), fake, stop: Some(stop), thread: Some(thread) }
}

impl Running {
    /// A request without anything special.
    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
        Raw::connect(self.address).request(method, path, headers, body)
    }

    pub fn get(&self, path: &str) -> Response {
        self.request("GET", path, &[], b"")
    }

    pub fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Response {
        self.request("POST", path, headers, body.as_bytes())
    }

    /// Asks the server to stop; [`Self::join`] waits until it has.
    pub fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }

    pub fn join(mut self) -> Drained {
        self.stop();
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Waits for what must become true soon.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(10), "not within ten seconds: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
