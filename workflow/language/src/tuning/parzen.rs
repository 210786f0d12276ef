//! Parzen estimators: a density over the points of a space, made of those that were seen.

use serde_json::{Map, Value};

use super::{Tuning, axis::Axis, draw::Draws};

/// A mixture: a kernel around each point that was seen, and the prior, which knows of none.
pub(super) struct Parzen<'a> {
    tuning: &'a Tuning,
    /// They sum to 1; the last is the prior's.
    weights: Vec<f64>,
    /// For each parameter of the space, a kernel for each weight.
    kernels: Vec<Vec<Kernel>>,
}

/// The density of one parameter around one point.
enum Kernel {
    /// A normal distribution cut off at the ends of the range.
    Normal { mean: f64, deviation: f64 },
    /// How likely each value is.
    Choices(Vec<f64>),
    /// The point does not have the parameter: nothing is known.
    Any,
}

impl<'a> Parzen<'a> {
    /// `points` in the order in which they were tried: older ones weigh less once there are more than 25.
    pub fn new(tuning: &'a Tuning, points: &[&Map<String, Value>]) -> Self {
        let weight = |place: usize| {
            let ramp = points.len().saturating_sub(25);
            if place >= ramp || ramp < 2 {
                return 1.0;
            }
            let least = 1.0 / points.len() as f64;
            least + (1.0 - least) * place as f64 / (ramp - 1) as f64
        };
        let mut weights: Vec<f64> = (0..points.len()).map(weight).chain([1.0]).collect();
        let sum: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= sum);
        let kernels = tuning.search.iter().map(|(name, dimension)| {
            let seen: Vec<Option<&Value>> = points.iter().map(|point| point.get(name)).collect();
            match &dimension.axis {
                Axis::Values(values) => choices(values, &seen),
                axis => normals(axis, &seen),
            }
        });
        Self { tuning, weights, kernels: kernels.collect() }
    }

    /// A point drawn from it.
    pub fn draw(&self, draws: &mut Draws, fixed: &Map<String, Value>) -> Map<String, Value> {
        let mut share = draws.next();
        let place = self.weights.iter().position(|weight| {
            share -= weight;
            share < 0.0
        });
        let place = place.unwrap_or(self.weights.len() - 1);
        let mut point = fixed.clone();
        for ((name, dimension), kernels) in self.tuning.search.iter().zip(&self.kernels) {
            if !fixed.contains_key(name) {
                let share = draws.next();
                point.insert(name.clone(), kernels[place].draw(&dimension.axis, share));
            }
        }
        self.tuning.active(&point)
    }

    /// The logarithm of the density at `point`, of those parameters that it has.
    pub fn log_density(&self, point: &Map<String, Value>) -> f64 {
        let place = |(name, dimension): (&String, &super::SearchAxis)| {
            point.get(name).map(|value| Place::of(&dimension.axis, value))
        };
        let places: Vec<Option<Place>> = self.tuning.search.iter().map(place).collect();
        let logs = self.weights.iter().enumerate().map(|(n, weight)| {
            let of_kernel = places
                .iter()
                .zip(&self.kernels)
                .filter_map(|(place, kernels)| Some(kernels[n].log_density(place.as_ref()?)));
            libm::log(*weight) + of_kernel.sum::<f64>()
        });
        let logs: Vec<f64> = logs.collect();
        let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        most + libm::log(logs.iter().map(|log| libm::exp(log - most)).sum())
    }
}

/// Where a value lies on its axis.
enum Place {
    Choice(Option<usize>),
    /// The stretch that stands for a whole number, or a place alone; and the ends of the axis.
    Range {
        from: f64,
        to: f64,
        low: f64,
        high: f64,
    },
}

impl Place {
    fn of(axis: &Axis, value: &Value) -> Self {
        let Some((low, high, log)) = axis.bounds() else {
            let Axis::Values(values) = axis else { return Self::Choice(None) };
            return Self::Choice(values.iter().position(|other| millstream_core::number::same(other, value)));
        };
        let value = value.as_f64().unwrap_or(f64::NAN);
        let half = if matches!(axis, Axis::Integers { .. }) { 0.5 } else { 0.0 };
        let scaled = |x: f64| if log { libm::log(x) } else { x };
        Self::Range { from: scaled(value - half), to: scaled(value + half), low, high }
    }
}

impl Kernel {
    fn draw(&self, axis: &Axis, share: f64) -> Value {
        match (self, axis) {
            (Self::Choices(shares), Axis::Values(values)) => {
                let mut left = share;
                let place = shares.iter().position(|share| {
                    left -= share;
                    left < 0.0
                });
                values.get(place.unwrap_or(values.len() - 1)).cloned().unwrap_or_default()
            }
            (Self::Normal { mean, deviation }, axis) => {
                let (low, high, _) = axis.bounds().unwrap_or((0.0, 1.0, false));
                let at = |x: f64| below((x - mean) / deviation);
                let wanted = at(low) + share * (at(high) - at(low));
                // By halves: 60 of them leave nothing between.
                let (mut from, mut to) = (low, high);
                for _ in 0..60 {
                    let middle = from + (to - from) / 2.0;
                    if at(middle) < wanted { from = middle } else { to = middle }
                }
                axis.at((from - low) / (high - low))
            }
            (_, axis) => axis.at(share),
        }
    }

    fn log_density(&self, place: &Place) -> f64 {
        match (self, place) {
            (Self::Choices(shares), Place::Choice(place)) => {
                libm::log(place.and_then(|place| shares.get(place)).copied().unwrap_or(0.0))
            }
            (Self::Normal { mean, deviation }, Place::Range { from, to, low, high }) => {
                let at = |x: f64| (x - mean) / deviation;
                let whole = below(at(*high)) - below(at(*low));
                if to > from {
                    return libm::log(((below(at(*to)) - below(at(*from))) / whole).max(1e-300));
                }
                let z = at(*from);
                -0.5 * z * z - libm::log(deviation * 2.506_628_274_631_000_5) - libm::log(whole)
            }
            (_, Place::Range { from, to, low, high }) if to > from => libm::log((to - from) / (high - low)),
            (_, Place::Range { low, high, .. }) => -libm::log(high - low),
            // `choices` makes no other kernels.
            (_, Place::Choice(_)) => 0.0,
        }
    }
}

/// The share of a standard normal distribution below `z`.
fn below(z: f64) -> f64 {
    0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

/// Each point makes its own value likelier; the prior makes all alike.
fn choices(values: &[Value], seen: &[Option<&Value>]) -> Vec<Kernel> {
    let kernels = seen.len() as f64 + 1.0;
    let kernel = |value: &Option<&Value>| {
        let own = |other: &Value| value.is_some_and(|value| millstream_core::number::same(value, other));
        let shares: Vec<f64> =
            values.iter().map(|value| 1.0 / kernels + if own(value) { 1.0 } else { 0.0 }).collect();
        let sum: f64 = shares.iter().sum();
        Kernel::Choices(shares.into_iter().map(|share| share / sum).collect())
    };
    seen.iter().chain([&None]).map(kernel).collect()
}

/// As wide as the way to the farther neighbour, but neither narrow beyond measure nor wider than the range (the "magic clip").
fn normals(axis: &Axis, seen: &[Option<&Value>]) -> Vec<Kernel> {
    let (low, high, log) = axis.bounds().unwrap_or((0.0, 1.0, false));
    let place = |value: &Value| {
        let value = value.as_f64()?;
        // What an earlier search has tried may lie outside of this one's range.
        Some((if log { libm::log(value) } else { value }).clamp(low, high))
    };
    let means: Vec<Option<f64>> = seen.iter().map(|value| place((*value)?)).collect();
    let mut sorted: Vec<f64> = means.iter().flatten().copied().filter(|mean| !mean.is_nan()).collect();
    sorted.sort_by(f64::total_cmp);
    let count = sorted.len();
    let least = (high - low) / (count as f64 + 2.0).min(100.0);
    let width = |mean: f64| {
        let first = sorted.partition_point(|other| *other < mean);
        let before = first.checked_sub(1).map(|place| sorted[place]);
        let after = sorted.get(first + 1).copied();
        let (before, after) = match (before, after) {
            (None, None) => (Some(low), Some(high)),
            ends => ends,
        };
        let left = before.map_or(0.0, |before| mean - before);
        let right = after.map_or(0.0, |after| after - mean);
        left.max(right).clamp(least, high - low)
    };
    let kernel = |mean: &Option<f64>| match mean.filter(|mean| !mean.is_nan()) {
        Some(mean) => Kernel::Normal { mean, deviation: width(mean) },
        None => Kernel::Any,
    };
    let prior = Kernel::Normal { mean: low + (high - low) / 2.0, deviation: high - low };
    means.iter().map(kernel).chain([prior]).collect()
}
