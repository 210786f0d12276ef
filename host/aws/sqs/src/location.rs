//! `sqs://PREFIX`.

use std::fmt;

use millstream_core::location::Location;
use millstream_queue::{Error, ErrorKind, Result, check_queue};

/// SQS takes names of so many characters.
const LONGEST: usize = 80;

/// What the names of a home's queues begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix(String);

impl Prefix {
    /// Reads `sqs://PREFIX`.
    ///
    /// # Errors
    /// `Unsupported`.
    pub fn parse(location: &Location) -> Result<Self> {
        let prefix = location.rest.strip_prefix("//").unwrap_or_default();
        if check_queue(prefix).is_err() || prefix.len() > 60 {
            let message = format!(
                "cannot open {location}: queues in SQS are sqs://PREFIX, of 1 to 60 ASCII letters, digits, '-' and '_'; \
                 the queue of tasks is PREFIX-tasks"
            );
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        Ok(Self(prefix.to_owned()))
    }

    /// The name in SQS of the queue `queue`.
    ///
    /// # Errors
    /// `Invalid`.
    pub fn name(&self, queue: &str) -> Result<String> {
        check_queue(queue)?;
        let name = format!("{}-{queue}", self.0);
        if name.len() > LONGEST {
            let message = format!("{name} has {} characters, and SQS takes {LONGEST}", name.len());
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        Ok(name)
    }

    /// What all names of its queues begin with.
    pub(crate) fn beginning(&self) -> String {
        format!("{}-", self.0)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sqs://{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations() {
        let prefix = |text: &str| Prefix::parse(&Location::parse(text, "sqlite").unwrap());
        assert_eq!(prefix("sqs://churn").unwrap().name("tasks").unwrap(), "churn-tasks");
        assert_eq!(
            prefix("sqs://churn").unwrap().name("tasks-large-dead").unwrap(),
            "churn-tasks-large-dead"
        );
        for text in ["sqs:churn", "sqs://", "sqs://a/b", "sqs://a.b", &format!("sqs://{}", "x".repeat(61))] {
            assert_eq!(prefix(text).unwrap_err().kind(), ErrorKind::Unsupported, "{text}");
        }
        let long = prefix(&format!("sqs://{}", "x".repeat(60))).unwrap();
        assert_eq!(long.name(&"y".repeat(20)).unwrap_err().kind(), ErrorKind::Invalid);
    }
}
