//! The combinations of a matrix, as in GitHub Actions, and what is wrong with one. What would leave something out or add something
//! in vain is refused.

use std::collections::HashMap;

use millstream_core::{nearest, number};
use millstream_language::model::Matrix;
use serde_json::{Map, Value};

use crate::combination;

/// One combination: its values, and the parameters that entries of `include` lay over the step's own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Combination {
    /// By name.
    pub values: Map<String, Value>,
    /// From `include`.
    pub with: Map<String, Value>,
}

/// Something that is wrong with a matrix.
#[derive(Debug, PartialEq)]
pub struct Fault {
    /// Where, from the matrix on.
    pub path: Vec<String>,
    /// It is the key there that is at fault.
    pub at_key: bool,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

fn fault(path: &[&str], at_key: bool, message: impl Into<String>, help: impl Into<Option<String>>) -> Fault {
    let path = path.iter().map(|segment| (*segment).to_owned()).collect();
    Fault { path, at_key, message: message.into(), help: help.into() }
}

fn agrees(entry: &Map<String, Value>, values: &Map<String, Value>) -> bool {
    entry.iter().all(|(key, value)| values.get(key).is_some_and(|other| number::same(other, value)))
}

/// The combinations of the axes alone, the last axis running fastest.
fn product(matrix: &Matrix) -> Vec<Map<String, Value>> {
    let mut all = if matrix.axes.is_empty() { vec![] } else { vec![Map::new()] };
    for (name, values) in &matrix.axes {
        all = all
            .iter()
            .flat_map(|so_far: &Map<String, Value>| {
                values.iter().map(move |value| {
                    let mut next = so_far.clone();
                    next.insert(name.clone(), value.clone());
                    next
                })
            })
            .collect();
    }
    all
}

/// All combinations, the last axis running fastest; then those that `include` adds on its own. And what is wrong with the matrix.
/// `mentions` says whether the step speaks of `matrix.KEY` anywhere.
pub fn combinations(matrix: &Matrix, mentions: impl Fn(&str) -> bool) -> (Vec<Combination>, Vec<Fault>) {
    let mut faults = Vec::new();
    for (axis, values) in &matrix.axes {
        misspelt(axis, values, &mentions, &mut faults);
    }
    let mut all = product(matrix);
    for (i, entry) in matrix.exclude.iter().enumerate() {
        excluded(matrix, &all, i, entry, &mut faults);
    }
    all.retain(|values| !matrix.exclude.iter().any(|entry| !entry.is_empty() && agrees(entry, values)));
    let mut all: Vec<_> = all.into_iter().map(|values| Combination { values, with: Map::new() }).collect();
    let originals = all.len();
    for (i, entry) in matrix.include.iter().enumerate() {
        included(matrix, i, entry, &mentions, &mut faults);
        let mut values = entry.clone();
        let with = match values.remove("with") {
            Some(Value::Object(with)) => with,
            _ => Map::new(),
        };
        let agrees = |combination: &Combination| {
            values.iter().all(|(name, value)| {
                !matrix.axes.contains_key(name)
                    || combination.values.get(name).is_some_and(|other| number::same(other, value))
            })
        };
        let mut met = false;
        for combination in all[..originals].iter_mut().filter(|combination| agrees(combination)) {
            // Values of the axes stay as they are written there.
            let new = values.iter().filter(|(name, _)| !matrix.axes.contains_key(*name));
            combination.values.extend(new.map(|(name, value)| (name.clone(), value.clone())));
            combination.with.extend(with.clone());
            met = true;
        }
        if !met {
            all.push(Combination { values, with });
        }
    }
    if all.is_empty() && faults.is_empty() && matrix.axes.values().all(|values| !values.is_empty()) {
        let message = match matrix.exclude.is_empty() {
            true => "the matrix has no combinations",
            false => "`exclude` leaves no combination",
        };
        faults.push(fault(&[], true, message, None));
    }
    if faults.is_empty() {
        twice(&all, &mut faults);
    }
    (all, faults)
}

/// A key that was meant for `include` or `exclude` would be one more key of the matrix, and leave nothing out.
fn misspelt(axis: &str, values: &[Value], mentions: &impl Fn(&str) -> bool, faults: &mut Vec<Fault>) {
    let are_entries = !values.is_empty() && values.iter().all(Value::is_object);
    if let Some(meant) =
        nearest::nearest(axis, ["include", "exclude"]).filter(|_| are_entries && !mentions(axis))
    {
        let message = format!("nothing in this step speaks of `matrix.{axis}`, a key whose values are maps");
        faults.push(fault(&[axis], true, message, format!("did you mean `{meant}`?")));
    }
}

/// What is wrong with an entry of `exclude`, `all` being the combinations that it could leave out.
fn excluded(
    matrix: &Matrix,
    all: &[Map<String, Value>],
    i: usize,
    entry: &Map<String, Value>,
    faults: &mut Vec<Fault>,
) {
    let place = i.to_string();
    let path = ["exclude", &place];
    if entry.is_empty() {
        faults.push(fault(&path, false, "this entry is empty, so it excludes nothing", None));
    }
    let mut known = true;
    for key in entry.keys().filter(|key| !matrix.axes.contains_key(*key)) {
        known = false;
        let by_include = matrix.include.iter().any(|entry| entry.contains_key(key));
        let help = match by_include {
            true => format!(
                "`{key}` is a key of `include` alone, which comes after `exclude`: take the entry out of `include`"
            ),
            false => nearest::or_all(key, matrix.axes.keys().map(String::as_str), "keys of the matrix"),
        };
        let message = format!("`exclude` has the key `{key}`, which is none of the matrix");
        faults.push(fault(&["exclude", &place, key], true, message, help));
    }
    if !known || entry.is_empty() || all.is_empty() || all.iter().any(|values| agrees(entry, values)) {
        return;
    }
    // All values of the axes meet in some combination, so one of the entry's is on none.
    for (key, value) in entry {
        let values = &matrix.axes[key];
        if values.iter().any(|other| number::same(other, value)) {
            continue;
        }
        let shown: Vec<String> = values.iter().map(Value::to_string).collect();
        let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
        let message = format!("this excludes nothing: `{key}` is never {value}");
        let help = match values.iter().find(|other| combination::is_twin(other, value)) {
            Some(twin) => format!("{value} is not {twin}: one is text, the other is not"),
            None => format!("values of `{key}`: {}", nearest::list(&shown)),
        };
        faults.push(fault(&["exclude", &place, key], false, message, help));
    }
}

/// What is wrong with an entry of `include`.
fn included(
    matrix: &Matrix,
    i: usize,
    entry: &Map<String, Value>,
    mentions: &impl Fn(&str) -> bool,
    faults: &mut Vec<Fault>,
) {
    let place = i.to_string();
    if entry.is_empty() {
        faults.push(fault(&["include", &place], false, "this entry is empty, so it includes nothing", None));
    }
    for (key, value) in entry {
        match matrix.axes.get(key) {
            Some(_) if key == "with" => {}
            Some(values) => {
                let there = values.iter().any(|other| number::same(other, value));
                if let Some(twin) = values.iter().find(|other| !there && combination::is_twin(other, value)) {
                    let message = format!("`{key}` is {value} here and {twin} in the matrix");
                    let help = "one is text, the other is not: write them alike".to_owned();
                    faults.push(fault(&["include", &place, key], false, message, help));
                }
            }
            None if key == "with" => {}
            None => {
                let axes = matrix.axes.keys().map(String::as_str);
                if let Some(near) = nearest::nearest(key, axes).filter(|_| !mentions(key)) {
                    let message = format!("nothing in this step speaks of `matrix.{key}`");
                    faults.push(fault(
                        &["include", &place, key],
                        true,
                        message,
                        format!("did you mean `{near}`?"),
                    ));
                }
            }
        }
    }
}

/// Combinations that nothing tells apart.
fn twice(all: &[Combination], faults: &mut Vec<Fault>) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    for combination in all {
        let key = millstream_core::key::canonical(&Value::Object(combination.values.clone()));
        let times = seen.entry(key).or_default();
        *times += 1;
        if *times == 2 {
            let label = combination::label(&combination.values);
            let message = format!("the combination ({label}) is there twice");
            let help = "take one out, or give them a key that tells them apart".to_owned();
            faults.push(fault(&[], true, message, help));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn all(matrix: &str) -> Vec<Value> {
        let matrix: Matrix = serde_json::from_str(matrix).unwrap();
        let (all, faults) = combinations(&matrix, |_| false);
        assert_eq!(faults, []);
        all.into_iter().map(|c| json!([c.values, c.with])).collect()
    }

    /// What is wrong: place, message and help of each fault.
    fn wrong(matrix: &str) -> Vec<String> {
        let matrix: Matrix = serde_json::from_str(matrix).unwrap();
        let (_, faults) = combinations(&matrix, |key| key == "algorithms");
        faults
            .into_iter()
            .map(|fault| {
                let help = fault.help.map(|help| format!("; {help}")).unwrap_or_default();
                format!("{}: {}{help}", fault.path.join("."), fault.message)
            })
            .collect()
    }

    #[test]
    fn a_number_is_excluded_however_it_is_written() {
        let found = all(r#"{"d": [1, 2.0, 3], "exclude": [{"d": 1.0}, {"d": 2}]}"#);
        assert_eq!(found, [json!([{"d": 3}, {}])]);
        let found = all(r#"{"d": [1, 2], "include": [{"d": 1.0, "x": 5}]}"#);
        assert_eq!(found, [json!([{"d": 1, "x": 5}, {}]), json!([{"d": 2}, {}])]);
    }

    #[test]
    fn what_would_exclude_or_include_in_vain_is_refused() {
        for (matrix, fault) in [
            (
                r#"{"d": [1, 2], "exclude": [{"D": 1}]}"#,
                "exclude.0.D: `exclude` has the key `D`, which is none of the matrix; did you mean `d`?",
            ),
            (
                r#"{"include": [{"d": 1, "n": 5}], "exclude": [{"n": 5}]}"#,
                "exclude.0.n: `exclude` has the key `n`, which is none of the matrix; `n` is a key of `include` alone",
            ),
            (
                r#"{"d": [1], "include": [{"n": 5}], "exclude": [{"n": 5}]}"#,
                "exclude.0.n: `exclude` has the key `n`",
            ),
            (
                r#"{"d": [1, 2], "exclude": [{"d": "1"}]}"#,
                "exclude.0.d: this excludes nothing: `d` is never \"1\"; \"1\" is not 1: one is text",
            ),
            (
                r#"{"d": ["1", "2"], "exclude": [{"d": 1}]}"#,
                "exclude.0.d: this excludes nothing: `d` is never 1; 1 is not \"1\"",
            ),
            (r#"{"d": [true, false], "exclude": [{"d": "true"}]}"#, "\"true\" is not true: one is text"),
            (r#"{"d": [1, 2], "exclude": [{"d": 3}]}"#, "`d` is never 3; values of `d`: 1, 2"),
            (r#"{"d": [1, 2], "exclude": [{}]}"#, "exclude.0: this entry is empty"),
            (r#"{"d": [1, 2], "exclude": [{"d": 1}, {"d": 2}]}"#, ": `exclude` leaves no combination"),
            (r#"{"d": [1, 1.0]}"#, ": the combination (d=1) is there twice"),
            (r#"{"d": [1], "include": [{"d": 2}, {"d": 2.0}]}"#, "the combination (d=2) is there twice"),
            (r#"{"d": [1], "include": [{"d": "1"}]}"#, "include.0.d: `d` is \"1\" here and 1 in the matrix"),
            (r#"{"d": [1], "include": [{}]}"#, "include.0: this entry is empty"),
            (
                r#"{"algorithm": ["a"], "include": [{"algoritm": "b"}]}"#,
                "include.0.algoritm: nothing in this step speaks of `matrix.algoritm`; did you mean `algorithm`?",
            ),
        ] {
            let found = wrong(matrix);
            assert!(found.len() == 1 && found[0].contains(fault), "{matrix}: {found:?}");
        }
        assert_eq!(wrong(r#"{"algorithm": ["a"], "include": [{"algorithms": 3}]}"#), [""; 0]);
        // Entries may overlap, and one that meets nothing because another one came before is no fault.
        assert_eq!(wrong(r#"{"a": [1, 2], "b": [1, 2], "exclude": [{"a": 1}, {"a": 1, "b": 1}]}"#), [""; 0]);
    }

    #[test]
    fn combines_in_order_of_declaration() {
        let found = all(r#"{"a": [1, 2], "b": ["x", "y"], "exclude": [{"a": 1, "b": "y"}]}"#);
        let wanted = [json!({"a": 1, "b": "x"}), json!({"a": 2, "b": "x"}), json!({"a": 2, "b": "y"})];
        assert_eq!(found, wanted.map(|values| json!([values, {}])));
    }

    /// The example of GitHub's documentation, by its rules.
    #[test]
    fn includes_extend_what_they_agree_with_and_add_the_rest() {
        let found = all(r#"{
            "fruit": ["apple", "pear"], "animal": ["cat", "dog"],
            "include": [
                {"color": "green"},
                {"color": "pink", "animal": "cat"},
                {"fruit": "apple", "shape": "circle"},
                {"fruit": "banana"},
                {"fruit": "banana", "animal": "cat"}
            ]
        }"#);
        let wanted = [
            json!({"fruit": "apple", "animal": "cat", "color": "pink", "shape": "circle"}),
            json!({"fruit": "apple", "animal": "dog", "color": "green", "shape": "circle"}),
            json!({"fruit": "pear", "animal": "cat", "color": "pink"}),
            json!({"fruit": "pear", "animal": "dog", "color": "green"}),
            json!({"fruit": "banana"}),
            json!({"fruit": "banana", "animal": "cat"}),
        ];
        assert_eq!(found, wanted.map(|values| json!([values, {}])));
    }

    #[test]
    fn parameters_of_an_include_stay_with_it() {
        let found = all(r#"{
            "algorithm": ["a", "b"],
            "include": [{"algorithm": "b", "with": {"depth": 3}}]
        }"#);
        assert_eq!(found, [json!([{"algorithm": "a"}, {}]), json!([{"algorithm": "b"}, {"depth": 3}])]);
    }
}
