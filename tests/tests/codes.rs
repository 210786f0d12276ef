//! Errors and their codes, as people and programs see them.

use millstream_tests::Place;
use serde_json::Value;

#[test]
fn a_code_is_explained_by_the_binary() {
    let place = Place::new();
    let page = place.run(&["explain", "MS0101"]).expect(0).stdout;
    for part in ["# MS0101: ", "## What happened", "## Why", "## What to do"] {
        assert!(page.contains(part), "{page}");
    }
    assert_eq!(place.run(&["explain", "101"]).expect(0).stdout, page);
    let index = place.run(&["explain"]).expect(0).stdout;
    assert!(index.contains("| [MS0101](MS0101.md) | The data is at fault |"), "{index}");
    place.run(&["explain", "MS9999"]).expect(2).says(&["error[MS0902]: ", "millstream explain"]);
}

#[test]
fn what_ends_a_command_has_a_code() {
    let place = Place::new();
    place.write("w.yaml", "name: w\nsteps:\n  a: { uses: extract, inputs: { source: ./missing.csv } }\n");
    place.write("f.csv", "");
    for (arguments, code, exit) in [
        (&["--nonsense"][..], "MS0902", 2),
        (&["status", "latest"], "MS0301", 2),
        (&["run", "w.yaml"], "MS0306", 2),
        (&["run", "w.yaml", "--base", "x"], "MS0901", 2),
        (&["run", "w.yaml", "--only", "b"], "MS0217", 2),
        (&["endpoints", "nobody"], "MS0601", 2),
        (&["invoke", "nobody", "f.csv"], "MS0701", 2),
        (&["--home", "f.csv", "runs"], "MS0405", 1),
        (&["serve", "--host", "203.0.113.7", "--no-workers"], "MS0724", 1),
    ] {
        let ran = place.run(arguments).expect(exit);
        assert!(ran.stderr.starts_with(&format!("error[{code}]: ")), "{arguments:?}: {}", ran.stderr);
    }
}

#[test]
fn a_wrong_workflow_is_told_with_codes() {
    let place = Place::new();
    place.write("w.yaml", "name: w\nstep: {}\nsteps:\n  a: { uses: extrac, needs: a }\n");
    place.run(&["validate", "w.yaml"]).expect(2).says(&["w.yaml:2:1: error[MS0204]: "]);
    place.write("w.yaml", "name: w\nsteps:\n  a: { uses: extrac, needs: a }\n");
    place
        .run(&["validate", "w.yaml"])
        .expect(2)
        .says(&["w.yaml:3:14: error[MS0207]: ", "w.yaml:3:29: error[MS0210]: "]);
    let told: Value =
        serde_json::from_str(&place.run(&["validate", "--json", "w.yaml"]).expect(2).stdout).unwrap();
    let codes: Vec<&str> =
        told[0]["diagnostics"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["MS0207", "MS0210"]);
}

#[test]
fn a_task_that_fails_has_a_code_everywhere() {
    let place = Place::new();
    place.write("in.csv", "x,y\n1,2\n");
    place.write(
        "w.yaml",
        "name: w\nsteps:\n  a: { uses: extract, inputs: { source: ./in.csv } }\n  \
         b: { uses: split, inputs: { table: \"${{ steps.a.outputs.table }}\" }, with: { by: time, time: z } }\n",
    );
    let ran = place.run(&["run", "w.yaml"]).expect(1);
    ran.says(&["b: failed[MS01"]);
    assert!(ran.stdout.contains("b: error[MS01"), "{}", ran.stdout);
    let status: Value =
        serde_json::from_str(&place.run(&["status", "latest", "--json"]).expect(0).stdout).unwrap();
    let code = status["steps"][1]["tasks"][0]["code"].as_str().unwrap_or_default().to_owned();
    assert!(code == "MS0101" || code == "MS0102", "{status}");
    let events = place.run(&["run", "w.yaml", "--json"]).expect(1).stdout;
    let failed = events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let failed = failed.into_iter().find(|event| event["event"] == "task-failed").expect("an event");
    assert_eq!(failed["code"], *code);
}
