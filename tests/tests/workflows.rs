//! Workflows in the store: pushed, listed, shown, run from anywhere, removed.

use std::{fs, process::Stdio};

use millstream_tests::Place;
use serde_json::Value;

/// Echoes what `given` names.
fn workflow(note: &str) -> String {
    format!(
        "# {note}\nname: echoes\nparams: {{ given: {{ type: uri }} }}\nsteps:\n  \
         e: {{ uses: faulty, inputs: {{ table: \"${{{{ params.given }}}}\" }}, with: {{ mode: echo }} }}\n"
    )
}

fn place() -> Place {
    let place = Place::new().with_test_functions(&["faulty"]);
    place.write("w.yaml", workflow("one"));
    place.write("rows.txt", "rows\n");
    place
}

fn json(place: &Place, arguments: &[&str]) -> Value {
    let printed = place.run(&[arguments, &["--json"]].concat()).expect(0).stdout;
    serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
}

/// What task 0 of a step put out.
fn echoed(place: &Place, run: &str, step: &str) -> String {
    let results = place.results(run);
    let digest = results[&format!("{step}/000000.json")]["outputs"]["echo"]["parts"][0]["digest"].clone();
    let digest = digest.as_str().unwrap();
    fs::read_to_string(place.store().join("artifacts").join(&digest[..2]).join(digest)).unwrap()
}

#[test]
fn pushed_listed_shown_and_run_from_an_empty_folder() {
    let place = place();
    place.run(&["workflows", "list"]).expect(0).says(&["No workflow was pushed yet"]);
    assert_eq!(place.run(&["workflows", "push", "w.yaml"]).expect(0).stdout, "echoes@1\n");
    let again = place.run(&["workflows", "push", "w.yaml"]).expect(0);
    again.says(&["Nothing was stored: echoes@1 has the same text"]);
    assert_eq!(again.stdout, "echoes@1\n");
    place.write("w.yaml", workflow("two"));
    let second = json(&place, &["workflows", "push", "w.yaml"]);
    assert_eq!((&second["version"], &second["new"]), (&2.into(), &true.into()), "{second}");
    assert_eq!(json(&place, &["workflows", "push", "w.yaml"])["new"], false);

    let listed = json(&place, &["workflows", "list"]);
    assert_eq!((&listed[0]["name"], &listed[0]["version"]), (&"echoes".into(), &2.into()), "{listed}");
    assert_eq!(place.run(&["workflows", "show", "echoes@1"]).expect(0).stdout, workflow("one"));
    let shown = json(&place, &["workflows", "show", "echoes"]);
    assert_eq!(shown["text"], workflow("two"));
    assert!(shown["functions"]["faulty"]["digest"].is_string(), "{shown}");

    // From a folder where nothing is: the file is gone, too.
    fs::remove_file(place.path().join("w.yaml")).unwrap();
    let home = place.path().join(".millstream").to_string_lossy().into_owned();
    let empty = Place::new();
    empty.write("mine.txt", "mine\n");
    let run = |name: &str| empty.run(&["run", name, "-p", "given=mine.txt", "--home", &home]);
    run("echoes@1").expect(0).says(&["Running echoes@1, pushed"]);
    run("echoes").expect(0).says(&["Running echoes@2"]);
    let runs = place.runs();
    assert_eq!(runs.len(), 2);
    for (run, version) in runs.iter().zip([1, 2]) {
        let plan = place.plan(run);
        assert_eq!((&plan["workflow"], &plan["version"]), (&"echoes".into(), &version.into()));
        assert_eq!(echoed(&place, run, "e"), "mine\n");
    }
    assert_eq!(json(&place, &["status", "latest"])["version"], 2);
    assert!(place.run(&["runs"]).expect(0).stdout.contains("echoes@2"));
    place.run(&["status", "latest"]).expect(0);

    // A file of that name wins, and it is said.
    empty.write("echoes", workflow("a file"));
    run("echoes").expect(0).says(&["Running the file echoes, and not the workflow echoes@2"]);
    assert!(place.plan(place.runs().last().unwrap())["version"].is_null());
}

#[test]
fn what_cannot_be_run_from_anywhere_or_is_not_there_is_refused() {
    let place = place();
    place.write("relative.yaml", workflow("x").replace("type: uri", "type: uri, default: ./rows.txt"));
    place.run(&["workflows", "push", "relative.yaml"]).expect(2).says(&["./rows.txt", "-p NAME=PATH"]);
    place.write("wrong.yaml", workflow("x").replace("faulty", "fualty"));
    place.run(&["workflows", "push", "wrong.yaml"]).expect(2).says(&["did you mean `faulty`?", "wrong.yaml"]);
    place.run(&["workflows", "list"]).expect(0).says(&["No workflow was pushed yet"]);

    place.run(&["workflows", "push", "w.yaml"]).expect(0);
    for (arguments, said) in [
        (
            &["run", "echos"][..],
            "there is no file echos, and no workflow `echos` was pushed; did you mean `echoes`?",
        ),
        (&["run", "echoes@7"], "workflow `echoes` has no version 7; versions: 1"),
        (&["run", "nothing.yaml"], "cannot read nothing.yaml"),
        (&["workflows", "show", "echoes@0"], "versions count from 1"),
        (&["workflows", "rm", "other"], "no workflow `other` was pushed"),
        (&["run", "echoes"], "given"),
    ] {
        place.run(arguments).expect(2).says(&[said]);
    }
    assert!(place.runs().is_empty());
    // A parameter's relative path begins in the folder where the command is typed.
    place.run(&["run", "echoes", "-p", "given=rows.txt"]).expect(0);
}

#[test]
fn of_two_pushes_at_once_each_is_kept() {
    let place = place();
    let pushes: Vec<_> = (0..6)
        .map(|i| {
            let file = format!("w{}.yaml", i % 3);
            place.write(&file, workflow(&file));
            let mut command = place.command(&["workflows", "push", &file]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for push in pushes {
        let output = push.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let kept = place.records("workflows/echoes");
    // A text that is pushed twice may have another between.
    assert!((3..=6).contains(&kept.len()), "{kept:?}");
    let numbers: Vec<u64> = kept.values().map(|record| record["version"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=kept.len() as u64).collect::<Vec<_>>(), "no gap, none twice");
    for i in 0..3 {
        let text = workflow(&format!("w{i}.yaml"));
        assert!(kept.values().any(|record| record["text"] == text), "{text}");
    }
}

#[test]
fn removed_versions_and_damaged_records() {
    let place = place();
    for note in ["one", "two", "three"] {
        place.write("w.yaml", workflow(note));
        place.run(&["workflows", "push", "w.yaml"]).expect(0);
    }
    place.run(&["workflows", "rm", "echoes@3"]).expect(0).says(&["Removed: echoes@3"]);
    place.run(&["run", "echoes@3"]).expect(2).says(&["has no version 3; versions: 1, 2"]);
    place.run(&["run", "echoes", "-p", "given=rows.txt"]).expect(0).says(&["Running echoes@2"]);
    assert_eq!(place.run(&["workflows", "push", "w.yaml"]).expect(0).stdout, "echoes@4\n");

    place.write("other.yaml", workflow("other").replace("echoes", "other"));
    place.run(&["workflows", "push", "other.yaml"]).expect(0);
    let record = place.store().join("workflows/echoes/000004.json");
    for bytes in ["{", "", "[]"] {
        fs::write(&record, bytes).unwrap();
        place.run(&["run", "echoes"]).expect(1).says(&["workflows/echoes/000004.json is damaged"]);
        let listed = place.run(&["workflows", "list"]).expect(1);
        assert!(listed.stdout.contains("other"), "the others are listed: {}", listed.stdout);
        listed.says(&["workflow echoes", "is damaged"]);
        place.run(&["run", "echoes@2", "-p", "given=rows.txt"]).expect(0);
        let doctor = place.run(&["doctor"]).expect(1).stdout;
        assert!(doctor.contains("workflows/echoes/000004.json"), "{doctor}");
    }
    place.run(&["workflows", "rm", "echoes@4"]).expect(0);
    place.run(&["run", "echoes", "-p", "given=rows.txt"]).expect(0).says(&["Running echoes@2"]);
    place.run(&["workflows", "rm", "echoes"]).expect(0);
    place.run(&["workflows", "show", "echoes"]).expect(2).says(&["no workflow `echoes` was pushed"]);
    // What ran goes on being there.
    assert_eq!(place.run(&["status", "latest"]).expect(0).code, Some(0));
}

#[test]
fn a_step_runs_a_stored_workflow_as_it_was_when_the_run_started() {
    let place = place();
    place.run(&["workflows", "push", "w.yaml"]).expect(0);
    let rows = place.path().join("rows.txt").to_string_lossy().into_owned();
    let outer = |with: &str| format!("name: outer\nsteps:\n  i: {{ uses: run-workflow, with: {with} }}\n");
    place.write("outer.yaml", outer(&format!("{{ workflow: echoes, params: {{ given: {rows} }} }}")));
    place.run(&["run", "--detach", "outer.yaml"]).expect(0);
    let run = place.runs().remove(0);
    // A newer version, and none: the run has what it needs.
    place.write("w.yaml", workflow("two").replace("mode: echo", "mode: trap"));
    place.run(&["workflows", "push", "w.yaml"]).expect(0);
    place.run(&["workflows", "rm", "echoes"]).expect(0);
    place.run(&["retry", &run]).expect(0);
    let child = format!("{run}-i-0");
    assert_eq!(echoed(&place, &child, "e"), "rows\n");
    assert_eq!(place.plan(&child)["version"], 1);
    assert_eq!(place.plan(&run)["frozen"]["stored"]["echoes"]["version"], 1);

    for (with, said) in [
        ("{}", "a workflow is missing"),
        ("{ workflow: echoes, file: w.yaml }", "two workflows are named"),
        ("{ workflow: echoes }", "no workflow `echoes` was pushed"),
    ] {
        place.write("outer.yaml", outer(with));
        place.run(&["run", "outer.yaml"]).expect(2).says(&[said]);
    }
    // What a parent gives a stored workflow is not relative either.
    place.write("w.yaml", workflow("three"));
    place.run(&["workflows", "push", "w.yaml"]).expect(0);
    place.write("outer.yaml", outer("{ workflow: echoes, params: { given: rows.txt } }"));
    place.run(&["run", "outer.yaml"]).expect(2).says(&["rows.txt", "from any folder"]);
}
