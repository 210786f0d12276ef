//! The combinations of a matrix, as in GitHub Actions.

use serde_json::{Map, Value};

use crate::model::Matrix;

/// One combination: its values, and the parameters that entries of `include` lay over the step's own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Combination {
    /// By name.
    pub values: Map<String, Value>,
    /// From `include`.
    pub with: Map<String, Value>,
}

/// All combinations, the last axis running fastest; then those that `include` adds on its own.
pub fn combinations(matrix: &Matrix) -> Vec<Combination> {
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
    all.retain(|values| {
        !matrix.exclude.iter().any(|entry| entry.iter().all(|(k, v)| values.get(k) == Some(v)))
    });
    let mut all: Vec<_> = all.into_iter().map(|values| Combination { values, with: Map::new() }).collect();
    let originals = all.len();
    for entry in &matrix.include {
        let mut values = entry.clone();
        let with = match values.remove("with") {
            Some(Value::Object(with)) => with,
            _ => Map::new(),
        };
        let agrees = |combination: &Combination| {
            values.iter().all(|(name, value)| {
                !matrix.axes.contains_key(name) || combination.values.get(name) == Some(value)
            })
        };
        let mut met = false;
        for combination in all[..originals].iter_mut().filter(|combination| agrees(combination)) {
            combination.values.extend(values.clone());
            combination.with.extend(with.clone());
            met = true;
        }
        if !met {
            all.push(Combination { values, with });
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn all(matrix: &str) -> Vec<Value> {
        let matrix: Matrix = serde_json::from_str(matrix).unwrap();
        combinations(&matrix).into_iter().map(|c| json!([c.values, c.with])).collect()
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
