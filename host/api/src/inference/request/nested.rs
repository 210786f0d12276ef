//! The values of a tensor, which are a flat list, or lists in lists as the shape says.

/// The values just as they are written, row by row. That `data` is JSON is known already.
///
/// # Errors
/// How it is nested otherwise than the shape says, for a sentence that begins with the shape.
pub fn values<'a>(data: &'a str, shape: &[u64]) -> Result<Vec<&'a str>, String> {
    let deepest = shape.len();
    let expected = shape.iter().try_fold(1_u64, |all, size| all.checked_mul(*size));
    let mut values = Vec::new();
    // Members of the lists that are open, from the outermost.
    let mut counts: Vec<u64> = Vec::new();
    let mut is_nested = None;
    let mut rest = data.trim_start();
    if !rest.starts_with('[') {
        return Err("its data is no list".to_owned());
    }
    while let Some(first) = rest.bytes().next() {
        match first {
            b',' | b' ' | b'\t' | b'\n' | b'\r' => rest = &rest[1..],
            b'[' => {
                if let Some(count) = counts.last_mut() {
                    *count += 1;
                    if counts.len() == deepest {
                        return Err("its data is nested deeper than that".to_owned());
                    }
                    if !*is_nested.get_or_insert(true) {
                        return Err(MIXED.to_owned());
                    }
                }
                counts.push(0);
                rest = &rest[1..];
            }
            b']' => {
                let count = counts.pop().unwrap_or_default();
                let depth = counts.len();
                if is_nested == Some(true) && count != shape[depth] {
                    return Err(match counts.first() {
                        Some(row) => format!("row {row} has {count} values"),
                        None => format!("there are {count} rows"),
                    });
                }
                rest = &rest[1..];
            }
            b'{' => return Err("there is an object among its values".to_owned()),
            _ => {
                if let Some(count) = counts.last_mut() {
                    *count += 1;
                }
                let nested = *is_nested.get_or_insert(false);
                if nested && counts.len() < deepest {
                    return Err(MIXED.to_owned());
                }
                let (value, after) = rest.split_at(length(rest));
                values.push(value);
                rest = after;
            }
        }
    }
    if expected != Some(values.len() as u64) {
        return Err(format!("there are {} values", values.len()));
    }
    Ok(values)
}

const MIXED: &str = "its data mixes values and lists";

/// Bytes of the value at the beginning: a text in quotes, or a word.
fn length(text: &str) -> usize {
    let bytes = text.as_bytes();
    if bytes[0] != b'"' {
        let ends = |byte: &u8| matches!(byte, b',' | b']' | b' ' | b'\t' | b'\n' | b'\r');
        return bytes.iter().position(ends).unwrap_or(bytes.len());
    }
    let mut place = 1;
    while place < bytes.len() {
        match bytes[place] {
            b'\\' => place += 2,
            b'"' => return place + 1,
            _ => place += 1,
        }
    }
    bytes.len()
}
