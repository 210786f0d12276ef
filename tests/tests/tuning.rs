//! Searches for parameters with a real algorithm: the same trials whoever does them, the best of them as the step's result.

use std::{collections::BTreeMap, time::Duration};

use millstream_tests::{Place, wait_until};
use millstream_worker::failpoint::KILL_AT;
use serde_json::Value;

const WORKFLOW: &str = "
name: tuning
steps:
  extract: { uses: extract, inputs: { source: ./data/breast-cancer.csv } }
  split:
    uses: split
    inputs: { table: \"${{ steps.extract.outputs.table }}\" }
    with: { by: random, train: 0.7, test: 0.3, seed: 1 }
  train:
    uses: gradient-boosting
    inputs: { train: \"${{ steps.split.outputs.train }}\", validation: \"${{ steps.split.outputs.test }}\" }
    with: { target: diagnosis, num_round: 5 }
    seed: 11
    tune:
      strategy: random
      objective: minimize validation:logloss
      max-jobs: 7
      max-parallel: 3
      search:
        eta: { range: [0.01, 1], scale: log }
        max_depth: { range: [1, 6] }
        grow_policy: [depthwise, lossguide]
  evaluate:
    uses: evaluate
    inputs: { model: \"${{ steps.train.outputs.model }}\", test: \"${{ steps.split.outputs.test }}\" }
  good:
    uses: register
    if: steps.train.metrics['validation:logloss'] < 0.6
    inputs: { model: \"${{ steps.train.outputs.model }}\" }
    with: { name: tuned }
";

fn place() -> Place {
    let place = Place::new();
    place.run(&["samples", "--quiet", "data"]).expect(0);
    place.write("w.yaml", WORKFLOW);
    place
}

/// What was tried, and what it measured.
fn trials(place: &Place, run: &str) -> Vec<(Value, f64)> {
    let rounds = place.records(&format!("runs/{run}/rounds/train"));
    let tried = rounds.values().flat_map(|round| round["trials"].as_array().unwrap().clone());
    let results = place.results(run);
    tried
        .enumerate()
        .map(|(task, trial)| {
            let metrics = &results[&format!("train/{task:06}.json")]["metrics"];
            (trial, metrics["validation:logloss"].as_f64().unwrap())
        })
        .collect()
}

#[test]
fn the_best_of_the_trials_is_the_model_that_goes_on() {
    let place = place();
    place.run(&["run", "w.yaml"]).expect(0);
    let run = place.runs().remove(0);
    let trials = trials(&place, &run);
    assert_eq!(trials.len(), 7);
    for (trial, _) in &trials {
        assert!((0.01..=1.0).contains(&trial["eta"].as_f64().unwrap()), "{trial}");
        assert!((1..=6).contains(&trial["max_depth"].as_i64().unwrap()), "{trial}");
    }
    let rounds: Vec<u64> = place
        .records(&format!("runs/{run}/rounds/train"))
        .values()
        .map(|round| round["count"].as_u64().unwrap())
        .collect();
    assert_eq!(rounds, [3, 3, 1]);
    let best = (0..7).min_by(|a: &usize, b| trials[*a].1.total_cmp(&trials[*b].1)).unwrap();
    let (least, most) = (trials[best].1, trials.iter().map(|trial| trial.1).fold(0.0, f64::max));
    assert!(least < most, "the parameters make a difference: {trials:?}");
    let results = place.results(&run);
    let model = |key: &str| results[key]["outputs"]["model"]["parts"][0]["digest"].clone();
    assert_eq!(model("good/000000.json"), model(&format!("train/{best:06}.json")));

    let status = place.run(&["status", &run, "--json"]).expect(0).stdout;
    let status: Value = serde_json::from_str(&status).unwrap();
    let train = status["steps"].as_array().unwrap().iter().find(|step| step["step"] == "train").unwrap();
    assert_eq!((&train["count"], &train["done"], &train["state"]), (&7.into(), &7.into(), &"done".into()));
    assert_eq!(train["best"], best);
    let label = train["tasks"][best]["label"].as_str().unwrap();
    let (trial, _) = &trials[best];
    assert_eq!(
        label,
        format!(
            "eta={}, max_depth={}, grow_policy={}",
            trial["eta"],
            trial["max_depth"],
            trial["grow_policy"].as_str().unwrap()
        )
    );
    let shown = place.run(&["status", &run]).expect(0).stdout;
    assert!(shown.contains(&format!("best: {label}")), "{shown}");
    assert_eq!(shown.matches("validation:logloss").count(), 7, "what is compared is shown first: {shown}");
}

#[test]
fn a_grid_tries_each_combination_and_what_is_done_is_cached() {
    let place = place();
    let grid = |values: &str| {
        let head = &WORKFLOW[..WORKFLOW.find("      strategy").unwrap()];
        format!(
            "{head}      strategy: grid\n      objective: maximize validation:auc\n      search: {{ eta: {values}, max_depth: [2, 3] }}\n"
        )
    };
    place.write("w.yaml", grid("[0.1, 0.3]"));
    place.run(&["run", "w.yaml"]).expect(0);
    place.write("w.yaml", grid("{ range: [0.1, 0.5], steps: 3 }"));
    place.run(&["run", "w.yaml"]).expect(0);
    let run = place.runs().remove(1);
    let records = place.records(&format!("runs/{run}/done/train"));
    assert_eq!(records.len(), 6);
    let cached: Vec<bool> = records.values().map(|record| !record["cached-from"].is_null()).collect();
    assert_eq!(cached, [true, true, true, true, false, false]);
}

#[test]
fn workers_that_are_killed_make_the_same_trials() {
    let calm = place();
    calm.run(&["run", "w.yaml"]).expect(0);
    let wanted: BTreeMap<String, Value> = calm.results(&calm.runs()[0]);
    for at in ["marked:4", "marked:5", "completed:6", "successors-sent:8"] {
        let place = place();
        place.run(&["run", "--detach", "w.yaml"]).expect(0);
        let run = place.runs().remove(0);
        let status = place.spawn(&["worker"], &[(KILL_AT, at)]).wait().unwrap();
        assert_eq!(status.code(), None, "killed at {at}, not ended");
        let mut workers = [place.spawn(&["worker"], &[]), place.spawn(&["worker"], &[])];
        wait_until(at, Duration::from_secs(120), || place.results(&run).len() == wanted.len());
        for worker in &mut workers {
            worker.kill().unwrap();
            worker.wait().unwrap();
        }
        assert_eq!(place.results(&run), wanted, "{at}");
        assert_eq!(trials(&place, &run), trials(&calm, &calm.runs()[0]), "{at}");
    }
}

#[test]
fn a_metric_that_nobody_reports_fails_the_step_by_name() {
    let place = place();
    let without = WORKFLOW.replace(", validation: \"${{ steps.split.outputs.test }}\"", "");
    place.write("w.yaml", without);
    let told = "none of 3 trials reported the metric `validation:logloss` that `tune` is to minimize";
    let said = place.run(&["run", "w.yaml"]).expect(1).stdout;
    assert!(said.contains(&format!("train: error[MS0102]: parameter `tune.objective`: {told}")), "{said}");
    let run = place.runs().remove(0);
    assert_eq!(place.records(&format!("runs/{run}/rounds/train")).len(), 1, "one round is enough to know");
    let status = place.run(&["status", &run]).expect(0).stdout;
    assert!(status.contains(told), "{status}");
}

#[test]
fn a_search_begins_with_what_an_earlier_one_has_found() {
    let place = place();
    place.run(&["run", "w.yaml"]).expect(0);
    let first = place.runs().remove(0);
    let warm = WORKFLOW
        .replace("strategy: random", &format!("strategy: bayesian\n      warm-start: {first}"))
        .replace("max-jobs: 7", "max-jobs: 5");
    place.write("w.yaml", &warm);
    place.run(&["run", "w.yaml"]).expect(0);
    let second = place.runs().remove(1);
    let plan = std::fs::read(place.store().join(format!("runs/{second}/plan.json"))).unwrap();
    let plan: Value = serde_json::from_slice(&plan).unwrap();
    let known = plan["steps"]["train"]["fan-out"]["trials"]["known"].as_array().unwrap();
    let wanted: Vec<Value> = trials(&place, &first)
        .into_iter()
        .map(|(point, loss)| serde_json::json!({ "point": point, "score": loss }))
        .collect();
    assert_eq!(*known, wanted);
    let shown = place.run(&["tuning", &second]).expect(0).stdout;
    assert!(shown.contains("begun with 7 earlier trials"), "{shown}");

    // Nothing is started if there is nothing to begin with.
    place.write("w.yaml", warm.replace(&first, "no-such-run"));
    let told = place.run(&["run", "w.yaml"]).expect(1).stderr;
    assert!(told.contains("there is no run `no-such-run`"), "{told}");
    place.write("w.yaml", warm.replace(&first, &format!("{first}/split")));
    let told = place.run(&["run", "w.yaml"]).expect(1).stderr;
    assert!(told.contains(&format!("step `split` of run {first} is no search")), "{told}");
    assert_eq!(place.runs().len(), 2);
}

#[test]
fn halving_trains_the_best_points_for_longer() {
    let place = place();
    let halving = WORKFLOW
        .replace(", num_round: 5", "")
        .replace(
            "strategy: random",
            "strategy: hyperband\n      resource: { num_round: { min: 2, max: 18 } }",
        )
        .replace("max-jobs: 7", "max-jobs: 18");
    place.write("w.yaml", &halving);
    place.run(&["run", "w.yaml"]).expect(0);
    let run = place.runs().remove(0);
    let trials = trials(&place, &run);
    let at = |rounds: u64| trials.iter().filter(|(trial, _)| trial["num_round"] == rounds).count();
    assert_eq!(at(2) + at(6) + at(18), 18);
    assert!(at(2) > at(6) && at(6) > at(18) && at(18) > 0, "{} {} {}", at(2), at(6), at(18));
}
