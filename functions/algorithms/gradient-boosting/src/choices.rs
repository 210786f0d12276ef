//! What the user may choose among.

use arrow_schema::DataType;
use millstream_sdk::{Failure, Table};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use std::borrow::Cow;

/// How trees are grown.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TreeMethod {
    /// On histograms.
    #[default]
    Hist,
    /// On histograms too.
    Auto,
}

/// What is boosted.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Booster {
    /// Trees.
    #[default]
    Gbtree,
}

/// Which features hold categories.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "`auto`, or a list of features")]
pub enum Categorical {
    /// By their types.
    ByType(ByType),
    /// These.
    Named(Vec<String>),
}

/// By the columns' types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ByType {
    /// Text and booleans.
    Auto,
}

impl Default for Categorical {
    fn default() -> Self {
        Self::Named(Vec::new())
    }
}

impl Categorical {
    /// Those that are named.
    pub fn named(&self) -> &[String] {
        match self {
            Self::Named(names) => names,
            Self::ByType(ByType::Auto) => &[],
        }
    }

    /// Their names, in a table whose texts are not encoded yet.
    pub fn names(&self, table: &Table, features: &[String]) -> Result<Vec<String>, Failure> {
        match self {
            Self::Named(names) => Ok(names.clone()),
            Self::ByType(ByType::Auto) => {
                let mut names = Vec::new();
                for name in features {
                    if matches!(table.column(name)?.data_type(), DataType::Utf8 | DataType::Boolean) {
                        names.push(name.clone());
                    }
                }
                Ok(names)
            }
        }
    }
}

impl JsonSchema for Categorical {
    fn schema_name() -> Cow<'static, str> {
        "Categorical".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [{"enum": ["auto"]}, {"type": "array", "items": {"type": "string"}}]})
    }
}

/// A file of XGBoost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Json,
    Ubj,
}

/// Whether XGBoost's file is written, and which.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged, expecting = "`json`, `ubj`, or true for `json`")]
pub enum Export {
    /// `json` if so.
    Whether(bool),
    As(Format),
}

impl Default for Export {
    fn default() -> Self {
        Self::Whether(false)
    }
}

impl Export {
    pub fn format(self) -> Option<Format> {
        match self {
            Self::Whether(whether) => whether.then_some(Format::Json),
            Self::As(format) => Some(format),
        }
    }
}

impl JsonSchema for Export {
    fn schema_name() -> Cow<'static, str> {
        "Export".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"enum": ["json", "ubj", true, false]})
    }
}
