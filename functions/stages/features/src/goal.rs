//! The target, for the steps that look at it.

use millstream_sdk::{
    Failure, Labels,
    arrow_array::{Array, RecordBatch},
    arrow_schema::DataType,
    column, invalid_input, invalid_parameter,
};

/// Integers of at most so many distinct values are classes.
const MOST_CLASSES: usize = 20;

/// The target of the training rows.
pub enum SeenTarget {
    /// One for each row, none missing or infinite.
    Numbers(Vec<f64>),
    /// Classes, and each row's place among them.
    Classes(Labels),
}

impl SeenTarget {
    /// Reads the target: classes for text, booleans, and integers of at most 20 distinct values, else numbers, as the
    /// learners do.
    ///
    /// # Errors
    /// If no target is named (`asks` wants one), and for values that are missing or infinite.
    pub fn read(table: &RecordBatch, target: Option<&str>, asks: &str) -> Result<Self, Failure> {
        let Some(name) = target else {
            return Err(invalid_parameter("target", format!("is required by `{asks}`, which looks at it")));
        };
        match column::get(table, name)?.data_type() {
            DataType::Utf8 | DataType::Boolean => Ok(Self::Classes(Labels::from_column(table, name)?)),
            DataType::Int64 => {
                let labels = Labels::from_column(table, name)?;
                match labels.classes.len() <= MOST_CLASSES {
                    true => Ok(Self::Classes(labels)),
                    false => Ok(Self::Numbers(column::target_numbers(table, name)?)),
                }
            }
            DataType::Float64 => Ok(Self::Numbers(column::target_numbers(table, name)?)),
            other => {
                let kind = column::type_name(other);
                Err(invalid_input(format!("a target holds classes or numbers, not {kind}")).column(name))
            }
        }
    }

    /// Names and values of what is predicted: one column of numbers, or of 0 and 1 for the second of two classes, or one for
    /// each of several classes.
    pub fn columns(&self) -> Vec<(Option<String>, Vec<f64>)> {
        match self {
            Self::Numbers(values) => vec![(None, values.clone())],
            Self::Classes(labels) => {
                let of = |class: u32| labels.codes.iter().map(|code| f64::from(*code == class)).collect();
                match labels.classes.len() {
                    0..=2 => vec![(None, of(1))],
                    _ => labels
                        .classes
                        .names()
                        .into_iter()
                        .zip(0..)
                        .map(|(name, k)| (Some(name), of(k)))
                        .collect(),
                }
            }
        }
    }
}
