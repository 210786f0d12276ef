//! The types in which expressions are computed.

use std::{fmt, sync::Arc};

use arrow_schema::{DataType, IntervalUnit, TimeUnit};

/// A type. Tables are read into these; whatever is none of them can be selected, but not computed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing but missing values.
    Null,
    /// True or false.
    Boolean,
    /// Integers of 64 bits.
    BigInt,
    /// Floating-point numbers of 64 bits.
    Double,
    /// Text.
    Text,
    /// Days.
    Date,
    /// Microseconds, without a time zone.
    Timestamp,
    /// Microseconds since 1970 in UTC.
    TimestampTz,
    /// Months, days and microseconds.
    Interval,
    /// Something else.
    Other(DataType),
}

impl Kind {
    /// Those in which there is something to compute.
    pub(crate) const ALL: &[Self] = &[
        Self::Null,
        Self::Boolean,
        Self::BigInt,
        Self::Double,
        Self::Text,
        Self::Date,
        Self::Timestamp,
        Self::TimestampTz,
        Self::Interval,
    ];

    /// The type in which columns of an Arrow type are computed.
    pub fn of(data_type: &DataType) -> Self {
        match data_type {
            DataType::Null => Self::Null,
            DataType::Boolean => Self::Boolean,
            t if t.is_integer() => Self::BigInt,
            DataType::Float16
            | DataType::Float32
            | DataType::Float64
            | DataType::Decimal32(..)
            | DataType::Decimal64(..)
            | DataType::Decimal128(..) => Self::Double,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::Text,
            DataType::Date32 | DataType::Date64 => Self::Date,
            DataType::Timestamp(_, None) => Self::Timestamp,
            DataType::Timestamp(_, Some(_)) => Self::TimestampTz,
            DataType::Interval(IntervalUnit::MonthDayNano) => Self::Interval,
            DataType::Dictionary(_, values) => match Self::of(values) {
                Self::Text => Self::Text,
                _ => Self::Other(data_type.clone()),
            },
            other => Self::Other(other.clone()),
        }
    }

    /// The Arrow type of results.
    pub fn data_type(&self) -> DataType {
        match self {
            Self::Null => DataType::Null,
            Self::Boolean => DataType::Boolean,
            Self::BigInt => DataType::Int64,
            Self::Double => DataType::Float64,
            Self::Text => DataType::Utf8,
            Self::Date => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC"))),
            Self::Interval => DataType::Interval(IntervalUnit::MonthDayNano),
            Self::Other(data_type) => data_type.clone(),
        }
    }

    /// What it costs to take values of this type for those of another without being asked. None if that is not done.
    pub(crate) fn implicit_cost(&self, to: &Self) -> Option<u32> {
        Some(match (self, to) {
            (a, b) if a == b => 0,
            (Self::Null, _) => 1,
            (Self::BigInt, Self::Double) | (Self::Date, Self::Timestamp) => 2,
            (Self::Timestamp, Self::TimestampTz) => 3,
            (Self::Date, Self::TimestampTz) => 4,
            _ => return None,
        })
    }

    /// The type that holds the values of both.
    pub(crate) fn union(&self, other: &Self) -> Option<Self> {
        if self.implicit_cost(other).is_some() {
            Some(other.clone())
        } else if other.implicit_cost(self).is_some() {
            Some(self.clone())
        } else {
            None
        }
    }

    pub(crate) fn is_number(&self) -> bool {
        matches!(self, Self::BigInt | Self::Double | Self::Null)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "NULL",
            Self::Boolean => "BOOLEAN",
            Self::BigInt => "BIGINT",
            Self::Double => "DOUBLE",
            Self::Text => "VARCHAR",
            Self::Date => "DATE",
            Self::Timestamp => "TIMESTAMP",
            Self::TimestampTz => "TIMESTAMPTZ",
            Self::Interval => "INTERVAL",
            Self::Other(data_type) => return write!(f, "{data_type}"),
        })
    }
}
