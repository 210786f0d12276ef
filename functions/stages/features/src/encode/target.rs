//! The target's mean for each category, as scikit-learn's `TargetEncoder`.
//!
//! D. Micci-Barreca, A preprocessing scheme for high-cardinality categorical attributes in classification and prediction
//! problems (2001). Training rows get means of rows of other folds, so that no row sees its own target.

use std::sync::Arc;

use millstream_learners::rng::Rng;
use millstream_sdk::{
    Classes, Failure,
    arrow_array::{Array, ArrayRef, Float64Array},
    column::Code,
    internal, invalid_input, invalid_parameter,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::NotSeen;
use crate::{goal::SeenTarget, learnt::Learnt, transform::Transform, values};

pub const STEP: &str = "target";

/// Options of `target`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// `auto`, or as how many rows of the overall mean it counts.
    pub smooth: Value,
    /// Folds.
    pub cv: usize,
    /// Folds are drawn at random, by the step's seed.
    pub shuffle: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { smooth: "auto".into(), cv: 5, shuffle: true }
    }
}

/// How much a category's mean is drawn to the overall one.
#[derive(Clone, Copy)]
enum Smooth {
    /// As empirical Bayes says.
    Auto,
    /// As if by so many rows.
    Rows(f64),
}

/// The state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TargetMeans {
    classes: Classes,
    /// Missing values are a category, behind the others.
    missing: bool,
    /// For each column that comes out: a value for each category, and for those that training has not seen.
    columns: Vec<Encoding>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Encoding {
    values: Vec<f64>,
    unseen: f64,
}

pub fn fit(
    options: &Options,
    seed: u64,
    goal: &SeenTarget,
    name: &str,
    array: &ArrayRef,
) -> Result<Learnt, Failure> {
    let smooth = smooth(&options.smooth)?;
    let classes = super::classes_of(STEP, array)?;
    let rows = array.len();
    if options.cv < 2 {
        return Err(
            invalid_parameter("cv", format!("{} folds are too few", options.cv)).allowed("2 and more")
        );
    }
    if rows < options.cv {
        return Err(invalid_input(format!(
            "`target` learns from {} folds, but there are {rows} rows; set a smaller `cv`, or another step",
            options.cv
        )));
    }
    let codes = classes.look_up(array)?;
    let missing = codes.contains(&Code::Missing);
    let count = classes.len() + usize::from(missing);
    let places: Vec<usize> = codes.iter().map(|code| place(*code, classes.len())).collect();
    let folds = folds(goal, options, rows, seed);
    let everything: Vec<usize> = (0..rows).collect();
    let (mut columns, mut names, mut training) = (Vec::new(), Vec::new(), Vec::new());
    for (class, target) in goal.columns() {
        names.push(class.map_or(name.to_owned(), |class| format!("{name}_{class}")));
        columns.push(encoding(&everything, &places, &target, count, smooth)?);
        let mut own = vec![0.0; rows];
        for fold in 0..options.cv as u32 {
            let others: Vec<usize> = (0..rows).filter(|row| folds[*row] != fold).collect();
            let learnt = encoding(&others, &places, &target, count, smooth)?;
            (0..rows).filter(|row| folds[*row] == fold).for_each(|row| own[row] = learnt.values[places[row]]);
        }
        training.push(Arc::new(Float64Array::from(own)) as ArrayRef);
    }
    let state = TargetMeans { classes, missing, columns };
    Ok(Learnt { training: Some(training), ..Learnt::new(names, Transform::TargetMeans(state)) })
}

fn smooth(given: &Value) -> Result<Smooth, Failure> {
    match (given.as_str(), given.as_f64()) {
        (Some("auto"), _) => Ok(Smooth::Auto),
        (_, Some(rows)) if rows >= 0.0 => Ok(Smooth::Rows(rows)),
        _ => Err(invalid_parameter("smooth", format!("{given} is no smoothing"))
            .allowed("`auto`, or a number from 0")),
    }
}

fn place(code: Code, missing: usize) -> usize {
    match code {
        Code::Class(code) => code as usize,
        Code::Missing | Code::Unknown => missing,
    }
}

/// The values of all categories, learnt from some rows.
fn encoding(
    rows: &[usize],
    places: &[usize],
    target: &[f64],
    count: usize,
    smooth: Smooth,
) -> Result<Encoding, Failure> {
    let total = rows.len() as f64;
    let mean = rows.iter().map(|row| target[*row]).sum::<f64>() / total;
    let variance = rows.iter().map(|row| (target[*row] - mean) * (target[*row] - mean)).sum::<f64>() / total;
    if !variance.is_finite() {
        return Err(invalid_input("the target's values are too large to be averaged"));
    }
    let (mut counts, mut sums) = (vec![0.0; count], vec![0.0; count]);
    for row in rows {
        counts[places[*row]] += 1.0;
        sums[places[*row]] += target[*row];
    }
    let values = match smooth {
        Smooth::Rows(weight) => {
            let value = |(sum, count): (&f64, &f64)| match count + weight > 0.0 {
                true => (sum + weight * mean) / (count + weight),
                false => mean,
            };
            sums.iter().zip(&counts).map(value).collect()
        }
        Smooth::Auto => {
            let mut squares = vec![0.0; count];
            for row in rows {
                let place = places[*row];
                let off = target[*row] - sums[place] / counts[place];
                squares[place] += off * off;
            }
            let value = |place: usize| {
                let (own, between) = (sums[place] / counts[place], variance * counts[place]);
                let share = between / (between + squares[place] / counts[place]);
                if share.is_nan() { mean } else { share * own + (1.0 - share) * mean }
            };
            (0..count).map(value).collect()
        }
    };
    Ok(Encoding { values, unseen: mean })
}

/// The fold of each row. Classes are spread evenly over the folds, numbers taken in order; then shuffled.
fn folds(goal: &SeenTarget, options: &Options, rows: usize, seed: u64) -> Vec<u32> {
    let folds = options.cv;
    let mut rng = Rng::new(seed, 0);
    let mut shuffle = |folds: &mut [u32]| {
        if options.shuffle {
            let count = folds.len();
            rng.draw_to_front(folds, count);
        }
    };
    let SeenTarget::Classes(labels) = goal else {
        let mut all: Vec<u32> = Vec::with_capacity(rows);
        for fold in 0..folds {
            let size = rows / folds + usize::from(fold < rows % folds);
            all.extend(std::iter::repeat_n(fold as u32, size));
        }
        shuffle(&mut all);
        return all;
    };
    // As scikit-learn's StratifiedKFold: classes in the order in which they come up, dealt to the folds in turn.
    let mut order: Vec<u32> = Vec::new();
    let mut of_class: Vec<Vec<usize>> = vec![Vec::new(); labels.classes.len()];
    for (row, code) in labels.codes.iter().enumerate() {
        if of_class[*code as usize].is_empty() {
            order.push(*code);
        }
        of_class[*code as usize].push(row);
    }
    let mut all = vec![0; rows];
    let mut dealt = 0;
    for class in order {
        let members = &of_class[class as usize];
        let mut sizes = vec![0usize; folds];
        (dealt..dealt + members.len()).for_each(|card| sizes[card % folds] += 1);
        dealt += members.len();
        let mut own: Vec<u32> = Vec::with_capacity(members.len());
        sizes.iter().zip(0..).for_each(|(size, fold)| own.extend(std::iter::repeat_n(fold, *size)));
        shuffle(&mut own);
        members.iter().zip(own).for_each(|(row, fold)| all[*row] = fold);
    }
    all
}

impl TargetMeans {
    pub fn apply(&self, array: &ArrayRef, not_seen: &mut NotSeen<'_>) -> Result<Vec<ArrayRef>, Failure> {
        let codes = self.classes.look_up(array)?;
        for (row, code) in codes.iter().enumerate() {
            match code {
                Code::Unknown => not_seen.category(array, row, &self.classes)?,
                Code::Missing if !self.missing => not_seen.missing(row)?,
                _ => {}
            }
        }
        let column = |encoding: &Encoding| {
            let value = |code: &Code| match code {
                Code::Class(code) => encoding.values[*code as usize],
                Code::Missing if self.missing => encoding.values[self.classes.len()],
                Code::Missing | Code::Unknown => encoding.unseen,
            };
            values::column(codes.iter().map(value).collect())
        };
        Ok(self.columns.iter().map(column).collect())
    }

    pub fn classes(&self) -> &Classes {
        &self.classes
    }

    /// Whether the parts fit together.
    pub fn check(&self, gives: usize) -> Result<(), Failure> {
        let count = self.classes.len() + usize::from(self.missing);
        match gives == self.columns.len() && self.columns.iter().all(|column| column.values.len() == count) {
            true => Ok(()),
            false => Err(internal("the means of categories are damaged")),
        }
    }
}
