//! Rows that are equal in some columns.

use std::hash::Hash;

use arrow_array::{
    Array as _, UInt32Array,
    cast::AsArray,
    types::{Date32Type, Float64Type, Int64Type, TimestampMicrosecondType},
};
use hashbrown::HashMap;

use crate::{
    column::Column,
    kind::Kind,
    problem::{Problem, Result},
};

/// A map that has one order of its own everywhere; nobody looks at it.
pub(super) type Map<K, V> = HashMap<K, V, foldhash::fast::FixedState>;

/// Groups of rows, numbered in the order of their first rows.
pub(super) struct Groups {
    /// The group of each row.
    pub ids: Vec<u32>,
    /// The first row of each group.
    pub first: UInt32Array,
}

/// Writes what is equal in equal rows.
pub(super) fn encode(columns: &[Column], row: usize, key: &mut Vec<u8>) {
    key.clear();
    for column in columns {
        column.value(row).encode(key);
    }
}

pub(super) fn check(columns: &[Column]) -> Result<()> {
    match columns.iter().find(|column| matches!(column.kind, Kind::Other(_))) {
        Some(column) => Err(Problem::new(format!("values of type {} cannot be compared", column.kind))),
        None => Ok(()),
    }
}

impl Groups {
    /// Groups of the rows that are equal in all columns; missing values are equal.
    ///
    /// # Errors
    /// If values of a type cannot be compared.
    pub fn of(columns: &[Column], rows: usize) -> Result<Self> {
        check(columns)?;
        let mut numbers: Option<(Vec<u32>, u32)> = None;
        for column in columns {
            let own = number_column(column, rows);
            numbers = Some(match numbers {
                None => own,
                Some((ids, count)) => together(&ids, count, &own.0, own.1),
            });
        }
        let (ids, count) = numbers.unwrap_or_else(|| (vec![0; rows], u32::from(rows > 0)));
        // Numbers were given in the order of the rows.
        let mut first = Vec::with_capacity(count as usize);
        for (row, id) in ids.iter().enumerate() {
            if *id as usize == first.len() {
                first.push(row as u32);
            }
        }
        Ok(Self { ids, first: first.into() })
    }
}

/// Numbers values in the order in which they come.
fn number<K: Hash + Eq>(keys: impl Iterator<Item = K>, rows: usize) -> (Vec<u32>, u32) {
    let mut numbers = Map::<K, u32>::default();
    let mut ids = Vec::with_capacity(rows);
    for key in keys {
        let next = numbers.len() as u32;
        ids.push(*numbers.entry(key).or_insert(next));
    }
    (ids, numbers.len() as u32)
}

/// The same for whole numbers, without hashing where they are close together.
fn number_integers(keys: impl Iterator<Item = Option<i64>> + Clone, rows: usize) -> (Vec<u32>, u32) {
    let (mut least, mut greatest) = (i64::MAX, i64::MIN);
    for key in keys.clone().flatten() {
        (least, greatest) = (least.min(key), greatest.max(key));
    }
    let width = i128::from(greatest) - i128::from(least) + 1;
    if width > (rows as i128 * 2).max(1024) {
        return number(keys, rows);
    }
    // The last place is that of missing values.
    let mut numbers = vec![u32::MAX; width.max(0) as usize + 1];
    let last = numbers.len() - 1;
    let (mut ids, mut next) = (Vec::with_capacity(rows), 0);
    for key in keys {
        let place = key.map_or(last, |key| (key - least) as usize);
        if numbers[place] == u32::MAX {
            numbers[place] = next;
            next += 1;
        }
        ids.push(numbers[place]);
    }
    (ids, next)
}

fn number_column(column: &Column, rows: usize) -> (Vec<u32>, u32) {
    if column.constant {
        return (vec![0; rows], u32::from(rows > 0));
    }
    let array = &column.array;
    match &column.kind {
        Kind::BigInt => number_integers(array.as_primitive::<Int64Type>().iter(), rows),
        Kind::Date => {
            number_integers(array.as_primitive::<Date32Type>().iter().map(|v| v.map(i64::from)), rows)
        }
        Kind::Timestamp | Kind::TimestampTz => {
            number_integers(array.as_primitive::<TimestampMicrosecondType>().iter(), rows)
        }
        Kind::Boolean => number_integers(array.as_boolean().iter().map(|v| v.map(i64::from)), rows),
        Kind::Double => {
            let bits = |v: f64| if v.is_nan() { f64::NAN } else { v + 0.0 }.to_bits();
            number(array.as_primitive::<Float64Type>().iter().map(|v| v.map(bits)), rows)
        }
        Kind::Text => number(array.as_string::<i32>().iter(), rows),
        Kind::Null => (vec![0; rows], u32::from(rows > 0)),
        Kind::Interval | Kind::Other(_) => {
            let key = |row| {
                let mut key = Vec::new();
                encode(std::slice::from_ref(column), row, &mut key);
                key
            };
            number((0..rows).map(key), rows)
        }
    }
}

/// Numbers pairs of numbers.
fn together(a: &[u32], a_count: u32, b: &[u32], b_count: u32) -> (Vec<u32>, u32) {
    let pairs = a.iter().zip(b);
    let wide = u64::from(b_count);
    if u64::from(a_count).checked_mul(wide).is_some_and(|all| i64::try_from(all).is_ok()) {
        let keys = pairs.map(|(a, b)| Some((u64::from(*a) * wide + u64::from(*b)) as i64));
        return number_integers(keys, a.len());
    }
    number(pairs.map(|(a, b)| (*a, *b)), a.len())
}

/// Both columns of keys, one behind the other, so that equal values of both get one number.
pub(super) fn behind(a: &Column, b: &Column) -> Result<Column> {
    let both = arrow_select::concat::concat(&[a.array.as_ref(), b.array.as_ref()]);
    let array = both.map_err(|error| Problem::new(error.to_string()))?;
    debug_assert_eq!(array.len(), a.array.len() + b.array.len());
    Ok(Column::new(a.kind.clone(), array))
}
