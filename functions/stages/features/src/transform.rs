//! Fitted steps, and how each is applied to rows.

use millstream_sdk::{Classes, Failure, arrow_array::ArrayRef, internal};
use serde::{Deserialize, Serialize};

use crate::{
    combine::{pca::ColumnComponents, polynomial::ColumnProducts},
    dates::Dates,
    encode::{
        NotSeen, count::CategoryCounts, hashing::Hashing, one_hot::OneHot, ordinal::Ordinal,
        target::TargetMeans,
    },
    impute::{fill::Filled, iterative::Chained, knn::NearRows},
    numeric::{binning::Bins, log::Log, power::Power, quantile::Quantiles, scale::Scale, spline::Spline},
    text::{hash::HashedText, vocabulary::Vocabulary},
};

/// A fitted step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Transform {
    Filled(Filled),
    NearRows(NearRows),
    Chained(Chained),
    Scale(Scale),
    Log(Log),
    Power(Power),
    Quantiles(Quantiles),
    Bins(Bins),
    Spline(Spline),
    OneHot(OneHot),
    Ordinal(Ordinal),
    CategoryCounts(CategoryCounts),
    TargetMeans(TargetMeans),
    Hashing(Hashing),
    Dates(Dates),
    Vocabulary(Vocabulary),
    HashedText(HashedText),
    ColumnProducts(ColumnProducts),
    ColumnComponents(ColumnComponents),
}

impl Transform {
    /// The columns that come out, for rows of the columns that go in.
    pub fn apply(&self, columns: &[&ArrayRef], mut not_seen: NotSeen<'_>) -> Result<Vec<ArrayRef>, Failure> {
        let [first, ..] = columns else { return Err(internal("a step takes no column")) };
        match self {
            Self::Filled(one) => one.apply(first),
            Self::NearRows(one) => Ok(one.apply(columns)),
            Self::Chained(one) => Ok(one.apply(columns)),
            Self::Scale(one) => Ok(one.apply(first)),
            Self::Log(one) => Ok(one.apply(first)),
            Self::Power(one) => Ok(one.apply(first)),
            Self::Quantiles(one) => Ok(one.apply(first)),
            Self::Bins(one) => Ok(one.apply(first)),
            Self::Spline(one) => Ok(one.apply(first)),
            Self::OneHot(one) => one.apply(first, &mut not_seen),
            Self::Ordinal(one) => one.apply(first, &mut not_seen),
            Self::CategoryCounts(one) => one.apply(first, &mut not_seen),
            Self::TargetMeans(one) => one.apply(first, &mut not_seen),
            Self::Hashing(one) => one.apply(first),
            Self::Dates(one) => one.apply(first),
            Self::Vocabulary(one) => one.apply(first),
            Self::HashedText(one) => one.apply(first),
            Self::ColumnProducts(one) => Ok(one.apply(columns)),
            Self::ColumnComponents(one) => one.apply(columns),
        }
    }

    /// Whether its parts fit together and to the columns that go in and come out: a state may be damaged.
    pub fn check(&self, takes: usize, gives: usize) -> Result<(), Failure> {
        let alone = || match takes {
            1 => Ok(()),
            _ => Err(internal("a step of one column takes several")),
        };
        match self {
            Self::NearRows(one) => one.check(takes, gives),
            Self::Chained(one) => one.check(takes, gives),
            Self::ColumnProducts(one) => one.check(takes, gives),
            Self::ColumnComponents(one) => one.check(takes, gives),
            Self::Filled(one) => alone().and(one.check(gives)),
            Self::Scale(one) => alone().and(one.check(gives)),
            Self::Log(_) if gives == 1 => alone(),
            Self::Log(_) => Err(internal("a logarithm gives one column")),
            Self::Power(one) => alone().and(one.check(gives)),
            Self::Quantiles(one) => alone().and(one.check(gives)),
            Self::Bins(one) => alone().and(one.check(gives)),
            Self::Spline(one) => alone().and(one.check(gives)),
            Self::OneHot(one) => alone().and(one.check(gives)),
            Self::Ordinal(one) => alone().and(one.check(gives)),
            Self::CategoryCounts(one) => alone().and(one.check(gives)),
            Self::TargetMeans(one) => alone().and(one.check(gives)),
            Self::Hashing(one) => alone().and(one.check(gives)),
            Self::Dates(one) => alone().and(one.check(gives)),
            Self::Vocabulary(one) => alone().and(one.check(gives)),
            Self::HashedText(one) => alone().and(one.check(gives)),
        }
    }

    /// The categories that it knows, if it tells categories apart.
    pub fn classes(&self) -> Option<&Classes> {
        Some(match self {
            Self::OneHot(one) => one.classes(),
            Self::Ordinal(one) => one.classes(),
            Self::CategoryCounts(one) => one.classes(),
            Self::TargetMeans(one) => one.classes(),
            _ => return None,
        })
    }
}
