//! Principal components of columns, as scikit-learn's `PCA`.

use millstream_learners::{
    Check as _, Columns,
    pca::{self, Pca},
};
use millstream_sdk::{Context, Failure, arrow_array::ArrayRef, internal, invalid_input, invalid_parameter};
use serde::{Deserialize, Serialize};

use crate::{learnt::Learnt, transform::Transform, values};

/// Options of `pca`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// A count, or below 1 the share of the variance that is explained; all if not given.
    pub n_components: Option<f64>,
    /// Each component has variance 1.
    pub whiten: bool,
    /// What the components are called, and their number from 0.
    pub prefix: String,
    /// The columns stay features too.
    pub keep: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { n_components: None, whiten: false, prefix: "pca".to_owned(), keep: false }
    }
}

/// The state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ColumnComponents {
    kernel: Pca,
}

pub fn fit(
    context: &Context,
    options: &Options,
    names: &[String],
    arrays: &[ArrayRef],
) -> Result<Learnt, Failure> {
    let components = match options.n_components {
        None => pca::Components::All,
        Some(share) if share > 0.0 && share < 1.0 => pca::Components::Share(share),
        Some(count) if count >= 1.0 && count.fract() == 0.0 && count <= f64::from(u32::MAX) => {
            pca::Components::Count(count as u32)
        }
        Some(other) => {
            return Err(invalid_parameter("n_components", format!("{other} is not a number of components"))
                .allowed("whole numbers from 1, or a share of the variance between 0 and 1"));
        }
    };
    let mut columns = Vec::with_capacity(names.len());
    for (name, array) in names.iter().zip(arrays) {
        let values = values::numbers("pca", array).map_err(|failure| failure.column(name))?;
        if let Some(row) = values.iter().position(|value| value.is_nan()) {
            return Err(invalid_input("`pca` takes no missing values; `impute` the column first")
                .column(name)
                .row(row as u64 + 1));
        }
        columns.push(values);
    }
    let params = pca::Params {
        n_components: components,
        whiten: options.whiten,
        seed: context.seed(),
        ..pca::Params::default()
    };
    let blame = |error: millstream_learners::Error| blame(error, names);
    let x = Columns::new(columns.iter().map(Vec::as_slice).collect()).map_err(blame)?;
    let params = params.check().map_err(|error| blame(error.into()))?;
    let kernel = params.fit(&x).map_err(blame)?;
    let all = (0..kernel.len()).map(|place| format!("{}{place}", options.prefix)).collect();
    Ok(Learnt::new(all, Transform::ColumnComponents(ColumnComponents { kernel })))
}

/// An error of the kernel, in our columns' names.
fn blame(error: millstream_learners::Error, names: &[String]) -> Failure {
    match error {
        millstream_learners::Error::Param(error) => {
            invalid_parameter(error.name, error.message).allowed(error.allowed)
        }
        millstream_learners::Error::Data { message, row, column } => {
            let mut failure = invalid_input(message);
            if let Some(name) = column.and_then(|column| names.get(column)) {
                failure = failure.column(name);
            }
            row.map_or(failure.clone(), |row| failure.row(row as u64 + 1))
        }
    }
}

impl ColumnComponents {
    pub fn apply(&self, arrays: &[&ArrayRef]) -> Result<Vec<ArrayRef>, Failure> {
        let columns: Vec<Vec<f64>> = arrays.iter().map(|array| values::as_numbers(array)).collect();
        let rows = columns.first().map_or(0, Vec::len);
        if rows == 0 {
            return Ok(vec![values::column(Vec::new()); self.kernel.len()]);
        }
        // A row with a gap has no components.
        let whole: Vec<usize> =
            (0..rows).filter(|row| columns.iter().all(|column| column[*row].is_finite())).collect();
        let mut out = vec![vec![f64::NAN; rows]; self.kernel.len()];
        if !whole.is_empty() {
            let picked: Vec<Vec<f64>> =
                columns.iter().map(|column| whole.iter().map(|row| column[*row]).collect()).collect();
            let x = Columns::new(picked.iter().map(Vec::as_slice).collect())
                .map_err(|error| blame(error, &[]))?;
            let components = self.kernel.transform(&x).map_err(|error| blame(error, &[]))?;
            for (out, component) in out.iter_mut().zip(components) {
                whole.iter().zip(component).for_each(|(row, value)| out[*row] = value);
            }
        }
        Ok(out.into_iter().map(values::column).collect())
    }

    /// Whether the components fit the columns.
    pub fn check(&self, takes: usize, gives: usize) -> Result<(), Failure> {
        match self.kernel.width() == takes && self.kernel.len() == gives {
            true => Ok(()),
            false => Err(internal("the components are damaged")),
        }
    }
}
