//! Numbers as little-endian byte strings, so that models are small and load fast in any serde format:
//! `#[serde(with = "crate::packed")]` on a `Vec` of numbers.

use bytemuck::NoUninit;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serializer};
use std::fmt;
use std::marker::PhantomData;

/// A number of fixed width.
pub trait Packed: NoUninit + for<'de> Deserialize<'de> {
    const WIDTH: usize;
    /// `bytes` is [`Packed::WIDTH`] long.
    fn read(bytes: &[u8]) -> Self;
    fn little_endian(self) -> Self;
}

macro_rules! packed {
    ($($number:ty);*) => {$(
        impl Packed for $number {
            const WIDTH: usize = size_of::<$number>();
            #[inline]
            fn read(bytes: &[u8]) -> Self {
                <$number>::from_le_bytes(bytes.try_into().expect("chunks of this width"))
            }
            #[inline]
            fn little_endian(self) -> Self {
                Self::from_ne_bytes(self.to_le_bytes())
            }
        }
    )*};
}
packed!(u8; u16; u32; f32; f64);

pub fn serialize<T: Packed, S: Serializer>(values: &[T], serializer: S) -> Result<S::Ok, S::Error> {
    if cfg!(target_endian = "little") {
        // As they lie: a copy would double the memory of the largest models.
        return serializer.serialize_bytes(bytemuck::cast_slice(values));
    }
    let turned: Vec<T> = values.iter().map(|value| value.little_endian()).collect();
    serializer.serialize_bytes(bytemuck::cast_slice(&turned))
}

pub fn deserialize<'de, T: Packed, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_byte_buf(BytesVisitor(PhantomData))
}

struct BytesVisitor<T>(PhantomData<T>);

impl<'de, T: Packed> Visitor<'de> for BytesVisitor<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bytes of numbers {} wide", T::WIDTH)
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<T>, E> {
        if !bytes.len().is_multiple_of(T::WIDTH) {
            return Err(E::invalid_length(bytes.len(), &self));
        }
        Ok(bytes.chunks_exact(T::WIDTH).map(T::read).collect())
    }

    /// Formats without byte strings, such as JSON, write the bytes as a list.
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = list.next_element::<u8>()? {
            bytes.push(byte);
        }
        self.visit_bytes(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Numbers {
        #[serde(with = "super")]
        f: Vec<f64>,
        #[serde(with = "super")]
        u: Vec<u16>,
    }

    #[test]
    fn survives_a_round_trip_and_refuses_a_torn_number() {
        let numbers = Numbers { f: vec![1.5, -0.0, f64::INFINITY], u: vec![0, 7, u16::MAX] };
        let json = serde_json::to_string(&numbers).unwrap();
        assert_eq!(serde_json::from_str::<Numbers>(&json).unwrap(), numbers);
        assert!(serde_json::from_str::<Numbers>(r#"{"f":[],"u":[1,2,3]}"#).is_err());
    }
}
