//! The best split of one node by one feature.
//!
//! Both criteria are one: the decrease of squared error is, up to a constant, `sum over outputs of S^2 / W` on both
//! sides (`W` the weight, `S` the weighted sum of an output). For class indicators as outputs that is Gini's index; for
//! two classes the indicator of the second is enough.

/// A row in a node: its number, what it weighs, its class or number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub row: u32,
    /// The output that the row counts for: its class, or 0 for one output.
    pub output: u32,
    pub weight: f64,
    /// What the row adds to its output per unit of weight: 1 for a class, the value for a number.
    pub value: f64,
}

/// A split by one feature.
#[derive(Debug, Clone, Copy)]
pub(super) struct Split {
    /// The sum of `S^2 / W` on both sides: higher is better.
    pub score: f64,
    pub bin: u8,
}

/// Cells by bin, and which of them are in use, so that clearing and scanning cost a small node little.
pub(super) struct Histogram {
    outputs: usize,
    weights: [f64; 256],
    counts: [u32; 256],
    /// Bins x outputs.
    sums: Vec<f64>,
    used: [u64; 4],
    left: Vec<f64>,
}

impl Histogram {
    pub fn new(outputs: usize) -> Self {
        Self {
            outputs,
            weights: [0.0; 256],
            counts: [0; 256],
            sums: vec![0.0; 256 * outputs],
            used: [0; 4],
            left: vec![0.0; outputs],
        }
    }

    /// The best split of a node by a feature whose bins are `column`; `None` if none leaves `min_leaf` rows and some
    /// weight on both sides. `totals` are the node's sums by output, `weight` their weight.
    pub fn best_split(
        &mut self,
        node: &[Sample],
        column: &[u8],
        totals: &[f64],
        weight: f64,
        min_leaf: usize,
    ) -> Option<Split> {
        for sample in node {
            let bin = column[sample.row as usize] as usize;
            self.used[bin >> 6] |= 1 << (bin & 63);
            self.counts[bin] += 1;
            self.weights[bin] += sample.weight;
            self.sums[bin * self.outputs + sample.output as usize] += sample.weight * sample.value;
        }
        self.scan(node.len(), totals, weight, min_leaf)
    }

    /// Walks the bins in use from left to right and clears them.
    fn scan(&mut self, rows: usize, totals: &[f64], weight: f64, min_leaf: usize) -> Option<Split> {
        self.left.fill(0.0);
        let (mut left_weight, mut left_rows) = (0.0, 0);
        let mut best: Option<Split> = None;
        let mut last: Option<usize> = None;
        for word in 0..4 {
            while self.used[word] != 0 {
                let bin = word * 64 + self.used[word].trailing_zeros() as usize;
                self.used[word] &= self.used[word] - 1;
                // The split between the last bin in use and this one.
                if let Some(last) = last
                    && left_rows >= min_leaf
                    && rows - left_rows >= min_leaf
                {
                    let right_weight = weight - left_weight;
                    if left_weight > 0.0 && right_weight > 0.0 {
                        let score = self.score(totals, left_weight, right_weight);
                        if best.is_none_or(|best| score > best.score) {
                            // Half-way through the empty bins between the two.
                            best = Some(Split { score, bin: ((last + bin - 1) / 2) as u8 });
                        }
                    }
                }
                let sums = &mut self.sums[bin * self.outputs..(bin + 1) * self.outputs];
                for (left, sum) in self.left.iter_mut().zip(sums) {
                    *left += std::mem::take(sum);
                }
                left_weight += std::mem::take(&mut self.weights[bin]);
                left_rows += std::mem::take(&mut self.counts[bin]) as usize;
                last = Some(bin);
            }
        }
        best
    }

    fn score(&self, totals: &[f64], left_weight: f64, right_weight: f64) -> f64 {
        let (mut left, mut right) = (0.0, 0.0);
        for (l, t) in self.left.iter().zip(totals) {
            left += l * l;
            right += (t - l) * (t - l);
        }
        left / left_weight + right / right_weight
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(row: u32, value: f64) -> Sample {
        Sample { row, output: 0, weight: 1.0, value }
    }

    #[test]
    fn parts_at_the_step_and_clears_behind_itself() {
        let node: Vec<Sample> = (0..6).map(|i| sample(i, if i < 2 { -2.0 } else { 1.0 })).collect();
        let column = [0, 10, 20, 20, 30, 200];
        let mut histogram = Histogram::new(1);
        for _ in 0..2 {
            let split = histogram.best_split(&node, &column, &[0.0], 6.0, 1).unwrap();
            assert_eq!((split.score, split.bin), (12.0, 14));
        }
        // With three rows a side at least, the step itself is out of reach.
        assert!(histogram.best_split(&node, &column, &[0.0], 6.0, 3).is_none());
        assert!(histogram.best_split(&node, &[7; 6], &[0.0], 6.0, 1).is_none());
    }
}
