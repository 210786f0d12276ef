//! What the tests against the references share; not each of them uses all of it.
#![allow(dead_code)]

use serde_json::Value;

pub fn reference() -> Value {
    serde_json::from_str(include_str!("../reference/reference.json")).expect("the reference is JSON")
}

/// Holds two numbers together, relative to the larger one or to 1.
#[track_caller]
pub fn close(ours: f64, theirs: f64, tolerance: f64, what: &str) {
    let scale = theirs.abs().max(ours.abs()).max(1.0);
    assert!((ours - theirs).abs() <= tolerance * scale, "{what}: {ours}, the reference says {theirs}");
}
