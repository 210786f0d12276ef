//! A column of times.

use crate::clock::Clock;
use crate::step::{DAY, Step, date};
use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, Date32Array, Int64Array, TimestampMicrosecondArray};
use chrono::{DateTime, Datelike as _, NaiveDateTime, NaiveTime, Timelike as _};
use millstream_sdk::arrow_schema::DataType;
use millstream_sdk::column::type_name;
use millstream_sdk::{Failure, invalid_input, invalid_parameter};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

/// Far enough from the ends that steps ahead do not overflow.
pub const LAST_TIME: u64 = 1 << 60;

/// What stands in for steps without a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Missing {
    /// Nothing: they are refused.
    #[default]
    Error,
    /// A line between the values around them.
    Interpolate,
    /// The value before them.
    Previous,
    /// 0, as for sales that were not made.
    Zero,
}

/// A time column: microseconds since 1970, or numbers.
pub struct Times {
    pub ticks: Vec<i64>,
    kind: DataType,
    clock: Clock,
}

impl Times {
    /// Reads a column of dates, times or whole numbers; none may be missing. The clock of a time zone goes with times that
    /// have a zone.
    pub fn read(array: &ArrayRef, timezone: Option<&str>) -> Result<Self, Failure> {
        let clock = match (timezone, array.data_type()) {
            (None, _) => Clock::default(),
            (Some(name), DataType::Timestamp(_, Some(_))) => Clock::of(name)?,
            (Some(_), kind) => {
                let message = match kind {
                    DataType::Timestamp(..) => {
                        "times of the column have no zone and are taken as they stand, so that it has no effect"
                    }
                    _ => "the column has no times of day, so that it has no effect",
                };
                return Err(invalid_parameter("timezone", message)
                    .allowed("nothing here; or times with a zone, such as 2024-01-31T00:00:00+01:00, whose type `extract` finds by itself"));
            }
        };
        Self::asked(array, &clock)
    }

    /// The same by a clock that is known.
    pub fn asked(array: &ArrayRef, clock: &Clock) -> Result<Self, Failure> {
        if let Some(row) = (0..array.len()).find(|&row| array.is_null(row)) {
            return Err(invalid_input("the time is missing").row(row as u64 + 1));
        }
        let ticks = match array.data_type() {
            DataType::Date32 => array
                .as_primitive::<Date32Type>()
                .values()
                .iter()
                .map(|days| i64::from(*days).saturating_mul(DAY))
                .collect(),
            DataType::Timestamp(..) => array.as_primitive::<TimestampMicrosecondType>().values().to_vec(),
            DataType::Int64 => array.as_primitive::<Int64Type>().values().to_vec(),
            other => {
                let message =
                    format!("times are dates, timestamps or whole numbers, not {}", type_name(other));
                return Err(invalid_input(message));
            }
        };
        let ticks: Vec<i64> = ticks;
        let far = |time: &i64| time.unsigned_abs() > LAST_TIME || clock.shows(*time).is_none();
        match ticks.iter().position(far) {
            Some(row) => Err(invalid_input("the time is too far away").row(row as u64 + 1)),
            None => Ok(Self { ticks, kind: array.data_type().clone(), clock: clock.clone() }),
        }
    }

    /// Of the column.
    pub fn data_type(&self) -> &DataType {
        &self.kind
    }

    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// What the clock shows at a time.
    pub fn shown(&self, time: i64) -> Option<i64> {
        self.clock.shows(time)
    }

    pub fn is_calendar(&self) -> bool {
        self.kind != DataType::Int64
    }

    /// Whether there are no times of day.
    pub fn are_days(&self) -> bool {
        self.kind == DataType::Date32
    }

    /// Whether times were given with a zone.
    pub fn has_zone(&self) -> bool {
        matches!(self.kind, DataType::Timestamp(_, Some(_)))
    }

    /// What the calendar says of times: month, and day and hour where steps are so short.
    pub fn calendar(&self, step: Step, times: &[i64]) -> Vec<Vec<f64>> {
        type Part = fn(NaiveDateTime) -> u32;
        let parts: &[Part] = match step {
            _ if !self.is_calendar() => &[],
            Step::Ticks(size) | Step::Shown(size) if size < DAY => {
                &[|t| t.month(), |t| t.day(), |t| t.weekday().num_days_from_monday(), |t| t.hour()]
            }
            Step::Ticks(size) | Step::Shown(size) if size < 7 * DAY => {
                &[|t| t.month(), |t| t.day(), |t| t.weekday().num_days_from_monday()]
            }
            Step::Weekdays(1..5) => &[|t| t.month(), |t| t.day(), |t| t.weekday().num_days_from_monday()],
            _ => &[|t| t.month()],
        };
        let shown = |time: i64| datetime(self.shown(time)?);
        let column =
            |part: &Part| times.iter().map(|&t| shown(t).map_or(f64::NAN, |t| f64::from(part(t)))).collect();
        parts.iter().map(column).collect()
    }

    /// A column of times in the type of this one.
    pub fn column(&self, ticks: Vec<i64>) -> ArrayRef {
        match &self.kind {
            DataType::Date32 => {
                Arc::new(Date32Array::from_iter_values(ticks.iter().map(|t| t.div_euclid(DAY) as i32)))
            }
            DataType::Timestamp(_, zone) => {
                Arc::new(TimestampMicrosecondArray::from(ticks).with_timezone_opt(zone.clone()))
            }
            _ => Arc::new(Int64Array::from(ticks)),
        }
    }

    /// A time for people, as the clock shows it.
    pub fn text(&self, time: i64) -> String {
        let Some(shown) = self.shown(time).filter(|_| self.is_calendar()) else { return time.to_string() };
        match (datetime(shown), date(shown)) {
            (Some(time), Some(date)) if time.time() == NaiveTime::MIN => date.to_string(),
            (Some(time), _) => time.to_string(),
            _ => time.to_string(),
        }
    }
}

fn datetime(shown: i64) -> Option<NaiveDateTime> {
    DateTime::from_timestamp_micros(shown).map(|time| time.naive_utc())
}
