//! The whole way on AWS, by the command line: MiniStack takes the stack and runs the bootstrap of each function as a process, as its
//! Lambda does without Docker. An object starts the workflow of the README, queues and functions do the rest.

use std::{
    collections::BTreeMap,
    fs,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use millstream_aws_package::Target;
use millstream_core::location::Location;
use millstream_emulators::{Emulator, environment, ministack};
use millstream_store::{Store, entries};
use millstream_tests::{Place, Ran, lambda::bootstrap, root};
use serde_json::Value;

const FUNCTIONS: &str =
    "extract,analyze,split,features,logistic-regression,gradient-boosting,evaluate,batch-predict";
const BUCKET: &str = "whole-000000000000-us-east-1";
const LONG: Duration = Duration::from_secs(300);

fn command(place: &Place, emulator: &Emulator, arguments: &[&str]) -> Command {
    let mut command = place.command(arguments);
    for name in ["AWS_PROFILE", "AWS_SESSION_TOKEN", "MILLSTREAM_ON", "MILLSTREAM_STACK"] {
        command.env_remove(name);
    }
    command.envs(environment(&emulator.url())).env("XDG_CONFIG_HOME", place.path().join("config"));
    command
}

fn run(place: &Place, emulator: &Emulator, arguments: &[&str]) -> Ran {
    command(place, emulator, arguments).output().expect("the binary starts").into()
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.stdout))
}

fn config(emulator: &Emulator) -> millstream_aws::SdkConfig {
    millstream_aws::at_endpoint(&emulator.url(), "us-east-1", "test", "test")
}

/// What each task of a run put out, as `Place::results` gives it.
fn results(emulator: &Emulator, run: &str) -> BTreeMap<String, Value> {
    let location = Location::parse(&format!("s3://{BUCKET}/millstream/store"), "file").unwrap();
    let place = millstream_aws_s3::Place::parse(&location).unwrap();
    let store: Arc<dyn Store> = Arc::new(millstream_aws_s3::S3Store::new(&config(emulator), place));
    let prefix = format!("runs/{run}/done/");
    let record = |key: String| {
        let record: Value = serde_json::from_slice(&store.get(&key).unwrap().bytes).unwrap();
        (key[prefix.len()..].to_owned(), record["outcome"].clone())
    };
    entries(store.as_ref(), &prefix).map(|entry| record(entry.unwrap().key)).collect()
}

/// The workflow of the README, as an object starts it, which it reads.
fn workflow() -> String {
    let text = fs::read_to_string(root().join("workflow/examples/breast-cancer.yaml")).unwrap();
    assert!(text.contains("\nparams:\n"), "{text}");
    let on = "\non:\n  object-created: { prefix: in/, suffix: .csv, params: { source: '${{ event.data.uri }}' } }\nparams:\n";
    // A workflow that is stored has no files of a folder.
    let relative = "default: ./data/breast-cancer.csv, ";
    assert!(text.contains(relative), "{text}");
    text.replacen("\nparams:\n", on, 1).replace(relative, "")
}

#[test]
fn an_object_starts_the_workflow_of_the_readme_and_the_model_answers() {
    let Some(emulator) = ministack() else { return };
    // What a laptop makes of it.
    let here = Place::new();
    here.run(&["samples", "--quiet", "data"]).expect(0);
    fs::copy(root().join("workflow/examples/breast-cancer.yaml"), here.path().join("w.yaml")).unwrap();
    here.run(&["run", "w.yaml"]).expect(0);
    let expected = here.results(&here.runs()[0]);
    here.run(&["deploy", "tumours", "--model", "breast-cancer@1"]).expect(0);
    let data = fs::read_to_string(here.path().join("data/breast-cancer.csv")).unwrap();
    let rows: String =
        data.lines().take(6).map(|row| row.rsplit_once(',').expect("columns").0.to_owned() + "\n").collect();
    here.write("rows.csv", &rows);
    let answer = here.run(&["invoke", "tumours", "rows.csv"]).expect(0).stdout;

    // The stack.
    let target = Target::here().expect("Lambda has this machine's processor");
    let settings = fs::read_to_string(root().join("infra/aws/settings.yaml")).unwrap();
    let settings = settings
        .replace("budget: 20", "budget: 0")
        .replace("architecture: arm64", &format!("architecture: {target}"));
    here.write("settings.yaml", settings);
    let program = bootstrap().display().to_string();
    let aws = |arguments: &[&str]| run(&here, emulator, arguments);
    let of = ["--settings", "settings.yaml"];
    aws(&[&["aws", "package", "--bootstrap", &program, "--only", FUNCTIONS], &of[..]].concat()).expect(0);
    let made = aws(&[&["aws", "deploy", "--stack", "whole", "--json"], &of[..]].concat()).expect(0);
    assert_eq!(json(&made)["store"], format!("s3://{BUCKET}/millstream/store"));

    let client = {
        let settings = aws_sdk_s3::config::Builder::from(&config(emulator)).force_path_style(true).build();
        aws_sdk_s3::Client::from_conf(settings)
    };
    here.write("started.yaml", workflow());
    aws(&["validate", "started.yaml", "--on", "aws"]).expect(0);
    aws(&["workflows", "push", "started.yaml", "--on", "aws"]).expect(0);

    let put = client.put_object().bucket(BUCKET).key("in/breast-cancer.csv").body(data.into_bytes().into());
    millstream_aws::block_on(put.send()).expect("an object");
    let began = Instant::now();
    let runs = loop {
        let runs = json(&aws(&["runs", "--on", "aws", "--json"]).expect(0));
        let has_ended = runs[0]["state"].as_str().is_some_and(|state| state != "running");
        if has_ended {
            break runs;
        }
        if began.elapsed() > LONG {
            let logs = aws(&["aws", "logs", "trigger", "--stack", "whole"]);
            panic!("{runs}\n{}{}", logs.stdout, logs.stderr);
        }
        std::thread::sleep(Duration::from_millis(500));
    };
    assert_eq!((runs.as_array().map(Vec::len), &runs[0]["state"]), (Some(1), &"succeeded".into()), "{runs}");
    assert_eq!(results(emulator, runs[0]["run"].as_str().unwrap()), expected);

    // The model that it has registered.
    aws(&["deploy", "tumours", "--model", "breast-cancer@1", "--on", "aws"]).expect(0);
    let answered = aws(&["invoke", "tumours", "rows.csv", "--on", "aws"]).expect(0);
    assert_eq!(answered.stdout, answer);
    aws(&["aws", "destroy", "--stack", "whole", "--yes", "--all-objects"]).expect(0);
}
