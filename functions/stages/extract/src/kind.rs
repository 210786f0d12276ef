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
    /// 64-bit signed integers that 64-bit floating-point numbers hold without loss.
    Int,
    /// 64-bit signed integers, of which one would lose digits as a floating-point number.
    Long,
    /// Numbers.
    Float,
    /// Integers of which one does not fit into 64 bits, but is the shortest text of a floating-point number. Kept as text.
    Huge,
    /// Integers of which one does not fit into 64 bits and would lose digits as a floating-point number. Kept as text.
    Big,
    /// Integers of which one begins with a zero, as codes do. Kept as text.
    Code,
    /// Numbers with a fraction beside integers that would lose something among them. Kept as text.
    Digits,
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
    /// The narrowest kind that takes values of both and loses nothing of either.
    pub fn join(self, other: Self) -> Self {
        use Kind::*;
        match (self, other) {
            (a, b) if a == b => a,
            (Unknown, kind) | (kind, Unknown) => kind,
            (Date | Time, Date | Time) => Time,
            (Int, Long) | (Long, Int) => Long,
            (Int, Huge) | (Huge, Int) => Huge,
            (Int | Huge, Float) | (Float, Int | Huge) => Float,
            (Long | Huge | Big | Int, Long | Huge | Big | Int) => Big,
            (Code, Int | Long | Huge | Big) | (Int | Long | Huge | Big, Code) => Code,
            (a, b) if a.is_number() && b.is_number() => Digits,
            _ => Text,
        }
    }

    /// Whether the values all are written as numbers.
    pub fn is_number(self) -> bool {
        matches!(
            self,
            Self::Int | Self::Long | Self::Float | Self::Huge | Self::Big | Self::Code | Self::Digits
        )
    }

    /// The kind in a column of numbers, whatever they lose: of numbers and truth values. `None` if it is none.
    pub fn as_number(self, field: &[u8]) -> Option<Self> {
        match self {
            Self::Int | Self::Long | Self::Float => Some(self),
            Self::Huge | Self::Big | Self::Digits | Self::Bool => Some(Self::Float),
            Self::Code if parse_int(field.trim_ascii()).is_some() => Some(Self::Int),
            Self::Code => Some(Self::Float),
            Self::Unknown | Self::Date | Self::Time | Self::TimeUtc | Self::Text => None,
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
            Self::Int | Self::Long => DataType::Int64,
            Self::Date => DataType::Date32,
            Self::Time => timestamp_type(),
            Self::TimeUtc => utc_timestamp_type(),
            Self::Huge | Self::Big | Self::Code | Self::Digits | Self::Text => DataType::Utf8,
        }
    }

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown | Self::Float => "a number",
            Self::Bool => "true or false",
            Self::Int | Self::Long => "a 64-bit integer",
            Self::Date => "a date such as 2024-01-31",
            Self::Time => "a time without a zone, such as 2024-01-31T09:30:00",
            Self::TimeUtc => "a time with a zone, such as 2024-01-31T09:30:00Z",
            Self::Huge | Self::Big | Self::Code | Self::Digits | Self::Text => "text",
        }
    }

    /// The narrowest kind of a field that is not missing; blanks around it do not count.
    pub fn of(field: &[u8]) -> Self {
        let field = field.trim_ascii();
        match field.first() {
            None => Self::Text,
            Some(b'0'..=b'9' | b'+' | b'-' | b'.') => {
                if is_integer(field) {
                    Self::of_integer(field)
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

    /// The kind of an integer, from its text.
    fn of_integer(field: &[u8]) -> Self {
        if leads_with_zero(field) {
            return Self::Code;
        }
        let whole = parse_int(field);
        if whole.is_some_and(|whole| whole.unsigned_abs() <= EXACT) {
            return Self::Int;
        }
        // Such as other programs print a large number: it is all that there is of it.
        let printed = parse_float(field).map(|number| number.to_string());
        let shortest =
            printed.is_some_and(|text| text.as_bytes() == field.strip_prefix(b"+").unwrap_or(field));
        match (whole.is_some(), shortest) {
            (true, true) => Self::Int,
            (true, false) => Self::Long,
            (false, true) => Self::Huge,
            (false, false) => Self::Big,
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

/// Integers up to this, of either sign, are floating-point numbers.
pub const EXACT: u64 = 1 << 53;

/// Digits with a sign or without.
pub fn is_integer(field: &[u8]) -> bool {
    let digits = match field {
        [b'-' | b'+', digits @ ..] | digits => digits,
    };
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

/// Whether a number begins with a zero that it would lose.
#[inline]
pub fn leads_with_zero(field: &[u8]) -> bool {
    matches!(field, [b'0', b'0'..=b'9', ..])
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

    const ALL: [Kind; 13] = [
        Kind::Unknown,
        Kind::Bool,
        Kind::Int,
        Kind::Long,
        Kind::Float,
        Kind::Huge,
        Kind::Big,
        Kind::Code,
        Kind::Digits,
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
            ("007", Kind::Code),
            (" 02139", Kind::Code),
            ("00", Kind::Code),
            ("0", Kind::Int),
            ("-0", Kind::Int),
            ("0.5", Kind::Float),
            ("00.5", Kind::Float),
            ("0e3", Kind::Float),
            ("9007199254740992", Kind::Int),
            ("9007199254740993", Kind::Long),
            ("-9007199254740993", Kind::Long),
            ("9007199254740994", Kind::Int),
            ("9223372036854775807", Kind::Long),
            ("9223372036854775808", Kind::Big),
            ("-9223372036854775809", Kind::Big),
            ("20000000000000000000", Kind::Huge),
            ("17758512297797920001", Kind::Big),
            ("00000000000000000000001", Kind::Code),
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
