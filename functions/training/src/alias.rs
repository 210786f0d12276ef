//! Parameters that go by a second name elsewhere.

use millstream_sdk::{Failure, invalid_parameter};

/// The value of a parameter that may be given by either name.
///
/// # Errors
/// If it is given by both.
pub fn either<T>(
    (name, value): (&str, Option<T>),
    (alias, same): (&str, Option<T>),
) -> Result<Option<T>, Failure> {
    match (value, same) {
        (Some(_), Some(_)) => {
            let message = format!("it is the same as `{name}`, which is given too");
            Err(invalid_parameter(alias, message).allowed("one of the two"))
        }
        (value, same) => Ok(value.or(same)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_at_a_time() {
        assert_eq!(either(("a", Some(1)), ("b", None)).unwrap(), Some(1));
        assert_eq!(either(("a", None), ("b", Some(2))).unwrap(), Some(2));
        assert_eq!(either::<u8>(("a", None), ("b", None)).unwrap(), None);
        let text = either(("a", Some(1)), ("b", Some(1))).unwrap_err().to_string();
        assert_eq!(
            text,
            "parameter `b`: it is the same as `a`, which is given too (allowed: one of the two)"
        );
    }
}
