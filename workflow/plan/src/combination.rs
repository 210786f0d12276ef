//! Combinations of a matrix, and which of another step's combinations a task means.
//!
//! A step that refers to a step with a matrix gets, by itself, what the combinations gave that agree with its own: keys that both
//! matrices have are aligned. `steps.train[fold=2]` sets a key by hand, `steps.train[fold=*]` leaves it open.

use std::collections::HashMap;

use millstream_core::{key::canonical, nearest, number};
use serde_json::{Map, Value};

/// The values of one combination, by key.
pub type Values = Map<String, Value>;

/// A combination as people write it: `algorithm=ridge, fold=2`.
pub fn label<'a>(values: impl IntoIterator<Item = (&'a String, &'a Value)>) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| canonical(value), str::to_owned);
    let pairs: Vec<String> =
        values.into_iter().map(|(key, value)| format!("{key}={}", text(value))).collect();
    pairs.join(", ")
}

/// The first of some combinations, for messages.
pub fn listed<'a>(all: impl IntoIterator<Item = &'a Values>) -> String {
    let labels: Vec<String> = all.into_iter().map(|values| format!("({})", label(values))).collect();
    nearest::list(&labels.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The keys that tell combinations apart: those of `axes`, or without axes those that all have; all there are, if these are
/// not enough.
pub fn keys<'a>(axes: impl IntoIterator<Item = &'a String>, all: &[&Values]) -> Vec<String> {
    let mut keys: Vec<String> = axes.into_iter().cloned().collect();
    if keys.is_empty() {
        let common = |key: &&String| all.iter().all(|values| values.contains_key(*key));
        keys = all.first().into_iter().flat_map(|first| first.keys()).filter(common).cloned().collect();
    }
    let distinct: std::collections::HashSet<String> = all.iter().map(|values| tuple(&keys, values)).collect();
    if distinct.len() == all.len() && !keys.is_empty() {
        return keys;
    }
    let mut every: Vec<String> = Vec::new();
    for key in all.iter().flat_map(|values| values.keys()) {
        if !every.contains(key) {
            every.push(key.clone());
        }
    }
    every
}

/// The values of some keys as text that is the same if they are.
pub fn tuple(keys: &[String], values: &Values) -> String {
    let of = |key: &String| values.get(key).map_or_else(|| "-".to_owned(), canonical);
    keys.iter().map(of).collect::<Vec<_>>().join("\n")
}

/// Which of a step's combinations are meant where, for one reference to it.
#[derive(Debug)]
pub struct Choice<'a> {
    /// The keys that are set: by hand, or by being aligned.
    set: Vec<String>,
    /// Whether the keys that are set leave no more than one.
    pub one: bool,
    all: Vec<&'a Values>,
    places: HashMap<String, Vec<usize>>,
}

impl<'a> Choice<'a> {
    /// `keys` and `all` are of the step that is referred to. `aligned` says whether the step that refers has that key, `by_hand`
    /// what the reference says of it: whether a value is wanted.
    pub fn new(
        keys: &[String],
        all: Vec<&'a Values>,
        aligned: impl Fn(&str) -> bool,
        by_hand: &[(String, bool)],
    ) -> Self {
        let said = |key: &str| by_hand.iter().find(|(name, _)| name == key).map(|(_, set)| *set);
        let is_set = |key: &str| said(key).unwrap_or_else(|| aligned(key));
        let mut set: Vec<String> = keys.iter().filter(|key| is_set(key)).cloned().collect();
        let one = !keys.is_empty() && set.len() == keys.len();
        // A key that tells nothing apart may be asked for all the same.
        set.extend(
            by_hand.iter().filter(|(key, set)| *set && !keys.contains(key)).map(|(key, _)| key.clone()),
        );
        let mut places: HashMap<String, Vec<usize>> = HashMap::new();
        for (place, values) in all.iter().enumerate() {
            places.entry(tuple(&set, values)).or_default().push(place);
        }
        Self { set, one, all, places }
    }

    /// The keys that are set, in the order of the matrix.
    pub fn set(&self) -> &[String] {
        &self.set
    }

    /// The places of the combinations that are meant, `own` being the combination of the task that asks.
    ///
    /// # Errors
    /// There is none, or more than one where one is wanted; the text says which there are.
    pub fn places(&self, own: Option<&Values>, by_hand: &[(String, Value)]) -> Result<&[usize], String> {
        let mut wanted = Values::new();
        for key in &self.set {
            let said = by_hand.iter().find(|(name, _)| name == key).map(|(_, value)| value);
            if let Some(value) = said.or_else(|| own.and_then(|own| own.get(key))) {
                wanted.insert(key.clone(), value.clone());
            }
        }
        match self.places.get(&tuple(&self.set, &wanted)).map(Vec::as_slice) {
            None | Some([]) => Err(format!("has no combination {}", self.none(&wanted))),
            Some(several) if self.one && several.len() > 1 => Err(format!(
                "has several combinations with {}: {}",
                label(&wanted),
                listed(several.iter().map(|place| self.all[*place]))
            )),
            Some(places) => Ok(places),
        }
    }

    /// What was looked for and is not there.
    fn none(&self, wanted: &Values) -> String {
        let mut text = match wanted.is_empty() {
            true => format!("without {}", self.set.join(", ")),
            false => format!("with {}", label(wanted)),
        };
        for (key, value) in wanted {
            let others = || self.all.iter().filter_map(|values| values.get(key));
            if !others().any(|other| number::same(other, value))
                && let Some(other) = others().find(|other| is_twin(other, value))
            {
                text.push_str(&format!(" (`{key}` is {value} here and {other} there)"));
            }
        }
        format!("{text}; there are {}", listed(self.all.iter().copied()))
    }
}

/// Whether two values look the same and are not: 1 and "1".
pub fn is_twin(a: &Value, b: &Value) -> bool {
    let text = |value: &Value| value.as_str().map_or_else(|| canonical(value), str::to_owned);
    !number::same(a, b) && a.is_string() != b.is_string() && text(a) == text(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn all(values: Value) -> Vec<Values> {
        serde_json::from_value(values).unwrap()
    }

    fn axes(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn keys_are_those_that_tell_apart() {
        let keys = |of: &[&str], values: Value| {
            let all = all(values);
            keys(&axes(of), &all.iter().collect::<Vec<_>>())
        };
        assert_eq!(keys(&["a"], json!([{"a": 1, "x": 1}, {"a": 2}])), ["a"]);
        assert_eq!(keys(&[], json!([{"a": 1, "c": 2}, {"a": 2, "d": 3}])), ["a"]);
        assert_eq!(keys(&[], json!([{"a": 1, "c": 2}, {"a": 1, "d": 3}])), ["a", "c", "d"]);
        assert_eq!(keys(&["a"], json!([{"a": 1, "b": 1}, {"a": 1, "b": 2}])), ["a", "b"]);
    }

    #[test]
    fn keys_that_both_have_are_aligned() {
        let there =
            all(json!([{"a": "r", "f": 0}, {"a": "r", "f": 1}, {"a": "l", "f": 0}, {"a": "l", "f": 1.0}]));
        let own = |values: Value| -> Values { serde_json::from_value(values).unwrap() };
        let choose = |own_keys: &[&str], values: Value, hand: &[(&str, Option<Value>)]| {
            let has = |key: &str| own_keys.contains(&key);
            let set: Vec<_> = hand.iter().map(|(k, v)| ((*k).to_owned(), v.is_some())).collect();
            let values_by_hand: Vec<_> =
                hand.iter().filter_map(|(k, v)| Some(((*k).to_owned(), v.clone()?))).collect();
            let choice = Choice::new(&axes(&["a", "f"]), there.iter().collect(), has, &set);
            let places = choice.places(Some(&own(values)), &values_by_hand).map(<[usize]>::to_vec);
            (choice.one, places)
        };
        assert_eq!(choose(&["f", "a"], json!({"f": 1, "a": "l"}), &[]), (true, Ok(vec![3])));
        assert_eq!(choose(&["f"], json!({"f": 0.0}), &[]), (false, Ok(vec![0, 2])));
        assert_eq!(choose(&["z"], json!({"z": 0}), &[]), (false, Ok(vec![0, 1, 2, 3])));
        assert_eq!(choose(&["f"], json!({"f": 0}), &[("a", Some(json!("l")))]), (true, Ok(vec![2])));
        assert_eq!(choose(&["f"], json!({"f": 0}), &[("f", Some(json!(1)))]), (false, Ok(vec![1, 3])));
        assert_eq!(choose(&["f"], json!({"f": 0}), &[("f", None)]), (false, Ok(vec![0, 1, 2, 3])));
        let (_, none) = choose(&["f", "a"], json!({"f": "1", "a": "l"}), &[]);
        let none = none.unwrap_err();
        assert!(none.contains("no combination with a=l, f=1 (`f` is \"1\" here and 1 there)"), "{none}");
        assert!(none.contains("there are (a=r, f=0), (a=r, f=1)"), "{none}");
        assert!(choose(&["f", "a"], json!({"f": 1}), &[]).1.is_err(), "a combination without the key");
    }
}
