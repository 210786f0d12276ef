//! CSV into the sink.

use std::collections::BTreeSet;

use millstream_sdk::{Context, Failure, failure::listing, invalid_input, invalid_parameter};

use crate::{
    params::Params,
    records::{Record, Records},
    sink::Sink,
    source::{Source, Text, skip_lines},
};

/// What is known of a part's records before they are read.
pub struct Layout {
    /// All columns of the file, in order.
    pub names: Vec<String>,
    /// For each of them, where its values go.
    pub places: Vec<Option<usize>>,
}

/// What `read.csv` of pandas calls a column without a name, and `to_csv` writes from then on.
const UNNAMED: &str = "Unnamed: ";

/// The name of the first column, if it looks like the row numbers that pandas and R write before the columns.
pub fn row_numbers(context: &Context, source: &Source, params: &Params) -> Result<Option<String>, Failure> {
    if !params.header || params.column_names.is_some() {
        return Ok(None);
    }
    let mut records = open(context, source, params)?;
    let Some(header) = records.read()? else { return Ok(None) };
    let first = String::from_utf8_lossy(header.field(0)).trim().to_owned();
    let alone = header.len() == 1;
    Ok(match first.strip_prefix(UNNAMED) {
        _ if alone => None,
        None if first.is_empty() => Some(numbered(0)),
        Some(rest) if rest.bytes().all(|byte| byte.is_ascii_digit()) => Some(first),
        _ => None,
    })
}

fn numbered(place: usize) -> String {
    format!("column_{}", place + 1)
}

/// The names of a part's columns: the header's, the given ones, or `column_1` and so on.
pub fn names(context: &Context, source: &Source, params: &Params) -> Result<Vec<String>, Failure> {
    let mut records = open(context, source, params)?;
    let record = records.read()?.ok_or_else(|| invalid_input("the file has no records"))?;
    let given = params.column_names.clone();
    if let Some(given) = given {
        if given.len() != record.len() {
            let (names, fields) = (given.len(), record.len());
            let message = format!("{names} names are given, but the file's first record has {fields} fields");
            return Err(invalid_parameter("column_names", message));
        }
        return distinct(given);
    }
    if !params.header {
        return Ok((0..record.len()).map(numbered).collect());
    }
    let names = record.iter().enumerate().map(|(place, name)| {
        let name = std::str::from_utf8(name)
            .map_err(|_| invalid_input(format!("name {} in the header is not UTF-8 text", place + 1)))?;
        Ok(if name.trim().is_empty() { numbered(place) } else { name.trim().to_owned() })
    });
    distinct(names.collect::<Result<_, Failure>>()?)
}

fn distinct(names: Vec<String>) -> Result<Vec<String>, Failure> {
    let mut seen = BTreeSet::new();
    match names.iter().find(|name| !seen.insert(name.as_str())) {
        Some(twice) => Err(invalid_input(
            "two columns have this name; rename one, or name all of them with `column_names`",
        )
        .column(twice)),
        None => Ok(names),
    }
}

/// Holds a further part to the first one's columns.
pub fn same_names(first: &[String], names: &[String]) -> Result<(), Failure> {
    if first == names {
        return Ok(());
    }
    Err(invalid_input(format!(
        "its columns differ from those of the first file: {} instead of {}",
        listing(names),
        listing(first)
    )))
}

/// Reads a part's records into the sink, at most `limit` of them.
pub fn read(
    context: &Context,
    source: &Source,
    params: &Params,
    layout: &Layout,
    sink: &mut Sink,
    limit: u64,
) -> Result<(), Failure> {
    let mut records = open(context, source, params)?;
    if params.header {
        records.read()?;
    }
    let width = layout.names.len();
    let wanted: Vec<(usize, usize)> =
        layout.places.iter().enumerate().filter_map(|(field, place)| Some((field, (*place)?))).collect();
    let mut row = 0;
    while row < limit {
        row += 1;
        let Some(record) = records.read().map_err(|failure| failure.row(row))? else { break };
        if record.len() != width {
            return Err(ragged(record, width).row(row));
        }
        for (field, place) in &wanted {
            sink.field(*place, record.field(*field)).map_err(|failure| failure.row(row))?;
        }
        sink.end_row(context)?;
    }
    Ok(())
}

fn ragged(record: Record<'_>, width: usize) -> Failure {
    let fields = record.len();
    let hint = if fields == 1 && width > 1 {
        "a line end may be inside a field that is not quoted"
    } else if fields > width {
        "quote fields that hold the delimiter"
    } else {
        "a value may be missing"
    };
    invalid_input(format!("the row has {fields} fields, but there are {width} columns; {hint}"))
}

fn open(context: &Context, source: &Source, params: &Params) -> Result<Records<Text>, Failure> {
    let mut text = source.text(context)?;
    skip_lines(&mut *text, params.skip_rows)?;
    let quote = params.quote()?;
    let delimiter = params.delimiter_of(&source.name)?;
    if quote == delimiter {
        return Err(invalid_parameter("quote", "must differ from the delimiter"));
    }
    Ok(Records::new(text, delimiter, quote).skip_initial_space(params.skip_initial_space))
}
