//! JSON Lines into the sink.

use std::{borrow::Cow, fmt, io::BufRead as _};

use millstream_sdk::{Context, Failure, invalid_input};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{
    params::Params,
    sink::Sink,
    source::{Source, skip_lines, unreadable},
};

/// Reads a part's objects into the sink, at most `limit` of them. A key that the sink does not know makes a column,
/// unless the user has listed the columns.
pub fn read(
    context: &Context,
    source: &Source,
    params: &Params,
    sink: &mut Sink,
    limit: u64,
) -> Result<(), Failure> {
    let mut text = source.text(context)?;
    skip_lines(&mut *text, params.skip_rows)?;
    let (mut line, mut number, mut row) = (Vec::new(), params.skip_rows, 0);
    let mut filled = Vec::new();
    while row < limit {
        line.clear();
        if text.read_until(b'\n', &mut line).map_err(unreadable)? == 0 {
            break;
        }
        number += 1;
        let bytes = line.trim_ascii();
        if bytes.is_empty() {
            continue;
        }
        row += 1;
        let place = |failure: Failure| failure.row(row);
        let object = parse(bytes, number).map_err(place)?;
        filled.clear();
        filled.resize(sink.width(), false);
        for (name, value) in &object.0 {
            let Some(column) = column(sink, params, name).map_err(place)? else { continue };
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
    Ok(())
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
        invalid_input(format!("line {number} is not a JSON object: {error}{hint}"))
    })
}

fn column(sink: &mut Sink, params: &Params, name: &str) -> Result<Option<usize>, Failure> {
    match sink.see(name) {
        Some(place) => Ok(Some(place)),
        None if params.columns.is_some() => Ok(None),
        None => sink.add_column(name.to_owned(), params.types.get(name).map(|kind| kind.kind())).map(Some),
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
