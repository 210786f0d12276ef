//! What a deployment over HTTP, by the command line or by a workflow's step changes of an endpoint's settings, and who may.

use millstream_tests::{Place, server::Server};
use serde_json::{Value, json};

fn config(place: &Place) -> Value {
    let shown = place.run(&["endpoints", "e", "--json"]).expect(0).stdout;
    serde_json::from_str::<Value>(&shown).unwrap()["config"].clone()
}

fn key(place: &Place, scope: &str) -> String {
    place.run(&["keys", "create", scope, "--scope", scope]).expect(0).stdout.trim().to_owned()
}

fn deploy(server: &Server, key: &str, body: &Value) -> (u16, String) {
    let headers = [("x-api-key", key), ("content-type", "application/json")];
    let reply = server.post("/v1/endpoints/e/deploy", &headers, body.to_string().as_bytes());
    (reply.status, reply.text())
}

#[test]
fn a_config_over_http_is_a_patch_and_only_an_admin_key_loosens() {
    let place = Place::with_echo();
    place.run(&["models", "approve", "echo", "1"]).expect(0);
    place.deploy(&[
        "--model",
        "echo@1",
        "--approved-only",
        "--capture",
        "25%",
        "--max-rows",
        "7",
        "--sticky-header",
        "X-U",
    ]);
    let (deployer, admin) = (key(&place, "deploy"), key(&place, "admin"));
    let before = config(&place);
    let server = place.serve(&["--no-workers", "--require-keys"]);
    let with = |config: Value| json!({"model": "echo@1", "config": config});

    let (status, text) = deploy(&server, &deployer, &with(json!({"timeout": 5000})));
    assert_eq!(status, 200, "{text}");
    let mut expected = before.clone();
    expected["timeout"] = json!(5000);
    assert_eq!(config(&place), expected, "what is not named stays");
    let (status, text) =
        deploy(&server, &deployer, &with(json!({"timeout": null, "capture": "50%", "sticky": null})));
    assert_eq!(status, 200, "{text}");
    expected = before.clone();
    expected["capture"] = json!(0.5);
    expected.as_object_mut().unwrap().remove("sticky");
    assert_eq!(config(&place), expected, "null resets");

    // The version that is not approved does not come in by any of these.
    for (body, wanted, said) in [
        (json!({"model": "echo@2", "config": {"timeout": 5000}}), 409, "not approved"),
        (json!({"model": "echo@2", "config": {}}), 409, "not approved"),
        (json!({"model": "echo@2", "config": {"approved-only": false}}), 403, "administrator"),
        (json!({"model": "echo@1", "config": {"approved-only": null}}), 403, "administrator"),
        (with(json!({"aproved-only": false})), 400, "did you mean `approved-only`?"),
        (with(json!({"max_rows": 5})), 400, "did you mean `max-rows`?"),
        (with(json!(null)), 400, "object of settings"),
        (with(json!([1])), 400, "object of settings"),
        (with(json!({"timeout": -5})), 400, "`timeout` is written like"),
        (with(json!({"capture": 2})), 400, "share from 0% to 100%"),
        (json!({"model": "echo@1", "confg": {}}), 400, "did you mean `config`?"),
    ] {
        let (status, text) = deploy(&server, &deployer, &body);
        assert_eq!(status, wanted, "{body}: {text}");
        assert!(text.contains(said), "{body}: {text}");
        assert_eq!(config(&place), expected, "{body}");
    }
    let headers = [("x-api-key", deployer.as_str())];
    let traffic = server.post("/v1/endpoints/e/traffic", &headers, br#"{"weights": {"echo@2": 1}}"#);
    assert_eq!(traffic.status, 409, "{}", traffic.text());

    let (status, text) =
        deploy(&server, &admin, &json!({"model": "echo@2", "config": {"approved-only": false}}));
    assert_eq!(status, 200, "{text}");
    expected.as_object_mut().unwrap().remove("approved-only");
    assert_eq!(config(&place), expected);
    // What GET shows can be sent back.
    let (status, text) = deploy(&server, &deployer, &json!({"model": "echo@2", "config": expected}));
    assert_eq!(status, 200, "{text}");
    assert_eq!(config(&place), expected);
}

#[test]
fn a_workflows_step_and_the_command_line_patch_too() {
    let place = Place::with_echo();
    place.run(&["models", "approve", "echo", "1"]).expect(0);
    place.deploy(&["--model", "echo@1", "--approved-only", "--capture", "25%", "--timeout", "9s"]);
    let before = config(&place);
    let step = |config: &str| {
        place.write(
            "d.yaml",
            format!("name: d\nsteps:\n  d: {{ uses: deploy, with: {{ endpoint: e, model: echo@1, config: {config} }} }}\n"),
        );
        place.run(&["run", "d.yaml"])
    };
    step("{ timeout: null, max-rows: 5 }").expect(0);
    let mut expected = before.clone();
    expected["timeout"] = json!(30_000);
    expected["max-rows"] = json!(5);
    assert_eq!(config(&place), expected);
    for loosening in ["{ approved-only: false }", "{ approved-only: null }"] {
        step(loosening).expect(1).says(&["administrator", "--approved-only=false"]);
    }
    step("{ aproved-only: false }").expect(2).says(&["approved-only"]);
    assert_eq!(config(&place), expected);
    // Who writes into the home may.
    place.deploy(&["--timeout", "default"]);
    place.deploy(&["--model", "echo@2", "--approved-only=false"]);
    expected.as_object_mut().unwrap().remove("approved-only");
    assert_eq!(config(&place), expected);
}
