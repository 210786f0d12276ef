//! Features made of several columns.

pub mod pca;
pub mod polynomial;

use millstream_sdk::{Context, Failure, arrow_array::ArrayRef};
use serde::Deserialize;

use crate::learnt::Learnt;

/// A step over several features.
#[derive(Clone, Debug)]
pub struct Combine {
    /// Names and patterns of features; all of numbers if not given.
    pub columns: Option<Vec<String>>,
    pub step: Step,
}

/// What is made of them.
#[derive(Clone, Debug)]
pub enum Step {
    Polynomial(polynomial::Options),
    Pca(pca::Options),
}

/// The steps' names.
pub const NAMES: [&str; 3] = ["interactions", "polynomial", "pca"];

/// Which columns a step takes, beside its own options.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct CombinedColumns {
    pub columns: Option<Vec<String>>,
}

impl Step {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Polynomial(options) if options.interaction_only => "interactions",
            Self::Polynomial(_) => "polynomial",
            Self::Pca(_) => "pca",
        }
    }

    /// Whether the columns that go in are features no more.
    pub fn replaces(&self) -> bool {
        matches!(self, Self::Pca(options) if !options.keep)
    }

    pub fn fit(&self, context: &Context, names: &[String], arrays: &[ArrayRef]) -> Result<Learnt, Failure> {
        match self {
            Self::Polynomial(options) => polynomial::fit(options, self.name(), names, arrays),
            Self::Pca(options) => pca::fit(context, options, names, arrays),
        }
    }
}
