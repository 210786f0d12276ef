//! What fitting a step gives.

use millstream_sdk::arrow_array::ArrayRef;

use crate::transform::Transform;

/// A fitted step, and the columns that come out.
pub struct Learnt {
    /// What they are called.
    pub names: Vec<String>,
    pub transform: Transform,
    /// So many of the last ones are ready: no later step of the same list takes them.
    pub beside: usize,
    /// The training rows' values, where they differ from what the model makes of the same rows (out of fold).
    pub training: Option<Vec<ArrayRef>>,
}

impl Learnt {
    pub fn new(names: Vec<String>, transform: Transform) -> Self {
        Self { names, transform, beside: 0, training: None }
    }
}
