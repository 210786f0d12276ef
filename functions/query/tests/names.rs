//! The README names every function, and no other.

use std::collections::BTreeSet;

/// The names in code quotes of a section.
fn named(section: &str) -> BTreeSet<&str> {
    let text = include_str!("../README.md");
    let start = text.find(&format!("## {section}\n")).unwrap();
    let rest = &text[start + 3..];
    let text = &rest[..rest.find("\n## ").unwrap_or(rest.len())];
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_readme_names_each_function() {
    for (section, names) in [
        ("Functions", millstream_query::function_names()),
        ("Aggregates", millstream_query::aggregate_names()),
        ("Window functions", millstream_query::window_names()),
    ] {
        assert_eq!(named(section), names.into_iter().collect(), "{section}");
    }
}
