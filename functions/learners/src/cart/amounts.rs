//! Amounts that are words, counts or shares.

use crate::param_guard::{ABOVE_ZERO, within};
use crate::{Error, ParamError};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::ops::Bound;

/// How many features a split chooses from: `"sqrt"`, `"log2"`, `"all"`, a whole number of features, or a share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MaxFeatures {
    Sqrt,
    Log2,
    All,
    Count(u32),
    Share(f64),
}

impl MaxFeatures {
    /// The number for `width` features: 1 to `width`.
    pub fn of(self, width: usize) -> usize {
        let n = width as f64;
        let count = match self {
            Self::Sqrt => n.sqrt() as usize,
            Self::Log2 => libm::log2(n) as usize,
            Self::All => width,
            Self::Count(count) => count as usize,
            Self::Share(share) => (share * n) as usize,
        };
        count.clamp(1, width.max(1))
    }

    /// The schema of one that may be left out.
    pub fn optional_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "enum": ["sqrt", "log2", "all"] },
                { "type": "integer", "minimum": 1 },
                { "type": "number", "exclusiveMinimum": 0, "maximum": 1 },
                { "type": "null" },
            ]
        })
    }

    pub(crate) fn verify(self) -> Result<(), ParamError> {
        match self {
            Self::Count(count) => within("max_features", count, 1..),
            Self::Share(share) => within("max_features", share, (ABOVE_ZERO, Bound::Included(1.0))),
            _ => Ok(()),
        }
    }
}

/// How many rows a tree's sample has: a whole number of rows, or a share of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MaxSamples {
    Count(u32),
    Share(f64),
}

impl MaxSamples {
    /// The number for `rows` rows: 1 to `rows`.
    ///
    /// # Errors
    /// For more than there are.
    pub fn of(self, rows: usize) -> Result<usize, Error> {
        match self {
            Self::Count(count) if count as usize > rows => {
                let allowed = format!("at most the number of rows, {rows}, or a share of them");
                Err(ParamError::new("max_samples", format!("{count} is out of range"), allowed).into())
            }
            Self::Count(count) => Ok(count as usize),
            Self::Share(share) => Ok(((share * rows as f64).round() as usize).clamp(1, rows.max(1))),
        }
    }

    /// The schema of one that may be left out.
    pub fn optional_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "integer", "minimum": 1 },
                { "type": "number", "exclusiveMinimum": 0, "maximum": 1 },
                { "type": "null" },
            ]
        })
    }

    pub(crate) fn verify(self) -> Result<(), ParamError> {
        match self {
            Self::Count(count) => within("max_samples", count, 1..),
            Self::Share(share) => within("max_samples", share, (ABOVE_ZERO, Bound::Included(1.0))),
        }
    }
}

impl Serialize for MaxFeatures {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Sqrt => serializer.serialize_str("sqrt"),
            Self::Log2 => serializer.serialize_str("log2"),
            Self::All => serializer.serialize_str("all"),
            Self::Count(count) => serializer.serialize_u32(*count),
            Self::Share(share) => serializer.serialize_f64(*share),
        }
    }
}

impl Serialize for MaxSamples {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Count(count) => serializer.serialize_u32(*count),
            Self::Share(share) => serializer.serialize_f64(*share),
        }
    }
}

impl<'de> Deserialize<'de> for MaxFeatures {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = r#""sqrt", "log2", "all", a number of features, or a share of them between 0 and 1"#;
        let amount = deserializer.deserialize_any(Visitor { expected, words: &["sqrt", "log2", "all"] })?;
        Ok(match amount {
            Amount::Word(0) => Self::Sqrt,
            Amount::Word(1) => Self::Log2,
            Amount::Word(_) => Self::All,
            Amount::Count(count) => Self::Count(count),
            Amount::Share(share) => Self::Share(share),
        })
    }
}

impl<'de> Deserialize<'de> for MaxSamples {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "a number of rows, or a share of them between 0 and 1";
        match deserializer.deserialize_any(Visitor { expected, words: &[] })? {
            Amount::Count(count) => Ok(Self::Count(count)),
            Amount::Share(share) => Ok(Self::Share(share)),
            Amount::Word(_) => Err(de::Error::custom(expected)),
        }
    }
}

enum Amount {
    /// The word at this place.
    Word(usize),
    Count(u32),
    Share(f64),
}

struct Visitor {
    expected: &'static str,
    words: &'static [&'static str],
}

impl de::Visitor<'_> for Visitor {
    type Value = Amount;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Amount, E> {
        let place = self.words.iter().position(|word| *word == name);
        place.map(Amount::Word).ok_or_else(|| E::invalid_value(de::Unexpected::Str(name), &self))
    }

    fn visit_u64<E: de::Error>(self, count: u64) -> Result<Amount, E> {
        u32::try_from(count).map(Amount::Count).map_err(|_| E::custom(format!("{count} is too large")))
    }

    fn visit_f64<E: de::Error>(self, share: f64) -> Result<Amount, E> {
        Ok(Amount::Share(share))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers() {
        let read = |json: &str| serde_json::from_str::<MaxFeatures>(json);
        assert_eq!(read(r#""sqrt""#).unwrap().of(30), 5);
        assert_eq!(read(r#""log2""#).unwrap().of(1), 1);
        assert_eq!(read("7").unwrap().of(3), 3);
        assert_eq!(read("0.5").unwrap().of(30), 15);
        assert!(read(r#""half""#).is_err() && read("-1").is_err() && read("5000000000").is_err());
        assert_eq!(MaxFeatures::Share(1.5).verify().unwrap_err().name, "max_features");
        let read = |json: &str| serde_json::from_str::<MaxSamples>(json);
        assert_eq!(read("7").unwrap().of(10).unwrap(), 7);
        assert_eq!(read("1.0").unwrap().of(10).unwrap(), 10);
        assert_eq!(read("0.01").unwrap().of(10).unwrap(), 1);
        assert!(read("7").unwrap().of(6).is_err() && read(r#""sqrt""#).is_err());
        assert!(MaxSamples::Count(0).verify().is_err() && MaxSamples::Share(f64::NAN).verify().is_err());
    }
}
