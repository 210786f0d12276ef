//! Means and variances within classes, in one pass over the rows.
//!
//! T. F. Chan, G. H. Golub, R. J. LeVeque, Algorithms for computing the sample variance, 1983: moments of blocks are
//! taken around the mean so far and then merged, so that an offset of the column costs no digits.

use crate::linalg::standardize::sums;
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
    /// Adds values, of which there is one at least. They are taken around the mean so far, so that one look at them does:
    /// what it is off by lies between the blocks, and is large beside the digits that it costs within one.
    fn add(&mut self, values: &[f64], weights: Option<&[f64]>) {
        let shift = if self.weight > 0.0 { self.mean } else { values[0] };
        let (sum, squares) = sums(values, weights, shift);
        let weight = weights.map_or(values.len() as f64, |w| w.iter().sum());
        let around = squares - sum * (sum / weight);
        // Not by `max`, which would hide that values are too large.
        let squares = if around < 0.0 { 0.0 } else { around };
        self.merge(Self { weight, mean: shift + sum / weight, squares });
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
                    within[class * width + j].add(&values[own], weights);
                }
            }
            if let Some(overall) = overall.get_mut(j) {
                overall.add(column, None);
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
