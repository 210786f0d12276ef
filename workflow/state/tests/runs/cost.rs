//! What a step of many tasks costs.

use std::collections::BTreeSet;

use millstream_state::{Run, RunState};

use crate::{
    common::Memory,
    worker::{drive, options, plan},
};

#[test]
fn many_shards_cost_a_few_requests_each() {
    const SHARDS: usize = 2_000;
    let text = format!(
        "name: t\nsteps:\n  a: {{ uses: noop, for-each: {{ shards: {SHARDS} }} }}\n  b: {{ uses: noop, inputs: {{ in: \"${{{{ steps.a.outputs.out }}}}\" }} }}\n"
    );
    let plan = plan(&text, &options("r"));
    let store = Memory::default();
    let run = Run::new(&plan, &store);
    let worked = drive(&plan, &store, &BTreeSet::new(), run.begin(0).unwrap());
    assert_eq!(worked.len(), SHARDS + 1);
    assert_eq!(run.progress().unwrap().state, RunState::Succeeded);
    assert!(store.requests.get() < 12 * SHARDS, "{} requests", store.requests.get());
}
