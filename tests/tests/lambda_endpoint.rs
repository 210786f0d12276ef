//! The bootstrap as an endpoint: each kind of event gets what `millstream serve` answers.

use std::{fs, sync::LazyLock, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use millstream_aws_package::Target;
use millstream_tests::{
    Place,
    lambda::{Answer, Environment, Package, of_store},
};
use serde_json::{Value, json};

const LONG: Duration = Duration::from_secs(30);

/// A model behind an endpoint, and the functions of it compiled.
struct Model {
    place: Place,
    package: Package,
    /// Rows without the target, with a header.
    csv: String,
}

static MODEL: LazyLock<Model> = LazyLock::new(|| {
    let place = Place::new();
    place.deploy_sample(
        "tumours",
        "breast-cancer",
        r#"
  features: { uses: features, inputs: { table: "${{ steps.extract.outputs.table }}" }, with: { target: diagnosis } }
  train:
    uses: gradient-boosting
    inputs: { train: "${{ steps.features.outputs.table }}" }
    with: { target: diagnosis, objective: "binary:logistic", num_round: 20 }
"#,
    );
    let target = Target::here().expect("Lambda has this machine's processor");
    let package = Package::of(&of_store(&place), target);
    let data = fs::read_to_string(place.path().join("data/breast-cancer.csv")).unwrap();
    let features = |row: &str| row.rsplit_once(',').unwrap().0.to_owned();
    let csv = data.lines().take(3).map(|row| features(row) + "\n").collect();
    Model { place, package, csv }
});

fn start(variables: &[(&str, &str)]) -> Environment {
    let usual = [("MILLSTREAM_ENDPOINT", "tumours"), ("MILLSTREAM_MODEL_VERSION", "tumours@1")];
    let variables = [&usual, variables].concat();
    Environment::start(&MODEL.place, &MODEL.package, "endpoint", &variables)
}

/// What `serve` answers to the rows, as CSV.
fn expected() -> String {
    let server = MODEL.place.serve(&["--no-workers"]);
    server.invoke("tumours", &MODEL.csv).expect(200).text()
}

#[test]
fn every_kind_of_event_is_answered_as_serve_answers() {
    let expected = expected();
    let csv = &MODEL.csv;
    let mut environment = start(&[]);
    let function_url = json!({
        "version": "2.0", "rawPath": "/", "rawQueryString": "",
        "headers": {"content-type": "text/csv", "host": "abc.lambda-url.eu-west-1.on.aws", "origin": "https://example.org"},
        "requestContext": {"stage": "$default", "http": {"method": "POST", "path": "/"}},
        "body": BASE64_STANDARD.encode(csv), "isBase64Encoded": true,
    });
    let http_api = json!({
        "version": "2.0", "rawPath": "/prod/endpoints/tumours/invocations", "rawQueryString": "",
        "headers": {"content-type": "text/csv"},
        "requestContext": {"stage": "prod", "http": {"method": "POST", "path": "/prod/endpoints/tumours/invocations"}},
        "body": csv, "isBase64Encoded": false,
    });
    let rest_api = json!({
        "resource": "/{proxy+}", "path": "/invocations", "httpMethod": "POST",
        "headers": {"Content-Type": "text/csv"}, "multiValueHeaders": {"Content-Type": ["text/csv"]},
        "requestContext": {"stage": "prod"}, "body": csv, "isBase64Encoded": false,
    });
    let balancer = json!({
        "requestContext": {"elb": {"targetGroupArn": "arn"}}, "httpMethod": "POST", "path": "/",
        "multiValueHeaders": {"content-type": ["text/csv"]}, "body": csv, "isBase64Encoded": false,
    });
    for (what, event) in [
        ("function URL", function_url),
        ("HTTP API", http_api),
        ("REST API", rest_api),
        ("load balancer", balancer),
    ] {
        let answer = environment.invoke(&event, LONG).json();
        assert_eq!(
            (&answer["statusCode"], &answer["body"]),
            (&json!(200), &json!(expected)),
            "{what}: {answer}"
        );
        let headers = if what == "load balancer" {
            assert_eq!(answer["statusDescription"], "200 OK");
            answer["multiValueHeaders"]["content-type"][0].clone()
        } else {
            answer["headers"]["content-type"].clone()
        };
        assert_eq!(headers, "text/csv", "{what}: {answer}");
    }

    // Rows by themselves, as `aws lambda invoke` sends them.
    let numbers = |row: &str| row.split(',').map(|text| text.parse::<f64>().unwrap()).collect::<Value>();
    let instances: Vec<Value> = csv.lines().skip(1).map(numbers).collect();
    let answer = environment.invoke(&json!({"instances": instances}), LONG).json();
    let first = expected.lines().nth(1).unwrap().split(',').next().unwrap().to_owned();
    assert_eq!(answer["predictions"][0]["prediction"].as_str(), Some(first.as_str()), "{answer}");
    assert_eq!(answer["predictions"].as_array().map(Vec::len), Some(2));
}

#[test]
fn what_cannot_be_answered_is_refused_with_a_remedy() {
    let mut environment = start(&[]);
    let post = |path: &str, body: Value| {
        json!({
            "rawPath": path, "headers": {"content-type": "text/csv"},
            "requestContext": {"http": {"method": "POST"}}, "body": body, "isBase64Encoded": false,
        })
    };
    let mut status = |event: &Value| {
        let answer = environment.invoke(event, LONG).json();
        (answer["statusCode"].as_u64().unwrap(), answer["body"].as_str().unwrap_or_default().to_owned())
    };
    let (code, body) = status(&post("/", Value::Null));
    assert!(code == 400 && body.contains("no body"), "{code} {body}");
    let (code, body) = status(&post("/endpoints/other/invocations", json!("1,2\n")));
    assert!(code == 400 && body.contains("no endpoint `other`"), "{code} {body}");
    let (code, body) = status(&post("/nowhere", json!("1")));
    assert!(code == 404, "{code} {body}");
    let (code, body) = status(&post("/", json!("x".repeat(7 << 20))));
    assert!(code == 413 && body.contains("asynchronous inference"), "{code} {body}");
    let get = |path: &str| json!({"rawPath": path, "requestContext": {"http": {"method": "GET"}}});
    assert_eq!(status(&get("/ping")).0, 200);
    assert_eq!(status(&get("/v2/models/tumours")).0, 200);
    // Rows that are wrong are the caller's fault, and so is an event that is too large; the function goes on.
    let Answer::Failed(said) = environment.invoke(&json!({"instances": [[1, 2]]}), LONG) else {
        panic!("answered")
    };
    assert!(said.contains("errorMessage"), "{said}");
    let Answer::Failed(said) = environment.invoke(&json!({"instances": ["x".repeat(7 << 20)]}), LONG) else {
        panic!("answered")
    };
    assert!(said.contains("6291456") && said.contains("asynchronous inference"), "{said}");
    assert!(environment.ended().is_none());
}

#[test]
fn answers_are_streamed_where_that_is_asked_for() {
    let expected = expected();
    let mut environment = start(&[("MILLSTREAM_STREAM", "true")]);
    let event = json!({
        "rawPath": "/", "headers": {"content-type": "text/csv"},
        "requestContext": {"http": {"method": "POST"}}, "body": MODEL.csv, "isBase64Encoded": false,
    });
    let Answer::Done { body, streamed } = environment.invoke(&event, LONG) else { panic!("no answer") };
    assert!(streamed);
    // The head as JSON, eight zeroes, the body.
    let at = body.windows(8).position(|bytes| bytes == [0; 8]).expect("a prelude");
    let head: Value = serde_json::from_slice(&body[..at]).unwrap();
    assert_eq!((&head["statusCode"], &head["headers"]["content-type"]), (&json!(200), &json!("text/csv")));
    assert_eq!(String::from_utf8_lossy(&body[at + 8..]), expected);
}

#[test]
fn a_version_that_does_not_load_is_told_at_the_start() {
    let log = MODEL.place.path().join("log");
    let mut command = std::process::Command::new(millstream_tests::lambda::bootstrap());
    command.stderr(fs::File::create(&log).unwrap());
    let variables = [("MILLSTREAM_ENDPOINT", "tumours"), ("MILLSTREAM_MODEL_VERSION", "tumours@7")];
    let mut environment =
        Environment::start_command(command, &MODEL.place, &MODEL.package, "endpoint", &variables);
    millstream_tests::wait_until("it ends", Duration::from_secs(10), || environment.ended().is_some());
    let said = fs::read_to_string(&log).unwrap();
    assert!(said.contains("MILLSTREAM_MODEL_VERSION is tumours@7"), "{said}");
}

#[test]
fn keys_are_asked_for_where_that_is_wanted() {
    let made = MODEL.place.run(&["keys", "create", "caller", "--scope", "invoke", "--json"]).expect(0);
    let made: Value = serde_json::from_str(&made.stdout).unwrap();
    let key = made["key"].as_str().or(made["secret"].as_str()).expect("a key").to_owned();
    let mut environment = start(&[("MILLSTREAM_REQUIRE_KEYS", "true")]);
    let event = |key: &str| {
        json!({
            "rawPath": "/", "headers": {"content-type": "text/csv", "x-api-key": key},
            "requestContext": {"http": {"method": "POST"}}, "body": MODEL.csv, "isBase64Encoded": false,
        })
    };
    assert_eq!(environment.invoke(&event(&key), LONG).json()["statusCode"], 200);
    assert_eq!(environment.invoke(&event("no"), LONG).json()["statusCode"], 403);
}
