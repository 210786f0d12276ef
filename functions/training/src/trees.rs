//! Parameters that the tree methods share, as users write them.

use millstream_learners::forest;
use millstream_sdk::{Classes, Failure, invalid_parameter};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use std::collections::BTreeMap;

/// How much each class counts.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "expected \"balanced\", \"balanced_subsample\", or a weight by class")]
pub enum ClassWeight {
    Word(Balance),
    Given(BTreeMap<String, f64>),
}

/// A way to balance classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    Balanced,
    BalancedSubsample,
}

/// The schema of a [`ClassWeight`] that may be left out.
pub fn class_weight(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "anyOf": [
            { "enum": ["balanced", "balanced_subsample"] },
            { "type": "object", "additionalProperties": { "type": "number", "minimum": 0 } },
            { "type": "null" },
        ]
    })
}

impl ClassWeight {
    /// What the kernel takes. Classes that are not named weigh 1, as in scikit-learn.
    pub fn kernel(weight: Option<&Self>, classes: Option<&Classes>) -> Result<forest::ClassWeight, Failure> {
        let given = match (weight, classes) {
            (None, _) => return Ok(forest::ClassWeight::None),
            (Some(_), None) => {
                return Err(invalid_parameter("class_weight", "the target is a number, not classes")
                    .allowed("task: classification, or leave it out"));
            }
            (Some(Self::Word(Balance::Balanced)), _) => return Ok(forest::ClassWeight::Balanced),
            (Some(Self::Word(Balance::BalancedSubsample)), _) => {
                return Ok(forest::ClassWeight::BalancedSubsample);
            }
            (Some(Self::Given(given)), Some(classes)) => (given, classes.names()),
        };
        let (given, names) = given;
        if let Some(unknown) = given.keys().find(|name| !names.contains(name)) {
            let message = format!("there is no class `{unknown}`");
            return Err(invalid_parameter("class_weight", message).allowed(names.join(", ")));
        }
        Ok(forest::ClassWeight::Given(
            names.iter().map(|name| given.get(name).copied().unwrap_or(1.0)).collect(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_go_by_the_classes_names() {
        let classes = Classes::Text(vec!["no".into(), "yes".into()]);
        let kernel = |json: &str, classes: Option<&Classes>| {
            let weight: Option<ClassWeight> = serde_json::from_str(json).unwrap();
            ClassWeight::kernel(weight.as_ref(), classes)
        };
        let given = |weights: &[f64]| forest::ClassWeight::Given(weights.to_vec());
        assert_eq!(kernel(r#"{"yes": 2}"#, Some(&classes)).unwrap(), given(&[1.0, 2.0]));
        assert_eq!(kernel("null", None).unwrap(), forest::ClassWeight::None);
        assert_eq!(kernel(r#""balanced""#, Some(&classes)).unwrap(), forest::ClassWeight::Balanced);
        let refused = kernel(r#"{"maybe": 2}"#, Some(&classes)).unwrap_err().to_string();
        assert_eq!(refused, "parameter `class_weight`: there is no class `maybe` (allowed: no, yes)");
        assert!(kernel(r#""balanced""#, None).is_err());
        assert!(
            serde_json::from_str::<ClassWeight>(r#""heavy""#).unwrap_err().to_string().contains("balanced")
        );
        let booleans = Classes::Bool(vec![false, true]);
        assert_eq!(kernel(r#"{"true": 3.5}"#, Some(&booleans)).unwrap(), given(&[1.0, 3.5]));
    }
}
