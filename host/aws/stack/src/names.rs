//! What the parts of a stack are called.

/// The function that answers an endpoint's requests.
pub fn endpoint_function(stack: &str, endpoint: &str) -> String {
    format!("{stack}-endpoint-{endpoint}")
}

/// The log group of a function.
pub fn log_group(function: &str) -> String {
    format!("/aws/lambda/{function}")
}

/// Refuses a stack's name that would make names of buckets, queues or functions too long or wrong.
///
/// # Errors
/// What is wrong.
pub fn check_stack(name: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(allowed)
        && !name.ends_with('-')
        && name.len() <= 30
    {
        return Ok(());
    }
    Err(format!(
        "stack `{name}`: a name has lower-case letters, digits and hyphens, begins with a letter, and has at most 30 characters"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_stacks() {
        for good in ["millstream", "churn-2"] {
            check_stack(good).unwrap();
        }
        for bad in ["", "Millstream", "2nd", "a_b", "a-", "much-too-long-a-name-for-a-stack-of-ours"] {
            assert!(check_stack(bad).is_err(), "{bad}");
        }
        // The longest names that come of it are allowed: a bucket's has 63 characters at most.
        assert!("a".repeat(30).len() + "-123456789012-ap-southeast-2".len() <= 63);
    }
}
