//! The rows of a node in the order of every feature.

use super::absolute::Absolute;
use crate::Columns;
use crate::cart::{Entered, Found, Least, Many, One, Outputs, Sides, Splitter, Twins};
use crate::rng::Rng;
use std::ops::Range;

/// What a row weighs, and its class or number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    pub weight: f64,
    pub value: f64,
}

/// A row in the order of a feature.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    /// Equal for equal values, ascending.
    rank: u32,
    row: u32,
}

/// What splits are judged by.
pub(super) struct Aim {
    pub outputs: Outputs,
    /// Distances to the median instead of squares.
    pub absolute: bool,
    /// Features a split chooses from.
    pub tried: usize,
    pub least: Least,
}

/// The rows of a tree, in as many orders as there are features.
pub(super) struct Sorted<'a> {
    x: &'a Columns<'a>,
    /// The features that are two columns of `x`.
    twins: &'a Twins,
    aim: Aim,
    /// One a row of the table.
    points: &'a [Point],
    /// Rows that have weight.
    rows: usize,
    /// Column after column, `rows` each; a node has the same range of all.
    places: Vec<Place>,
    features: Vec<u32>,
    rng: Rng,
    totals: Vec<f64>,
    weight: f64,
    /// What the node is worth unsplit.
    worth: f64,
    /// What no split of it can be worth more than.
    most: f64,
    median: f64,
    medians: Absolute,
    /// For each row of the table: 1 if it goes left.
    goes_left: Vec<u8>,
    right_side: Vec<Place>,
}

/// Sides that take rows.
trait Takes {
    fn start(&mut self, totals: &[f64], weight: f64);
    fn take(&mut self, row: u32, point: &Point);
    fn left_weight(&self) -> f64;
    fn score(&self) -> f64;
}

macro_rules! takes {
    ($sides:ty, $take:expr) => {
        impl<const ENTROPY: bool> Takes for $sides {
            #[inline]
            fn start(&mut self, totals: &[f64], weight: f64) {
                Sides::start(self, totals, weight);
            }
            #[inline]
            fn take(&mut self, _: u32, point: &Point) {
                let take: fn(&mut $sides, &Point) = $take;
                take(self, point);
            }
            #[inline]
            fn left_weight(&self) -> f64 {
                Sides::left_weight(self)
            }
            #[inline]
            fn score(&self) -> f64 {
                Sides::score(self)
            }
        }
    };
}

takes!(One<ENTROPY>, |sides, point| sides.add(0, point.weight, point.weight * point.value));
takes!(Many<ENTROPY>, |sides, point| sides.add(point.value as usize, point.weight, point.weight));

impl Takes for &mut Absolute {
    fn start(&mut self, _: &[f64], _: f64) {
        Absolute::start(self);
    }
    fn take(&mut self, row: u32, _: &Point) {
        self.add(row);
    }
    fn left_weight(&self) -> f64 {
        Absolute::left_weight(self)
    }
    fn score(&self) -> f64 {
        Absolute::score(self)
    }
}

impl<'a> Sorted<'a> {
    /// Sorts every column. `x` has `features` of them, and the second ones of `twins`.
    pub fn new(
        x: &'a Columns<'a>,
        features: usize,
        twins: &'a Twins,
        points: &'a [Point],
        aim: Aim,
        rng: Rng,
    ) -> Self {
        let own: Vec<u32> = (0..x.rows() as u32).filter(|&row| points[row as usize].weight > 0.0).collect();
        let mut places = Vec::with_capacity(own.len() * x.width());
        let mut order: Vec<(u64, u32)> = Vec::with_capacity(own.len());
        for column in x.iter() {
            order.clear();
            order.extend(own.iter().map(|&row| (ascending(column[row as usize]), row)));
            order.sort_unstable();
            let mut rank = 0;
            for (i, &(key, row)) in order.iter().enumerate() {
                rank += u32::from(i > 0 && order[i - 1].0 != key);
                places.push(Place { rank, row });
            }
        }
        let outputs = aim.outputs.count();
        Self {
            rows: own.len(),
            places,
            features: (0..features as u32).collect(),
            twins,
            rng,
            totals: vec![0.0; outputs],
            weight: 0.0,
            worth: 0.0,
            most: 0.0,
            median: 0.0,
            medians: Absolute::new(if aim.absolute { x.rows() } else { 0 }),
            goes_left: vec![0; x.rows()],
            right_side: vec![Place::default(); own.len()],
            x,
            aim,
            points,
        }
    }

    /// Rows that have weight.
    pub fn rows(&self) -> usize {
        self.rows
    }

    fn places(&self, column: usize, rows: &Range<usize>) -> &[Place] {
        &self.places[column * self.rows..][rows.clone()]
    }

    /// The second column of a feature, if it has one.
    fn second(&self, feature: usize) -> Option<usize> {
        self.twins.second(feature, self.features.len())
    }

    fn value(&self, column: usize, place: &Place) -> f64 {
        self.x.column(column)[place.row as usize]
    }

    /// The best of the splits by the features tried: its worth, column and test. Features that cannot split the node
    /// do not end the search.
    fn best(&mut self, rows: &Range<usize>, mut sides: impl Takes) -> Option<(f64, usize, f64)> {
        let mut best: Option<(f64, usize, usize)> = None;
        // Features that are constant in the node are no tries; one that varies is, even if it may not split the node.
        let mut varied = false;
        for tried in 0..self.features.len() {
            if varied && tried >= self.aim.tried || best.is_some_and(|(score, ..)| score >= self.most) {
                break;
            }
            // Drawn even if all are tried, as in scikit-learn: of equal splits none is favoured.
            self.rng.draw_to_front(&mut self.features[tried..], 1);
            let feature = self.features[tried] as usize;
            // Missing values go either way.
            for column in std::iter::once(feature).chain(self.second(feature)) {
                let places = self.places(column, rows);
                let mut last = places[0].rank;
                if last == places[places.len() - 1].rank {
                    continue;
                }
                varied = true;
                sides.start(&self.totals, self.weight);
                for (left_rows, place) in places.iter().enumerate() {
                    if place.rank != last {
                        last = place.rank;
                        if self.aim.least.allows(left_rows, places.len(), sides.left_weight(), self.weight) {
                            let score = sides.score();
                            if best.is_none_or(|(most, ..)| score > most) {
                                best = Some((score, column, left_rows));
                            }
                        }
                    }
                    sides.take(place.row, &self.points[place.row as usize]);
                }
            }
        }
        best.map(|(score, column, left_rows)| {
            let places = self.places(column, rows);
            let test =
                between(self.value(column, &places[left_rows - 1]), self.value(column, &places[left_rows]));
            // Which way missing values go was no question, if there are none.
            let complete = self.value(column, &places[places.len() - 1]).is_finite();
            match self.second(column) {
                Some(second) if complete && 2 * left_rows > places.len() => (score, second, test),
                _ => (score, column, test),
            }
        })
    }
}

impl Splitter for Sorted<'_> {
    type Test = f64;

    fn enter(&mut self, rows: &Range<usize>) -> Entered {
        self.totals.fill(0.0);
        let places = &self.places[rows.clone()];
        let several = self.aim.outputs.classes > 2;
        let (first, mut pure) = (self.points[places[0].row as usize].value, true);
        let (mut weight, mut squares) = (0.0, 0.0);
        for place in places {
            let point = self.points[place.row as usize];
            weight += point.weight;
            pure &= point.value == first;
            if several {
                self.totals[point.value as usize] += point.weight;
                squares += point.weight;
            } else {
                self.totals[0] += point.weight * point.value;
                squares += point.weight * point.value * point.value;
            }
        }
        self.weight = weight;
        if self.aim.absolute {
            let row = |place: &Place| {
                let Point { weight, value } = self.points[place.row as usize];
                (place.row, value, weight)
            };
            let mut rows: Vec<_> = places.iter().map(row).collect();
            let (median, distance) = self.medians.enter(&mut rows);
            (self.median, self.worth, self.most) = (median, -distance, 0.0);
            return Entered { weight, impurity: distance, pure };
        }
        self.worth = self.aim.outputs.worth(&self.totals, weight);
        self.most = if self.aim.outputs.entropy { 0.0 } else { squares };
        Entered { weight, impurity: self.aim.outputs.impurity(&self.totals, weight, squares), pure }
    }

    fn values(&mut self, _: &Range<usize>, out: &mut [f64]) {
        match self.aim.absolute {
            true => out[0] = self.median,
            false => out.iter_mut().zip(&self.totals).for_each(|(out, total)| *out = total / self.weight),
        }
    }

    fn search(&mut self, rows: &Range<usize>) -> Option<Found<f64>> {
        let outputs = self.aim.outputs;
        let (score, feature, test) = if self.aim.absolute {
            let mut medians = std::mem::take(&mut self.medians);
            let best = self.best(rows, &mut medians);
            self.medians = medians;
            best?
        } else {
            match (outputs.count(), outputs.entropy) {
                (1, false) => self.best(rows, One::<false>::default())?,
                (1, true) => self.best(rows, One::<true>::default())?,
                (_, false) => self.best(rows, Many::<false>::default())?,
                (_, true) => self.best(rows, Many::<true>::default())?,
            }
        };
        Some(Found { feature: feature as u32, test, gain: (score - self.worth) * outputs.unit() })
    }

    /// Keeps the order on both sides, for every feature.
    fn part(&mut self, rows: &Range<usize>, found: &Found<f64>) -> usize {
        let feature = found.feature as usize;
        let column = self.x.column(feature);
        let own = &self.places[feature * self.rows..][rows.clone()];
        let left_rows = own.partition_point(|place| column[place.row as usize] <= found.test);
        for (i, place) in own.iter().enumerate() {
            self.goes_left[place.row as usize] = u8::from(i < left_rows);
        }
        for other in (0..self.x.width()).filter(|other| *other != feature) {
            let places = &mut self.places[other * self.rows..][rows.clone()];
            let right_side = &mut self.right_side[..places.len()];
            let mut left = 0;
            for i in 0..places.len() {
                // Written to both sides: which one counts could not be foreseen.
                let place = places[i];
                places[left] = place;
                right_side[i - left] = place;
                left += usize::from(self.goes_left[place.row as usize]);
            }
            let right = places.len() - left_rows;
            places[left_rows..].copy_from_slice(&right_side[..right]);
        }
        left_rows
    }
}

/// A key in the order of finite numbers; both zeros have the same.
fn ascending(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

/// A number of at least `low` and below `high`, half-way where the numbers are dense enough.
fn between(low: f64, high: f64) -> f64 {
    let middle = low / 2.0 + high / 2.0;
    if middle >= low && middle < high { middle } else { low }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_middles() {
        let values = [f64::MIN, -1.5, -1e-310, 0.0, 1e-310, 1.0, 1.5, f64::MAX];
        assert!(values.map(ascending).is_sorted_by(|a, b| a < b));
        assert_eq!(ascending(-0.0), ascending(0.0));
        assert_eq!(between(1.0, 2.0), 1.5);
        assert_eq!(between(f64::MIN, f64::MAX), 0.0);
        assert_eq!(between(1.0, 1.0 + f64::EPSILON), 1.0);
    }
}
