//! A number is one value, however it is written.

use std::collections::BTreeSet;

use millstream_core::task::Task;
use millstream_plan::compile::{Options, check};
use millstream_state::Run;
use serde_json::Value;

use crate::{
    common::{Memory, catalog},
    worker::{drive, options},
};

#[test]
fn a_whole_number_is_one_value_however_it_is_written() {
    let text = r#"
name: t
params:
  n: { type: integer, default: 7.0 }
  seed: { type: integer, default: 18446744073709551615 }
  x: { type: number, default: 2.5 }
steps:
  extract: { uses: extract, inputs: { source: ./a.csv } }
  train:
    uses: random-forest
    inputs: { train: "${{ steps.extract.outputs.table }}" }
    with: { target: "${{ format('n{0}', params.n) }}", n_estimators: EXPR }
    seed: "${{ params.seed }}"
  other: { uses: noop, with: { x: [{ y: "${{ params.x * 2 }}" }] } }
"#;
    let catalog = catalog();
    let key = |expr: &str, params: &[(&str, &str)]| {
        let checked = check("t", &text.replace("EXPR", expr), &catalog).unwrap_or_else(|e| panic!("{e}"));
        let params =
            params.iter().map(|(name, text)| ((*name).to_owned(), checked.param(name, text).unwrap()));
        let options = Options { params: params.collect(), ..options("r") };
        let plan = checked.plan(&catalog, &options).unwrap_or_else(|error| panic!("{error}"));
        let store = Memory::default();
        let run = Run::new(&plan, &store);
        drive(&plan, &store, &BTreeSet::new(), run.begin(0).unwrap());
        let task = run.again(&Task { step: "train".to_owned(), task: 0 }).unwrap().unwrap();
        let other = run.again(&Task { step: "other".to_owned(), task: 0 }).unwrap().unwrap();
        assert_eq!(other.params["x"].to_string(), "[{\"y\":5}]");
        (Value::Object(task.params.clone()).to_string(), task.seed)
    };
    let wanted = (r#"{"n_estimators":7,"target":"n7"}"#.to_owned(), u64::MAX);
    for expr in [
        "7",
        "7.0",
        "\"${{ params.n }}\"",
        "\"${{ 14 / 2 }}\"",
        "\"${{ 6 + 1.0 }}\"",
        "\"${{ params.x + 4.5 }}\"",
    ] {
        assert_eq!(key(expr, &[]), wanted, "{expr}");
        assert_eq!(key(expr, &[("n", "7.00"), ("seed", "1.8446744073709551615e19")]), wanted, "{expr}");
    }
    let checked = check("t", &text.replace("EXPR", "1"), &catalog).unwrap();
    let wrong = |name: &str, text: &str| checked.param(name, text).unwrap_err().to_string();
    assert!(wrong("n", "6.5").contains("parameter `n` is 6.5, but an integer is wanted: it has a fraction"));
    assert!(wrong("n", "99999999999999999999").contains("it is out of range: whole numbers go from"));
    assert!(wrong("n", "six").contains("an integer is wanted"));
    assert!(wrong("x", "9007199254740993.0").contains("more digits"));
    assert_eq!(checked.param("n", "1e3").unwrap().to_string(), "1000");
    assert_eq!(checked.param("n", "9007199254740993.0").unwrap().to_string(), "9007199254740993");
    for seed in ["-1", "0.5", "18446744073709551616"] {
        let text = text
            .replace("EXPR", "1")
            .replace("\"${{ params.seed }}\"", &format!("\"${{{{ params.x * 0 + {seed} }}}}\""));
        let refused = check("t", &text, &catalog).err().map(|e| e.to_string()).unwrap_or_else(|| {
            let checked = check("t", &text, &catalog).unwrap();
            checked.plan(&catalog, &options("r")).unwrap_err().to_string()
        });
        assert!(
            refused.contains("a seed is a whole number") || refused.contains("out of range"),
            "{refused}"
        );
    }
}
