//! Columns of sparse rows: of many features, those that are not 0, each with its index.
//!
//! In Arrow such a column is a list of pairs, `List<Struct<index: UInt32, value: Float64>>`, which pandas, polars and
//! DuckDB read. Lists of other integers and floats of these names, and maps of integers to numbers, are taken for one too.

use std::sync::{Arc, LazyLock};

use arrow_array::{
    Array, ArrayRef, Float64Array, Int64Array, ListArray, StructArray, UInt32Array,
    cast::AsArray,
    types::{Float64Type, UInt32Type},
};
use arrow_buffer::{NullBuffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field, FieldRef, Fields};

use super::cast;
use crate::{Failure, failure::invalid_input};

/// Names of a pair's fields.
const INDEX: &str = "index";
const VALUE: &str = "value";

static PAIR: LazyLock<Fields> = LazyLock::new(|| {
    Fields::from(vec![
        Field::new(INDEX, DataType::UInt32, false),
        Field::new(VALUE, DataType::Float64, false),
    ])
});

static ITEM: LazyLock<FieldRef> =
    LazyLock::new(|| Arc::new(Field::new("item", DataType::Struct(PAIR.clone()), false)));

/// The type of a column of sparse rows.
pub fn sparse_type() -> DataType {
    DataType::List(ITEM.clone())
}

/// Whether a column holds sparse rows.
pub fn is_sparse(kind: &DataType) -> bool {
    matches!(kind, DataType::List(item) if *item == *ITEM)
}

/// Whether a column of this type can become one of sparse rows.
pub(super) fn is_like_sparse(kind: &DataType) -> bool {
    let (pair, named) = match kind {
        DataType::List(item) | DataType::LargeList(item) => (item, true),
        DataType::Map(item, _) => (item, false),
        _ => return false,
    };
    let DataType::Struct(fields) = pair.data_type() else { return false };
    let [index, value] = &fields[..] else { return false };
    let integer = |field: &Field| super::canonical_type(field.data_type()) == Some(DataType::Int64);
    let float = |field: &Field| field.data_type().is_floating();
    (!named || index.name() == INDEX && value.name() == VALUE)
        && integer(index)
        && (integer(value) || float(value))
}

/// A column of pairs as one of sparse rows; `None` for another type.
pub(super) fn from_pairs(array: &ArrayRef) -> Result<Option<ArrayRef>, Failure> {
    if !is_like_sparse(array.data_type()) {
        return Ok(None);
    }
    let (offsets, pairs): (Vec<usize>, ArrayRef) = match array.data_type() {
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            (list.offsets().iter().map(|offset| *offset as usize).collect(), list.values().clone())
        }
        DataType::LargeList(_) => {
            let list = array.as_list::<i64>();
            (list.offsets().iter().map(|offset| *offset as usize).collect(), list.values().clone())
        }
        _ => {
            let map = array.as_map();
            (
                map.offsets().iter().map(|offset| *offset as usize).collect(),
                Arc::new(map.entries().clone()) as ArrayRef,
            )
        }
    };
    let (first, last) = (offsets[0], offsets[offsets.len() - 1]);
    let pairs = pairs.slice(first, last - first);
    let pairs = pairs.as_struct();
    let row = |pair: usize| offsets.partition_point(|offset| *offset <= first + pair) as u64;
    let whole = |array: &dyn Array, what: &str| match array.logical_nulls().filter(|n| n.null_count() > 0) {
        None => Ok(()),
        Some(nulls) => {
            let missing = nulls.iter().position(|valid| !valid).unwrap_or_default();
            Err(invalid_input(format!("{what} of a sparse row is missing")).row(row(missing)))
        }
    };
    whole(pairs, "a pair")?;
    whole(pairs.column(0), "an index")?;
    whole(pairs.column(1), "a value")?;
    let in_row = |failure: Failure| match failure {
        Failure::InvalidInput(mut input) => {
            input.row = input.row.map(|pair| row(pair as usize - 1));
            Failure::InvalidInput(input)
        }
        other => other,
    };
    let indices = as_indices(cast(pairs.column(0), &DataType::Int64).map_err(in_row)?.as_primitive())
        .map_err(|(pair, index)| {
            invalid_input(format!("the index {index} is not within 0 to {}", u32::MAX)).row(row(pair))
        })?;
    let values = cast(pairs.column(1), &DataType::Float64).map_err(in_row)?;
    let offsets: Vec<i32> =
        offsets.iter().map(|offset| offset_of(offset - first)).collect::<Result<_, _>>()?;
    let values = values.as_primitive::<Float64Type>().values().clone();
    Ok(Some(assemble(offsets.into(), indices.into(), values, array.nulls().cloned())))
}

fn as_indices(array: &Int64Array) -> Result<Vec<u32>, (usize, i64)> {
    let index = |(pair, index): (usize, &i64)| u32::try_from(*index).map_err(|_| (pair, *index));
    array.values().iter().enumerate().map(index).collect()
}

/// Offsets of lists are 32 bits.
fn offset_of(pairs: usize) -> Result<i32, Failure> {
    let message = "a column of sparse rows holds more than 2,147,483,647 values; read the table in shards";
    i32::try_from(pairs).map_err(|_| invalid_input(message))
}

/// Panics on parts that do not fit together: they come of other columns, or of our own builder.
fn assemble(
    offsets: ScalarBuffer<i32>,
    indices: ScalarBuffer<u32>,
    values: ScalarBuffer<f64>,
    nulls: Option<NullBuffer>,
) -> ArrayRef {
    let columns: Vec<ArrayRef> =
        vec![Arc::new(UInt32Array::new(indices, None)), Arc::new(Float64Array::new(values, None))];
    let pairs = StructArray::new(PAIR.clone(), columns, None);
    Arc::new(ListArray::new(ITEM.clone(), OffsetBuffer::new(offsets), Arc::new(pairs), nulls))
}

/// The parts of a column of sparse rows: row `i` has the pairs from `offsets[i]` to `offsets[i + 1]`. They may be rows of
/// a longer column, whose pairs `indices` and `values` then hold too. Panics on another column.
pub fn sparse_parts(array: &dyn Array) -> (&[i32], &[u32], &[f64]) {
    let list = array.as_list::<i32>();
    let pairs = list.values().as_struct();
    (
        list.offsets(),
        pairs.column(0).as_primitive::<UInt32Type>().values(),
        pairs.column(1).as_primitive::<Float64Type>().values(),
    )
}

/// A column of sparse rows under construction.
#[derive(Debug)]
pub struct SparseBuilder {
    offsets: Vec<i32>,
    indices: Vec<u32>,
    values: Vec<f64>,
    nulls: NullBufferBuilder,
}

impl SparseBuilder {
    /// Without a row, with room for `rows`.
    pub fn with_capacity(rows: usize) -> Self {
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        Self { offsets, indices: Vec::new(), values: Vec::new(), nulls: NullBufferBuilder::new(rows) }
    }

    /// Rows so far.
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there are no rows yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Values of all rows so far, the unfinished one included.
    pub fn pairs(&self) -> usize {
        self.indices.len()
    }

    /// One more value of the row that is being built. Indices of a row rise.
    #[inline]
    pub fn push(&mut self, index: u32, value: f64) {
        self.indices.push(index);
        self.values.push(value);
    }

    /// Ends the row.
    pub fn end_row(&mut self) -> Result<(), Failure> {
        self.offsets.push(offset_of(self.indices.len())?);
        self.nulls.append_non_null();
        Ok(())
    }

    /// Takes back the values of the row that is being built.
    pub fn drop_row(&mut self) {
        let start = self.offsets[self.len()] as usize;
        self.indices.truncate(start);
        self.values.truncate(start);
    }

    /// One more row without a value.
    pub fn append_null(&mut self) {
        self.offsets.push(self.offsets[self.len()]);
        self.nulls.append_null();
    }

    /// The rows of a column of sparse rows.
    pub fn append_array(&mut self, array: &dyn Array) -> Result<(), Failure> {
        let (offsets, indices, values) = sparse_parts(array);
        let (first, last) = (offsets[0], offsets[offsets.len() - 1]);
        let range = first as usize..last as usize;
        let before = self.indices.len();
        offset_of(before + range.len())?;
        self.indices.extend_from_slice(&indices[range.clone()]);
        self.values.extend_from_slice(&values[range]);
        self.offsets.extend(offsets[1..].iter().map(|offset| offset - first + before as i32));
        match array.nulls() {
            None => self.nulls.append_n_non_nulls(array.len()),
            Some(nulls) => self.nulls.append_buffer(nulls),
        }
        Ok(())
    }

    /// The column; what is left is empty.
    pub fn finish(&mut self) -> ArrayRef {
        let offsets = std::mem::replace(&mut self.offsets, vec![0]);
        let (indices, values) = (std::mem::take(&mut self.indices), std::mem::take(&mut self.values));
        assemble(offsets.into(), indices.into(), values.into(), self.nulls.finish())
    }
}
