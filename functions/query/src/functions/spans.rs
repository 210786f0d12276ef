//! Intervals: how they are made, read and written.

use super::{Function, strict, times::negated};
use crate::{
    calendar::{self, FAR, HOUR, MINUTE, SECOND},
    kind::Kind::{BigInt, Double, Interval},
    value::{Span, Value},
};

pub(super) static FUNCTIONS: &[Function] = &[
    strict("+", &[Interval, Interval], Interval, |a, _| sum(a[0].span(), a[1].span()).map(Value::Interval)),
    strict("-", &[Interval, Interval], Interval, |a, _| {
        sum(a[0].span(), negated(a[1].span())?).map(Value::Interval)
    }),
    strict("-", &[Interval], Interval, |a, _| negated(a[0].span()).map(Value::Interval)),
    strict("*", &[Interval, BigInt], Interval, |a, _| times(a[0].span(), a[1].int()).map(Value::Interval)),
    strict("*", &[BigInt, Interval], Interval, |a, _| times(a[1].span(), a[0].int()).map(Value::Interval)),
    strict("to_years", &[BigInt], Interval, |a, _| whole(a[0].int(), "year")),
    strict("to_months", &[BigInt], Interval, |a, _| whole(a[0].int(), "month")),
    strict("to_weeks", &[BigInt], Interval, |a, _| whole(a[0].int(), "week")),
    strict("to_days", &[BigInt], Interval, |a, _| whole(a[0].int(), "day")),
    strict("to_hours", &[BigInt], Interval, |a, _| whole(a[0].int(), "hour")),
    strict("to_minutes", &[BigInt], Interval, |a, _| whole(a[0].int(), "minute")),
    strict("to_seconds", &[Double], Interval, |a, _| of_units(a[0].float(), "second").map(Value::Interval)),
    strict("to_milliseconds", &[Double], Interval, |a, _| {
        of_units(a[0].float(), "millisecond").map(Value::Interval)
    }),
    strict("to_microseconds", &[BigInt], Interval, |a, _| whole(a[0].int(), "microsecond")),
];

fn sum(a: Span, b: Span) -> Result<Span, String> {
    let all = || {
        Some(Span {
            months: a.months.checked_add(b.months)?,
            days: a.days.checked_add(b.days)?,
            micros: a.micros.checked_add(b.micros)?,
        })
    };
    all().ok_or_else(|| FAR.to_owned())
}

fn times(span: Span, n: i64) -> Result<Span, String> {
    let all = || {
        Some(Span {
            months: i32::try_from(i64::from(span.months).checked_mul(n)?).ok()?,
            days: i32::try_from(i64::from(span.days).checked_mul(n)?).ok()?,
            micros: span.micros.checked_mul(n)?,
        })
    };
    all().ok_or_else(|| FAR.to_owned())
}

fn whole(n: i64, unit: &str) -> Result<Value<'static>, String> {
    times(span_of(unit)?, n).map(Value::Interval)
}

/// One of a unit, in one or several.
fn span_of(unit: &str) -> Result<Span, String> {
    let months = |months| Span { months, ..Span::default() };
    let days = |days| Span { days, ..Span::default() };
    let micros = |micros| Span { micros, ..Span::default() };
    let name = unit.to_lowercase();
    Ok(match name.strip_suffix('s').filter(|name| !name.is_empty()).unwrap_or(&name) {
        "millennium" => months(12_000),
        "century" | "centurie" => months(1200),
        "decade" => months(120),
        "year" | "y" | "yr" => months(12),
        "quarter" => months(3),
        "month" | "mon" => months(1),
        "week" | "w" => days(7),
        "day" | "d" => days(1),
        "hour" | "h" | "hr" => micros(HOUR),
        "minute" | "m" | "min" => micros(MINUTE),
        "second" | "s" | "sec" => micros(SECOND),
        "millisecond" | "ms" | "msec" => micros(1000),
        "microsecond" | "us" | "usec" => micros(1),
        _ => {
            return Err(format!(
                "`{unit}` is no unit of an INTERVAL; there are year, quarter, month, week, day, hour, minute, second, \
                 millisecond and microsecond"
            ));
        }
    })
}

/// So many units. What is not whole goes to the next smaller ones.
pub(crate) fn of_units(n: f64, unit: &str) -> Result<Span, String> {
    let one = span_of(unit)?;
    let whole = n.trunc();
    if whole.is_nan() || whole.abs() > 9e18 {
        return Err(FAR.to_owned());
    }
    let rest = n - whole;
    let mut span = times(one, whole as i64)?;
    if one.months > 1 {
        let months = (f64::from(one.months) * rest).trunc() as i32;
        span.months = span.months.checked_add(months).ok_or(FAR)?;
    } else if one.months == 1 || one.days > 0 {
        let days = if one.months == 1 { 30.0 * rest } else { f64::from(one.days) * rest };
        span.days = span.days.checked_add(days.trunc() as i32).ok_or(FAR)?;
        span.micros += ((days - days.trunc()) * calendar::DAY as f64).round() as i64;
    } else {
        let micros = (one.micros as f64 * rest).round() as i64;
        span.micros = span.micros.checked_add(micros).ok_or_else(|| FAR.to_owned())?;
    }
    Ok(span)
}

/// `1 month 2 days 03:00:00`.
pub(crate) fn parse(text: &str) -> Option<Span> {
    let mut span = Span::default();
    let mut words = text.split_whitespace();
    let mut any = false;
    while let Some(word) = words.next() {
        any = true;
        if word.contains(':') {
            span = sum(span, Span { micros: parse_time(word)?, ..Span::default() }).ok()?;
            continue;
        }
        let end = word.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(word.len());
        let (number, unit) = word.split_at(end);
        let number: f64 = number.parse().ok()?;
        let unit = if unit.is_empty() { words.next()? } else { unit };
        span = sum(span, of_units(number, unit).ok()?).ok()?;
    }
    any.then_some(span)
}

fn parse_time(word: &str) -> Option<i64> {
    let (negative, word) = word.strip_prefix('-').map_or((false, word), |rest| (true, rest));
    let mut parts = word.split(':');
    let (hours, minutes) = (parts.next()?.parse::<u32>().ok()?, parts.next()?.parse::<u32>().ok()?);
    let seconds: f64 = parts.next().map_or(Some(0.0), |seconds| seconds.parse().ok())?;
    if parts.next().is_some() || minutes > 59 || !(0.0..60.0).contains(&seconds) {
        return None;
    }
    let rest = i64::from(minutes) * MINUTE + (seconds * 1e6).round() as i64;
    let micros = i64::from(hours).checked_mul(HOUR)?.checked_add(rest)?;
    Some(if negative { -micros } else { micros })
}

pub(crate) fn format(span: Span) -> String {
    let mut parts = Vec::new();
    for (n, unit) in [(span.months / 12, "year"), (span.months % 12, "month"), (span.days, "day")] {
        if n != 0 {
            parts.push(format!("{n} {unit}{}", if n.abs() == 1 { "" } else { "s" }));
        }
    }
    if span.micros != 0 || parts.is_empty() {
        let sign = if span.micros < 0 { "-" } else { "" };
        parts.push(format!("{sign}{}", calendar::format_time(span.micros.saturating_abs())));
    }
    parts.join(" ")
}
