//! Gaps filled from the nearest rows, as scikit-learn's `KNNImputer`.
//!
//! O. Troyanskaya et al., Missing value estimation methods for DNA microarrays, Bioinformatics 17 (2001).

use millstream_sdk::{Context, Failure, arrow_array::ArrayRef, internal, invalid_parameter};
use serde::{Deserialize, Serialize};

use super::Options;
use crate::{learnt::Learnt, transform::Transform, values};

/// Rows that the state holds at the most: each row with a gap is compared with all of them.
pub const MOST_ROWS: usize = 20_000;

/// How much each of the nearest rows counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NeighbourWeights {
    /// All the same.
    Uniform,
    /// Near ones more.
    Distance,
}

/// The state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NearRows {
    /// Training rows, column by column; NaN is missing.
    columns: Vec<Vec<f64>>,
    means: Vec<f64>,
    neighbours: u32,
    weights: NeighbourWeights,
    /// Columns whose gaps are marked.
    marked: Vec<u32>,
}

pub fn fit(
    context: &Context,
    options: &Options,
    names: &[String],
    arrays: &[ArrayRef],
) -> Result<Learnt, Failure> {
    if options.n_neighbors == 0 {
        return Err(invalid_parameter("n_neighbors", "0 rows are none").allowed("1 and more"));
    }
    let mut columns = super::numbers("impute:knn", names, arrays)?;
    let means = columns.iter().map(|column| super::present_mean(column)).collect();
    let (marked, all) = super::marked(options, names, &columns);
    let rows = columns.first().map_or(0, Vec::len);
    if rows > MOST_ROWS {
        context.warn(format!(
            "`impute:knn` looks for neighbours among {MOST_ROWS} of the {rows} rows, taken at equal distances"
        ));
        for column in &mut columns {
            *column = (0..MOST_ROWS).map(|place| column[place * rows / MOST_ROWS]).collect();
        }
    }
    let neighbours = options.n_neighbors.min(MOST_ROWS) as u32;
    let beside = marked.len();
    let state = NearRows { columns, means, neighbours, weights: options.weights, marked };
    Ok(Learnt { beside, ..Learnt::new(all, Transform::NearRows(state)) })
}

impl NearRows {
    pub fn apply(&self, arrays: &[&ArrayRef]) -> Vec<ArrayRef> {
        let given: Vec<Vec<f64>> = arrays.iter().map(|array| values::as_numbers(array)).collect();
        let mut filled = given.clone();
        let rows = given.first().map_or(0, Vec::len);
        let mut row = vec![0.0; given.len()];
        for place in 0..rows {
            row.iter_mut().zip(&given).for_each(|(value, column)| *value = column[place]);
            if !row.iter().any(|value| value.is_nan()) {
                continue;
            }
            let distances = self.distances(&row);
            for (column, value) in row.iter().enumerate() {
                if value.is_nan() {
                    filled[column][place] = self.value(column, &distances);
                }
            }
        }
        let marks = self.marked.iter().map(|column| super::indicator(arrays[*column as usize]));
        filled.into_iter().map(values::column).chain(marks).collect()
    }

    /// Squared distances to all training rows over the columns that both have, scaled up to all columns; NaN without any.
    fn distances(&self, row: &[f64]) -> Vec<f64> {
        let rows = self.columns.first().map_or(0, Vec::len);
        let (mut squares, mut common) = (vec![0.0; rows], vec![0.0f64; rows]);
        for (value, column) in row.iter().zip(&self.columns).filter(|(value, _)| !value.is_nan()) {
            for ((square, common), other) in squares.iter_mut().zip(&mut common).zip(column) {
                if !other.is_nan() {
                    *square += (value - other) * (value - other);
                    *common += 1.0;
                }
            }
        }
        let width = row.len() as f64;
        // 0 / 0 is NaN.
        squares.iter().zip(common).map(|(square, common)| square / common * width).collect()
    }

    /// The mean of a column over the nearest rows that have a value in it.
    fn value(&self, column: usize, distances: &[f64]) -> f64 {
        let donors = self.columns[column].iter().zip(distances);
        let mut donors: Vec<(f64, f64)> = donors
            .filter(|(value, distance)| !value.is_nan() && !distance.is_nan())
            .map(|(v, d)| (*d, *v))
            .collect();
        if donors.is_empty() {
            return self.means[column];
        }
        let count = donors.len().min(self.neighbours as usize);
        // By distance, then by place: the sort is stable.
        if count < donors.len() {
            let mut keyed: Vec<(f64, usize)> =
                donors.iter().enumerate().map(|(place, donor)| (donor.0, place)).collect();
            keyed.select_nth_unstable_by(count - 1, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let mut nearest = keyed[..count].to_vec();
            nearest.sort_unstable_by_key(|(_, place)| *place);
            donors = nearest.into_iter().map(|(_, place)| donors[place]).collect();
        }
        let exact = donors.iter().any(|(distance, _)| *distance == 0.0);
        let weight = |distance: f64| match self.weights {
            NeighbourWeights::Uniform => 1.0,
            NeighbourWeights::Distance if exact => f64::from(u8::from(distance == 0.0)),
            NeighbourWeights::Distance => 1.0 / distance.sqrt(),
        };
        let total: f64 = donors.iter().map(|(distance, _)| weight(*distance)).sum();
        donors.iter().map(|(distance, value)| weight(*distance) * value).sum::<f64>() / total
    }

    /// Whether the parts fit together.
    pub fn check(&self, takes: usize, gives: usize) -> Result<(), Failure> {
        let rows = self.columns.first().map_or(0, Vec::len);
        let whole = takes > 0
            && self.columns.len() == takes
            && self.means.len() == takes
            && gives == takes + self.marked.len()
            && self.neighbours > 0
            && self.marked.iter().all(|column| (*column as usize) < takes)
            && self.columns.iter().all(|column| column.len() == rows);
        match whole {
            true => Ok(()),
            false => Err(internal("the rows that fill gaps are damaged")),
        }
    }
}
