//! UNION, INTERSECT and EXCEPT.

use arrow_array::UInt32Array;

use super::keys::{Groups, Map, check, encode};
use crate::{
    column::Column,
    eval::Frame,
    plan::SetOperation,
    problem::{Problem, Result},
};

/// Rows of both or of the left side, in their order.
pub(super) fn combine(left: &Frame, right: &Frame, operation: SetOperation, all: bool) -> Result<Frame> {
    if operation == SetOperation::Union {
        let columns = left.columns.iter().zip(&right.columns).map(|(a, b)| {
            let joined = arrow_select::concat::concat(&[a.array.as_ref(), b.array.as_ref()]);
            let array = joined.map_err(|error| Problem::new(error.to_string()))?;
            Ok(Column::new(a.kind.clone(), array))
        });
        let both = Frame { columns: columns.collect::<Result<_>>()?, rows: left.rows + right.rows };
        if all {
            return Ok(both);
        }
        return Ok(both.take(&Groups::of(&both.columns, both.rows)?.first));
    }
    check(&left.columns)?;
    let (mut counts, mut key) = (Map::<Vec<u8>, usize>::default(), Vec::new());
    for row in 0..right.rows {
        encode(&right.columns, row, &mut key);
        *counts.entry_ref(&key[..]).or_insert(0) += 1;
    }
    let mut kept = Vec::new();
    for row in 0..left.rows {
        encode(&left.columns, row, &mut key);
        let count = counts.get_mut(&key);
        let there = count.as_ref().is_some_and(|count| **count > 0);
        if let (true, Some(count)) = (all, count) {
            *count = count.saturating_sub(1);
        }
        if there == (operation == SetOperation::Intersect) {
            kept.push(row as u32);
        }
    }
    let frame = left.take(&UInt32Array::from(kept));
    if all {
        return Ok(frame);
    }
    Ok(frame.take(&Groups::of(&frame.columns, frame.rows)?.first))
}
