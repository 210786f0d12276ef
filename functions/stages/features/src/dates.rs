//! Parts of dates and timestamps.

use chrono::{DateTime, Datelike as _, TimeDelta, Timelike as _, Utc};
use millstream_sdk::{
    Failure,
    arrow_array::{
        ArrayRef,
        cast::AsArray,
        types::{Date32Type, TimestampMicrosecondType},
    },
    arrow_schema::DataType,
    internal, invalid_parameter,
};
use serde::{Deserialize, Serialize};

use crate::{learnt::Learnt, transform::Transform, values};

pub const STEP: &str = "date-parts";

/// Options of `date-parts`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Which; if not given year, month, day, day of week, and of timestamps hour and minute.
    pub parts: Option<Vec<DatePart>>,
    /// Parts that come round again become a sine and a cosine, so that December is next to January.
    pub cyclic: bool,
}

/// A part of a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatePart {
    Year,
    /// 1 to 4.
    Quarter,
    /// 1 to 12.
    Month,
    /// Of ISO 8601: 1 to 53.
    Week,
    /// Of the month, from 1.
    Day,
    /// Monday is 0.
    DayOfWeek,
    /// From 1.
    DayOfYear,
    /// Saturdays and Sundays are 1.
    IsWeekend,
    Hour,
    Minute,
    Second,
    /// Days since 1970, with fractions.
    Elapsed,
}

/// The state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Dates {
    parts: Vec<DatePart>,
    cyclic: bool,
}

pub fn fit(options: &Options, parameter: &str, name: &str, array: &ArrayRef) -> Result<Learnt, Failure> {
    let time = match array.data_type() {
        DataType::Date32 => false,
        DataType::Timestamp(..) => true,
        kind => {
            let kind = millstream_sdk::column::type_name(kind);
            return Err(millstream_sdk::invalid_input(format!(
                "`{STEP}` takes dates and timestamps, but the column holds {kind}; set its type in `extract`"
            )));
        }
    };
    let usual = [
        DatePart::Year,
        DatePart::Month,
        DatePart::Day,
        DatePart::DayOfWeek,
        DatePart::Hour,
        DatePart::Minute,
    ];
    let parts = options.parts.clone().unwrap_or_else(|| usual[..if time { 6 } else { 4 }].to_vec());
    if parts.is_empty() || parts.iter().enumerate().any(|(place, part)| parts[..place].contains(part)) {
        return Err(invalid_parameter(parameter, "`parts` is empty, or names one twice"));
    }
    let state = Dates { parts, cyclic: options.cyclic };
    let names = state.parts.iter().flat_map(|part| {
        let base = format!("{name}_{}", part.name());
        match state.round(*part) {
            Some(_) => vec![format!("{base}_sin"), format!("{base}_cos")],
            None => vec![base],
        }
    });
    Ok(Learnt::new(names.collect(), Transform::Dates(state.clone())))
}

impl DatePart {
    fn name(self) -> &'static str {
        match self {
            Self::Year => "year",
            Self::Quarter => "quarter",
            Self::Month => "month",
            Self::Week => "week",
            Self::Day => "day",
            Self::DayOfWeek => "day_of_week",
            Self::DayOfYear => "day_of_year",
            Self::IsWeekend => "is_weekend",
            Self::Hour => "hour",
            Self::Minute => "minute",
            Self::Second => "second",
            Self::Elapsed => "elapsed",
        }
    }

    fn of(self, time: &DateTime<Utc>) -> f64 {
        match self {
            Self::Year => f64::from(time.year()),
            Self::Quarter => f64::from(time.month0() / 3 + 1),
            Self::Month => f64::from(time.month()),
            Self::Week => f64::from(time.iso_week().week()),
            Self::Day => f64::from(time.day()),
            Self::DayOfWeek => f64::from(time.weekday().num_days_from_monday()),
            Self::DayOfYear => f64::from(time.ordinal()),
            Self::IsWeekend => f64::from(u8::from(time.weekday().num_days_from_monday() >= 5)),
            Self::Hour => f64::from(time.hour()),
            Self::Minute => f64::from(time.minute()),
            Self::Second => f64::from(time.second()),
            Self::Elapsed => time.timestamp_micros() as f64 / 86_400e6,
        }
    }

    /// After how many it comes round again, and the first of them.
    fn cycle(self) -> Option<(f64, f64)> {
        Some(match self {
            Self::Quarter => (4.0, 1.0),
            Self::Month => (12.0, 1.0),
            Self::Week => (53.0, 1.0),
            Self::Day => (31.0, 1.0),
            Self::DayOfWeek => (7.0, 0.0),
            Self::DayOfYear => (366.0, 1.0),
            Self::Hour => (24.0, 0.0),
            Self::Minute | Self::Second => (60.0, 0.0),
            Self::Year | Self::IsWeekend | Self::Elapsed => return None,
        })
    }
}

impl Dates {
    fn round(&self, part: DatePart) -> Option<(f64, f64)> {
        part.cycle().filter(|_| self.cyclic)
    }

    pub fn apply(&self, array: &ArrayRef) -> Result<Vec<ArrayRef>, Failure> {
        let midnight = |days: i32| DateTime::UNIX_EPOCH.checked_add_signed(TimeDelta::days(i64::from(days)));
        let times: Vec<Option<DateTime<Utc>>> = match array.data_type() {
            DataType::Date32 => {
                array.as_primitive::<Date32Type>().iter().map(|days| midnight(days?)).collect()
            }
            DataType::Timestamp(..) => {
                let micros = array.as_primitive::<TimestampMicrosecondType>().iter();
                micros.map(|micros| DateTime::from_timestamp_micros(micros?)).collect()
            }
            _ => return Err(internal("a column of dates has another type")),
        };
        let column = |of: &dyn Fn(&DateTime<Utc>) -> f64| {
            values::column(times.iter().map(|time| time.as_ref().map_or(f64::NAN, of)).collect())
        };
        let mut columns = Vec::new();
        for part in &self.parts {
            match self.round(*part) {
                None => columns.push(column(&|time| part.of(time))),
                Some((cycle, first)) => {
                    let angle =
                        |time: &DateTime<Utc>| std::f64::consts::TAU * (part.of(time) - first) / cycle;
                    columns.push(column(&|time| libm::sin(angle(time))));
                    columns.push(column(&|time| libm::cos(angle(time))));
                }
            }
        }
        Ok(columns)
    }

    /// Whether `gives` columns come out.
    pub fn check(&self, gives: usize) -> Result<(), Failure> {
        let width: usize = self.parts.iter().map(|part| 1 + usize::from(self.round(*part).is_some())).sum();
        match width == gives && gives > 0 {
            true => Ok(()),
            false => Err(internal("the parts of dates are damaged")),
        }
    }
}
