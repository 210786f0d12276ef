//! How often a category is there, as category_encoders' `CountEncoder`.

use millstream_sdk::{
    Classes, Failure,
    arrow_array::{Array, ArrayRef},
    column::Code,
    internal,
};
use serde::{Deserialize, Serialize};

use super::NotSeen;
use crate::{learnt::Learnt, transform::Transform, values};

/// The state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CategoryCounts {
    classes: Classes,
    /// Rows, or their share, of each class.
    amounts: Vec<f64>,
    /// Of missing values.
    missing: f64,
}

/// Learns counts, or shares of the rows.
pub fn fit(shares: bool, name: &str, array: &ArrayRef) -> Result<Learnt, Failure> {
    let classes = super::classes_of(if shares { "frequency" } else { "count" }, array)?;
    let (counts, missing) = super::counts(&classes, &classes.look_up(array)?);
    let whole = if shares { array.len() as f64 } else { 1.0 };
    let amounts = counts.iter().map(|count| *count as f64 / whole).collect();
    let state = CategoryCounts { classes, amounts, missing: missing as f64 / whole };
    Ok(Learnt::new(vec![name.to_owned()], Transform::CategoryCounts(state)))
}

impl CategoryCounts {
    pub fn apply(&self, array: &ArrayRef, not_seen: &mut NotSeen<'_>) -> Result<Vec<ArrayRef>, Failure> {
        let mut amounts = Vec::with_capacity(array.len());
        for (row, code) in self.classes.look_up(array)?.into_iter().enumerate() {
            amounts.push(match code {
                Code::Class(code) => self.amounts[code as usize],
                Code::Missing => self.missing,
                Code::Unknown => {
                    not_seen.category(array, row, &self.classes)?;
                    0.0
                }
            });
        }
        Ok(vec![values::column(amounts)])
    }

    pub fn classes(&self) -> &Classes {
        &self.classes
    }

    /// Whether the parts fit together.
    pub fn check(&self, gives: usize) -> Result<(), Failure> {
        match gives == 1 && self.amounts.len() == self.classes.len() {
            true => Ok(()),
            false => Err(internal("the counts of categories are damaged")),
        }
    }
}
