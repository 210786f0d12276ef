//! Missing values in trees: a feature that has some is two columns, in which they are above all values, and below them. A
//! split by either also says where rows without a value go, and may part them from all others.
//!
//! B. E. T. H. Twala, M. C. Jones, D. J. Hand, Good methods for coping with missing data in decision trees, Pattern
//! Recognition Letters 29, 2008 ("missingness incorporated in attributes"). A node of rows that all have a value sends
//! missing ones where most rows go, as in scikit-learn.

use super::MOST;
use crate::matrix::Missing;
use crate::{Columns, Error};
use serde::{Deserialize, Serialize};

/// The features that are two columns, ascending. Columns are all features, then the second ones of these.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Twins(#[serde(with = "crate::packed")] Vec<u16>);

impl Twins {
    /// Of the features that have missing values.
    ///
    /// # Errors
    /// For no rows or columns, infinite values, and too many columns.
    pub fn of(x: &Columns) -> Result<Self, Error> {
        x.check_features(Missing::Allowed)?;
        if x.width() > MOST {
            let message = format!("there are {} feature columns; trees take {MOST} at the most", x.width());
            return Err(Error::data(message));
        }
        let missing = |column: &[f64]| column.iter().fold(false, |any, value| any | value.is_nan());
        let twins: Vec<u16> = (0..x.width() as u16).filter(|&j| missing(x.column(usize::from(j)))).collect();
        if x.width() + twins.len() > MOST {
            return Err(Error::data(format!(
                "there are {} feature columns, of which {} have missing values and count twice; trees take {MOST} at the most: \
                 impute some",
                x.width(),
                twins.len()
            )));
        }
        Ok(Self(twins))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether they are some of so many features, each once.
    pub fn fit(&self, features: usize) -> bool {
        let known = self.0.last().is_none_or(|&last| usize::from(last) < features);
        known && self.0.is_sorted_by(|a, b| a < b) && features + self.len() <= MOST
    }

    /// The feature that a column is of.
    pub fn feature(&self, column: usize, features: usize) -> usize {
        if column < features { column } else { usize::from(self.0[column - features]) }
    }

    /// The second column of a feature, if it has one.
    pub fn second(&self, feature: usize, features: usize) -> Option<usize> {
        let place = self.0.binary_search(&(feature as u16)).ok()?;
        Some(features + place)
    }

    /// What stands in a column for a value that is missing in its feature.
    pub fn stand_in(column: usize, features: usize) -> f64 {
        if column < features { f64::INFINITY } else { f64::NEG_INFINITY }
    }

    /// The features with missing values as both of their columns, first ones and second ones by turns.
    pub fn stand_ins(&self, x: &Columns) -> Vec<Vec<f64>> {
        let of = |feature: &u16| {
            let column = x.column(usize::from(*feature));
            [f64::INFINITY, f64::NEG_INFINITY]
                .map(|stand_in| column.iter().map(|v| if v.is_nan() { stand_in } else { *v }).collect())
        };
        self.0.iter().flat_map(of).collect()
    }

    /// All columns; `stand_ins` are those of [`Self::stand_ins`].
    pub fn columns<'a>(&self, x: &Columns<'a>, stand_ins: &'a [Vec<f64>]) -> Columns<'a> {
        let mut columns: Vec<&'a [f64]> = x.iter().collect();
        for (pair, &feature) in stand_ins.chunks_exact(2).zip(&self.0) {
            columns[usize::from(feature)] = &pair[0];
            columns.push(&pair[1]);
        }
        Columns::alike(columns, x.rows())
    }

    /// Checks rows that are asked about: a value may be missing where some were in training.
    ///
    /// # Errors
    /// For other missing values, and infinite ones.
    pub fn check(&self, x: &Columns) -> Result<(), Error> {
        x.check_shape()?;
        for (j, column) in x.iter().enumerate() {
            let known = self.0.binary_search(&(j as u16)).is_ok();
            let bad = |value: &f64| value.is_infinite() || (value.is_nan() && !known);
            if !column.iter().fold(false, |any, value| any | bad(value)) {
                continue;
            }
            if let Some(i) = column.iter().position(bad) {
                let message = match column[i].is_nan() {
                    true => {
                        "the feature is missing (NaN), which it never was in training; impute it first or drop the row"
                    }
                    false => "the feature is infinite",
                };
                return Err(Error::cell(i, j, message.to_owned()));
            }
        }
        Ok(())
    }

    /// The second columns' shares added to those of their features.
    pub fn folded(&self, mut by_column: Vec<f64>) -> Vec<f64> {
        let features = by_column.len() - self.len();
        for (place, &feature) in self.0.iter().enumerate() {
            by_column[usize::from(feature)] += by_column[features + place];
        }
        by_column.truncate(features);
        by_column
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_with_missing_values_are_two_columns() {
        let nan = f64::NAN;
        let (a, b, c) = ([1.0, 2.0], [nan, 2.0], [nan, nan]);
        let x = Columns::new(vec![&a, &b, &c]).unwrap();
        let twins = Twins::of(&x).unwrap();
        assert_eq!((twins.len(), twins.second(0, 3), twins.second(2, 3)), (2, None, Some(4)));
        assert_eq!((twins.feature(1, 3), twins.feature(3, 3), twins.feature(4, 3)), (1, 1, 2));
        assert_eq!(twins.folded(vec![1.0, 2.0, 3.0, 10.0, 20.0]), [1.0, 12.0, 23.0]);
        assert!(twins.fit(3) && !twins.fit(2) && !Twins(vec![1, 1]).fit(3));
        assert!(twins.check(&x).is_ok());
        let refused = twins.check(&Columns::new(vec![&b, &a, &a]).unwrap()).unwrap_err().to_string();
        assert!(refused.contains("never was in training"), "{refused}");
        let infinite = [1.0, f64::INFINITY];
        assert!(Twins::of(&Columns::new(vec![&infinite]).unwrap()).is_err());
    }
}
