//! JSON as it comes: with the numbers that Python writes although JSON has none of them, or with what is wrong with it.

use std::borrow::Cow;

use crate::{Failure, failure::invalid_input};

/// What stands in place of Python's NaN, infinity and minus infinity. But for the first one they are as long.
const TOKENS: [(&str, &str); 3] = [("NaN", "null"), ("Infinity", "\"inf\"   "), ("-Infinity", "\"-inf\"   ")];

/// A text that is JSON. `NaN` stands for a missing value, `Infinity` and `-Infinity` for infinite numbers, as Python's
/// `json.dumps` writes them. `what` the bytes are is for the message.
///
/// # Errors
/// What is no JSON, and where; and what to write instead.
pub fn sound<'a>(bytes: &'a [u8], what: &str) -> Result<Cow<'a, str>, Failure> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let place = error.valid_up_to() + 1;
        invalid_input(format!("{what} is not JSON: byte {place} is not UTF-8 text"))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let check = |text: &str| serde_json::from_str::<serde::de::IgnoredAny>(text).map(drop);
    let Err(error) = check(text) else { return Ok(Cow::Borrowed(text)) };
    let Some((mended, places)) = mended(text) else { return Err(refused(&error, text, what, &[])) };
    match check(&mended) {
        Ok(()) => Ok(Cow::Owned(mended)),
        Err(error) => Err(refused(&error, &mended, what, &places)),
    }
}

/// The text without Python's numbers, and where it became longer by a byte; none if it has none.
fn mended(text: &str) -> Option<(String, Vec<usize>)> {
    let bytes = text.as_bytes();
    let (mut mended, mut places) = (String::new(), Vec::new());
    let (mut kept, mut at, mut any) = (0, 0, false);
    while let Some(&byte) = bytes.get(at) {
        if byte == b'"' {
            at = string_end(bytes, at);
            continue;
        }
        let token = match byte {
            b'N' | b'I' | b'-' => TOKENS.iter().find(|(token, _)| bytes[at..].starts_with(token.as_bytes())),
            _ => None,
        };
        let whole = |token: &str| {
            let part =
                |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
            !part(bytes.get(at + token.len()))
                && !part(at.checked_sub(1).and_then(|before| bytes.get(before)))
        };
        match token.filter(|(token, _)| whole(token)) {
            Some((token, other)) => {
                any = true;
                mended.push_str(&text[kept..at]);
                mended.push_str(other);
                if other.len() > token.len() {
                    places.push(mended.len());
                }
                at += token.len();
                kept = at;
            }
            None => at += 1,
        }
    }
    mended.push_str(&text[kept..]);
    any.then_some((mended, places))
}

/// Behind the string that begins at a quote.
fn string_end(bytes: &[u8], quote: usize) -> usize {
    let mut at = quote + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// What is wrong with a text. In `places` a byte was added.
fn refused(error: &serde_json::Error, text: &str, what: &str, places: &[usize]) -> Failure {
    let line_start =
        text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum::<usize>();
    let at = (line_start + error.column().saturating_sub(1)).min(text.len());
    let added = places.iter().filter(|place| (line_start..=at).contains(*place)).count();
    let (line, column) = (error.line(), error.column().saturating_sub(added));
    let (start, word) = word(text, at);
    let column = column.saturating_sub(at - start.min(at));
    let at_quote = |at: Option<usize>| at.and_then(|at| text.as_bytes().get(at)) == Some(&b'\'');
    let hint = match word.trim_start_matches('-').to_ascii_lowercase().as_str() {
        "nan" | "none" | "na" | "nil" | "undefined" => "write null for a missing value",
        "inf" | "infinity" => "JSON has no infinite numbers",
        "true" | "false" if word.contains(char::is_uppercase) => "write true or false in lower case",
        _ if at_quote(Some(at)) || word.is_empty() && at_quote(at.checked_sub(1)) => {
            "write strings in double quotes"
        }
        _ => {
            let column = error.column().saturating_sub(added);
            let message = error.to_string();
            let message = message.split(" at line ").next().unwrap_or_default();
            return invalid_input(format!("{what} is not JSON: {message} at line {line} column {column}"));
        }
    };
    let shown = if word.is_empty() { "'" } else { word };
    invalid_input(format!("{what} is not JSON: `{shown}` at line {line} column {column}; {hint}"))
}

/// The word around a place, and where it begins.
fn word(text: &str, at: usize) -> (usize, &str) {
    let part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
    let bytes = text.as_bytes();
    let start = at - bytes[..at].iter().rev().take(20).take_while(|byte| part(byte)).count();
    let end = at + bytes[at..].iter().take(20).take_while(|byte| part(byte)).count();
    (start, text.get(start..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refusal(text: &str) -> String {
        sound(text.as_bytes(), "the body").unwrap_err().to_string()
    }

    #[test]
    fn pythons_numbers_are_taken_outside_of_strings() {
        for (text, expected) in [
            ("[NaN, 1]", "[null, 1]"),
            ("[-Infinity,Infinity ]", "[\"-inf\"   ,\"inf\"    ]"),
            ("{\"NaN\": NaN, \"a \\\" NaN\": \"Infinity\"}", "{\"NaN\": null, \"a \\\" NaN\": \"Infinity\"}"),
            ("NaN", "null"),
            ("\u{feff}[1]", "[1]"),
        ] {
            assert_eq!(sound(text.as_bytes(), "the body").unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_told_with_what_would_be() {
        for (text, expected) in [
            ("[[nan, 3]]", "`nan` at line 1 column 3"),
            ("[[nan, 3]]", "write null for a missing value"),
            ("{\"a\":\n None}", "`None` at line 2 column 2; write null"),
            ("[True]", "`True` at line 1 column 2; write true or false in lower case"),
            ("[-inf]", "JSON has no infinite numbers"),
            ("{'a': 1}", "write strings in double quotes"),
            ("[1, 2", "EOF while parsing a list at line 1 column 5"),
            ("[NaN, NaN, x]", "expected value at line 1 column 12"),
            ("[NaNs]", "is not JSON"),
            ("", "EOF while parsing a value"),
        ] {
            let refusal = refusal(text);
            assert!(refusal.contains(expected), "{text}: {refusal}");
        }
        assert!(
            sound(b"[\"\xff\"]", "the line")
                .unwrap_err()
                .to_string()
                .contains("the line is not JSON: byte 3")
        );
    }

    proptest! {
        #[test]
        fn any_text_is_json_or_refused(text in "(NaN|-?Infinity|nan|None|'|\"|\\\\|[\\[\\]{},: \n]|[0-9a-zé-]){0,30}") {
            if let Ok(sound) = sound(text.as_bytes(), "the body") {
                prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(&sound).is_ok());
            }
        }
    }
}
