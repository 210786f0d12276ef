//! From data to pixels, and round numbers between.

use crate::format::grouped;

/// Maps a closed interval of data linearly to pixels. Any finite interval is fine: an empty one is widened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    domain: [f64; 2],
    range: [f64; 2],
}

impl Scale {
    /// `domain` in data units, `range` in pixels (from above to below for a vertical axis).
    pub fn new(domain: [f64; 2], range: [f64; 2]) -> Self {
        Self { domain: widened(domain), range }
    }

    /// The pixel of `x`; what lies outside the domain is held at its edge.
    pub fn at(&self, x: f64) -> f64 {
        let [lo, hi] = self.domain;
        // Halves, because the difference of two finite numbers need not be finite.
        let share = ((x / 2.0 - lo / 2.0) / (hi / 2.0 - lo / 2.0)).clamp(0.0, 1.0);
        self.range[0] + share * (self.range[1] - self.range[0])
    }

    /// About `n` round numbers within the domain, with as many decimals as tell them apart.
    pub fn ticks(&self, n: usize) -> Vec<(f64, String)> {
        let [lo, hi] = self.domain;
        let n = n.max(2);
        let step = round_step(hi / n as f64 - lo / n as f64);
        let first = (lo / step - 1e-9).ceil();
        let mut ticks = Vec::new();
        for i in 0..3 * n {
            let tick = (first + i as f64) * step;
            if tick > hi + step * 1e-9 {
                break;
            }
            ticks.push((tick, label(tick, step)));
        }
        ticks
    }
}

/// The least interval that holds all finite values; `[0, 1]` if there are none.
pub fn extent(values: impl IntoIterator<Item = f64>) -> [f64; 2] {
    let [lo, hi] = values
        .into_iter()
        .filter(|x| x.is_finite())
        .fold([f64::INFINITY, f64::NEG_INFINITY], |[lo, hi], x| [lo.min(x), hi.max(x)]);
    if lo <= hi { [lo, hi] } else { [0.0, 1.0] }
}

/// `[lo, hi]` with `share` of its width added at either side.
pub fn padded([lo, hi]: [f64; 2], share: f64) -> [f64; 2] {
    let margin = (hi / 2.0 - lo / 2.0) * 2.0 * share;
    if margin.is_finite() { [(lo - margin).max(f64::MIN), (hi + margin).min(f64::MAX)] } else { [lo, hi] }
}

fn widened([lo, hi]: [f64; 2]) -> [f64; 2] {
    let (lo, hi) = if lo.is_finite() && hi.is_finite() && lo <= hi { (lo, hi) } else { (0.0, 1.0) };
    let size = lo.abs().max(hi.abs());
    // Closer together than this, ticks would no longer differ as floating-point numbers.
    if hi / 2.0 - lo / 2.0 > size * 1e-12 && hi - lo >= f64::MIN_POSITIVE * 1e6 {
        return [lo, hi];
    }
    let margin = if size < 1e-100 { 0.5 } else { size * 0.05 };
    [(lo - margin).max(f64::MIN), (hi + margin).min(f64::MAX)]
}

/// The least of 1, 2, 2.5, 5 or 10 times a power of ten that is not below `raw`.
fn round_step(raw: f64) -> f64 {
    let magnitude = 10f64.powi(raw.log10().floor() as i32);
    [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|m| m * magnitude).find(|s| *s >= raw * 0.999).unwrap_or(raw)
}

fn label(tick: f64, step: f64) -> String {
    let tick = if tick.abs() < step * 1e-6 { 0.0 } else { tick };
    let size = tick.abs().max(step);
    if size >= 1e7 || step < 1e-5 {
        let text = format!("{tick:.2e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
        return if tick == 0.0 {
            "0".to_owned()
        } else {
            format!("{mantissa}e{exponent}").replace('-', "−")
        };
    }
    let decimals = (0..6).find(|d| {
        let scaled = step * 10f64.powi(*d);
        (scaled - scaled.round()).abs() < 1e-6 * scaled.max(1.0)
    });
    let digits = grouped(&format!("{:.*}", decimals.unwrap_or(6) as usize, tick.abs()));
    if tick < 0.0 { format!("−{digits}") } else { digits }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ticks_are_round() {
        let labels = |domain, n| -> Vec<String> {
            Scale::new(domain, [0.0, 100.0]).ticks(n).into_iter().map(|(_, label)| label).collect()
        };
        assert_eq!(labels([0.0, 1.0], 5), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels([-7.0, 12.0], 4), ["−5", "0", "5", "10"]);
        assert_eq!(labels([-20_000.0, 10_000.0], 3), ["−20,000", "−10,000", "0", "10,000"]);
        assert_eq!(labels([0.0, 3e8], 3), ["0", "1e8", "2e8", "3e8"]);
    }

    #[test]
    fn one_value_sits_in_the_middle() {
        assert_eq!(Scale::new([3.0, 3.0], [0.0, 100.0]).at(3.0), 50.0);
        assert_eq!(Scale::new([0.0, 0.0], [0.0, 100.0]).at(0.0), 50.0);
    }

    proptest! {
        #[test]
        fn any_domain_gives_finite_pixels_and_few_ticks(a in any::<f64>(), b in any::<f64>(), x in any::<f64>()) {
            let scale = Scale::new([a, b], [0.0, 100.0]);
            if !x.is_nan() {
                prop_assert!((0.0..=100.0).contains(&scale.at(x)));
            }
            let ticks = scale.ticks(5);
            prop_assert!(ticks.len() <= 15);
            for (tick, label) in ticks {
                prop_assert!(tick.is_finite() && !label.is_empty(), "{tick} {label}");
            }
        }
    }
}
