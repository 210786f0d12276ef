//! JSON without strings among the values.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Numbers;
use crate::Matrix;

/// Keys of the rows.
const LISTS: [&str; 2] = ["instances", "dataframe_records"];

impl Numbers {
    pub(super) fn json(&self, body: &[u8]) -> Option<Matrix> {
        let mut reader = Reader::new(&self.names)?;
        let mut document = serde_json::Deserializer::from_slice(body);
        Document(&mut reader).deserialize(&mut document).and_then(|()| document.end()).ok()?;
        Some(Matrix::from_rows(&self.names, reader.cells))
    }

    pub(super) fn json_lines(&self, body: &[u8]) -> Option<Matrix> {
        let mut reader = Reader::new(&self.names)?;
        for line in body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
            let mut document = serde_json::Deserializer::from_slice(line);
            Row(&mut reader).deserialize(&mut document).and_then(|()| document.end()).ok()?;
        }
        Some(Matrix::from_rows(&self.names, reader.cells))
    }
}

struct Reader<'a> {
    names: &'a [String],
    /// Row after row.
    cells: Vec<f64>,
    /// For rows by name: which columns the row has had.
    seen: Vec<bool>,
}

impl<'a> Reader<'a> {
    /// None if a column has the name of what could be a key around the rows.
    fn new(names: &'a [String]) -> Option<Self> {
        let shape =
            |name: &String| LISTS.contains(&&**name) || ["dataframe_split", "features"].contains(&&**name);
        if names.iter().any(shape) {
            return None;
        }
        Some(Self { names, cells: Vec::with_capacity(names.len()), seen: vec![false; names.len()] })
    }

    /// A row by name, of which one key is read.
    fn object<'de, A: MapAccess<'de>>(&mut self, first: Key, mut row: A) -> Result<(), A::Error> {
        let start = self.cells.len();
        self.cells.resize(start + self.names.len(), f64::NAN);
        self.seen.fill(false);
        let (mut key, mut expected, mut count) = (Some(first), 0, 0);
        while let Some(Key { place }) = key {
            match place {
                None => drop(row.next_value::<IgnoredAny>()?),
                Some(place) => {
                    if std::mem::replace(&mut self.seen[place], true) {
                        return Err(A::Error::custom("a column comes twice"));
                    }
                    self.cells[start + place] = row.next_value_seed(Cell)?;
                    count += 1;
                    expected = place + 1;
                }
            }
            key = row.next_key_seed(ColumnName { names: self.names, expected })?;
        }
        match count == self.names.len() {
            true => Ok(()),
            false => Err(A::Error::custom("a column is missing")),
        }
    }

    fn list<'de, A: SeqAccess<'de>>(&mut self, mut row: A) -> Result<(), A::Error> {
        let mut count = 0;
        while let Some(value) = row.next_element_seed(Cell)? {
            self.cells.push(value);
            count += 1;
        }
        match count == self.names.len() {
            true => Ok(()),
            false => Err(A::Error::invalid_length(count, &"a value for each column")),
        }
    }
}

/// A key of a row.
struct Key {
    /// Its column; none for keys that no column has.
    place: Option<usize>,
}

/// Reads a key. Rows most often have the columns in their order.
struct ColumnName<'a> {
    names: &'a [String],
    expected: usize,
}

impl<'de> DeserializeSeed<'de> for ColumnName<'_> {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for ColumnName<'_> {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a column's name")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Key, E> {
        if self.names.get(self.expected).is_some_and(|name| name == key) {
            return Ok(Key { place: Some(self.expected) });
        }
        Ok(Key { place: self.names.iter().position(|name| name == key) })
    }
}

/// The document: rows under a key, a list of rows, or one row by name.
struct Document<'r, 'a>(&'r mut Reader<'a>);

impl<'de> DeserializeSeed<'de> for Document<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// The first key of a document.
enum First {
    Rows,
    Column(Key),
}

struct FirstKey<'a>(&'a [String]);

impl<'de> DeserializeSeed<'de> for FirstKey<'_> {
    type Value = First;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<First, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for FirstKey<'_> {
    type Value = First;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<First, E> {
        if LISTS.contains(&key) {
            return Ok(First::Rows);
        }
        match (ColumnName { names: self.0, expected: 0 }).visit_str::<E>(key)? {
            // What it is, the general reader knows.
            Key { place: None } => Err(E::custom("an unknown key")),
            key => Ok(First::Column(key)),
        }
    }
}

impl<'de> Visitor<'de> for Document<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rows")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        match map.next_key_seed(FirstKey(self.0.names))? {
            Some(First::Column(key)) => self.0.object(key, map),
            Some(First::Rows) => {
                map.next_value_seed(List(self.0))?;
                match map.next_key::<IgnoredAny>()? {
                    None => Ok(()),
                    Some(_) => Err(A::Error::custom("a second key")),
                }
            }
            None => Err(A::Error::custom("no key")),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, rows: A) -> Result<(), A::Error> {
        List(self.0).visit_seq(rows)
    }
}

struct List<'r, 'a>(&'r mut Reader<'a>);

impl<'de> DeserializeSeed<'de> for List<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for List<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<(), A::Error> {
        while rows.next_element_seed(Row(self.0))?.is_some() {}
        Ok(())
    }
}

struct Row<'r, 'a>(&'r mut Reader<'a>);

impl<'de> DeserializeSeed<'de> for Row<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Row<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut row: A) -> Result<(), A::Error> {
        match row.next_key_seed(ColumnName { names: self.0.names, expected: 0 })? {
            Some(first) => self.0.object(first, row),
            None => Err(A::Error::custom("an empty row")),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, row: A) -> Result<(), A::Error> {
        self.0.list(row)
    }
}

/// A number, a truth value or null.
struct Cell;

impl<'de> DeserializeSeed<'de> for Cell {
    type Value = f64;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<f64, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Cell {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_f64<E>(self, value: f64) -> Result<f64, E> {
        Ok(value)
    }

    fn visit_i64<E>(self, value: i64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_u64<E>(self, value: u64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<f64, E> {
        Ok(f64::from(u8::from(truth)))
    }

    fn visit_unit<E>(self) -> Result<f64, E> {
        Ok(f64::NAN)
    }
}
