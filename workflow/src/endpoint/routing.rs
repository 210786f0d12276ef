//! Which variant answers.
