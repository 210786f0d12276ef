//! Exponential smoothing with additive errors: level, trend and season, each followed at its own pace.
//!
//! R. J. Hyndman, A. B. Koehler, J. K. Ord, R. D. Snyder, Forecasting with exponential smoothing: the state space
//! approach, Springer 2008. Paces, first level and first trend are those of the least squared error one step ahead; of
//! several shapes the one with the least AICc stays.

use super::{Forecast, Params, Seasonal, Trend, nelder_mead};

/// Evaluations of one shape's search at the most, about.
const STEPS: usize = 400;

/// What moves a series on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Not `auto`.
    pub trend: Trend,
    pub damped: bool,
    /// Not `auto`.
    pub seasonal: Seasonal,
}

/// A smoothed series.
#[derive(Debug, Clone, PartialEq)]
pub struct Ets {
    shape: Shape,
    season: usize,
    paces: Paces,
    state: State,
    /// Standard deviation of the error one step ahead.
    sigma: f64,
    aicc: f64,
}

/// How fast level, trend and season follow, and by what the trend fades.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Paces {
    alpha: f64,
    beta: f64,
    gamma: f64,
    phi: f64,
}

#[derive(Debug, Clone, PartialEq)]
struct State {
    level: f64,
    trend: f64,
    /// The next step's season first.
    seasons: Vec<f64>,
}

fn logistic(x: f64) -> f64 {
    crate::logistic_regression::sigmoid(x)
}

impl Shape {
    /// The shapes that parameters and values leave to choose from, the plainest first.
    fn candidates(values: &[f64], params: &Params) -> Vec<Self> {
        let season = params.season();
        let positive = values.iter().all(|v| *v > 0.0);
        let whole = season > 1 && values.len() >= 2 * season;
        let seasonals: &[Seasonal] = match params.seasonal {
            _ if !whole => &[Seasonal::None],
            Seasonal::Auto if positive => &[Seasonal::None, Seasonal::Additive, Seasonal::Multiplicative],
            Seasonal::Auto => &[Seasonal::None, Seasonal::Additive],
            Seasonal::None => &[Seasonal::None],
            Seasonal::Multiplicative if positive => &[Seasonal::Multiplicative],
            Seasonal::Additive | Seasonal::Multiplicative => &[Seasonal::Additive],
        };
        let trends: &[Trend] = match params.trend {
            _ if values.len() < 4 => &[Trend::None],
            Trend::Auto => &[Trend::None, Trend::Additive],
            Trend::None => &[Trend::None],
            Trend::Multiplicative if positive => &[Trend::Multiplicative],
            Trend::Additive | Trend::Multiplicative => &[Trend::Additive],
        };
        let mut shapes = Vec::new();
        for &seasonal in seasonals {
            for &trend in trends {
                for damped in [false, true] {
                    let wanted = params.damped.is_none_or(|wanted| wanted == damped);
                    if if trend == Trend::None { !damped } else { wanted } {
                        shapes.push(Self { trend, damped, seasonal });
                    }
                }
            }
        }
        shapes
    }

    fn has_trend(self) -> bool {
        self.trend != Trend::None
    }

    fn has_season(self) -> bool {
        self.seasonal != Seasonal::None
    }

    /// Paces from numbers without bounds.
    fn paces(self, x: &[f64]) -> Paces {
        let mut x = x.iter().copied();
        let mut next = || logistic(x.next().unwrap_or(0.0));
        let alpha = 1e-4 + 0.9998 * next();
        let beta = if self.has_trend() { alpha * next() } else { 0.0 };
        let gamma = if self.has_season() { (1.0 - alpha) * next() } else { 0.0 };
        let phi = if self.damped { 0.8 + 0.18 * next() } else { 1.0 };
        Paces { alpha, beta, gamma, phi }
    }

    fn pace_count(self) -> usize {
        1 + usize::from(self.has_trend()) + usize::from(self.has_season()) + usize::from(self.damped)
    }

    /// Where the level is expected, before the season.
    fn base(self, state: &State, phi: f64) -> f64 {
        match self.trend {
            Trend::None | Trend::Auto => state.level,
            Trend::Additive => state.level + phi * state.trend,
            Trend::Multiplicative => state.level * libm::pow(state.trend, phi),
        }
    }

    fn value(self, base: f64, season: f64) -> f64 {
        match self.seasonal {
            Seasonal::None | Seasonal::Auto => base,
            Seasonal::Additive => base + season,
            Seasonal::Multiplicative => base * season,
        }
    }

    /// Goes along the values. Returns the sum of squared errors; the state is then that after the last value.
    fn follow(self, values: &[f64], paces: Paces, state: &mut State) -> f64 {
        let length = state.seasons.len().max(1);
        let mut sum = 0.0;
        for (i, y) in values.iter().enumerate() {
            let place = i % length;
            let season = state.seasons.get(place).copied().unwrap_or(0.0);
            let base = self.base(state, paces.phi);
            let error = y - self.value(base, season);
            sum += error * error;
            let (own, by_base) = match self.seasonal {
                Seasonal::Multiplicative => (error / season, error / base),
                _ => (error, error),
            };
            state.trend = match self.trend {
                Trend::None | Trend::Auto => 0.0,
                Trend::Additive => paces.phi * state.trend + paces.beta * own,
                Trend::Multiplicative => libm::pow(state.trend, paces.phi) + paces.beta * own / state.level,
            };
            state.level = base + paces.alpha * own;
            if self.has_season() {
                state.seasons[place] = season + paces.gamma * by_base;
            }
        }
        let turn = values.len() % length;
        if self.has_season() {
            state.seasons.rotate_left(turn);
        }
        sum
    }

    /// First states from the first few seasons, as Hyndman's chapter 2.6.1 has it.
    fn start(self, values: &[f64], season: usize) -> State {
        let mut seasons = Vec::new();
        let mut plain = values.to_vec();
        if self.has_season() {
            let used = values.len().min(season * 4);
            let (mut sums, mut counts) = (vec![0.0; season], vec![0.0; season]);
            let half = season / 2;
            for i in half..used.saturating_sub(half) {
                // The mean of a whole season around the step; of an even one, half of both ends.
                let around = &values[i - half..=(i + half).min(used - 1)];
                let mean = match season % 2 {
                    1 => around.iter().sum::<f64>() / season as f64,
                    _ => {
                        let ends = 0.5 * (around[0] + around[around.len() - 1]);
                        (around[1..around.len() - 1].iter().sum::<f64>() + ends) / season as f64
                    }
                };
                let multiplicative = self.seasonal == Seasonal::Multiplicative;
                sums[i % season] += if multiplicative { values[i] / mean } else { values[i] - mean };
                counts[i % season] += 1.0;
            }
            let neutral = if self.seasonal == Seasonal::Multiplicative { 1.0 } else { 0.0 };
            let mean = |(sum, count): (f64, f64)| if count > 0.0 { sum / count } else { neutral };
            seasons = sums.into_iter().zip(counts).map(mean).collect();
            let average = seasons.iter().sum::<f64>() / season as f64;
            for s in &mut seasons {
                *s = if neutral == 1.0 { (*s / average).max(1e-3) } else { *s - average };
            }
            for (i, v) in plain.iter_mut().enumerate() {
                *v = if neutral == 1.0 { *v / seasons[i % season] } else { *v - seasons[i % season] };
            }
        }
        let first = &plain[..plain.len().min(10.max(2 * season))];
        let n = first.len() as f64;
        let (mean, middle) = (first.iter().sum::<f64>() / n, (n - 1.0) / 2.0);
        let spread: f64 = (0..first.len()).map(|i| (i as f64 - middle).powi(2)).sum();
        let slope = first.iter().enumerate().map(|(i, v)| (i as f64 - middle) * (v - mean)).sum::<f64>();
        let slope = if spread > 0.0 { slope / spread } else { 0.0 };
        let level = mean - slope * (middle + 1.0);
        match self.trend {
            Trend::None | Trend::Auto => State {
                level: first[..first.len().min(3)].iter().sum::<f64>() / n.min(3.0),
                trend: 0.0,
                seasons,
            },
            Trend::Additive => State { level, trend: slope, seasons },
            Trend::Multiplicative => {
                let level = if level > 0.0 { level } else { mean.max(f64::MIN_POSITIVE) };
                State { level, trend: (1.0 + slope / level).clamp(0.5, 2.0), seasons }
            }
        }
    }

    fn fit(self, values: &[f64], season: usize) -> Ets {
        let start = self.start(values, season);
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let sd = (values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n).sqrt();
        let paces = self.pace_count();
        let moved = |x: &[f64]| {
            let mut state = start.clone();
            state.level += 0.1 * sd * x[paces];
            if self.has_trend() {
                let unit = if self.trend == Trend::Additive { 0.01 * sd } else { 0.01 };
                state.trend += unit * x[paces + 1];
            }
            state
        };
        // Slow at first: an alpha of a third, a tenth of that for the trend.
        let mut first = vec![0.0; paces + 1 + usize::from(self.has_trend())];
        first[0] = -0.7;
        first[1..paces].fill(-2.2);
        if self.damped {
            first[paces - 1] = 1.5;
        }
        let loss = |x: &[f64]| self.follow(values, self.paces(x), &mut moved(x));
        let (x, _) = match sd > 0.0 {
            true => nelder_mead::minimize(loss, &first, 0.8, STEPS),
            false => (first, 0.0),
        };
        let mut state = moved(&x);
        let paces = self.paces(&x);
        let squares = self.follow(values, paces, &mut state);
        let season_count = if self.has_season() { season } else { 0 };
        let count = (x.len() + season_count + 1) as f64;
        // Without errors the logarithm has no bottom.
        let floor = 1e-20 * (mean * mean + sd * sd) + f64::MIN_POSITIVE;
        let left = n - count - 1.0;
        let correction = if left > 0.0 { 2.0 * count * (count + 1.0) / left } else { f64::INFINITY };
        let aicc = n * libm::log((squares / n).max(floor)) + 2.0 * count + correction;
        let sigma = (squares / (n - x.len() as f64).max(1.0)).sqrt();
        Ets { shape: self, season: season_count.max(1), paces, state, sigma, aicc }
    }
}

impl Ets {
    /// Smooths finite values; there is one at least.
    pub(super) fn fit(values: &[f64], params: &Params) -> Self {
        let shapes = Shape::candidates(values, params);
        let mut best: Option<Self> = None;
        for shape in shapes {
            let own = shape.fit(values, params.season());
            let sound = own.sigma.is_finite() && own.state.level.is_finite() && own.state.trend.is_finite();
            if best.as_ref().is_none_or(|best| sound && own.aicc < best.aicc) {
                best = Some(own);
            }
        }
        best.unwrap_or_else(|| {
            Shape { trend: Trend::None, damped: false, seasonal: Seasonal::None }.fit(values, 1)
        })
    }

    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Means, and the deviations that errors of every step before make by way of level, trend and season.
    pub(super) fn forecast(&self, horizon: usize) -> Forecast {
        let Paces { alpha, beta, gamma, phi } = self.paces;
        let season = |h: usize| match self.state.seasons.as_slice() {
            [] => 1.0,
            seasons => seasons[h % seasons.len()],
        };
        let mut state = self.state.clone();
        let mut mean = Vec::with_capacity(horizon);
        for h in 0..horizon {
            let base = self.shape.base(&state, phi);
            mean.push(self.shape.value(base, if self.shape.has_season() { season(h) } else { 0.0 }));
            state.trend = match self.shape.trend {
                Trend::Multiplicative => libm::pow(state.trend, phi),
                _ => phi * state.trend,
            };
            state.level = base;
        }
        let mut sums = Vec::with_capacity(horizon);
        let (mut faded, mut sum) = (0.0, 0.0);
        for j in 1..=horizon {
            faded += phi.powi(j as i32);
            let again = self.shape.has_season() && j % self.season == 0;
            sums.push(alpha + beta * faded + if again { gamma } else { 0.0 });
        }
        let multiplicative = self.shape.seasonal == Seasonal::Multiplicative;
        let deviation = |h: usize| {
            // An error's share of the level is of its own season's size, and counts by this one's.
            let ratio = |j: usize| if multiplicative { season(h) / season(h - j) } else { 1.0 };
            sum = (1..=h).map(|j| (sums[j - 1] * ratio(j)).powi(2)).sum::<f64>();
            self.sigma * (1.0 + sum).sqrt()
        };
        Forecast { mean, sd: (0..horizon).map(deviation).collect() }
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
            fit(&flat, 12).shape(),
            Shape { trend: Trend::None, damped: false, seasonal: Seasonal::None }
        );
        let additive: Vec<f64> =
            (0..120).map(|i| 50.0 + 2.0 * i as f64 + 20.0 * wave(i) + noise(i)).collect();
        let shape = fit(&additive, 12).shape();
        assert_eq!((shape.trend, shape.seasonal), (Trend::Additive, Seasonal::Additive));
        let multiplicative: Vec<f64> =
            (0..120).map(|i| (50.0 + 2.0 * i as f64) * (1.0 + 0.4 * wave(i)) + noise(i)).collect();
        assert_eq!(fit(&multiplicative, 12).shape().seasonal, Seasonal::Multiplicative);
    }

    #[test]
    fn deviations_are_those_of_simulation() {
        // An additive shape: variances add up to a random walk's when alpha is 1.
        let shape = Shape { trend: Trend::None, damped: false, seasonal: Seasonal::None };
        let paces = Paces { alpha: 1.0, beta: 0.0, gamma: 0.0, phi: 1.0 };
        let state = State { level: 5.0, trend: 0.0, seasons: Vec::new() };
        let ets = Ets { shape, season: 1, paces, state, sigma: 2.0, aicc: 0.0 };
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
