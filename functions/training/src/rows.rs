//! A table taken apart into what a kernel takes.

use crate::blame;
use millstream_learners::{Columns, Error};
use millstream_sdk::{Context, Failure, Matrix, Table};

/// Features and weights of a table's rows.
pub struct Rows {
    channel: String,
    matrix: Matrix,
    weights: Option<Vec<f64>>,
}

impl Rows {
    /// Reads the named columns, and the weights if a column is named for them.
    pub fn read(table: &Table, features: &[String], weight: Option<&str>) -> Result<Self, Failure> {
        table.not_empty()?;
        let weights = weight.map(|name| table.weights(Some(name))).transpose()?;
        Ok(Self { channel: table.channel().to_owned(), matrix: table.matrix(features)?, weights })
    }

    /// Reads the table of a channel and the columns to learn from: those that are listed, or all but target and
    /// weight.
    pub fn of_channel(
        context: &Context,
        channel: &str,
        features: Option<&[String]>,
        target: Option<&str>,
        weight: Option<&str>,
    ) -> Result<(Table, Self), Failure> {
        let table = context.table(channel)?;
        let features = table.features(features, target, weight)?;
        let rows = Self::read(&table, &features, weight)?;
        Ok((table, rows))
    }

    pub fn matrix(&self) -> &Matrix {
        &self.matrix
    }

    /// The features' names.
    pub fn names(&self) -> &[String] {
        self.matrix.names()
    }

    pub fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }

    /// The features as the kernels take them.
    pub fn columns(&self) -> Result<Columns<'_>, Failure> {
        columns(&self.matrix)
    }

    /// A kernel's error about these rows.
    pub fn blame(&self, error: Error) -> Failure {
        blame::failure(error, Some(&self.channel), self.names())
    }
}

/// A matrix as the kernels take it.
pub fn columns(matrix: &Matrix) -> Result<Columns<'_>, Failure> {
    Columns::new(matrix.slices()).map_err(|error| blame::failure(error, None, matrix.names()))
}
