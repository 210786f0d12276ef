//! Components that bring a language's runtime with them, here Python's. Building them takes `componentize-py` (PyPI), so
//! these tests are ignored unless asked for:
//!
//! ```sh
//! COMPONENTIZE_PY=/tmp/venv-py/bin/componentize-py cargo test --release -p millstream-engine -- --ignored python
//! ```

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
};

use millstream_core::{
    artifact::{Digest, Parts},
    failure::Failure,
};
use millstream_engine::{Job, Level, Limits};

use crate::support::{Home, blamed, limited, log_lines, run, run_with_events};

/// Makes a component of a Python module, unless one of its present text is there.
fn build(folder: &Path, module: &str) -> Vec<u8> {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let source = fs::read(folder.join(format!("{module}.py"))).unwrap();
    let component =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{module}-{}.wasm", Digest::of(&source).short()));
    if !component.exists() {
        let tool = env::var_os("COMPONENTIZE_PY").unwrap_or_else(|| "componentize-py".into());
        let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../functions/wit");
        let partial = component.with_extension(format!("{}.partial", std::process::id()));
        let mut command = Command::new(&tool);
        command.arg("-d").arg(wit).args(["-w", "stage", "componentize", module, "-o"]).arg(&partial);
        command.current_dir(folder).env("PYTHONDONTWRITEBYTECODE", "1");
        let output = command.output().unwrap_or_else(|error| {
            panic!("{}: {error}; run `pip install componentize-py` and set COMPONENTIZE_PY", tool.display())
        });
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::rename(partial, &component).unwrap();
    }
    fs::read(component).unwrap()
}

fn winsorize() -> Vec<u8> {
    build(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("../../functions/examples/python-winsorize"),
        "winsorize",
    )
}

fn ambient() -> Vec<u8> {
    build(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/python"), "ambient")
}

fn job(home: &Home, component: &[u8], params: &str, csv: Option<&str>) -> Job {
    let mut job = Job {
        function: home.artifacts.put(component).unwrap().digest,
        params: params.to_owned(),
        inputs: BTreeMap::new(),
        seed: 7,
        shard: None,
        limits: Limits::default(),
        sound: BTreeMap::new(),
    };
    if let Some(csv) = csv {
        let part = home.artifact("rows.csv", "text/csv", csv.as_bytes());
        job.inputs.insert("csv".to_owned(), Parts { parts: vec![part], ..Parts::default() });
    }
    job
}

#[test]
#[ignore = "needs componentize-py from PyPI: see this file"]
fn python_runs_as_a_step() {
    let home = Home::new();
    let (pool, local) = (home.pool(1), home.local());
    let csv: String = (0..=100).map(|n| format!("{n},\"a, b\"\n")).collect();
    let good = job(
        &home,
        &winsorize(),
        r#"{"column": "x", "lower": 0.1, "upper": 0.9}"#,
        Some(&format!("x,y\n{csv}")),
    );
    let (outcome, events) = run_with_events(&pool, &good);
    let done = outcome.unwrap();
    assert_eq!(done.metrics["changed"], 20.0);
    assert_eq!(log_lines(&events), [(Level::Info, "`x` is kept within 10 and 90")]);
    let text = home.read(&done.outputs["csv"][0]);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(
        (lines.len(), lines[1], lines[51], lines[101]),
        (102, "10.0,\"a, b\"", "50,\"a, b\"", "90.0,\"a, b\"")
    );
    assert_eq!(run(&local, &good).unwrap(), done, "the same bytes elsewhere");
}

#[test]
#[ignore = "needs componentize-py from PyPI: see this file"]
fn python_keeps_to_contract_and_limits() {
    let home = Home::new();
    let pool = home.pool(1);
    let component = winsorize();
    let fail = |params: &str, csv: &str| run(&pool, &job(&home, &component, params, Some(csv))).unwrap_err();
    let column = r#"{"column": "x"}"#;
    for (failure, expected) in [
        (fail(column, "x\n1\ntwo\n"), "row 2, column `x`: 'two' is not a number"),
        (fail(column, "x,y\n1,2\n3\n"), "row 2: 1 fields; the header has 2"),
        (fail(column, ""), "the file is empty"),
        (fail(r#"{"column": "z"}"#, "x\n1\n"), "no such column; there are: x"),
    ] {
        assert!(matches!(failure, Failure::InvalidInput { .. }), "{failure:?}");
        assert!(failure.to_string().contains(expected), "{failure}");
    }
    let failure = fail(r#"{"column": "x", "lower": 0.9, "upper": 0.1}"#, "x\n1\n");
    assert!(matches!(failure, Failure::InvalidParameter { .. }), "{failure:?}");
    let mut large = job(&home, &component, column, Some(&format!("x\n{}", "1234.5\n".repeat(200_000))));
    large.limits.memory = 24 << 20;
    assert_eq!(limited(run(&pool, &large)).0, "memory");
    large.limits = Limits { output: 1000, ..Limits::default() };
    assert_eq!(limited(run(&pool, &large)).0, "output");
}

#[test]
#[ignore = "needs componentize-py from PyPI: see this file"]
fn python_finds_nothing_of_the_machine() {
    let home = Home::new();
    let pool = home.pool(1);
    let component = ambient();
    let (outcome, events) = run_with_events(&pool, &job(&home, &component, "{}", None));
    let message = outcome.unwrap().message;
    let found: serde_json::Value = serde_json::from_str(&message).unwrap();
    assert_eq!(found["environment"], serde_json::json!({}));
    assert_eq!(found["arguments"], serde_json::json!([]));
    assert_eq!(found["wall clock"], serde_json::json!([0.0, 0.0]));
    assert_eq!(found["monotonic clock stands"], false, "a loop that waits for it would never end");
    for denied in ["root", "secret", "write", "network", "process"] {
        let name = found[denied].as_str().unwrap();
        assert!(name.ends_with("Error") || name == "error", "{denied}: {found}");
    }
    let lines = log_lines(&events);
    assert!(lines.contains(&(Level::Info, "to standard output")), "{lines:?}");
    assert!(lines.contains(&(Level::Warn, "to standard error")), "{lines:?}");
    assert_eq!(
        run(&pool, &job(&home, &component, "{}", None)).unwrap().message,
        message,
        "and always the same"
    );
    let mut other = job(&home, &component, "{}", None);
    other.seed = 8;
    assert_ne!(run(&pool, &other).unwrap().message, message, "random numbers follow from the seed");
}

#[test]
#[ignore = "needs componentize-py from PyPI: see this file"]
fn python_exceptions_are_the_functions_fault() {
    let home = Home::new();
    let (message, _) = blamed(run(&home.pool(1), &job(&home, &ambient(), r#"{"raise": true}"#, None)));
    assert!(message.contains("ValueError: no such luck"), "{message}");
}
