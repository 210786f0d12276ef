//! `Accept` (RFC 9110, 12.5.1): which media types a caller takes, best first.
//!
//! The function that answers decides which of them it writes. It gets those that the caller takes, by falling weight; those of
//! weight 0 are left out, and a range such as `*/*` is spelled out where it holds a type that is named with a lower weight.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName};

use crate::fault::{Fault, Kind};

/// What models write, for ranges that have to be spelled out.
const KNOWN: [&str; 4] =
    ["text/csv", "application/json", "application/x-ndjson", "application/vnd.apache.arrow.stream"];

/// A range of media types with its weight, in thousandths.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Range<'a> {
    /// With its parameters, as it came.
    written: Cow<'a, str>,
    /// Without them, in lower case, under its usual name.
    essence: Cow<'a, str>,
    weight: u16,
}

/// What is better than nothing where types are only excluded.
static EVERYTHING: [Range<'static>; 1] =
    [Range { written: Cow::Borrowed("*/*"), essence: Cow::Borrowed("*/*"), weight: 1 }];

/// The media types that a caller takes, best first, for rows of `content_type`; none if nothing is said, or nothing that can be
/// read. Several lines are one list.
///
/// # Errors
/// `NotAcceptable`: there is nothing that the caller takes.
pub fn of<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    content_type: &str,
) -> Result<Option<Cow<'a, str>>, Fault> {
    let mut lines = headers.get_all(name).iter();
    let (Some(first), more) = (lines.next(), lines.next().is_some()) else { return Ok(None) };
    if let Ok(plain) = first.to_str()
        && !more
        && KNOWN.contains(&plain)
    {
        return Ok(Some(Cow::Borrowed(plain)));
    }
    // Bytes that are not ASCII are in no media type.
    let list: Vec<&str> = headers.get_all(name).iter().filter_map(|line| line.to_str().ok()).collect();
    let ranges = ranges(&list);
    if ranges.is_empty() {
        return Ok(None);
    }
    let wanted = wanted(&ranges, content_type);
    if wanted.is_empty() {
        let list = list.join(", ");
        let message =
            format!("`{name}: {list}` takes nothing that models write; they write {}", KNOWN.join(", "));
        return Err(Fault::new(Kind::NotAcceptable, message).parameter(name.to_string()));
    }
    Ok(Some(Cow::Owned(wanted.join(", "))))
}

/// Whether a browser's page is wanted more than data: it has more weight, or as much and is named where data is not.
pub fn prefers(headers: &HeaderMap, name: &HeaderName, this: &str, that: &str) -> bool {
    let list: Vec<&str> = headers.get_all(name).iter().filter_map(|line| line.to_str().ok()).collect();
    let ranges = ranges(&list);
    let wanted = |essence: &str| {
        let weight = weight(&ranges, essence).unwrap_or(0);
        (weight, weight > 0 && ranges.iter().any(|range| range.essence == essence))
    };
    wanted(this) > wanted(that)
}

fn ranges<'a>(lines: &[&'a str]) -> Vec<Range<'a>> {
    lines.iter().flat_map(|line| split(line, ',')).filter_map(Range::parse).collect()
}

impl<'a> Range<'a> {
    /// None for what is no range: it says nothing.
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = split(text, ';');
        let written = parts.next()?.trim();
        // What Java's clients send for `*/*`.
        let written = if written == "*" { "*/*" } else { written };
        let (kind, subtype) = written.split_once('/')?;
        if !is_token(kind) || !is_token(subtype) || (kind == "*" && subtype != "*") {
            return None;
        }
        let mut range =
            Self { written: Cow::Borrowed(written), essence: Cow::Owned(essence(written)), weight: 1000 };
        for parameter in parts {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let (name, value) = (name.trim(), value.trim());
            if name.eq_ignore_ascii_case("q") {
                range.weight = thousandths(value)?;
                // What follows belongs to the weight.
                break;
            }
            // Quoted text could hold what separates types.
            if is_token(name) && is_token(value) {
                range.written = Cow::Owned(format!("{};{name}={value}", range.written));
            }
        }
        Some(range)
    }

    fn is_wide(&self) -> bool {
        self.essence.ends_with("/*")
    }

    fn holds(&self, essence: &str) -> bool {
        match self.essence.strip_suffix('*') {
            Some("*/") => true,
            Some(kind) => essence.starts_with(kind),
            None => self.essence == essence,
        }
    }
}

/// Best first. Those of one weight stay in their order.
fn wanted<'a>(ranges: &'a [Range<'a>], content_type: &str) -> Vec<&'a str> {
    let mut all: Vec<(u16, &str)> = Vec::new();
    let own = essence(content_type);
    let (first, others): (Vec<&str>, Vec<&str>) = KNOWN.iter().partition(|known| **known == own);
    let known = || first.iter().chain(&others).copied();
    // Without any type that is taken, whatever is not excluded is better than nothing.
    let none_is_taken = ranges.iter().all(|range| range.weight == 0);
    let nothing_at_all = ranges.iter().any(|range| range.essence == "*/*" && range.weight == 0);
    let added: &'a [Range<'a>] = if none_is_taken && !nothing_at_all { &EVERYTHING } else { &[] };
    for range in ranges.iter().filter(|range| range.weight > 0).chain(added) {
        if !range.is_wide() {
            if weight(ranges, &range.essence) == Some(range.weight) {
                all.push((range.weight, &range.written));
            }
            continue;
        }
        let lower = ranges.iter().any(|other| {
            other.weight < range.weight && range.holds(&other.essence) && other.essence != range.essence
        });
        if lower {
            let here = known().filter(|known| {
                range.holds(known) && weight(ranges, known).unwrap_or(range.weight) == range.weight
            });
            all.extend(here.map(|known| (range.weight, known)));
        } else {
            all.push((range.weight, if range.essence == "*/*" { "*/*" } else { &range.written }));
        }
    }
    all.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    all.into_iter().map(|(_, written)| written).collect()
}

/// The weight of a type: that of the narrowest range that holds it; the highest, if that is there more than once.
fn weight(ranges: &[Range<'_>], essence: &str) -> Option<u16> {
    let width = |range: &Range<'_>| match &*range.essence {
        "*/*" => 2,
        _ if range.is_wide() => 1,
        _ => 0,
    };
    let narrowest = ranges.iter().filter(|range| range.holds(essence)).map(width).min()?;
    let those = ranges.iter().filter(|range| range.holds(essence) && width(range) == narrowest);
    those.map(|range| range.weight).max()
}

fn essence(media_type: &str) -> String {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/csv" => "text/csv".to_owned(),
        "application/ndjson" | "application/jsonlines" | "application/jsonl" | "application/x-jsonlines" => {
            "application/x-ndjson".to_owned()
        }
        _ => essence,
    }
}

/// From 0 to 1 with three digits after the point at most; some clients leave out the one before it.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole: u16 = if whole.is_empty() && !fraction.is_empty() { 0 } else { whole.parse().ok()? };
    if !fraction.bytes().all(|digit| digit.is_ascii_digit()) || !text.starts_with(['0', '1', '.']) {
        return None;
    }
    // More digits than that are cut off; a weight that is not 0 does not become 0 by it.
    let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
    let cut: u16 = digits.parse().ok()?;
    let cut = if cut == 0 && fraction.bytes().any(|digit| digit != b'0') { 1 } else { cut };
    let all = whole.checked_mul(1000)?.checked_add(cut)?;
    (all <= 1000).then_some(all)
}

fn is_token(text: &str) -> bool {
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(fine)
}

/// Splits where `at` is in no quoted text.
fn split(text: &str, at: char) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let here = rest?;
        let (mut quoted, mut escaped) = (false, false);
        let end = here.char_indices().find(|(_, letter)| {
            let ends = *letter == at && !quoted;
            match letter {
                _ if escaped => escaped = false,
                '\\' if quoted => escaped = true,
                '"' => quoted = !quoted,
                _ => {}
            }
            ends
        });
        match end {
            Some((place, _)) => {
                rest = Some(&here[place + at.len_utf8()..]);
                Some(&here[..place])
            }
            None => {
                rest = None;
                Some(here)
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use http::header::ACCEPT;
    use proptest::prelude::*;

    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (ACCEPT, line.parse().unwrap())).collect()
    }

    fn given(lines: &[&str], content_type: &str) -> Option<String> {
        of(&headers(lines), &ACCEPT, content_type).unwrap().map(Cow::into_owned)
    }

    #[test]
    fn weights_decide_and_the_order_among_equals() {
        for (line, expected) in [
            ("text/csv;q=0.1, application/json;q=0.9", "application/json, text/csv"),
            ("application/json;q=0, text/csv", "text/csv"),
            (
                "application/json;q=0.2, */*;q=0.1, application/x-ndjson",
                "application/x-ndjson, application/json, */*",
            ),
            ("text/csv, application/json", "text/csv, application/json"),
            ("application/json, text/csv", "application/json, text/csv"),
            ("*/*", "*/*"),
            ("text/*;q=.3,application/*", "application/*, text/*"),
            ("TEXT/CSV ; Q=0.5 , application/JSON", "application/JSON, TEXT/CSV"),
            ("text/csv;header=present;q=0.5;x=y, text/html", "text/html, text/csv;header=present"),
            ("application/xml, application/x-mine;q=0.001", "application/xml, application/x-mine"),
            ("text/html, image/gif, *; q=.2, */*; q=.2", "text/html, image/gif, */*, */*"),
            (",, ,text/csv,", "text/csv"),
            ("text/csv;q=0.0001", "text/csv"),
            (r#"text/csv;note="a,b;q=0", application/json;q=0.5"#, "text/csv, application/json"),
        ] {
            assert_eq!(given(&[line], "text/csv").as_deref(), Some(expected), "{line}");
        }
    }

    #[test]
    fn several_lines_are_one_list() {
        assert_eq!(
            given(&["text/html;q=0.5", "application/json"], "text/csv").unwrap(),
            "application/json, text/html"
        );
        assert_eq!(given(&["application/json", ""], "text/csv").unwrap(), "application/json");
    }

    #[test]
    fn a_range_gives_way_to_what_is_named_in_it() {
        // Anything rather than CSV, and JSON not at all.
        let line = "*/*, text/csv;q=0.1, application/json;q=0";
        let expected = "application/x-ndjson, application/vnd.apache.arrow.stream, text/csv";
        assert_eq!(given(&[line], "text/csv").unwrap(), expected);
        // The rows' own type comes first among equals, as a function would have it.
        let line = "application/json;q=0, */*";
        assert!(given(&[line], "text/csv").unwrap().starts_with("text/csv, "));
        assert!(given(&[line], "application/jsonlines; x=y").unwrap().starts_with("application/x-ndjson, "));
        assert!(given(&[line], "application/json").unwrap().starts_with("text/csv, "));
        // A type is excluded under all its names.
        assert!(!given(&["application/jsonlines;q=0, */*"], "text/csv").unwrap().contains("ndjson"));
        // What is narrower counts, whatever comes first.
        assert_eq!(given(&["application/*;q=0, application/json"], "text/csv").unwrap(), "application/json");
        assert_eq!(given(&["text/csv;q=0"], "text/csv").unwrap().split(", ").count(), 3);
    }

    #[test]
    fn nothing_acceptable_is_said_and_nothing_readable_is_nothing_said() {
        for line in ["*/*;q=0", "*/*;q=0, text/csv;q=0", "text/*;q=0,application/*;q=0"] {
            let fault = of(&headers(&[line]), &ACCEPT, "text/csv").unwrap_err();
            assert_eq!(fault.kind, Kind::NotAcceptable, "{line}");
        }
        for line in [
            "",
            " ",
            ",",
            "json",
            "/",
            "text/",
            "/csv",
            "*/csv",
            "text/csv;q=x",
            "text/csv;q=2",
            "text/csv;q=-1",
            "\"",
            "text /csv",
            "text/csv;q=",
        ] {
            assert_eq!(given(&[line], "text/csv"), None, "{line}");
        }
        assert_eq!(given(&[], "text/csv"), None);
        let mut strange = HeaderMap::new();
        strange.insert(ACCEPT, http::HeaderValue::from_bytes(b"text/\xff").unwrap());
        assert_eq!(of(&strange, &ACCEPT, "text/csv").unwrap(), None);
    }

    #[test]
    fn a_page_is_for_browsers() {
        let page = |line: &str| prefers(&headers(&[line]), &ACCEPT, "text/html", "application/json");
        assert!(page("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"));
        assert!(page("text/html, */*") && page("application/json;q=0, */*"));
        for data in ["*/*", "application/json", "text/html;q=0, */*", "application/json, text/html", ""] {
            assert!(!page(data), "{data}");
        }
    }

    fn weighted() -> impl Strategy<Value = (&'static str, u16)> {
        let types = prop::sample::select(vec![
            "text/csv",
            "application/json",
            "application/x-ndjson",
            "text/*",
            "application/*",
            "*/*",
            "text/html",
        ]);
        (types, 0..=1000_u16)
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_harm(line in "[ -~]{0,80}") {
            let _ = of(&headers(&[&line]), &ACCEPT, &line);
        }

        #[test]
        fn weights_fall_and_nothing_excluded_is_left(list in prop::collection::vec(weighted(), 1..8)) {
            let line: Vec<String> =
                list.iter().map(|(name, weight)| format!("{name};q={}.{:03}", weight / 1000, weight % 1000)).collect();
            let line = line.join(",");
            let lines = [line.as_str()];
            let parsed = ranges(&lines);
            prop_assert_eq!(parsed.len(), list.len());
            let headers = headers(&lines);
            let Ok(Some(wanted)) = of(&headers, &ACCEPT, "text/csv") else { return Ok(()) };
            let weights: Vec<u16> = wanted
                .split(", ")
                .filter(|one| !one.ends_with('*'))
                .map(|one| weight(&parsed, one).unwrap_or(1))
                .collect();
            prop_assert!(weights.is_sorted_by(|a, b| a >= b), "{} -> {}", line, wanted);
            prop_assert!(!weights.contains(&0), "{} -> {}", line, wanted);
        }
    }
}
