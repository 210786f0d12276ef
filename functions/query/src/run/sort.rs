//! Order.

use std::cmp::Ordering;

use arrow_array::{
    UInt32Array,
    cast::AsArray,
    types::{Date32Type, Float64Type, Int64Type, TimestampMicrosecondType},
};

use crate::{
    column::Column,
    eval::{Env, Frame},
    expr::SortKey,
    kind::Kind,
    problem::Result,
};

/// A column by which rows are ordered.
pub(super) struct Key {
    pub column: Column,
    /// Numbers in the order of the values, missing ones and direction seen to, where values are numbers.
    codes: Option<Vec<(u8, u64)>>,
    pub descending: bool,
    pub nulls_first: bool,
}

impl Key {
    pub fn all(keys: &[SortKey], frame: &Frame, env: &Env<'_>) -> Result<Vec<Self>> {
        keys.iter()
            .map(|key| {
                let column = key.expr.eval(frame, env)?.expand(frame.rows);
                let codes = codes(&column, frame.rows, key.descending, key.nulls_first);
                Ok(Self { column, codes, descending: key.descending, nulls_first: key.nulls_first })
            })
            .collect()
    }

    pub fn compare(&self, a: usize, b: usize) -> Ordering {
        if let Some(codes) = &self.codes {
            return codes[a].cmp(&codes[b]);
        }
        let (a_null, b_null) = (self.column.is_null(a), self.column.is_null(b));
        if a_null || b_null {
            let order = a_null.cmp(&b_null);
            return if self.nulls_first { order.reverse() } else { order };
        }
        let order = self.column.value(a).compare(&self.column.value(b));
        if self.descending { order.reverse() } else { order }
    }
}

/// Numbers in the order of values.
fn codes(column: &Column, rows: usize, descending: bool, nulls_first: bool) -> Option<Vec<(u8, u64)>> {
    const SIGN: u64 = 1 << 63;
    let integer = |v: i64| v as u64 ^ SIGN;
    let array = &column.array;
    let code: Box<dyn Fn(usize) -> u64> = match &column.kind {
        Kind::BigInt => {
            let values = array.as_primitive::<Int64Type>().values();
            Box::new(move |row| integer(values[row]))
        }
        Kind::Date => {
            let values = array.as_primitive::<Date32Type>().values();
            Box::new(move |row| integer(values[row].into()))
        }
        Kind::Timestamp | Kind::TimestampTz => {
            let values = array.as_primitive::<TimestampMicrosecondType>().values();
            Box::new(move |row| integer(values[row]))
        }
        Kind::Double => {
            let values = array.as_primitive::<Float64Type>().values();
            Box::new(move |row| {
                // NaN is the greatest, and both zeros are one.
                let bits = if values[row].is_nan() { f64::NAN } else { values[row] + 0.0 }.to_bits();
                if bits & SIGN == 0 || values[row].is_nan() { bits | SIGN } else { !bits }
            })
        }
        _ => return None,
    };
    let all = (0..rows).map(|row| {
        if column.is_null(row) {
            return (if nulls_first { 0 } else { 2 }, 0);
        }
        let code = code(row);
        (1, if descending { !code } else { code })
    });
    Some(all.collect())
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
