//! Sparse rows as algorithms take them.

use arrow_array::{Array, ArrayRef, RecordBatch};

use super::{get, type_name};
use crate::{
    Failure,
    failure::{invalid_input, shown},
    table::{is_sparse, sparse_parts},
};

/// A column of sparse rows, found sound: no row is missing, its indices rise, its values are finite.
#[derive(Clone, Debug)]
pub struct SparseColumn(ArrayRef);

impl SparseColumn {
    /// The column of that name. What is unsound is refused with its row.
    pub fn of(batch: &RecordBatch, name: &str) -> Result<Self, Failure> {
        let array = get(batch, name)?;
        check(array).map_err(|failure| failure.column(name))?;
        Ok(Self(array.clone()))
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        self.0.len()
    }

    /// Indices and values of each row.
    pub fn iter(&self) -> impl Iterator<Item = (&[u32], &[f64])> {
        let (offsets, indices, values) = sparse_parts(&self.0);
        offsets.windows(2).map(move |ends| {
            let range = ends[0] as usize..ends[1] as usize;
            (&indices[range.clone()], &values[range])
        })
    }
}

fn check(array: &ArrayRef) -> Result<(), Failure> {
    if !is_sparse(array.data_type()) {
        let kind = type_name(array.data_type());
        return Err(invalid_input(format!("the model takes sparse rows here, but the column holds {kind}")));
    }
    let row_of = |row: usize, message: String| Err(invalid_input(message).row(row as u64 + 1));
    if let Some(row) = array.nulls().and_then(|nulls| nulls.iter().position(|valid| !valid)) {
        return row_of(row, "the row is missing; a row of zeros is an empty list".to_owned());
    }
    let (offsets, indices, values) = sparse_parts(array);
    for (row, ends) in offsets.windows(2).enumerate() {
        let range = ends[0] as usize..ends[1] as usize;
        let own = &indices[range.clone()];
        if let Some(place) = own.windows(2).position(|pair| pair[0] >= pair[1]) {
            let (before, after) = (own[place], own[place + 1]);
            let message = if before == after {
                format!("index {after} comes twice")
            } else {
                format!("index {after} comes after {before}; sort each row by index")
            };
            return row_of(row, message);
        }
        if let Some(place) = values[range.clone()].iter().position(|value| !value.is_finite()) {
            let (index, value) = (own[place], values[range][place]);
            return row_of(row, format!("the value of index {index} is {}", shown(value)));
        }
    }
    Ok(())
}
