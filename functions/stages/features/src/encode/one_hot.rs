//! A column for each category, as scikit-learn's `OneHotEncoder`.

use millstream_sdk::{
    Classes, Context, Failure,
    arrow_array::{Array, ArrayRef},
    column::Code,
    internal, invalid_parameter,
};
use serde::{Deserialize, Serialize};

use super::NotSeen;
use crate::{learnt::Learnt, transform::Transform, values};

pub const STEP: &str = "one-hot";

/// Options of `one-hot`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Rarer categories share a column: a count, or below 1 a share of the rows.
    pub min_frequency: Option<f64>,
    /// Columns at the most; that of rare categories counts.
    pub max_categories: Option<usize>,
    /// A column that is left out.
    pub drop: Option<Drop>,
}

/// Which column is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Drop {
    /// The first.
    First,
    /// The first of two.
    IfBinary,
}

/// The state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OneHot {
    /// All that training saw.
    classes: Classes,
    /// Which column a class is marked in, before one is left out.
    slots: Vec<u32>,
    /// Columns for categories, before one is left out.
    width: u32,
    /// Missing values have a column of their own, the last one.
    missing: bool,
    /// The first column does not come out.
    drop_first: bool,
}

pub fn fit(
    context: &Context,
    options: &Options,
    most: usize,
    name: &str,
    array: &ArrayRef,
) -> Result<Learnt, Failure> {
    let classes = super::classes_of(STEP, array)?;
    let (counts, missing) = super::counts(&classes, &classes.look_up(array)?);
    let most = options.max_categories.unwrap_or(most);
    if most == 0 {
        return Err(invalid_parameter("max_categories", "0 columns are none").allowed("1 and more"));
    }
    let rare = rare(&counts, array.len(), options.min_frequency, most)?;
    let kept: Vec<usize> = (0..classes.len()).filter(|class| !rare[*class]).collect();
    if options.max_categories.is_none() && options.min_frequency.is_none() && kept.len() < classes.len() {
        context.warn(format!(
            "column `{name}` has {} categories: the rarest share `{name}_infrequent` (see `max_categories`); if it \
             identifies rows, `drop` it",
            classes.len()
        ));
    }
    let mut slots = vec![kept.len() as u32; classes.len()];
    kept.iter().enumerate().for_each(|(slot, class)| slots[*class] = slot as u32);
    let all = classes.names();
    let mut names: Vec<String> = kept.iter().map(|class| all[*class].clone()).collect();
    if kept.len() < classes.len() {
        names.push("infrequent".to_owned());
    }
    let width = names.len() as u32;
    if missing > 0 {
        names.push("nan".to_owned());
    }
    let drop_first = match options.drop {
        None => false,
        Some(Drop::First) => true,
        Some(Drop::IfBinary) => names.len() == 2,
    };
    let names = names.iter().skip(usize::from(drop_first)).map(|category| format!("{name}_{category}"));
    let names: Vec<String> = names.collect();
    if names.is_empty() {
        context.warn(format!(
            "column `{name}` has one category, which `drop` leaves out: nothing is left of it"
        ));
    }
    let state = OneHot { classes, slots, width, missing: missing > 0, drop_first };
    Ok(Learnt::new(names, Transform::OneHot(state)))
}

/// Which classes are rare. Among equally frequent ones the later are kept, as in scikit-learn.
fn rare(counts: &[u64], rows: usize, least: Option<f64>, most: usize) -> Result<Vec<bool>, Failure> {
    let least = match least {
        None => 0.0,
        Some(share) if share > 0.0 && share < 1.0 => share * rows as f64,
        Some(count) if count >= 1.0 && count.fract() == 0.0 => count,
        Some(_) => {
            return Err(invalid_parameter("min_frequency", "is neither a count nor a share")
                .allowed("whole numbers from 1, or a share between 0 and 1"));
        }
    };
    let mut rare: Vec<bool> = counts.iter().map(|count| (*count as f64) < least).collect();
    let few = rare.iter().filter(|rare| **rare).count();
    if counts.len() - few + usize::from(few > 0) > most {
        let mut order: Vec<usize> = (0..counts.len()).collect();
        order.sort_by_key(|class| counts[*class]);
        order[..counts.len() - (most - 1)].iter().for_each(|class| rare[*class] = true);
    }
    Ok(rare)
}

impl OneHot {
    pub fn apply(&self, array: &ArrayRef, not_seen: &mut NotSeen<'_>) -> Result<Vec<ArrayRef>, Failure> {
        let width = self.width as usize;
        let mut columns = vec![vec![0.0; array.len()]; width + usize::from(self.missing)];
        for (row, code) in self.classes.look_up(array)?.into_iter().enumerate() {
            match code {
                Code::Class(code) => columns[self.slots[code as usize] as usize][row] = 1.0,
                Code::Missing if self.missing => columns[width][row] = 1.0,
                Code::Missing => not_seen.missing(row)?,
                Code::Unknown => not_seen.category(array, row, &self.classes)?,
            }
        }
        Ok(columns.into_iter().skip(usize::from(self.drop_first)).map(values::column).collect())
    }

    pub fn classes(&self) -> &Classes {
        &self.classes
    }

    /// Whether the parts fit together, and `gives` columns come out.
    pub fn check(&self, gives: usize) -> Result<(), Failure> {
        let inside =
            self.slots.len() == self.classes.len() && self.slots.iter().all(|slot| *slot < self.width);
        let width = self.width as usize + usize::from(self.missing);
        match inside
            && self.width as usize <= self.slots.len()
            && width == gives + usize::from(self.drop_first)
        {
            true => Ok(()),
            false => Err(internal("the one-hot columns are damaged")),
        }
    }
}
