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
/// A blank may stand for the `T`; seconds and the fraction may be left out; digits beyond microseconds are dropped.
pub fn parse_timestamp(text: &[u8]) -> Option<(i64, bool)> {
    let (days, rest) = date(text)?;
    let rest = rest.strip_prefix(b"T").or_else(|| rest.strip_prefix(b" "))?;
    let (hour, rest) = digits(rest, 2)?;
    let (minute, mut rest) = digits(rest.strip_prefix(b":")?, 2)?;
    let (mut second, mut micros) = (0, 0);
    if let Some(after) = rest.strip_prefix(b":") {
        (second, rest) = digits(after, 2)?;
        if let Some(after) = rest.strip_prefix(b".") {
            let count = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if count == 0 || count > 9 {
                return None;
            }
            let kept = count.min(6);
            micros = i64::from(digits(after, kept)?.0) * 10i64.pow(6 - kept as u32);
            rest = &after[count..];
        }
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = i64::from(days) * 86_400 + i64::from(hour * 3600 + minute * 60 + second);
    let offset = match rest {
        [] => None,
        b"Z" => Some(0),
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
    };
    Some(((seconds - offset.unwrap_or(0)) * MICROS_PER_SECOND + micros, offset.is_some()))
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
        for bad in
            ["1970-01-01", "1970-01-01T", "1970-01-01T24:00", "1970-01-01T00:00:", "1970-01-01T00:00:00."]
        {
            assert_eq!(parse_timestamp(bad.as_bytes()), None, "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read(micros in -62_000_000_000_000_000i64..200_000_000_000_000_000, utc: bool) {
            let text = format_timestamp(micros, utc);
            proptest::prop_assert_eq!(parse_timestamp(text.as_bytes()), Some((micros, utc)));
        }
    }
}
