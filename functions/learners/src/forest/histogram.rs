//! The best split of one node by one feature.

use crate::cart::{Least, Sample, Sides};

/// A split by one feature.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Split {
    /// The worth of both sides: higher is better.
    pub score: f64,
    /// The bins in use on both sides of it.
    pub between: [u8; 2],
}

/// Nodes of so few rows are put in order instead.
const FEW: usize = 16;
/// In nodes of fewer rows most bins are empty: those in use are noted.
const SPARSE: usize = 192;

/// What a node's rows add up to by bin.
pub(super) struct Histogram {
    outputs: usize,
    /// Weight and weighted sum by bin, for one output.
    cells: [[f64; 2]; 256],
    /// Weight by bin and class, for several.
    classes: Vec<f64>,
    counts: [u32; 256],
    /// A bit a bin.
    used: [u64; 4],
}

impl Histogram {
    pub fn new(outputs: usize) -> Self {
        let classes = if outputs > 1 { vec![0.0; 256 * outputs] } else { Vec::new() };
        Self { outputs, cells: [[0.0; 2]; 256], classes, counts: [0; 256], used: [0; 4] }
    }

    /// The best split of a node by a feature whose bins are `column`, `bins` of them; `None` if none leaves enough on
    /// both sides. `totals` are the node's sums by output, `weight` its weight.
    #[allow(clippy::too_many_arguments)]
    pub fn best_split<S: Sides>(
        &mut self,
        sides: &mut S,
        node: &[Sample],
        column: &[u8],
        bins: usize,
        totals: &[f64],
        weight: f64,
        least: Least,
    ) -> Option<Split> {
        sides.start(totals, weight);
        let mut scan = Scan { rows: node.len(), weight, least, left_rows: 0, last: None, best: None };
        if node.len() <= FEW {
            scan.sorted(sides, node, column);
            return scan.best;
        }
        match (self.outputs, least.rows > 1, node.len() < SPARSE) {
            (1, true, true) => self.fill_one::<true, true>(node, column),
            (1, true, false) => self.fill_one::<true, false>(node, column),
            (1, false, true) => self.fill_one::<false, true>(node, column),
            (1, false, false) => self.fill_one::<false, false>(node, column),
            (_, _, true) => self.fill_many::<true>(node, column),
            (_, _, false) => self.fill_many::<false>(node, column),
        }
        if self.outputs == 1 && least.rows <= 1 {
            // Not counted: bins in use have a row.
            scan.least.rows = 0;
        }
        if node.len() < SPARSE {
            for word in 0..4 {
                let mut bits = std::mem::take(&mut self.used[word]);
                while bits != 0 {
                    self.visit(&mut scan, sides, word * 64 + bits.trailing_zeros() as usize);
                    bits &= bits - 1;
                }
            }
        } else {
            (0..bins).for_each(|bin| self.visit(&mut scan, sides, bin));
        }
        scan.best
    }

    fn fill_one<const COUNTED: bool, const NOTED: bool>(&mut self, node: &[Sample], column: &[u8]) {
        for sample in node {
            let bin = column[sample.row as usize] as usize;
            let cell = &mut self.cells[bin];
            cell[0] += sample.weight;
            cell[1] += sample.weight * sample.value;
            if COUNTED {
                self.counts[bin] += 1;
            }
            if NOTED {
                self.used[bin >> 6] |= 1 << (bin & 63);
            }
        }
    }

    fn fill_many<const NOTED: bool>(&mut self, node: &[Sample], column: &[u8]) {
        for sample in node {
            let bin = column[sample.row as usize] as usize;
            self.classes[bin * self.outputs + sample.output as usize] += sample.weight;
            self.counts[bin] += 1;
            if NOTED {
                self.used[bin >> 6] |= 1 << (bin & 63);
            }
        }
    }

    /// Moves a bin to the left side and clears it.
    #[inline]
    fn visit<S: Sides>(&mut self, scan: &mut Scan, sides: &mut S, bin: usize) {
        if self.outputs == 1 {
            let [weight, sum] = self.cells[bin];
            // Samples have weight.
            if weight > 0.0 {
                scan.before(bin, sides);
                sides.add(0, weight, sum);
                scan.left_rows += std::mem::take(&mut self.counts[bin]) as usize;
                self.cells[bin] = [0.0; 2];
            }
        } else if self.counts[bin] > 0 {
            scan.before(bin, sides);
            let classes = &mut self.classes[bin * self.outputs..(bin + 1) * self.outputs];
            sides.add_classes(classes);
            classes.fill(0.0);
            scan.left_rows += std::mem::take(&mut self.counts[bin]) as usize;
        }
    }
}

/// The bins of a node in use, from left to right.
struct Scan {
    rows: usize,
    weight: f64,
    least: Least,
    left_rows: usize,
    last: Option<usize>,
    best: Option<Split>,
}

impl Scan {
    /// Considers the split between the last bin in use and this one.
    #[inline]
    fn before<S: Sides>(&mut self, bin: usize, sides: &S) {
        if let Some(last) = self.last
            && self.least.allows(self.left_rows, self.rows, sides.left_weight(), self.weight)
        {
            let score = sides.score();
            if self.best.is_none_or(|best| score > best.score) {
                self.best = Some(Split { score, between: [last as u8, bin as u8] });
            }
        }
        self.last = Some(bin);
    }

    /// The scan of a few samples, one after another.
    fn sorted<S: Sides>(&mut self, sides: &mut S, node: &[Sample], column: &[u8]) {
        // Not below any bin, so that lanes without a sample come last: of equal ones they are.
        let mut bins = [u8::MAX; FEW];
        for (bin, sample) in bins.iter_mut().zip(node) {
            *bin = column[sample.row as usize];
        }
        let order = if node.len() <= 5 { short_order(&bins, node.len()) } else { order(&bins) };
        for place in &order[..node.len()] {
            let (bin, sample) = (bins[*place as usize] as usize, &node[*place as usize]);
            if self.last != Some(bin) {
                self.before(bin, sides);
            }
            sides.add(sample.output as usize, sample.weight, sample.weight * sample.value);
            self.left_rows += 1;
        }
    }
}

/// The places of bytes in ascending order: each byte's rank is how many come before it, counted without a branch.
fn order(bytes: &[u8; FEW]) -> [u8; FEW] {
    let mut ranks = [0u8; FEW];
    for (j, other) in bytes.iter().enumerate() {
        for (i, (rank, own)) in ranks.iter_mut().zip(bytes).enumerate() {
            *rank += u8::from((other < own) | ((other == own) & (j < i)));
        }
    }
    let mut order = [0; FEW];
    for (i, rank) in ranks.iter().enumerate() {
        order[*rank as usize % FEW] = i as u8;
    }
    order
}

/// The same for the first few bytes, by insertion.
fn short_order(bytes: &[u8; FEW], count: usize) -> [u8; FEW] {
    let mut order = [0; FEW];
    for i in 1..count {
        let mut place = i;
        while place > 0 && bytes[order[place - 1] as usize] > bytes[i] {
            order[place] = order[place - 1];
            place -= 1;
        }
        order[place] = i as u8;
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cart::{Many, One};

    const ANY: Least = Least { rows: 1, weight: 0.0 };

    fn samples(values: impl IntoIterator<Item = f64>) -> Vec<Sample> {
        let sample = |(row, value)| Sample { row: row as u32, output: 0, weight: 1.0, value };
        values.into_iter().enumerate().map(sample).collect()
    }

    #[test]
    fn parts_at_the_step_and_clears_behind_itself() {
        // As few rows, and as many.
        for times in [1, 10] {
            let node = samples((0..6 * times).map(|i| if i % 6 < 2 { -2.0 } else { 1.0 }));
            let column = [0, 10, 20, 20, 30, 200].repeat(times);
            let mut histogram = Histogram::new(1);
            let n = times as f64;
            let mut best = |least| {
                let mut sides = One::<false>::default();
                histogram.best_split(&mut sides, &node, &column, 255, &[0.0], 6.0 * n, least)
            };
            for _ in 0..2 {
                assert_eq!(best(ANY), Some(Split { score: 12.0 * n, between: [10, 20] }));
            }
            // With three rows a side at least, the step itself is out of reach.
            assert_eq!(best(Least { rows: 3 * times, weight: 0.0 }), None);
            assert_eq!(best(Least { rows: 1, weight: 2.5 * n }), None);
            assert_eq!(best(Least { rows: 1, weight: 2.0 * n }).unwrap().between, [10, 20]);
        }
    }

    #[test]
    fn few_and_many_rows_agree() {
        let mut rng = crate::rng::Rng::new(1, 0);
        let mut histogram = Histogram::new(3);
        for _ in 0..200 {
            let n = 2 + rng.below(FEW - 1);
            let column: Vec<u8> = (0..n).map(|_| rng.below(12) as u8).collect();
            let sample = |row| Sample {
                row,
                output: rng.below(3) as u32,
                weight: 1.0 + rng.below(3) as f64,
                value: 1.0,
            };
            let node: Vec<Sample> = (0..n as u32).map(sample).collect();
            let mut totals = [0.0; 3];
            node.iter().for_each(|s| totals[s.output as usize] += s.weight);
            let weight = totals.iter().sum();
            let mut sides = Many::<false>::default();
            let few = histogram.best_split(&mut sides, &node, &column, 12, &totals, weight, ANY);
            sides.start(&totals, weight);
            let mut scan = Scan { rows: n, weight, least: ANY, left_rows: 0, last: None, best: None };
            histogram.fill_many::<false>(&node, &column);
            (0..12).for_each(|bin| histogram.visit(&mut scan, &mut sides, bin));
            assert_eq!(few.map(|split| split.between), scan.best.map(|split| split.between));
        }
    }

    #[test]
    fn bytes_in_order() {
        let bytes = [9, 3, 3, 255, 0, 7, 255, 1, 9, 2, 2, 2, 255, 255, 4, 5];
        let sorted: Vec<u8> = order(&bytes).iter().map(|&i| bytes[i as usize]).collect();
        assert!(sorted.is_sorted());
        assert_eq!(short_order(&bytes, 5)[..5], [4, 1, 2, 0, 3]);
        assert_eq!(order(&[7; FEW]), std::array::from_fn(|i| i as u8));
    }
}
