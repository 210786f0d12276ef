//! What stands in for missing values.

pub mod fill;
pub mod iterative;
pub mod knn;

use std::sync::Arc;

use millstream_sdk::{
    Failure,
    arrow_array::{Array, ArrayRef, Float64Array},
};
use serde::Deserialize;
use serde_json::Value;

use crate::values;

pub const STEP: &str = "impute";

/// Options of `impute`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    pub strategy: Strategy,
    /// Of `constant`.
    pub fill_value: Option<Value>,
    /// A column `<column>_missing` says where there was no value, if any was missing in training.
    pub add_indicator: bool,
    /// Of `knn`: how many rows a value is the mean of.
    pub n_neighbors: usize,
    /// Of `knn`.
    pub weights: knn::NeighbourWeights,
    /// Of `iterative`: rounds at the most.
    pub max_iter: usize,
    /// Of `iterative`: a change that is small enough to stop, as a share of the largest value.
    pub tol: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            strategy: Strategy::Mean,
            fill_value: None,
            add_indicator: false,
            n_neighbors: 5,
            weights: knn::NeighbourWeights::Uniform,
            max_iter: 10,
            tol: 1e-3,
        }
    }
}

/// How missing values are filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// With the mean.
    Mean,
    /// With the median.
    Median,
    /// With the most frequent value; of several, with the least.
    MostFrequent,
    /// With a value that is given.
    Constant,
    /// With the mean of the rows that are nearest.
    Knn,
    /// With what the other columns predict.
    Iterative,
}

impl Options {
    /// Whether columns of the same step are learnt together.
    pub fn together(&self) -> bool {
        matches!(self.strategy, Strategy::Knn | Strategy::Iterative)
    }

    /// Whether what comes out are numbers with fractions, whatever went in.
    pub fn averages(&self) -> bool {
        !matches!(self.strategy, Strategy::MostFrequent | Strategy::Constant)
    }
}

/// 1 where there is no value, 0 elsewhere.
pub fn indicator(array: &ArrayRef) -> ArrayRef {
    let nan = |row: usize| {
        use millstream_sdk::arrow_array::{cast::AsArray, types::Float64Type};
        array.as_primitive_opt::<Float64Type>().is_some_and(|floats| floats.value(row).is_nan())
    };
    let missing = |row: usize| f64::from(u8::from(array.is_null(row) || nan(row)));
    Arc::new(Float64Array::from_iter_values((0..array.len()).map(missing)))
}

/// The columns as numbers, each with a value at least, none infinite.
fn numbers(step: &str, names: &[String], arrays: &[ArrayRef]) -> Result<Vec<Vec<f64>>, Failure> {
    let one = |(name, array): (&String, &ArrayRef)| {
        let values = values::numbers(step, array).and_then(|values| {
            values::no_infinite(&values)?;
            match values.iter().all(|value| value.is_nan()) {
                true => Err(values::nothing()),
                false => Ok(values),
            }
        });
        values.map_err(|failure| failure.column(name))
    };
    names.iter().zip(arrays).map(one).collect()
}

/// The mean of the values that are there.
fn present_mean(column: &[f64]) -> f64 {
    let present: Vec<f64> = column.iter().copied().filter(|value| !value.is_nan()).collect();
    values::mean(&present)
}

/// Which columns' gaps are marked; the columns' names and those of the marks.
fn marked(options: &Options, names: &[String], columns: &[Vec<f64>]) -> (Vec<u32>, Vec<String>) {
    let gaps = |column: &Vec<f64>| options.add_indicator && column.iter().any(|value| value.is_nan());
    let marked: Vec<u32> =
        columns.iter().zip(0..).filter(|(column, _)| gaps(column)).map(|(_, place)| place).collect();
    let marks = marked.iter().map(|place| format!("{}_missing", names[*place as usize]));
    let all = names.iter().cloned().chain(marks).collect();
    (marked, all)
}
