//! The columns that users name, declared once; flattened into the parameters of functions.

use crate::{Named, Rows};
use millstream_sdk::column::Choice;
use millstream_sdk::{Context, Failure, Table};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use std::marker::PhantomData;

/// How a function describes its columns.
pub trait Described {
    /// The parameter `target`, if there is one.
    const TARGET: &'static str = "The column to predict.";
    /// The parameter `features`.
    const FEATURES: &'static str =
        "The columns to learn from; all others than target and weight if not given.";
}

/// [`Described::FEATURES`] of functions that take sparse rows too.
pub const OF_NUMBERS_OR_SPARSE: &str = "The columns to learn from, of numbers or of sparse rows; all others than target and weight if not given.";

/// Numbers are predicted.
#[derive(Debug)]
pub struct OfNumbers;

impl Described for OfNumbers {
    const TARGET: &'static str = "The column to predict: numbers.";
}

/// Classes are predicted.
#[derive(Debug)]
pub struct OfClasses;

impl Described for OfClasses {
    const TARGET: &'static str = "The column to predict: classes as text, integers or booleans.";
}

/// Classes or numbers are predicted.
#[derive(Debug)]
pub struct OfEither;

impl Described for OfEither {
    const TARGET: &'static str = "The column to predict: classes or numbers.";
}

/// Clusters of rows are found.
#[derive(Debug)]
pub struct OfClusters;

impl Described for OfClusters {
    const FEATURES: &'static str = "The columns to cluster by; all but the weight if not given.";
}

/// Clusters of rows without weights are found.
#[derive(Debug)]
pub struct OfUnweighted;

impl Described for OfUnweighted {
    const FEATURES: &'static str = "The columns to cluster by; all if not given.";
}

/// Components of columns are found.
#[derive(Debug)]
pub struct OfComponents;

impl Described for OfComponents {
    const FEATURES: &'static str =
        "The columns to reduce; all but the target if not given. Others do not come out.";
}

/// Which columns are learnt from.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(bound = "")]
#[schemars(bound = "D: Described", rename = "FeatureColumns")]
pub struct FeatureColumns<D> {
    #[serde(default)]
    #[schemars(schema_with = "features::<D>")]
    features: Option<Vec<String>>,
    /// Columns to leave out, such as identifiers, in place of a list of all others in `features`.
    #[serde(default)]
    exclude: Vec<String>,
    #[serde(skip)]
    described: PhantomData<D>,
}

fn features<D: Described>(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["array", "null"], "items": { "type": "string" }, "description": D::FEATURES })
}

impl<D> FeatureColumns<D> {
    /// What is wanted.
    pub fn choice(&self) -> Choice<'_> {
        Choice { listed: self.features.as_deref(), excluded: &self.exclude }
    }
}

/// Target, features and weight.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(bound = "")]
#[schemars(bound = "D: Described", rename = "TargetColumns")]
pub struct TargetColumns<D> {
    #[schemars(schema_with = "target::<D>")]
    target: String,
    #[serde(flatten)]
    features: FeatureColumns<D>,
    /// A column of sample weights: a row of weight 2 counts like two rows.
    #[serde(default)]
    weight: Option<String>,
}

fn target<D: Described>(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "description": D::TARGET })
}

impl<D> TargetColumns<D> {
    /// The columns, whatever is predicted.
    pub fn named(&self) -> Named<'_> {
        Named { target: &self.target, features: self.features.choice(), weight: self.weight.as_deref() }
    }
}

/// Features and weight of a clustering.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ClusterColumns {
    #[serde(flatten)]
    features: FeatureColumns<OfClusters>,
    /// A column of sample weights: a row of weight 2 counts like two rows.
    #[serde(default)]
    weight: Option<String>,
}

impl ClusterColumns {
    /// The channel `train`, and these columns of it.
    pub fn rows(&self, context: &Context) -> Result<(Table, Rows), Failure> {
        Rows::of_channel(context, "train", self.features.choice(), None, self.weight.as_deref())
    }
}
