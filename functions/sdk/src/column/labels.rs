//! Class labels as numbers, as scikit-learn's `LabelEncoder` has it.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
    cast::AsArray,
    types::{Float64Type, Int64Type},
};
use arrow_schema::{DataType, Field};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{get, type_name};
use crate::{
    Failure,
    failure::invalid_input,
    table::{cast_column, index_of},
};

/// The classes of a target column in their own type, sorted: numbers by value, text by its bytes, false before true.
/// In a binary problem the last one is the positive one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Classes {
    /// Of an integer column.
    Int(Vec<i64>),
    /// Of a float column.
    Float(Vec<f64>),
    /// Of a boolean column.
    Bool(Vec<bool>),
    /// Of a text column.
    Text(Vec<String>),
}

/// Where a value stands among classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// It is the class in this place.
    Class(u32),
    /// There is no value.
    Missing,
    /// It is none of the classes.
    Unknown,
}

/// A target column encoded: `codes[i]` is the place of row `i`'s class among `classes`.
#[derive(Clone, Debug, PartialEq)]
pub struct Labels {
    /// Sorted, without repetition.
    pub classes: Classes,
    /// One a row.
    pub codes: Vec<u32>,
}

impl Labels {
    /// Encodes a column of integers, floats, booleans or text. A missing value is refused with its row.
    pub fn from_column(batch: &RecordBatch, name: &str) -> Result<Self, Failure> {
        let classes = Classes::of(get(batch, name)?).map_err(|failure| failure.column(name))?;
        let codes = classes.encode(batch, name)?;
        Ok(Self { classes, codes })
    }
}

impl Classes {
    /// The distinct values of a column, missing ones left out.
    pub fn of(array: &ArrayRef) -> Result<Self, Failure> {
        Ok(match array.data_type() {
            DataType::Int64 => {
                let mut values: Vec<i64> = array.as_primitive::<Int64Type>().iter().flatten().collect();
                values.sort_unstable();
                values.dedup();
                Self::Int(values)
            }
            DataType::Float64 => {
                let floats = array.as_primitive::<Float64Type>().iter().flatten();
                // Minus zero is zero; a NaN is a missing value.
                let mut values: Vec<f64> =
                    floats.filter(|value| !value.is_nan()).map(|value| value + 0.0).collect();
                values.sort_unstable_by(f64::total_cmp);
                values.dedup();
                Self::Float(values)
            }
            DataType::Boolean => {
                let bools = array.as_boolean();
                let mut present = [false; 2];
                bools.iter().flatten().for_each(|value| present[usize::from(value)] = true);
                Self::Bool([false, true].into_iter().filter(|value| present[usize::from(*value)]).collect())
            }
            DataType::Utf8 => {
                let mut values: Vec<&str> = array.as_string::<i32>().iter().flatten().collect();
                values.sort_unstable();
                values.dedup();
                Self::Text(values.into_iter().map(str::to_owned).collect())
            }
            other => {
                let kind = type_name(other);
                return Err(invalid_input(format!(
                    "a column of classes holds integers, numbers, booleans or text, not {kind}"
                )));
            }
        })
    }

    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Self::Int(values) => values.len(),
            Self::Float(values) => values.len(),
            Self::Bool(values) => values.len(),
            Self::Text(values) => values.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The type of the column they came from.
    pub fn data_type(&self) -> DataType {
        match self {
            Self::Int(_) => DataType::Int64,
            Self::Float(_) => DataType::Float64,
            Self::Bool(_) => DataType::Boolean,
            Self::Text(_) => DataType::Utf8,
        }
    }

    /// The classes as text, as in `probability_<class>`: whole floats without a fraction.
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::Int(values) => values.iter().map(i64::to_string).collect(),
            Self::Float(values) => values.iter().map(f64::to_string).collect(),
            Self::Bool(values) => values.iter().map(bool::to_string).collect(),
            Self::Text(values) => values.clone(),
        }
    }

    /// The classes as JSON values, as a model's description has them.
    pub fn to_json(&self) -> Vec<Value> {
        match self {
            Self::Int(values) => values.iter().map(|value| Value::from(*value)).collect(),
            Self::Float(values) => values.iter().map(|value| Value::from(*value)).collect(),
            Self::Bool(values) => values.iter().map(|value| Value::from(*value)).collect(),
            Self::Text(values) => values.iter().map(|value| Value::from(value.as_str())).collect(),
        }
    }

    /// The place of each row's class. A missing value and a class that is not among these are refused with their row;
    /// integers and whole floats stand for one another.
    pub fn encode(&self, batch: &RecordBatch, name: &str) -> Result<Vec<u32>, Failure> {
        let schema = batch.schema();
        let place = index_of(&schema, name)?;
        let wanted = Field::new(name, self.data_type(), true);
        let array = cast_column(batch.column(place), schema.field(place), &wanted)?;
        let codes = self.look_up(&array).map_err(|failure| failure.column(name))?;
        let refuse = |row: usize, message: &str| invalid_input(message).column(name).row(row as u64 + 1);
        let codes = codes.into_iter().enumerate().map(|(row, code)| match code {
            Code::Class(code) => Ok(code),
            Code::Missing => Err(refuse(row, "the class is missing; drop such rows")),
            Code::Unknown => Err(refuse(row, "this class was not seen in training")),
        });
        codes.collect()
    }

    /// The place of each value among these classes, if it has one.
    pub fn look_up(&self, array: &ArrayRef) -> Result<Vec<Code>, Failure> {
        let array = crate::table::cast(array, &self.data_type())?;
        fn code(found: Result<usize, usize>) -> Code {
            found.map_or(Code::Unknown, |place| Code::Class(place as u32))
        }
        fn all<T>(values: impl Iterator<Item = Option<T>>, find: impl Fn(T) -> Code) -> Vec<Code> {
            values.map(|value| value.map_or(Code::Missing, &find)).collect()
        }
        Ok(match self {
            Self::Int(classes) => {
                all(array.as_primitive::<Int64Type>().iter(), |value| code(classes.binary_search(&value)))
            }
            Self::Float(classes) => all(array.as_primitive::<Float64Type>().iter(), |value| {
                if value.is_nan() {
                    return Code::Missing;
                }
                code(classes.binary_search_by(|class| class.total_cmp(&(value + 0.0))))
            }),
            Self::Bool(classes) => {
                all(array.as_boolean().iter(), |value| code(classes.binary_search(&value)))
            }
            Self::Text(classes) => all(array.as_string::<i32>().iter(), |value| {
                code(classes.binary_search_by(|class| class.as_str().cmp(value)))
            }),
        })
    }

    /// A column of classes in their own type. Panics on a code that is out of range: codes come from our own kernels.
    pub fn decode(&self, codes: &[u32]) -> ArrayRef {
        let codes = codes.iter().map(|code| *code as usize);
        match self {
            Self::Int(values) => Arc::new(codes.map(|code| values[code]).collect::<Int64Array>()),
            Self::Float(values) => Arc::new(codes.map(|code| values[code]).collect::<Float64Array>()),
            Self::Bool(values) => {
                Arc::new(BooleanArray::from(codes.map(|code| values[code]).collect::<Vec<_>>()))
            }
            Self::Text(values) => {
                Arc::new(StringArray::from_iter_values(codes.map(|code| values[code].as_str())))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::batch_of;

    fn column(array: impl Array + 'static) -> RecordBatch {
        batch_of([("y", Arc::new(array) as ArrayRef)]).unwrap()
    }

    #[test]
    fn classes_are_sorted_in_their_own_order() {
        let numbers = Labels::from_column(&column(Int64Array::from(vec![10, 9, 10, -1])), "y").unwrap();
        assert_eq!(numbers.classes, Classes::Int(vec![-1, 9, 10]));
        assert_eq!(numbers.codes, [2, 1, 2, 0]);
        let text = Labels::from_column(&column(StringArray::from(vec!["10", "9", "Z", "a"])), "y").unwrap();
        assert_eq!(text.classes.names(), ["10", "9", "Z", "a"]);
        let floats = Labels::from_column(&column(Float64Array::from(vec![0.0, -0.0, 2.5])), "y").unwrap();
        assert_eq!(floats.classes.names(), ["0", "2.5"]);
        assert_eq!(floats.codes, [0, 0, 1]);
    }

    #[test]
    fn decoding_gives_back_what_was_encoded() {
        for batch in [
            column(Int64Array::from(vec![3, 1, 3])),
            column(Float64Array::from(vec![0.5, 1.0, 0.5])),
            column(BooleanArray::from(vec![true, false, true])),
            column(StringArray::from(vec!["b", "a", "b"])),
        ] {
            let labels = Labels::from_column(&batch, "y").unwrap();
            assert_eq!(&labels.classes.decode(&labels.codes), batch.column(0));
        }
    }

    #[test]
    fn missing_and_unseen_classes_are_refused_with_their_row() {
        let missing = column(Int64Array::from(vec![Some(1), None]));
        let failure = Labels::from_column(&missing, "y").unwrap_err().to_string();
        assert_eq!(failure, "row 2, column `y`: the class is missing; drop such rows");
        let nan = column(Float64Array::from(vec![f64::NAN]));
        assert!(Labels::from_column(&nan, "y").is_err());
        let failure =
            Classes::Int(vec![1, 2]).encode(&column(Int64Array::from(vec![1, 3])), "y").unwrap_err();
        assert_eq!(failure.to_string(), "row 2, column `y`: this class was not seen in training");
        // Whole floats are the integers that the model has learnt.
        assert_eq!(
            Classes::Int(vec![1, 2]).encode(&column(Float64Array::from(vec![2.0])), "y").unwrap(),
            [1]
        );
    }
}
