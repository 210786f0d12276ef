//! Random splits of one node, as in extremely randomized trees.

use super::bins::Bins;
use crate::cart::{Least, Sample, Sides};
use crate::rng::Rng;

/// A place between the ends of a feature in a node: bins whose middle is not above go left.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Draw {
    /// The worth of both sides: higher is better.
    pub score: f64,
    pub place: f64,
}

/// What comes of a feature.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Drawn {
    Split(Draw),
    /// It cannot split the node.
    None,
    /// It could, but a side would hold too little, or missing values were drawn to the side of all others: as in
    /// scikit-learn, that is a try as well, and a node that has had all its tries is a leaf.
    Missed,
}

/// The node that is split, and what is known of it.
pub(super) struct Drawer<'a> {
    pub bins: &'a Bins,
    pub node: &'a [Sample],
    /// Sums by output.
    pub totals: &'a [f64],
    pub weight: f64,
    pub least: Least,
}

/// Nodes of so few rows fit an array.
const FEW: usize = 32;

impl Drawer<'_> {
    /// A split of the node by a column at a place drawn uniformly between its ends; none if the column is constant there.
    /// `scratch` is for the bins of many rows.
    pub fn draw<S: Sides>(
        &self,
        sides: &mut S,
        feature: usize,
        rng: &mut Rng,
        scratch: &mut Vec<u8>,
    ) -> Drawn {
        let column = self.bins.column(feature);
        let bin = |sample: &Sample| column[sample.row as usize];
        let middles = self.bins.middles(feature);
        let mut few = [0; FEW];
        let found: &[u8] = if self.node.len() <= FEW {
            few.iter_mut().zip(self.node).for_each(|(found, sample)| *found = bin(sample));
            &few[..self.node.len()]
        } else {
            scratch.clear();
            scratch.extend(self.node.iter().map(bin));
            scratch
        };
        let (low, high) = found.iter().fold((u8::MAX, 0), |(low, high), &bin| (low.min(bin), high.max(bin)));
        let (first, last) = (middles[low as usize], middles[high as usize]);
        if first >= last {
            return Drawn::None;
        }
        let unit = rng.unit();
        let place = match first.is_finite() && last.is_finite() {
            true => between(first, last, unit),
            false => {
                // Between the ends of those that have a value.
                let present =
                    found.iter().map(|bin| middles[*bin as usize]).filter(|middle| middle.is_finite());
                let ends = (f64::INFINITY, f64::NEG_INFINITY);
                let (low, high) = present.fold(ends, |(low, high), m| (low.min(m), high.max(m)));
                match low < high {
                    true => between(low, high, unit),
                    false if last.is_finite() => return Drawn::Missed,
                    false => low,
                }
            }
        };

        sides.start(self.totals, self.weight);
        let left_rows = if self.node.len() <= FEW {
            self.sum(sides, found, |bin| middles[bin as usize] <= place)
        } else {
            let most = left_most(middles, place);
            self.sum(sides, found, |bin| bin <= most)
        };
        let fits = self.least.allows(left_rows, self.node.len(), sides.left_weight(), self.weight);
        if fits { Drawn::Split(Draw { score: sides.score(), place }) } else { Drawn::Missed }
    }

    /// Moves the rows to the left whose bin goes there. Returns how many they are.
    fn sum<S: Sides>(&self, sides: &mut S, found: &[u8], goes_left: impl Fn(u8) -> bool) -> usize {
        // Without a branch: it could not be foreseen.
        let part = |sample: &Sample, bin: &u8| {
            let left = u8::from(goes_left(*bin));
            (usize::from(left), sample.weight * f64::from(left))
        };
        let mut left_rows = 0;
        if self.totals.len() > 1 {
            for (sample, bin) in self.node.iter().zip(found) {
                let (left, weight) = part(sample, bin);
                left_rows += left;
                sides.add(sample.output as usize, weight, weight * sample.value);
            }
            return left_rows;
        }
        // Several sums side by side, so that one addition does not wait for another.
        const LANES: usize = 4;
        let (mut weights, mut sums) = ([0.0; LANES], [0.0; LANES]);
        let (samples, bins) = (self.node.chunks_exact(LANES), found.chunks_exact(LANES));
        let rest = samples.remainder().iter().zip(bins.remainder());
        for (samples, bins) in samples.zip(bins) {
            for lane in 0..LANES {
                let (left, weight) = part(&samples[lane], &bins[lane]);
                left_rows += left;
                weights[lane] += weight;
                sums[lane] += weight * samples[lane].value;
            }
        }
        for (lane, (sample, bin)) in rest.enumerate() {
            let (left, weight) = part(sample, bin);
            left_rows += left;
            weights[lane] += weight;
            sums[lane] += weight * sample.value;
        }
        sides.add(0, weights.iter().sum(), sums.iter().sum());
        left_rows
    }
}

/// A place of at least `low` and below `high`: rounding must not leave the right side empty, nor the left one.
fn between(low: f64, high: f64, unit: f64) -> f64 {
    let place = low * (1.0 - unit) + high * unit;
    if place < high { place.max(low) } else { low }
}

/// The last bin whose middle is not above a place; there is one.
pub(super) fn left_most(middles: &[f64; 256], place: f64) -> u8 {
    (middles.partition_point(|middle| *middle <= place).max(1) - 1) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Columns;
    use crate::cart::{One, Twins};

    #[test]
    fn places_are_uniform_between_the_ends() {
        let x = [0.0, 1.0, 10.0];
        let x = Columns::new(vec![&x]).unwrap();
        let bins = Bins::fit(&x, None, 255, Twins::default()).unwrap().with_middles(&x);
        let node = [0, 1, 2].map(|row| Sample { row, output: 0, weight: 1.0, value: f64::from(row) });
        let mut rng = Rng::new(0, 0);
        let mut drawn = |node: &[Sample], least| {
            let mut sides = One::<false>::default();
            let totals = [node.iter().map(|s| s.value).sum()];
            let drawer = Drawer { bins: &bins, node, totals: &totals, weight: node.len() as f64, least };
            match drawer.draw(&mut sides, 0, &mut rng, &mut Vec::new()) {
                Drawn::Split(draw) => Some(draw),
                _ => None,
            }
        };
        let any = Least { rows: 1, weight: 0.0 };
        // As few rows, and as many.
        for times in [1, 20] {
            let node = node.repeat(times);
            let mut hits = [0; 2];
            for _ in 0..10_000 {
                let draw = drawn(&node, any).unwrap();
                hits[left_most(bins.middles(0), draw.place) as usize] += 1;
                assert_eq!(draw.score, 4.5 * times as f64);
            }
            assert!((900..1100).contains(&hits[0]), "{hits:?}");
        }
        assert_eq!(drawn(&node[..1], any), None);
        assert_eq!(drawn(&node, Least { rows: 2, weight: 0.0 }), None);
    }
}
