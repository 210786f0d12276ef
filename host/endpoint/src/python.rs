//! JSON as Python writes it: with `NaN`, `Infinity` and `-Infinity`, which JSON has not.

/// The text with other tokens in place of Python's; none if it has none of them.
pub fn mended(body: &[u8], nan: &str, infinity: &str, minus_infinity: &str) -> Option<Vec<u8>> {
    let tokens = [("NaN", nan), ("Infinity", infinity), ("-Infinity", minus_infinity)];
    let part = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let (mut mended, mut kept, mut at) = (Vec::new(), 0, 0);
    while let Some(byte) = body.get(at) {
        if *byte == b'"' {
            at = string_end(body, at);
            continue;
        }
        let found = tokens.iter().find(|(token, _)| {
            matches!(byte, b'N' | b'I' | b'-')
                && body[at..].starts_with(token.as_bytes())
                && !part(body.get(at + token.len()))
                && !part(at.checked_sub(1).and_then(|before| body.get(before)))
        });
        match found {
            Some((token, other)) => {
                mended.extend(&body[kept..at]);
                mended.extend(other.as_bytes());
                at += token.len();
                kept = at;
            }
            None => at += 1,
        }
    }
    if kept == 0 {
        return None;
    }
    mended.extend(&body[kept..]);
    Some(mended)
}

/// Behind the string that begins at a quote.
fn string_end(body: &[u8], quote: usize) -> usize {
    let mut at = quote + 1;
    while let Some(byte) = body.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    body.len()
}

#[cfg(test)]
mod tests {
    use super::mended;

    #[test]
    fn tokens_are_replaced_outside_of_strings_alone() {
        let of = |text: &str| {
            mended(text.as_bytes(), "null", "1e999", "-1e999").map(|text| String::from_utf8(text).unwrap())
        };
        assert_eq!(of("[NaN, -Infinity,Infinity]").unwrap(), "[null, -1e999,1e999]");
        assert_eq!(of(r#"{"NaN": NaN, "a\"NaN": 1}"#).unwrap(), r#"{"NaN": null, "a\"NaN": 1}"#);
        assert_eq!(of("[1, -2, \"Infinity\", \"NaN"), None);
        assert_eq!(of("[NaNs, aNaN, Infinity1]"), None);
    }
}
