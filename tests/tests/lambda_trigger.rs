//! The bootstrap as a trigger, and what the end of a run starts: under a Runtime API of the tests, in a home on this machine.

use std::{fs, sync::OnceLock, time::Duration};

use millstream_aws_package::Target;
use millstream_queue::{Outgoing, Queue as _, dead_letter_queue};
use millstream_tests::{
    Place,
    lambda::{Answer, Environment, Package, Source, of_store},
    wait_until,
};
use serde_json::{Value, json};

const POOLS: &str = r#"[{"name": "small", "memory": 1769}]"#;
/// As long as the trigger's function lets an invocation be.
const MINUTE: Duration = Duration::from_secs(60);

fn faulty() -> &'static Package {
    static PACKAGE: OnceLock<Package> = OnceLock::new();
    let here = Target::here().expect("Lambda has this machine's processor");
    PACKAGE.get_or_init(|| Package::of(&of_store(&Place::new().with_test_functions(&["faulty"])), here))
}

/// A home with a pool, and these workflows, pushed: each has one step that echoes a file, and these triggers.
fn place(workflows: &[(&str, &str)]) -> Place {
    let place = Place::new().with_test_functions(&["faulty"]);
    place.write(".millstream/store/settings/pools.json", POOLS);
    let rows = place.write("rows.txt", "rows\n");
    for (name, on) in workflows {
        let text = format!(
            "name: {name}\non: {on}\nparams: {{ note: {{ type: string, default: none }} }}\nsteps:\n  \
             e: {{ uses: faulty, inputs: {{ table: '{}' }}, with: {{ mode: echo }} }}\n",
            rows.display()
        );
        let file = place.write(&format!("{name}.yaml"), text);
        place.run(&["workflows", "push", &file.to_string_lossy()]).expect(0);
    }
    place
}

/// The runs of a workflow.
fn runs_of(place: &Place, workflow: &str) -> Vec<String> {
    place.runs().into_iter().filter(|run| place.plan(run)["workflow"] == workflow).collect()
}

/// EventBridge's event of an object that was written.
fn written(key: &str, sequencer: &str) -> Value {
    json!({
        "version": "0", "id": "17793124-05d4-b198-2fde-7ededc63b103", "detail-type": "Object Created", "source": "aws.s3",
        "account": "123456789012", "time": "2026-11-30T20:00:00Z", "region": "eu-west-1", "resources": ["arn:aws:s3:::raw"],
        "detail": {
            "version": "0", "bucket": {"name": "raw"}, "requester": "123456789012", "reason": "PutObject",
            "object": {"key": key, "size": 5, "etag": "b1946ac92492d2347c6235b4d2611184", "version-id": "v1", "sequencer": sequencer},
        },
    })
}

/// Hands the tasks of the queue to a worker until there is none; gives how many there were.
fn work(place: &Place) -> usize {
    let mut environment = Environment::start(place, faulty(), "worker", &[]);
    let source = Source::new(place, "tasks-small");
    let mut done = 0;
    loop {
        let deliveries = source.take(1);
        if deliveries.is_empty() {
            return done;
        }
        let answer = environment.invoke(&source.event(&deliveries), Duration::from_secs(900));
        assert_eq!(source.settle(&deliveries, &answer), [""; 0]);
        done += 1;
    }
}

#[test]
fn an_object_starts_one_run_and_its_end_the_next() {
    let place = place(&[
        (
            "first",
            "{ object-created: { bucket: raw, suffix: .csv, params: { note: '${{ event.data.uri }}' } } }",
        ),
        ("second", "{ workflow-completed: { name: first, params: { note: '${{ event.data.run }}' } } }"),
    ]);
    let mut environment = Environment::start(&place, faulty(), "trigger", &[]);
    let told = environment.invoke(&written("in/a b.csv", "1"), MINUTE).json();
    let outcome = &told["accepted"][0];
    assert_eq!(
        (&outcome["workflow"], &outcome["outcome"]["kind"]),
        (&json!("first"), &json!("started")),
        "{told}"
    );
    // EventBridge delivers twice, now and then.
    let again = environment.invoke(&written("in/a b.csv", "1"), MINUTE).json();
    assert_eq!(
        again["accepted"][0]["outcome"],
        json!({"kind": "duplicate", "run": outcome["outcome"]["run"]})
    );
    let other = environment.invoke(&written("in/a.txt", "2"), MINUTE).json();
    assert_eq!(other["accepted"][0]["outcome"]["kind"], "not-started", "{other}");

    let first = runs_of(&place, "first");
    assert_eq!(first.len(), 1);
    let plan = place.plan(&first[0]);
    assert_eq!(plan["params"]["note"], "s3://raw/in/a b.csv");
    assert_eq!(plan["trigger"]["event"]["data"]["size"], 5);
    // The worker that does the last task starts what waits for the run's end.
    assert_eq!(work(&place), 2);
    let second = runs_of(&place, "second");
    assert_eq!(second.len(), 1);
    assert_eq!(place.plan(&second[0])["params"]["note"], first[0].as_str());
    assert_eq!(place.results(&second[0]), place.results(&first[0]));
}

#[test]
fn a_tick_starts_what_is_due() {
    let place = place(&[("nightly", "{ schedule: { rate: 1 hour } }")]);
    let tick = json!({"millstream": "tick", "time": "2026-11-30T20:00:00Z"});
    let start = || Environment::start(&place, faulty(), "trigger", &[]);
    // A new schedule counts from when it is first seen.
    assert_eq!(start().invoke(&tick, MINUTE).json(), json!({"accepted": []}));
    let clock = place.store().join("triggers/clock/nightly/schedule.json");
    let mut record: Value = serde_json::from_slice(&fs::read(&clock).unwrap()).unwrap();
    record["at"] = json!(record["at"].as_u64().unwrap() - 3_600_000);
    fs::write(&clock, record.to_string()).unwrap();
    let mut environment = start();
    let told = environment.invoke(&tick, MINUTE).json();
    assert_eq!(told["accepted"][0]["outcome"]["kind"], "started", "{told}");
    assert_eq!(environment.invoke(&tick, MINUTE).json(), json!({"accepted": []}), "once");
    assert_eq!(runs_of(&place, "nightly").len(), 1);
}

#[test]
fn requests_start_runs_and_ask_for_them() {
    let place = place(&[("open", "{ http: {} }"), ("shut", "{ schedule: { rate: 1 hour } }")]);
    let mut environment = Environment::start(&place, faulty(), "trigger", &[]);
    let mut ask = |method: &str, path: &str, headers: Value, body: &str| {
        let event = json!({
            "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "", "headers": headers,
            "requestContext": {"stage": "$default", "http": {"method": method, "path": path}},
            "body": body, "isBase64Encoded": false,
        });
        let answer = environment.invoke(&event, MINUTE).json();
        let text = answer["body"].as_str().unwrap_or_default();
        let body: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {answer}"));
        (answer["statusCode"].as_u64().unwrap(), body)
    };
    let named = json!({"content-type": "application/json", "idempotency-key": "one"});
    let (status, started) =
        ask("POST", "/workflows/open/runs", named.clone(), r#"{"params": {"note": "x"}}"#);
    assert_eq!((status, &started["state"]), (202, &json!("started")), "{started}");
    let (status, again) = ask("POST", "/workflows/open/runs", named, r#"{"params": {"note": "x"}}"#);
    assert_eq!((status, &again["run"]), (200, &started["run"]));
    let (status, run) = ask("GET", started["address"].as_str().unwrap(), json!({}), "");
    assert_eq!((status, &run["state"], &run["params"]["note"]), (200, &json!("running"), &json!("x")));
    let json = json!({"content-type": "application/json"});
    assert_eq!(
        ask("POST", "/workflows/shut/runs", json.clone(), "{}").0,
        404,
        "nobody waits for requests there"
    );
    assert_eq!(ask("POST", "/workflows/open/runs", json.clone(), r#"{"params": {"nope": 1}}"#).0, 422);
    // It answers for no endpoint, and changes none.
    for path in ["/endpoints/churn/invocations", "/v1/endpoints/churn/rollback"] {
        let (status, fault) = ask("POST", path, json.clone(), "{}");
        assert!((400..405).contains(&status), "{status}");
        assert!(fault.to_string().contains("this function starts runs and has no endpoints"), "{fault}");
    }
}

#[test]
fn what_is_none_of_its_events_fails_and_comes_again() {
    let place = place(&[]);
    let mut environment = Environment::start(&place, faulty(), "trigger", &[]);
    for event in
        [json!({"hello": 1}), json!({"Records": [{"eventSource": "aws:sqs", "body": "x"}]}), json!([1])]
    {
        match environment.invoke(&event, MINUTE) {
            Answer::Failed(why) => assert!(why.contains("NotForTriggers"), "{why}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_run_that_ends_with_a_dead_letter_starts_what_waits_for_that() {
    let place = place(&[
        ("first", "{ object-created: { bucket: raw } }"),
        ("repair", "{ workflow-completed: { name: first, on: failed } }"),
    ]);
    Environment::start(&place, faulty(), "trigger", &[]).invoke(&written("a.csv", "1"), MINUTE).json();
    let source = Source::new(&place, "tasks-small");
    let mut deliveries = Vec::new();
    wait_until("there is a task", MINUTE, || {
        deliveries.extend(source.take(1));
        !deliveries.is_empty()
    });
    let name = dead_letter_queue("tasks-small");
    let dead = Source::new(&place, &name);
    dead.queue().send(&name, &[Outgoing::new(deliveries[0].body.clone())]).unwrap();
    let letters = dead.take(1);
    let mut undertaker = Environment::start(&place, faulty(), "undertaker", &[]);
    let answer = undertaker.invoke(&dead.event(&letters), MINUTE);
    assert_eq!(dead.settle(&letters, &answer), [""; 0]);
    assert_eq!(runs_of(&place, "repair").len(), 1);
}
