//! What the user may set.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::operation::Operation;

/// Parameters of `process`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// What is done, in order: each a map with one key, such as `filter: age >= 18`.
    #[schemars(length(min = 1, max = 200))]
    pub(crate) steps: Vec<Operation>,
    /// Whether the model that is trained on the rows does the same to rows that it is to predict.
    #[serde(default)]
    pub(crate) stage: Within,
    /// The column that is to be predicted, as it is called before or after the steps. Rows to predict have none, so that the
    /// model's part leaves it out, and what is computed from it.
    #[serde(default)]
    pub(crate) target: Option<String>,
    /// For `sample` and `balance`; the step's own seed by default.
    #[serde(default)]
    pub(crate) seed: Option<u64>,
}

/// Whether the steps are a stage of the model that is trained on the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(from = "Written")]
#[schemars(with = "Written")]
pub(crate) enum Within {
    /// If each of them makes a row from that row alone.
    #[default]
    Auto,
    /// Yes; a step that looks at other rows is refused.
    Yes,
    /// No: whoever asks the model does the same beforehand.
    No,
}

/// As it is written.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Written {
    /// `true` or `false`.
    Said(bool),
    /// By the steps.
    Found(Found),
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Found {
    /// A stage if each step makes a row from that row alone.
    Auto,
}

impl From<Written> for Within {
    fn from(written: Written) -> Self {
        match written {
            Written::Said(true) => Self::Yes,
            Written::Said(false) => Self::No,
            Written::Found(Found::Auto) => Self::Auto,
        }
    }
}
