//! Gaps filled with what the other columns predict, round by round, as scikit-learn's `IterativeImputer` with its Bayesian ridge.
//!
//! S. van Buuren, K. Groothuis-Oudshoorn, mice: multivariate imputation by chained equations in R, Journal of Statistical
//! Software 45 (2011). D. MacKay, Bayesian interpolation, Neural Computation 4 (1992).

use millstream_learners::linalg::eigen;
use millstream_sdk::{Context, Failure, arrow_array::ArrayRef, internal, invalid_parameter};
use serde::{Deserialize, Serialize};

use super::Options;
use crate::{learnt::Learnt, transform::Transform, values};

/// Columns at the most: the state holds a line for each of them and each round.
const MOST: usize = 200;

/// The state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Chained {
    /// What gaps are filled with first.
    means: Vec<f64>,
    /// In the order in which they are used.
    lines: Vec<Line>,
    /// Columns whose gaps are marked.
    marked: Vec<u32>,
}

/// Predicts one column from all others.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Line {
    column: u32,
    /// One for each column; its own is 0.
    weights: Vec<f64>,
    intercept: f64,
}

pub fn fit(
    context: &Context,
    options: &Options,
    names: &[String],
    arrays: &[ArrayRef],
) -> Result<Learnt, Failure> {
    if options.max_iter == 0 || options.max_iter > 1000 {
        return Err(invalid_parameter("max_iter", format!("{} is out of range", options.max_iter))
            .allowed("1 to 1,000"));
    }
    if options.tol.is_nan() || options.tol < 0.0 {
        return Err(
            invalid_parameter("tol", format!("{} is out of range", options.tol)).allowed("0 and more")
        );
    }
    if names.len() > MOST {
        return Err(invalid_parameter(
            "columns",
            format!(
                "`impute:iterative` takes {MOST} columns at the most, not {}; give others `impute:median`",
                names.len()
            ),
        ));
    }
    let columns = super::numbers("impute:iterative", names, arrays)?;
    let means: Vec<f64> = columns.iter().map(|column| super::present_mean(column)).collect();
    let (marked, all) = super::marked(options, names, &columns);
    let gaps: Vec<Vec<bool>> =
        columns.iter().map(|column| column.iter().map(|value| value.is_nan()).collect()).collect();
    let largest = columns
        .iter()
        .flatten()
        .fold(0.0, |most: f64, value| if value.is_nan() { most } else { most.max(value.abs()) });
    values::measurable(largest * largest * columns[0].len() as f64)?;
    let mut filled = with_means(columns, &means);
    let mut order: Vec<usize> = (0..filled.len()).collect();
    order.sort_by_key(|column| gaps[*column].iter().filter(|gap| **gap).count());
    let any = gaps.iter().flatten().any(|gap| *gap);
    let mut lines = Vec::new();
    let mut settled = !any || filled.len() == 1;
    for _ in 0..options.max_iter {
        if settled {
            break;
        }
        let before = filled.clone();
        for column in &order {
            let line = Line::fit(&filled, *column, &gaps[*column]);
            line.fill(&mut filled, &gaps[*column]);
            lines.push(line);
        }
        let change = (0..filled[0].len()).map(|row| {
            filled.iter().zip(&before).map(|(now, then)| (now[row] - then[row]).abs()).sum::<f64>()
        });
        settled = change.fold(0.0, f64::max) < options.tol * largest;
    }
    if !settled {
        context.info("`impute:iterative` stopped at `max_iter` before the values had settled");
    }
    let beside = marked.len();
    let state = Chained { means, lines, marked };
    Ok(Learnt { beside, ..Learnt::new(all, Transform::Chained(state)) })
}

fn with_means(mut columns: Vec<Vec<f64>>, means: &[f64]) -> Vec<Vec<f64>> {
    for (column, mean) in columns.iter_mut().zip(means) {
        column.iter_mut().filter(|value| value.is_nan()).for_each(|value| *value = *mean);
    }
    columns
}

impl Line {
    /// Bayesian ridge regression of a column on all others, over the rows where it has a value. The precisions of noise and
    /// weights are those of scikit-learn's `BayesianRidge`, found by fixed-point iteration.
    fn fit(columns: &[Vec<f64>], column: usize, gaps: &[bool]) -> Self {
        const PRIOR: f64 = 1e-6;
        let rows: Vec<usize> = (0..gaps.len()).filter(|row| !gaps[*row]).collect();
        let count = rows.len() as f64;
        let others: Vec<usize> = (0..columns.len()).filter(|other| *other != column).collect();
        let centred = |column: usize| -> (Vec<f64>, f64) {
            let own: Vec<f64> = rows.iter().map(|row| columns[column][*row]).collect();
            let mean = values::mean(&own);
            (own.iter().map(|value| value - mean).collect(), mean)
        };
        let (y, y_mean) = centred(column);
        let (x, x_means): (Vec<Vec<f64>>, Vec<f64>) = others.iter().map(|other| centred(*other)).unzip();
        let width = x.len();
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let mut products = vec![0.0; width * width];
        for i in 0..width {
            for j in 0..=i {
                let product = dot(&x[i], &x[j]);
                products[i * width + j] = product;
                products[j * width + i] = product;
            }
        }
        let with_y: Vec<f64> = x.iter().map(|column| dot(column, &y)).collect();
        let eigen = eigen::symmetric(products, width);
        let spread: Vec<f64> = eigen.values.iter().map(|value| value.max(0.0)).collect();
        let turned: Vec<f64> =
            eigen.vectors.chunks_exact(width.max(1)).map(|vector| dot(vector, &with_y)).collect();
        let weights = |ratio: f64| -> Vec<f64> {
            let mut weights = vec![0.0; width];
            for ((vector, value), turned) in
                eigen.vectors.chunks_exact(width.max(1)).zip(&spread).zip(&turned)
            {
                let share = turned / (value + ratio);
                weights.iter_mut().zip(vector).for_each(|(weight, part)| *weight += share * part);
            }
            weights
        };
        let (mut noise, mut size) = (1.0 / (dot(&y, &y) / count + f64::EPSILON), 1.0);
        let mut found = weights(size / noise);
        for round in 0..300 {
            let before = found;
            found = weights(size / noise);
            let mut rest = y.clone();
            for (column, weight) in x.iter().zip(&found) {
                rest.iter_mut().zip(column).for_each(|(rest, value)| *rest -= weight * value);
            }
            let effective: f64 = spread.iter().map(|value| noise * value / (size + noise * value)).sum();
            size = (effective + 2.0 * PRIOR) / (dot(&found, &found) + 2.0 * PRIOR);
            noise = (count - effective + 2.0 * PRIOR) / (dot(&rest, &rest) + 2.0 * PRIOR);
            let change: f64 = found.iter().zip(&before).map(|(now, then)| (now - then).abs()).sum();
            if round > 0 && change < 1e-3 {
                break;
            }
        }
        let found = weights(size / noise);
        let intercept = y_mean - dot(&found, &x_means);
        let mut all = vec![0.0; columns.len()];
        others.iter().zip(found).for_each(|(other, weight)| all[*other] = weight);
        Self { column: column as u32, weights: all, intercept }
    }

    /// Puts what it predicts into the gaps.
    fn fill(&self, columns: &mut [Vec<f64>], gaps: &[bool]) {
        for row in (0..gaps.len()).filter(|row| gaps[*row]) {
            let sum: f64 =
                columns.iter().zip(&self.weights).map(|(column, weight)| column[row] * weight).sum();
            columns[self.column as usize][row] = self.intercept + sum;
        }
    }
}

impl Chained {
    pub fn apply(&self, arrays: &[&ArrayRef]) -> Vec<ArrayRef> {
        let columns: Vec<Vec<f64>> = arrays.iter().map(|array| values::as_numbers(array)).collect();
        let gaps: Vec<Vec<bool>> =
            columns.iter().map(|column| column.iter().map(|value| value.is_nan()).collect()).collect();
        let mut filled = with_means(columns, &self.means);
        for line in &self.lines {
            line.fill(&mut filled, &gaps[line.column as usize]);
        }
        let marks = self.marked.iter().map(|column| super::indicator(arrays[*column as usize]));
        filled.into_iter().map(values::column).chain(marks).collect()
    }

    /// Whether the parts fit together.
    pub fn check(&self, takes: usize, gives: usize) -> Result<(), Failure> {
        let inside = |line: &Line| (line.column as usize) < takes && line.weights.len() == takes;
        let whole = takes > 0
            && self.means.len() == takes
            && gives == takes + self.marked.len()
            && self.marked.iter().all(|column| (*column as usize) < takes)
            && self.lines.iter().all(inside);
        match whole {
            true => Ok(()),
            false => Err(internal("the lines that fill gaps are damaged")),
        }
    }
}
