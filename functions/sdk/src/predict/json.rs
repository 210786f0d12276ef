//! JSON requests.

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use serde_json::{Map, Value};

use super::value::push_json;
use crate::{
    Failure,
    failure::{invalid_input, listing, missing_column},
    table::{Growing, finish_columns, new_columns},
};

const SHAPES: &str = "send {\"instances\": [{\"column\": value, ...}, ...]}, {\"dataframe_split\": {\"columns\": [...], \
                      \"data\": [[...], ...]}}, {\"dataframe_records\": [{...}, ...]}, a list of rows, or one row as an object";

/// Rows under `instances`, `dataframe_records` or `dataframe_split` (as TensorFlow Serving and MLflow have it), a bare
/// list of rows, or one row. A row is an object by column names, or a list by place.
pub fn read(body: &[u8], columns: &SchemaRef) -> Result<RecordBatch, Failure> {
    let document: Value = serde_json::from_slice(body)
        .map_err(|error| invalid_input(format!("the body is not JSON: {error}")))?;
    let mut rows = Rows::new(columns)?;
    let object = match &document {
        Value::Array(list) => return rows.all(list),
        Value::Object(object) => object,
        _ => return Err(invalid_input(format!("the JSON holds no rows; {SHAPES}"))),
    };
    for key in ["instances", "dataframe_records"] {
        match object.get(key) {
            Some(Value::Array(list)) => return rows.all(list),
            Some(_) if !rows.knows(key) => {
                return Err(invalid_input(format!("`{key}` must be a list of rows; {SHAPES}")));
            }
            _ => {}
        }
    }
    if let Some(split) = object.get("dataframe_split") {
        return rows.split(split);
    }
    rows.push(&document)?;
    rows.finish()
}

/// One row a line: an object by column names, a list by place, or `{"features": [...]}`, a list by place. Blank lines are
/// passed over.
pub fn read_lines(body: &[u8], columns: &SchemaRef) -> Result<RecordBatch, Failure> {
    let mut rows = Rows::new(columns)?;
    for line in body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
        let value: Value = serde_json::from_slice(line)
            .map_err(|error| invalid_input(format!("the line is not JSON: {error}")).row(rows.count + 1))?;
        match value.get("features") {
            Some(list @ Value::Array(_)) if !rows.knows("features") => rows.push(list)?,
            _ => rows.push(&value)?,
        }
    }
    rows.finish()
}

struct Rows<'a> {
    columns: &'a SchemaRef,
    growing: Vec<Growing>,
    count: u64,
}

impl<'a> Rows<'a> {
    fn new(columns: &'a SchemaRef) -> Result<Self, Failure> {
        Ok(Self { columns, growing: new_columns(columns, 0)?, count: 0 })
    }

    fn knows(&self, name: &str) -> bool {
        self.columns.column_with_name(name).is_some()
    }

    fn all(mut self, list: &[Value]) -> Result<RecordBatch, Failure> {
        list.iter().try_for_each(|row| self.push(row))?;
        self.finish()
    }

    fn push(&mut self, row: &Value) -> Result<(), Failure> {
        self.count += 1;
        let count = self.count;
        match row {
            Value::Object(object) => self.push_object(object),
            Value::Array(list) => self.push_list(list, None),
            other => {
                let what = if other.is_null() { "null" } else { "a single value" };
                Err(invalid_input(format!("a row must be an object or a list, not {what}")))
            }
        }
        .map_err(|failure| failure.row(count))
    }

    fn push_object(&mut self, object: &Map<String, Value>) -> Result<(), Failure> {
        // SageMaker's factorization machines wrap a row: {"data": {"features": {"keys": [..], "values": [..]}}}.
        let object = match object.get("data") {
            Some(Value::Object(data)) if object.len() == 1 && !self.knows("data") => data,
            _ => object,
        };
        for (column, field) in self.growing.iter_mut().zip(self.columns.fields()) {
            let value = object
                .get(field.name())
                .ok_or_else(|| missing_column(field.name(), object.keys().map(String::as_str)))?;
            push_json(column, value).map_err(|message| invalid_input(message).column(field.name()))?;
        }
        Ok(())
    }

    /// `places` says which value belongs to which column; without it they come in the columns' order.
    fn push_list(&mut self, list: &[Value], places: Option<(&[usize], usize)>) -> Result<(), Failure> {
        let width = places.map_or(self.columns.fields().len(), |(_, width)| width);
        if list.len() != width {
            let names: Vec<_> = self.columns.fields().iter().map(|field| field.name()).collect();
            let expected = match places {
                Some(_) => format!("`columns` names {width}"),
                None => format!("the model takes {}", listing(&names)),
            };
            return Err(invalid_input(format!("the row has {} values, but {expected}", list.len())));
        }
        for (index, (column, field)) in self.growing.iter_mut().zip(self.columns.fields()).enumerate() {
            let place = places.map_or(index, |(places, _)| places[index]);
            push_json(column, &list[place]).map_err(|message| invalid_input(message).column(field.name()))?;
        }
        Ok(())
    }

    fn split(mut self, split: &Value) -> Result<RecordBatch, Failure> {
        let misshapen = || invalid_input(format!("`dataframe_split` needs `columns` and `data`; {SHAPES}"));
        let list = |key: &str| split.get(key).and_then(Value::as_array).ok_or_else(misshapen);
        let names = list("columns")?.iter().map(|name| name.as_str().ok_or_else(misshapen));
        let names: Vec<&str> = names.collect::<Result<_, _>>()?;
        let places = self.columns.fields().iter().map(|field| {
            let place = names.iter().position(|name| name == field.name());
            place.ok_or_else(|| missing_column(field.name(), names.iter().copied()))
        });
        let places: Vec<usize> = places.collect::<Result<_, _>>()?;
        for row in list("data")? {
            self.count += 1;
            let row = row
                .as_array()
                .ok_or_else(|| invalid_input("a row of `data` must be a list").row(self.count))?;
            self.push_list(row, Some((&places, names.len()))).map_err(|failure| failure.row(self.count))?;
        }
        self.finish()
    }

    fn finish(self) -> Result<RecordBatch, Failure> {
        finish_columns(self.growing, self.columns, self.count as usize)
    }
}
