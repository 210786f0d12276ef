//! Universal Binary JSON (draft 12) as XGBoost writes and reads it.

use crate::Error;
use serde_json::{Map, Number, Value};

/// Lists within lists.
const DEEPEST: u32 = 64;

fn damaged(what: &str) -> Error {
    Error::data(format!("no UBJSON: {what}"))
}

/// Reads a document.
pub(super) fn read(bytes: &[u8]) -> Result<Value, Error> {
    let mut reader = Reader { bytes };
    let kind = reader.kind()?;
    let value = reader.value(kind, 0)?;
    match reader.bytes {
        [] => Ok(value),
        _ => Err(damaged("something follows the end")),
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let (own, rest) = self.bytes.split_at_checked(count).ok_or_else(|| damaged("it ends too early"))?;
        self.bytes = rest;
        Ok(own)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let own = self.take(N)?;
        own.try_into().map_err(|_| damaged("it ends too early"))
    }

    /// The next marker.
    fn kind(&mut self) -> Result<u8, Error> {
        loop {
            match self.array::<1>()? {
                [b'N'] => {}
                [kind] => return Ok(kind),
            }
        }
    }

    /// Whether a marker comes next; takes it.
    fn skip(&mut self, marker: u8) -> bool {
        match self.bytes.split_first() {
            Some((&first, rest)) if first == marker => {
                self.bytes = rest;
                true
            }
            _ => false,
        }
    }

    fn integer(&mut self, kind: u8) -> Result<i64, Error> {
        Ok(match kind {
            b'i' => i64::from(i8::from_be_bytes(self.array()?)),
            b'U' => i64::from(u8::from_be_bytes(self.array()?)),
            b'I' => i64::from(i16::from_be_bytes(self.array()?)),
            b'l' => i64::from(i32::from_be_bytes(self.array()?)),
            b'L' => i64::from_be_bytes(self.array()?),
            _ => return Err(damaged("a number is expected")),
        })
    }

    fn length(&mut self) -> Result<usize, Error> {
        let kind = self.kind()?;
        usize::try_from(self.integer(kind)?).map_err(|_| damaged("a length is negative"))
    }

    fn string(&mut self) -> Result<String, Error> {
        let length = self.length()?;
        let text = std::str::from_utf8(self.take(length)?).map_err(|_| damaged("a text is not UTF-8"))?;
        Ok(text.to_owned())
    }

    fn value(&mut self, kind: u8, depth: u32) -> Result<Value, Error> {
        let real = |value: f64| {
            Number::from_f64(value).map(Value::Number).ok_or_else(|| damaged("a number is not finite"))
        };
        match kind {
            b'Z' => Ok(Value::Null),
            b'T' => Ok(Value::Bool(true)),
            b'F' => Ok(Value::Bool(false)),
            b'd' => real(f64::from(f32::from_be_bytes(self.array()?))),
            b'D' => real(f64::from_be_bytes(self.array()?)),
            b'C' => Ok(Value::String(char::from(self.array::<1>()?[0]).to_string())),
            b'S' => self.string().map(Value::String),
            b'[' | b'{' if depth >= DEEPEST => Err(damaged("lists lie too deep")),
            b'[' => self.list(depth + 1),
            b'{' => self.object(depth + 1),
            _ => self.integer(kind).map(|value| Value::Number(value.into())),
        }
    }

    /// What says how a container goes on: the kind of all items, and their number.
    fn head(&mut self) -> Result<(Option<u8>, Option<usize>), Error> {
        let kind = if self.skip(b'$') { Some(self.kind()?) } else { None };
        let count = if self.skip(b'#') { Some(self.length()?) } else { None };
        match (kind, count) {
            (Some(_), None) => Err(damaged("a list of one kind has no length")),
            // Each takes a byte at least, so that a length cannot be made up.
            (Some(b'Z' | b'T' | b'F'), _) => Err(damaged("a list holds nothing")),
            _ => Ok((kind, count)),
        }
    }

    fn list(&mut self, depth: u32) -> Result<Value, Error> {
        let (kind, count) = self.head()?;
        let mut items = Vec::new();
        while count.is_none_or(|count| items.len() < count) {
            if count.is_none() && self.skip(b']') {
                break;
            }
            let kind = kind.map_or_else(|| self.kind(), Ok)?;
            items.push(self.value(kind, depth)?);
        }
        Ok(Value::Array(items))
    }

    fn object(&mut self, depth: u32) -> Result<Value, Error> {
        let (kind, count) = self.head()?;
        let mut members = Map::new();
        let mut read = 0;
        while count.is_none_or(|count| read < count) {
            if count.is_none() && self.skip(b'}') {
                break;
            }
            let key = self.string()?;
            let kind = kind.map_or_else(|| self.kind(), Ok)?;
            members.insert(key, self.value(kind, depth)?);
            read += 1;
        }
        Ok(Value::Object(members))
    }
}

/// Writes a document. Lists that XGBoost reads as numbers of one kind are written so.
pub(super) fn write(document: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_value(document, "", &mut bytes);
    bytes
}

fn write_value(value: &Value, key: &str, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(b'Z'),
        Value::Bool(value) => out.push(if *value { b'T' } else { b'F' }),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => {
                out.push(b'L');
                out.extend(integer.to_be_bytes());
            }
            None => {
                out.push(b'd');
                out.extend((number.as_f64().unwrap_or_default() as f32).to_be_bytes());
            }
        },
        Value::String(text) => {
            out.push(b'S');
            write_text(text, out);
        }
        Value::Array(items) => write_list(items, key, out),
        Value::Object(members) => {
            out.push(b'{');
            // Values that have offsets are the bytes of texts.
            let texts = members.contains_key("offsets");
            for (key, value) in members {
                write_text(key, out);
                write_value(value, if texts && key == "values" { "bytes" } else { key }, out);
            }
            out.push(b'}');
        }
    }
}

fn write_length(length: usize, out: &mut Vec<u8>) {
    out.push(b'L');
    out.extend((length as i64).to_be_bytes());
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    write_length(text.len(), out);
    out.extend(text.as_bytes());
}

fn write_list(items: &[Value], key: &str, out: &mut Vec<u8>) {
    let kind = match key {
        "base_weights" | "loss_changes" | "split_conditions" | "sum_hessian" => Some(b'd'),
        "categories" | "categories_nodes" | "left_children" | "right_children" | "parents"
        | "split_indices" | "feature_segments" | "sorted_idx" | "offsets" => Some(b'l'),
        "categories_segments" | "categories_sizes" | "values" => Some(b'L'),
        "default_left" | "split_type" => Some(b'U'),
        "bytes" => Some(b'i'),
        _ => None,
    };
    out.push(b'[');
    if let Some(kind) = kind {
        out.extend([b'$', kind]);
    }
    out.push(b'#');
    write_length(items.len(), out);
    for item in items {
        let integer = item.as_i64().unwrap_or_default();
        match kind {
            None => write_value(item, "", out),
            Some(b'd') => out.extend((item.as_f64().unwrap_or_default() as f32).to_be_bytes()),
            Some(b'l') => out.extend((integer as i32).to_be_bytes()),
            Some(b'L') => out.extend(integer.to_be_bytes()),
            Some(_) => out.push(integer as u8),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_written_reads_back() {
        let document = serde_json::json!({
            "a": {"left_children": [1, -1], "base_weights": [0.5, -2.0], "default_left": [0, 1]},
            "b": ["x", null, true, 7, [], {}],
        });
        assert_eq!(read(&write(&document)).unwrap(), document);
        assert!(read(b"[$Z#L\x7f\xff\xff\xff\xff\xff\xff\xff").is_err());
        assert!(read(&[b'['; 100_000]).is_err());
        assert!(read(b"d\x7f\xc0\x00\x00").is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(
            prop_oneof![prop::sample::select(b"[]{}$#iUIlLdDSCTFZN".to_vec()), any::<u8>()], 0..60,
        )) {
            let _ = read(&bytes);
        }
    }
}
