//! CSV requests.

use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use csv::{ReaderBuilder, StringRecord};

use super::value::push_text;
use crate::{
    Failure,
    failure::{invalid_input, listing},
    table::{finish_columns, index_of, new_columns},
};

/// Rows by the header's names, or by place without a header. Whether there is one is said by `header`, or else seen by
/// the first record: it is a header if it holds at least half of the columns' names.
pub fn read(body: &[u8], header: Option<bool>, columns: &SchemaRef) -> Result<(RecordBatch, bool), Failure> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(body);
    let mut record = StringRecord::new();
    let mut growing = new_columns(columns, 0)?;
    let mut more = reader.read_record(&mut record).map_err(|error| malformed(&error, 1))?;
    let header = header.unwrap_or_else(|| more && is_header(&record, columns));
    let (places, width) = if header && more {
        let names = Schema::new(
            record
                .iter()
                .map(|name| arrow_schema::Field::new(name.trim(), arrow_schema::DataType::Utf8, true))
                .collect::<Vec<_>>(),
        );
        let places = columns.fields().iter().map(|field| index_of(&names, field.name()));
        let places: Vec<_> = places.collect::<Result<_, _>>()?;
        let width = record.len();
        more = reader.read_record(&mut record).map_err(|error| malformed(&error, 1))?;
        (places, width)
    } else {
        ((0..columns.fields().len()).collect(), columns.fields().len())
    };
    let mut row = 0;
    while more {
        row += 1;
        if record.len() != width {
            let names: Vec<_> = columns.fields().iter().map(|field| field.name()).collect();
            let expected = if header {
                "the header has"
            } else {
                "without a header, a row must have a value for each of the model's columns, which are"
            };
            let list = if header { format!("{width}") } else { listing(&names) };
            let got = record.len();
            return Err(invalid_input(format!("the row has {got} fields, but {expected} {list}")).row(row));
        }
        for ((column, place), field) in growing.iter_mut().zip(&places).zip(columns.fields()) {
            push_text(column, &record[*place])
                .map_err(|message| invalid_input(message).row(row).column(field.name()))?;
        }
        more = reader.read_record(&mut record).map_err(|error| malformed(&error, row + 1))?;
    }
    Ok((finish_columns(growing, columns, row as usize)?, header))
}

fn is_header(record: &StringRecord, columns: &Schema) -> bool {
    let known =
        columns.fields().iter().filter(|field| record.iter().any(|name| name.trim() == field.name())).count();
    known > 0 && known * 2 >= columns.fields().len()
}

fn malformed(error: &csv::Error, row: u64) -> Failure {
    match error.kind() {
        csv::ErrorKind::Utf8 { err, .. } => {
            invalid_input(format!("field {} is not UTF-8 text", err.field() + 1)).row(row)
        }
        _ => invalid_input(format!("not sound CSV: {error}")).row(row),
    }
}
