//! The names of all functions, for references and editors.

use crate::{aggregates, functions, windows};

/// Functions of one row's values, in the order of their names.
pub fn function_names() -> Vec<&'static str> {
    let mut names = functions::names();
    names.extend(["coalesce", "if", "ifnull", "try", "typeof"]);
    names.retain(|name| !name.contains(' ') && !matches!(*name, "like" | "ilike" | "not"));
    names.sort_unstable();
    names
}

/// Functions of a group of rows.
pub fn aggregate_names() -> Vec<&'static str> {
    aggregates::NAMES.iter().map(|(name, _)| *name).collect()
}

/// Functions that take OVER (...). Aggregates do too.
pub fn window_names() -> Vec<&'static str> {
    windows::NAMES.iter().map(|(name, _)| *name).collect()
}
