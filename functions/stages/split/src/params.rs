//! What the user may set.

use millstream_sdk::{Failure, invalid_parameter};
use schemars::JsonSchema;
use serde::Deserialize;

/// Parameters of `split`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Params {
    /// How rows are chosen.
    pub by: By,
    /// Fraction of the rows to train with; what `test` and `validation` leave by default.
    #[schemars(extend("exclusiveMinimum" = 0.0, "exclusiveMaximum" = 1.0))]
    pub train: Option<f64>,
    /// Fraction of the rows to validate with; none by default.
    #[schemars(extend("minimum" = 0.0, "exclusiveMaximum" = 1.0))]
    pub validation: Option<f64>,
    /// Fraction of the rows to test with; what `train` and `validation` leave, or 0.2, by default.
    #[schemars(extend("exclusiveMinimum" = 0.0, "exclusiveMaximum" = 1.0))]
    pub test: Option<f64>,
    /// Seed of the lots; by default the step's.
    pub seed: Option<u64>,
    /// Column of classes that are to have their share in each output.
    pub stratify: Option<String>,
    /// Column of dates, timestamps or numbers by which `time` sorts.
    pub time: Option<String>,
    /// Column whose equal values stay together.
    pub group: Option<String>,
    /// Number of folds.
    #[schemars(range(min = 2))]
    pub folds: u32,
    /// Which fold tests, from 0.
    pub fold: u32,
}

/// How rows are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// By lot.
    #[default]
    Random,
    /// By lot within each class.
    Stratified,
    /// The earliest train, the latest test.
    Time,
    /// Groups by lot.
    Group,
    /// One fold tests.
    Kfold,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            by: By::Random,
            train: None,
            validation: None,
            test: None,
            seed: None,
            stratify: None,
            time: None,
            group: None,
            folds: 5,
            fold: 0,
        }
    }
}

/// A way to choose rows, with the column that it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// By lot.
    Random,
    /// By lot within each class of a column.
    Stratified(String),
    /// By a column's order.
    Time(String),
    /// Groups of a column by lot.
    Group(String),
    /// In folds.
    Folds(Folds),
}

/// How folds are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Folds {
    /// By lot.
    Random,
    /// By lot within each class of a column.
    Stratified(String),
    /// Groups of a column.
    Group(String),
}

/// Fractions of the rows; `train` takes what they leave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fractions {
    /// To test with.
    pub test: f64,
    /// To validate with; 0 for none.
    pub validation: f64,
}

impl Params {
    /// The way and its column. A column that the way has no use for is refused, since it would be passed over silently.
    pub fn way(&self) -> Result<Way, Failure> {
        let useless = |name: &str, given: &Option<String>, by: &str| match given {
            Some(_) => {
                Err(invalid_parameter(name, format!("has no effect here; set `by: {by}` or leave it out")))
            }
            None => Ok(()),
        };
        let needed = |name: &str, given: &Option<String>| {
            given.clone().ok_or_else(|| invalid_parameter(name, "is required: the name of a column"))
        };
        if self.by != By::Time {
            useless("time", &self.time, "time")?;
        }
        if !matches!(self.by, By::Group | By::Kfold) {
            useless("group", &self.group, "group")?;
        }
        if matches!(self.by, By::Time | By::Group) {
            useless("stratify", &self.stratify, "stratified")?;
        }
        Ok(match (self.by, &self.stratify, &self.group) {
            (By::Random, None, _) => Way::Random,
            (By::Random | By::Stratified, _, _) => Way::Stratified(needed("stratify", &self.stratify)?),
            (By::Time, _, _) => Way::Time(needed("time", &self.time)?),
            (By::Group, _, _) => Way::Group(needed("group", &self.group)?),
            (By::Kfold, Some(_), Some(_)) => {
                return Err(invalid_parameter("group", "cannot be combined with `stratify`; leave one out"));
            }
            (By::Kfold, Some(column), None) => Way::Folds(Folds::Stratified(column.clone())),
            (By::Kfold, None, Some(column)) => Way::Folds(Folds::Group(column.clone())),
            (By::Kfold, None, None) => Way::Folds(Folds::Random),
        })
    }

    /// The fractions, which must sum to 1.
    pub fn fractions(&self) -> Result<Fractions, Failure> {
        let validation = self.validation.unwrap_or(0.0);
        let test = match (self.test, self.train) {
            (Some(test), _) => test,
            (None, Some(train)) => 1.0 - train - validation,
            (None, None) => 0.2,
        };
        let train = self.train.unwrap_or(1.0 - test - validation);
        let sum = train + validation + test;
        if (sum - 1.0).abs() > 1e-6 || test <= 0.0 || train <= 0.0 {
            return Err(invalid_parameter(
                "train",
                format!("train ({train}), validation ({validation}) and test ({test}) must sum to 1"),
            )
            .allowed("positive fractions that sum to 1; leave one out and it takes the rest"));
        }
        Ok(Fractions { test, validation })
    }

    /// The fold that tests, of how many. Fractions have no meaning with folds.
    pub fn fold(&self) -> Result<(usize, usize), Failure> {
        for (name, given) in [("train", self.train), ("validation", self.validation), ("test", self.test)] {
            if given.is_some_and(|fraction| fraction != 0.0) {
                return Err(invalid_parameter(name, "has no effect with `by: kfold`; set `folds` instead"));
            }
        }
        if self.fold >= self.folds {
            return Err(invalid_parameter("fold", format!("there is no fold {}", self.fold))
                .allowed(format!("0 to {}", self.folds - 1)));
        }
        Ok((self.fold as usize, self.folds as usize))
    }
}
