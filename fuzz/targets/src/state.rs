//! States of models.

use crate::blameless;
use millstream_catalog::{Answers, Function};
use millstream_sdk::arrow_schema::SchemaRef;
use millstream_sdk::table::{Growing, finish_columns, new_columns};
use millstream_sdk::{Failure, State};
use serde_json::Value;
use std::sync::LazyLock;

/// Rows that models of seeds are trained on: few, so that damage hits something.
const ROWS: usize = 48;

/// Every function that fits something.
static FITTING: LazyLock<Vec<Function>> = LazyLock::new(|| {
    let mut all = millstream_catalog::all();
    all.retain(|function| function.model.is_some());
    all
});

/// Columns of rows that are predicted at the most: more make a run slow and find nothing new.
pub const WIDEST: usize = 1_000;

/// The bytes as they are, and with a checksum that fits, so that damage gets past it: to the function that they name, and to
/// another one. A state that loads describes itself and answers every row, or says why not.
pub fn run(bytes: &[u8]) {
    let name = function(bytes).unwrap_or_default();
    let own = FITTING.iter().find(|function| function.name == name).unwrap_or(&FITTING[0]);
    let mended = mended(bytes);
    for bytes in [bytes, &mended] {
        let Some(model) = blameless(load(own, bytes)) else { continue };
        assert!(model.describe().starts_with('{'));
        let format = own.model.expect("it fits something").format;
        let state = State::open(bytes, &own.name, format).expect("it loaded");
        if state.columns().fields().len() > WIDEST {
            continue;
        }
        ask(&*model, &state.columns());
    }
    let other = FITTING.iter().find(|function| function.name != name).expect("there are several functions");
    assert!(load(other, &mended).is_err(), "`{}` loads what `{name}` wrote", other.name);
}

fn load(function: &Function, state: &[u8]) -> Result<Box<dyn Answers>, Failure> {
    (function.model.expect("it fits something").load)(state)
}

/// A model answers every row, or says why not.
pub fn ask(model: &dyn Answers, columns: &SchemaRef) {
    for values in [["0.5", "-2", "1"], ["7", "", "1e300"]] {
        let mut growing = blameless(new_columns(columns, values.len())).expect("columns of a state");
        growing.iter_mut().for_each(|column| values.iter().for_each(|value| push(column, value)));
        let rows = finish_columns(growing, columns, values.len());
        // Two columns of one name are no table.
        let Some(rows) = blameless(rows) else { continue };
        if let Some(answered) = blameless(model.predict(&rows)) {
            assert_eq!(answered.num_rows(), values.len());
        }
    }
}

fn push(column: &mut Growing, value: &str) {
    match (column, value.parse::<f64>()) {
        (Growing::Float(column), Ok(number)) => column.append_value(number),
        (Growing::Int(column), Ok(number)) => column.append_value(number as i64),
        (Growing::Bool(column), Ok(number)) => column.append_value(number > 0.0),
        (Growing::Date(column), Ok(number)) => column.append_value(number as i32),
        (Growing::Time(column), Ok(number)) => column.append_value(number as i64),
        (Growing::Sparse(column), Ok(number)) => {
            column.push(7, number);
            column.end_row().expect("few values");
        }
        (column @ Growing::Text(_), Ok(_)) => column.push_text(value).expect("a short text"),
        (column, Err(_)) => column.push_null(),
    }
}

/// The function that the header names.
fn function(bytes: &[u8]) -> Option<String> {
    let (length, rest) = bytes.get(8..)?.split_first_chunk::<4>()?;
    let header = rest.get(..u32::from_le_bytes(*length) as usize)?;
    Some(serde_json::from_slice::<Value>(header).ok()?.get("function")?.as_str()?.to_owned())
}

/// The bytes with the checksum that belongs to them.
fn mended(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes[..bytes.len().saturating_sub(4)].to_vec();
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    bytes
}

/// A state of every shape that the function's models have.
fn states(function: &Function) -> impl Iterator<Item = Vec<u8>> {
    let table = millstream_catalog::table(ROWS);
    function.examples.iter().filter_map(move |example| {
        let host = millstream_catalog::host(example, &table);
        if let Err(failure) = function.run(&host, &example.on_table()) {
            panic!("{}, {}: {failure}", function.name, example.on_table());
        }
        // What `process` does to other rows is no part of a model.
        host.wrote("model").then(|| host.output("model"))
    })
}

/// States of every function.
pub fn seeds() -> Vec<Vec<u8>> {
    FITTING.iter().flat_map(states).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_loads_and_names_its_function() {
        for fitting in FITTING.iter() {
            for state in states(fitting) {
                assert_eq!(function(&state).as_deref(), Some(&*fitting.name));
                assert_eq!(mended(&state), state);
                if let Err(failure) = load(fitting, &state) {
                    panic!("{}: {failure}", fitting.name);
                }
            }
        }
    }
}
