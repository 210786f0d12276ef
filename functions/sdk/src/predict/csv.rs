//! CSV requests.

use std::str::{self, Split};

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use csv::{Reader, ReaderBuilder, StringRecord};

use super::value::push_text;
use crate::{
    Failure,
    failure::{invalid_input, listing},
    missing::Missing,
    table::{finish_columns, index_of, new_columns},
};

/// Rows by the header's names, or by place without a header. Whether there is one is said by `header`, or else seen by
/// the first record: it is a header if it holds at least half of the columns' names.
pub fn read(body: &[u8], header: Option<bool>, columns: &SchemaRef) -> Result<(RecordBatch, bool), Failure> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let mut records = Records::new(body);
    let mut growing = new_columns(columns, records.at_most())?;
    let mut more = records.advance().map_err(|error| malformed(&error, 1))?;
    let header = header.unwrap_or_else(|| more && is_header(&records, columns));
    let (places, width) = if header && more {
        let fields = records.fields().map(|name| Field::new(name.trim(), DataType::Utf8, true));
        let names = Schema::new(fields.collect::<Vec<_>>());
        let places = columns.fields().iter().map(|field| index_of(&names, field.name()));
        let places: Vec<_> = places.collect::<Result<_, _>>()?;
        let width = records.len();
        more = records.advance().map_err(|error| malformed(&error, 1))?;
        (places, width)
    } else {
        ((0..columns.fields().len()).collect(), columns.fields().len())
    };
    let missing: Vec<Option<Missing>> = columns.fields().iter().map(|field| Missing::of(field)).collect();
    let mut row = 0;
    while more {
        row += 1;
        if records.len() != width {
            let names: Vec<_> = columns.fields().iter().map(|field| field.name()).collect();
            let expected = if header {
                "the header has"
            } else {
                "without a header, a row must have a value for each of the model's columns, which are"
            };
            let list = if header { format!("{width}") } else { listing(&names) };
            let got = records.len();
            return Err(invalid_input(format!("the row has {got} fields, but {expected} {list}")).row(row));
        }
        for (((column, place), field), missing) in
            growing.iter_mut().zip(&places).zip(columns.fields()).zip(&missing)
        {
            let text = records.field(*place);
            if missing.as_ref().is_some_and(|missing| missing.has(text.as_bytes())) {
                column.push_null();
                continue;
            }
            push_text(column, text)
                .map_err(|message| invalid_input(message).row(row).column(field.name()))?;
        }
        more = records.advance().map_err(|error| malformed(&error, row + 1))?;
    }
    Ok((finish_columns(growing, columns, row as usize)?, header))
}

/// The records of a body, one after the other.
enum Records<'a> {
    /// Without quotes a record is a line and a field ends at a comma: most requests. The reader below would take longer to
    /// be made than such a request takes to be answered.
    Plain { lines: Split<'a, char>, fields: Vec<&'a str>, bytes: usize },
    /// Any other.
    Quoted { reader: Box<Reader<&'a [u8]>>, record: StringRecord },
}

impl<'a> Records<'a> {
    fn new(body: &'a [u8]) -> Self {
        let lone_return = || body.windows(2).any(|pair| pair[0] == b'\r' && pair[1] != b'\n');
        let special = body.contains(&b'"') || body.contains(&b'\r') && lone_return();
        match str::from_utf8(body) {
            Ok(text) if !special => {
                Self::Plain { lines: text.split('\n'), fields: Vec::new(), bytes: body.len() }
            }
            _ => {
                let reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(body);
                Self::Quoted { reader: Box::new(reader), record: StringRecord::new() }
            }
        }
    }

    /// A guess at the number of records, never far too large.
    fn at_most(&self) -> usize {
        match self {
            // A short body is a row or two.
            Self::Plain { bytes, .. } if *bytes < 1024 => 1,
            _ => 0,
        }
    }

    /// Goes to the next record; false at the end. Empty lines are passed over.
    fn advance(&mut self) -> Result<bool, csv::Error> {
        match self {
            Self::Plain { lines, fields, .. } => {
                let line =
                    lines.map(|line| line.strip_suffix('\r').unwrap_or(line)).find(|line| !line.is_empty());
                fields.clear();
                fields.extend(line.into_iter().flat_map(|line| line.split(',')));
                Ok(line.is_some())
            }
            Self::Quoted { reader, record } => reader.read_record(record),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Plain { fields, .. } => fields.len(),
            Self::Quoted { record, .. } => record.len(),
        }
    }

    fn field(&self, place: usize) -> &str {
        match self {
            Self::Plain { fields, .. } => fields[place],
            Self::Quoted { record, .. } => &record[place],
        }
    }

    fn fields(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|place| self.field(place))
    }
}

fn is_header(records: &Records<'_>, columns: &Schema) -> bool {
    let named = |field: &Field| records.fields().any(|name| name.trim() == field.name());
    let known = columns.fields().iter().filter(|field| named(field)).count();
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
