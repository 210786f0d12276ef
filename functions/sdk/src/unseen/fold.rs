//! Categories without what people write now one way, now another.

use unicode_normalization::char::{decompose_canonical, is_combining_mark};

/// The text in lower case, without accents and without blanks; of whole numbers, without leading zeros and `.0`, which codes
/// lose and gain where a program takes them for numbers.
pub fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for letter in text.chars().filter(|letter| !letter.is_whitespace() && *letter != '\u{feff}') {
        decompose_canonical(letter, |part| {
            if !is_combining_mark(part) {
                folded.extend(part.to_lowercase().filter(|lower| !is_combining_mark(*lower)));
            }
        });
    }
    match whole(&folded) {
        Some(digits) => digits.to_owned(),
        None => folded,
    }
}

/// The digits that count of a whole number without sign.
fn whole(text: &str) -> Option<&str> {
    let (digits, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let all = |text: &str, holds: fn(u8) -> bool| !text.is_empty() && text.bytes().all(holds);
    let number = all(digits, |byte| byte.is_ascii_digit()) && all(fraction, |byte| byte == b'0');
    number.then(|| match digits.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    })
}

#[cfg(test)]
mod tests {
    use super::folded;

    #[test]
    fn blanks_case_and_accents_do_not_count() {
        for (text, other) in [
            (" nurse", "nurse"),
            ("Self-Employed ", "self-employed"),
            ("São  Paulo", "Sao Paulo"),
            ("Caf\u{65}\u{301}", "café"),
            ("ÖSTERREICH", "österreich"),
            ("new\u{a0}york", "New York"),
            ("İzmir", "izmir"),
            ("2139", "02139"),
            ("2139.0", "2139"),
            ("000", "0"),
        ] {
            assert_eq!(folded(text), folded(other), "{text}");
        }
        assert_ne!(folded("nurse"), folded("nurses"));
        assert_ne!(folded("a-b"), folded("ab"));
        assert_ne!(folded("2139.5"), folded("2139"));
        assert_ne!(folded("1.0.0"), folded("1"));
        assert_ne!(folded("-1"), folded("1"));
        assert_eq!(folded(" \u{301}"), "");
    }
}
