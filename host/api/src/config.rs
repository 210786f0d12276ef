//! How the server listens.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

/// How the server listens.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where.
    pub address: SocketAddr,
    /// Speaks TLS with this certificate.
    pub tls: Option<TlsFiles>,
    /// Somebody in front speaks TLS: a public address without it is meant.
    pub insecure_http: bool,
    /// Keys are needed on a loopback address too. On others they always are.
    pub require_keys: bool,
    /// Names under which clients know this server, besides the loopback ones. Without keys, requests for others are
    /// refused: a web page could have sent them.
    pub allowed_hosts: Vec<String>,
    /// Sizes, times, numbers.
    pub limits: Limits,
    /// A line for each request.
    pub access_log: Option<AccessLogConfig>,
}

/// PEM files.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The certificate, followed by those of the authorities between it and the root.
    pub certificates: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Where the access log goes.
#[derive(Clone, Debug)]
pub struct AccessLogConfig {
    /// A file, which is appended to; standard error if none is given.
    pub file: Option<PathBuf>,
    /// Share of the requests that are logged, from 0 to 1. Those that fail always are.
    pub sample: f64,
}

/// Sizes, times, numbers.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of a request's body.
    pub body: u64,
    /// Bytes of all the bodies of requests and answers that are held at once; more are told to come back.
    pub bodies: u64,
    /// Of those, the bytes of one caller: the holder of an API key, or an address where no keys are needed.
    pub bodies_each: u64,
    /// A body may take this long whatever its size ...
    pub body_grace: Duration,
    /// ... and from then on must have come at this many bytes a second.
    pub body_rate: u64,
    /// What is left of a body that nobody wants is read and dropped for this long, so that the client sees the answer ...
    pub discard: Duration,
    /// ... unless nothing of it comes for this long.
    pub discard_idle: Duration,
    /// An answer may take this long to be taken by the client whatever its size ...
    pub answer_grace: Duration,
    /// ... and from then on must be taken at this many bytes a second.
    pub answer_rate: u64,
    /// A request's head must come within this time; an idle connection is closed after it.
    pub head: Duration,
    /// Time for the TLS handshake.
    pub handshake: Duration,
    /// How often it is looked whether there is a new certificate.
    pub certificates: Duration,
    /// Connections at once, if the process may have that many files. For one more, that which has waited for its client
    /// longest is closed; if all are at work, it is answered 503.
    pub connections: usize,
    /// While draining: `/ping` says so for this long before connections are refused. For load balancers.
    pub drain_notice: Duration,
    /// While draining: requests in flight get this long.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 64 << 20,
            bodies: 1 << 30,
            bodies_each: 512 << 20,
            body_grace: Duration::from_secs(20),
            body_rate: 64 << 10,
            discard: Duration::from_secs(30),
            discard_idle: Duration::from_secs(5),
            answer_grace: Duration::from_secs(20),
            answer_rate: 64 << 10,
            head: Duration::from_secs(60),
            handshake: Duration::from_secs(10),
            certificates: Duration::from_secs(5),
            connections: 10_000,
            drain_notice: Duration::ZERO,
            drain: Duration::from_secs(30),
        }
    }
}

impl Config {
    /// Plain HTTP, for this machine only.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            tls: None,
            insecure_http: false,
            require_keys: false,
            allowed_hosts: Vec::new(),
            limits: Limits::default(),
            access_log: None,
        }
    }

    /// Whether every request needs a key.
    pub fn needs_keys(&self) -> bool {
        self.require_keys || !self.address.ip().is_loopback()
    }

    /// Refuses what would let strangers in.
    pub fn check(&self, has_keys: bool) -> Result<(), String> {
        let address = self.address;
        if self.needs_keys() && !has_keys {
            return Err(if address.ip().is_loopback() {
                "API keys are required, but there are none; make one with `millstream keys create`".to_owned()
            } else {
                format!(
                    "{address} can be reached from other machines, and there are no API keys; make one with `millstream keys \
                     create`, or listen on 127.0.0.1"
                )
            });
        }
        if !address.ip().is_loopback() && self.tls.is_none() && !self.insecure_http {
            return Err(format!(
                "{address} can be reached from other machines, and keys and rows would cross the network in the clear; give \
                 --tls-cert and --tls-key, or state with --insecure-http that a proxy in front speaks TLS"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str) -> Config {
        Config::new(address.parse().unwrap())
    }

    #[test]
    fn loopback_is_open_and_the_rest_is_not() {
        assert_eq!(at("127.0.0.1:0").check(false), Ok(()));
        assert_eq!(at("[::1]:0").check(false), Ok(()));
        assert!(at("0.0.0.0:0").check(false).unwrap_err().contains("keys create"));
        assert!(at("192.168.1.2:0").check(true).unwrap_err().contains("--tls-cert"));
        let mut behind_a_proxy = at("0.0.0.0:0");
        behind_a_proxy.insecure_http = true;
        assert!(behind_a_proxy.check(false).is_err());
        assert_eq!(behind_a_proxy.check(true), Ok(()));
        assert!(behind_a_proxy.needs_keys());
    }
}
