//! One value, and the order of values.

use std::{borrow::Cow, cmp::Ordering};

/// Months, days and microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub months: i32,
    pub days: i32,
    pub micros: i64,
}

impl Span {
    /// Its length if months had 30 days and days 24 hours: by this, spans are ordered.
    pub fn length(self) -> i128 {
        (i128::from(self.months) * 30 + i128::from(self.days)) * 86_400_000_000 + i128::from(self.micros)
    }
}

/// A value of any type.
#[derive(Clone, Debug)]
pub(crate) enum Value<'a> {
    Null,
    Boolean(bool),
    BigInt(i64),
    Double(f64),
    Text(Cow<'a, str>),
    Date(i32),
    /// Microseconds; whether in UTC or without a time zone says the type.
    Timestamp(i64),
    Interval(Span),
}

/// Numbers in DuckDB's order: NaN equals itself and is the greatest, both zeros are equal.
pub(crate) fn compare_doubles(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

impl<'a> Value<'a> {
    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text(text.into())
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Boolean(v) => Value::Boolean(v),
            Self::BigInt(v) => Value::BigInt(v),
            Self::Double(v) => Value::Double(v),
            Self::Text(v) => Value::Text(Cow::Owned(v.into_owned())),
            Self::Date(v) => Value::Date(v),
            Self::Timestamp(v) => Value::Timestamp(v),
            Self::Interval(v) => Value::Interval(v),
        }
    }

    /// The order of two values of one type that are not missing.
    pub fn compare(&self, other: &Value<'_>) -> Ordering {
        match (self, other) {
            (Self::Boolean(a), Value::Boolean(b)) => a.cmp(b),
            (Self::BigInt(a), Value::BigInt(b)) | (Self::Timestamp(a), Value::Timestamp(b)) => a.cmp(b),
            (Self::Double(a), Value::Double(b)) => compare_doubles(*a, *b),
            (Self::Text(a), Value::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
            (Self::Date(a), Value::Date(b)) => a.cmp(b),
            (Self::Interval(a), Value::Interval(b)) => a.length().cmp(&b.length()),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Boolean(_) => 0,
            Self::BigInt(_) => 1,
            Self::Double(_) => 2,
            Self::Text(_) => 3,
            Self::Date(_) => 4,
            Self::Timestamp(_) => 5,
            Self::Interval(_) => 6,
            Self::Null => 7,
        }
    }

    /// Appends bytes that are equal where values are equal, missing ones too, and of which none begins another.
    pub fn encode(&self, key: &mut Vec<u8>) {
        match self {
            Self::Null => key.push(0),
            Self::Boolean(v) => key.extend([1, u8::from(*v)]),
            Self::BigInt(v) | Self::Timestamp(v) => {
                key.push(2);
                key.extend(v.to_le_bytes());
            }
            Self::Double(v) => {
                let v = if v.is_nan() { f64::NAN } else { *v + 0.0 };
                key.push(3);
                key.extend(v.to_bits().to_le_bytes());
            }
            Self::Text(v) => {
                key.push(4);
                key.extend((v.len() as u64).to_le_bytes());
                key.extend(v.as_bytes());
            }
            Self::Date(v) => {
                key.push(5);
                key.extend(v.to_le_bytes());
            }
            Self::Interval(v) => {
                key.push(6);
                key.extend(v.length().to_le_bytes());
            }
        }
    }
}

/// The same value in the same form, which two NaNs are too.
impl PartialEq for Value<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Double(a), Self::Double(b)) => a.to_bits() == b.to_bits(),
            (Self::Interval(a), Self::Interval(b)) => a == b,
            (a, b) => a.rank() == b.rank() && a.compare(b) == Ordering::Equal,
        }
    }
}

/// What an argument holds, whose type the binder has seen to.
impl Value<'_> {
    pub fn truth(&self) -> bool {
        matches!(self, Self::Boolean(true))
    }

    pub fn int(&self) -> i64 {
        match self {
            Self::BigInt(v) | Self::Timestamp(v) => *v,
            Self::Date(v) => i64::from(*v),
            _ => 0,
        }
    }

    pub fn float(&self) -> f64 {
        match self {
            Self::Double(v) => *v,
            _ => 0.0,
        }
    }

    pub fn str(&self) -> &str {
        match self {
            Self::Text(v) => v,
            _ => "",
        }
    }

    pub fn span(&self) -> Span {
        match self {
            Self::Interval(v) => *v,
            _ => Span::default(),
        }
    }
}
