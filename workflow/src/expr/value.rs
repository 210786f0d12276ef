//! What expressions come to.

use std::fmt;

use serde_json::{Map, Value as Json};

use crate::artifact::Parts;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing: also what a step that was skipped or failed puts out.
    Null,
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number; may be NaN or infinite.
    Number(f64),
    /// Text.
    String(String),
    /// A list.
    List(Vec<Value>),
    /// An object.
    Object(Map<String, Json>),
    /// Parts that go into a channel: one entry for each task that put some out.
    Channel(Vec<Parts>),
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
            Self::Channel(_) => "a channel",
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

    /// As JSON; an error for channels and for numbers that are not finite.
    pub fn to_json(&self) -> Result<Json, String> {
        Ok(match self {
            Self::Null => Json::Null,
            Self::Bool(value) => (*value).into(),
            Self::Integer(value) => (*value).into(),
            Self::Number(value) => serde_json::Number::from_f64(*value)
                .map(Json::Number)
                .ok_or_else(|| format!("the value is {value}, which is no finite number"))?,
            Self::String(text) => text.as_str().into(),
            Self::List(items) => items.iter().map(Self::to_json).collect::<Result<_, _>>()?,
            Self::Object(map) => Json::Object(map.clone()),
            Self::Channel(_) => return Err("the parts of a channel belong under `inputs`".to_owned()),
        })
    }
}

impl From<Json> for Value {
    fn from(json: Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(value),
            Json::Number(number) => match number.as_i64() {
                Some(value) => Self::Integer(value),
                None => Self::Number(number.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(text) => Self::String(text),
            Json::Array(items) => Self::List(items.into_iter().map(Self::from).collect()),
            Json::Object(map) => Self::Object(map),
        }
    }
}

/// As it stands within text.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String(text) => write!(f, "{text}"),
            Self::Number(value) => match serde_json::Number::from_f64(*value) {
                Some(number) => write!(f, "{number}"),
                None => write!(f, "{value}"),
            },
            Self::Channel(parts) => {
                write!(f, "{} parts", parts.iter().map(|parts| parts.parts.len()).sum::<usize>())
            }
            other => match other.to_json() {
                Ok(json) => write!(f, "{json}"),
                Err(message) => write!(f, "{message}"),
            },
        }
    }
}
