//! The window functions there are, and their frames.

use crate::{aggregates::Aggregate, expr::Expr};

/// A window function.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum WindowFunction {
    RowNumber,
    Rank,
    DenseRank,
    PercentRank,
    CumeDist,
    Ntile,
    Lag,
    Lead,
    FirstValue,
    LastValue,
    NthValue,
    /// With the condition of its FILTER.
    Aggregate(Aggregate, Option<Expr>),
}

pub(crate) const NAMES: &[(&str, WindowFunction)] = &[
    ("row_number", WindowFunction::RowNumber),
    ("rank", WindowFunction::Rank),
    ("dense_rank", WindowFunction::DenseRank),
    ("percent_rank", WindowFunction::PercentRank),
    ("cume_dist", WindowFunction::CumeDist),
    ("ntile", WindowFunction::Ntile),
    ("lag", WindowFunction::Lag),
    ("lead", WindowFunction::Lead),
    ("first_value", WindowFunction::FirstValue),
    ("last_value", WindowFunction::LastValue),
    ("nth_value", WindowFunction::NthValue),
];

/// The window function of a name.
pub(crate) fn named(name: &str) -> Option<WindowFunction> {
    NAMES.iter().find(|(other, _)| *other == name).map(|(_, function)| function.clone())
}

/// Which rows around its own a row looks at.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FrameSpec {
    /// Counted in rows, not in values of the order.
    pub rows: bool,
    pub start: Bound,
    pub end: Bound,
}

/// Where a frame begins or ends.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Bound {
    UnboundedPreceding,
    Preceding(Expr),
    CurrentRow,
    Following(Expr),
    UnboundedFollowing,
}
