//! The operations and what each takes. Their descriptions are what people read in references and editors.

use std::{borrow::Cow, collections::BTreeMap};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::Value;

mod rows;
pub(crate) use rows::*;

/// One step: what is done to the table.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(transform = one_key)]
pub(crate) enum Operation {
    /// Keeps the rows for which a condition is true, such as `age >= 18 AND country IN ('DE', 'FR')`. Row by row, but not part of a model: no row to predict goes missing.
    Filter(String),
    /// Keeps these columns, in this order; `*` in a name stands for anything.
    Select(Several),
    /// Leaves these columns out; `*` in a name stands for anything.
    Drop(Several),
    /// New names of columns, by their old ones.
    Rename(BTreeMap<String, String>),
    /// New types of columns, by their names. A value that is none of the type is an error.
    Cast(BTreeMap<String, CastType>),
    /// New types of columns, by their names. A value that is none of the type is missing then, and counted.
    TryCast(BTreeMap<String, CastType>),
    /// New columns, or new values of columns: an expression for each name, over the columns as they were before this step.
    Derive(BTreeMap<String, Formula>),
    /// Other values for values of a column.
    Recode(Recode),
    /// Texts without the blanks around them, or other characters.
    Strip(Strip),
    /// Texts in lower or upper case.
    Case(Cased),
    /// Columns from the pieces of a text.
    Split(SplitText),
    /// Texts with what a regular expression finds replaced.
    Replace(Replaced),
    /// Columns from the groups of a regular expression.
    Extract(Groups),
    /// Dates or times from texts.
    ParseDate(ParseDate),
    /// Dates or times cut to the beginning of their day, month, ...
    DateTrunc(DateTrunc),
    /// Numbers brought into a range.
    Clip(Clip),
    /// Something in the place of missing values.
    FillMissing(FillMissing),
    /// Leaves out rows with missing values in these columns, or in any column for `{}`.
    DropMissing(DropMissing),
    /// Leaves out rows that are the same as others in these columns, or in all columns for `{}`.
    Deduplicate(Deduplicate),
    /// Orders the rows: by columns or expressions, each with `DESC` or `NULLS FIRST` behind it where wanted.
    Sort(Several),
    /// Draws rows at random, without repetition; they keep their order.
    Sample(SampleRows),
    /// Keeps the first rows.
    Limit(Limit),
    /// Adds the columns of another table to rows that have the same key.
    Join(JoinTable),
    /// Adds the rows of other tables, by the names of their columns.
    Concatenate(Several),
    /// A row for each group of rows.
    GroupBy(GroupBy),
    /// A column for each value of a column.
    Pivot(Pivot),
    /// A row for each of several columns.
    Unpivot(Unpivot),
    /// Columns that look at rows before and after: `lag`, `lead`, `row_number`, moving and running aggregates.
    Window(WindowColumns),
    /// Numbers brought into the range of most of them.
    Winsorize(Winsorize),
    /// Leaves out rows whose numbers are far from the others.
    DropOutliers(DropOutliers),
    /// As many rows of each class.
    Balance(BalanceClasses),
    /// A row for each piece of a text.
    Unnest(Unnest),
    /// A query: SELECT with WHERE, GROUP BY, HAVING, ORDER BY, LIMIT, JOIN, WITH, UNION, window functions. The table is `self`, further inputs go by their names.
    Sql(String),
}

impl Operation {
    /// As it is written.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Filter(_) => "filter",
            Self::Select(_) => "select",
            Self::Drop(_) => "drop",
            Self::Rename(_) => "rename",
            Self::Cast(_) => "cast",
            Self::TryCast(_) => "try-cast",
            Self::Derive(_) => "derive",
            Self::Recode(_) => "recode",
            Self::Strip(_) => "strip",
            Self::Case(_) => "case",
            Self::Split(_) => "split",
            Self::Replace(_) => "replace",
            Self::Extract(_) => "extract",
            Self::ParseDate(_) => "parse-date",
            Self::DateTrunc(_) => "date-trunc",
            Self::Clip(_) => "clip",
            Self::FillMissing(_) => "fill-missing",
            Self::DropMissing(_) => "drop-missing",
            Self::Deduplicate(_) => "deduplicate",
            Self::Sort(_) => "sort",
            Self::Sample(_) => "sample",
            Self::Limit(_) => "limit",
            Self::Join(_) => "join",
            Self::Concatenate(_) => "concatenate",
            Self::GroupBy(_) => "group-by",
            Self::Pivot(_) => "pivot",
            Self::Unpivot(_) => "unpivot",
            Self::Window(_) => "window",
            Self::Winsorize(_) => "winsorize",
            Self::DropOutliers(_) => "drop-outliers",
            Self::Balance(_) => "balance",
            Self::Unnest(_) => "unnest",
            Self::Sql(_) => "sql",
        }
    }
}

/// serde's form is one of many objects with a key each. One object of which one key is set says the same, completes better in
/// editors, and tells the nearest name.
fn one_key(schema: &mut Schema) {
    let Some(forms) = schema.remove("oneOf") else { return };
    let mut properties = serde_json::Map::new();
    for form in forms.as_array().into_iter().flatten() {
        for (key, property) in form["properties"].as_object().into_iter().flatten() {
            let mut property = property.clone();
            if let (Some(property), Some(about)) = (property.as_object_mut(), form.get("description")) {
                property.insert("description".to_owned(), about.clone());
            }
            properties.insert(key.clone(), property);
        }
    }
    schema.insert("type".to_owned(), "object".into());
    schema.insert("properties".to_owned(), properties.into());
    schema.insert("additionalProperties".to_owned(), false.into());
    schema.insert("minProperties".to_owned(), 1.into());
    schema.insert("maxProperties".to_owned(), 1.into());
}

/// One, or a list of several.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Several {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl Several {
    pub(crate) fn all(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// A value as it is written: a text, a number, true or false.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Plain(pub(crate) Value);

impl JsonSchema for Plain {
    fn schema_name() -> Cow<'static, str> {
        "Value".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean", "null"] })
    }
}

/// An expression; a number or a truth value is one too.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Value")]
pub(crate) struct Formula(pub(crate) String);

impl TryFrom<Value> for Formula {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        match value {
            Value::String(text) => Ok(Self(text)),
            Value::Number(number) => Ok(Self(number.to_string())),
            Value::Bool(value) => Ok(Self(value.to_string())),
            other => Err(format!("{other} is no expression; it is written as a text")),
        }
    }
}

impl JsonSchema for Formula {
    fn schema_name() -> Cow<'static, str> {
        "Expression".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "number", "boolean"],
            "description": "An expression over columns, such as `price * amount` or `year(day)`.",
        })
    }
}

/// The types that columns have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum CastType {
    /// Whole numbers.
    Integer,
    /// Numbers.
    Number,
    /// Text.
    String,
    /// True or false.
    Boolean,
    /// Days.
    Date,
    /// Times without a zone.
    Timestamp,
}

/// Other values for values of a column.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Recode {
    /// The column.
    pub(crate) column: String,
    /// The new value for each old one.
    pub(crate) values: BTreeMap<String, Plain>,
    /// For all other values. Without it they stay as they are, where that is of the type of the new values; else they are missing.
    #[serde(default, deserialize_with = "even_null")]
    pub(crate) default: Option<Plain>,
    /// The name of the new column; the old one by default.
    #[serde(default)]
    pub(crate) to: Option<String>,
}

/// A `null` that is written is a value too.
fn even_null<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Plain>, D::Error> {
    Plain::deserialize(deserializer).map(Some)
}

/// Texts without the characters around them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Strip {
    /// The columns; all of text by default.
    #[serde(default)]
    pub(crate) columns: Option<Several>,
    /// What is taken away; blanks, tabs and ends of lines by default.
    #[serde(default)]
    pub(crate) characters: Option<String>,
    /// Where.
    #[serde(default)]
    pub(crate) side: Ends,
}

/// Where characters are taken away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Ends {
    /// At both ends.
    #[default]
    Both,
    /// At the beginning.
    Left,
    /// At the end.
    Right,
}

/// Texts in lower or upper case.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Cased {
    /// The columns; all of text by default.
    #[serde(default)]
    pub(crate) columns: Option<Several>,
    /// Which case.
    pub(crate) to: LetterCase,
}

/// A case of letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LetterCase {
    /// Lower case.
    Lower,
    /// Upper case.
    Upper,
}

/// Columns from the pieces of a text.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct SplitText {
    /// The column.
    pub(crate) column: String,
    /// What is between the pieces.
    #[schemars(length(min = 1))]
    pub(crate) by: String,
    /// The names of the new columns, one for each piece; a piece that is not there is missing.
    #[schemars(length(min = 1, max = 100))]
    pub(crate) into: Vec<String>,
}

/// Texts with what a regular expression finds replaced.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Replaced {
    /// The columns; all of text by default.
    #[serde(default)]
    pub(crate) columns: Option<Several>,
    /// The regular expression.
    pub(crate) pattern: String,
    /// What stands in its place; `\1` is what its first group found.
    pub(crate) with: String,
}

/// Columns from the groups of a regular expression.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Groups {
    /// The column.
    pub(crate) column: String,
    /// The regular expression. What it does not find is missing, and counted.
    pub(crate) pattern: String,
    /// The names of the new columns, one for each group in brackets; one for the whole where there is no group.
    #[schemars(length(min = 1, max = 100))]
    pub(crate) into: Vec<String>,
}

/// Dates or times from texts.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct ParseDate {
    /// The column.
    pub(crate) column: String,
    /// How dates are written, such as `%d.%m.%Y`; of several, the first one that fits.
    pub(crate) format: Several,
    /// What comes out; times where a format has hours, else dates.
    #[serde(default)]
    pub(crate) r#as: Option<Moment>,
    /// What becomes of a text that is no date of the format.
    #[serde(default)]
    pub(crate) errors: OnError,
    /// The name of the new column; the old one by default.
    #[serde(default)]
    pub(crate) to: Option<String>,
}

/// What dates become.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Moment {
    /// Days.
    Date,
    /// Times without a zone.
    Timestamp,
}

/// What becomes of a value that cannot be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OnError {
    /// The step fails, or the row that is to be predicted is refused.
    #[default]
    Raise,
    /// It is missing, and counted.
    Coerce,
}

/// Dates or times cut to the beginning of something.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct DateTrunc {
    /// The column.
    pub(crate) column: String,
    /// `year`, `quarter`, `month`, `week`, `day`, `hour`, `minute`, `second`.
    pub(crate) unit: String,
    /// The name of the new column; the old one by default.
    #[serde(default)]
    pub(crate) to: Option<String>,
}

/// Numbers brought into a range.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Clip {
    /// The columns.
    pub(crate) columns: Several,
    /// What is below becomes this.
    #[serde(default)]
    pub(crate) lower: Option<f64>,
    /// What is above becomes this.
    #[serde(default)]
    pub(crate) upper: Option<f64>,
}
