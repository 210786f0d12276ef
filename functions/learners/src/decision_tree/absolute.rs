//! The mean absolute error of both sides of a split, while rows move from right to left.
//!
//! Weights by the rank of the value in trees of partial sums (P. Fenwick, A new data structure for cumulative frequency
//! tables, 1994): a row moves and the medians are found in as many steps as the number of rows has binary digits.

/// The node's rows by their value.
#[derive(Debug, Clone, Default)]
pub(super) struct Absolute {
    /// Ascending.
    values: Vec<f64>,
    weights: Vec<f64>,
    /// For each row of the table its place in `values`.
    ranks: Vec<u32>,
    left: Sums,
    right: Sums,
}

impl Absolute {
    pub fn new(rows: usize) -> Self {
        Self { ranks: vec![0; rows], ..Self::default() }
    }

    /// Takes a node's rows (row, value, weight). Returns the median and the sum of weighted distances to it.
    pub fn enter(&mut self, rows: &mut [(u32, f64, f64)]) -> (f64, f64) {
        rows.sort_unstable_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
        self.values.clear();
        self.weights.clear();
        for (rank, (row, value, weight)) in rows.iter().enumerate() {
            self.values.push(*value);
            self.weights.push(*weight);
            self.ranks[*row as usize] = rank as u32;
        }
        self.start();
        (self.median(), self.right.distance(&self.values))
    }

    /// The median; half-way between two if half of the weight is on either side.
    fn median(&self) -> f64 {
        let half = self.weights.iter().sum::<f64>() / 2.0;
        let mut below = 0.0;
        for (i, (value, weight)) in self.values.iter().zip(&self.weights).enumerate() {
            below += weight;
            if below >= half {
                let next = self.values.get(i + 1).filter(|_| below == half);
                return next.map_or(*value, |next| value / 2.0 + next / 2.0);
            }
        }
        self.values.last().copied().unwrap_or_default()
    }

    /// All rows of the node are on the right.
    pub fn start(&mut self) {
        self.left.clear(self.values.len());
        self.right.fill(&self.values, &self.weights);
    }

    /// A row moves to the left.
    #[inline]
    pub fn add(&mut self, row: u32) {
        let rank = self.ranks[row as usize] as usize;
        let (weight, value) = (self.weights[rank], self.values[rank]);
        self.left.add(rank, weight, value * weight);
        self.right.add(rank, -weight, -value * weight);
    }

    pub fn left_weight(&self) -> f64 {
        self.left.total[0]
    }

    /// Minus the sum of distances on both sides.
    pub fn score(&self) -> f64 {
        -(self.left.distance(&self.values) + self.right.distance(&self.values))
    }
}

/// Partial sums of weights, and of weights times values.
#[derive(Debug, Clone, Default)]
struct Sums {
    /// Cell `i` (from 1) has the sums of the ranks `i - lowbit(i)..i`.
    cells: Vec<[f64; 2]>,
    total: [f64; 2],
}

impl Sums {
    fn clear(&mut self, ranks: usize) {
        self.cells.clear();
        self.cells.resize(ranks + 1, [0.0; 2]);
        self.total = [0.0; 2];
    }

    fn fill(&mut self, values: &[f64], weights: &[f64]) {
        self.clear(values.len());
        for (i, (value, weight)) in values.iter().zip(weights).enumerate() {
            let own = [*weight, value * weight];
            for (k, own) in own.into_iter().enumerate() {
                self.cells[i + 1][k] += own;
                self.total[k] += own;
            }
        }
        for i in 1..self.cells.len() {
            let above = i + (i & i.wrapping_neg());
            if above < self.cells.len() {
                let own = self.cells[i];
                self.cells[above].iter_mut().zip(own).for_each(|(cell, own)| *cell += own);
            }
        }
    }

    #[inline]
    fn add(&mut self, rank: usize, weight: f64, sum: f64) {
        let mut i = rank + 1;
        while i < self.cells.len() {
            self.cells[i][0] += weight;
            self.cells[i][1] += sum;
            i += i & i.wrapping_neg();
        }
        self.total[0] += weight;
        self.total[1] += sum;
    }

    /// The sum of distances to the median.
    fn distance(&self, values: &[f64]) -> f64 {
        let [total, sum] = self.total;
        let (mut place, mut below) = (0, [0.0; 2]);
        let mut step = self.cells.len().next_power_of_two() / 2;
        // The most ranks that have less than half of the weight.
        while step > 0 {
            if let Some(cell) = self.cells.get(place + step)
                && below[0] + cell[0] < total / 2.0
            {
                place += step;
                below = [below[0] + cell[0], below[1] + cell[1]];
            }
            step /= 2;
        }
        // The median is the next rank's; the rank itself is as far from it as nothing.
        let median = values[place.min(values.len() - 1)];
        (sum - 2.0 * below[1] + median * (2.0 * below[0] - total)).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    fn distance(rows: &[(u32, f64, f64)]) -> f64 {
        let of =
            |median: f64| rows.iter().map(|(_, value, weight)| weight * (value - median).abs()).sum::<f64>();
        rows.iter().map(|row| of(row.1)).min_by(f64::total_cmp).unwrap_or(0.0)
    }

    #[test]
    fn distances_are_least() {
        let mut rng = Rng::new(2, 0);
        for n in 2..40u32 {
            let mut rows: Vec<_> =
                (0..n).map(|row| (row, rng.below(12) as f64 - 5.0, 0.5 + rng.below(4) as f64)).collect();
            let mut absolute = Absolute::new(n as usize);
            let (median, all) = absolute.enter(&mut rows);
            let around: f64 = rows.iter().map(|(_, value, weight)| weight * (value - median).abs()).sum();
            assert!((all - distance(&rows)).abs() < 1e-9 && (all - around).abs() < 1e-9);
            absolute.start();
            rng.draw_to_front(&mut rows, n as usize);
            for moved in 1..n as usize {
                absolute.add(rows[moved - 1].0);
                let (left, right) = rows.split_at(moved);
                assert!((absolute.score() + distance(left) + distance(right)).abs() < 1e-9);
                assert!((absolute.left_weight() - left.iter().map(|row| row.2).sum::<f64>()).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn medians_lie_half_way() {
        let median = |rows: &[(f64, f64)]| {
            let mut rows: Vec<_> =
                rows.iter().zip(0..).map(|((value, weight), row)| (row, *value, *weight)).collect();
            Absolute::new(rows.len()).enter(&mut rows).0
        };
        assert_eq!(median(&[(1.0, 1.0), (3.0, 1.0)]), 2.0);
        assert_eq!(median(&[(5.0, 1.0), (1.0, 1.0), (3.0, 1.0)]), 3.0);
        assert_eq!(median(&[(1.0, 1.0), (3.0, 2.0)]), 3.0);
    }
}
