//! First states, before they are fitted.

use super::shape::{Shape, State};
use crate::forecasting::{Seasonal, Trend};

impl Shape {
    /// First states from the first few seasons, as Hyndman's chapter 2.6.1 has it.
    pub(super) fn start(self, values: &[f64], season: usize) -> State {
        let multiplicative = self.seasonal == Seasonal::Multiplicative;
        let seasons = if self.has_season() { seasons(values, season, multiplicative) } else { Vec::new() };
        let mut plain = values.to_vec();
        for (v, s) in plain.iter_mut().zip(seasons.iter().cycle()) {
            *v = if multiplicative { *v / s } else { *v - s };
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
}

/// How the steps of a season lie beside the mean of the season around them, over the first four seasons at the most.
fn seasons(values: &[f64], season: usize, multiplicative: bool) -> Vec<f64> {
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
        sums[i % season] += if multiplicative { values[i] / mean } else { values[i] - mean };
        counts[i % season] += 1.0;
    }
    let neutral = if multiplicative { 1.0 } else { 0.0 };
    let mean = |(sum, count): (f64, f64)| if count > 0.0 { sum / count } else { neutral };
    let mut seasons: Vec<f64> = sums.into_iter().zip(counts).map(mean).collect();
    let average = seasons.iter().sum::<f64>() / season as f64;
    for s in &mut seasons {
        *s = if multiplicative { (*s / average).max(1e-3) } else { *s - average };
    }
    seasons
}
