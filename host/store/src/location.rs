//! From a path or URL to a store.

use std::{path::PathBuf, sync::Arc};

use crate::{Error, LocalStore, Result, Store, error::Detail};

/// Opens `file:///an/absolute/folder` or a plain path; makes the folder if it is missing.
///
/// # Errors
/// `Unsupported` for other kinds of URL; `Permission`, `Full` and others from the folder.
pub fn open(location: &str) -> Result<Arc<dyn Store>> {
    Ok(Arc::new(LocalStore::open(&local_folder(location)?)?))
}

/// The folder that a location names.
///
/// # Errors
/// `Unsupported` for other kinds of URL.
pub fn local_folder(location: &str) -> Result<PathBuf> {
    let refuse = |why: &str| -> Error {
        Detail::Unsupported { location: location.to_owned(), why: why.to_owned() }.into()
    };
    if location.is_empty() {
        return Err(refuse("it is empty; name a folder"));
    }
    let Some((scheme, rest)) = location.split_once("://") else { return Ok(PathBuf::from(location)) };
    match scheme {
        "file" if rest.starts_with('/') => percent_decoded(rest).map(PathBuf::from).ok_or_else(|| {
            refuse("a '%' must be followed by two hexadecimal digits, and the path must be UTF-8")
        }),
        "file" => {
            Err(refuse("a file URL has three slashes and an absolute path, such as file:///var/millstream"))
        }
        "s3" => Err(refuse("this version has no S3 store; name a folder")),
        _ => Err(refuse("only folders and file:/// URLs can be opened")),
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || rest.next().and_then(|b| char::from(b).to_digit(16));
            let (high, low) = (digit()?, digit()?);
            bytes.push((high * 16 + low) as u8);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn locations() {
        for (location, folder) in [
            ("a/b", "a/b"),
            ("/a", "/a"),
            ("file:///a/b%20c", "/a/b c"),
            ("file:///%C3%A4", "/ä"),
            ("a:b", "a:b"),
        ] {
            assert_eq!(local_folder(location).unwrap(), PathBuf::from(folder), "{location}");
        }
        for location in ["", "s3://bucket/prefix", "http://x", "file://host/a", "file:///a%2", "file:///%ff"]
        {
            assert_eq!(local_folder(location).unwrap_err().kind(), ErrorKind::Unsupported, "{location}");
        }
    }

    #[test]
    fn s3_is_refused_in_so_many_words() {
        let error = open("s3://bucket/x").map(drop).unwrap_err().to_string();
        assert!(error.contains("no S3 store"), "{error}");
    }
}
