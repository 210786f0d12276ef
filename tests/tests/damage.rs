//! Bytes in the store that are not those that were written: never used in silence, and made whole again.

use std::{
    fs,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use millstream_tests::{Place, Ran};
use millstream_worker::failpoint::{HEALING_POINTS, KILL_AT};
use serde_json::Value;

/// A source, a table, a model, and something made with the model.
const WORKFLOW: &str = r#"
name: damage
steps:
  extract: { uses: extract, inputs: { source: ./in.csv } }
  features:
    uses: features
    inputs: { table: "${{ steps.extract.outputs.table }}" }
    with: { target: y, columns: { a: standard } }
  train:
    uses: ridge
    inputs: { train: "${{ steps.features.outputs.table }}" }
    with: { target: y }
  evaluate:
    uses: evaluate
    inputs: { model: "${{ steps.train.outputs.model }}", test: "${{ steps.extract.outputs.table }}" }
  register: { uses: register, inputs: { model: "${{ steps.train.outputs.model }}" }, with: { name: damage } }
"#;

fn place() -> Place {
    let place = Place::new();
    let rows: String =
        (0..400).map(|i| format!("{}.5,{},{}\n", i % 37, i % 11, 3 * (i % 37) - i % 11)).collect();
    place.write("in.csv", format!("a,b,y\n{rows}"));
    place.write("w.yaml", WORKFLOW);
    place.run(&["run", "w.yaml"]).expect(0);
    place
}

/// The parts of an output of a step of the newest run.
fn digests(place: &Place, step: &str, output: &str) -> Vec<String> {
    let run = place.runs().pop().unwrap();
    let results = place.results(&run);
    let parts = &results[&format!("{step}/000000.json")]["outputs"][output]["parts"];
    parts.as_array().unwrap().iter().map(|part| part["digest"].as_str().unwrap().to_owned()).collect()
}

fn path(place: &Place, digest: &str) -> PathBuf {
    place.store().join("artifacts").join(&digest[..2]).join(digest)
}

/// The state that a step's model was loaded from.
fn state(place: &Place, step: &str) -> String {
    let model = digests(place, step, "model").remove(0);
    let stages: Value = serde_json::from_slice(&fs::read(path(place, &model)).unwrap()).unwrap();
    stages.as_array().unwrap().last().unwrap()["state"].as_str().unwrap().to_owned()
}

/// Turns the signs of some numbers: as many bytes as before, and a sound-looking table.
fn flip_signs(path: &Path) {
    let file = fs::File::options().read(true).write(true).open(path).unwrap();
    let size = file.metadata().unwrap().len();
    for at in (size / 2..size).step_by((size as usize / 300).max(8) & !7) {
        let at = at | 7;
        let mut byte = [0];
        if file.read_exact_at(&mut byte, at).is_ok() {
            file.write_all_at(&[byte[0] ^ 0x80], at).unwrap();
        }
    }
}

/// What a run came to, but for when.
fn results(place: &Place) -> Value {
    let run = place.runs().pop().unwrap();
    let mut results = place.results(&run);
    // It counts versions.
    results.remove("register/000000.json");
    serde_json::to_value(results).unwrap()
}

/// Everything that a run of the workflow reads of another step or from outside.
fn victims(place: &Place) -> Vec<(&'static str, String)> {
    let run = place.runs().pop().unwrap();
    let plan = place.plan(&run);
    let source = plan["frozen"]["sources"].as_object().unwrap().values().next().unwrap();
    vec![
        ("source", source["parts"][0]["digest"].as_str().unwrap().to_owned()),
        ("table", digests(place, "extract", "table").remove(0)),
        ("features", digests(place, "features", "table").remove(0)),
        ("state of features", state(place, "features")),
        ("model", digests(place, "train", "model").remove(0)),
        ("state of the model", state(place, "train")),
        ("report or metrics", digests(place, "evaluate", "report").remove(0)),
    ]
}

#[test]
fn a_damaged_result_is_not_taken_from_the_cache_but_made_again() {
    let place = place();
    let expected = results(&place);
    for (what, victim) in victims(&place) {
        flip_signs(&path(&place, &victim));
        let ran = place.run(&["run", "w.yaml"]).expect(0);
        assert_eq!(results(&place), expected, "{what}: {}", ran.stderr);
        place.check_artifacts();
        // Once whole, it comes from the cache again.
        place.run(&["run", "w.yaml"]).expect(0);
    }
    // Said, not only done.
    let victim = digests(&place, "features", "table").remove(0);
    flip_signs(&path(&place, &victim));
    place.run(&["run", "w.yaml"]).expect(0);
    let status = place.run(&["status", "latest"]).expect(0).stdout;
    assert!(status.contains("of the cached result is damaged"), "{status}");
    // Nor does it take the cache: without it, the file is replaced as well.
    flip_signs(&path(&place, &victim));
    place.run(&["run", "--no-cache", "w.yaml"]).expect(0);
    assert_eq!(results(&place), expected);
    place.check_artifacts();
}

#[test]
fn what_is_gone_is_made_again_too() {
    let place = place();
    let expected = results(&place);
    for (what, victim) in victims(&place) {
        fs::remove_file(path(&place, &victim)).unwrap();
        place.run(&["run", "w.yaml"]).expect(0);
        assert_eq!(results(&place), expected, "{what}");
        assert!(path(&place, &victim).exists(), "{what}");
    }
    place.check_artifacts();
}

/// The artifact is damaged between the step that makes it and the one that reads it: within one run.
fn damaged_on_the_way(place: &Place, victims: &[String]) {
    let run = place.runs().pop().unwrap();
    // As if the later steps had not run yet.
    for step in ["features", "train", "evaluate", "register"] {
        let _ = fs::remove_dir_all(place.store().join(format!("runs/{run}/done/{step}")));
        let _ = fs::remove_dir_all(place.store().join(format!("runs/{run}/steps/{step}")));
    }
    fs::remove_dir_all(place.store().join("cache")).unwrap();
    for victim in victims {
        flip_signs(&path(place, victim));
    }
}

#[test]
fn within_a_run_its_maker_runs_again_and_the_log_says_so() {
    let place = place();
    let expected = results(&place);
    let run = place.runs().pop().unwrap();
    let source = victims(&place).remove(0).1;
    let table = digests(&place, "extract", "table").remove(0);
    // The table, and what it is made from.
    damaged_on_the_way(&place, &[table, source]);
    let ran = place.run(&["retry", &run]).expect(0);
    assert_eq!(results(&place), expected, "{}", ran.stderr);
    place.check_artifacts();
    let logs = place.run(&["logs", &run]).expect(0).stdout;
    for said in ["was damaged", "step `extract` has made it again", "in.csv was read again"] {
        assert!(logs.contains(said), "{said}: {logs}");
    }
}

#[test]
fn what_cannot_be_made_again_stops_the_step_and_says_what_to_do() {
    let place = place();
    let run = place.runs().pop().unwrap();
    let source = victims(&place).remove(0).1;
    let table = digests(&place, "extract", "table").remove(0);
    damaged_on_the_way(&place, &[table.clone(), source.clone()]);
    let whole = fs::read(place.path().join("in.csv")).unwrap();
    place.write("in.csv", "a,b,y\n1,2,3\n");
    let refused = |ran: Ran| {
        ran.expect(1).says(&[
            "is damaged, and this run cannot make it again",
            &source[..12],
            "doctor --verify",
        ]);
    };
    refused(place.run(&["retry", &run]));
    // The doctor names both, and what makes them whole.
    let doctor = place.run(&["doctor", "--verify"]).expect(1).stdout;
    for said in [&source[..12], &table[..12], "source in.csv", "extract/table", "run workflow `damage`"] {
        assert!(doctor.contains(said), "{said}: {doctor}");
    }
    place.write("in.csv", whole);
    place.run(&["retry", &run]).expect(0);
    place.check_artifacts();
    let well = place.run(&["doctor", "--verify"]).stdout;
    assert!(well.contains("verified") && !well.contains("is damaged"), "{well}");
}

#[test]
fn killed_at_every_point_of_healing_it_is_whole_in_the_end() {
    let place = place();
    let expected = results(&place);
    let table = digests(&place, "features", "table").remove(0);
    let extracted = digests(&place, "extract", "table").remove(0);
    for point in HEALING_POINTS {
        let by_run = ["cache-forgotten", "artifact-damaged", "artifact-replaced"].contains(&point);
        let run = place.runs().pop().unwrap();
        let arguments = if by_run {
            flip_signs(&path(&place, &table));
            vec!["run", "w.yaml"]
        } else {
            damaged_on_the_way(&place, std::slice::from_ref(&extracted));
            vec!["retry", &run]
        };
        let mut victim = place.spawn(&arguments, &[(KILL_AT, point)]);
        // Where the store finds and replaces a file it is an executor that dies, and its worker tries again: in vain as long as
        // the file is damaged.
        let code = match point {
            "artifact-damaged" => Some(1),
            "artifact-replaced" => Some(0),
            _ => None,
        };
        assert_eq!(victim.wait().unwrap().code(), code, "{point}");
        place.run(&arguments).expect(0);
        assert_eq!(results(&place), expected, "{point}");
        place.check_artifacts();
    }
}

#[test]
fn copies_for_people_are_of_sound_bytes_alone() {
    let place = place();
    let table = digests(&place, "extract", "table").remove(0);
    flip_signs(&path(&place, &table));
    place
        .run(&["artifacts", "latest", "copy", "extract/table", "out.arrow"])
        .expect(1)
        .says(&["holds other bytes"]);
    assert!(!place.path().join("out.arrow").exists());
}

#[test]
fn a_damaged_model_is_never_deployed_nor_served() {
    let place = place();
    let state = state(&place, "train");
    flip_signs(&path(&place, &state));
    place.run(&["deploy", "damage", "-m", "damage@1"]).expect(1).says(&["was not deployed", "other bytes"]);
    let doctor = place.run(&["doctor", "--verify"]).expect(1).stdout;
    assert!(doctor.contains("of damage@1") && doctor.contains("does not load"), "{doctor}");
    fs::remove_file(path(&place, &state)).unwrap();
    let doctor = place.run(&["doctor", "--verify"]).expect(1).stdout;
    assert!(doctor.contains("is gone, and damage@1 needs it"), "{doctor}");
    place.run(&["run", "w.yaml"]).expect(0);
    place.run(&["deploy", "damage", "-m", "damage@1"]).expect(0);
    let answer = place.write("rows.csv", "a,b\n1.5,2\n");
    place.run(&["invoke", "damage", &answer.to_string_lossy()]).expect(0);
}

#[test]
fn parts_beyond_the_setting_are_taken_as_they_are_and_that_is_said() {
    let place = place();
    let run = place.runs().pop().unwrap();
    damaged_on_the_way(&place, &[]);
    let mut command = place.command(&["retry", &run]);
    let ran: Ran = command.env("MILLSTREAM_VERIFY_UP_TO", "1KB").output().unwrap().into();
    ran.expect(0);
    let logs = place.run(&["logs", &run]).expect(0).stdout;
    assert!(logs.contains("was not checked"), "{logs}");
    damaged_on_the_way(&place, &[]);
    let mut command = place.command(&["retry", &run]);
    let ran: Ran = command.env("MILLSTREAM_VERIFY_UP_TO", "much").output().unwrap().into();
    ran.expect(1).says(&["MILLSTREAM_VERIFY_UP_TO is a size such as 16GiB"]);
}
