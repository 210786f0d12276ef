//! Dates and times as text: ISO 8601, as RFC 3339 and pandas write it.

use chrono::{DateTime, Datelike as _, NaiveDate};

const UNIX_EPOCH_FROM_CE: i32 = 719_163;
const MICROS_PER_SECOND: i64 = 1_000_000;

/// Days since 1970 from `2024-01-31`.
pub fn parse_date(text: &[u8]) -> Option<i32> {
    let (days, rest) = date(text)?;
    rest.is_empty().then_some(days)
}

/// Microseconds since 1970 from `2024-01-31T09:30:00.5+02:00`, and whether a zone was given (the time is in UTC then).
/// A blank may stand for the `T`; seconds and the fraction may be left out, digits beyond microseconds are
/// dropped. The zone is `Z`, `UTC`, `GMT` or an offset of up to 23:59, with a blank
/// before it or not. 24:00 is the next day's midnight, and a leap second (:60) the second after it, as in POSIX.
pub fn parse_timestamp(text: &[u8]) -> Option<(i64, bool)> {
    let (days, rest) = date(text)?;
    let (b'T' | b't' | b' ', rest) = rest.split_first().map(|(first, rest)| (*first, rest))? else {
        return None;
    };
    let (hour, rest) = digits(rest, 2)?;
    let (minute, mut rest) = digits(rest.strip_prefix(b":")?, 2)?;
    let (mut second, mut micros) = (0, 0);
    if let Some(after) = rest.strip_prefix(b":") {
        (second, rest) = digits(after, 2)?;
        if let Some(after) = rest.strip_prefix(b".") {
            let count = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if count == 0 {
                return None;
            }
            let kept = count.min(6);
            micros = i64::from(digits(after, kept)?.0) * 10i64.pow(6 - kept as u32);
            rest = &after[count..];
        }
    }
    let midnight = hour == 24 && minute == 0 && second == 0 && micros == 0;
    if (hour > 23 && !midnight) || minute > 59 || second > 60 {
        return None;
    }
    let offset = offset(rest)?;
    let seconds = i64::from(days) * 86_400 + i64::from(hour * 3600 + minute * 60 + second);
    let seconds = seconds - offset.unwrap_or(0);
    // Leap seconds come at the end of a day of UTC, and have no fraction of their own.
    if second == 60 {
        let of_day = seconds.rem_euclid(86_400);
        return (of_day == 0 || offset.is_none() && minute == 59)
            .then_some((seconds * MICROS_PER_SECOND, offset.is_some()));
    }
    Some((seconds * MICROS_PER_SECOND + micros, offset.is_some()))
}

/// Seconds east of UTC; none if no zone is given.
fn offset(text: &[u8]) -> Option<Option<i64>> {
    let zone = text.strip_prefix(b" ").unwrap_or(text);
    Some(match zone {
        [] if text.is_empty() => None,
        b"Z" | b"z" | b"UTC" | b"GMT" => Some(0),
        [sign @ (b'+' | b'-'), zone @ ..] => {
            let (hours, rest) = digits(zone, 2)?;
            let (minutes, rest) = match rest {
                [] => (0, rest),
                rest => digits(rest.strip_prefix(b":").unwrap_or(rest), 2)?,
            };
            if !rest.is_empty() || hours > 23 || minutes > 59 {
                return None;
            }
            let offset = i64::from(hours * 3600 + minutes * 60);
            Some(if *sign == b'-' { -offset } else { offset })
        }
        _ => return None,
    })
}

fn date(text: &[u8]) -> Option<(i32, &[u8])> {
    let (year, rest) = digits(text, 4)?;
    let (month, rest) = digits(rest.strip_prefix(b"-")?, 2)?;
    let (day, rest) = digits(rest.strip_prefix(b"-")?, 2)?;
    let date = NaiveDate::from_ymd_opt(year as i32, month, day)?;
    Some((date.num_days_from_ce() - UNIX_EPOCH_FROM_CE, rest))
}

fn digits(text: &[u8], count: usize) -> Option<(u32, &[u8])> {
    let (digits, rest) = text.split_at_checked(count)?;
    let number = digits
        .iter()
        .try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0')))?;
    Some((number, rest))
}

/// `2024-01-31` from days since 1970. Empty if the calendar does not reach so far.
pub fn format_date(days: i32) -> String {
    days.checked_add(UNIX_EPOCH_FROM_CE)
        .and_then(NaiveDate::from_num_days_from_ce_opt)
        .map_or(String::new(), |date| date.to_string())
}

/// `2024-01-31T09:30:00.500` from microseconds since 1970, with a `Z` in UTC. Empty if the calendar does not reach so
/// far.
pub fn format_timestamp(micros: i64, utc: bool) -> String {
    let Some(time) = DateTime::from_timestamp_micros(micros) else { return String::new() };
    let time = time.naive_utc();
    let zone = if utc { "Z" } else { "" };
    format!("{}T{}{zone}", time.date(), time.time())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_days_since_1970() {
        assert_eq!(parse_date(b"1970-01-01"), Some(0));
        assert_eq!(parse_date(b"1969-12-31"), Some(-1));
        assert_eq!(parse_date(b"2024-02-29"), Some(19_782));
        for bad in ["2023-02-29", "2024-13-01", "2024-1-1", "24-01-01", "2024-01-01x", "20240101", ""] {
            assert_eq!(parse_date(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(format_date(19_782), "2024-02-29");
    }

    #[test]
    fn timestamps_know_their_zone() {
        assert_eq!(parse_timestamp(b"1970-01-01T00:00:01"), Some((1_000_000, false)));
        assert_eq!(parse_timestamp(b"1970-01-01 00:00:01.5Z"), Some((1_500_000, true)));
        assert_eq!(parse_timestamp(b"1970-01-01T02:00+02:00"), Some((0, true)));
        assert_eq!(parse_timestamp(b"1969-12-31T23:59:59.999999999-0000"), Some((-1, true)));
        for bad in [
            "1970-01-01",
            "1970-01-01T",
            "1970-01-01T24:01",
            "1970-01-01T24:00:01",
            "1970-01-01T25:00",
            "1970-01-01T00:60",
            "1970-01-01T00:00:",
            "1970-01-01T00:00:00.",
            "1970-01-01T00:00:61",
            "70-01-01T00:00:00",
            "1970-01-01T00:00:00+24:00",
            "1970-01-01T00:00:00+05:60",
            "1970-01-01T00:00:00+5",
            "1970-01-01T00:00:00 ",
            "1970-01-01T00:00:00 CET",
            "1970-01-01T00:00:00ZZ",
        ] {
            assert_eq!(parse_timestamp(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn ends_of_days_and_zones_by_name() {
        let midnight = parse_timestamp(b"2017-01-01T00:00:00").unwrap().0;
        for (text, after) in [
            ("2016-12-31T24:00", 0),
            ("2016-12-31 24:00:00.0", 0),
            ("2016-12-31T23:59:60Z", 0),
            ("2017-01-01T08:59:60.5+09:00", 0),
            ("2016-12-31T23:59:60", 0),
            ("2016-12-31 23:59:59.25 UTC", -750_000),
            ("2017-01-01t00:00:00z", 0),
            ("2017-01-01 00:00:00GMT", 0),
            ("2017-01-01 05:30:00 +0530", 0),
            ("2017-01-01T00:00:00.0000001234567", 0),
        ] {
            assert_eq!(
                parse_timestamp(text.as_bytes()).map(|(time, _)| time - midnight),
                Some(after),
                "{text}"
            );
        }
        // Not where no leap second can be.
        assert_eq!(parse_timestamp(b"2017-01-01T12:00:60Z"), None);
        assert_eq!(parse_timestamp(b"2017-01-01T12:30:60"), None);
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read(micros in -62_000_000_000_000_000i64..200_000_000_000_000_000, utc: bool) {
            let text = format_timestamp(micros, utc);
            proptest::prop_assert_eq!(parse_timestamp(text.as_bytes()), Some((micros, utc)));
        }
    }
}
