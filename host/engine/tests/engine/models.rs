//! Pipelines that come as inputs: each stage in a component of its own, one after the other.

use millstream_core::{
    artifact::{Pipeline, Stage},
    failure::Failure,
};
use millstream_engine::{Engine, EngineKind, Job, Predictor};

use crate::support::{Home, blamed, limited, run};

fn with_model(home: &Home, mode: &str, states: &[&str]) -> Job {
    let mut job = home.job_with(mode, &[b"abc"]);
    home.add_model(&mut job, states);
    job
}

#[test]
fn stages_are_chained_in_order() {
    let home = Home::new();
    for (states, expected) in [
        (&["increment"][..], "bcd"),
        (&["increment", "increment"], "cde"),
        (&["double", "increment"], "bcdbcd"),
    ] {
        let done = run(&home.pool(1), &with_model(&home, "predict", states)).unwrap();
        assert_eq!(home.read(&done.outputs["echo"][0]), expected);
    }
}

#[test]
fn what_is_unlike_training_is_added_up_over_answers() {
    let home = Home::new();
    for (states, expected) in [
        (&["novel"][..], "job Novelty::Category 4\nage Novelty::OutOfRange 2\njob Novelty::Missing 2\n"),
        // Behind a stage, ranges and gaps are that stage's doing.
        (&["echo", "novel"], "job Novelty::Category 4\n"),
        (&["novel", "novel"], "job Novelty::Category 4\nage Novelty::OutOfRange 2\njob Novelty::Missing 2\n"),
    ] {
        let done = run(&home.pool(1), &with_model(&home, "unseen", states)).unwrap();
        assert_eq!(home.read(&done.outputs["echo"][0]), expected, "{states:?}");
    }
}

#[test]
fn a_job_loads_what_another_fitted() {
    let home = Home::new();
    let mut fit = home.job("fit");
    fit.params = r#"{"mode": "fit", "state": "increment"}"#.to_owned();
    let done = run(&home.local(), &fit).unwrap();
    let state = &done.outputs["state"][0];
    assert_eq!(home.read(state), "increment");
}

#[test]
fn the_description_is_the_last_stages_under_the_pipelines_name() {
    let home = Home::new();
    let done = run(&home.local(), &with_model(&home, "describe-model", &["double", "increment"])).unwrap();
    let description: serde_json::Value = serde_json::from_str(&home.read(&done.outputs["echo"][0])).unwrap();
    assert_eq!(description["name"], "model.json");
    assert_eq!(description["task"], "transform");
    assert_eq!(description["features"][0], "increment");
    assert_eq!(description["stages"][0], serde_json::json!({"function": "faulty", "version": "0.1.0"}));
    assert_eq!(description["stages"].as_array().unwrap().len(), 2);
}

#[test]
fn what_a_stage_says_of_its_input_reaches_the_guest() {
    let home = Home::new();
    for (state, expected) in [("refuse", "a row is empty"), ("refuse-load", "version 99")] {
        let failure = run(&home.local(), &with_model(&home, "predict", &[state])).unwrap_err();
        assert!(matches!(&failure, Failure::InvalidInput { row: Some(3), .. }), "{failure:?}");
        assert!(failure.to_string().contains(expected), "{failure}");
    }
}

#[test]
fn a_stage_that_breaks_is_named() {
    let home = Home::new();
    for (state, expected) in [
        ("trap", "can't predict"),
        ("trap-load", "can't load"),
        ("bad-description", "not a JSON object"),
        ("reach-out", "not for `describe` or a predictor"),
    ] {
        let (message, _) = blamed(run(&home.local(), &with_model(&home, "predict", &["increment", state])));
        assert!(message.starts_with("model stage `faulty 0.1.0`"), "{message}");
        assert!(message.contains(expected), "{state}: {message}");
    }
}

#[test]
fn stages_share_the_jobs_memory() {
    let home = Home::new();
    let mut job = with_model(&home, "predict", &["hoard"]);
    job.limits.memory = 64 << 20;
    assert_eq!(limited(run(&home.pool(1), &job)).0, "memory");
}

#[test]
fn what_is_no_pipeline_is_invalid_input() {
    let home = Home::new();
    for text in ["", "{}", "[]", "not JSON", r#"[{"name": "x"}]"#] {
        let mut job = with_model(&home, "predict", &["increment"]);
        let part = home.artifact("model.json", Pipeline::MEDIA_TYPE, text.as_bytes());
        job.inputs.get_mut("model").unwrap().parts[0] = part;
        let failure = run(&home.local(), &job).unwrap_err();
        assert!(
            matches!(&failure, Failure::InvalidInput { channel: Some(c), .. } if c == "model"),
            "{text}: {failure:?}"
        );
    }
}

#[test]
fn a_predictor_by_itself() {
    let home = Home::new();
    let function = home.add("faulty");
    let stage = |state: &str| Stage {
        name: "faulty".to_owned(),
        version: "0.1.0".to_owned(),
        function,
        state: home.artifacts.put(state.as_bytes()).unwrap().digest,
        size: state.len() as u64,
    };
    let pipeline = Pipeline { stages: vec![stage("increment"), stage("double")] };
    for kind in [EngineKind::Job, EngineKind::Serve] {
        let engine = Engine::new(kind, home.artifacts.clone(), &home.cache).unwrap();
        let mut predictor = Predictor::load(&engine, "letters", &pipeline, 256 << 20).unwrap();
        for _ in 0..3 {
            assert_eq!(predictor.predict_table(b"abc".to_vec()).unwrap(), b"bcdbcd");
        }
        assert!(predictor.describe().contains("letters"));
        assert!(Predictor::load(&engine, "none", &Pipeline::default(), 1 << 20).is_err());
    }
}
