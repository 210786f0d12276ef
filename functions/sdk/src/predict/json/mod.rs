//! JSON requests.

mod raw;
mod rows;
mod text;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use serde_json::value::RawValue;

use crate::{Failure, failure::invalid_input};
use raw::{Members, items, kind, members};
use rows::Rows;

/// What a document may be.
const SHAPES: &str = "send {\"instances\": [row, ...]}, {\"inputs\": [row, ...]}, {\"inputs\": {\"column\": [value, ...], \
                      ...}}, {\"dataframe_split\": {\"columns\": [...], \"data\": [[...], ...]}}, \
                      {\"dataframe_records\": [row, ...]}, the last two also without what is around them, a list of rows, or \
                      one row; a row is {\"column\": value, ...}, [value, ...] in the model's order, or {\"features\": \
                      [value, ...]}";

/// Keys around rows. Those in the first half may be a column's name as well.
const WRAPPERS: [&str; 4] = ["instances", "dataframe_records", "inputs", "dataframe_split"];

/// Rows as the clients of SageMaker, MLflow and TensorFlow Serving send them, and as pandas writes them: see [`SHAPES`].
pub fn read(body: &[u8], columns: &SchemaRef) -> Result<RecordBatch, Failure> {
    let text = text::sound(body, "the body")?;
    let document: &RawValue = serde_json::from_str(&text).map_err(raw::unsound)?;
    let mut rows = Rows::new(columns)?;
    match kind(document) {
        b'[' => rows.list(document, true)?,
        b'{' => object(&mut rows, &members(document)?)?,
        _ => return Err(invalid_input(format!("the JSON holds no rows; {SHAPES}"))),
    }
    rows.finish()
}

/// One row a line: an object by column names, a list by place, or `{"features": [...]}`, a list by place. Blank lines are
/// passed over.
pub fn read_lines(body: &[u8], columns: &SchemaRef) -> Result<RecordBatch, Failure> {
    let mut rows = Rows::new(columns)?;
    for line in body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
        let row = rows.count() + 1;
        let text = text::sound(line, "the line").map_err(|failure| failure.row(row))?;
        let value: &RawValue = serde_json::from_str(&text).map_err(|error| raw::unsound(error).row(row))?;
        rows.push(value)?;
    }
    rows.finish()
}

fn object(rows: &mut Rows<'_>, object: &Members<'_>) -> Result<(), Failure> {
    let of = |name: &str| object.iter().find(|(key, _)| key == name).map(|(_, value)| *value);
    // A column of the model's own comes first, unless there is a list of rows under its name.
    let wraps = |name: &&str, value: &RawValue| {
        !rows.knows(name) || kind(value) == b'[' && WRAPPERS[..2].contains(name) && !rows.has_sparse()
    };
    let found = WRAPPERS.iter().filter_map(|name| Some((*name, of(name)?)));
    let found: Vec<(&str, &RawValue)> = found.filter(|(name, value)| wraps(name, value)).collect();
    match found[..] {
        [] => unwrapped(rows, object),
        [(name, value)] => wrapped(rows, name, value),
        [(one, _), (other, _), ..] => {
            Err(invalid_input(format!("there are rows under `{one}` and under `{other}`: send one of them")))
        }
    }
}

fn wrapped(rows: &mut Rows<'_>, name: &str, value: &RawValue) -> Result<(), Failure> {
    match (name, kind(value)) {
        ("instances" | "dataframe_records", b'[') => rows.list(value, false),
        ("inputs", b'[') => {
            let first = items(value)?.first().filter(|first| kind(first) == b'{').map(|first| members(first));
            if let Some(first) = first.transpose()?
                && ["name", "shape", "data"].iter().all(|own| first.iter().any(|(key, _)| key == own))
            {
                return Err(invalid_input(
                    "this is a request of the Open Inference Protocol: send it to /v2/models/NAME/infer",
                ));
            }
            rows.list(value, false)
        }
        ("inputs", b'{') => rows.table(&members(value)?, false),
        ("dataframe_split", b'{') => rows.split(&members(value)?, "`dataframe_split`", SHAPES),
        ("dataframe_split", _) => {
            Err(invalid_input(format!("`dataframe_split` must be an object; {SHAPES}")))
        }
        ("inputs", _) => {
            Err(invalid_input(format!("`inputs` must be a list of rows or an object of columns; {SHAPES}")))
        }
        _ => Err(invalid_input(format!("`{name}` must be a list of rows; {SHAPES}"))),
    }
}

/// An object that names no shape of its own: what pandas writes, or one row.
fn unwrapped(rows: &mut Rows<'_>, object: &Members<'_>) -> Result<(), Failure> {
    let of = |name: &str| object.iter().find(|(key, _)| key == name).map(|(_, value)| *value);
    let own = rows.knows_any(object);
    if !own {
        // `orient="split"`, `orient="table"`, and plain `data`.
        if of("columns").is_some() && of("data").is_some() {
            return rows.split(object, "the object", SHAPES);
        }
        if let Some(data) = of("data").filter(|data| kind(data) == b'[') {
            return rows.list(data, false);
        }
        // `orient="index"`: rows by their names.
        let all_objects = !object.is_empty() && object.iter().all(|(_, value)| kind(value) == b'{');
        if all_objects && rows.knows_any(&members(object[0].1)?) {
            return object.iter().try_for_each(|(_, row)| rows.push(row));
        }
    } else if !rows.has_sparse() {
        // `orient="columns"`: objects by the rows' names; or lists.
        let mut columns = object.iter().filter(|(key, _)| rows.knows(key)).map(|(_, value)| kind(value));
        if columns.all(|kind| matches!(kind, b'[' | b'{')) {
            return rows.table(object, true);
        }
    }
    rows.push_object(object).map_err(|failure| match failure {
        Failure::InvalidInput(mut input) if !own && of("features").is_none() => {
            input.message = format!("{}; {SHAPES}", input.message);
            Failure::InvalidInput(input)
        }
        other => other,
    })
}

#[cfg(test)]
mod tests;
