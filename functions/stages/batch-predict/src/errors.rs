//! The file of records that could not be predicted.

use std::io::Write as _;

use arrow_array::RecordBatch;
use millstream_sdk::{
    Context, Failure, PartWriter, failure::InvalidInput, internal, predict::write_json_lines,
};
use serde_json::{Map, Value, json};

/// `errors.jsonl`: for each bad record its row, the reason, and the record itself. Made by the first one.
#[derive(Default)]
pub struct ErrorFile {
    part: Option<PartWriter>,
    count: u64,
}

impl ErrorFile {
    /// How many records it holds.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Adds the record at `place` of `rows`, which is row `row` (from 1) of the whole table.
    pub fn add(
        &mut self,
        context: &Context,
        rows: &RecordBatch,
        place: usize,
        row: u64,
        reason: &InvalidInput,
    ) -> Result<(), Failure> {
        let mut record = Vec::new();
        write_json_lines(&mut record, &rows.slice(place, 1))?;
        let record: Value = serde_json::from_slice(&record).map_err(|error| internal(error.to_string()))?;
        let mut line = Map::new();
        line.insert("row".to_owned(), json!(row));
        if let Some(column) = &reason.column {
            line.insert("column".to_owned(), json!(column));
        }
        line.insert("message".to_owned(), json!(reason.message));
        line.insert("record".to_owned(), record);
        let part = match &mut self.part {
            Some(part) => part,
            None => self.part.insert(context.create("errors", "errors.jsonl", "application/x-ndjson")?),
        };
        writeln!(part, "{}", Value::Object(line)).map_err(|error| Failure::from_io(error, internal))?;
        self.count += 1;
        Ok(())
    }

    /// Makes it part of the output, if there is anything in it.
    pub fn finish(self) -> Result<(), Failure> {
        self.part.map_or(Ok(()), PartWriter::finish)
    }
}
