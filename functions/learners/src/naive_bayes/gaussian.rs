//! Means and variances within classes, in one pass over the rows.
//!
//! T. F. Chan, G. H. Golub, R. J. LeVeque, Algorithms for computing the sample variance, 1983: moments of blocks are
//! taken around the block's own mean and then merged, so that an offset of the column costs no digits.

use crate::linalg::dot;
use crate::{Columns, Error};

/// Rows in a block: a column's part of it stays in the first-level cache.
const BLOCK: usize = 1024;

/// Sum of weights, mean, and sum of squared differences from it.
#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    weight: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn of(values: &[f64], weights: Option<&[f64]>) -> Self {
        let ones: f64 = values.len() as f64;
        let weight = weights.map_or(ones, |w| w.iter().sum());
        if weight <= 0.0 {
            return Self::default();
        }
        let mean = match weights {
            None => sum(values) / weight,
            Some(w) => dot(values, w) / weight,
        };
        let squares = match weights {
            None => squares(values, mean),
            Some(w) => values.iter().zip(w).map(|(v, w)| (v - mean) * (v - mean) * w).sum(),
        };
        Self { weight, mean, squares }
    }

    fn merge(&mut self, other: Self) {
        if other.weight <= 0.0 {
            return;
        }
        let (weight, d) = (self.weight + other.weight, other.mean - self.mean);
        self.mean += d * (other.weight / weight);
        self.squares += other.squares + d * d * (self.weight * (other.weight / weight));
        self.weight = weight;
    }
}

fn sum(values: &[f64]) -> f64 {
    let mut lanes = [0.0; 4];
    let (chunks, rest) = values.as_chunks::<4>();
    for chunk in chunks {
        for l in 0..4 {
            lanes[l] += chunk[l];
        }
    }
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]) + rest.iter().sum::<f64>()
}

fn squares(values: &[f64], mean: f64) -> f64 {
    let mut lanes = [0.0; 4];
    let (chunks, rest) = values.as_chunks::<4>();
    for chunk in chunks {
        for l in 0..4 {
            lanes[l] += (chunk[l] - mean) * (chunk[l] - mean);
        }
    }
    let rest: f64 = rest.iter().map(|v| (v - mean) * (v - mean)).sum();
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]) + rest
}

/// Means and variances, classes x features, and the largest variance of a feature over all rows.
pub(super) struct Fitted {
    pub means: Vec<f64>,
    pub variances: Vec<f64>,
    pub largest: f64,
}

/// Every class has rows of some weight; values are finite. Variances are those of the population.
pub(super) fn fit(x: &Columns, y: &[u32], classes: usize, weights: Option<&[f64]>) -> Result<Fitted, Error> {
    let width = x.width();
    let mut within = vec![Moments::default(); classes * width];
    let mut overall = vec![Moments::default(); if weights.is_some() { width } else { 0 }];
    let mut order: Vec<u16> = Vec::with_capacity(BLOCK);
    let mut ends = vec![0usize; classes + 1];
    let (mut values, mut own_weights) = (vec![0.0; BLOCK], vec![0.0; BLOCK]);
    for start in (0..x.rows()).step_by(BLOCK) {
        let rows = BLOCK.min(x.rows() - start);
        sort_by_class(&y[start..start + rows], &mut order, &mut ends);
        if let Some(w) = weights {
            own_weights.iter_mut().zip(&order).for_each(|(out, &i)| *out = w[start + usize::from(i)]);
        }
        for j in 0..width {
            let column = &x.column(j)[start..start + rows];
            values.iter_mut().zip(&order).for_each(|(out, &i)| *out = column[usize::from(i)]);
            for class in 0..classes {
                let own = ends[class]..ends[class + 1];
                if !own.is_empty() {
                    let weights = weights.map(|_| &own_weights[own.clone()]);
                    within[class * width + j].merge(Moments::of(&values[own], weights));
                }
            }
            if let Some(overall) = overall.get_mut(j) {
                overall.merge(Moments::of(column, None));
            }
        }
    }
    if weights.is_none() {
        overall = within[..width].to_vec();
        for class in within.chunks_exact(width).skip(1) {
            overall.iter_mut().zip(class).for_each(|(all, own)| all.merge(*own));
        }
    }
    let variance = |m: &Moments| m.squares / m.weight;
    let largest = overall.iter().map(variance).fold(0.0, f64::max);
    let means: Vec<f64> = within.iter().map(|m| m.mean).collect();
    let variances: Vec<f64> = within.iter().map(variance).collect();
    if let Some(place) = (0..means.len()).find(|&i| !(means[i].is_finite() && variances[i].is_finite())) {
        let column = Some(place % width);
        let message = "the values are too large for a variance; scale the column".to_owned();
        return Err(Error::Data { message, row: None, column });
    }
    Ok(Fitted { means, variances, largest })
}

/// Places in the block, class after class; class `c` is at `ends[c]..ends[c + 1]`.
fn sort_by_class(y: &[u32], order: &mut Vec<u16>, ends: &mut [usize]) {
    ends.fill(0);
    y.iter().for_each(|&class| ends[class as usize + 1] += 1);
    for class in 1..ends.len() {
        ends[class] += ends[class - 1];
    }
    let mut next = ends.to_vec();
    order.clear();
    order.resize(y.len(), 0);
    for (i, &class) in y.iter().enumerate() {
        let place = &mut next[class as usize];
        order[*place] = i as u16;
        *place += 1;
    }
}
