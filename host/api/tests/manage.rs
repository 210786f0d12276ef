//! Endpoints listed and changed, health, metrics.

mod common;

use common::{Fake, Raw, eventually, loopback, start, start_with};
use millstream_deployment::{Action, Settings, Target, rollout::Strategy};
use serde_json::json;

#[test]
fn endpoints_are_listed_and_shown() {
    let server = start();
    assert_eq!(server.get("/v1/endpoints").json()["endpoints"][0]["name"], "churn");
    assert_eq!(server.get("/v1/endpoints/churn").json()["aliases"]["live"]["variants"][0]["version"], 3);
    let answer = server.get("/v1/endpoints/chrun");
    assert_eq!(answer.status, 404);
    assert!(answer.json()["detail"].as_str().unwrap().contains("did you mean `churn`"));
    assert_eq!(server.get("/").json()["endpoints"][0]["invoke"], "/endpoints/churn/invocations");
    let page = server.request("GET", "/", &[("accept", "text/html,*/*")], b"");
    assert!(page.text().contains("<a href=\"/v1/endpoints/churn\">"), "{}", page.text());
}

#[test]
fn a_change_reaches_the_backend_with_who_and_which_request() {
    let server = start();
    let path = |verb: &str| format!("/v1/endpoints/churn/{verb}");
    let key = [("idempotency-key", "k-1")];
    let body = json!({"model": "churn@4", "rollout": {"canary": "10%"}}).to_string();
    assert_eq!(server.request("PUT", &path("deploy"), &key, body.as_bytes()).status, 200);
    assert_eq!(server.post(&path("traffic"), &[], r#"{"weights": {"churn-3": 9, "canary": 1}}"#).status, 200);
    assert_eq!(server.post(&path("rollback"), &[], r#"{"reason": "complaints"}"#).status, 200);
    assert_eq!(server.post(&path("promote"), &[], "").status, 200);
    assert_eq!(server.post(&path("abort"), &[], "").status, 200);
    let changes = server.fake.changes();
    assert_eq!((changes[0].who.as_str(), changes[0].key.as_deref()), ("local", Some("k-1")));
    let Action::Deploy(deploy) = &changes[0].action else { panic!("{:?}", changes[0]) };
    assert_eq!((deploy.model.to_string().as_str(), deploy.alias.as_str()), ("churn@4", "live"));
    assert_eq!(deploy.rollout.strategy, Strategy::Canary(10.0));
    let Action::Traffic(traffic) = &changes[1].action else { panic!("{:?}", changes[1]) };
    assert!(
        traffic.keep_others && traffic.targets[1] == Target { name: "churn-3".into(), weight: Some(9.0) }
    );
    let Action::RollBack(reason) = &changes[2].action else { panic!("{:?}", changes[2]) };
    assert_eq!(reason.reason.as_deref(), Some("complaints"));
    assert!(matches!(changes[3].action, Action::Promote(_)) && matches!(changes[4].action, Action::Abort(_)));
}

#[test]
fn a_change_that_is_not_made_says_why() {
    let server = start();
    let promote = |name: &str| server.post(&format!("/v1/endpoints/{name}/promote"), &[], "");
    assert_eq!(
        (promote("contended").status, promote("unfit").status, promote("nobody").status),
        (409, 422, 404)
    );
    assert_eq!(promote("invalid").json()["parameter"], "weights");
    let typo = server.post("/v1/endpoints/churn/deploy", &[], r#"{"model": "churn", "rolout": {}}"#);
    assert_eq!(typo.status, 400);
    assert!(typo.json()["detail"].as_str().unwrap().contains("did you mean `rollout`?"), "{}", typo.text());
    let typo = server.post("/v1/endpoints/churn/traffic", &[], r#"{"weihgts": {}}"#);
    assert!(typo.json()["detail"].as_str().unwrap().contains("did you mean `weights`?"), "{}", typo.text());
    let typo = server.post("/v1/endpoints/churn/abort", &[], r#"{"why": "bad"}"#);
    assert!(typo.json()["detail"].as_str().unwrap().contains("members: alias, reason"), "{}", typo.text());
    for (body, parameter) in [
        (r#"{"rollout": {}}"#, "model"),
        (r#"{"model": "churn@0"}"#, "model"),
        (r#"{"model": "churn", "rollout": {"canari": 1}}"#, "rollout"),
        (r#"{"model": "churn", "config": {"timout": "5s"}}"#, "config"),
        (r#"{"model": "churn", "config": null}"#, "config"),
    ] {
        let wrong = server.post("/v1/endpoints/churn/deploy", &[], body);
        assert_eq!((wrong.status, wrong.json()["parameter"].as_str()), (400, Some(parameter)), "{body}");
    }
    let twice = server.post("/v1/endpoints/churn/deploy", &[], r#"{"model": "a@1", "model": "b@1"}"#);
    assert!(twice.status == 400 && twice.text().contains("`model` is there twice"), "{}", twice.text());
    let long = "k".repeat(256);
    assert_eq!(server.post("/v1/endpoints/churn/promote", &[("idempotency-key", &long)], "").status, 400);
    assert_eq!(server.get("/v1/endpoints/churn/promote").status, 405);
}

#[test]
fn the_backend_is_told_whether_an_administrator_asks() {
    let mut config = loopback();
    config.require_keys = true;
    let server = start_with(&config, Fake::with_keys());
    let body = r#"{"model": "churn@4", "config": {"approved-only": null}}"#;
    for (key, admin) in [("msk_deploy", false), ("msk_admin", true)] {
        let headers = [("x-api-key", key)];
        assert_eq!(server.post("/v1/endpoints/churn/deploy", &headers, body).status, 200);
        let change = server.fake.changes().pop().unwrap();
        assert_eq!(change.admin, admin, "{key}");
        let Action::Deploy(deploy) = change.action else { panic!("{change:?}") };
        let null = json!({"approved-only": null});
        let said = Settings::patch(null.as_object().unwrap()).unwrap();
        assert_eq!(deploy.config, said, "null is said, not left out");
    }
    assert_eq!(server.post("/v1/endpoints/churn/deploy", &[("x-api-key", "msk_invoke")], body).status, 403);
    // Without keys, whoever reaches the loopback address may do anything.
    let open = start();
    assert_eq!(open.post("/v1/endpoints/churn/deploy", &[], r#"{"model": "churn@4"}"#).status, 200);
    let change = open.fake.changes().pop().unwrap();
    assert!(change.admin && matches!(change.action, Action::Deploy(deploy) if deploy.config.is_empty()));
}

#[test]
fn what_happens_is_counted() {
    let server = start();
    let ask = |name: &str| server.post(&format!("/endpoints/{name}/invocations"), &[], "1\n").status;
    ask("churn");
    ask("churn");
    ask("broken");
    ask("nobody-knows-this");
    let metrics = server.get("/metrics");
    assert!(metrics.header("content-type").starts_with("application/openmetrics-text"));
    let text = metrics.text();
    for line in [
        r#"millstream_requests_total{endpoint="churn",variant="churn-3"} 2"#,
        r#"millstream_request_duration_seconds_count{endpoint="churn",variant="churn-3"} 2"#,
        r#"millstream_errors_total{endpoint="broken",variant="broken-1",kind="model"} 1"#,
        r#"millstream_refused_total{kind="no-such-endpoint"} 1"#,
        r#"millstream_in_flight{endpoint="churn"} 0"#,
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("nobody-knows-this"));
    assert_eq!(server.get("/ping").status, 200);
    assert_eq!(server.request("HEAD", "/ping", &[], b"").status, 200);
}

#[test]
fn a_key_that_was_used_for_another_change_is_refused() {
    let server = start();
    let refused = server.post("/v1/endpoints/reused/rollback", &[("idempotency-key", "k")], "");
    assert_eq!((refused.status, refused.header("content-type")), (422, "application/problem+json"));
    let body = refused.json();
    assert_eq!(body["code"], "MS0607");
    assert_eq!(refused.header("x-millstream-error"), "MS0607");
    assert!(body["type"].as_str().unwrap().ends_with("/docs/errors/MS0607.md"), "{body}");
    assert_eq!(body["parameter"], "Idempotency-Key");
    let again = server.post("/v1/endpoints/again/rollback", &[("idempotency-key", "k")], "");
    assert_eq!((again.status, again.header("idempotent-replayed")), (200, "true"));
    let first = server.post("/v1/endpoints/churn/rollback", &[("idempotency-key", "k")], "");
    assert_eq!((first.status, first.header("idempotent-replayed")), (200, ""));
}

#[test]
fn a_key_that_is_in_use_is_told_so_whatever_it_is_used_for() {
    let server = start();
    let key = [("idempotency-key", "k"), ("content-length", "0")];
    let mut first = Raw::connect(server.address);
    first.send_head("POST", "/v1/endpoints/slow/rollback", &key);
    eventually("it is under way", || server.fake.changes().len() == 1);
    for path in ["/v1/endpoints/slow/rollback", "/v1/endpoints/churn/promote"] {
        let second = server.post(path, &[("idempotency-key", "\"k\"")], "");
        assert_eq!((second.status, second.header("retry-after")), (409, "1"), "{path}");
    }
    assert_eq!(server.post("/v1/endpoints/churn/promote", &[("idempotency-key", "other")], "").status, 200);
    assert_eq!(first.response().unwrap().status, 200);
    assert_eq!(server.post("/v1/endpoints/churn/promote", &[("idempotency-key", "k")], "").status, 200);
}

#[test]
fn a_change_goes_on_when_its_caller_hangs_up() {
    let server = start();
    let mut client = Raw::connect(server.address);
    client.send_head(
        "POST",
        "/v1/endpoints/slow/rollback",
        &[("idempotency-key", "k"), ("content-length", "0")],
    );
    eventually("it is under way", || server.fake.changes().len() == 1);
    drop(client);
    let again = server.post("/v1/endpoints/slow/rollback", &[("idempotency-key", "k")], "");
    assert_eq!(again.status, 409, "its key is in use");
    let fake = server.fake.clone();
    // The end waits for it.
    assert_eq!((server.join().cut_off, fake.slow_ones_done()), (0, 1));
}

#[test]
fn odd_keys_are_refused() {
    let server = start();
    let promote =
        |key: &str| server.post("/v1/endpoints/churn/promote", &[("idempotency-key", key)], "").status;
    let (longest, longer) = ("k".repeat(255), "k".repeat(256));
    for fine in ["k", "8e03978e-40d5-43dd-bc93-6894a57f9324", "\"quoted\"", "a/b+c=:._~@", &longest] {
        assert_eq!(promote(fine), 200, "{fine}");
    }
    assert_eq!(server.fake.changes()[2].key.as_deref(), Some("quoted"));
    for odd in [
        "",
        "\"\"",
        "a b",
        "a\tb",
        "a,b",
        "a;b",
        "\"a",
        "a\"",
        "a\\b",
        "\u{e9}",
        &longer,
        &format!("\"{longer}\""),
    ] {
        assert_eq!(promote(odd), 400, "{odd:?}");
    }
}
