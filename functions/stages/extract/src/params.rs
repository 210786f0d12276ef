//! What the user may set.

use std::{borrow::Cow, collections::BTreeMap};

use millstream_sdk::{Failure, invalid_parameter, missing::TEXTS};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::kind::Kind;

/// Parameters of `extract`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Params {
    /// How the files are written. `auto` goes by the bytes, then by the name's ending.
    pub format: Format,
    /// CSV: whether the first record names the columns.
    pub header: bool,
    /// CSV: names of the columns, in place of the header's or for want of one.
    #[schemars(length(min = 1))]
    pub column_names: Option<Vec<String>>,
    /// CSV: what is between two fields, one ASCII character or `tab`. A comma by default, a tab in `.tsv` files.
    pub delimiter: Option<String>,
    /// CSV: what is around a field that holds delimiters or line ends, one ASCII character; it is doubled inside.
    pub quote: String,
    /// CSV: whether blanks after a delimiter are left out, so that `1, "x, y"` is two fields. Otherwise they belong to the
    /// field, and a quote after one is refused.
    pub skip_initial_space: bool,
    /// CSV: texts that stand for a missing value; blanks around them do not count. By default those of pandas. The table, and a
    /// model that learns from it, keep them.
    pub missing_values: Vec<String>,
    /// Types of columns, by name, in place of what their values, or those of the channel `like`, suggest. `string` keeps every
    /// text as it is; `int` and `float` make numbers of codes such as `007`. Of LibSVM files that of `label`, which is `int` or
    /// `float`.
    pub types: BTreeMap<String, Type>,
    /// Parquet: what becomes of columns that pandas says are the index of its table. Those that `columns` or `types` name are
    /// kept.
    pub pandas_index: PandasIndex,
    /// The columns to keep, in this order; all of them by default.
    #[schemars(length(min = 1))]
    pub columns: Option<Vec<String>>,
    /// Lines (of Parquet: rows) to pass over at the start of each file, before the header.
    pub skip_rows: u64,
    /// LibSVM: whether indices begin at 0 instead of 1. `auto`: if there is an index 0 in the files. Files that belong
    /// together, such as those of training and of test rows, are better told.
    pub zero_based: ZeroBased,
    /// LibSVM: how many features there are, if more than come up in the files.
    #[schemars(range(min = 1))]
    pub n_features: Option<u32>,
    /// LibSVM: whether each feature has a column of its own.
    pub features: Features,
    /// Rows to read at most, over all files.
    #[schemars(range(min = 1))]
    pub limit: Option<u64>,
}

/// How a file is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// By the bytes, then by the name's ending.
    #[default]
    Auto,
    /// Delimiter-separated values (RFC 4180).
    Csv,
    /// One JSON object a line.
    JsonLines,
    /// Apache Parquet.
    Parquet,
    /// LibSVM or SVMlight: a label, then `index:value` of each feature that is not 0.
    Libsvm,
}

/// Whether indices begin at 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "`auto`, true or false")]
pub enum ZeroBased {
    /// If there is such an index.
    Rule(Auto),
    /// Or at 1.
    Value(bool),
}

/// `auto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Auto {
    /// By what the files hold.
    Auto,
}

impl JsonSchema for ZeroBased {
    fn schema_name() -> Cow<'static, str> {
        "ZeroBased".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "oneOf": [{ "const": "auto" }, { "type": "boolean" }] })
    }
}

/// How features of few values come into the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Features {
    /// As columns if there are 1,000 features at the most, else as sparse rows.
    #[default]
    Auto,
    /// As columns `f0`, `f1`, ..., which every algorithm takes; 10,000 at the most.
    Dense,
    /// As one column `features` of sparse rows, which `factorization-machines` and `linear-learner` take.
    Sparse,
}

/// What becomes of the index of a table that pandas wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PandasIndex {
    /// It is left out, which the log says.
    #[default]
    Drop,
    /// It is columns like any other.
    Keep,
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Type {
    /// 64-bit signed integers.
    Int,
    /// 64-bit floating-point numbers.
    Float,
    /// `true` and `false`.
    Bool,
    /// Text as it stands.
    String,
    /// `2024-01-31`.
    Date,
    /// `2024-01-31T09:30:00`, with a zone or without; kept in microseconds, UTC if a zone is given.
    Timestamp,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            format: Format::Auto,
            header: true,
            column_names: None,
            delimiter: None,
            quote: "\"".to_owned(),
            missing_values: TEXTS.map(str::to_owned).to_vec(),
            skip_initial_space: false,
            pandas_index: PandasIndex::Drop,
            types: BTreeMap::new(),
            columns: None,
            skip_rows: 0,
            zero_based: ZeroBased::Rule(Auto::Auto),
            n_features: None,
            features: Features::Auto,
            limit: None,
        }
    }
}

impl Params {
    /// The delimiter of a file of that name.
    pub fn delimiter_of(&self, file: &str) -> Result<u8, Failure> {
        match self.delimiter.as_deref() {
            None => Ok(if file.trim_end_matches(".gz").ends_with(".tsv") { b'\t' } else { b',' }),
            Some("tab" | "\\t") => Ok(b'\t'),
            Some(text) => one_byte("delimiter", text),
        }
    }

    /// The quote.
    pub fn quote(&self) -> Result<u8, Failure> {
        one_byte("quote", &self.quote)
    }
}

fn one_byte(parameter: &str, text: &str) -> Result<u8, Failure> {
    match text.as_bytes() {
        [byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r') => Ok(*byte),
        _ => Err(invalid_parameter(parameter, format!("{text:?} is not one ASCII character"))
            .allowed("one ASCII character that is no line end")),
    }
}

impl Type {
    /// The narrowest kind of values that the type takes.
    pub fn kind(self) -> Kind {
        match self {
            Self::Int => Kind::Int,
            Self::Float => Kind::Float,
            Self::Bool => Kind::Bool,
            Self::String => Kind::Text,
            Self::Date => Kind::Date,
            Self::Timestamp => Kind::Time,
        }
    }
}
