//! Parts of dates and times.

use super::{Function, strict};
use crate::{
    calendar::{self, Date, HOUR, MINUTE, SECOND, day_of_year, iso_week, iso_weekday},
    kind::Kind::{self, BigInt, Double, Interval, Text, Timestamp, TimestampTz},
    problem::did_you_mean,
    value::{Span, Value},
};

macro_rules! part {
    ($name:literal, $part:expr) => {
        strict($name, &[Timestamp], BigInt, |a, _| Ok(Value::BigInt($part.of(a[0].int()))))
    };
}

pub(super) static FUNCTIONS: &[Function] = &[
    strict("date_part", &[Text, Timestamp], BigInt, date_part),
    strict("date_part", &[Text, TimestampTz], BigInt, date_part),
    strict("datepart", &[Text, Timestamp], BigInt, date_part),
    strict("datepart", &[Text, TimestampTz], BigInt, date_part),
    strict("date_part", &[Text, Interval], BigInt, |a, _| interval_part(a[0].str(), a[1].span())),
    part!("year", Part::Year),
    part!("quarter", Part::Quarter),
    part!("month", Part::Month),
    part!("week", Part::Week),
    part!("weekofyear", Part::Week),
    part!("day", Part::Day),
    part!("dayofmonth", Part::Day),
    part!("dayofyear", Part::DayOfYear),
    part!("weekday", Part::DayOfWeek),
    part!("dayofweek", Part::DayOfWeek),
    part!("isodow", Part::IsoDayOfWeek),
    part!("isoyear", Part::IsoYear),
    part!("decade", Part::Decade),
    part!("century", Part::Century),
    part!("hour", Part::Hour),
    part!("minute", Part::Minute),
    part!("second", Part::Second),
    part!("millisecond", Part::Millisecond),
    part!("microsecond", Part::Microsecond),
    strict("epoch", &[Timestamp], Double, |a, _| Ok(Value::Double(a[0].int() as f64 / 1e6))),
    strict("epoch", &[TimestampTz], Double, |a, _| Ok(Value::Double(a[0].int() as f64 / 1e6))),
    strict("epoch_ms", &[Timestamp], BigInt, |a, _| Ok(Value::BigInt(a[0].int().div_euclid(1000)))),
    strict("epoch_us", &[Timestamp], BigInt, |a, _| Ok(Value::BigInt(a[0].int()))),
    strict("dayname", &[Timestamp], Text, |a, _| {
        Ok(Value::text(DAYS[iso_weekday(calendar::split(a[0].int()).0) as usize - 1]))
    }),
    strict("monthname", &[Timestamp], Text, |a, _| {
        Ok(Value::text(MONTHS[Part::Month.of(a[0].int()) as usize - 1]))
    }),
    strict("last_day", &[Timestamp], Kind::Date, |a, _| {
        let Date { year, month, .. } = Date::of(calendar::split(a[0].int()).0);
        let last = Date { year, month, day: calendar::days_in_month(year, month) };
        last.days().map(Value::Date).ok_or_else(|| calendar::FAR.to_owned())
    }),
];

pub(super) const DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Millennium,
    Century,
    Decade,
    Year,
    Quarter,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
    Millisecond,
    Microsecond,
    DayOfWeek,
    IsoDayOfWeek,
    DayOfYear,
    IsoYear,
    Epoch,
}

impl Part {
    const NAMES: &[(&str, Self)] = &[
        ("millennium", Self::Millennium),
        ("century", Self::Century),
        ("decade", Self::Decade),
        ("year", Self::Year),
        ("quarter", Self::Quarter),
        ("month", Self::Month),
        ("week", Self::Week),
        ("day", Self::Day),
        ("hour", Self::Hour),
        ("minute", Self::Minute),
        ("second", Self::Second),
        ("millisecond", Self::Millisecond),
        ("microsecond", Self::Microsecond),
        ("dayofweek", Self::DayOfWeek),
        ("dow", Self::DayOfWeek),
        ("weekday", Self::DayOfWeek),
        ("isodow", Self::IsoDayOfWeek),
        ("dayofyear", Self::DayOfYear),
        ("doy", Self::DayOfYear),
        ("isoyear", Self::IsoYear),
        ("epoch", Self::Epoch),
    ];

    /// The part of a name, in one or several, such as `month` or `months`.
    pub fn named(name: &str) -> Result<Self, String> {
        let wanted = name.to_lowercase();
        let plural = match wanted.as_str() {
            "centuries" => "century",
            "millennia" | "millenniums" => "millennium",
            other => other.strip_suffix('s').unwrap_or(other),
        };
        let found = Self::NAMES.iter().find(|(name, _)| *name == wanted || *name == plural);
        found.map(|(_, part)| *part).ok_or_else(|| {
            let near = did_you_mean(&wanted, Self::NAMES.iter().map(|(name, _)| *name));
            format!("`{name}` is no part of a date or time{near}")
        })
    }

    /// Its value at a time. That of the epoch is in whole seconds.
    pub fn of(self, micros: i64) -> i64 {
        let (days, time) = calendar::split(micros);
        let date = Date::of(days);
        // The first century had no year 0; those before are counted backwards.
        let count =
            |years: i64| if date.year > 0 { (date.year - 1) / years + 1 } else { -(-date.year / years + 1) };
        match self {
            Self::Millennium => count(1000),
            Self::Century => count(100),
            Self::Decade => date.year / 10,
            Self::Year => date.year,
            Self::Quarter => (date.month - 1) / 3 + 1,
            Self::Month => date.month,
            Self::Week => iso_week(days).1,
            Self::Day => date.day,
            Self::Hour => time / HOUR,
            Self::Minute => time / MINUTE % 60,
            Self::Second => time / SECOND % 60,
            Self::Millisecond => time % MINUTE / 1000,
            Self::Microsecond => time % MINUTE,
            Self::DayOfWeek => iso_weekday(days) % 7,
            Self::IsoDayOfWeek => iso_weekday(days),
            Self::DayOfYear => day_of_year(days),
            Self::IsoYear => iso_week(days).0,
            Self::Epoch => micros.div_euclid(SECOND),
        }
    }
}

fn date_part<'a>(args: &[Value<'a>], _: &mut super::Memory) -> Result<Value<'a>, String> {
    Ok(Value::BigInt(Part::named(args[0].str())?.of(args[1].int())))
}

fn interval_part(name: &str, span: Span) -> Result<Value<'static>, String> {
    Ok(Value::BigInt(match Part::named(name)? {
        Part::Millennium => i64::from(span.months) / 12_000,
        Part::Century => i64::from(span.months) / 1200,
        Part::Decade => i64::from(span.months) / 120,
        Part::Year => i64::from(span.months) / 12,
        Part::Quarter => i64::from(span.months) % 12 / 3 + 1,
        Part::Month => i64::from(span.months) % 12,
        Part::Day => span.days.into(),
        Part::Hour => span.micros / HOUR,
        Part::Minute => span.micros % HOUR / MINUTE,
        Part::Second => span.micros % MINUTE / SECOND,
        Part::Millisecond => span.micros % MINUTE / 1000,
        Part::Microsecond => span.micros % MINUTE,
        Part::Epoch => (span.length() / i128::from(SECOND)) as i64,
        _ => return Err(format!("an INTERVAL has no part `{name}`")),
    }))
}
