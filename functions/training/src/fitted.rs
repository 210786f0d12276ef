//! The state of a supervised model.

use crate::answer::{self, Answers};
use crate::{blame, rows, target};
use arrow_array::RecordBatch;
use millstream_learners::{Columns, Error};
use millstream_sdk::{Classes, Description, Failure, Matrix, State, invalid_input};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A fitted kernel with what the tables around it are called. The features are the state's columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fitted<K> {
    /// Empty: it is not known what the column is called that the model predicts.
    pub target: String,
    /// None: it predicts numbers.
    pub classes: Option<Classes>,
    pub kernel: K,
}

/// A fitted kernel, loaded.
pub struct LoadedKernel<K> {
    features: Vec<String>,
    answers: Answers,
    fitted: Fitted<K>,
}

impl<K: DeserializeOwned> LoadedKernel<K> {
    /// Opens the state. `classes` of the kernel (0: it predicts numbers) must be those that the state names.
    pub fn open(state: State<'_>, classes: impl Fn(&K) -> usize) -> Result<Self, Failure> {
        Self::new(&state, state.decode()?, classes)
    }
}

impl<K> LoadedKernel<K> {
    /// The same of what was decoded already.
    pub fn new(state: &State<'_>, fitted: Fitted<K>, classes: impl Fn(&K) -> usize) -> Result<Self, Failure> {
        let features = state.columns().fields().iter().map(|field| field.name().clone()).collect();
        if classes(&fitted.kernel) != fitted.classes.as_ref().map_or(0, Classes::len) {
            return Err(invalid_input("the model's state is damaged: train it again or restore the file"));
        }
        Ok(Self { features, answers: Answers::new(fitted.classes.as_ref()), fitted })
    }
}

impl<K> LoadedKernel<K> {
    /// The fitted kernel.
    pub fn kernel(&self) -> &K {
        &self.fitted.kernel
    }

    /// The classes that it tells apart, if it does.
    pub fn classes(&self) -> Option<&Classes> {
        self.fitted.classes.as_ref()
    }

    /// Asks the kernel for something about rows of the features.
    pub fn ask<T>(
        &self,
        rows: &Matrix,
        question: impl FnOnce(&K, &Columns) -> Result<T, Error>,
    ) -> Result<T, Failure> {
        let answer = question(&self.fitted.kernel, &rows::columns(rows)?);
        answer.map_err(|error| blame::failure(error, None, &self.features))
    }

    /// The columns it takes in.
    pub fn features(&self) -> &[String] {
        &self.features
    }

    pub fn describe(&self) -> Description {
        let classes = self.fitted.classes.as_ref();
        let mut description = Description::new(target::task(classes), &self.features);
        if !self.fitted.target.is_empty() {
            description = description.target(&self.fitted.target);
        }
        match classes {
            Some(classes) => description.classes(classes),
            None => description,
        }
    }

    /// The table of predictions: `numbers` is asked by a model of numbers, `probabilities` (rows x classes) by a
    /// model of classes.
    pub fn answer(
        &self,
        rows: &Matrix,
        numbers: impl FnOnce(&K, &Columns) -> Result<Vec<f64>, Error>,
        probabilities: impl FnOnce(&K, &Columns) -> Result<Vec<f64>, Error>,
    ) -> Result<RecordBatch, Failure> {
        if rows.rows() == 0 {
            return self.answers.table(Vec::new());
        }
        let values = match self.fitted.classes {
            None => self.ask(rows, numbers)?,
            Some(_) => self.ask(rows, probabilities)?,
        };
        answer::check(&values, rows)?;
        self.answers.table(values)
    }
}
