//! What operations take that look at other rows.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Formula, Plain, Several};

/// Something in the place of missing values.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct FillMissing {
    /// The columns; with `method`, all that it suits by default.
    #[serde(default)]
    pub(crate) columns: Option<Several>,
    /// The value that stands in their place.
    #[serde(default)]
    pub(crate) value: Option<Plain>,
    /// How the value is found, where it is not given. What is found from the rows here is not what a model would learn from its training rows: `features` does that.
    #[serde(default)]
    pub(crate) method: Option<Filling>,
    /// For `forward` and `backward`: the groups that values stay within.
    #[serde(default)]
    pub(crate) partition_by: Option<Several>,
    /// For `forward` and `backward`: the order of the rows; that of the table by default.
    #[serde(default)]
    pub(crate) order_by: Option<Several>,
}

/// How a value is found for missing ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Filling {
    /// The mean of the column.
    Mean,
    /// The median of the column.
    Median,
    /// The most frequent value of the column.
    Mode,
    /// The last value before.
    Forward,
    /// The next value.
    Backward,
}

/// Leaves out rows with missing values.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct DropMissing {
    /// The columns; all by default.
    #[serde(default)]
    pub(crate) columns: Option<Several>,
    /// How many of their values have to be missing.
    #[serde(default)]
    pub(crate) how: AnyAll,
}

/// How many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AnyAll {
    /// One of them.
    #[default]
    Any,
    /// All of them.
    All,
}

/// Leaves out rows that are the same as others.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Deduplicate {
    /// The columns that are compared; all by default.
    #[serde(default)]
    pub(crate) columns: Option<Several>,
    /// Which of them stays.
    #[serde(default)]
    pub(crate) keep: Keeping,
}

/// Which row of those that are the same stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Keeping {
    /// The first one.
    #[default]
    First,
    /// The last one.
    Last,
    /// None.
    None,
}

/// Draws rows at random.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct SampleRows {
    /// How many.
    #[serde(default)]
    pub(crate) rows: Option<u64>,
    /// Which share of them.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub(crate) fraction: Option<f64>,
}

/// Keeps the first rows.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Limit {
    /// So many.
    Rows(u64),
    /// So many behind some that are left out.
    Behind(LimitRows),
}

/// So many rows behind some that are left out.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct LimitRows {
    /// How many rows.
    pub(crate) rows: u64,
    /// How many are left out before.
    #[serde(default)]
    pub(crate) offset: u64,
}

/// Adds the columns of another table.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct JoinTable {
    /// The other table: the name of an input.
    pub(crate) with: String,
    /// The columns that are equal: names that both tables have, or a map from names of this table to those of the other one.
    pub(crate) on: JoinKeys,
    /// Which rows come out.
    #[serde(default)]
    pub(crate) how: JoinHow,
    /// What follows the name of a column of the other table that this one has too.
    #[serde(default = "right")]
    pub(crate) suffix: String,
    /// How often a key may be there: more is an error.
    #[serde(default)]
    pub(crate) validate: Option<Relation>,
    /// The result may have as many times the rows of the longer table; more is an error, as some key is likely none.
    #[serde(default = "ten")]
    #[schemars(range(min = 1.0))]
    pub(crate) max_growth: f64,
}

fn right() -> String {
    "_right".to_owned()
}

fn ten() -> f64 {
    10.0
}

/// The columns that are equal.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum JoinKeys {
    /// Both tables call them so.
    Same(Several),
    /// This table's name for the other's.
    Paired(BTreeMap<String, String>),
}

/// Which rows a join gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum JoinHow {
    /// Those with a partner.
    Inner,
    /// All of this table.
    #[default]
    Left,
    /// All of the other table.
    Right,
    /// All of both.
    Full,
    /// Those of this table with a partner, without the other's columns.
    Semi,
    /// Those of this table without a partner.
    Anti,
}

/// How often a key may be in this table and in the other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Relation {
    /// Once in each.
    OneToOne,
    /// Once in the other one.
    ManyToOne,
    /// Once in this one.
    OneToMany,
}

/// A row for each group of rows.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct GroupBy {
    /// The columns whose values make the groups; none for one group of all rows.
    pub(crate) by: Several,
    /// The further columns: an expression with aggregates for each name, such as `avg(price)`.
    pub(crate) aggregates: BTreeMap<String, Formula>,
}

/// A column for each value of a column.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Pivot {
    /// The columns that make the rows.
    pub(crate) index: Several,
    /// The column whose values name the new columns.
    pub(crate) on: String,
    /// The column whose values they hold.
    pub(crate) values: String,
    /// What becomes of several values: `sum`, `avg`, `min`, `max`, `first`, `count`, ...
    pub(crate) aggregate: String,
    /// The values of `on` that become columns; all that are there by default, in their order.
    #[serde(default)]
    pub(crate) only: Option<Vec<Plain>>,
}

/// A row for each of several columns.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Unpivot {
    /// The columns that become rows; all but `index` by default.
    #[serde(default)]
    pub(crate) on: Option<Several>,
    /// The columns that stay.
    #[serde(default)]
    pub(crate) index: Option<Several>,
    /// The column for their names.
    #[serde(default = "variable")]
    pub(crate) variable: String,
    /// The column for their values.
    #[serde(default = "value")]
    pub(crate) value: String,
}

fn variable() -> String {
    "variable".to_owned()
}

fn value() -> String {
    "value".to_owned()
}

/// Columns that look at rows before and after.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct WindowColumns {
    /// A window function or aggregate for each new column, such as `lag(sales)`, `avg(sales)` or `row_number()`.
    pub(crate) columns: BTreeMap<String, String>,
    /// The groups that it stays within.
    #[serde(default)]
    pub(crate) partition_by: Option<Several>,
    /// The order of the rows; that of the table by default.
    #[serde(default)]
    pub(crate) order_by: Option<Several>,
    /// For aggregates: over so many rows, the own one and those before it. Without it, all rows up to the own one where there is an order, else all.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub(crate) rows: Option<u64>,
    /// For aggregates: over so much time, such as `7 days`, back from the row's own by the one column of `order-by`.
    #[serde(default)]
    pub(crate) range: Option<String>,
}

/// Numbers brought into the range of most of them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Winsorize {
    /// The columns.
    pub(crate) columns: Several,
    /// What is below this quantile becomes it.
    #[serde(default = "one_percent")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub(crate) lower: f64,
    /// What is above this quantile becomes it.
    #[serde(default = "all_but_one_percent")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub(crate) upper: f64,
}

fn one_percent() -> f64 {
    0.01
}

fn all_but_one_percent() -> f64 {
    0.99
}

/// Leaves out rows whose numbers are far from the others.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct DropOutliers {
    /// The columns.
    pub(crate) columns: Several,
    /// How far is measured.
    #[serde(default)]
    pub(crate) method: Spread,
    /// How far is too far: times the range between the quartiles outside of them (1.5 by default), or standard deviations from the mean (3 by default).
    #[serde(default)]
    #[schemars(range(min = 0.0))]
    pub(crate) threshold: Option<f64>,
}

/// How far a number is from the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Spread {
    /// By the range between the quartiles (Tukey's fences).
    #[default]
    Iqr,
    /// By the standard deviation.
    ZScore,
}

/// As many rows of each class.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct BalanceClasses {
    /// The column of classes.
    pub(crate) column: String,
    /// How.
    #[serde(default)]
    pub(crate) method: Balancing,
}

/// How classes become equally frequent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Balancing {
    /// Rows of the more frequent ones are left out.
    #[default]
    Undersample,
    /// Rows of the rarer ones are repeated, behind all others.
    Oversample,
}

/// A row for each piece of a text.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Unnest {
    /// The column. A row whose text is missing stays.
    pub(crate) column: String,
    /// What is between the pieces.
    #[schemars(length(min = 1))]
    pub(crate) by: String,
}
