//! What a run reads from outside is told before anything has run.

mod common;

use common::catalog;
use millstream_plan::compile::{Options, check};
use millstream_state::{CalledAt, Outside};
use serde_json::{Value, json};

fn outside(text: &str, params: Value) -> Outside {
    let catalog = catalog();
    let checked = check("test.yaml", text, &catalog).unwrap_or_else(|faults| panic!("{faults}"));
    let params = params.as_object().unwrap().clone();
    let plan = checked.plan(&catalog, &Options { params, ..Options::default() });
    Outside::of(&plan.unwrap_or_else(|error| panic!("{error}")))
}

#[test]
fn sources_are_named_outright_and_by_parameters_items_and_combinations() {
    let text = r#"
name: sources
params:
  folder: { type: uri, default: data }
  more: { type: boolean, default: false }
steps:
  outright: { uses: extract, inputs: { source: [a.csv, "b/*.csv"] } }
  param: { uses: extract, inputs: { source: "${{ params.folder }}/c.csv" } }
  again: { uses: extract, inputs: { source: a.csv } }
  items: { uses: extract, for-each: { items: [d.csv, e.csv] }, inputs: { source: "${{ item }}" } }
  matrix: { uses: extract, matrix: { name: [f, g] }, inputs: { source: "${{ matrix.name }}.csv" } }
  shards: { uses: extract, for-each: { shards: 1000 }, inputs: { source: h.csv } }
  skipped: { uses: extract, if: "${{ params.more }}", inputs: { source: i.csv } }
  late: { uses: extract, needs: [outright], if: "${{ failure() }}", inputs: { source: j.csv } }
  of-steps: { uses: split, inputs: { table: "${{ steps.outright.outputs.table }}" } }
"#;
    let named = |params: Value| outside(text, params).sources.into_iter().collect::<Vec<_>>();
    let usual = ["a.csv", "b/*.csv", "d.csv", "data/c.csv", "e.csv", "f.csv", "g.csv", "h.csv", "j.csv"];
    assert_eq!(named(json!({})), usual, "what may be skipped is read all the same");
    let other = named(json!({"folder": "s3://x", "more": true}));
    assert!(other.contains(&"s3://x/c.csv".to_owned()) && other.contains(&"i.csv".to_owned()), "{other:?}");
}

#[test]
fn workflows_are_named_with_the_parameters_that_are_known() {
    let text = r#"
name: outer
params:
  file: { type: string, default: inner.yaml }
steps:
  data: { uses: extract, inputs: { source: a.csv } }
  judge:
    uses: evaluate
    inputs: { model: a.json, test: "${{ steps.data.outputs.table }}" }
  known: { uses: run-workflow, with: { file: "${{ params.file }}", params: { a: "${{ params.file }}", b: 2 } } }
  unknown:
    uses: run-workflow
    with: { file: other.yaml, params: { a: 1, b: "${{ steps.judge.metrics.auc }}" } }
  each: { uses: run-workflow, for-each: { items: [1, 2] }, with: { workflow: each@3, params: { n: "${{ item }}" } } }
"#;
    let called: Vec<(CalledAt, Value, bool)> = outside(text, json!({}))
        .workflows
        .into_iter()
        .map(|called| (called.at, Value::Object(called.params), called.all_known))
        .collect();
    let (file, stored) =
        (|at: &str| CalledAt::File(at.to_owned()), |at: &str| CalledAt::Stored(at.to_owned()));
    let expected = [
        (file("inner.yaml"), json!({"a": "inner.yaml", "b": 2}), true),
        (file("other.yaml"), json!({"a": 1}), false),
        (stored("each@3"), json!({"n": 1}), true),
        (stored("each@3"), json!({"n": 2}), true),
    ];
    assert_eq!(called, expected);
}
