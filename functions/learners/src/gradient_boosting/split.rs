//! The split that the sums of a node favour.

use super::bins::Feature;
use super::histogram::{Histogram, Packed, Quanta};
use super::hyperparams::Params;
use crate::tree::MISSING;

/// Gains below are rounding; XGBoost's number.
const LEAST_GAIN: f64 = 1e-6;

/// What goes to the left.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Side {
    /// Bins up to this one.
    UpTo(u8),
    /// All bins but these.
    AllBut([u64; 4]),
}

/// A split of a node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Split {
    pub gain: f64,
    /// The feature's place among those of the tree.
    pub place: usize,
    pub side: Side,
    pub missing_left: bool,
    pub left: Packed,
    pub right: Packed,
}

impl Split {
    /// For each bin whether it goes left.
    pub fn table(&self) -> [u8; 256] {
        let mut table = [0; 256];
        for (bin, left) in table.iter_mut().enumerate() {
            *left = u8::from(match self.side {
                Side::UpTo(last) => bin <= last as usize,
                Side::AllBut(bins) => bins[bin / 64] >> (bin % 64) & 1 == 0,
            });
        }
        table[MISSING as usize] = u8::from(self.missing_left);
        table
    }
}

/// The node to be split.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    pub total: Packed,
    /// Rows in it.
    pub rows: usize,
    /// Between which the values of its leaves must lie, before `eta`.
    pub bounds: [f64; 2],
}

/// What decides about splits and leaves.
pub(super) struct Judge<'a> {
    params: &'a Params,
    quanta: Quanta,
    max_delta_step: f64,
    /// No leaf value is cut back, so that gains have a short formula.
    plain: bool,
}

/// The best split of a feature so far: its gain with the parent's score, where it is, and what goes left.
struct Best {
    score: f64,
    found: Option<(Side, bool, Packed)>,
}

impl<'a> Judge<'a> {
    pub fn new(params: &'a Params, quanta: Quanta) -> Self {
        let max_delta_step = params.max_delta_step();
        let free = params.monotone_constraints.iter().all(|&direction| direction == 0);
        let plain = params.alpha == 0.0 && max_delta_step == 0.0 && free;
        Self { params, quanta, max_delta_step, plain }
    }

    /// The value of a leaf, before `eta`.
    pub fn value(&self, node: Node) -> f64 {
        self.step(self.quanta.unpack(node.total), node.bounds)
    }

    fn step(&self, [g, h]: [f64; 2], [low, high]: [f64; 2]) -> f64 {
        let denominator = h + self.params.lambda;
        if denominator <= 0.0 || h <= 0.0 {
            return 0.0f64.max(low).min(high);
        }
        let shrunk = (g.abs() - self.params.alpha).max(0.0).copysign(g);
        let mut step = -shrunk / denominator;
        if self.max_delta_step > 0.0 {
            step = step.clamp(-self.max_delta_step, self.max_delta_step);
        }
        step.max(low).min(high)
    }

    /// Twice what a step lowers the loss by.
    fn score(&self, [g, h]: [f64; 2], step: f64) -> f64 {
        -(2.0 * g * step + (h + self.params.lambda) * step * step + 2.0 * self.params.alpha * step.abs())
    }

    /// The bounds of a split's sides.
    pub fn bounds(&self, node: Node, split: &Split, column: u32) -> [[f64; 2]; 2] {
        let [low, high] = node.bounds;
        let direction = self.direction(column);
        if direction == 0 {
            return [node.bounds; 2];
        }
        let [left, right] =
            [split.left, split.right].map(|side| self.step(self.quanta.unpack(side), node.bounds));
        let middle = (left + right) / 2.0;
        if direction > 0 { [[low, middle], [middle, high]] } else { [[middle, high], [low, middle]] }
    }

    fn direction(&self, column: u32) -> i8 {
        self.params.monotone_constraints.get(column as usize).copied().unwrap_or(0)
    }

    /// The best split over the features at `places`, which are `columns` of the whole table.
    pub fn best_split(
        &self,
        histogram: &Histogram,
        node: Node,
        places: &[u32],
        columns: &[u32],
        features: &[Feature],
    ) -> Option<Split> {
        let sums = self.quanta.unpack(node.total);
        let parent = self.score(sums, self.step(sums, node.bounds));
        let least = parent + LEAST_GAIN.max(self.params.gamma);
        let mut best: Option<Split> = None;
        for &place in places {
            let place = place as usize;
            let column = columns[place];
            let mut own =
                Best { score: best.map_or(least, |best| (best.gain + parent).max(least)), found: None };
            let cells = histogram.of(place);
            match &features[column as usize] {
                Feature::Numbers(cuts) => self.numbers(cells, cuts.len(), node, column, &mut own),
                Feature::Categories(codes) => self.categories(cells, codes.len(), node, &mut own),
            }
            if let Some((side, missing_left, left)) = own.found {
                let right = node.total.wrapping_sub(left);
                best = Some(Split { gain: own.score - parent, place, side, missing_left, left, right });
            }
        }
        best
    }

    /// The least sum of second derivatives of a side, where those of the node add up to `h`.
    fn least(&self, h: f64, rows: usize) -> f64 {
        // Rows of a side are rounded, as LightGBM does.
        let rows_short = f64::from(self.params.min_data_in_leaf) - 0.5;
        let of_rows = if rows_short > 0.0 { rows_short * h / rows.max(1) as f64 } else { 0.0 };
        self.params.min_child_weight.max(of_rows).max(f64::MIN_POSITIVE)
    }

    /// Scores of splits that send `left` to the left.
    fn scores(&self, left: &[Packed], node: Node, direction: i8, scores: &mut [f64]) {
        let [g, h] = self.quanta.unpack(node.total);
        let lambda = self.params.lambda;
        let least = self.least(h, node.rows);
        if self.plain {
            for (score, &left) in scores.iter_mut().zip(left) {
                let [gl, hl] = self.quanta.unpack(left);
                let (gr, hr) = (g - gl, h - hl);
                let (dl, dr) = (hl + lambda, hr + lambda);
                let value = (gl * gl * dr + gr * gr * dl) / (dl * dr);
                *score = if hl >= least && hr >= least { value } else { f64::NEG_INFINITY };
            }
            return;
        }
        // As `step` and `score` say, but without branches.
        let [low, high] = node.bounds;
        let limit = if self.max_delta_step > 0.0 { self.max_delta_step } else { f64::INFINITY };
        let [low, high] = [low.max(-limit), high.min(limit)];
        let (alpha, direction) = (self.params.alpha, f64::from(direction));
        let step = |g: f64, d: f64| {
            let shrunk = (g.abs() - alpha).max(0.0).copysign(g);
            (-shrunk / d).max(low).min(high)
        };
        for (score, &left) in scores.iter_mut().zip(left) {
            let [gl, hl] = self.quanta.unpack(left);
            let (gr, hr) = (g - gl, h - hl);
            let (dl, dr) = (hl + lambda, hr + lambda);
            let (wl, wr) = (step(gl, dl), step(gr, dr));
            let value = -(2.0 * (gl * wl + gr * wr)
                + (dl * wl * wl + dr * wr * wr)
                + 2.0 * alpha * (wl.abs() + wr.abs()));
            // Where it must rise, the left must not be above the right.
            let allowed = hl >= least && hr >= least && (wl - wr) * direction <= 0.0;
            *score = if allowed { value } else { f64::NEG_INFINITY };
        }
    }

    fn numbers(&self, cells: &[Packed; 256], cuts: usize, node: Node, column: u32, best: &mut Best) {
        // Only bins that hold something can end a side. No branch: which do is hard to foretell.
        let mut sums = [0; 256];
        let mut ends = [0u8; 256];
        let (mut count, mut sum): (usize, Packed) = (0, 0);
        for (bin, &cell) in cells.iter().take(cuts).enumerate() {
            sum = sum.wrapping_add(cell);
            sums[count & 255] = sum;
            ends[count & 255] = bin as u8;
            count += usize::from(cell != 0);
        }
        let sums = &mut sums[..count.min(255)];
        let missing = cells[MISSING as usize];
        let direction = self.direction(column);
        let mut scores = [0.0; 256];
        let mut consider = |sums: &[Packed], missing_left: bool| {
            self.scores(sums, node, direction, &mut scores);
            for ((&score, &left), &end) in scores.iter().zip(sums).zip(&ends) {
                if score > best.score {
                    best.score = score;
                    best.found = Some((Side::UpTo(end), missing_left, left));
                }
            }
        };
        consider(sums, false);
        if missing != 0 {
            sums.iter_mut().for_each(|sum| *sum = sum.wrapping_add(missing));
            consider(sums, true);
        } else if let Some((_, missing_left, left)) = &mut best.found {
            // Where nothing is missing, missing values of later rows follow the larger side.
            *missing_left = *left as u32 >= node.total.wrapping_sub(*left) as u32;
        }
    }

    fn categories(&self, cells: &[Packed; 256], count: usize, node: Node, best: &mut Best) {
        let missing = cells[MISSING as usize];
        // What a category would be worth as a leaf. As in XGBoost, one that is too small for a leaf is worth nothing, and
        // those that the node lacks have a place too: else nodes of few rows would be taken apart category by category.
        let worth = |bin: u8| {
            let sums = self.quanta.unpack(cells[bin as usize]);
            if sums[1] < self.params.min_child_weight { 0.0 } else { self.step(sums, node.bounds) }
        };
        let mut bins: Vec<(f64, u8)> = (0..count as u8).map(|bin| (worth(bin), bin)).collect();
        let one_hot = count < self.params.max_cat_to_onehot as usize;
        if !one_hot {
            bins.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        }
        let most = if one_hot { 1 } else { self.params.max_cat_threshold as usize };
        // Missing values go with the rest; with a single category they may go too.
        let ways = if one_hot && missing != 0 { 2 } else { 1 };
        let mut consider = |bins: &mut dyn Iterator<Item = u8>| {
            let (mut chosen, mut right) = ([0u64; 4], 0);
            for bin in bins.take(most) {
                chosen[bin as usize / 64] |= 1 << (bin % 64);
                right = Packed::wrapping_add(right, cells[bin as usize]);
                let ways = [(true, right), (false, right.wrapping_add(missing))].into_iter().take(ways);
                for (missing_left, right) in ways {
                    let left = node.total.wrapping_sub(right);
                    let mut score = [f64::NEG_INFINITY];
                    self.scores(&[left], node, 0, &mut score);
                    if score[0] > best.score {
                        best.score = score[0];
                        best.found = Some((Side::AllBut(chosen), missing_left, left));
                    }
                }
            }
        };
        if one_hot {
            for &(_, bin) in &bins {
                consider(&mut std::iter::once(bin));
            }
            return;
        }
        consider(&mut bins.iter().map(|&(_, bin)| bin));
        consider(&mut bins.iter().rev().map(|&(_, bin)| bin));
        if let Some((side, missing_left, left)) = &mut best.found {
            let right = node.total.wrapping_sub(*left);
            // Categories that the node lacks follow the larger side: the smaller one is picked out, unless rare categories,
            // which cannot be, are there.
            if right as u32 > *left as u32 && cells[count] == 0 {
                let Side::AllBut(chosen) = side else { return };
                let own =
                    (0..count).filter(|&bin| cells[bin] != 0 && chosen[bin / 64] >> (bin % 64) & 1 == 0);
                let mut others = [0u64; 4];
                own.for_each(|bin| others[bin / 64] |= 1 << (bin % 64));
                (*side, *missing_left, *left) = (Side::AllBut(others), missing == 0, right);
            }
        }
    }
}
