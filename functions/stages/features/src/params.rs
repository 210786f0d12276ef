//! What the user may set.

use std::{borrow::Cow, collections::BTreeMap};

use millstream_sdk::{Failure, invalid_parameter};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    combine::{self, Combine, CombinedColumns},
    select::{self, Select},
    steps::{self, Step},
};

/// Parameters of `features`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Params {
    /// The column that is to be predicted. It passes through unchanged.
    pub target: Option<String>,
    /// A step or a list of steps for columns: by name, by a pattern with `*` or between slashes (a regular expression), or by
    /// type (`type:number`, `type:text`, `type:date`, `type:boolean`). The most specific one that fits a column wins.
    pub columns: BTreeMap<String, Steps>,
    /// What happens to columns that none of these fits.
    pub default: Unlisted,
    /// Steps over several of the features that come of the columns: `polynomial`, `interactions`, `pca`.
    pub combine: Vec<Written>,
    /// Which features stay, each step among those that the one before has left: `variance`, `correlation`, `f-test`,
    /// `mutual-information`.
    pub select: Vec<Written>,
    /// What happens to a category that training did not see.
    pub handle_unknown: Unknown,
    /// Columns that `one-hot` makes of one at most; rarer categories share `<column>_infrequent`.
    #[schemars(range(min = 2, max = 10_000))]
    pub max_categories: usize,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            target: None,
            columns: BTreeMap::new(),
            default: Unlisted::Auto,
            combine: Vec::new(),
            select: Vec::new(),
            handle_unknown: Unknown::Ignore,
            max_categories: 100,
        }
    }
}

/// What happens to columns that are not listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unlisted {
    /// What suits their type.
    #[default]
    Auto,
    /// They stay as they are.
    Passthrough,
    /// They are left out.
    Drop,
}

/// What happens to a category that training did not see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unknown {
    /// `one-hot` gives zeros, `ordinal` a missing value, `target` the overall mean, `count` and `frequency` 0.
    #[default]
    Ignore,
    /// The row is refused.
    Error,
}

/// One step, or several one after another.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Steps {
    /// Several.
    Many(Vec<WrittenStep>),
    /// One.
    One(WrittenStep),
}

/// A step over a column, as it is written.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct WrittenStep(Value);

impl JsonSchema for WrittenStep {
    fn schema_name() -> Cow<'static, str> {
        "Step".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let options: Map<String, Value> =
            steps::NAMES.iter().map(|(name, _)| ((*name).to_owned(), Value::Bool(true))).collect();
        json_schema!({
            "description": "A step: what is done to the column. With options, a map of its name to them.",
            "anyOf": [
                { "enum": steps::texts() },
                { "type": "string", "pattern": "^impute:constant:" },
                {
                    "type": "object", "properties": options, "additionalProperties": false,
                    "minProperties": 1, "maxProperties": 1,
                },
            ],
        })
    }
}

/// A step over several features, as it is written.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct Written(Value);

impl JsonSchema for Written {
    fn schema_name() -> Cow<'static, str> {
        "StepOverFeatures".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The name of a step, or a map of its name to its options.",
            "anyOf": [{ "type": "string" }, { "type": "object", "minProperties": 1, "maxProperties": 1 }],
        })
    }
}

impl Steps {
    /// The steps; none leaves the column out.
    ///
    /// # Errors
    /// For a step or an option that there is not, and for `drop` among others.
    pub fn read(&self, rule: &str) -> Result<Option<Vec<Step>>, Failure> {
        let parameter = format!("columns.{rule}");
        let written = match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(several) => several.as_slice(),
        };
        if written.is_empty() {
            return Err(
                invalid_parameter(parameter, "the list of steps is empty").allowed("`passthrough` or `drop`")
            );
        }
        let read = written.iter().map(|WrittenStep(one)| Step::read(one, &parameter));
        let read: Vec<Step> = read.collect::<Result<_, _>>()?;
        if !read.contains(&Step::Drop) {
            return Ok(Some(read));
        }
        match read.len() {
            1 => Ok(None),
            _ => Err(invalid_parameter(
                parameter,
                "`drop` stands alone: nothing can be done to a column that is left out",
            )),
        }
    }
}

impl Params {
    /// The steps over several features.
    pub fn combinations(&self) -> Result<Vec<Combine>, Failure> {
        let one = |(place, written): (usize, &Written)| {
            let (name, options, parameter) = written.parts("combine", place, &combine::NAMES)?;
            let (taken, rest) = apart(options, &["columns"]);
            let CombinedColumns { columns } = steps::read(taken, &parameter)?;
            let step = match name.as_str() {
                "pca" => combine::Step::Pca(steps::read(rest, &parameter)?),
                _ => {
                    let mut options: combine::polynomial::Options = steps::read(rest, &parameter)?;
                    options.interaction_only |= name == "interactions";
                    combine::Step::Polynomial(options)
                }
            };
            Ok(Combine { columns, step })
        };
        self.combine.iter().enumerate().map(one).collect()
    }

    /// The steps that choose among features.
    pub fn selections(&self) -> Result<Vec<Select>, Failure> {
        let one = |(place, written): (usize, &Written)| {
            let (name, options, parameter) = written.parts("select", place, &select::NAMES)?;
            Select::read(&name, options, &parameter)
        };
        self.select.iter().enumerate().map(one).collect()
    }
}

impl Written {
    /// Name, options, and what they are called in errors.
    fn parts(
        &self,
        list: &str,
        place: usize,
        names: &[&str],
    ) -> Result<(String, Map<String, Value>, String), Failure> {
        let parameter = format!("{list}[{place}]");
        let (name, options) = match &self.0 {
            Value::String(name) => (name.clone(), Map::new()),
            Value::Object(map) if map.len() == 1 => {
                let (name, options) = map.iter().next().expect("it has one entry");
                let options = match options {
                    Value::Object(options) => {
                        options.iter().map(|(key, value)| (key.replace('-', "_"), value.clone())).collect()
                    }
                    Value::Null => Map::new(),
                    // `{ variance: 0.1 }`
                    number @ Value::Number(_) => Map::from_iter([("threshold".to_owned(), number.clone())]),
                    _ => {
                        return Err(invalid_parameter(
                            format!("{parameter}.{name}"),
                            "takes a map of options",
                        ));
                    }
                };
                (name.clone(), options)
            }
            other => {
                return Err(
                    invalid_parameter(parameter, format!("{other} is no step")).allowed(names.join(", "))
                );
            }
        };
        if !names.contains(&name.as_str()) {
            let hint = millstream_sdk::nearest(&name, names.iter().copied())
                .map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            return Err(invalid_parameter(parameter, format!("there is no step `{name}`{hint}"))
                .allowed(names.join(", ")));
        }
        let parameter = format!("{parameter}.{name}");
        Ok((name, options, parameter))
    }
}

/// Some options apart from the others.
fn apart(options: Map<String, Value>, names: &[&str]) -> (Map<String, Value>, Map<String, Value>) {
    options.into_iter().partition(|(name, _)| names.contains(&name.as_str()))
}
