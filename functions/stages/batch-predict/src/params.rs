//! What a workflow may set.

use millstream_sdk::{Failure, failure::listing, invalid_parameter, nearest};
use schemars::JsonSchema;
use serde::Deserialize;

/// Parameters of `batch-predict`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Format of the predictions.
    #[serde(default)]
    pub format: Format,
    /// Which columns of the table stand before the predictions: `none`, `all`, or a list of names.
    #[serde(default)]
    pub include: Include,
    /// Which columns of the predictions to write. Default: all that the model gives.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub columns: Option<Vec<String>>,
    /// Whether CSV begins with a line of column names.
    #[serde(default = "yes")]
    pub header: bool,
    /// Fail after more bad records than this. Up to then each gets an empty prediction and a line in `errors`.
    #[serde(default = "default_errors")]
    pub max_errors: u64,
    /// Fail if more than this share of the rows (of this task's, under `for-each`) hold in one column a category that the
    /// model has not seen in training, 0 to 1. Default: never; from 0.1 on there is a warning, below a line in the log.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub max_unknown: Option<f64>,
    /// Rows that are predicted at once; memory grows with it.
    #[serde(default = "default_rows")]
    #[schemars(range(min = 1, max = 65536))]
    pub batch_rows: usize,
}

/// Format of the predictions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Comma-separated values (RFC 4180); a missing value is an empty field.
    #[default]
    Csv,
    /// An object a line; a missing value is null.
    JsonLines,
    /// Arrow IPC stream.
    Arrow,
    /// Parquet, compressed by Snappy.
    Parquet,
}

/// Columns of the table that are written beside the predictions.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Include {
    /// None or all.
    Every(Every),
    /// These, in this order.
    Columns(Vec<String>),
}

/// None or all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Every {
    /// Predictions only.
    None,
    /// Every column of the table.
    All,
}

impl Default for Include {
    fn default() -> Self {
        Self::Every(Every::None)
    }
}

impl Include {
    /// The places of the columns in a table with those column names.
    pub fn places(&self, names: &[&str]) -> Result<Vec<usize>, Failure> {
        match self {
            Self::Every(Every::None) => Ok(Vec::new()),
            Self::Every(Every::All) => Ok((0..names.len()).collect()),
            Self::Columns(listed) => places("include", "the table", listed, names),
        }
    }
}

/// The places of `listed` among `names`, each once.
pub fn places(
    parameter: &str,
    whose: &str,
    listed: &[String],
    names: &[&str],
) -> Result<Vec<usize>, Failure> {
    let mut places = Vec::with_capacity(listed.len());
    for name in listed {
        let Some(place) = names.iter().position(|known| known == name) else {
            let hint = nearest(name, names.iter().copied())
                .map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            let message = format!("{whose} has no column `{name}`{hint}");
            return Err(invalid_parameter(parameter, message).allowed(listing(names)));
        };
        if places.contains(&place) {
            return Err(invalid_parameter(parameter, format!("`{name}` is listed twice")));
        }
        places.push(place);
    }
    Ok(places)
}

fn yes() -> bool {
    true
}

fn default_errors() -> u64 {
    1_000
}

fn default_rows() -> usize {
    // Of 30 columns a megabyte, which stays in the second-level cache while it goes through two components.
    4_096
}
