//! What a field may be, from its bytes.

use millstream_sdk::{
    arrow_schema::DataType,
    table::{parse_date, parse_timestamp, timestamp_type, utc_timestamp_type},
};

/// What all values of a column are, so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// All are missing.
    Unknown,
    /// `true`, `false`.
    Bool,
    /// 64-bit signed integers.
    Int,
    /// Numbers.
    Float,
    /// Days.
    Date,
    /// Times without a zone.
    Time,
    /// Times with a zone.
    TimeUtc,
    /// Anything.
    Text,
}

impl Kind {
    /// The narrowest kind that takes values of both.
    pub fn join(self, other: Self) -> Self {
        match (self, other) {
            (a, b) if a == b => a,
            (Self::Unknown, kind) | (kind, Self::Unknown) => kind,
            (Self::Int | Self::Float, Self::Int | Self::Float) => Self::Float,
            (Self::Date | Self::Time, Self::Date | Self::Time) => Self::Time,
            _ => Self::Text,
        }
    }

    /// Whether a column of this kind can become one of the other without going back to the text of its values.
    pub fn widens_to(self, other: Self) -> bool {
        matches!((self, other), (Self::Unknown, _) | (Self::Int, Self::Float) | (Self::Date, Self::Time))
    }

    /// The type of the column in the table. A column without any value holds numbers, as in pandas.
    pub fn data_type(self) -> DataType {
        match self {
            Self::Unknown | Self::Float => DataType::Float64,
            Self::Bool => DataType::Boolean,
            Self::Int => DataType::Int64,
            Self::Date => DataType::Date32,
            Self::Time => timestamp_type(),
            Self::TimeUtc => utc_timestamp_type(),
            Self::Text => DataType::Utf8,
        }
    }

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown | Self::Float => "a number",
            Self::Bool => "true or false",
            Self::Int => "a 64-bit integer",
            Self::Date => "a date such as 2024-01-31",
            Self::Time => "a time without a zone, such as 2024-01-31T09:30:00",
            Self::TimeUtc => "a time with a zone, such as 2024-01-31T09:30:00Z",
            Self::Text => "text",
        }
    }

    /// The narrowest kind of a field that is not missing; blanks around it do not count.
    pub fn of(field: &[u8]) -> Self {
        let field = field.trim_ascii();
        match field.first() {
            None => Self::Text,
            Some(b'0'..=b'9' | b'+' | b'-' | b'.') => {
                if parse_int(field).is_some() {
                    Self::Int
                } else if parse_float(field).is_some() {
                    Self::Float
                } else {
                    Self::of_time(field)
                }
            }
            Some(_) if parse_bool(field).is_some() => Self::Bool,
            Some(_) if parse_float(field).is_some() => Self::Float,
            Some(_) => Self::Text,
        }
    }

    /// The kind of a text that is not to be read as a number.
    pub fn of_time(field: &[u8]) -> Self {
        if !field.first().is_some_and(u8::is_ascii_digit) {
            Self::Text
        } else if parse_date(field).is_some() {
            Self::Date
        } else {
            match parse_timestamp(field) {
                Some((_, false)) => Self::Time,
                Some((_, true)) => Self::TimeUtc,
                None => Self::Text,
            }
        }
    }
}

/// An integer that fits into 64 bits.
#[inline]
pub fn parse_int(field: &[u8]) -> Option<i64> {
    let (negative, digits) = match field {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    if digits.is_empty() || digits.len() > 19 {
        return None;
    }
    // 19 digits fit into 64 unsigned bits.
    let mut magnitude = 0u64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        magnitude = magnitude * 10 + u64::from(digit);
    }
    if negative { 0i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

/// A number, `inf`, `infinity` or `nan` in any case; every NaN is the same.
#[inline]
pub fn parse_float(field: &[u8]) -> Option<f64> {
    let number: f64 = fast_float2::parse(field).ok()?;
    Some(if number.is_nan() { f64::NAN } else { number })
}

/// `true` or `false` as pandas reads them.
#[inline]
pub fn parse_bool(field: &[u8]) -> Option<bool> {
    match field {
        b"true" | b"True" | b"TRUE" => Some(true),
        b"false" | b"False" | b"FALSE" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Kind; 8] = [
        Kind::Unknown,
        Kind::Bool,
        Kind::Int,
        Kind::Float,
        Kind::Date,
        Kind::Time,
        Kind::TimeUtc,
        Kind::Text,
    ];

    #[test]
    fn fields_are_what_they_look_like() {
        for (field, kind) in [
            ("7", Kind::Int),
            (" -7 ", Kind::Int),
            ("+007", Kind::Int),
            ("9223372036854775807", Kind::Int),
            ("9223372036854775808", Kind::Float),
            ("1e3", Kind::Float),
            (".5", Kind::Float),
            ("-inf", Kind::Float),
            ("1.", Kind::Float),
            ("True", Kind::Bool),
            ("yes", Kind::Text),
            ("2024-02-29", Kind::Date),
            ("2023-02-29", Kind::Text),
            ("2024-02-29 10:00", Kind::Time),
            ("2024-02-29T10:00:00Z", Kind::TimeUtc),
            ("1,000", Kind::Text),
            ("-", Kind::Text),
            ("0x10", Kind::Text),
            (" ", Kind::Text),
        ] {
            assert_eq!(Kind::of(field.as_bytes()), kind, "{field}");
        }
    }

    #[test]
    fn join_is_a_least_upper_bound() {
        for a in ALL {
            assert_eq!(a.join(a), a);
            assert_eq!(a.join(Kind::Text), Kind::Text);
            assert_eq!(a.join(Kind::Unknown), a);
            for b in ALL {
                assert_eq!(a.join(b), b.join(a));
                for c in ALL {
                    assert_eq!(a.join(b).join(c), a.join(b.join(c)), "{a:?} {b:?} {c:?}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn integers_are_read_as_the_standard_library_reads_them(number: i64, text in "[-+]?[0-9]{1,21}") {
            prop_assert_eq!(parse_int(number.to_string().as_bytes()), Some(number));
            prop_assert_eq!(parse_int(text.as_bytes()), text.parse().ok().filter(|_| text.trim_start_matches(['-', '+']).len() <= 19));
        }

        #[test]
        fn floats_are_read_to_the_last_bit(number: f64) {
            let read = parse_float(format!("{number:?}").as_bytes()).unwrap();
            prop_assert!(read.to_bits() == number.to_bits() || number.is_nan() && read.is_nan());
        }
    }
}
