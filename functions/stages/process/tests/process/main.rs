//! The operations, the stage, and what is refused.

mod gallery;
mod operations;
mod refused;
mod stage;

use fn_process::Process;
use millstream_sdk::{
    arrow_array::{Array, RecordBatch, cast::AsArray},
    table,
    testing::Host,
};
use serde_json::{Value, json};

/// The rows as CSV: an empty field is missing.
fn csv(rows: &RecordBatch) -> String {
    let schema = rows.schema();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let mut text = names.join(",");
    let columns: Vec<_> = rows.columns().iter().map(|column| table::print(column).unwrap()).collect();
    for row in 0..rows.num_rows() {
        let values = columns.iter().map(|column| {
            let texts = column.as_string::<i32>();
            if texts.is_null(row) { "" } else { texts.value(row) }
        });
        text.push('\n');
        text.push_str(&values.collect::<Vec<_>>().join(","));
    }
    text
}

/// The steps done to a table.
fn run(host: &Host, steps: &Value) -> Result<String, String> {
    host.run::<Process>(&json!({ "steps": steps }).to_string()).map_err(|failure| failure.to_string())?;
    Ok(csv(&host.table("table")))
}

/// One step done to a table of CSV.
fn one(table: &str, step: &Value) -> String {
    run(&Host::new().csv("table", table), &json!([step])).unwrap_or_else(|error| panic!("{step}: {error}"))
}
