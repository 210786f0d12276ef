//! Text for people.

/// At most `max` bytes of `text`, cut between characters, with an ellipsis where something is missing.
pub(crate) fn truncate(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    const ELLIPSIS: &str = "…";
    let end = text.floor_char_boundary(max.saturating_sub(ELLIPSIS.len()));
    format!("{}{ELLIPSIS}", &text[..end])
}

/// The same of a text that is not needed any more: nothing is copied where nothing is cut.
pub(crate) fn shortened(text: String, max: usize) -> String {
    if text.len() <= max { text } else { truncate(&text, max) }
}

/// Bytes in the largest binary unit that keeps them readable.
pub(crate) fn byte_size(bytes: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    for (unit, size) in UNITS {
        if bytes >= size {
            let amount = bytes as f64 / size as f64;
            return if bytes.is_multiple_of(size) {
                format!("{amount} {unit}")
            } else {
                format!("{amount:.1} {unit}")
            };
        }
    }
    format!("{bytes} bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_between_characters() {
        assert_eq!(truncate("short", 16), "short");
        assert_eq!(truncate("ääääääääää", 8), "ää…");
    }

    #[test]
    fn sizes() {
        assert_eq!(byte_size(7), "7 bytes");
        assert_eq!(byte_size(64 << 20), "64 MiB");
        assert_eq!(byte_size((1 << 20) + (1 << 19)), "1.5 MiB");
    }
}
