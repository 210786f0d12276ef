//! Exponential smoothing with additive errors: level, trend and season, each followed at its own pace.
//!
//! R. J. Hyndman, A. B. Koehler, J. K. Ord, R. D. Snyder, Forecasting with exponential smoothing: the state space
//! approach, Springer 2008. Paces and first states are those of the least squared error one step ahead, which is the
//! greatest likelihood, or where there are several such places those that forecast the horizon best; of several shapes the
//! one with the least AICc stays.

mod search;
mod shape;
mod start;

pub use shape::{Paces, Shape};

use super::{Forecast, Params, Seasonal, Trend};
use search::Search;
use shape::State;

/// A smoothed series.
#[derive(Debug, Clone, PartialEq)]
pub struct Ets {
    smoothing: Smoothing,
    season: usize,
    state: State,
}

/// What exponential smoothing found of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Smoothing {
    pub shape: Shape,
    pub paces: Paces,
    /// Standard deviation of the error one step ahead.
    pub sigma: f64,
    /// Of normal errors of the variance that is most likely, as statsmodels' `ETSModel` has it.
    pub log_likelihood: f64,
    /// Akaike's criterion for short series, up to what all shapes have in common.
    pub aicc: f64,
}

impl Params {
    /// The steps ahead that fits are compared by: those of the horizon, but no more than a season, or a dozen, nor than 60.
    fn steps(&self) -> usize {
        (self.horizon as usize).min(self.season().clamp(12, 60))
    }
}

impl Shape {
    /// `steps`: how many are to be forecast.
    fn fit(self, values: &[f64], season: usize, steps: usize) -> Ets {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n;
        let search = Search::new(self, values, self.start(values, season));
        let (paces, mut state) = search.best(steps);
        let squares = self.follow(values, paces, &mut state);
        let found = search.count() as f64;
        // The variance is a number of the shape, too.
        let count = found + 1.0;
        // Without errors the logarithm has no bottom.
        let floor = 1e-20 * (mean * mean + variance) + f64::MIN_POSITIVE;
        let left = n - count - 1.0;
        let correction = if left > 0.0 { 2.0 * count * (count + 1.0) / left } else { f64::INFINITY };
        let spread = n * libm::log((squares / n).max(floor));
        let smoothing = Smoothing {
            shape: self,
            paces,
            sigma: (squares / (n - found).max(1.0)).sqrt(),
            log_likelihood: -0.5 * (spread + n * (1.0 + libm::log(std::f64::consts::TAU))),
            aicc: spread + 2.0 * count + correction,
        };
        Ets { smoothing, season: state.seasons.len().max(1), state }
    }
}

impl Ets {
    /// Smooths finite values; there is one at least.
    pub(super) fn fit(values: &[f64], params: &Params) -> Self {
        let mut best: Option<Self> = None;
        for shape in Shape::candidates(values, params) {
            let own = shape.fit(values, params.season(), params.steps());
            if own.is_sound() && best.as_ref().is_none_or(|best| own.smoothing.aicc < best.smoothing.aicc) {
                best = Some(own);
            }
        }
        best.unwrap_or_else(|| {
            Shape { trend: Trend::None, damped: false, seasonal: Seasonal::None }.fit(values, 1, 1)
        })
    }

    fn is_sound(&self) -> bool {
        self.smoothing.sigma.is_finite() && self.state.level.is_finite() && self.state.trend.is_finite()
    }

    pub fn smoothing(&self) -> Smoothing {
        self.smoothing
    }

    /// Means, and the deviations that errors of every step before make by way of level, trend and season.
    pub(super) fn forecast(&self, horizon: usize) -> Forecast {
        let Smoothing { shape, paces: Paces { alpha, beta, gamma, phi }, sigma, .. } = self.smoothing;
        let season = |h: usize| match self.state.seasons.as_slice() {
            [] => 1.0,
            seasons => seasons[h % seasons.len()],
        };
        let mut state = self.state.clone();
        let mut mean = Vec::with_capacity(horizon);
        for h in 0..horizon {
            let base = shape.base(state.level, state.trend, phi);
            mean.push(shape.value(base, if shape.has_season() { season(h) } else { 0.0 }));
            state.trend = shape.next_trend(state.trend, phi);
            state.level = base;
        }
        let mut sums = Vec::with_capacity(horizon);
        let (mut faded, mut sum) = (0.0, 0.0);
        for j in 1..=horizon {
            faded += phi.powi(j as i32);
            let again = shape.has_season() && j % self.season == 0;
            sums.push(alpha + beta * faded + if again { gamma } else { 0.0 });
        }
        let multiplicative = shape.seasonal == Seasonal::Multiplicative;
        let deviation = |h: usize| {
            // An error's share of the level is of its own season's size, and counts by this one's.
            let ratio = |j: usize| if multiplicative { season(h) / season(h - j) } else { 1.0 };
            sum = (1..=h).map(|j| (sums[j - 1] * ratio(j)).powi(2)).sum::<f64>();
            sigma * (1.0 + sum).sqrt()
        };
        let sd = (0..horizon).map(deviation).collect();
        Forecast { mean, sd, smoothing: Some(self.smoothing) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Check;

    fn fit(values: &[f64], season_length: u32) -> Ets {
        Ets::fit(values, &Params { season_length, ..Params::default() }.check().unwrap())
    }

    #[test]
    fn the_shape_is_found() {
        let noise = |i: usize| ((i * 7919 % 101) as f64 / 101.0 - 0.5) * 4.0;
        let wave = |i: usize| (i as f64 * std::f64::consts::TAU / 12.0).sin();
        let flat: Vec<f64> = (0..120).map(|i| 50.0 + noise(i)).collect();
        assert_eq!(
            fit(&flat, 12).smoothing().shape,
            Shape { trend: Trend::None, damped: false, seasonal: Seasonal::None }
        );
        let additive: Vec<f64> =
            (0..120).map(|i| 50.0 + 2.0 * i as f64 + 20.0 * wave(i) + noise(i)).collect();
        let shape = fit(&additive, 12).smoothing().shape;
        assert_eq!((shape.trend, shape.seasonal), (Trend::Additive, Seasonal::Additive));
        let multiplicative: Vec<f64> =
            (0..120).map(|i| (50.0 + 2.0 * i as f64) * (1.0 + 0.4 * wave(i)) + noise(i)).collect();
        assert_eq!(fit(&multiplicative, 12).smoothing().shape.seasonal, Seasonal::Multiplicative);
    }

    #[test]
    fn deviations_are_those_of_simulation() {
        // An additive shape: variances add up to a random walk's when alpha is 1.
        let shape = Shape { trend: Trend::None, damped: false, seasonal: Seasonal::None };
        let paces = Paces { alpha: 1.0, beta: 0.0, gamma: 0.0, phi: 1.0 };
        let state = State { level: 5.0, trend: 0.0, seasons: Vec::new() };
        let smoothing = Smoothing { shape, paces, sigma: 2.0, log_likelihood: 0.0, aicc: 0.0 };
        let ets = Ets { smoothing, season: 1, state };
        let forecast = ets.forecast(9);
        assert_eq!(forecast.mean, [5.0; 9]);
        assert!((forecast.sd[8] - 6.0).abs() < 1e-12);
    }

    #[test]
    fn growth_by_a_factor() {
        let values: Vec<f64> = (0..40).map(|i| 10.0 * 1.1f64.powi(i)).collect();
        let params = Params { trend: Trend::Multiplicative, damped: Some(false), ..Params::default() };
        let ets = Ets::fit(&values, &params.check().unwrap());
        let next = ets.forecast(3).mean;
        assert!((next[2] / (10.0 * 1.1f64.powi(42)) - 1.0).abs() < 0.01, "{next:?}");
    }
}
