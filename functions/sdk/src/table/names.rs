//! Which column is meant by a name.

use arrow_schema::Schema;

use crate::{Failure, failure::missing_columns};

/// Where each of `wanted` stands among `given`. A name that is there as it is wanted is meant, whatever blanks it has. For
/// those that are left, blanks at the ends do not count, if only one name is left that may be meant.
///
/// # Errors
/// All names that are missing, each with the nearest of the names that nobody else has taken; a name that is there twice.
pub fn places<'a>(
    wanted: impl ExactSizeIterator<Item = &'a str> + Clone,
    given: &[&str],
) -> Result<Vec<usize>, Failure> {
    // Most tables and requests have the columns in their order, and nothing else.
    if wanted.len() == given.len() && wanted.clone().eq(given.iter().copied()) && !repeats(given) {
        return Ok((0..given.len()).collect());
    }
    let mut places: Vec<Option<usize>> = Vec::with_capacity(wanted.len());
    for name in wanted.clone() {
        let mut own = given.iter().enumerate().filter(|(_, given)| **given == name).map(|(place, _)| place);
        places.push(own.next());
        if own.next().is_some() {
            let message = format!("there are two columns `{name}`; which one is meant?");
            return Err(crate::failure::invalid_input(message).column(name));
        }
    }
    if places.iter().all(Option::is_some) {
        return Ok(places.into_iter().flatten().collect());
    }
    let taken = |place: usize, places: &[Option<usize>]| places.contains(&Some(place));
    let missing: Vec<usize> = (0..places.len()).filter(|at| places[*at].is_none()).collect();
    let names: Vec<&str> = wanted.collect();
    let exact = places.clone();
    for at in &missing {
        let name = names[*at].trim();
        let alone = missing.iter().filter(|other| names[**other].trim() == name).count() == 1;
        let mut alike =
            (0..given.len()).filter(|place| !taken(*place, &exact) && given[*place].trim() == name);
        if let (true, Some(place), None) = (alone, alike.next(), alike.next()) {
            places[*at] = Some(place);
        }
    }
    let missing: Vec<&str> =
        missing.into_iter().filter(|at| places[*at].is_none()).map(|at| names[at]).collect();
    if missing.is_empty() {
        return Ok(places.into_iter().flatten().collect());
    }
    let left: Vec<&str> =
        (0..given.len()).filter(|place| !taken(*place, &places)).map(|place| given[place]).collect();
    Err(missing_columns(&missing, given, &left))
}

fn repeats(names: &[&str]) -> bool {
    // Few columns are compared faster than they are sorted.
    if names.len() <= 16 {
        return names.iter().enumerate().any(|(at, name)| names[..at].contains(name));
    }
    let mut sorted = names.to_vec();
    sorted.sort_unstable();
    sorted.windows(2).any(|pair| pair[0] == pair[1])
}

/// The same for the columns of schemas.
///
/// # Errors
/// As [`places`].
pub fn columns(wanted: &Schema, given: &Schema) -> Result<Vec<usize>, Failure> {
    let names: Vec<&str> = given.fields().iter().map(|field| field.name().as_str()).collect();
    places(wanted.fields().iter().map(|field| field.name().as_str()), &names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(wanted: &[&str], given: &[&str]) -> Result<Vec<usize>, String> {
        places(wanted.iter().copied(), given).map_err(|failure| failure.to_string())
    }

    #[test]
    fn names_are_what_they_are_first() {
        assert_eq!(of(&["a", "b"], &["a", "b"]), Ok(vec![0, 1]));
        assert_eq!(of(&["a", "b"], &["b", "x", "a"]), Ok(vec![2, 0]));
        assert_eq!(of(&["a ", "a"], &["a", "a "]), Ok(vec![1, 0]), "both are there");
        assert_eq!(of(&["a "], &["a", "a "]), Ok(vec![1]));
        assert_eq!(of(&[], &["a"]), Ok(vec![]));
    }

    #[test]
    fn blanks_at_the_ends_do_not_count_where_it_is_clear_what_is_meant() {
        assert_eq!(of(&["a ", "b"], &["a", " b"]), Ok(vec![0, 1]));
        assert_eq!(of(&["a", " b"], &["b", "a\t"]), Ok(vec![1, 0]));
        // `a` is the model's own column, so that `a ` is missing.
        let refusal = of(&["a", "a "], &["a", "x"]).unwrap_err();
        assert!(refusal.contains("no column `a `"), "{refusal}");
        assert!(of(&["a"], &["a ", " a"]).is_err(), "either may be meant");
        assert!(of(&["a ", " a"], &["a"]).is_err(), "of two it is one");
        assert!(of(&["a b"], &["ab"]).is_err(), "a blank inside counts");
    }

    #[test]
    fn all_missing_names_are_told_with_what_may_be_meant() {
        let refusal = of(&["x1", "x2", "income", "age"], &["x2", "incme", "height"]).unwrap_err();
        assert!(
            refusal.contains("`x1`") && refusal.contains("`income` (did you mean `incme`?)"),
            "{refusal}"
        );
        assert!(refusal.contains("`age`") && !refusal.contains("mean `x2`"), "{refusal}");
        let refusal = of(&["x1", "x2"], &["x2", "x3"]).unwrap_err();
        assert!(refusal.contains("no column `x1`; did you mean `x3`?"), "{refusal}");
        let refusal = of(&["x1"], &[]).unwrap_err();
        assert!(refusal.contains("the columns are none"), "{refusal}");
    }

    #[test]
    fn a_name_that_is_there_twice_is_ambiguous() {
        assert!(of(&["a", "b"], &["a", "b", "a"]).unwrap_err().contains("two columns `a`"));
        assert!(of(&["a", "a"], &["a", "a"]).unwrap_err().contains("two columns `a`"));
        assert_eq!(of(&["b"], &["a", "b", "a"]), Ok(vec![1]), "a further one may");
    }
}
