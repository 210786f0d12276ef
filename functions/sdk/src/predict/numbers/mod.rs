//! Requests of nothing but numbers for models of nothing but numbers: most of them, read past Arrow.
//!
//! What is not plainly such a request is left to the general readers, which take it or say what is wrong with it; what is
//! read here, they read alike.

mod csv;
mod json;

use std::sync::Arc;

use arrow_schema::{DataType, FieldRef, Schema};

use super::{Form, Format, Parsed, Request, header_parameter, matrix, value::is_missing};
use crate::{Matrix, missing::Missing};

/// The columns of a model that takes numbers alone.
#[derive(Clone, Debug)]
pub struct Numbers {
    names: Arc<[String]>,
    /// A column's name could be a value: whether a first record is a header takes a closer look.
    ambiguous: bool,
}

impl Numbers {
    /// None for a model that takes other columns too, or none at all, or knows missing values of its own.
    pub fn of(columns: &Schema) -> Option<Self> {
        let fields = columns.fields();
        let plain =
            |field: &FieldRef| *field.data_type() == DataType::Float64 && Missing::of(field).is_none();
        if fields.is_empty() || !fields.iter().all(plain) {
            return None;
        }
        let ambiguous = fields.iter().any(|field| number(field.name().as_bytes()).is_some());
        Some(Self { names: fields.iter().map(|field| field.name().clone()).collect(), ambiguous })
    }

    /// The rows of a request, if it is plain.
    pub fn parse(&self, request: &Request) -> Option<Parsed<Matrix>> {
        let format = Format::of(&request.content_type)?;
        let said = header_parameter(&request.content_type);
        let (rows, header) = match format {
            Format::Csv => self.csv(&request.body, said)?,
            Format::Json => (self.json(&request.body)?, true),
            Format::JsonLines => (self.json_lines(&request.body)?, true),
            Format::Matrix => (matrix::read(&request.body, &self.names)?, said.unwrap_or(true)),
            Format::Arrow => return None,
        };
        Some(Parsed { rows, form: Form { format, header } })
    }
}

/// A field that holds a number, a truth value, or nothing.
fn number(field: &[u8]) -> Option<f64> {
    let field = field.trim_ascii();
    let text = std::str::from_utf8(field).ok()?;
    if is_missing(text) {
        return Some(f64::NAN);
    }
    match fast_float2::parse::<f64, _>(field) {
        Ok(value) => Some(value),
        Err(_) => super::value::boolean(text).map(|truth| f64::from(u8::from(truth))),
    }
}

#[cfg(test)]
mod tests;
