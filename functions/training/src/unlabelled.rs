//! The state of a model without a target.

use crate::{blame, rows};
use arrow_array::RecordBatch;
use millstream_learners::{Columns, Error};
use millstream_sdk::{Description, Failure, Matrix, State, Task, invalid_input};
use serde::de::DeserializeOwned;

/// A fitted kernel, loaded. The features are the state's columns.
pub struct LoadedUnlabelled<K> {
    features: Vec<String>,
    kernel: K,
}

impl<K: DeserializeOwned> LoadedUnlabelled<K> {
    /// Opens the state. `width` is how many features the kernel was fitted on.
    pub fn open(state: State<'_>, width: impl Fn(&K) -> usize) -> Result<Self, Failure> {
        let features: Vec<String> =
            state.columns().fields().iter().map(|field| field.name().clone()).collect();
        let kernel: K = state.decode()?;
        if width(&kernel) != features.len() {
            return Err(invalid_input("the model's state is damaged: train it again or restore the file"));
        }
        Ok(Self { features, kernel })
    }
}

impl<K> LoadedUnlabelled<K> {
    /// One that was fitted just now.
    pub fn new(features: &[String], kernel: K) -> Self {
        Self { features: features.to_vec(), kernel }
    }

    /// The fitted kernel.
    pub fn kernel(&self) -> &K {
        &self.kernel
    }

    /// The columns it takes in.
    pub fn features(&self) -> &[String] {
        &self.features
    }

    pub fn describe(&self, task: Task) -> Description {
        Description::new(task, &self.features)
    }

    /// Asks the kernel about the rows; `None` if there are none.
    pub fn ask<T>(
        &self,
        batch: &RecordBatch,
        question: impl FnOnce(&K, &Columns) -> Result<T, Error>,
    ) -> Result<Option<T>, Failure> {
        if batch.num_rows() == 0 {
            return Ok(None);
        }
        let matrix = Matrix::from_columns(batch, &self.features)?;
        let answer = question(&self.kernel, &rows::columns(&matrix)?);
        answer.map(Some).map_err(|error| blame::failure(error, None, &self.features))
    }
}
