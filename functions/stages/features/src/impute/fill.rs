//! One value for all gaps of a column, as scikit-learn's `SimpleImputer`.

use std::sync::Arc;

use millstream_sdk::{
    Classes, Failure,
    arrow_array::{
        Array, ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray,
        cast::AsArray,
        types::{Float64Type, Int64Type},
    },
    arrow_schema::DataType,
    column, internal, invalid_input, invalid_parameter,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Options, Strategy};
use crate::{encode, learnt::Learnt, transform::Transform, values};

/// What stands in for a missing value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Fill {
    /// In a column of numbers.
    Float(f64),
    /// In a column of integers.
    Int(i64),
    /// In a column of booleans.
    Bool(bool),
    /// In a column of text.
    Text(String),
}

/// The state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Filled {
    fill: Fill,
    indicator: bool,
}

pub fn fit(options: &Options, parameter: &str, name: &str, array: &ArrayRef) -> Result<Learnt, Failure> {
    let fill = match options.strategy {
        Strategy::MostFrequent => most_frequent(array)?,
        Strategy::Constant => constant(options.fill_value.as_ref(), parameter, array.data_type())?,
        Strategy::Median => Fill::Float(typical(array, |values| {
            let values = values::sorted(values);
            values::quantile(&values, 0.5)
        })?),
        _ => Fill::Float(typical(array, |values| values::mean(&values))?),
    };
    let indicator = options.add_indicator
        && super::indicator(array).as_primitive::<Float64Type>().values().contains(&1.0);
    let names = [name.to_owned(), format!("{name}_missing")];
    let names = names.into_iter().take(1 + usize::from(indicator)).collect();
    Ok(Learnt {
        beside: usize::from(indicator),
        ..Learnt::new(names, Transform::Filled(Filled { fill, indicator }))
    })
}

fn nothing() -> Failure {
    invalid_input("the column has no value to impute from; `drop` it or use `impute:constant:VALUE`")
}

/// The mean or median of the values that are there.
fn typical(array: &ArrayRef, of: impl Fn(Vec<f64>) -> f64) -> Result<f64, Failure> {
    if *array.data_type() != DataType::Float64 {
        let kind = column::type_name(array.data_type());
        return Err(invalid_input(format!(
            "means and medians need numbers, but the column holds {kind}; use `impute:most-frequent`"
        )));
    }
    let all = values::as_numbers(array);
    let present: Vec<f64> = all.iter().copied().filter(|value| !value.is_nan()).collect();
    if present.is_empty() {
        return Err(nothing());
    }
    let typical = of(present);
    if !typical.is_finite() {
        values::no_infinite(&all)?;
        values::measurable(typical)?;
    }
    Ok(typical)
}

fn most_frequent(array: &ArrayRef) -> Result<Fill, Failure> {
    let classes = match array.data_type() {
        DataType::Int64 | DataType::Float64 | DataType::Boolean | DataType::Utf8 => Classes::of(array)?,
        kind => return Err(values::not_of_type("impute:most-frequent", "numbers, booleans and text", kind)),
    };
    let (counts, _) = encode::counts(&classes, &classes.look_up(array)?);
    let most = counts.iter().max().ok_or_else(nothing)?;
    let place = counts.iter().position(|count| count == most).ok_or_else(nothing)?;
    Ok(match &classes {
        Classes::Int(values) => Fill::Int(values[place]),
        Classes::Float(values) => Fill::Float(values[place]),
        Classes::Bool(values) => Fill::Bool(values[place]),
        Classes::Text(values) => Fill::Text(values[place].clone()),
    })
}

fn constant(value: Option<&Value>, parameter: &str, kind: &DataType) -> Result<Fill, Failure> {
    let text = match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => {
            return Err(invalid_parameter(parameter, "`impute` with a constant needs the constant")
                .allowed("`impute:constant:VALUE`, or `fill_value: VALUE`"));
        }
        Some(other) => other.to_string(),
    };
    Fill::parse(&text, kind).ok_or_else(|| {
        let kind = column::type_name(kind);
        invalid_parameter(parameter, format!("the column holds {kind}, but the constant is `{text}`"))
    })
}

impl Fill {
    /// A text as a value of a column's type.
    fn parse(text: &str, kind: &DataType) -> Option<Self> {
        Some(match kind {
            DataType::Int64 => Self::Int(text.parse().ok()?),
            DataType::Float64 => Self::Float(text.parse().ok().filter(|value: &f64| value.is_finite())?),
            DataType::Boolean => Self::Bool(text.parse().ok()?),
            DataType::Utf8 => Self::Text(text.to_owned()),
            _ => return None,
        })
    }

    /// The column with no value missing.
    fn apply(&self, array: &ArrayRef) -> Result<ArrayRef, Failure> {
        Ok(match (self, array.data_type()) {
            (Self::Float(fill), DataType::Float64) => {
                let values = array.as_primitive::<Float64Type>().iter();
                let values = values.map(|value| value.filter(|value| !value.is_nan()).unwrap_or(*fill));
                Arc::new(Float64Array::from_iter_values(values))
            }
            (Self::Int(fill), DataType::Int64) => {
                let values = array.as_primitive::<Int64Type>().iter();
                Arc::new(Int64Array::from_iter_values(values.map(|value| value.unwrap_or(*fill))))
            }
            (Self::Bool(fill), DataType::Boolean) => {
                let values = array.as_boolean().iter();
                Arc::new(BooleanArray::from(values.map(|value| value.unwrap_or(*fill)).collect::<Vec<_>>()))
            }
            (Self::Text(fill), DataType::Utf8) => {
                let values = array.as_string::<i32>().iter();
                Arc::new(StringArray::from_iter_values(values.map(|value| value.unwrap_or(fill))))
            }
            _ => return Err(internal("a column's type differs from what fills it")),
        })
    }
}

impl Filled {
    pub fn apply(&self, array: &ArrayRef) -> Result<Vec<ArrayRef>, Failure> {
        let filled = self.fill.apply(array)?;
        Ok(std::iter::once(filled).chain(self.indicator.then(|| super::indicator(array))).collect())
    }

    /// Whether `gives` columns come out.
    pub fn check(&self, gives: usize) -> Result<(), Failure> {
        match gives == 1 + usize::from(self.indicator) {
            true => Ok(()),
            false => Err(internal("what fills the gaps is damaged")),
        }
    }
}
