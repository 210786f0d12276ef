//! Kernels' errors in the contract's words.

use millstream_learners::{Error, ParamError};
use millstream_sdk::{Failure, invalid_input, invalid_parameter};

/// A kernel's error as a failure: rows count from 1, columns have their names. Faults of data name `channel`.
pub fn failure(error: Error, channel: Option<&str>, features: &[String]) -> Failure {
    match error {
        Error::Param(error) => parameter(error),
        Error::Data { message, row, column } => {
            let mut failure = invalid_input(message);
            if let Some(row) = row {
                failure = failure.row(row as u64 + 1);
            }
            if let Some(name) = column.and_then(|column| features.get(column)) {
                failure = failure.column(name);
            }
            match channel {
                Some(channel) => failure.channel(channel),
                None => failure,
            }
        }
    }
}

/// A parameter that a kernel refuses.
pub fn parameter(error: ParamError) -> Failure {
    invalid_parameter(error.name, error.message).allowed(error.allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_in_the_users_words() {
        let error = Error::cell(2, 1, "the feature is infinite");
        let failure = failure(error, Some("train"), &["age".into(), "income".into()]);
        assert_eq!(failure.to_string(), "input `train`, row 3, column `income`: the feature is infinite");
        let failure = parameter(ParamError::new("eta", "2 is out of range", "at most 1"));
        assert_eq!(failure.to_string(), "parameter `eta`: 2 is out of range (allowed: at most 1)");
    }
}
