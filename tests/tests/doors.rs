//! The same deployment by the command line, by a workflow's step and over HTTP: the same record, whoever asked.

use std::time::{Duration, Instant};

use millstream_tests::{Place, server::Server, wait_until};
use serde_json::{Value, json};

const DOORS: [&str; 3] = ["by-command", "by-step", "over-http"];

fn endpoint(place: &Place, name: &str) -> Value {
    let shown = place.run(&["endpoints", name, "--json"]).expect(0).stdout;
    serde_json::from_str(&shown).unwrap()
}

/// A record without its name, and without who changed it when.
fn anonymous(mut record: Value) -> Value {
    record.as_object_mut().unwrap().remove("name");
    strip(&mut record);
    record
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for name in ["at", "created", "fingerprint", "request", "since", "started", "who"] {
                members.remove(name);
            }
            members.values_mut().for_each(strip);
        }
        Value::Array(list) => list.iter_mut().for_each(strip),
        _ => {}
    }
}

/// Deploys through one of the doors. Err: what was said.
fn deploy(place: &Place, server: &Server, door: &str, wish: &Value) -> Result<(), String> {
    let text = |member: &str| wish[member].as_str().map(str::to_owned);
    match door {
        "by-command" => {
            let mut arguments = vec!["deploy".to_owned(), door.to_owned()];
            let mut flag = |name: &str, value: Option<String>| {
                arguments.extend(value.map(|value| format!("--{name}={value}")));
            };
            for name in ["model", "variant", "reason", "sample"] {
                flag(name, text(name));
            }
            for (name, value) in wish["config"].as_object().into_iter().flatten() {
                flag(name, value.as_str().map(str::to_owned));
            }
            if let Some(rollout) = wish["rollout"].as_object() {
                let of = |key: &str| format!("{key}={}", rollout[key].as_str().unwrap());
                flag("rollout", Some(["canary", "interval", "bake"].map(of).join(",")));
                flag("alarm", rollout.get("alarms").map(|alarms| alarms[0].as_str().unwrap().to_owned()));
            }
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let ran = place.run(&arguments);
            if ran.code == Some(0) { Ok(()) } else { Err(ran.stderr) }
        }
        "by-step" => {
            let mut with = wish.as_object().unwrap().clone();
            let sample = with.remove("sample");
            with.insert("endpoint".to_owned(), door.into());
            let mut step = json!({"uses": "deploy", "with": with});
            if let Some(sample) = sample {
                step["inputs"] = json!({"sample": sample});
            }
            place.write("deploy.yaml", json!({"name": "d", "steps": {"d": step}}).to_string());
            let ran = place.run(&["run", "deploy.yaml"]);
            if ran.code == Some(0) { Ok(()) } else { Err(ran.stderr) }
        }
        _ => {
            let headers = [("content-type", "application/json")];
            let path = format!("/v1/endpoints/{door}/deploy");
            let reply = server.post(&path, &headers, wish.to_string().as_bytes());
            if reply.status == 200 { Ok(()) } else { Err(reply.text()) }
        }
    }
}

#[test]
fn a_deployment_is_the_same_through_every_door() {
    let place = Place::with_echo();
    let server = place.serve(&["--no-workers"]);
    for door in DOORS {
        let first = json!({"model": "echo@1", "config": {"timeout": "9s", "capture": "20%"}});
        deploy(&place, &server, door, &first).unwrap();
        // A server that meets a rollout without having seen its beginning watches it anew, which is a change.
        wait_until("the server serves it", Duration::from_secs(20), || {
            server.invoke(door, "a,b\n").status == 200
        });
        let wish = json!({
            "model": "echo@2", "variant": "next", "reason": "better on Mondays",
            "rollout": {"canary": "10%", "interval": "10m", "bake": "5m", "alarms": ["error-rate > 1%"]},
            "config": {"memory": "256MiB", "capture": "default"},
        });
        deploy(&place, &server, door, &wish).unwrap();
    }
    let [command, step, http] = DOORS.map(|door| endpoint(&place, door));
    let last = &command["changes"][1];
    assert_eq!(
        last["why"],
        "began to deploy echo@2: canary=10%,interval=10m,bake=5m,time-limit=1h: better on Mondays"
    );
    // What was named before and not since is as it was.
    assert_eq!(
        [&command["config"]["timeout"], &command["config"]["memory"], &command["config"]["capture"]],
        [&json!(9000), &json!(256 << 20), &json!(0.0)]
    );
    assert_eq!(command["aliases"]["live"]["variants"][1]["name"], "next");
    assert_eq!(command["aliases"]["live"]["rollout"]["plan"]["alarms"][0], "error-rate > 1%");
    // Each says who it was.
    assert!(step["changes"][1]["who"].as_str().unwrap().starts_with("run 20"), "{step}");
    assert_eq!(http["changes"][1]["who"], "local");
    let command = anonymous(command);
    assert_eq!(anonymous(step), command);
    assert_eq!(anonymous(http), command);
}

#[test]
fn a_reason_is_kept_through_every_door() {
    let place = Place::with_echo();
    let server = place.serve(&["--no-workers"]);
    let whys = |door: &str| -> Vec<String> {
        let endpoint = endpoint(&place, door);
        let all = endpoint["changes"].as_array().unwrap().iter();
        all.map(|change| change["why"].as_str().unwrap().to_owned()).collect()
    };
    for door in ["by-command", "over-http"] {
        for model in ["echo@1", "echo@2"] {
            deploy(&place, &server, door, &json!({"model": model, "reason": "first"})).unwrap();
        }
        wait_until("the server serves it", Duration::from_secs(20), || {
            server.invoke(door, "a,b\n").status == 200
        });
    }
    let post = |verb: &str, body: Value| {
        let path = format!("/v1/endpoints/over-http/{verb}");
        server.post(&path, &[("content-type", "application/json")], body.to_string().as_bytes()).expect(200);
    };
    let run = |arguments: &[&str]| place.run(arguments).expect(0);
    run(&["traffic", "by-command", "echo-2=3", "echo@1=1", "--reason", "a test"]);
    post("traffic", json!({"weights": {"echo-2": 3, "echo@1": 1}, "reason": "a test"}));
    run(&["rollback", "by-command", "--reason", "complaints"]);
    post("rollback", json!({"reason": "complaints"}));
    for (verb, version) in [("promote", "echo@3"), ("abort", "echo@1")] {
        let wish = json!({"model": version, "rollout": {"canary": "10%", "interval": "10m", "bake": "5m"}});
        for door in ["by-command", "over-http"] {
            deploy(&place, &server, door, &wish).unwrap();
        }
        run(&["rollout", "by-command", verb, "--reason", "enough"]);
        post(verb, json!({"reason": "enough"}));
    }
    let command = whys("by-command");
    assert_eq!(command[0], "created with echo@1: first");
    assert_eq!(command[1], "deployed echo@2: first");
    assert_eq!(command[2], "traffic set to echo@2 75%, echo@1 25%: a test");
    assert!(command[3].ends_with(": complaints"), "{command:?}");
    assert_eq!(command[5], "promoted echo@3: enough");
    assert_eq!(command[7], "rolled back from echo@1: enough");
    assert_eq!(whys("over-http"), command);
}

/// A version is tried within the limits that its endpoint gives it: those that it had, with what the deployment changes.
#[test]
fn a_version_is_tried_within_its_endpoints_limits() {
    let place = Place::with_echo();
    place.write("rows.csv", "loop\n");
    let server = place.serve(&["--no-workers"]);
    for door in DOORS {
        let first = json!({"model": "echo@1", "config": {"timeout": "1s"}});
        deploy(&place, &server, door, &first).unwrap();
        let before = endpoint(&place, door);
        let small = json!({"model": "echo@2", "config": {"memory": "1MiB"}});
        let refused = deploy(&place, &server, door, &small).unwrap_err();
        assert!(
            refused.contains("echo@2 was not deployed, because it failed its trial"),
            "{door}: {refused}"
        );
        assert!(refused.contains("memory"), "{door}: {refused}");
        // The time of the endpoint's record, which this deployment does not name. HTTP has no samples.
        if door != "over-http" {
            let began = Instant::now();
            let long = json!({"model": "echo@2", "sample": "rows.csv"});
            let refused = deploy(&place, &server, door, &long).unwrap_err();
            assert!(
                refused.contains("echo@2 was not deployed, because it failed its trial"),
                "{door}: {refused}"
            );
            assert!(began.elapsed() < Duration::from_secs(60), "{door}: {:?}", began.elapsed());
        }
        assert_eq!(endpoint(&place, door), before, "{door}: nothing has changed");
    }
}
