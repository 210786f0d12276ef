//! Keys, TLS, and pages that try to reach a loopback address.

mod common;

use std::{path::Path, sync::Arc};

use common::{Fake, Running, loopback, start, start_with};
use millstream_api::{Config, Server, TlsFiles};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

fn with_keys() -> Config {
    Config { require_keys: true, ..loopback() }
}

const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=msk_invoke/20260101/us-east-1/sagemaker/aws4_request, \
                      SignedHeaders=host, Signature=0";

#[test]
fn without_a_key_only_health_is_told() {
    let server = start_with(&with_keys(), Fake::with_keys());
    for path in ["/ping", "/v2", "/v2/health/live", "/v2/health/ready"] {
        assert_eq!(server.get(path).status, 200, "{path}");
    }
    for path in ["/", "/metrics", "/v1/endpoints", "/v1/endpoints/churn", "/v2/models/churn", "/nowhere"] {
        let answer = server.get(path);
        assert_eq!(
            (answer.status, answer.header("www-authenticate")),
            (401, "Bearer realm=\"millstream\""),
            "{path}"
        );
    }
    let aws = server.post("/endpoints/churn/invocations", &[], "1\n");
    assert_eq!((aws.status, aws.header("x-amzn-errortype")), (403, "MissingAuthenticationTokenException"));
    assert_eq!(server.post("/v1/endpoints/churn/deploy", &[], r#"{"model": "churn"}"#).status, 401);
    assert_eq!((server.fake.asked(), server.fake.changes().len()), (0, 0));
}

#[test]
fn a_refusal_is_seen_by_who_sends_a_large_body() {
    let server = start_with(&with_keys(), Fake::with_keys());
    let body = vec![b'1'; 20 << 20];
    let answer = server.request("POST", "/endpoints/churn/invocations", &[], &body);
    assert_eq!((answer.status, server.fake.asked()), (403, 0));
}

#[test]
fn a_key_opens_what_it_is_for() {
    let server = start_with(&with_keys(), Fake::with_keys());
    let path = "/endpoints/churn/invocations";
    for header in
        [("authorization", "Bearer msk_invoke"), ("x-api-key", "msk_invoke"), ("authorization", SIGNED)]
    {
        assert_eq!(server.post(path, &[header], "1\n").status, 200, "{header:?}");
    }
    let key = [("authorization", "Bearer msk_invoke")];
    let other = server.post("/endpoints/echo/invocations", &key, "1\n");
    assert_eq!((other.status, other.header("x-amzn-errortype")), (403, "AccessDeniedException"));
    // The endpoint in a function's ARN is the one that counts.
    let arn = |name: &str| {
        format!("/2015-03-31/functions/arn%3Aaws%3Alambda%3Ax%3A1%3Afunction%3A{name}%3Alive/invocations")
    };
    assert_eq!(server.post(&arn("churn"), &key, "[[1]]").status, 200);
    assert_eq!(server.post(&arn("echo"), &key, "[[1]]").status, 403);
    let deploy = "/v1/endpoints/churn/deploy";
    let body = r#"{"model": "churn@4"}"#;
    assert_eq!(server.post(deploy, &key, body).status, 403);
    assert_eq!(server.post(deploy, &[("x-api-key", "msk_deploy")], body).status, 200);
    assert_eq!(server.fake.changes()[0].who, "ci");
    assert_eq!(server.post(deploy, &[("x-api-key", "msk_nobody")], body).status, 401);
    let unknown = server.post(path, &[("x-api-key", "msk_nobody")], "1\n");
    assert_eq!((unknown.status, unknown.header("x-amzn-errortype")), (403, "UnrecognizedClientException"));
}

#[test]
fn a_page_in_a_browser_cannot_reach_a_server_without_keys() {
    let server = start();
    let port = server.address.port();
    let path = "/v1/endpoints/churn/rollback";
    let rebound = server.post(path, &[("host", &format!("evil.example:{port}"))], "");
    assert_eq!(rebound.status, 421);
    assert!(rebound.json()["detail"].as_str().unwrap().contains("--allowed-host evil.example"));
    let here = format!("127.0.0.1:{port}");
    let from = |origin: &str| server.post(path, &[("host", &here), ("origin", origin)], "").status;
    assert_eq!((from("https://evil.example"), from("null"), from("http://127.0.0.1:1")), (403, 403, 403));
    assert!(server.fake.changes().is_empty());
    assert_eq!(from(&format!("http://{here}")), 200);
    let aws = server.post("/endpoints/churn/invocations", &[("origin", "https://evil.example")], "1\n");
    assert_eq!((aws.status, aws.header("x-amzn-errortype")), (403, "AccessDeniedException"));
}

#[test]
fn a_name_that_was_allowed_is_taken() {
    let config = Config { allowed_hosts: vec!["models.internal".into()], ..loopback() };
    let server = start_with(&config, Fake::default());
    assert_eq!(server.request("GET", "/ping", &[("host", "models.internal:8080")], b"").status, 200);
    assert_eq!(server.request("GET", "/ping", &[("host", "models.example")], b"").status, 421);
}

#[tokio::test]
async fn a_public_address_wants_keys_and_tls() {
    let public = Config::new(([0, 0, 0, 0], 0).into());
    let refused = |config: Config, fake: Fake| async move {
        Server::bind(&config, fake).await.err().expect("a refusal").to_string()
    };
    assert!(refused(public.clone(), Fake::default()).await.contains("no API keys"));
    assert!(refused(public.clone(), Fake::with_keys()).await.contains("--insecure-http"));
    let meant = Config { insecure_http: true, ..public };
    assert!(Server::bind(&meant, Fake::with_keys()).await.is_ok());
}

#[tokio::test]
async fn an_address_that_is_taken_and_broken_files_are_explained() {
    let first = Server::bind(&loopback(), Fake::default()).await.unwrap();
    let again = Config::new(first.address().unwrap());
    let error = Server::bind(&again, Fake::default()).await.err().unwrap().to_string();
    assert!(error.contains("another program has it"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let files = certificate(folder.path());
    std::fs::write(&files.certificates, "garbage").unwrap();
    let config = Config { tls: Some(files), ..loopback() };
    let error = Server::bind(&config, Fake::default()).await.err().unwrap().to_string();
    assert!(error.contains("there is no certificate in it"), "{error}");
}

fn certificate(folder: &Path) -> TlsFiles {
    let files = TlsFiles { certificates: folder.join("cert.pem"), key: folder.join("key.pem") };
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(&files.key, signing_key.serialize_pem()).unwrap();
    std::fs::write(&files.certificates, cert.pem()).unwrap();
    files
}

/// A client that trusts this certificate alone; none: nobody.
fn trusting(pem: Option<&[u8]>) -> ureq::Agent {
    let trusted = pem.map(|pem| Certificate::from_pem(pem).unwrap()).into_iter().collect();
    let tls = TlsConfig::builder().root_certs(RootCerts::Specific(Arc::new(trusted))).build();
    ureq::Agent::config_builder().tls_config(tls).build().into()
}

/// What endpoint `churn` answers over TLS, if the client trusts the server.
fn ask(server: &Running, agent: &ureq::Agent) -> Option<String> {
    let url = format!("https://localhost:{}/endpoints/churn/invocations", server.address.port());
    let answer = agent.post(&url).header("authorization", "Bearer msk_invoke").send("1,2\n");
    answer.ok()?.body_mut().read_to_string().ok()
}

#[test]
fn tls_is_spoken() {
    let folder = tempfile::tempdir().unwrap();
    let files = certificate(folder.path());
    let pem = std::fs::read(&files.certificates).unwrap();
    let server = start_with(&Config { tls: Some(files), ..with_keys() }, Fake::with_keys());
    assert_eq!(ask(&server, &trusting(Some(&pem))).as_deref(), Some("0.75\n"));
    assert_eq!(ask(&server, &trusting(None)), None);
    // Plain HTTP on the same port gets no answer, and TLS goes on.
    let mut plain = common::Raw::connect(server.address);
    plain.send(b"GET /ping HTTP/1.1\r\nhost: localhost\r\n\r\n");
    assert!(plain.is_closed() || server.fake.asked() == 1);
}

#[test]
fn a_renewed_certificate_is_taken_and_no_connection_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let files = certificate(folder.path());
    let old = std::fs::read(&files.certificates).unwrap();
    let mut config = Config { tls: Some(files.clone()), ..with_keys() };
    config.limits.certificates = std::time::Duration::from_millis(20);
    let server = start_with(&config, Fake::with_keys());
    let before = trusting(Some(&old));
    assert!(ask(&server, &before).is_some());
    // Half of a pair changes nothing.
    std::fs::write(&files.certificates, "-----BEGIN CERTIFICATE-----\nhalf").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert!(ask(&server, &trusting(Some(&old))).is_some(), "the one before goes on");
    certificate(folder.path());
    let new = std::fs::read(&files.certificates).unwrap();
    common::eventually("the new certificate is in use", || ask(&server, &trusting(Some(&new))).is_some());
    assert_eq!(ask(&server, &trusting(Some(&old))), None, "new connections get the new one");
    assert!(ask(&server, &before).is_some(), "the connection that was there goes on");
}

#[test]
fn a_key_that_cannot_be_checked_is_not_unknown() {
    let server = start_with(&Config { require_keys: true, ..loopback() }, Fake::with_keys());
    let ask = |path: &str| server.post(path, &[("x-api-key", "msk_lost")], "1\n");
    for path in [
        "/endpoints/churn/invocations",
        "/v1/endpoints/churn/invocations",
        "/2015-03-31/functions/churn/invocations",
    ] {
        let answer = ask(path);
        assert_eq!((answer.status, answer.header("retry-after")), (503, "1"), "{path}: {}", answer.text());
    }
}

#[test]
fn two_keys_are_none() {
    let server = start_with(&Config { require_keys: true, ..loopback() }, Fake::with_keys());
    let two = [("x-api-key", "msk_deploy"), ("x-api-key", "msk_nobody")];
    assert_eq!(server.post("/v1/endpoints/churn/rollback", &two, "").status, 400);
    assert!(server.fake.changes().is_empty());
}
