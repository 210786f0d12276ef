//! JSON Lines into the sink.

use std::{borrow::Cow, fmt, io::BufRead as _};

use millstream_sdk::{Context, Failure, invalid_input};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{
    sink::{Sink, Spec},
    source::{Source, skip_lines, unreadable},
};

/// What is no JSON, but written by those who write it.
const NOT_A_NUMBER: &[u8] = b"NaN";
const INFINITY: &[u8] = b"Infinity";

/// What is seen on the way.
#[derive(Default)]
pub struct Seen {
    /// `NaN` that was taken for a missing value: how many, and the line of the first.
    pub nan: Option<(u64, u64)>,
}

/// Reads a part's objects into the sink, at most `limit` of them. A key that the sink does not know makes a column if `spec`
/// has one for it.
pub fn read(
    context: &Context,
    source: &Source,
    skip_rows: u64,
    spec: &dyn Fn(&str) -> Option<Spec>,
    sink: &mut Sink,
    limit: u64,
) -> Result<Seen, Failure> {
    let mut text = source.text(context)?;
    skip_lines(&mut *text, skip_rows)?;
    let (mut line, mut number, mut row) = (Vec::new(), skip_rows, 0);
    let (mut filled, mut seen) = (Vec::new(), Seen::default());
    while row < limit {
        line.clear();
        if text.read_until(b'\n', &mut line).map_err(unreadable)? == 0 {
            break;
        }
        number += 1;
        if line.trim_ascii().is_empty() {
            continue;
        }
        row += 1;
        let place = |failure: Failure| failure.row(row);
        let replaced = without_nan(&mut line, number).map_err(place)?;
        if replaced > 0 {
            seen.nan.get_or_insert((0, number)).0 += replaced;
        }
        let object = parse(line.trim_ascii(), number).map_err(place)?;
        filled.clear();
        filled.resize(sink.width(), false);
        for (name, value) in &object.0 {
            let Some(column) = column(sink, spec, name).map_err(place)? else { continue };
            filled.resize(sink.width(), false);
            if std::mem::replace(&mut filled[column], true) {
                return Err(place(
                    invalid_input(format!("line {number} has this key twice")).column(&**name),
                ));
            }
            push(sink, column, value.get(), number).map_err(|failure| place(failure.column(&**name)))?;
        }
        for (column, filled) in filled.iter().enumerate() {
            if !filled {
                sink.nothing(column);
            }
        }
        sink.end_row(context)?;
    }
    Ok(seen)
}

/// Puts `null` in the place of each `NaN` that stands where a value belongs, as Python's `json.dumps` writes a missing number;
/// how many there were. Infinities are refused by line and column.
fn without_nan(line: &mut Vec<u8>, number: u64) -> Result<u64, Failure> {
    // Most lines have neither letter.
    let suspicious = |line: &[u8]| {
        memchr::memmem::find(line, NOT_A_NUMBER).is_some() || memchr::memmem::find(line, INFINITY).is_some()
    };
    if !suspicious(line) {
        return Ok(0);
    }
    let (mut made, mut at, mut replaced) = (Vec::with_capacity(line.len()), 0, 0);
    while let Some(&byte) = line.get(at) {
        let rest = &line[at..];
        let length = match byte {
            b'"' => string_length(rest),
            _ if rest.starts_with(NOT_A_NUMBER) => {
                made.extend_from_slice(b"null");
                (at, replaced) = (at + NOT_A_NUMBER.len(), replaced + 1);
                continue;
            }
            _ if rest.starts_with(INFINITY) || rest.starts_with(b"-Infinity") => {
                let what = if byte == b'-' { "-Infinity" } else { "Infinity" };
                return Err(invalid_input(format!(
                    "line {number}, column {}: `{what}` is not JSON: write null, or a finite number",
                    at + 1
                )));
            }
            _ => 1,
        };
        made.extend_from_slice(&rest[..length]);
        at += length;
    }
    *line = made;
    Ok(replaced)
}

/// Bytes of the string that a text begins with, its quotes included; all of them if it does not end.
fn string_length(text: &[u8]) -> usize {
    let mut at = 1;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

fn parse(bytes: &[u8], number: u64) -> Result<Object<'_>, Failure> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let place = error.valid_up_to() + 1;
        invalid_input(format!("byte {place} of line {number} is not UTF-8 text; save the file as UTF-8"))
    })?;
    serde_json::from_str(text).map_err(|error| {
        let hint = match bytes[0] {
            b'[' => "; a JSON document is not JSON Lines: write one object a line",
            b'{' => "",
            _ => "; each line must be a JSON object",
        };
        // It counts lines from this one.
        let what = error.to_string();
        let what = what.split(" at line ").next().unwrap_or_default();
        let column = error.column();
        invalid_input(format!("line {number} is not a JSON object: {what} at column {column}{hint}"))
    })
}

fn column(
    sink: &mut Sink,
    spec: &dyn Fn(&str) -> Option<Spec>,
    name: &str,
) -> Result<Option<usize>, Failure> {
    match sink.see(name) {
        Some(place) => Ok(Some(place)),
        None => spec(name).map(|spec| sink.add_column(spec, true)).transpose(),
    }
}

fn push(sink: &mut Sink, column: usize, value: &str, number: u64) -> Result<(), Failure> {
    match value.as_bytes().first() {
        Some(b'n') => {
            sink.nothing(column);
            Ok(())
        }
        Some(b'"') => {
            let text: Cow<'_, str> = serde_json::from_str::<Text<'_>>(value)
                .map_err(|error| invalid_input(format!("line {number}: {error}")))?
                .0;
            sink.text(column, &text)
        }
        Some(b'{' | b'[') => Err(invalid_input(format!(
            "line {number} has a nested value; flatten it, or leave the column out with `columns`"
        ))),
        _ => sink.field(column, value.as_bytes()),
    }
}

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The members of an object in their order, the values as they stand.
struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((Text(name), value)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
                    members.push((name, value));
                }
                Ok(Object(members))
            }
        }

        deserializer.deserialize_map(Members)
    }
}
