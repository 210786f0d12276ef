//! The stack in an account, by the command line: what is shown before, done, written down, and removed again.

use std::{fs, process::Command};

use millstream_aws_package::Target;
use millstream_emulators::{Emulator, environment, ministack};
use millstream_tests::{Place, Ran};
use serde_json::Value;

/// The head of a program for 64-bit Arm.
fn program() -> Vec<u8> {
    let mut program = b"\x7fELF\x02\x01\x01".to_vec();
    program.resize(64, 0);
    program[18] = 183;
    program
}

/// A folder with a package that has no functions, and settings that MiniStack takes.
fn place() -> Place {
    let place = Place::new();
    place.write("program", program());
    let program = place.path().join("program");
    let zip = millstream_aws_package::package(Target::Arm64, &program, &[], &|_| ()).unwrap();
    place.write("package.zip", zip);
    let settings = fs::read_to_string(millstream_tests::root().join("infra/aws/settings.yaml")).unwrap();
    place.write("settings.yaml", settings.replace("budget: 20", "budget: 0"));
    place
}

fn command(place: &Place, url: &str, arguments: &[&str]) -> Command {
    let mut command = place.command(arguments);
    for name in ["AWS_PROFILE", "AWS_SESSION_TOKEN", "MILLSTREAM_ON", "MILLSTREAM_STACK"] {
        command.env_remove(name);
    }
    command.envs(environment(url)).env("XDG_CONFIG_HOME", place.path().join("config"));
    command
}

fn run(place: &Place, emulator: &Emulator, arguments: &[&str]) -> Ran {
    command(place, &emulator.url(), arguments).output().unwrap().into()
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.stdout))
}

#[test]
fn a_stack_is_shown_made_and_removed() {
    let Some(emulator) = ministack() else { return };
    let place = place();
    let stack = ["--stack", "by-hand", "--settings", "settings.yaml", "--package", "package.zip"];
    let deploy = |more: &[&str]| run(&place, emulator, &[&["aws", "deploy"], &stack[..], more].concat());

    let plan = json(&deploy(&["--dry-run", "--json"]).expect(0));
    let steps = plan["steps"].as_array().unwrap();
    assert_eq!((steps[0]["action"].as_str(), steps[0]["target"].as_str()), (Some("create"), Some("Bucket")));
    assert!(
        steps
            .iter()
            .any(|step| step["target"] == "SmallWorker" && step["detail"] == "AWS::Serverless::Function")
    );
    let last = steps.last().unwrap();
    assert!(last["target"].as_str().unwrap().ends_with("config/millstream/config.toml"), "{last}");
    let status = ["aws", "status", "--stack", "by-hand"];
    run(&place, emulator, &status)
        .expect(1)
        .says(&["error[MS1034]", "there is no stack `by-hand` in region us-east-1"]);

    deploy(&[]).expect(0).says(&["CREATE_COMPLETE", "--on aws"]);
    let profile = fs::read_to_string(place.path().join("config/millstream/config.toml")).unwrap();
    assert!(
        profile.contains("[on.aws]\nstore = \"s3://by-hand-000000000000-us-east-1/millstream/store\"\n"),
        "{profile}"
    );
    assert!(!json(&deploy(&["--json"]).expect(0))["changed"].as_bool().unwrap(), "it was so already");

    let status = json(&run(&place, emulator, &[&status[..], &["--json"]].concat()).expect(0));
    assert_eq!(status["stack"]["pools"][2]["memory"], 10_240);
    assert_eq!(status["stack"]["pools"][0]["waiting"], 0);
    run(&place, emulator, &["aws", "logs", "worker-tiny", "--stack", "by-hand"])
        .expect(1)
        .says(&["MS1037", "worker-"]);

    let destroy = ["aws", "destroy", "--stack", "by-hand"];
    let shown = run(&place, emulator, &[&destroy[..], &["--dry-run"]].concat()).expect(0).stdout;
    assert!(
        shown.contains("empty     s3://by-hand-000000000000-us-east-1/millstream/")
            && shown.contains("stays:"),
        "{shown}"
    );
    run(&place, emulator, &destroy).expect(2).says(&["--yes removes without asking"]);
    run(&place, emulator, &[&destroy[..], &["--yes"]].concat()).expect(0).says(&["Stack `by-hand` is gone"]);
    run(&place, emulator, &[&destroy[..], &["--yes"]].concat()).expect(1).says(&["MS1034"]);
}

#[test]
fn missing_credentials_name_what_was_looked_at() {
    let place = place();
    let mut deploy =
        command(&place, "http://127.0.0.1:9", &["aws", "deploy", "--package", "package.zip", "--dry-run"]);
    deploy.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    let ran: Ran = deploy.output().unwrap().into();
    ran.expect(1).says(&["error[MS1001]", "AWS_ACCESS_KEY_ID", "AWS_PROFILE"]);
}

#[test]
fn settings_and_names_are_checked_before_anything_is_asked() {
    let place = place();
    place.write("bad.yaml", "pools: []\nregion: x\n");
    let nowhere = "http://127.0.0.1:9";
    let deploy = |arguments: &[&str]| -> Ran {
        let arguments = [&["aws", "deploy", "--package", "package.zip"], arguments].concat();
        command(&place, nowhere, &arguments).output().unwrap().into()
    };
    deploy(&["--settings", "bad.yaml"]).expect(1).says(&["error[MS1031]", "bad.yaml:2:1", "region"]);
    deploy(&["--stack", "My_Stack"]).expect(2).says(&["lower-case letters"]);
    place.write(
        "x86.yaml",
        fs::read_to_string(place.path().join("settings.yaml"))
            .unwrap()
            .replace("architecture: arm64", "architecture: x86_64"),
    );
    deploy(&["--settings", "x86.yaml"]).expect(1).says(&["error[MS1035]", "not for x86_64"]);
    place.write("package.zip", "text");
    deploy(&[]).expect(1).says(&["error[MS1035]"]);
    fs::remove_file(place.path().join("package.zip")).unwrap();
    deploy(&[]).expect(1).says(&["error[MS1035]", "millstream aws package"]);
}

#[test]
fn a_package_has_the_bootstrap_and_the_functions_for_its_processor() {
    let place = Place::new();
    place.write("program", program());
    let package =
        |more: &[&str]| place.run(&[&["aws", "package", "--only", "split,linear-regression"], more].concat());
    package(&[]).expect(1).says(&[
        "error[MS1035]",
        "no bootstrap for arm64",
        "cargo xtask lambda --arch arm64",
    ]);
    let dry = json(&package(&["--bootstrap", "program", "--dry-run", "--json"]).expect(0));
    assert_eq!((&dry["architecture"], &dry["out"]), (&"arm64".into(), &"package.zip".into()));
    let predicts: Vec<_> =
        dry["functions"].as_array().unwrap().iter().map(|one| (&one["name"], &one["predicts"])).collect();
    assert_eq!(predicts, [(&"split".into(), &false.into()), (&"linear-regression".into(), &true.into())]);
    assert!(!place.path().join("package.zip").exists());
    package(&["--bootstrap", "program", "--architecture", "x86_64"])
        .expect(1)
        .says(&["no program for Linux on x86_64"]);
    place
        .run(&["aws", "package", "--only", "splits", "--bootstrap", "program"])
        .expect(2)
        .says(&["splits", "split"]);

    let made = json(&package(&["--bootstrap", "program", "--json"]).expect(0));
    let zip = fs::read(place.path().join("package.zip")).unwrap();
    assert_eq!(made["made"]["bytes"], zip.len());
    millstream_aws_package::check(&zip, Target::Arm64).unwrap();
    assert_eq!(made["made"]["unzipped"], millstream_aws_package::unzipped(&zip).unwrap());
    package(&["--bootstrap", "program", "--out", "again.zip"])
        .expect(0)
        .says(&["2 functions for arm64", "aws deploy --package again.zip"]);
    assert_eq!(fs::read(place.path().join("again.zip")).unwrap(), zip, "the same input gives the same bytes");
}

#[test]
fn a_profile_picks_the_home() {
    let (place, shared) = (Place::new(), Place::new());
    let folder = shared.path().display();
    place.write(
        "millstream.toml",
        format!("[on.team]\nstore = \"file:{folder}/s\"\nqueue = \"sqlite:{folder}/q\"\n"),
    );
    place.write("w.yaml", "name: w\nsteps:\n  a: { uses: extract, inputs: { source: ./rows.csv } }\n");
    place.write("rows.csv", "x\n1\n");
    let below = Place::new();
    let run = |place: &Place, arguments: &[&str]| -> Ran {
        command(place, "http://127.0.0.1:9", arguments).output().unwrap().into()
    };
    run(&place, &["run", "w.yaml", "--on", "team", "--detach"])
        .expect(0)
        .says(&["It goes on there", "--on team"]);
    assert!(shared.path().join("s/runs").is_dir() && !place.path().join(".millstream").exists());
    run(&place, &["runs", "--on", "tema"]).expect(2).says(&["did you mean `team`?"]);
    run(&below, &["runs", "--on", "team"]).expect(2).says(&["no profile `[on.team]`"]);
    run(&place, &["runs", "--on", "team", "--store", "file:x"]).expect(2).says(&["give one"]);

    // Others do the work: it is followed, and what they end is shown.
    let mut worker = shared.spawn(
        &["worker", "--store", &format!("file:{folder}/s"), "--queue", &format!("sqlite:{folder}/q")],
        &[],
    );
    let followed = run(&place, &["run", "w.yaml", "--on", "team", "--no-cache", "--json"]);
    worker.kill().unwrap();
    worker.wait().unwrap();
    let followed = followed.expect(0);
    assert!(
        followed.stdout.contains("\"step\":\"a\"") || followed.stdout.contains("\"step\": \"a\""),
        "{}",
        followed.stdout
    );
    // One that is asked to help does.
    run(&place, &["run", "w.yaml", "--on", "team", "--no-cache", "--workers", "1"]).expect(0);
}

#[test]
fn what_cannot_run_there_is_said_before_it_runs_and_what_can_is_estimated() {
    let place = Place::new();
    place.write(
        "w.yaml",
        "name: w\nsteps:\n  a: { uses: extract, inputs: { source: ./rows.csv }, timeout: 20m }\n",
    );
    place.write("rows.csv", "x\n1\n");
    let run = |arguments: &[&str]| -> Ran {
        command(&place, "http://127.0.0.1:9", arguments).output().unwrap().into()
    };
    run(&["validate", "w.yaml"]).expect(0);
    run(&["validate", "w.yaml", "--on", "aws"])
        .expect(2)
        .says(&["w.yaml:3:", "Lambda ends an invocation after 15m"]);
    place.write("w.yaml", "name: w\nsteps:\n  a: { uses: extract, inputs: { source: ./rows.csv } }\n");
    run(&["validate", "w.yaml", "--on", "aws"]).expect(0);
    run(&["plan", "w.yaml", "--on", "aws"]).expect(2).says(&["run it once"]);
    run(&["run", "w.yaml"]).expect(0);
    let told = run(&["plan", "w.yaml", "--on", "aws"]).expect(0).stdout;
    for text in ["Lambda, arm64", "SageMaker ml.m5.large", "This assumes:", "small"] {
        assert!(told.contains(text), "{text}: {told}");
    }
    let estimate = json(&run(&["plan", "w.yaml", "--on", "aws", "--json"]).expect(0));
    assert!(estimate["estimate"]["lambda"]["usd"].as_f64().unwrap() > 0.0, "{estimate}");
    assert_eq!(estimate["estimate"]["steps"][0]["tasks"], 1);
}
