//! What a query does, step by step.

use crate::{
    expr::{AggregateCall, Expr, SortKey, WindowCall},
    kind::Kind,
};

/// A step, and those before it. Each gives a frame.
#[derive(Clone, Debug)]
pub(crate) enum Plan {
    /// One row without columns.
    One,
    /// A table that the query is given.
    Table(usize),
    /// What several places read: a table that WITH names.
    Shared(usize),
    /// VALUES.
    Rows {
        rows: Vec<Vec<Expr>>,
        kinds: Vec<Kind>,
    },
    Filter {
        input: Box<Plan>,
        condition: Expr,
    },
    Project {
        input: Box<Plan>,
        exprs: Vec<Expr>,
    },
    Join {
        left: Box<Plan>,
        right: Box<Plan>,
        join: Join,
    },
    /// Groups in the order of their first rows; without `by`, all rows are one, also if there are none.
    Group {
        input: Box<Plan>,
        by: Vec<Expr>,
        calls: Vec<AggregateCall>,
    },
    /// A column more for each call.
    Window {
        input: Box<Plan>,
        calls: Vec<WindowCall>,
    },
    Sort {
        input: Box<Plan>,
        keys: Vec<SortKey>,
    },
    Limit {
        input: Box<Plan>,
        offset: usize,
        limit: Option<usize>,
    },
    /// The first row of each that are equal, in all columns or in some expressions.
    Distinct {
        input: Box<Plan>,
        on: Option<Vec<Expr>>,
    },
    Set {
        left: Box<Plan>,
        right: Box<Plan>,
        operation: SetOperation,
        all: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SetOperation {
    Union,
    Intersect,
    Except,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JoinKind {
    Inner,
    Left,
    Right,
    Full,
    Semi,
    Anti,
}

/// How two frames are joined.
#[derive(Clone, Debug)]
pub(crate) struct Join {
    pub kind: JoinKind,
    /// Expressions over the left and over the right frame that are equal in rows that belong together.
    pub left_keys: Vec<Expr>,
    pub right_keys: Vec<Expr>,
    /// What must hold besides, over the columns of both.
    pub rest: Option<Expr>,
    pub left_width: usize,
}

impl Plan {
    pub fn filter(self, condition: Expr) -> Self {
        Self::Filter { input: Box::new(self), condition }
    }

    pub fn project(self, exprs: Vec<Expr>) -> Self {
        Self::Project { input: Box::new(self), exprs }
    }

    pub fn sort(self, keys: Vec<SortKey>) -> Self {
        if keys.is_empty() { self } else { Self::Sort { input: Box::new(self), keys } }
    }
}
