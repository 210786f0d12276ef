//! Mutual information of a feature and the target, as scikit-learn's `mutual_info_classif` and `mutual_info_regression` for
//! continuous features: a little noise tells equal values apart.
//!
//! B. Ross, Mutual information between discrete and continuous data sets, PLoS ONE 9 (2014). A. Kraskov, H. Stögbauer,
//! P. Grassberger, Estimating mutual information, Physical Review E 69 (2004).

use millstream_learners::rng::Rng;
use millstream_sdk::Failure;

use crate::goal::SeenTarget;

/// Of more rows, so many at equal distances are looked at: the estimate for a number compares all with all.
const MOST_ROWS: usize = 5_000;

/// Of the noise, as a share of the values.
const NOISE: f64 = 1e-9;

/// In nats, not below 0.
pub fn score(values: &[f64], goal: &SeenTarget, neighbours: usize) -> Result<f64, Failure> {
    let places: Vec<usize> = match values.len() > MOST_ROWS {
        true => (0..MOST_ROWS).map(|place| place * values.len() / MOST_ROWS).collect(),
        false => (0..values.len()).collect(),
    };
    let own: Vec<f64> = places.iter().map(|place| values[*place]).collect();
    let score = match goal {
        SeenTarget::Classes(labels) => {
            let codes: Vec<u32> = places.iter().map(|place| labels.codes[*place]).collect();
            with_classes(&scaled(&own, 0), &codes, labels.classes.len(), neighbours)
        }
        SeenTarget::Numbers(target) => {
            let target: Vec<f64> = places.iter().map(|place| target[*place]).collect();
            with_numbers(&scaled(&own, 0), &scaled(&target, 1), neighbours)
        }
    };
    Ok(score.max(0.0))
}

/// Divided by the standard deviation, with noise far below it: with equal values distances would be 0.
fn scaled(values: &[f64], stream: u64) -> Vec<f64> {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let deviation = (values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / count).sqrt();
    let divisor = if deviation > 0.0 { deviation } else { 1.0 };
    let size = values.iter().map(|value| (value / divisor).abs()).sum::<f64>() / count;
    let mut rng = Rng::new(0, stream);
    values.iter().map(|value| value / divisor + NOISE * size.max(1.0) * (rng.unit() - 0.5)).collect()
}

/// Ross's estimate.
fn with_classes(values: &[f64], codes: &[u32], classes: usize, neighbours: usize) -> f64 {
    let mut of_class: Vec<Vec<f64>> = vec![Vec::new(); classes];
    values.iter().zip(codes).for_each(|(value, code)| of_class[*code as usize].push(*value));
    of_class.iter_mut().for_each(|own| own.sort_unstable_by(f64::total_cmp));
    // A class of one row says nothing.
    let mut all: Vec<f64> = of_class.iter().filter(|own| own.len() > 1).flatten().copied().collect();
    all.sort_unstable_by(f64::total_cmp);
    if all.is_empty() {
        return 0.0;
    }
    let (mut of_neighbours, mut of_sizes, mut of_counts) = (0.0, 0.0, 0.0);
    for own in of_class.iter().filter(|own| own.len() > 1) {
        let near = neighbours.min(own.len() - 1);
        for (place, value) in own.iter().enumerate() {
            let radius = below(distance(own, place, near));
            let count = within(&all, *value, radius);
            of_neighbours += digamma(near as f64);
            of_sizes += digamma(own.len() as f64);
            of_counts += digamma(count as f64);
        }
    }
    let rows = all.len() as f64;
    digamma(rows) + (of_neighbours - of_sizes - of_counts) / rows
}

/// Kraskov's first estimate.
fn with_numbers(values: &[f64], target: &[f64], neighbours: usize) -> f64 {
    let rows = values.len();
    if rows < 2 {
        return 0.0;
    }
    let near = neighbours.min(rows - 1);
    let sort = |values: &[f64]| crate::values::sorted(values.to_vec());
    let (sorted_values, sorted_target) = (sort(values), sort(target));
    let mut distances = vec![0.0f64; rows];
    let mut sum = 0.0;
    for row in 0..rows {
        let (x, y) = (values[row], target[row]);
        for ((distance, other_x), other_y) in distances.iter_mut().zip(values).zip(target) {
            *distance = (x - other_x).abs().max((y - other_y).abs());
        }
        // The row itself is at distance 0, so that the nearest others come behind it.
        let (_, radius, _) = distances.select_nth_unstable_by(near, f64::total_cmp);
        let radius = below(*radius);
        sum += digamma(within(&sorted_values, x, radius) as f64)
            + digamma(within(&sorted_target, y, radius) as f64);
    }
    digamma(rows as f64) + digamma(near as f64) - sum / rows as f64
}

/// How far the nearest so many others are from a place in sorted values.
fn distance(sorted: &[f64], place: usize, near: usize) -> f64 {
    let (mut low, mut high) = (place, place);
    let mut farthest = 0.0;
    for _ in 0..near {
        let down = if low > 0 { sorted[place] - sorted[low - 1] } else { f64::INFINITY };
        let up = if high + 1 < sorted.len() { sorted[high + 1] - sorted[place] } else { f64::INFINITY };
        if down <= up {
            low -= 1;
            farthest = down;
        } else {
            high += 1;
            farthest = up;
        }
    }
    farthest
}

/// The next number below.
fn below(radius: f64) -> f64 {
    if radius > 0.0 { f64::from_bits(radius.to_bits() - 1) } else { 0.0 }
}

/// How many sorted values are within a radius of one of them, itself counted.
fn within(sorted: &[f64], value: f64, radius: f64) -> usize {
    let from = sorted.partition_point(|other| value - other > radius);
    let to = sorted.partition_point(|other| other - value <= radius);
    to - from
}

/// The logarithm's derivative of the gamma function, above 0: recurrence up to 6, then the asymptotic series (Abramowitz and
/// Stegun 6.3.18).
fn digamma(mut x: f64) -> f64 {
    let mut shift = 0.0;
    while x < 6.0 {
        shift -= 1.0 / x;
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    let series = square
        * (1.0 / 12.0
            - square
                * (1.0 / 120.0 - square * (1.0 / 252.0 - square * (1.0 / 240.0 - square * (1.0 / 132.0)))));
    shift + libm::log(x) - 0.5 / x - series
}

#[cfg(test)]
mod tests {
    #[test]
    fn digamma_is_known() {
        for (x, expected) in
            [(1.0, -0.577_215_664_901_532_9), (3.0, 0.922_784_335_098_467_1), (150.0, 5.007_297_917_118_7)]
        {
            assert!((super::digamma(x) - expected).abs() < 1e-6, "{x}: {}", super::digamma(x));
        }
    }
}
