//! What endpoints, aliases and variants may be called, and how a version of a model is named.

use std::fmt;

use serde::Serialize;

/// Longest name.
const MOST: usize = 63;

/// Accepts the names of endpoints and models: lower-case letters, digits and hyphens, as in host names.
///
/// # Errors
/// What a name is made of; `what` says of what.
pub fn check(what: &str, name: &str) -> Result<(), String> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let edges = |b: Option<&u8>| b.copied().is_some_and(plain);
    let (bytes, inside) = (name.as_bytes(), |b: &u8| plain(*b) || *b == b'-');
    if name.len() <= MOST && edges(bytes.first()) && edges(bytes.last()) && bytes.iter().all(inside) {
        return Ok(());
    }
    Err(format!(
        "`{}` cannot be {what}: it takes lower-case letters, digits and hyphens between them, at most {MOST}",
        shortened(name)
    ))
}

/// Accepts the names of aliases. A number names a version.
///
/// # Errors
/// What a name is made of.
pub fn check_alias(name: &str) -> Result<(), String> {
    if !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!("`{name}` cannot be an alias: a number names a version"));
    }
    check("an alias", name)
}

/// Accepts the names of variants, SageMaker's among them (`AllTraffic`).
///
/// # Errors
/// What a name is made of.
pub fn check_variant(name: &str) -> Result<(), String> {
    let inside = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    let begins = name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    // A model's name of 63 letters with its version has to fit.
    if begins && name.len() <= MOST + 11 && name.bytes().all(inside) {
        return Ok(());
    }
    Err(format!("`{}` cannot be a variant: it takes letters, digits and hyphens", shortened(name)))
}

/// Accepts the names of headers and cookies.
///
/// # Errors
/// What a name is made of.
pub fn check_token(name: &str) -> Result<(), String> {
    let inside = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if !name.is_empty() && name.len() <= 256 && name.bytes().all(inside) {
        return Ok(());
    }
    Err(format!("`{}` cannot be the name of a header or cookie", shortened(name)))
}

/// Accepts the beginnings of models' names.
///
/// # Errors
/// What a name is made of.
pub fn check_prefix(prefix: &str) -> Result<(), String> {
    check("the beginning of a model's name", prefix.strip_suffix('-').unwrap_or(prefix))
        .map_err(|_| check("the beginning of a model's name", prefix).unwrap_err())
}

/// A hostile name may be long; the message need not be.
fn shortened(name: &str) -> String {
    name.chars().take(80).collect()
}

/// Names a version of a model: `NAME`, `NAME@VERSION` or `NAME@ALIAS`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reference {
    /// The model.
    pub model: String,
    /// Which of its versions.
    pub pick: Pick,
}

/// Which version of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pick {
    /// The newest that may be deployed.
    Newest,
    /// That number.
    Version(u32),
    /// The one that the model's alias points at.
    Alias(String),
}

impl Reference {
    /// Reads `NAME`, `NAME@VERSION` or `NAME@ALIAS`.
    ///
    /// # Errors
    /// What is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (model, pick) = text.split_once('@').map_or((text, None), |(model, pick)| (model, Some(pick)));
        let form = |error: String| format!("{error} (write NAME, NAME@VERSION or NAME@ALIAS)");
        check("a model", model).map_err(form)?;
        let pick = match pick {
            None => Pick::Newest,
            Some(number) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => {
                match number.parse() {
                    Ok(number) if number > 0 => Pick::Version(number),
                    _ => {
                        return Err(form(format!(
                            "versions count from 1, and there is none `{}`",
                            shortened(number)
                        )));
                    }
                }
            }
            Some(alias) => {
                check_alias(alias).map_err(form)?;
                Pick::Alias(alias.to_owned())
            }
        };
        Ok(Self { model: model.to_owned(), pick })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.pick {
            Pick::Newest => f.write_str(&self.model),
            Pick::Version(version) => write!(f, "{}@{version}", self.model),
            Pick::Alias(alias) => write!(f, "{}@{alias}", self.model),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["a", "churn", "churn-2", "0", &"x".repeat(63)] {
            assert_eq!(check("an endpoint", good), Ok(()), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a b", "a/b", "..", "ä", &"x".repeat(64)] {
            assert!(check("an endpoint", bad).unwrap_err().contains("cannot be an endpoint"), "{bad}");
        }
        assert!(check_alias("12").is_err() && check_alias("v12").is_ok() && check_alias("").is_err());
        assert!(check_variant("AllTraffic").is_ok() && check_variant("a/b").is_err());
        assert!(check_prefix("churn-").is_ok() && check_prefix("Ch").is_err());
    }

    #[test]
    fn references_read_back() {
        for text in ["churn", "churn@3", "churn@champion"] {
            assert_eq!(Reference::parse(text).unwrap().to_string(), text);
        }
        for bad in ["", "@3", "churn@", "churn@0", "churn@99999999999", "churn@a@b", "Churn@3", "churn@-1"] {
            assert!(Reference::parse(bad).unwrap_err().contains("NAME@VERSION"), "{bad}");
        }
    }
}
