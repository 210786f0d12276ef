//! Which texts may name an object.

use crate::{Result, error::Detail};

/// Longest key in bytes, as in S3.
pub const MAX_KEY_BYTES: usize = 1024;

/// Longest name between two slashes: what file systems take.
const MAX_NAME_BYTES: usize = 255;

/// Characters besides ASCII letters and digits. All of them are plain file-name characters everywhere we run, and no
/// two spellings of a key mean the same one.
const PUNCTUATION: &str = "-_.=+@,~()";

/// Accepts names joined by single slashes, such as `runs/4f/plan.json`: ASCII letters, digits and `-_.=+@,~()`; no name is
/// empty, longer than 255 bytes, or begins with a dot; 1 to [`MAX_KEY_BYTES`] bytes in all.
///
/// # Errors
/// `InvalidKey`, with the reason.
pub fn check_key(key: &str) -> Result<()> {
    if key.is_empty() {
        return Err(invalid(key, "it is empty"));
    }
    check_length(key)?;
    key.split('/').try_for_each(|name| check_name(key, name))
}

/// Accepts the beginnings of keys, down to the empty one.
///
/// # Errors
/// `InvalidKey`, with the reason.
pub fn check_prefix(prefix: &str) -> Result<()> {
    check_length(prefix)?;
    let (folders, rest) =
        prefix.rsplit_once('/').map_or((None, prefix), |(folders, rest)| (Some(folders), rest));
    if let Some(folders) = folders {
        folders.split('/').try_for_each(|name| check_name(prefix, name))?;
    }
    if rest.is_empty() { Ok(()) } else { check_name(prefix, rest) }
}

fn check_length(key: &str) -> Result<()> {
    if key.len() > MAX_KEY_BYTES {
        return Err(invalid(key, &format!("it has {} bytes, and {MAX_KEY_BYTES} are allowed", key.len())));
    }
    Ok(())
}

fn check_name(key: &str, name: &str) -> Result<()> {
    if name.is_empty() {
        return Err(invalid(key, "a slash may only stand between two names"));
    }
    if name.starts_with('.') {
        return Err(invalid(key, &format!("the name {name:?} begins with a dot")));
    }
    if name.len() > MAX_NAME_BYTES {
        return Err(invalid(
            key,
            &format!("a name in it has {} bytes, and {MAX_NAME_BYTES} are allowed", name.len()),
        ));
    }
    match name.chars().find(|c| !c.is_ascii_alphanumeric() && !PUNCTUATION.contains(*c)) {
        Some(c) => Err(invalid(key, &format!("{c:?} is not a letter, a digit or one of {PUNCTUATION}"))),
        None => Ok(()),
    }
}

fn invalid(key: &str, why: &str) -> crate::Error {
    // A hostile key may be long; the message need not be.
    let shown = key.chars().take(80).collect();
    Detail::InvalidKey { key: shown, why: why.to_owned() }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        let long = "x".repeat(256);
        for key in ["a", "runs/4f/plan.json", "a/b=1,c=~2/(x)+@", "artifacts/00/ff"] {
            check_key(key).unwrap_or_else(|e| panic!("{e}"));
        }
        for key in [
            "", "/", "/a", "a/", "a//b", "..", "a/../b", "./a", ".x", "a\\b", "ä", "a b", "a\0b", "a:b",
            &long,
        ] {
            assert!(check_key(key).is_err(), "{key:?}");
        }
        assert!(check_key(&"abc/".repeat(300)).unwrap_err().to_string().len() < 300);
    }

    #[test]
    fn prefixes() {
        for prefix in ["", "a", "a/", "a/b", "runs/4f/pl"] {
            check_prefix(prefix).unwrap_or_else(|e| panic!("{e}"));
        }
        for prefix in ["/", "a//", "../", "a/..", "*"] {
            assert!(check_prefix(prefix).is_err(), "{prefix:?}");
        }
    }
}
