//! Tensors in: one for each column, or one with rows and columns. They become CSV, with numbers as they were written.

mod datatype;
mod nested;
mod table;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use self::{
    datatype::Type,
    table::{Fields, check_columns, with_header, without_header},
};
use crate::fault::{Fault, Kind};

const FORMS: &str = "send one tensor of shape [rows] for each column, named after it, or a single tensor of shape [rows, columns]";

/// A request's document.
#[derive(Debug, Deserialize)]
pub struct Request<'a> {
    /// Comes back with the answer.
    #[serde(borrow, default)]
    pub id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    inputs: Option<Vec<Tensor<'a>>>,
    /// The tensors that are wanted; all if none is named.
    #[serde(borrow, default)]
    outputs: Option<Vec<Wanted<'a>>>,
    #[serde(default)]
    parameters: Value,
}

#[derive(Debug, Deserialize)]
struct Tensor<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    shape: Vec<&'a RawValue>,
    #[serde(borrow)]
    datatype: Cow<'a, str>,
    #[serde(default)]
    parameters: Value,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

/// A tensor of the answer that is wanted.
#[derive(Debug, Deserialize)]
pub struct Wanted<'a> {
    /// Its name.
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    #[serde(default)]
    parameters: Value,
}

/// What models take.
#[derive(Debug)]
pub struct Rows {
    pub content_type: &'static str,
    pub body: Bytes,
    /// How many.
    pub count: usize,
    /// How many columns, if they are not named.
    pub columns: Option<usize>,
}

/// Reads the document.
pub fn parse(body: &[u8]) -> Result<Request<'_>, Fault> {
    let request: Request = serde_json::from_slice(body).map_err(|error| {
        let message = match error.is_data() {
            true => format!("the body is no inference request: {error}; {FORMS}"),
            // What is no JSON at all is of no form.
            false => format!("the body is not JSON: {error}; a missing value is null"),
        };
        Fault::new(Kind::BadRequest, message)
    })?;
    let binary = request.parameters.get("binary_data_output").is_some_and(|value| value == true)
        || request
            .wanted()
            .iter()
            .any(|output| output.parameters.get("binary_data").is_some_and(|value| value == true));
    if binary {
        return Err(Fault::new(
            Kind::BadRequest,
            "answers are JSON: the binary extension is not supported; leave out `binary_data` and `binary_data_output`",
        )
        .parameter("binary_data"));
    }
    Ok(request)
}

impl<'a> Request<'a> {
    /// The tensors that are wanted; all if none is named.
    pub fn wanted(&self) -> &[Wanted<'a>] {
        self.outputs.as_deref().unwrap_or_default()
    }

    /// The rows as CSV: with a header if the tensors have columns' names.
    pub fn rows(&self) -> Result<Rows, Fault> {
        let inputs = self.inputs.as_deref().unwrap_or_default();
        let tensors: Vec<Fields<'_>> = inputs.iter().map(Tensor::fields).collect::<Result<_, _>>()?;
        match tensors.as_slice() {
            [] => {
                Err(Fault::new(Kind::BadRequest, format!("there is no input; {FORMS}")).parameter("inputs"))
            }
            [table] if inputs[0].shape.len() == 2 => Ok(Rows {
                content_type: "text/csv; header=absent",
                body: without_header(table),
                count: table.rows,
                columns: Some(table.columns),
            }),
            columns => {
                check_columns(columns)?;
                Ok(Rows {
                    content_type: "text/csv; header=present",
                    body: with_header(columns),
                    count: columns[0].rows,
                    columns: None,
                })
            }
        }
    }
}

impl<'a> Tensor<'a> {
    fn fields(&'a self) -> Result<Fields<'a>, Fault> {
        let name = self.name.as_ref();
        let fault = |message: String| Fault::new(Kind::BadRequest, message).parameter(name.to_owned());
        if self.parameters.get("binary_data_size").is_some() {
            return Err(fault(format!("tensor `{name}` is binary; send its values as JSON in `data`")));
        }
        let shape = self.sizes().map_err(fault)?;
        let (rows, columns) = match shape.as_slice() {
            [rows] => (*rows, 1),
            [rows, columns] => (*rows, *columns),
            shape => return Err(fault(format!("tensor `{name}` has the shape {shape:?}; {FORMS}"))),
        };
        if columns == 0 {
            return Err(fault(format!(
                "tensor `{name}` has the shape {shape:?}: rows without columns; {FORMS}"
            )));
        }
        let datatype = Type::named(&self.datatype).ok_or_else(|| {
            fault(format!(
                "tensor `{name}` is of type `{}`; tables are made of FP64, FP32, FP16, INT64, INT32, INT16, INT8, UINT64, UINT32, \
                 UINT16, UINT8, BOOL and BYTES",
                self.datatype
            ))
        })?;
        let Some(data) = self.data else { return Err(fault(format!("tensor `{name}` has no `data`"))) };
        let values = nested::values(data.get(), &shape)
            .map_err(|what| fault(format!("tensor `{name}` has the shape {shape:?}, but {what}")))?;
        let fields = values.into_iter().map(|value| datatype.field(value));
        let values = fields
            .collect::<Result<_, _>>()
            .map_err(|wrong| fault(format!("{wrong} in tensor `{name}` is no {}", self.datatype)))?;
        // As many as there are values.
        Ok(Fields { name, rows: rows as usize, columns: columns as usize, values })
    }

    fn sizes(&self) -> Result<Vec<u64>, String> {
        let size = |text: &&RawValue| {
            text.get().parse().map_err(|_| {
                format!(
                    "tensor `{}` has a size of `{}` in its shape; sizes are whole numbers from 0",
                    self.name,
                    text.get()
                )
            })
        };
        self.shape.iter().map(size).collect()
    }
}
