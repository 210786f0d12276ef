//! JSON taken apart by one level, with values as they stand.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{Failure, failure::invalid_input};

/// The members of an object in their order.
pub type Members<'a> = Vec<(Cow<'a, str>, &'a RawValue)>;

/// The first byte of a value, which tells what it is.
pub fn kind(value: &RawValue) -> u8 {
    value.get().as_bytes().first().copied().unwrap_or_default()
}

/// Neither list nor object.
pub fn is_scalar(value: &RawValue) -> bool {
    !matches!(kind(value), b'[' | b'{')
}

/// The members of an object that was found sound.
pub fn members(object: &RawValue) -> Result<Members<'_>, Failure> {
    struct Object<'a>(Members<'a>);

    impl<'de> Deserialize<'de> for Object<'de> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_map(All)
        }
    }

    struct All;

    impl<'de> Visitor<'de> for All {
        type Value = Object<'de>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some((Key(name), value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
                members.push((name, value));
            }
            Ok(Object(members))
        }
    }

    #[derive(Deserialize)]
    struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

    serde_json::from_str::<Object<'_>>(object.get()).map(|object| object.0).map_err(unsound)
}

/// The items of a list that was found sound.
pub fn items(list: &RawValue) -> Result<Vec<&RawValue>, Failure> {
    serde_json::from_str(list.get()).map_err(unsound)
}

/// What only shows when a string is read, such as half a surrogate pair.
pub fn unsound(error: serde_json::Error) -> Failure {
    let message = error.to_string();
    invalid_input(format!("the JSON is not valid: {}", message.split(" at line ").next().unwrap_or_default()))
}
