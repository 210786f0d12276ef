//! The name that somebody may have meant.

/// The name among `names` that is most like `word`, if one is near enough: at most a third of its letters differ,
/// or it begins with `word`.
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase().replace('_', "-");
    names
        .into_iter()
        .filter_map(|name| {
            let candidate = name.to_lowercase().replace('_', "-");
            let distance = strsim::damerau_levenshtein(&lower, &candidate);
            let longest = lower.chars().count().max(candidate.chars().count());
            let near = distance * 3 <= longest;
            let begins = lower.len() >= 3 && candidate.starts_with(&lower);
            (near || begins).then_some((distance, name))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// "did you mean `x`?", or else all names there are, called `what`.
pub fn or_all<'a>(word: &str, names: impl IntoIterator<Item = &'a str>, what: &str) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    match nearest(word, names.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None if names.is_empty() => format!("there are no {what}"),
        None => format!("{what}: {}", list(&names)),
    }
}

/// Names for people; the first twenty if there are many.
pub fn list(names: &[&str]) -> String {
    const MOST: usize = 20;
    let mut text = names.iter().take(MOST).copied().collect::<Vec<_>>().join(", ");
    if names.len() > MOST {
        text.push_str(&format!(" and {} more", names.len() - MOST));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let names = ["n_estimators", "max_depth", "min_samples_leaf"];
        assert_eq!(nearest("n_estimator", names), Some("n_estimators"));
        assert_eq!(nearest("max-depth", names), Some("max_depth"));
        assert_eq!(nearest("Max_Dpeth", names), Some("max_depth"));
        assert_eq!(nearest("min", names), Some("min_samples_leaf"));
        assert_eq!(nearest("seed", names), None);
        assert_eq!(
            or_all("zzz", names, "parameters"),
            "parameters: n_estimators, max_depth, min_samples_leaf"
        );
    }
}
