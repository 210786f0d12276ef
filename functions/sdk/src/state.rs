//! Model state: what a job writes and its predictor loads.
//!
//! ```text
//! magic       8 bytes   "MSTATE\r\n": a transfer that mangles line ends is found out
//! length      u32 LE    of the header
//! header      JSON      {"function", "format", "columns": [{"name", "type", "missing"?, "seen"?}]}
//! body        postcard  what the function keeps
//! checksum    u32 LE    CRC-32 of all bytes before
//! ```

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    Failure,
    failure::{internal, invalid_input},
    missing::Missing,
    table::{is_sparse, sparse_type, timestamp_type, utc_timestamp_type},
    unseen::Seen,
};

/// Media type of a model's state.
pub const MEDIA_TYPE: &str = "application/vnd.millstream.state";

const MAGIC: &[u8; 8] = b"MSTATE\r\n";

/// The state of a fitted stage, opened and found sound.
#[derive(Clone, Debug)]
pub struct State<'a> {
    format: u16,
    columns: SchemaRef,
    seen: Vec<Option<Seen>>,
    body: &'a [u8],
}

#[derive(Serialize, Deserialize)]
struct Header {
    function: String,
    format: u16,
    columns: Vec<Column>,
}

#[derive(Serialize, Deserialize)]
struct Column {
    name: String,
    #[serde(rename = "type")]
    kind: Kind,
    /// The texts that were missing in the rows that it was learnt from, if not the usual ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    missing: Option<Vec<String>>,
    /// What training saw of it; states of earlier versions don't say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seen: Option<Seen>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Int64,
    Float64,
    Boolean,
    Utf8,
    Date32,
    Timestamp,
    TimestampUtc,
    Sparse,
}

/// The bytes of a state: `columns` are what the predictor takes in, and may carry what training saw of them (see
/// [`unseen::seen_in`](crate::unseen::seen_in)); `body` is what it keeps.
/// The same arguments give the same bytes, provided that `body` holds no hash map.
pub fn seal<T: Serialize>(
    function: &str,
    format: u16,
    columns: &Schema,
    body: &T,
) -> Result<Vec<u8>, Failure> {
    let columns = columns.fields().iter().map(|field| {
        let kind = Kind::of(field.data_type())
            .ok_or_else(|| internal(format!("a state cannot hold a column of type {}", field.data_type())))?;
        let missing = Missing::of(field).map(|missing| missing.texts().to_vec());
        Ok(Column { name: field.name().clone(), kind, missing, seen: Seen::of_field(field) })
    });
    let columns = columns.collect::<Result<_, Failure>>()?;
    let header = Header { function: function.to_owned(), format, columns };
    let header = serde_json::to_vec(&header).map_err(|error| internal(error.to_string()))?;
    let mut bytes = MAGIC.to_vec();
    bytes.extend((header.len() as u32).to_le_bytes());
    bytes.extend(header);
    let mut bytes = postcard::to_extend(body, bytes).map_err(|error| internal(error.to_string()))?;
    let checksum = crc32fast::hash(&bytes);
    bytes.extend(checksum.to_le_bytes());
    Ok(bytes)
}

impl<'a> State<'a> {
    /// Opens the state that `function` wrote in `format` or an earlier one. Anything else is refused: bytes that are no
    /// state, damaged ones, another function's, a newer version's.
    pub fn open(bytes: &'a [u8], function: &str, format: u16) -> Result<Self, Failure> {
        let rest = bytes
            .strip_prefix(MAGIC)
            .ok_or_else(|| invalid_input("these bytes are not the state of a Millstream model"))?;
        let damaged = || invalid_input("the model's state is damaged: train it again or restore the file");
        let (_, checksum) = bytes.split_last_chunk::<4>().ok_or_else(damaged)?;
        if crc32fast::hash(&bytes[..bytes.len() - 4]) != u32::from_le_bytes(*checksum) {
            return Err(damaged());
        }
        let rest = rest.get(..rest.len().saturating_sub(4)).ok_or_else(damaged)?;
        let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(damaged)?;
        let (header, body) =
            rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(damaged)?;
        let header: Header = serde_json::from_slice(header).map_err(|_| damaged())?;
        if header.function != function {
            let theirs = &header.function;
            return Err(invalid_input(format!("this state was written by `{theirs}`, not by `{function}`")));
        }
        if header.format > format {
            return Err(invalid_input(format!(
                "this state is of format {}, but this version of `{function}` reads formats up to {format}; use the \
                 version that wrote it or a later one",
                header.format
            )));
        }
        let mut seen = Vec::with_capacity(header.columns.len());
        let mut fields = Vec::with_capacity(header.columns.len());
        for column in header.columns {
            seen.push(column.seen);
            let field = Field::new(column.name, column.kind.data_type(), true);
            fields.push(column.missing.map_or(field.clone(), |missing| Missing::new(&missing).mark(field)));
        }
        Ok(Self { format: header.format, columns: Arc::new(Schema::new(fields)), seen, body })
    }

    /// The format that it was written in.
    pub fn format(&self) -> u16 {
        self.format
    }

    /// The columns that the predictor takes in. Their metadata may say which texts are missing: see [`crate::missing`].
    pub fn columns(&self) -> SchemaRef {
        self.columns.clone()
    }

    /// What training saw of each of them, as far as the state says.
    pub(crate) fn seen(&self) -> &[Option<Seen>] {
        &self.seen
    }

    /// What the function keeps.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        let damaged = || {
            invalid_input(format!(
                "the model's state is not what format {} holds: train it again",
                self.format
            ))
        };
        match postcard::take_from_bytes(self.body) {
            Ok((body, [])) => Ok(body),
            _ => Err(damaged()),
        }
    }
}

impl Kind {
    fn of(kind: &DataType) -> Option<Self> {
        Some(match kind {
            DataType::Int64 => Self::Int64,
            DataType::Float64 => Self::Float64,
            DataType::Boolean => Self::Boolean,
            DataType::Utf8 => Self::Utf8,
            DataType::Date32 => Self::Date32,
            other if *other == timestamp_type() => Self::Timestamp,
            other if *other == utc_timestamp_type() => Self::TimestampUtc,
            other if is_sparse(other) => Self::Sparse,
            _ => return None,
        })
    }

    fn data_type(self) -> DataType {
        match self {
            Self::Int64 => DataType::Int64,
            Self::Float64 => DataType::Float64,
            Self::Boolean => DataType::Boolean,
            Self::Utf8 => DataType::Utf8,
            Self::Date32 => DataType::Date32,
            Self::Timestamp => timestamp_type(),
            Self::TimestampUtc => utc_timestamp_type(),
            Self::Sparse => sparse_type(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::schema_of;

    fn sealed() -> Vec<u8> {
        let columns = schema_of([("age", DataType::Float64), ("plan", DataType::Utf8)]);
        seal("linear-regression", 2, &columns, &(vec![0.5, -1.0], 3.0)).unwrap()
    }

    #[test]
    fn what_was_sealed_opens() {
        let bytes = sealed();
        let state = State::open(&bytes, "linear-regression", 2).unwrap();
        assert_eq!(state.columns().field(1).name(), "plan");
        assert_eq!(state.decode::<(Vec<f64>, f64)>().unwrap(), (vec![0.5, -1.0], 3.0));
        assert!(State::open(&bytes, "linear-regression", 3).is_ok_and(|state| state.format() == 2));
        assert_eq!(bytes, sealed());
    }

    #[test]
    fn texts_that_were_missing_are_kept() {
        let columns = schema_of([("age", DataType::Float64), ("plan", DataType::Utf8)]);
        let plan = Missing::new(&["?"]).mark(columns.field(1).clone());
        let columns = Schema::new(vec![columns.field(0).clone(), plan]);
        let bytes = seal("ridge", 1, &columns, &()).unwrap();
        let state = State::open(&bytes, "ridge", 1).unwrap();
        assert_eq!(*state.columns(), columns);
        assert!(Missing::of(state.columns().field(1)).unwrap().has(b"?"));
    }

    #[test]
    fn every_damage_is_found() {
        let bytes = sealed();
        for length in 0..bytes.len() {
            assert!(State::open(&bytes[..length], "linear-regression", 2).is_err(), "cut to {length}");
        }
        for place in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[place] ^= 0x20;
            assert!(State::open(&bytes, "linear-regression", 2).is_err(), "flipped at {place}");
        }
    }

    #[test]
    fn another_functions_and_newer_states_are_refused() {
        let bytes = sealed();
        let other = State::open(&bytes, "k-means", 2).unwrap_err().to_string();
        assert!(other.contains("written by `linear-regression`"), "{other}");
        let newer = State::open(&bytes, "linear-regression", 1).unwrap_err().to_string();
        assert!(newer.contains("format 2") && newer.contains("up to 1"), "{newer}");
        let state = State::open(&bytes, "linear-regression", 2).unwrap();
        assert!(state.decode::<String>().is_err());
        assert!(state.decode::<Vec<f64>>().is_err(), "bytes must not be left over");
    }
}
