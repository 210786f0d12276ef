//! What the user may choose among.

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
