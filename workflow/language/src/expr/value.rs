//! What expressions come to.

use std::{cmp::Ordering, fmt};

use millstream_core::{artifact::Parts, key::canonical, number};
use serde_json::{Map, Value as Json};

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing: also what a step that was skipped or failed puts out.
    Null,
    /// A boolean.
    Bool(bool),
    /// A whole number, within [`number::LEAST`] and [`number::GREATEST`].
    Integer(i128),
    /// Any other number; may be NaN or infinite.
    Number(f64),
    /// Text.
    String(String),
    /// A list.
    List(Vec<Value>),
    /// An object.
    Object(Map<String, Json>),
    /// Values of groups, each with the value of the key that its members share.
    Groups(Vec<(Json, Value)>),
    /// Parts that go into a channel.
    Channel(Vec<Parts>),
    /// What the tasks of a fanned-out step put out: an entry for each task, empty for one that was skipped.
    Gathered(Vec<Parts>),
}

impl Value {
    /// Its kind, for people.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) | Self::Number(_) => "a number",
            Self::String(_) => "text",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
            Self::Groups(_) => "groups",
            Self::Channel(_) | Self::Gathered(_) => "a channel",
        }
    }

    /// As a number.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Integer(value) => Some(*value as f64),
            Self::Number(value) => Some(*value),
            _ => None,
        }
    }

    /// How it compares with another number, exactly; none if one is NaN or no number.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => Some(a.cmp(b)),
            (Self::Integer(a), Self::Number(b)) => number::compare(*a, *b),
            (Self::Number(a), Self::Integer(b)) => number::compare(*b, *a).map(Ordering::reverse),
            (Self::Number(a), Self::Number(b)) => a.partial_cmp(b),
            _ => None,
        }
    }

    /// As JSON; an error for channels and for numbers that are not finite.
    pub fn to_json(&self) -> Result<Json, String> {
        Ok(match self {
            Self::Null => Json::Null,
            Self::Bool(value) => (*value).into(),
            Self::Integer(value) => number::json(*value)
                .map(Json::Number)
                .ok_or_else(|| format!("the value is {value}, but {}", number::range()))?,
            Self::Number(value) => serde_json::Number::from_f64(*value)
                .map(Json::Number)
                .ok_or_else(|| format!("the value is {value}, which is no finite number"))?,
            Self::String(text) => text.as_str().into(),
            Self::List(items) => items.iter().map(Self::to_json).collect::<Result<_, _>>()?,
            Self::Object(map) => Json::Object(map.clone()),
            // The keys of an object are texts.
            Self::Groups(groups) => {
                let text = |key: &Json| key.as_str().map_or_else(|| canonical(key), str::to_owned);
                let entry = |(key, value): &(Json, Self)| Ok((text(key), value.to_json()?));
                Json::Object(groups.iter().map(entry).collect::<Result<_, String>>()?)
            }
            Self::Channel(_) | Self::Gathered(_) => {
                return Err("the parts of a channel belong under `inputs`".to_owned());
            }
        })
    }
}

impl From<Json> for Value {
    fn from(json: Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(value),
            Json::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(value), _) => Self::Integer(value.into()),
                (None, Some(value)) => Self::Integer(value.into()),
                (None, None) => Self::Number(number.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(text) => Self::String(text),
            Json::Array(items) => Self::List(items.into_iter().map(Self::from).collect()),
            Json::Object(map) => Self::Object(map),
        }
    }
}

/// As it stands within text: a whole number has no point, however it came about.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String(text) => write!(f, "{text}"),
            Self::Number(value) => match (number::whole_of(*value), serde_json::Number::from_f64(*value)) {
                (Some(whole), _) => write!(f, "{whole}"),
                (None, Some(number)) => write!(f, "{number}"),
                (None, None) => write!(f, "{value}"),
            },
            Self::Channel(parts) | Self::Gathered(parts) => {
                write!(f, "{} parts", parts.iter().map(|parts| parts.parts.len()).sum::<usize>())
            }
            other => match other.to_json() {
                Ok(json) => write!(f, "{json}"),
                Err(message) => write!(f, "{message}"),
            },
        }
    }
}
