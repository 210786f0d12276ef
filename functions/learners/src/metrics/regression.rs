//! How far predicted numbers are from true ones.

use super::{check_finite, check_rows, weight};
use crate::Error;

/// All regression metrics of one set of predictions, in the target's units where they have any.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// Mean squared error.
    pub mse: f64,
    /// Root of the mean squared error.
    pub rmse: f64,
    /// Mean absolute error.
    pub mae: f64,
    /// Median absolute error.
    pub median_ae: f64,
    /// Mean absolute error relative to the true value; huge where true values are 0.
    pub mape: f64,
    /// Largest absolute error of all rows, whatever their weight.
    pub max_error: f64,
    /// Share of the variance explained; a constant target gives 1 for a perfect prediction, else 0.
    pub r2: f64,
    /// As `r2`, but blind to a constant error.
    pub explained_variance: f64,
}

/// The metrics that cost one look at the rows, for those who need no more.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Brief {
    pub mse: f64,
    pub mae: f64,
    pub r2: f64,
}

/// Computes the most used metrics.
///
/// # Errors
/// As [`scores`].
pub fn brief(truth: &[f64], predicted: &[f64], weights: Option<&[f64]>) -> Result<Brief, Error> {
    let total = check_rows(truth.len(), predicted.len(), weights)?;
    let mse = sum(truth, predicted, weights, |t, p| (t - p) * (t - p)) / total;
    if !mse.is_finite() {
        check_finite("true value", truth)?;
        check_finite("prediction", predicted)?;
    }
    let mae = sum(truth, predicted, weights, |t, p| (t - p).abs()) / total;
    let centre = sum(truth, predicted, weights, |t, _| t) / total;
    let variance = sum(truth, predicted, weights, |t, _| (t - centre) * (t - centre)) / total;
    Ok(Brief { mse, mae, r2: explained(mse, variance) })
}

/// The share of a variance that is not left.
fn explained(left: f64, variance: f64) -> f64 {
    match variance > 0.0 {
        true => 1.0 - left / variance,
        false if left == 0.0 => 1.0,
        false => 0.0,
    }
}

/// The weighted sum of something of each row, in lanes for vector registers.
fn sum(truth: &[f64], predicted: &[f64], weights: Option<&[f64]>, of: impl Fn(f64, f64) -> f64) -> f64 {
    const LANES: usize = 4;
    let mut sums = [0.0; LANES];
    let ((t, t_rest), (p, p_rest)) = (truth.as_chunks::<LANES>(), predicted.as_chunks::<LANES>());
    let rest = t_rest.iter().zip(p_rest);
    let rest: f64 = match weights.map(<[f64]>::as_chunks::<LANES>) {
        None => {
            t.iter().zip(p).for_each(|(t, p)| (0..LANES).for_each(|l| sums[l] += of(t[l], p[l])));
            rest.map(|(t, p)| of(*t, *p)).sum()
        }
        Some((w, w_rest)) => {
            let rows = t.iter().zip(p).zip(w);
            rows.for_each(|((t, p), w)| (0..LANES).for_each(|l| sums[l] += w[l] * of(t[l], p[l])));
            rest.zip(w_rest).map(|((t, p), w)| w * of(*t, *p)).sum()
        }
    };
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

/// Computes every metric.
///
/// # Errors
/// For no rows, lengths that differ, values that are not finite, or bad weights.
pub fn scores(truth: &[f64], predicted: &[f64], weights: Option<&[f64]>) -> Result<Scores, Error> {
    let Brief { mse, mae, r2 } = brief(truth, predicted, weights)?;
    let total = check_rows(truth.len(), predicted.len(), weights)?;
    let mean = |sum: f64| sum / total;
    let (truth_mean, error_mean) =
        (mean(sum(truth, predicted, weights, |t, _| t)), mean(sum(truth, predicted, weights, |t, p| t - p)));
    let square = |v: f64| v * v;
    let variance = mean(sum(truth, predicted, weights, |t, _| square(t - truth_mean)));
    let left = mean(sum(truth, predicted, weights, |t, p| square(t - p - error_mean)));
    let absolute: Vec<f64> = truth.iter().zip(predicted).map(|(t, p)| (t - p).abs()).collect();
    Ok(Scores {
        mse,
        rmse: mse.sqrt(),
        mae,
        median_ae: median(&absolute, weights),
        mape: mean(sum(truth, predicted, weights, |t, p| (t - p).abs() / t.abs().max(f64::EPSILON))),
        max_error: absolute.iter().copied().fold(0.0, f64::max),
        r2,
        explained_variance: explained(left, variance),
    })
}

/// The root of the weighted mean squared error.
pub fn rmse(truth: &[f64], predicted: &[f64], weights: Option<&[f64]>) -> Result<f64, Error> {
    let total = check_rows(truth.len(), predicted.len(), weights)?;
    let square = |i: usize| weight(weights, i) * (truth[i] - predicted[i]).powi(2);
    Ok(((0..truth.len()).map(square).sum::<f64>() / total).sqrt())
}

/// The weighted mean absolute error.
pub fn mae(truth: &[f64], predicted: &[f64], weights: Option<&[f64]>) -> Result<f64, Error> {
    let total = check_rows(truth.len(), predicted.len(), weights)?;
    let absolute = |i: usize| weight(weights, i) * (truth[i] - predicted[i]).abs();
    Ok((0..truth.len()).map(absolute).sum::<f64>() / total)
}

/// The value with half of the weight on either side; the mean of the two middle ones where the halves are even.
fn median(values: &[f64], weights: Option<&[f64]>) -> f64 {
    if weights.is_none() {
        let mut values = values.to_vec();
        let half = values.len() / 2;
        let even = values.len().is_multiple_of(2);
        let (below, &mut middle, _) = values.select_nth_unstable_by(half, f64::total_cmp);
        return match below.iter().copied().max_by(f64::total_cmp) {
            Some(before) if even => (before + middle) / 2.0,
            _ => middle,
        };
    }
    let mut order: Vec<usize> = (0..values.len()).filter(|&i| weight(weights, i) > 0.0).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let half = order.iter().map(|&i| weight(weights, i)).sum::<f64>() / 2.0;
    let mut below = 0.0;
    for (place, &i) in order.iter().enumerate() {
        below += weight(weights, i);
        if below > half {
            return values[i];
        }
        if below == half {
            let next = order.get(place + 1).map_or(values[i], |&next| values[next]);
            return (values[i] + next) / 2.0;
        }
    }
    order.last().map_or(0.0, |&i| values[i])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constant_targets_have_a_defined_r2() {
        assert_eq!(scores(&[2.0, 2.0], &[2.0, 2.0], None).unwrap().r2, 1.0);
        let off = scores(&[2.0, 2.0], &[3.0, 3.0], None).unwrap();
        assert_eq!((off.r2, off.explained_variance), (0.0, 1.0));
    }

    #[test]
    fn medians() {
        assert_eq!(median(&[3.0, 1.0, 2.0], None), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0], None), 2.5);
        assert_eq!(median(&[1.0, 2.0, 3.0], Some(&[5.0, 1.0, 1.0])), 1.0);
    }

    #[test]
    fn bad_rows_are_named() {
        assert!(scores(&[], &[], None).is_err());
        assert!(scores(&[1.0], &[1.0, 2.0], None).is_err());
        assert!(matches!(scores(&[1.0], &[f64::NAN], None), Err(Error::Data { row: Some(0), .. })));
    }
}
