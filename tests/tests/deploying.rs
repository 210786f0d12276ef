//! From a run to an endpoint, by the step and by the verbs.

use std::{fs, thread, time::Instant};

use millstream_tests::{Place, root};
use serde_json::Value;

/// A place where the example was run: version 1 of `tumours` behind endpoint `tumours`.
fn deployed() -> Place {
    let place = Place::new();
    fs::copy(root().join("workflow/examples/deployment.yaml"), place.path().join("w.yaml")).unwrap();
    place.run(&["samples", "--quiet", "data"]).expect(0);
    place.run(&["run", "w.yaml", "-p", "trees=10"]).expect(0);
    place
}

fn json(place: &Place, arguments: &[&str]) -> Value {
    let ran = place.run(&[arguments, &["--json"]].concat()).expect(0);
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.stdout))
}

/// Who answers, as `name weight`, and whether a rollout is under way.
fn live(place: &Place) -> (Vec<String>, bool) {
    let endpoint = json(place, &["endpoints", "tumours"]);
    let live = &endpoint["aliases"]["live"];
    let variants = live["variants"].as_array().unwrap();
    let one = |variant: &Value| format!("{} {}", variant["name"].as_str().unwrap(), variant["weight"]);
    (variants.iter().map(one).collect(), live.get("rollout").is_some())
}

fn answers(place: &Place, variants: &[&str]) {
    assert_eq!(live(place).0, variants);
}

#[test]
fn what_is_good_enough_is_registered_and_deployed() {
    let place = deployed();
    answers(&place, &["tumours-1 100.0"]);
    let version = &place.records("models/tumours/versions")["000001.json"];
    let features = version["schema"]["features"].as_array().unwrap();
    assert_eq!((features.len(), &version["schema"]["target"]), (30, &Value::from("diagnosis")));
    assert_eq!(version["data"][0]["name"], "breast-cancer.csv");
    assert!(version["metrics"]["auc"].as_f64().unwrap() > 0.95);

    // The same once more: the same version, and nothing to do.
    place.run(&["run", "w.yaml", "-p", "trees=10"]).expect(0);
    assert_eq!(json(&place, &["endpoints", "tumours"])["revision"], 1);
    // Another version begins its rollout.
    place.run(&["run", "w.yaml", "-p", "trees=12"]).expect(0);
    assert_eq!(live(&place), (vec!["tumours-1 90.0".to_owned(), "tumours-2 10.0".to_owned()], true));
    let rollout = place.run(&["rollout", "tumours"]).expect(0);
    for said in
        ["tumours@2 10%, by run 20", "canary=10%,interval=10m,bake=5m", "error-rate > 1%, p99 > 100ms"]
    {
        assert!(rollout.stdout.contains(said), "{said}: {}", rollout.stdout);
    }
    // While it is under way, nobody runs it over, neither by hand nor by a run.
    place.run(&["deploy", "tumours", "-m", "tumours@1"]).expect(1).says(&["tumours@2 by run", "--replace"]);
    place.run(&["run", "w.yaml", "-p", "trees=14"]).expect(1).says(&["it is being moved to tumours@2"]);
    place.run(&["models", "rm", "tumours@1"]).expect(1).says(&["in use by endpoint `tumours`"]);
    place
        .run(&["rollout", "tumours", "promote"])
        .expect(0)
        .says(&["promoted tumours@2", "now tumours@2 100%"]);
    place.run(&["rollback", "tumours", "--reason", "worse"]).expect(0).says(&["worse", "now tumours@1 100%"]);
    place.run(&["rollback", "tumours"]).expect(1).says(&["nothing to roll back to"]);
    let history = place.run(&["endpoints", "tumours", "--history"]).expect(0).stdout;
    for said in
        ["created with tumours@1", "began to deploy tumours@2", "promoted tumours@2", "rolled back from"]
    {
        assert!(history.contains(said), "{said}: {history}");
    }
    // The failed run deploys when it is tried again.
    place.run(&["retry"]).expect(0);
    assert_eq!(live(&place).0, ["tumours-1 90.0", "tumours-3 10.0"]);
    place.run(&["models", "rm", "tumours@2"]).expect(0);
    place.run(&["models", "tumours", "--compare", "1", "3"]).expect(0);
    place.run(&["models", "tumours", "--compare", "1", "2"]).expect(2).says(&["was removed"]);
}

#[test]
fn what_is_not_good_enough_is_neither() {
    let place = Place::new();
    let text = fs::read_to_string(root().join("workflow/examples/deployment.yaml")).unwrap();
    place.write("w.yaml", text.replace("auc >= 0.95", "auc >= 1.95"));
    place.run(&["samples", "--quiet", "data"]).expect(0);
    place.run(&["run", "w.yaml", "-p", "trees=5"]).expect(0);
    assert!(place.records("models").is_empty() && place.records("endpoints").is_empty());
}

#[test]
fn traffic_settings_and_aliases() {
    let place = deployed();
    place.run(&["run", "w.yaml", "-p", "trees=12"]).expect(0);
    place.run(&["rollout", "tumours", "abort"]).expect(0).says(&["rolled back from tumours@2: by hand"]);
    place
        .run(&["traffic", "tumours", "tumours-1=3", "tumours@2=1"])
        .expect(0)
        .says(&["tumours@1 75%, tumours@2 25%"]);
    place.run(&["traffic", "tumours", "tumors-1=3"]).expect(2).says(&["did you mean `tumours-1`?"]);
    place.run(&["traffic", "tumours", "tumours-1=1", "--shadow", "tumours@2"]).expect(0);
    answers(&place, &["tumours-1 1.0", "tumours-2 0.0"]);
    place.run(&["deploy", "tumours", "--timeout", "5s", "--capture", "10%", "--approved-only"]).expect(0);
    let shown = place.run(&["endpoints", "tumours"]).expect(0).stdout;
    for said in ["timeout", "5s", "10%", "approved-only", "shadow"] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    let approve = "millstream models approve tumours 2";
    place.run(&["deploy", "tumours", "-m", "tumours@2"]).expect(1).says(&["not approved", approve]);
    place.run(&["models", "approve", "tumours", "2"]).expect(0);
    place.run(&["models", "alias", "tumours", "champion", "2", "--expect", "0"]).expect(0);
    place
        .run(&["models", "alias", "tumours", "champion", "1", "--expect", "1"])
        .expect(1)
        .says(&["points at version 2"]);
    place.run(&["deploy", "tumours", "-m", "tumours@champion"]).expect(0);
    answers(&place, &["tumours-2 100.0"]);
    place.run(&["models", "rm", "tumours@2"]).expect(1).says(&["alias `champion`", "endpoint `tumours`"]);
    for (arguments, said) in [
        (&["deploy", "tumours", "-m", "tumors"][..], "did you mean `tumours`?"),
        (&["deploy", "tumours", "-m", "tumours", "--rollout", "canari=5%"], "did you mean `canary`?"),
        (&["deploy", "tumours", "-m", "tumours", "--alarm", "errors > 1%"], "error-rate"),
        (&["deploy", "Tumours", "-m", "tumours"], "cannot be an endpoint"),
        (&["endpoints", "tumuors"], "did you mean `tumours`?"),
        (&["rollback", "tumours", "--alias", "life"], "did you mean `live`?"),
        (&["rollout", "nothing", "abort"], "there is no endpoint `nothing`"),
    ] {
        place.run(arguments).expect(2).says(&[said]);
    }
    place.run(&["endpoints", "rm", "tumours"]).expect(0);
    place.run(&["endpoints", "tumours"]).expect(2);
    place.run(&["endpoints"]).expect(0).says(&["There is no endpoint yet"]);
}

#[test]
fn a_version_that_does_not_work_changes_nothing() {
    let place = deployed();
    place.run(&["run", "w.yaml", "-p", "trees=12"]).expect(0);
    place.run(&["rollout", "tumours", "abort"]).expect(0);
    // A sample that is none.
    place.write("rows.csv", "a,b\n1,2\n");
    let deploy = ["deploy", "tumours", "-m", "tumours@2", "--sample", "rows.csv"];
    place.run(&deploy).expect(1).says(&["tumours@2 was not deployed, because it failed its trial"]);
    place
        .run(&["deploy", "tumours", "-m", "tumours@2", "--sample", "nowhere.csv"])
        .expect(1)
        .says(&["nowhere.csv"]);
    place.run(&["deploy", "tumours", "-m", "tumours@2", "--sample", "w.yaml"]).expect(2).says(&["csv"]);
    // Its state is damaged.
    let versions = place.records("models/tumours/versions");
    let stages = versions["000002.json"]["pipeline"].as_array().unwrap();
    let state = stages.last().unwrap()["state"].as_str().unwrap();
    let path = place.store().join("artifacts").join(&state[..2]).join(state);
    let whole = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    place.run(&["deploy", "tumours", "-m", "tumours@2"]).expect(1).says(&["tumours@2 was not deployed"]);
    // The version's record is damaged.
    let record = place.store().join("models/tumours/versions/000002.json");
    fs::write(&record, "{").unwrap();
    place.run(&["deploy", "tumours", "-m", "tumours@2"]).expect(1).says(&["000002.json", "damaged"]);
    answers(&place, &["tumours-1 100.0"]);
    // The endpoint's record is damaged: it is named, and stays.
    let record = place.store().join("endpoints/tumours.json");
    fs::write(&record, "{").unwrap();
    place
        .run(&["deploy", "tumours", "-m", "tumours@1"])
        .expect(1)
        .says(&["endpoints/tumours.json", "damaged"]);
    place.run(&["endpoints"]).expect(1).says(&["endpoints/tumours.json"]);
    assert_eq!(fs::read_to_string(&record).unwrap(), "{");
}

#[test]
fn a_deployment_that_is_killed_leaves_the_old_or_the_new() {
    let place = deployed();
    place.run(&["run", "w.yaml", "-p", "trees=12"]).expect(0);
    place.run(&["rollout", "tumours", "abort"]).expect(0);
    let began = Instant::now();
    place.run(&["deploy", "tumours", "-m", "tumours@2"]).expect(0);
    let usual = began.elapsed();
    let mut moved = 0;
    // From at once to half as long again as one takes that is left alone.
    for round in 0..24_u32 {
        let target = ["tumours@1", "tumours@2"][(round % 2) as usize];
        let mut process = place.spawn(&["deploy", "tumours", "-m", target], &[]);
        thread::sleep(usual * round / 16);
        let _ = process.kill();
        process.wait().unwrap();
        let (variants, under_way) = live(&place);
        assert!(!under_way);
        assert!(variants == ["tumours-1 100.0"] || variants == ["tumours-2 100.0"], "{variants:?}");
        moved += u32::from(variants == [format!("{} 100.0", target.replace('@', "-"))]);
    }
    assert!(moved > 0, "some of them were in time");
    place.run(&["deploy", "tumours", "-m", "tumours@2"]).expect(0);
    answers(&place, &["tumours-2 100.0"]);
}

#[test]
fn keys_are_shown_once() {
    let place = Place::new();
    let made = place.run(&[
        "keys",
        "create",
        "shop",
        "--scope",
        "invoke",
        "--endpoint",
        "churn",
        "--expires",
        "90d",
    ]);
    let made = made.expect(0);
    let secret = made.stdout.trim();
    assert!(secret.starts_with("mst_"), "{secret}");
    let list = place.run(&["keys", "list"]).expect(0).stdout;
    let id = secret.split('_').nth(1).unwrap();
    assert!(list.contains(id) && list.contains("invoke") && list.contains("churn"), "{list}");
    assert!(!list.contains(secret.rsplit('_').next().unwrap()));
    assert!(json(&place, &["keys", "list"])[0].get("hash").is_none());
    place
        .run(&["keys", "create", "x", "--scope", "admin", "--endpoint", "churn"])
        .expect(2)
        .says(&["all endpoints"]);
    place.run(&["keys", "create", "x", "--scope", "invoke", "--expires", "soon"]).expect(2).says(&["90d"]);
    place.run(&["keys", "revoke", "nothing"]).expect(2);
    place.run(&["keys", "revoke", id]).expect(0);
    assert_eq!(json(&place, &["keys", "list"]), Value::Array(Vec::new()));
}
