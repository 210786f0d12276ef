//! A model of an ONNX file as a predictor: columns in, columns out.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array as _, ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use millstream_sdk::{Classes, Failure, Task, internal, invalid_input, table::batch_of};
use serde::{Deserialize, Serialize};

use crate::fault::{Fault, ensure};
use crate::graph::{Graph, Input};
use crate::tensor::{Kind, Tensor, Values};

/// Where a column of the predictions comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    /// Which of the graph's outputs.
    pub output: u32,
    /// Which of its columns.
    pub place: u32,
    /// It holds labels, which are among the classes if there are any.
    pub label: bool,
}

/// What a model answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    pub task: Purpose,
    /// In the order of the probabilities.
    pub classes: Option<Classes>,
    /// Labels are places among the classes instead of classes.
    pub by_place: bool,
    pub columns: Vec<Column>,
}

/// What a model does; [`Task`] for the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    Regression,
    Binary,
    Multiclass,
    Clustering,
    AnomalyDetection,
    Transform,
}

impl From<Purpose> for Task {
    fn from(purpose: Purpose) -> Self {
        match purpose {
            Purpose::Regression => Self::Regression,
            Purpose::Binary => Self::Binary,
            Purpose::Multiclass => Self::Multiclass,
            Purpose::Clustering => Self::Clustering,
            Purpose::AnomalyDetection => Self::AnomalyDetection,
            Purpose::Transform => Self::Transform,
        }
    }
}

/// Columns that an input has at the most.
const MOST_COLUMNS: usize = 1 << 16;

/// The columns of an input: one a value of a row.
pub fn width(input: &Input) -> Result<Option<usize>, Fault> {
    match input.shape.as_slice() {
        [] | [_] => Ok(Some(1)),
        [_, Some(width)] if *width > MOST_COLUMNS => {
            Err(Fault::new(format!("input `{}` has {width} columns; {MOST_COLUMNS} at most", input.name)))
        }
        [_, width] => Ok(*width),
        shape => Err(Fault::new(format!(
            "input `{}` has {} dimensions; models of tables take in rows and columns",
            input.name,
            shape.len()
        ))),
    }
}

/// The columns that a graph takes in, with these names: one after another for each input.
pub fn schema(graph: &Graph, widths: &[usize], names: &[String]) -> Schema {
    let kinds =
        graph.inputs().iter().zip(widths).flat_map(|(input, &width)| std::iter::repeat_n(input.kind, width));
    let field = |(name, kind): (&String, Kind)| {
        let kind = match kind {
            Kind::Single | Kind::Double => DataType::Float64,
            Kind::Int => DataType::Int64,
            Kind::Bool => DataType::Boolean,
            Kind::Text => DataType::Utf8,
        };
        Field::new(name, kind, true)
    };
    Schema::new(names.iter().zip(kinds).map(field).collect::<Vec<_>>())
}

/// The rows as a graph takes them in.
pub fn tensors(graph: &Graph, widths: &[usize], rows: &RecordBatch) -> Result<Vec<Tensor>, Failure> {
    let mut first = 0;
    let inputs = graph.inputs().iter().zip(widths).map(|(input, &width)| {
        let columns = first..first + width;
        first += width;
        let values = columns.clone().map(|at| column(rows, at, input)).collect::<Result<Vec<_>, _>>()?;
        let count = rows.num_rows();
        let places = (0..count).flat_map(|row| (0..width).map(move |at| at * count + row));
        let mut joined = Values::none(input.kind);
        for own in &values {
            joined.extend(own, 0..own.len()).map_err(|fault| internal(fault.to_string()))?;
        }
        let shape = if input.shape.len() == 1 { vec![count] } else { vec![count, width] };
        Tensor::new(shape, joined.pick(places)).map_err(|fault| invalid_input(fault.to_string()))
    });
    inputs.collect()
}

/// A column's values. A missing number is NaN; other missing values are refused, as ONNX has none.
fn column(rows: &RecordBatch, at: usize, input: &Input) -> Result<Values, Failure> {
    let kind = input.kind;
    let column = rows.columns().get(at).ok_or_else(|| internal(format!("there is no column {at}")))?;
    if !matches!(kind, Kind::Single | Kind::Double)
        && let Some(row) = (0..column.len()).find(|&row| column.is_null(row))
    {
        let message =
            "the value is missing, and the model takes no missing values of this type; fill it in before";
        return Err(invalid_input(message).row(row as u64 + 1).column(rows.schema_ref().field(at).name()));
    }
    Ok(match kind {
        Kind::Single | Kind::Double => {
            let numbers = column.as_primitive::<Float64Type>().iter().map(|value| value.unwrap_or(f64::NAN));
            match kind {
                Kind::Single => Values::Single(numbers.map(|value| value as f32).collect()),
                _ => Values::Double(numbers.collect()),
            }
        }
        Kind::Int => {
            let values = column.as_primitive::<Int64Type>().values();
            let wide = |value: &i64| input.narrow && i32::try_from(*value).is_err();
            if let Some(row) = values.iter().position(wide) {
                let message =
                    format!("{} is beyond the integers of 32 bits that the model takes", values[row]);
                let name = rows.schema_ref().field(at).name().clone();
                return Err(invalid_input(message).row(row as u64 + 1).column(name));
            }
            Values::Int(values.to_vec())
        }
        Kind::Bool => Values::Bool(column.as_boolean().values().iter().collect()),
        Kind::Text => Values::Text(
            (0..column.len()).map(|row| column.as_string::<i32>().value(row).to_owned()).collect(),
        ),
    })
}

/// A value as text; none if it is missing.
pub fn shown(column: &ArrayRef, row: usize) -> Option<String> {
    if column.is_null(row) {
        return None;
    }
    Some(match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value(row).to_owned(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
        // Single precision, as most graphs take it, and its text as a category's.
        DataType::Float64 => f64::from(column.as_primitive::<Float64Type>().value(row) as f32).to_string(),
        _ => return None,
    })
}

impl Answer {
    /// The table of predictions for `rows` rows.
    pub fn table(&self, outputs: &[Tensor], rows: usize) -> Result<RecordBatch, Failure> {
        let columns = self.columns.iter().map(|column| {
            let values = self.values(column, outputs, rows);
            let values = values.map_err(|fault| invalid_input(fault.within(&column.name).to_string()))?;
            Ok((column.name.as_str(), values))
        });
        batch_of(columns.collect::<Result<Vec<_>, Failure>>()?)
    }

    fn values(&self, column: &Column, outputs: &[Tensor], rows: usize) -> Result<ArrayRef, Fault> {
        let output =
            outputs.get(column.output as usize).ok_or_else(|| Fault::new("the output is missing"))?;
        let (count, width) = rows_of(output, rows)?;
        let place = column.place as usize;
        ensure!(
            count == rows && place < width,
            "the model answered {rows} rows with the shape {:?}",
            output.shape()
        );
        let values = output.values().pick((0..rows).map(|row| row * width + place));
        let Some(classes) = self.classes.as_ref().filter(|_| column.label) else { return Ok(plain(values)) };
        if !self.by_place {
            return Ok(plain(values));
        }
        let Values::Int(places) = values else { return Err(Fault::new("a label is no integer")) };
        let codes =
            places.iter().map(|&place| u32::try_from(place).ok().filter(|&p| (p as usize) < classes.len()));
        let codes: Option<Vec<u32>> = codes.collect();
        Ok(classes.decode(&codes.ok_or_else(|| Fault::new("a label is none of the classes"))?))
    }
}

/// Rows and columns of an output for `asked` rows. A list has one column, even if it lies on its side.
pub fn rows_of(output: &Tensor, asked: usize) -> Result<(usize, usize), Fault> {
    match *output.shape() {
        [rows] => Ok((rows, 1)),
        [1, rows] if rows == asked && rows > 1 => Ok((rows, 1)),
        [rows, columns] => Ok((rows, columns)),
        ref shape => {
            Err(Fault::new(format!("an output has the shape {shape:?}; rows and columns are expected")))
        }
    }
}

fn plain(values: Values) -> ArrayRef {
    match values {
        Values::Single(values) => Arc::new(values.into_iter().map(f64::from).collect::<Float64Array>()),
        Values::Double(values) => Arc::new(Float64Array::from(values)),
        Values::Int(values) => Arc::new(Int64Array::from(values)),
        Values::Bool(values) => Arc::new(arrow_array::BooleanArray::from(values)),
        Values::Text(values) => Arc::new(StringArray::from(values)),
    }
}
