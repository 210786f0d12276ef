//! How many rows a body has, at most as exactly as the limit asks.

mod arrow;

use crate::{InvokeError, python};
use bytes::Bytes;

/// Refuses a body with more rows than `limit`. Rows of CSV and JSON Lines are counted by their lines (a line break inside
/// quotes counts too), those of JSON by their lists or objects, those of Arrow and of our matrix by what they say.
///
/// # Errors
/// [`InvokeError::TooLarge`].
pub fn check(content_type: &str, body: &Bytes, limit: u64) -> Result<(), InvokeError> {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let rows = if kind.starts_with("application/vnd.apache.arrow") {
        arrow::rows(body)
    } else if kind == "application/vnd.millstream.matrix" {
        // Columns, then rows. What is too short for them, the model refuses itself.
        body.get(4..8).and_then(|rows| rows.try_into().ok()).map_or(0, u32::from_le_bytes).into()
    } else if body.len() as u64 / 2 <= limit {
        // Each row has a character and a separator at least.
        return Ok(());
    } else if kind == "application/json" {
        json(body)
    } else {
        let lines = memchr::memchr_iter(b'\n', body).count() as u64 + u64::from(body.last() != Some(&b'\n'));
        // A header may come first.
        lines.saturating_sub(1)
    };
    if rows > limit {
        let message = format!(
            "the request has {rows} rows, and this endpoint takes {limit} at once; send them in several requests, or use batch prediction"
        );
        return Err(InvokeError::TooLarge(message));
    }
    Ok(())
}

/// Lists or objects in the longest list of the document, or rows that pandas has put under their names; 0 for what is no
/// JSON, which the model refuses itself.
fn json(body: &[u8]) -> u64 {
    let of = |body: &[u8]| serde_json::from_slice::<Seen>(body).map(|seen| seen.document());
    // Python's NaN and infinities are taken, whatever they stand for.
    of(body)
        .unwrap_or_else(|_| python::mended(body, "0", "0", "0").and_then(|body| of(&body).ok()).unwrap_or(0))
}

/// What was seen of a value.
#[derive(Default)]
struct Seen {
    /// Items of the longest list in it.
    longest: u64,
    /// Of an object: its members.
    members: Option<u64>,
    /// Of an object of objects, none of which goes by a name that has another meaning: the most members of one of them.
    nested: Option<u64>,
}

/// Names of objects that hold no rows by their names.
const OTHERS: [&str; 4] = ["dataframe_split", "inputs", "data", "features"];

impl Seen {
    fn document(&self) -> u64 {
        let by_name = self.nested.map_or(0, |nested| nested.max(self.members.unwrap_or(0)));
        self.longest.max(by_name)
    }
}

impl<'de> serde::Deserialize<'de> for Seen {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}

struct Visitor;

impl<'de> serde::de::Visitor<'de> for Visitor {
    type Value = Seen;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Seen, A::Error> {
        let mut longest = 0;
        while list.next_element::<serde::de::IgnoredAny>()?.is_some() {
            longest += 1;
        }
        Ok(Seen { longest, ..Seen::default() })
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Seen, A::Error> {
        let (mut longest, mut members, mut nested) = (0, 0, Some(0));
        while let Some(name) = map.next_key::<String>()? {
            members += 1;
            if name == "columns" || name == "features" {
                // Names of columns, or the values of one row: no rows.
                map.next_value::<serde::de::IgnoredAny>()?;
                nested = None;
                continue;
            }
            let value: Seen = map.next_value()?;
            longest = longest.max(value.longest);
            nested = match (nested, value.members) {
                (Some(nested), Some(inner)) if !OTHERS.contains(&name.as_str()) => Some(inner.max(nested)),
                _ => None,
            };
        }
        Ok(Seen { longest, members: Some(members), nested })
    }

    fn visit_bool<E>(self, _: bool) -> Result<Seen, E> {
        Ok(Seen::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Seen, E> {
        Ok(Seen::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Seen, E> {
        Ok(Seen::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Seen, E> {
        Ok(Seen::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<Seen, E> {
        Ok(Seen::default())
    }

    fn visit_unit<E>(self) -> Result<Seen, E> {
        Ok(Seen::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(content_type: &str, body: &str, limit: u64) -> bool {
        check(content_type, &Bytes::copy_from_slice(body.as_bytes()), limit).is_ok()
    }

    #[test]
    fn lines_and_lists_are_counted() {
        assert!(rows("text/csv", "aaaaaaaa\n1\n2\n3\n", 3));
        assert!(!rows("text/csv", "1\n2\n3\n4\n5", 3));
        assert!(rows("application/json", r#"{"instances": [[1], [2], [3], [4]]}"#, 4));
        assert!(!rows("application/json", r#"{"x": 1, "instances": [[1], [2], [3], [4], [5], [6]]}"#, 4));
        assert!(!rows("application/json", "[[1], [2], [3], [4], [5], [6]]", 4));
        assert!(rows("application/json", "[[1], [2", 1), "the model says what is wrong with it");
        assert!(!rows("application/json", "[[1], [2], [3], [4], [5]]", 4));
        let wide = r#"{"dataframe_split": {"columns": ["a", "b", "c"], "data": [[1, 2, 3]]}}"#;
        assert!(rows("application/json", wide, 1), "columns are no rows");
        for columns in [
            r#"{"x": {"0": 1, "1": 2, "2": 3}, "y": {"0": 1, "1": 2, "2": 3}}"#,
            r#"{"0": {"x": 1, "y": 2}, "1": {"x": 1, "y": 2}, "2": {"x": 1, "y": 2}}"#,
            r#"{"inputs": {"x": [1, 2, 3], "y": [1, 2, NaN]}}"#,
            r#"{"instances": [[NaN], [1], [Infinity]]}"#,
        ] {
            assert!(rows("application/json", columns, 3), "{columns}");
            assert!(!rows("application/json", columns, 2), "{columns}");
        }
        for one in [
            r#"{"features": [1, 2, 3, 4, 5, 6, 7, 8, 9]}"#,
            r#"{"data": {"features": {"values": [1]}}}"#,
            r#"{"dataframe_split": {"index": [0], "columns": ["a", "b"], "data": [[1, 2]]}}"#,
            r#"{"inputs": {"x": [1], "y": [2], "z": [3]}}"#,
        ] {
            assert!(rows("application/json", one, 1), "{one}");
        }
        let matrix = "\x02\0\0\0\x05\0\0\0...";
        assert!(rows("application/vnd.millstream.matrix", matrix, 5));
        assert!(!rows("application/vnd.millstream.matrix", matrix, 4));
        assert!(rows("application/vnd.millstream.matrix", "\x02\0", 4));
    }
}
