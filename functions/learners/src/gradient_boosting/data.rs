//! The rows that boosting learns from or watches.

use crate::Columns;
use crate::weights::Kept;

/// Rows with what is to be learnt from them.
#[derive(Debug, Clone, Copy)]
pub struct Data<'a> {
    /// Rows x features; NaN is a missing value.
    pub x: &'a Columns<'a>,
    /// Numbers, or classes 0, 1, 2, ...
    pub y: &'a [f64],
    pub weights: Option<&'a [f64]>,
    /// For ranking: rows of equal number are ranked among one another.
    pub groups: Option<&'a [u32]>,
}

/// The rows of a data set that weigh something, where some weigh nothing: those must not move bins, draws or figures.
pub(super) struct Heavy {
    pub kept: Kept,
    y: Vec<f64>,
    groups: Option<Vec<u32>>,
}

impl Heavy {
    /// None if all rows weigh something.
    pub fn of(data: &Data) -> Option<Self> {
        let kept = Kept::of(data.x, data.weights)?;
        Some(Self { y: kept.pick(data.y), groups: data.groups.map(|groups| kept.pick(groups)), kept })
    }

    /// `x` are its own columns.
    pub fn data<'a>(&'a self, x: &'a Columns<'a>) -> Data<'a> {
        Data { x, y: &self.y, weights: Some(self.kept.weights()), groups: self.groups.as_deref() }
    }
}
