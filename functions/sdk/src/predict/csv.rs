//! CSV requests.

use std::{
    io::{Chain, Read},
    str::{self, Split},
};

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{Schema, SchemaRef};
use csv::{Reader, ReaderBuilder, StringRecord};

use super::value::{Column, new_columns};
use crate::{
    Failure,
    failure::{internal, invalid_input, listing},
    table::names,
};

/// Rows by the header's names, or by place without a header. Whether there is one is said by `header`, or else seen by
/// the first record: it is a header if it holds at least half of the columns' names.
pub fn read(body: &[u8], header: Option<bool>, columns: &SchemaRef) -> Result<(RecordBatch, bool), Failure> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let mut records = Records::new(body);
    let mut growing = new_columns(columns, records.at_most())?;
    let mut more = records.advance().map_err(|malformed| malformed.failure(1))?;
    let header = header.unwrap_or_else(|| more && is_header(&records, columns));
    let (places, width) = if header && more {
        let given: Vec<&str> = records.fields().collect();
        let places = names::places(columns.fields().iter().map(|field| field.name().as_str()), &given)?;
        let width = records.len();
        more = records.advance().map_err(|malformed| malformed.failure(1))?;
        (places, width)
    } else {
        ((0..columns.fields().len()).collect(), columns.fields().len())
    };
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
        for ((column, place), field) in growing.iter_mut().zip(&places).zip(columns.fields()) {
            column
                .push_field(records.field(*place))
                .map_err(|message| invalid_input(message).row(row).column(field.name()))?;
        }
        more = records.advance().map_err(|malformed| malformed.failure(row + 1))?;
    }
    let arrays = growing.iter_mut().map(Column::finish).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(row as usize));
    let rows = RecordBatch::try_new_with_options(columns.clone(), arrays, &options);
    Ok((rows.map_err(|error| internal(error.to_string()))?, header))
}

/// A record behind the last one: it is missed if the body ends inside of quotes, which its own line end does not close.
const LAST: &[u8] = b"\n\0\0";

/// The records of a body, one after the other.
enum Records<'a> {
    /// Without quotes a record is a line and a field ends at a comma: most requests. The reader below would take longer to
    /// be made than such a request takes to be answered.
    Plain { lines: Split<'a, char>, fields: Vec<&'a str>, bytes: usize },
    /// Any other.
    Quoted { reader: Box<Reader<Chain<&'a [u8], &'static [u8]>>>, record: StringRecord, body: &'a [u8] },
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
                let text = body.chain(LAST);
                let reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text);
                Self::Quoted { reader: Box::new(reader), record: StringRecord::new(), body }
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
    fn advance(&mut self) -> Result<bool, Malformed> {
        match self {
            Self::Plain { lines, fields, .. } => {
                let line =
                    lines.map(|line| line.strip_suffix('\r').unwrap_or(line)).find(|line| !line.is_empty());
                fields.clear();
                fields.extend(line.into_iter().flat_map(|line| line.split(',')));
                Ok(line.is_some())
            }
            Self::Quoted { reader, record, body } => {
                let start = place(reader);
                if !reader.read_record(record).map_err(Malformed::Csv)? {
                    return Ok(false);
                }
                let end = place(reader);
                let own = &body[start.min(body.len())..end.min(body.len())];
                if let Some(field) = blank_before_quote(own) {
                    return Err(Malformed::Blank(field));
                }
                // The last record of the body ends with it, or with the line end behind it.
                match end > body.len() + 1 {
                    false => Ok(true),
                    true if record.len() == 1 && &record[0] == "\0\0" => Ok(false),
                    true => Err(Malformed::Unclosed),
                }
            }
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

fn place(reader: &Reader<impl Read>) -> usize {
    usize::try_from(reader.position().byte()).unwrap_or(usize::MAX)
}

/// The place of the first field of a record whose quote comes after a blank. Nobody knows what such a quote means: `extract`
/// refuses it likewise.
fn blank_before_quote(record: &[u8]) -> Option<usize> {
    // Empty lines before it are passed over.
    let start = record.iter().position(|byte| !matches!(byte, b'\n' | b'\r'))?;
    let (mut rest, mut field) = (&record[start..], 0);
    loop {
        let blanks = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        if rest.get(blanks) == Some(&b'"') {
            if blanks > 0 {
                return Some(field);
            }
            // Behind the closing quote; two in a row stand for one of the field.
            rest = &rest[1..];
            loop {
                rest = &rest[rest.iter().position(|byte| *byte == b'"')? + 1..];
                match rest {
                    [b'"', after @ ..] => rest = after,
                    _ => break,
                }
            }
        }
        rest = &rest[rest.iter().position(|byte| *byte == b',')? + 1..];
        field += 1;
    }
}

/// Whether the first record has the names of half of the columns or more, blanks around them left out.
fn is_header(records: &Records<'_>, columns: &Schema) -> bool {
    let named = |wanted: &str| records.fields().any(|name| name == wanted || name.trim() == wanted.trim());
    let known = columns.fields().iter().filter(|field| named(field.name())).count();
    known > 0 && known * 2 >= columns.fields().len()
}

/// Why there is no next record.
enum Malformed {
    Csv(csv::Error),
    Unclosed,
    /// A blank before the quote of the field in this place.
    Blank(usize),
}

impl Malformed {
    fn failure(self, row: u64) -> Failure {
        let failure = match self {
            Self::Unclosed => {
                invalid_input("the body ends inside a quoted field: a closing quote is missing")
            }
            Self::Blank(field) => {
                invalid_input(format!("a blank stands before the quote of field {}: take it out", field + 1))
            }
            Self::Csv(error) => match error.kind() {
                csv::ErrorKind::Utf8 { err, .. } => {
                    invalid_input(format!("field {} is not UTF-8 text", err.field() + 1))
                }
                _ => invalid_input(format!("not sound CSV: {error}")),
            },
        };
        failure.row(row)
    }
}
