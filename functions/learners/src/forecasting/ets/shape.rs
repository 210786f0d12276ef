//! What moves a series on, and the way along it.

use crate::forecasting::{Params, Seasonal, Trend};

/// What moves a series on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Not `auto`.
    pub trend: Trend,
    pub damped: bool,
    /// Not `auto`.
    pub seasonal: Seasonal,
}

/// How fast level, trend and season follow, and by what the trend fades.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Paces {
    /// Of the level, 0.0001 to 0.9999.
    pub alpha: f64,
    /// Of the trend, at most `alpha`; 0 without a trend.
    pub beta: f64,
    /// Of the season, at most `1 - alpha`; 0 without a season.
    pub gamma: f64,
    /// What is left of the trend a step later, 0.8 to 0.98; 1 if it is not damped.
    pub phi: f64,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct State {
    pub level: f64,
    pub trend: f64,
    /// The next step's season first.
    pub seasons: Vec<f64>,
}

impl Shape {
    /// The shapes that parameters and values leave to choose from, the plainest first.
    pub(super) fn candidates(values: &[f64], params: &Params) -> Vec<Self> {
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

    pub(super) fn has_trend(self) -> bool {
        self.trend != Trend::None
    }

    pub(super) fn has_season(self) -> bool {
        self.seasonal != Seasonal::None
    }

    /// Where the level is expected, before the season.
    pub(super) fn base(self, level: f64, trend: f64, phi: f64) -> f64 {
        match self.trend {
            Trend::None | Trend::Auto => level,
            Trend::Additive => level + phi * trend,
            Trend::Multiplicative => level * power(trend, phi),
        }
    }

    pub(super) fn value(self, base: f64, season: f64) -> f64 {
        match self.seasonal {
            Seasonal::None | Seasonal::Auto => base,
            Seasonal::Additive => base + season,
            Seasonal::Multiplicative => base * season,
        }
    }

    /// The sum of squared errors of forecasts up to so many steps ahead, one from before each value.
    pub(super) fn ahead(self, values: &[f64], paces: Paces, mut state: State, steps: usize) -> f64 {
        let mut sum = 0.0;
        for at in 0..values.len() {
            let (mut level, mut trend) = (state.level, state.trend);
            for (step, y) in values[at..].iter().take(steps).enumerate() {
                let season = match state.seasons.len() {
                    0 => 0.0,
                    length => state.seasons[step % length],
                };
                level = self.base(level, trend, paces.phi);
                trend = self.next_trend(trend, paces.phi);
                sum += (y - self.value(level, season)).powi(2);
            }
            self.follow(&values[at..=at], paces, &mut state);
        }
        if sum.is_finite() { sum } else { f64::INFINITY }
    }

    /// The trend a step later, if nothing is learnt in between.
    pub(super) fn next_trend(self, trend: f64, phi: f64) -> f64 {
        match self.trend {
            Trend::Multiplicative => power(trend, phi),
            _ => phi * trend,
        }
    }

    /// Goes along the values. Returns the sum of squared errors; the state is then that after the last value.
    pub(super) fn follow(self, values: &[f64], paces: Paces, state: &mut State) -> f64 {
        let length = state.seasons.len().max(1);
        let mut sum = 0.0;
        let mut place = 0;
        for y in values {
            let season = state.seasons.get(place).copied().unwrap_or(0.0);
            let base = self.base(state.level, state.trend, paces.phi);
            let error = y - self.value(base, season);
            sum += error * error;
            let (own, by_base) = match self.seasonal {
                Seasonal::Multiplicative => (error / season, error / base),
                _ => (error, error),
            };
            state.trend = match self.trend {
                Trend::None | Trend::Auto => 0.0,
                Trend::Additive => paces.phi * state.trend + paces.beta * own,
                Trend::Multiplicative => power(state.trend, paces.phi) + paces.beta * own / state.level,
            };
            state.level = base + paces.alpha * own;
            if self.has_season() {
                state.seasons[place] = season + paces.gamma * by_base;
            }
            place = if place + 1 == length { 0 } else { place + 1 };
        }
        if self.has_season() {
            state.seasons.rotate_left(place);
        }
        sum
    }
}

/// `trend` to the power of `phi`, which is 1 where nothing is damped.
pub(super) fn power(trend: f64, phi: f64) -> f64 {
    if phi == 1.0 { trend } else { libm::pow(trend, phi) }
}
