//! `s3://BUCKET/PREFIX`.

use std::fmt;

use millstream_core::location::Location;
use millstream_store::{Error, ErrorKind, MAX_KEY_BYTES, Result, check_key, check_prefix};

/// A bucket, and where in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    bucket: String,
    /// Empty, or ends with a slash.
    prefix: String,
}

impl Place {
    /// Reads `s3://BUCKET` or `s3://BUCKET/PREFIX`.
    ///
    /// # Errors
    /// `Unsupported`.
    pub fn parse(location: &Location) -> Result<Self> {
        let refuse = |why: &str| {
            let message = format!("cannot open {location}: {why}; a store in S3 is s3://BUCKET/PREFIX");
            Error::new(ErrorKind::Unsupported, message)
        };
        let path = location.rest.strip_prefix("//").ok_or_else(|| refuse("two slashes are missing"))?;
        let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
        if !(3..=63).contains(&bucket.len()) || !bucket.chars().all(plain) {
            return Err(refuse("the bucket's name is 3 to 63 lower-case letters, digits, '-' and '.'"));
        }
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        if prefix.is_empty() {
            return Ok(Self { bucket: bucket.to_owned(), prefix: String::new() });
        }
        check_key(prefix).map_err(|error| refuse(&format!("the prefix: {error}")))?;
        Ok(Self { bucket: bucket.to_owned(), prefix: format!("{prefix}/") })
    }

    /// The bucket.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The key in the bucket of the object `key`.
    pub(crate) fn key(&self, key: &str) -> Result<String> {
        check_key(key)?;
        let whole = format!("{}{key}", self.prefix);
        if whole.len() > MAX_KEY_BYTES {
            let message = format!("{whole:?} has {} bytes, and S3 takes {MAX_KEY_BYTES}", whole.len());
            return Err(Error::new(ErrorKind::InvalidKey, message));
        }
        Ok(whole)
    }

    /// The beginning in the bucket of all keys that begin with `prefix`.
    pub(crate) fn prefix(&self, prefix: &str) -> Result<String> {
        check_prefix(prefix)?;
        Ok(format!("{}{prefix}", self.prefix))
    }

    /// Where a listing goes on after `key`, which may be any text.
    pub(crate) fn after(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    /// The key of what is under `whole` in the bucket; none if that is under another prefix.
    pub(crate) fn own<'a>(&self, whole: &'a str) -> Option<&'a str> {
        whole.strip_prefix(&self.prefix)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.prefix.trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> Result<Place> {
        Place::parse(&Location::parse(text, "file").unwrap())
    }

    #[test]
    fn locations() {
        for (text, bucket, key) in [
            ("s3://bucket", "bucket", "k"),
            ("s3://bucket/", "bucket", "k"),
            ("s3://a.b-c/x/y", "a.b-c", "x/y/k"),
            ("s3://bucket/x/", "bucket", "x/k"),
        ] {
            let place = place(text).unwrap();
            assert_eq!((place.bucket(), place.key("k").unwrap().as_str()), (bucket, key), "{text}");
            assert_eq!(Place::parse(&Location::parse(&place.to_string(), "file").unwrap()).unwrap(), place);
        }
        for text in [
            "s3:bucket",
            "s3:/bucket",
            "s3:///x",
            "s3://B/x",
            "s3://bucket//x",
            "s3://bucket/a b",
            "s3://bucket/../x",
        ] {
            assert_eq!(place(text).unwrap_err().kind(), ErrorKind::Unsupported, "{text}");
        }
    }

    #[test]
    fn what_is_under_another_prefix_is_not_ours() {
        let place = place("s3://bucket/churn").unwrap();
        assert_eq!(place.own("churn/runs/1"), Some("runs/1"));
        assert_eq!(place.own("churn2/runs/1"), None);
        assert_eq!(place.prefix("").unwrap(), "churn/");
        assert_eq!(place.key("k/".repeat(509).trim_end_matches('/')).map(|key| key.len()).unwrap(), 1023);
        assert_eq!(
            place.key(&format!("{}abcdefg", "k/".repeat(508))).unwrap_err().kind(),
            ErrorKind::InvalidKey
        );
    }
}
