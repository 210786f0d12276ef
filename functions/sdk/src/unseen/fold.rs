//! Categories without what people write now one way, now another.

use unicode_normalization::char::{decompose_canonical, is_combining_mark};

/// The text in lower case, without accents and without blanks.
pub fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for letter in text.chars().filter(|letter| !letter.is_whitespace() && *letter != '\u{feff}') {
        decompose_canonical(letter, |part| {
            if !is_combining_mark(part) {
                folded.extend(part.to_lowercase().filter(|lower| !is_combining_mark(*lower)));
            }
        });
    }
    folded
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
        ] {
            assert_eq!(folded(text), folded(other), "{text}");
        }
        assert_ne!(folded("nurse"), folded("nurses"));
        assert_ne!(folded("a-b"), folded("ab"));
        assert_eq!(folded(" \u{301}"), "");
    }
}
