//! Conditional requests and ranges (RFC 9110, 13 and 14), as S3 answers them.

use http::{HeaderMap, HeaderName, header};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

/// What is asked for, of an object of some size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All of it.
    Whole,
    /// The bytes from the first to the last.
    Part(u64, u64),
    /// Bytes that are not there (416).
    Beyond,
    /// It is as the client has it (304).
    NotModified,
    /// It is not as the client wants it (412).
    Changed,
}

/// What a request wants of an object with that entity tag and time of change, in seconds since 1970 UTC. Of several ranges none
/// is taken, as S3 has it: the whole object is a good answer to each of them. So it is where a range can't be read.
pub fn wanted(headers: &HeaderMap, size: u64, etag: &str, modified: i64) -> Wanted {
    if let Some(tags) = list(headers, &header::IF_MATCH) {
        if !tags.iter().any(|tag| *tag == "*" || *tag == etag) {
            return Wanted::Changed;
        }
    } else if date(headers, &header::IF_UNMODIFIED_SINCE).is_some_and(|date| modified > date) {
        return Wanted::Changed;
    }
    if let Some(tags) = list(headers, &header::IF_NONE_MATCH) {
        if tags.iter().any(|tag| *tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag) {
            return Wanted::NotModified;
        }
    } else if date(headers, &header::IF_MODIFIED_SINCE).is_some_and(|date| modified <= date) {
        return Wanted::NotModified;
    }
    let mut ranges = headers.get_all(header::RANGE).iter();
    let (Some(range), None) = (ranges.next().and_then(|range| range.to_str().ok()), ranges.next()) else {
        return Wanted::Whole;
    };
    if let Some(validator) = headers.get(header::IF_RANGE) {
        let text = validator.to_str().unwrap_or_default().trim();
        // A weak tag never fits; a date only if it is that of the object.
        if text != etag && seconds(text) != Some(modified) {
            return Wanted::Whole;
        }
    }
    part(range, size)
}

/// `bytes=FIRST-LAST`, `bytes=FIRST-` or `bytes=-COUNT`.
fn part(range: &str, size: u64) -> Wanted {
    let Some((unit, spec)) = range.split_once('=') else { return Wanted::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Wanted::Whole;
    }
    let Some((first, last)) = spec.trim().split_once('-') else { return Wanted::Whole };
    let (first, last) = (first.trim(), last.trim());
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first > last => Wanted::Whole,
        (Some(_), None) if !last.is_empty() => Wanted::Whole,
        (Some(first), _) if first >= size => Wanted::Beyond,
        (Some(first), last) => Wanted::Part(first, last.unwrap_or(u64::MAX).min(size - 1)),
        (None, Some(count)) if first.is_empty() => match count.min(size) {
            0 => Wanted::Beyond,
            count => Wanted::Part(size - count, size - 1),
        },
        _ => Wanted::Whole,
    }
}

/// A number of any length: what does not fit is more than any size.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

/// The members of a list of tags; none if the header is not there. No tag of ours holds a comma.
fn list<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Vec<&'a str>> {
    if !headers.contains_key(name) {
        return None;
    }
    let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
    Some(lines.flat_map(|line| line.split(',')).map(str::trim).filter(|tag| !tag.is_empty()).collect())
}

fn date(headers: &HeaderMap, name: &HeaderName) -> Option<i64> {
    seconds(headers.get(name)?.to_str().ok()?.trim())
}

/// An HTTP date, such as `Tue, 14 Nov 2023 22:13:20 GMT`; one that can't be read says nothing.
fn seconds(text: &str) -> Option<i64> {
    let time = DateTime::strptime("%a, %d %b %Y %H:%M:%S GMT", text).ok()?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
}

/// A time as HTTP writes it.
pub fn http_date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ETAG: &str = "\"tag\"";
    /// Tue, 14 Nov 2023 22:13:20 GMT
    const AT: i64 = 1_700_000_000;

    fn of(pairs: &[(&'static str, &str)], size: u64) -> Wanted {
        let headers = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        wanted(&headers, size, ETAG, AT)
    }

    #[test]
    fn a_range_is_cut_to_the_object() {
        for (range, expected) in [
            ("bytes=0-9", Wanted::Part(0, 9)),
            ("bytes=0-0", Wanted::Part(0, 0)),
            ("bytes=90-", Wanted::Part(90, 99)),
            ("bytes=90-1000", Wanted::Part(90, 99)),
            ("bytes=99-99", Wanted::Part(99, 99)),
            ("bytes=-1", Wanted::Part(99, 99)),
            ("bytes=-1000", Wanted::Part(0, 99)),
            ("Bytes = 5 - 6 ", Wanted::Part(5, 6)),
            ("bytes=0-99999999999999999999999", Wanted::Part(0, 99)),
            ("bytes=100-", Wanted::Beyond),
            ("bytes=100-200", Wanted::Beyond),
            ("bytes=99999999999999999999999-", Wanted::Beyond),
            ("bytes=-0", Wanted::Beyond),
            // Several, other units, and what can't be read.
            ("bytes=0-1,5-6", Wanted::Whole),
            ("bytes=0-1,", Wanted::Whole),
            ("rows=0-1", Wanted::Whole),
            ("bytes=6-5", Wanted::Whole),
            ("bytes=", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
            ("bytes=1-b", Wanted::Whole),
            ("bytes=a-1", Wanted::Whole),
            ("bytes=--1", Wanted::Whole),
            ("bytes=+1-2", Wanted::Whole),
            ("bytes", Wanted::Whole),
            ("", Wanted::Whole),
        ] {
            assert_eq!(of(&[("range", range)], 100), expected, "{range}");
        }
        assert_eq!(of(&[("range", "bytes=0-")], 0), Wanted::Beyond);
        assert_eq!(of(&[("range", "bytes=-5")], 0), Wanted::Beyond);
        assert_eq!(of(&[("range", "bytes=0-1"), ("range", "bytes=5-6")], 100), Wanted::Whole);
        assert_eq!(of(&[], 0), Wanted::Whole);
    }

    #[test]
    fn conditions_come_before_ranges() {
        let range = ("range", "bytes=0-9");
        let (before, then, after) = (
            "Tue, 14 Nov 2023 22:13:19 GMT",
            "Tue, 14 Nov 2023 22:13:20 GMT",
            "Tue, 14 Nov 2023 22:13:21 GMT",
        );
        let part = Wanted::Part(0, 9);
        for (header, value, expected) in [
            ("if-match", ETAG, part),
            ("if-match", "*", part),
            ("if-match", "\"other\", \"tag\"", part),
            ("if-match", "\"other\"", Wanted::Changed),
            ("if-match", "W/\"tag\"", Wanted::Changed),
            ("if-unmodified-since", then, part),
            ("if-unmodified-since", before, Wanted::Changed),
            ("if-unmodified-since", "yesterday", part),
            ("if-none-match", ETAG, Wanted::NotModified),
            ("if-none-match", "W/\"tag\"", Wanted::NotModified),
            ("if-none-match", "*", Wanted::NotModified),
            ("if-none-match", "\"other\"", part),
            ("if-modified-since", then, Wanted::NotModified),
            ("if-modified-since", after, Wanted::NotModified),
            ("if-modified-since", before, part),
            ("if-range", ETAG, part),
            ("if-range", then, part),
            ("if-range", "\"other\"", Wanted::Whole),
            ("if-range", "W/\"tag\"", Wanted::Whole),
            ("if-range", after, Wanted::Whole),
        ] {
            assert_eq!(of(&[range, (header, value)], 100), expected, "{header}: {value}");
        }
        // A tag counts more than a date.
        assert_eq!(of(&[("if-match", ETAG), ("if-unmodified-since", before)], 1), Wanted::Whole);
        assert_eq!(of(&[("if-none-match", "\"other\""), ("if-modified-since", after)], 1), Wanted::Whole);
        assert_eq!(of(&[("if-match", "\"other\""), ("if-none-match", ETAG)], 1), Wanted::Changed);
    }

    #[test]
    fn dates_are_written_as_they_are_read() {
        let at = Timestamp::from_second(AT).unwrap();
        assert_eq!(
            (http_date(at).as_str(), seconds(&http_date(at))),
            ("Tue, 14 Nov 2023 22:13:20 GMT", Some(AT))
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_harm(range in "[ -~]{0,40}", size: u64) {
            if let Wanted::Part(first, last) = of(&[("range", &range)], size) {
                prop_assert!(first <= last && last < size);
            }
        }

        #[test]
        fn parts_one_after_the_other_are_the_whole(size in 1..5000_u64, step in 1..1000_u64) {
            let mut next = 0;
            while next < size {
                let range = format!("bytes={next}-{}", next + step - 1);
                let Wanted::Part(first, last) = of(&[("range", &range)], size) else { panic!("{range}") };
                prop_assert_eq!(first, next);
                next = last + 1;
            }
            prop_assert_eq!(next, size);
            prop_assert_eq!(of(&[("range", &format!("bytes={next}-"))], size), Wanted::Beyond);
        }
    }
}
