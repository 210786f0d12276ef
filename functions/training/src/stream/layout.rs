//! The features of a table: its columns of numbers, and what comes up in its columns of sparse rows.

use super::indices::Indices;
use arrow_array::RecordBatch;
use arrow_schema::{DataType, Schema, SchemaRef};
use millstream_learners::SparseRows;
use millstream_sdk::column::SparseColumn;
use millstream_sdk::table::{is_sparse, schema_of, sparse_type};
use millstream_sdk::unseen::{Notes, Novelty};
use millstream_sdk::{Failure, Matrix, invalid_input};

/// Features that a report names at the most if they come of sparse rows.
const MOST_REPORTED: usize = 10_000;

/// Which features there are, in the order of the columns. Of sparse rows an index is a feature if some training row has a
/// value there that is not 0; others tell nothing, and are passed over in rows to predict.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    names: Vec<String>,
    columns: Vec<Option<Indices>>,
}

impl Layout {
    /// Of these columns of a table, the sparse ones not looked at so far.
    pub fn new(schema: &Schema, names: Vec<String>) -> Self {
        let sparse = |name: &String| {
            schema
                .field_with_name(name)
                .is_ok_and(|field| is_sparse(field.data_type()))
                .then(Indices::default)
        };
        Self { columns: names.iter().map(sparse).collect(), names }
    }

    /// As a model's state has it; none if the state's columns are others.
    pub fn restore(schema: &Schema, columns: Vec<Option<Indices>>) -> Option<Self> {
        let fields = schema.fields();
        let alike = fields.len() == columns.len()
            && fields
                .iter()
                .zip(&columns)
                .all(|(field, column)| is_sparse(field.data_type()) == column.is_some());
        let names = fields.iter().map(|field| field.name().clone()).collect();
        alike.then_some(Self { names, columns })
    }

    /// What a state keeps: for each column nothing, or the indices of its sparse rows.
    pub fn columns(&self) -> &[Option<Indices>] {
        &self.columns
    }

    /// Names of the columns.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether a column holds sparse rows.
    pub fn is_sparse(&self) -> bool {
        self.columns.iter().any(Option::is_some)
    }

    /// The columns as a model takes them in.
    pub fn schema(&self) -> SchemaRef {
        let kind = |column: &Option<Indices>| match column {
            None => DataType::Float64,
            Some(_) => sparse_type(),
        };
        schema_of(self.names.iter().map(String::as_str).zip(self.columns.iter().map(kind)))
    }

    /// Takes note of the features that come up in rows.
    pub fn see(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        let mut more = Vec::new();
        for (name, column) in self.names.iter().zip(&mut self.columns) {
            let Some(known) = column else { continue };
            for (indices, values) in SparseColumn::of(batch, name)?.iter() {
                let present = indices.iter().zip(values).filter(|(_, value)| **value != 0.0);
                more.extend(present.map(|(index, _)| *index).filter(|index| known.place(*index).is_none()));
            }
            known.add(&mut more);
        }
        if u32::try_from(self.width()).is_err() {
            return Err(invalid_input("there are more features than 4,294,967,295"));
        }
        Ok(())
    }

    /// How many features there are.
    pub fn width(&self) -> usize {
        self.columns.iter().map(|column| column.as_ref().map_or(1, |known| known.known().len())).sum()
    }

    /// How many columns a table had that held the sparse rows with all their zeros.
    pub fn all(&self) -> u64 {
        self.columns.iter().map(|column| column.as_ref().map_or(1, Indices::end)).sum()
    }

    /// Where each feature's column would be in that table.
    pub fn places(&self) -> Vec<u64> {
        let (mut places, mut start) = (Vec::with_capacity(self.width()), 0);
        for column in &self.columns {
            match column {
                None => places.push(start),
                Some(known) => places.extend(known.known().iter().map(|index| start + u64::from(*index))),
            }
            start += column.as_ref().map_or(1, Indices::end);
        }
        places
    }

    /// The values of rows that are not 0. Missing and infinite ones are refused.
    pub fn rows(&self, batch: &RecordBatch) -> Result<SparseRows, Failure> {
        let plain = self.names.iter().zip(&self.columns).filter(|(_, column)| column.is_none());
        let plain: Vec<String> = plain.map(|(name, _)| name.clone()).collect();
        let matrix = Matrix::from_columns(batch, &plain)?;
        matrix.no_missing()?;
        matrix.no_infinite()?;
        let sparse = self
            .names
            .iter()
            .zip(&self.columns)
            .filter_map(|(name, column)| column.as_ref().map(|_| SparseColumn::of(batch, name)));
        let sparse: Vec<SparseColumn> = sparse.collect::<Result<_, _>>()?;
        let mut pairs: Vec<_> = sparse.iter().map(SparseColumn::iter).collect();
        let mut rows = SparseRows::new(self.width());
        for row in 0..batch.num_rows() {
            let (mut start, mut numbers, mut pairs) = (0, 0, pairs.iter_mut());
            for column in &self.columns {
                let Some(known) = column else {
                    rows.push(start, matrix.column(numbers)[row]);
                    (start, numbers) = (start + 1, numbers + 1);
                    continue;
                };
                let (indices, values) = pairs.next().and_then(Iterator::next).unwrap_or_default();
                for (index, value) in indices.iter().zip(values) {
                    if let Some(place) = known.place(*index) {
                        rows.push(start + place, *value);
                    }
                }
                start += known.known().len() as u32;
            }
            rows.end_row();
        }
        Ok(rows)
    }

    /// Takes note of rows with a value in a feature that no training row had: it is passed over.
    pub fn note_unknown(&self, batch: &RecordBatch, notes: &mut Notes) -> Result<(), Failure> {
        for (place, (name, column)) in self.names.iter().zip(&self.columns).enumerate() {
            let Some(known) = column else { continue };
            let unknown = |(index, value): &(&u32, &f64)| **value != 0.0 && known.place(**index).is_none();
            for (indices, values) in SparseColumn::of(batch, name)?.iter() {
                if let Some((index, _)) = indices.iter().zip(values).find(unknown) {
                    notes.add(place, Novelty::Category, 1, || Some(format!("index {index}")));
                }
            }
        }
        Ok(())
    }

    /// Features for a report, in their order, with their names: all if each has a column of its own, else those of the
    /// highest rank.
    pub fn reported(&self, rank: impl Fn(usize) -> f64) -> (Vec<usize>, Vec<String>) {
        let mut chosen: Vec<usize> = (0..self.width()).collect();
        if !self.is_sparse() {
            return (chosen, self.names.clone());
        }
        chosen.sort_by(|a, b| rank(*b).total_cmp(&rank(*a)));
        chosen.truncate(MOST_REPORTED);
        chosen.sort_unstable();
        let names = chosen.iter().map(|feature| self.feature_name(*feature)).collect();
        (chosen, names)
    }

    /// `column`, or `column[index]` of sparse rows.
    fn feature_name(&self, feature: usize) -> String {
        let mut start = 0;
        for (name, column) in self.names.iter().zip(&self.columns) {
            let own = column.as_ref().map_or(1, |known| known.known().len());
            if feature < start + own {
                return match column {
                    None => name.clone(),
                    Some(known) => format!("{name}[{}]", known.known()[feature - start]),
                };
            }
            start += own;
        }
        String::new()
    }
}
