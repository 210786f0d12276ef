//! Order.

use std::cmp::Ordering;

use arrow_array::UInt32Array;

use crate::{
    column::Column,
    eval::{Env, Frame},
    expr::SortKey,
    problem::Result,
};

/// A column by which rows are ordered.
pub(super) struct Key {
    pub column: Column,
    pub descending: bool,
    pub nulls_first: bool,
}

impl Key {
    pub fn all(keys: &[SortKey], frame: &Frame, env: &Env<'_>) -> Result<Vec<Self>> {
        keys.iter()
            .map(|key| {
                let column = key.expr.eval(frame, env)?.expand(frame.rows);
                Ok(Self { column, descending: key.descending, nulls_first: key.nulls_first })
            })
            .collect()
    }

    pub fn compare(&self, a: usize, b: usize) -> Ordering {
        let (a_null, b_null) = (self.column.is_null(a), self.column.is_null(b));
        if a_null || b_null {
            let order = a_null.cmp(&b_null);
            return if self.nulls_first { order.reverse() } else { order };
        }
        let order = self.column.value(a).compare(&self.column.value(b));
        if self.descending { order.reverse() } else { order }
    }
}

/// The order of two rows by several keys.
pub(super) fn compare(keys: &[Key], a: usize, b: usize) -> Ordering {
    keys.iter().map(|key| key.compare(a, b)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

/// Rows in order; those that are equal stay as they are.
pub(super) fn order(frame: &Frame, keys: &[SortKey], env: &Env<'_>) -> Result<UInt32Array> {
    let keys = Key::all(keys, frame, env)?;
    let mut rows: Vec<u32> = (0..frame.rows as u32).collect();
    rows.sort_by(|a, b| compare(&keys, *a as usize, *b as usize));
    Ok(rows.into())
}
