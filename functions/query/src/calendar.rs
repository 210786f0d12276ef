//! The proleptic Gregorian calendar: days and microseconds since 1970.

use crate::value::Span;

pub(crate) const SECOND: i64 = 1_000_000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

pub(crate) const FAR: &str = "the result is beyond the dates that can be held";

/// A date by its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Date {
    pub year: i64,
    pub month: i64,
    pub day: i64,
}

pub(crate) fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

pub(crate) fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl Date {
    /// The date of a day since 1970.
    pub fn of(days: i32) -> Self {
        // Howard Hinnant's `civil_from_days`: years begin in March, so that the leap day is the last.
        let z = i64::from(days) + 719_468;
        let era = z.div_euclid(146_097);
        let doe = z.rem_euclid(146_097);
        let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        Self { year: yoe + era * 400 + i64::from(month <= 2), month, day: doy - (153 * mp + 2) / 5 + 1 }
    }

    /// Days since 1970. None where there is no such date.
    pub fn days(self) -> Option<i32> {
        let Self { year, month, day } = self;
        let valid = (1..=12).contains(&month) && day >= 1 && day <= days_in_month(year, month);
        if !valid || year.unsigned_abs() > 6_000_000 {
            return None;
        }
        let y = if month <= 2 { year - 1 } else { year };
        let doy = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
        let yoe = y.rem_euclid(400);
        let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
        i32::try_from(y.div_euclid(400) * 146_097 + doe - 719_468).ok()
    }

    /// The same day of a month as many months away, or its last day.
    pub fn add_months(self, months: i64) -> Self {
        let months = self.year * 12 + self.month - 1 + months;
        let (year, month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
        Self { year, month, day: self.day.min(days_in_month(year, month)) }
    }
}

/// From Monday, 1, to Sunday, 7.
pub(crate) fn iso_weekday(days: i32) -> i64 {
    (i64::from(days) + 3).rem_euclid(7) + 1
}

/// The ISO year and week of a day.
pub(crate) fn iso_week(days: i32) -> (i64, i64) {
    // The week belongs to the year of its Thursday.
    let thursday = i64::from(days) - iso_weekday(days) + 4;
    let year = Date::of(thursday as i32).year;
    let first = Date { year, month: 1, day: 1 }.days().map_or(0, i64::from);
    (year, (thursday - first) / 7 + 1)
}

/// The day in the year, from 1.
pub(crate) fn day_of_year(days: i32) -> i64 {
    let first = Date { year: Date::of(days).year, month: 1, day: 1 };
    i64::from(days) - first.days().map_or(0, i64::from) + 1
}

/// The day and the microseconds in it.
pub(crate) fn split(micros: i64) -> (i32, i64) {
    (micros.div_euclid(DAY) as i32, micros.rem_euclid(DAY))
}

/// Microseconds since 1970 of a day and the time in it.
pub(crate) fn join(days: i32, time: i64) -> Option<i64> {
    i64::from(days).checked_mul(DAY)?.checked_add(time)
}

/// A time as many months, days and microseconds later.
pub(crate) fn add(micros: i64, span: Span) -> Option<i64> {
    let (days, time) = split(micros);
    let days = if span.months == 0 { days } else { Date::of(days).add_months(span.months.into()).days()? };
    join(days.checked_add(span.days)?, time)?.checked_add(span.micros)
}

/// `2024-01-31`.
pub(crate) fn format_date(days: i32) -> String {
    let Date { year, month, day } = Date::of(days);
    match year {
        1.. => format!("{year:04}-{month:02}-{day:02}"),
        _ => format!("{:04}-{month:02}-{day:02} (BC)", 1 - year),
    }
}

/// `10:11:12`, with as much of the fraction as there is.
pub(crate) fn format_time(micros: i64) -> String {
    let (h, m, s, f) = (micros / HOUR, micros / MINUTE % 60, micros / SECOND % 60, micros % SECOND);
    let text = format!("{h:02}:{m:02}:{s:02}");
    if f == 0 { text } else { format!("{text}.{}", format!("{f:06}").trim_end_matches('0')) }
}

/// `2024-01-31 10:11:12`.
pub(crate) fn format_timestamp(micros: i64) -> String {
    let (days, time) = split(micros);
    format!("{} {}", format_date(days), format_time(time))
}

/// A time as it is written, with the offset in microseconds, if there is one.
pub(crate) fn parse_timestamp(text: &str) -> Option<(i64, Option<i64>)> {
    let mut rest = Cursor { rest: text.trim().as_bytes() };
    let negative = rest.eat(b"-").is_some();
    let year = rest.digits(1, 6)?;
    let separator = rest.eat(b"-/\\ ")?;
    let month = rest.digits(1, 2)?;
    rest.eat(&[separator])?;
    let day = rest.digits(1, 2)?;
    let days = Date { year: if negative { -year } else { year }, month, day }.days()?;
    if rest.rest.is_empty() {
        return Some((join(days, 0)?, None));
    }
    rest.eat(b"T ")?;
    while rest.eat(b" ").is_some() {}
    let hour = rest.digits(1, 2)?;
    rest.eat(b":")?;
    let minute = rest.digits(1, 2)?;
    let (mut second, mut fraction) = (0, 0);
    if rest.eat(b":").is_some() {
        second = rest.digits(1, 2)?;
        if rest.eat(b".").is_some() {
            let mut unit = 100_000;
            while let Some(&digit @ b'0'..=b'9') = rest.rest.first() {
                fraction += i64::from(digit - b'0') * unit;
                unit /= 10;
                rest.rest = &rest.rest[1..];
            }
        }
    }
    let midnight = hour == 24 && minute + second + fraction == 0;
    if (hour > 23 && !midnight) || minute > 59 || second > 59 {
        return None;
    }
    let offset = rest.offset()?;
    rest.rest.is_empty().then_some(())?;
    Some((join(days, hour * HOUR + minute * MINUTE + second * SECOND + fraction)?, offset))
}

/// What is left of a text.
pub(crate) struct Cursor<'a> {
    pub rest: &'a [u8],
}

impl Cursor<'_> {
    /// One of these bytes.
    pub fn eat(&mut self, bytes: &[u8]) -> Option<u8> {
        let byte = *self.rest.first()?;
        bytes.contains(&byte).then(|| self.rest = &self.rest[1..])?;
        Some(byte)
    }

    /// A number of so many digits.
    pub fn digits(&mut self, least: usize, most: usize) -> Option<i64> {
        let n = self.rest.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
        if n < least {
            return None;
        }
        let (digits, rest) = self.rest.split_at(n);
        self.rest = rest;
        Some(digits.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
    }

    /// An offset from UTC in microseconds, if there is one: `Z`, `UTC`, `+02`, `-02:30`, `+0200`. None if it is wrong.
    pub fn offset(&mut self) -> Option<Option<i64>> {
        while self.eat(b" ").is_some() {}
        if self.rest.is_empty() {
            return Some(None);
        }
        if self.rest.eq_ignore_ascii_case(b"utc") || self.rest.eq_ignore_ascii_case(b"z") {
            self.rest = &[];
            return Some(Some(0));
        }
        let sign = if self.eat(b"+-")? == b'-' { -1 } else { 1 };
        let hours = self.digits(1, 2)?;
        let colon = self.eat(b":").is_some();
        let minutes = if colon || !self.rest.is_empty() { self.digits(2, 2)? } else { 0 };
        (hours <= 15 && minutes <= 59).then_some(Some(sign * (hours * HOUR + minutes * MINUTE)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_inverse() {
        for days in (-3_000_000..3_000_000).step_by(37) {
            assert_eq!(Date::of(days).days(), Some(days));
        }
        assert_eq!(Date { year: 2023, month: 2, day: 29 }.days(), None);
    }

    #[test]
    fn weeks_belong_to_the_year_of_their_thursday() {
        let day = |year, month, day| Date { year, month, day }.days().unwrap();
        assert_eq!(iso_week(day(2024, 12, 31)), (2025, 1));
        assert_eq!(iso_week(day(2021, 1, 3)), (2020, 53));
        assert_eq!(iso_weekday(day(2024, 1, 7)), 7);
    }

    #[test]
    fn times_are_read_as_they_are_written() {
        let (time, offset) = parse_timestamp("2024-02-03 10:11:12.5+02").unwrap();
        assert_eq!((format_timestamp(time).as_str(), offset), ("2024-02-03 10:11:12.5", Some(2 * HOUR)));
        for wrong in ["2024-02-30", "2024-01", "20240101", "2024-01-01x", "2024-01-01 25:00", ""] {
            assert_eq!(parse_timestamp(wrong), None, "{wrong}");
        }
    }
}
