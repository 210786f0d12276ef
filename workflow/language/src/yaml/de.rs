//! Nodes to Rust types, by serde: errors keep their place, and unknown keys are all reported, not the first alone.

use std::{cell::RefCell, fmt, ops::Range};

use millstream_core::nearest;
use millstream_errors::Code;
use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, Visitor, value};
use serde_json::Value;

use super::{Key, Node, Tree};
use crate::diagnostic::Diagnostic;

/// Where diagnostics are collected.
pub type Sink = RefCell<Vec<Diagnostic>>;

/// What is wrong, and where.
#[derive(Debug)]
pub struct Error {
    message: String,
    help: Option<String>,
    span: Option<Range<usize>>,
}

impl Error {
    fn at(mut self, span: &Range<usize>) -> Self {
        self.span.get_or_insert_with(|| span.clone());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.message)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { message: message.to_string(), help: None, span: None }
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let help = nearest::or_all(variant, expected.iter().copied(), "allowed");
        Self { message: format!("`{variant}` is not known here"), help: Some(help), span: None }
    }

    fn missing_field(field: &'static str) -> Self {
        Self { message: format!("`{field}` is missing"), help: None, span: None }
    }

    fn invalid_type(unexpected: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self { message: format!("this is {unexpected}, but {expected} is wanted"), help: None, span: None }
    }
}

/// Reads a type from a node. What is wrong goes into `sink`; none if nothing could be made of the node.
pub fn from_node<T: DeserializeOwned>(node: &Node, sink: &Sink) -> Option<T> {
    T::deserialize(Reader { node, sink })
        .map_err(|error| {
            let span = error.span.unwrap_or_else(|| node.span.clone());
            sink.borrow_mut().push(Diagnostic {
                code: Code::WrongValue,
                span,
                message: error.message,
                help: error.help,
            });
        })
        .ok()
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    node: &'a Node,
    sink: &'a Sink,
}

impl<'de> de::Deserializer<'de> for Reader<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.value {
            Tree::Scalar(Value::Null) => visitor.visit_unit(),
            Tree::Scalar(Value::Bool(value)) => visitor.visit_bool(*value),
            Tree::Scalar(Value::Number(number)) => match (number.as_u64(), number.as_i64()) {
                (Some(value), _) => visitor.visit_u64(value),
                (None, Some(value)) => visitor.visit_i64(value),
                (None, None) => visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN)),
            },
            Tree::Scalar(value) => visitor.visit_str(value.as_str().unwrap_or_default()),
            Tree::List(items) => visitor.visit_seq(Items { items: items.iter(), sink: self.sink }),
            Tree::Map(entries) => visitor.visit_map(Entries {
                entries: entries.iter(),
                value: None,
                known: None,
                sink: self.sink,
            }),
        }
        .map_err(|error: Error| error.at(&self.node.span))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let Tree::Map(entries) = &self.node.value else {
            let error: Error = de::Error::custom("a map is wanted here");
            let keys = nearest::list(fields);
            return Err(Error { help: Some(format!("keys: {keys}")), ..error }.at(&self.node.span));
        };
        visitor
            .visit_map(Entries { entries: entries.iter(), value: None, known: Some(fields), sink: self.sink })
            .map_err(|error| error.at(&self.node.span))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.value {
            Tree::Scalar(Value::Null) => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self).map_err(|error| error.at(&self.node.span))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let word = match &self.node.value {
            Tree::Scalar(Value::String(text)) => text.clone(),
            Tree::Scalar(value) => value.to_string(),
            _ => return self.deserialize_any(visitor),
        };
        let word: value::StringDeserializer<Error> = word.into_deserializer();
        visitor.visit_enum(word).map_err(|error: Error| error.at(&self.node.span))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map identifier ignored_any
    }
}

struct Items<'a> {
    items: std::slice::Iter<'a, Node>,
    sink: &'a Sink,
}

impl<'de> de::SeqAccess<'de> for Items<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        self.items.next().map(|node| seed.deserialize(Reader { node, sink: self.sink })).transpose()
    }
}

struct Entries<'a> {
    entries: std::slice::Iter<'a, (Key, Node)>,
    value: Option<&'a Node>,
    known: Option<&'static [&'static str]>,
    sink: &'a Sink,
}

impl<'de> de::MapAccess<'de> for Entries<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        for (key, node) in self.entries.by_ref() {
            if let Some(known) = self.known.filter(|known| !known.contains(&key.name.as_str())) {
                self.sink.borrow_mut().push(Diagnostic {
                    code: Code::UnknownKey,
                    span: key.span.clone(),
                    message: format!("there is no key `{}` here", key.name),
                    help: Some(nearest::or_all(&key.name, known.iter().copied(), "keys")),
                });
                continue;
            }
            self.value = Some(node);
            let name: value::StrDeserializer<'_, Error> = key.name.as_str().into_deserializer();
            return seed.deserialize(name).map(Some).map_err(|error| error.at(&key.span));
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        match self.value.take() {
            Some(node) => {
                seed.deserialize(Reader { node, sink: self.sink }).map_err(|error| error.at(&node.span))
            }
            None => Err(de::Error::custom("a value is missing")),
        }
    }
}
