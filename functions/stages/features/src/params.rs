//! What the user may set.

use std::{borrow::Cow, collections::BTreeMap};

use millstream_sdk::{Failure, failure::listing, invalid_parameter, nearest};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Parameters of `features`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Params {
    /// The column that is to be predicted. It passes through unchanged.
    pub target: Option<String>,
    /// A step or a list of steps for each column, by name.
    pub columns: BTreeMap<String, Steps>,
    /// What happens to columns that are not listed.
    pub default: Unlisted,
    /// What happens to a category that training did not see.
    pub handle_unknown: Unknown,
    /// Columns that `one-hot` makes of one at most; rarer categories share `<column>_infrequent`.
    #[schemars(range(min = 2, max = 10_000))]
    pub max_categories: usize,
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
    /// `one-hot` gives zeros, `ordinal` a missing value.
    #[default]
    Ignore,
    /// The row is refused.
    Error,
}

/// One step, or several one after another.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Steps {
    /// One.
    One(Name),
    /// Several.
    Many(Vec<Name>),
}

/// A step as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct Name(String);

impl JsonSchema for Name {
    fn schema_name() -> Cow<'static, str> {
        "Step".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A step: what is done to the column.",
            "anyOf": [{ "enum": NAMES }, { "pattern": "^impute:constant:" }],
        })
    }
}

/// The steps that are written in one way alone.
const NAMES: [&str; 10] = [
    "impute:mean",
    "impute:median",
    "impute:most-frequent",
    "standard",
    "min-max",
    "one-hot",
    "ordinal",
    "date-parts",
    "passthrough",
    "drop",
];

/// How missing values are filled in.
#[derive(Clone, Debug, PartialEq)]
pub enum Impute {
    /// With the mean.
    Mean,
    /// With the median.
    Median,
    /// With the most frequent value; of several, with the least.
    MostFrequent,
    /// With this.
    Constant(String),
}

/// What is made of the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transform {
    /// Nothing.
    Passthrough,
    /// Mean 0, standard deviation 1.
    Standard,
    /// 0 to 1.
    MinMax,
    /// A column for each category.
    OneHot,
    /// The category's place.
    Ordinal,
    /// Year, month and so on.
    DateParts,
}

/// What is to be done with a column.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnPlan {
    /// Filled in first.
    pub impute: Option<Impute>,
    /// Then turned into this.
    pub transform: Transform,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            target: None,
            columns: BTreeMap::new(),
            default: Unlisted::Auto,
            handle_unknown: Unknown::Ignore,
            max_categories: 100,
        }
    }
}

impl Steps {
    /// The plan for a column; `None` leaves it out. An imputation comes first, and at most one step after it.
    pub fn plan(&self, column: &str) -> Result<Option<ColumnPlan>, Failure> {
        let parameter = format!("columns.{column}");
        let names = match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Many(names) => names.as_slice(),
        };
        let names: Vec<&str> = names.iter().map(|Name(name)| name.as_str()).collect();
        if names == ["drop"] {
            return Ok(None);
        }
        let (impute, rest) = match names.split_first() {
            Some((first, rest)) if first.starts_with("impute") => {
                (Some(imputation(first, &parameter)?), rest)
            }
            _ => (None, names.as_slice()),
        };
        let transform = match rest {
            [] if impute.is_some() => Transform::Passthrough,
            ["passthrough"] => Transform::Passthrough,
            ["standard"] => Transform::Standard,
            ["min-max"] => Transform::MinMax,
            ["one-hot"] => Transform::OneHot,
            ["ordinal"] => Transform::Ordinal,
            ["date-parts"] => Transform::DateParts,
            [] => {
                return Err(
                    invalid_parameter(parameter, "the list of steps is empty").allowed(listing(&NAMES))
                );
            }
            [one] => return Err(unknown(&parameter, one)),
            _ => {
                return Err(invalid_parameter(
                    parameter,
                    "too many steps: an imputation may come first, then one other step, and `drop` stands alone",
                ));
            }
        };
        Ok(Some(ColumnPlan { impute, transform }))
    }
}

fn imputation(name: &str, parameter: &str) -> Result<Impute, Failure> {
    Ok(match name.split_once(':').map(|(_, strategy)| strategy) {
        Some("mean") => Impute::Mean,
        Some("median") => Impute::Median,
        Some("most-frequent") => Impute::MostFrequent,
        Some(other) => match other.strip_prefix("constant:") {
            Some(value) => Impute::Constant(value.to_owned()),
            None => return Err(unknown(parameter, name)),
        },
        None => return Err(unknown(parameter, name)),
    })
}

fn unknown(parameter: &str, name: &str) -> Failure {
    let known = NAMES.into_iter();
    let hint = nearest(name, known).map_or(String::new(), |near| format!("; did you mean `{near}`?"));
    let allowed = format!("{}, `impute:constant:VALUE`", listing(&NAMES));
    invalid_parameter(parameter, format!("there is no step `{name}`{hint}")).allowed(allowed)
}
