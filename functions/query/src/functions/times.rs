//! Sums, differences and truncation of dates and times.

use super::{Function, Memory, parts::Part, strict};
use crate::{
    calendar::{self, DAY, Date, FAR, HOUR, MINUTE, SECOND},
    kind::Kind::{self, BigInt, Double, Interval, Text, Timestamp, TimestampTz},
    value::{Span, Value},
};

const DATE: Kind = Kind::Date;

pub(super) static FUNCTIONS: &[Function] = &[
    strict("+", &[DATE, BigInt], DATE, |a, _| add_days(a[0].int(), Some(a[1].int()))),
    strict("+", &[BigInt, DATE], DATE, |a, _| add_days(a[1].int(), Some(a[0].int()))),
    strict("-", &[DATE, BigInt], DATE, |a, _| add_days(a[0].int(), a[1].int().checked_neg())),
    strict("-", &[DATE, DATE], BigInt, |a, _| Ok(Value::BigInt(a[0].int() - a[1].int()))),
    strict("+", &[DATE, Interval], Timestamp, |a, _| add(a[0].int().checked_mul(DAY), a[1].span())),
    strict("+", &[Interval, DATE], Timestamp, |a, _| add(a[1].int().checked_mul(DAY), a[0].span())),
    strict("-", &[DATE, Interval], Timestamp, |a, _| add(a[0].int().checked_mul(DAY), negated(a[1].span())?)),
    strict("date_add", &[DATE, Interval], Timestamp, |a, _| add(a[0].int().checked_mul(DAY), a[1].span())),
    strict("+", &[Timestamp, Interval], Timestamp, |a, _| add(Some(a[0].int()), a[1].span())),
    strict("+", &[Interval, Timestamp], Timestamp, |a, _| add(Some(a[1].int()), a[0].span())),
    strict("-", &[Timestamp, Interval], Timestamp, |a, _| add(Some(a[0].int()), negated(a[1].span())?)),
    strict("date_add", &[Timestamp, Interval], Timestamp, |a, _| add(Some(a[0].int()), a[1].span())),
    strict("+", &[TimestampTz, Interval], TimestampTz, |a, _| add(Some(a[0].int()), a[1].span())),
    strict("-", &[TimestampTz, Interval], TimestampTz, |a, _| add(Some(a[0].int()), negated(a[1].span())?)),
    strict("-", &[Timestamp, Timestamp], Interval, |a, _| between(a)),
    strict("-", &[TimestampTz, TimestampTz], Interval, |a, _| between(a)),
    strict("date_trunc", &[Text, Timestamp], Timestamp, |a, _| truncate(a[0].str(), a[1].int())),
    strict("datetrunc", &[Text, Timestamp], Timestamp, |a, _| truncate(a[0].str(), a[1].int())),
    strict("date_trunc", &[Text, TimestampTz], TimestampTz, |a, _| truncate(a[0].str(), a[1].int())),
    strict("date_diff", &[Text, Timestamp, Timestamp], BigInt, boundaries),
    strict("datediff", &[Text, Timestamp, Timestamp], BigInt, boundaries),
    strict("date_sub", &[Text, Timestamp, Timestamp], BigInt, whole_units),
    strict("datesub", &[Text, Timestamp, Timestamp], BigInt, whole_units),
    strict("make_date", &[BigInt, BigInt, BigInt], DATE, |a, _| date(a).map(Value::Date)),
    strict("make_timestamp", &[BigInt, BigInt, BigInt, BigInt, BigInt, Double], Timestamp, make_timestamp),
    strict("make_timestamp", &[BigInt], Timestamp, |a, _| Ok(Value::Timestamp(a[0].int()))),
    strict("to_timestamp", &[Double], TimestampTz, |a, _| {
        let micros = (a[0].float() * 1e6).round();
        if micros.abs() < 9e18 { Ok(Value::Timestamp(micros as i64)) } else { Err(FAR.to_owned()) }
    }),
    strict("epoch_ms", &[BigInt], Timestamp, |a, _| {
        a[0].int().checked_mul(1000).map(Value::Timestamp).ok_or_else(|| FAR.to_owned())
    }),
];

fn far<T>(value: Option<T>) -> Result<T, String> {
    value.ok_or_else(|| FAR.to_owned())
}

pub(super) fn negated(span: Span) -> Result<Span, String> {
    let (months, days) = (span.months.checked_neg(), span.days.checked_neg());
    let micros = span.micros.checked_neg();
    far(months.zip(days).zip(micros).map(|((months, days), micros)| Span { months, days, micros }))
}

fn add_days(day: i64, days: Option<i64>) -> Result<Value<'static>, String> {
    let day = days.and_then(|days| day.checked_add(days)).and_then(|day| i32::try_from(day).ok());
    far(day.map(Value::Date))
}

fn add(micros: Option<i64>, span: Span) -> Result<Value<'static>, String> {
    far(micros.and_then(|micros| calendar::add(micros, span)).map(Value::Timestamp))
}

fn between(args: &[Value<'_>]) -> Result<Value<'static>, String> {
    let micros = far(args[0].int().checked_sub(args[1].int()))?;
    // An i64 of microseconds is less than 2^31 days.
    Ok(Value::Interval(Span { months: 0, days: (micros / DAY) as i32, micros: micros % DAY }))
}

fn truncate(part: &str, micros: i64) -> Result<Value<'static>, String> {
    let (days, time) = calendar::split(micros);
    let date = Date::of(days);
    let first = |year, month| Date { year, month, day: 1 }.days();
    let unit = |unit: i64| micros.checked_sub(micros.rem_euclid(unit));
    let day = |days: Option<i32>| days.and_then(|days| calendar::join(days, 0));
    let weekday = calendar::iso_weekday(days) as i32;
    let start = match Part::named(part)? {
        Part::Millennium => day(first(date.year / 1000 * 1000, 1)),
        Part::Century => day(first(date.year / 100 * 100, 1)),
        Part::Decade => day(first(date.year / 10 * 10, 1)),
        Part::Year => day(first(date.year, 1)),
        Part::Quarter => day(first(date.year, (date.month - 1) / 3 * 3 + 1)),
        Part::Month => day(first(date.year, date.month)),
        Part::Week => day(days.checked_sub(weekday - 1)),
        Part::IsoYear => {
            let monday = days.checked_sub(weekday - 1);
            day(monday.and_then(|monday| monday.checked_sub((calendar::iso_week(days).1 as i32 - 1) * 7)))
        }
        Part::Day | Part::DayOfWeek | Part::IsoDayOfWeek | Part::DayOfYear => micros.checked_sub(time),
        Part::Hour => unit(HOUR),
        Part::Minute => unit(MINUTE),
        Part::Second | Part::Epoch => unit(SECOND),
        Part::Millisecond => unit(1000),
        Part::Microsecond => Some(micros),
    };
    far(start.map(Value::Timestamp))
}

/// How many boundaries of a unit lie between two times.
fn boundaries<'a>(args: &[Value<'a>], _: &mut Memory) -> Result<Value<'a>, String> {
    let (from, to) = (args[1].int(), args[2].int());
    let part = Part::named(args[0].str())?;
    if part == Part::Week {
        // Not by Mondays: whole weeks between the two days.
        let days = i64::from(calendar::split(to).0) - i64::from(calendar::split(from).0);
        return Ok(Value::BigInt(days / 7));
    }
    let index = |micros: i64| {
        let (days, _) = calendar::split(micros);
        let date = Date::of(days);
        match part {
            Part::Millennium => date.year / 1000,
            Part::Century => date.year / 100,
            Part::Decade => date.year / 10,
            Part::Year => date.year,
            Part::IsoYear => calendar::iso_week(days).0,
            Part::Quarter => (date.year * 12 + date.month - 1).div_euclid(3),
            Part::Month => date.year * 12 + date.month,
            Part::Week | Part::Day | Part::DayOfWeek | Part::IsoDayOfWeek | Part::DayOfYear => {
                i64::from(days)
            }
            Part::Hour => micros.div_euclid(HOUR),
            Part::Minute => micros.div_euclid(MINUTE),
            Part::Second | Part::Epoch => micros.div_euclid(SECOND),
            Part::Millisecond => micros.div_euclid(1000),
            Part::Microsecond => micros,
        }
    };
    far(index(to).checked_sub(index(from)).map(Value::BigInt))
}

/// How many whole units lie between two times.
fn whole_units<'a>(args: &[Value<'a>], _: &mut Memory) -> Result<Value<'a>, String> {
    let (from, to) = (args[1].int(), args[2].int());
    let micros = far(to.checked_sub(from))?;
    let months = |unit: i64| Ok(Value::BigInt(whole_months(from, to) / unit));
    let unit = match Part::named(args[0].str())? {
        Part::Millennium => return months(12_000),
        Part::Century => return months(1200),
        Part::Decade => return months(120),
        Part::Year | Part::IsoYear => return months(12),
        Part::Quarter => return months(3),
        Part::Month => return months(1),
        Part::Week => 7 * DAY,
        Part::Day | Part::DayOfWeek | Part::IsoDayOfWeek | Part::DayOfYear => DAY,
        Part::Hour => HOUR,
        Part::Minute => MINUTE,
        Part::Second | Part::Epoch => SECOND,
        Part::Millisecond => 1000,
        Part::Microsecond => 1,
    };
    Ok(Value::BigInt(micros / unit))
}

fn whole_months(from: i64, to: i64) -> i64 {
    if to < from {
        return -whole_months(to, from);
    }
    let ((from_days, from_time), (to_days, to_time)) = (calendar::split(from), calendar::split(to));
    let (a, b) = (Date::of(from_days), Date::of(to_days));
    let months = (b.year - a.year) * 12 + b.month - a.month;
    // A month that ends earlier is whole with its last day.
    let last = b.day == calendar::days_in_month(b.year, b.month) && a.day > b.day;
    let reached = last || (b.day, to_time) >= (a.day, from_time);
    let reached = reached && !(last && to_time < from_time);
    months - i64::from(!reached)
}

fn date(args: &[Value<'_>]) -> Result<i32, String> {
    let (year, month, day) = (args[0].int(), args[1].int(), args[2].int());
    Date { year: year.clamp(-9_000_000, 9_000_000), month, day }
        .days()
        .ok_or_else(|| format!("there is no date {year}-{month}-{day}"))
}

fn make_timestamp<'a>(args: &[Value<'a>], _: &mut Memory) -> Result<Value<'a>, String> {
    let days = date(args)?;
    let (hour, minute, second) = (args[3].int(), args[4].int(), args[5].float());
    if !(0..24).contains(&hour) || !(0..60).contains(&minute) || !(0.0..60.0).contains(&second) {
        return Err(format!("there is no time {hour}:{minute}:{second}"));
    }
    let time = hour * HOUR + minute * MINUTE + (second * 1e6).round() as i64;
    far(calendar::join(days, time).map(Value::Timestamp))
}
