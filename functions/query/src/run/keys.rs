//! Rows that are equal in some columns.

use arrow_array::UInt32Array;
use hashbrown::HashMap;

use crate::{
    column::Column,
    kind::Kind,
    problem::{Problem, Result},
};

/// A map that has one order of its own everywhere; nobody looks at it.
pub(super) type Map<V> = HashMap<Vec<u8>, V, foldhash::fast::FixedState>;

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
        let mut numbers = Map::<u32>::default();
        let (mut ids, mut first) = (Vec::with_capacity(rows), Vec::new());
        let mut key = Vec::new();
        for row in 0..rows {
            encode(columns, row, &mut key);
            let id = match numbers.get(&key) {
                Some(id) => *id,
                None => {
                    let id = first.len() as u32;
                    numbers.insert(key.clone(), id);
                    first.push(row as u32);
                    id
                }
            };
            ids.push(id);
        }
        Ok(Self { ids, first: first.into() })
    }
}
