//! How classes are weighed against one another.

use millstream_learners::weights;
use millstream_sdk::failure::shown;
use millstream_sdk::{Classes, Failure, invalid_parameter, nearest};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The parameter `class_weight`: `balanced`, or a weight for each class by its name.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged, expecting = "`balanced`, or a weight for each class such as {no: 1, yes: 5}")]
pub enum ClassWeights {
    /// `balanced`.
    By(Rule),
    /// Classes that are not named weigh 1.
    Each(BTreeMap<String, f64>),
}

/// A rule for the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rule {
    /// A row weighs `rows / (classes * rows of its class)`.
    Balanced,
}

impl JsonSchema for ClassWeights {
    fn schema_name() -> Cow<'static, str> {
        "ClassWeights".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "oneOf": [
                { "const": "balanced", "description": "A row weighs `rows / (classes * rows of its class)`." },
                {
                    "type": "object",
                    "description": "The weight of each class by its name.",
                    "additionalProperties": { "type": "number", "minimum": 0 },
                },
            ],
        })
    }
}

impl ClassWeights {
    /// Row weights times class weights, one a row of `codes`; `None` if every row weighs 1.
    pub fn combined(
        class_weight: Option<&Self>,
        classes: &Classes,
        codes: &[u32],
        rows: Option<&[f64]>,
    ) -> Result<Option<Vec<f64>>, Failure> {
        match class_weight {
            None => Ok(rows.map(<[f64]>::to_vec)),
            Some(Self::By(Rule::Balanced)) => {
                Ok(weights::combined(weights::ClassWeight::Balanced, codes, classes.len(), rows))
            }
            Some(Self::Each(named)) => {
                let names = classes.names();
                let mut factors = vec![1.0; names.len()];
                for (name, &weight) in named {
                    let refused = |message: String| {
                        invalid_parameter("class_weight", message)
                            .allowed("a number of at least 0 for each class")
                    };
                    let Some(place) = names.iter().position(|class| class == name) else {
                        let hint = nearest(name, names.iter().map(String::as_str));
                        let hint = hint.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
                        return Err(refused(format!("there is no class `{name}`{hint}")));
                    };
                    if !weight.is_finite() || weight < 0.0 {
                        return Err(refused(format!("the weight of `{name}` is {}", shown(weight))));
                    }
                    factors[place] = weight;
                }
                let weight = |(i, &code): (usize, &u32)| factors[code as usize] * rows.map_or(1.0, |w| w[i]);
                Ok(Some(codes.iter().enumerate().map(weight).collect()))
            }
        }
    }
}
