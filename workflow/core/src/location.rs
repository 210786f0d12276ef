//! Where a store or a queue is: `scheme:path`, `scheme:///absolute/path`, or a plain path.

use std::{collections::BTreeMap, fmt, path::PathBuf};

/// A kind of place, and what it makes of the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// What stands before the first `:`, such as `file` or `s3`.
    pub scheme: String,
    /// What stands after it.
    pub rest: String,
}

impl Location {
    /// Reads `text`; a plain path is of scheme `default`. A name of one letter before the `:` is no scheme.
    ///
    /// # Errors
    /// It is empty, or nothing comes after the scheme.
    pub fn parse(text: &str, default: &str) -> Result<Self, String> {
        let is_scheme = |name: &str| {
            name.len() > 1
                && name.starts_with(|c: char| c.is_ascii_lowercase())
                && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c))
        };
        let (scheme, rest) = match text.split_once(':') {
            Some((scheme, rest)) if is_scheme(scheme) => (scheme, rest),
            _ => (default, text),
        };
        if rest.is_empty() {
            return Err("it is empty; name a folder".to_owned());
        }
        Ok(Self { scheme: scheme.to_owned(), rest: rest.to_owned() })
    }

    /// A folder on this machine, whatever characters its name has.
    pub fn of_folder(scheme: &str, folder: &str) -> Self {
        // Two slashes would begin a URL; one is the same folder.
        let rest = match folder.strip_prefix("//") {
            Some(path) => format!("/{}", path.trim_start_matches('/')),
            None => folder.to_owned(),
        };
        Self { scheme: scheme.to_owned(), rest }
    }

    /// The folder on this machine that it names: after `//`, an absolute path with `%` escapes; else a path as it is.
    ///
    /// # Errors
    /// It names another machine, or an escape is wrong.
    pub fn folder(&self) -> Result<PathBuf, String> {
        match self.rest.strip_prefix("//") {
            None => Ok(PathBuf::from(&self.rest)),
            Some(path) if path.starts_with('/') => {
                percent_decoded(path).map(PathBuf::from).ok_or_else(|| {
                    "a '%' must be followed by two hexadecimal digits, and the path must be UTF-8".to_owned()
                })
            }
            Some(_) => Err(format!(
                "a URL has three slashes and an absolute path, such as {0}:///var/millstream; {0}:FOLDER takes any path",
                self.scheme
            )),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.scheme, self.rest)
    }
}

/// What opens each kind of place. One more kind is one more `register`.
#[derive(Clone, Debug)]
pub struct Schemes<T> {
    /// What they lead to: `store`, `queue`.
    what: &'static str,
    openers: BTreeMap<&'static str, T>,
}

impl<T> Schemes<T> {
    /// None yet; `what` they lead to is named in messages.
    pub fn new(what: &'static str) -> Self {
        Self { what, openers: BTreeMap::new() }
    }

    /// Has `opener` open places of `scheme`.
    #[must_use]
    pub fn register(mut self, scheme: &'static str, opener: T) -> Self {
        self.openers.insert(scheme, opener);
        self
    }

    /// What opens `location`.
    ///
    /// # Errors
    /// Nobody does; the text names the schemes that are known.
    pub fn find(&self, location: &Location) -> Result<&T, String> {
        self.openers.get(location.scheme.as_str()).ok_or_else(|| {
            let known: Vec<String> = self.openers.keys().map(|scheme| format!("{scheme}:")).collect();
            format!(
                "this program has no {} for `{}:`, only for {}",
                self.what,
                location.scheme,
                known.join(", ")
            )
        })
    }
}

pub(crate) fn percent_decoded(text: &str) -> Option<String> {
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

    #[test]
    fn locations() {
        for (text, scheme, folder) in [
            ("a/b", "file", "a/b"),
            ("/a", "file", "/a"),
            ("a:b", "file", "a:b"),
            ("./data:v1", "file", "./data:v1"),
            ("file:a%20b", "file", "a%20b"),
            ("file:/a", "file", "/a"),
            ("file:///a/b%20c", "file", "/a/b c"),
            ("sqlite:///%C3%A4", "sqlite", "/ä"),
            ("sqlite:.millstream/queue", "sqlite", ".millstream/queue"),
        ] {
            let location = Location::parse(text, "file").unwrap();
            assert_eq!(location.scheme, scheme, "{text}");
            assert_eq!(location.folder().unwrap(), PathBuf::from(folder), "{text}");
        }
        for text in ["", "file:"] {
            assert!(Location::parse(text, "file").is_err(), "{text}");
        }
        for text in ["file://host/a", "file:///a%2", "file:///%ff"] {
            assert!(Location::parse(text, "file").unwrap().folder().is_err(), "{text}");
        }
    }

    #[test]
    fn folders_are_taken_as_they_are() {
        for (folder, expected) in [("a%20b", "a%20b"), ("//a", "/a"), ("s3:x", "s3:x"), ("/", "/")] {
            let location = Location::of_folder("file", folder);
            assert_eq!(location.folder().unwrap(), PathBuf::from(expected));
            assert_eq!(Location::parse(&location.to_string(), "file").unwrap(), location);
        }
    }

    #[test]
    fn an_unknown_scheme_is_named_with_those_that_are_known() {
        let schemes = Schemes::new("store").register("file", ()).register("memory", ());
        assert!(schemes.find(&Location::parse("memory:x", "file").unwrap()).is_ok());
        let error = schemes.find(&Location::parse("s3://bucket/x", "file").unwrap()).unwrap_err();
        assert_eq!(error, "this program has no store for `s3:`, only for file:, memory:");
    }
}
