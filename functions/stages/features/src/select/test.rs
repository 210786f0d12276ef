//! F-values, as scikit-learn's `f_classif` and `f_regression`.

use millstream_sdk::{Failure, invalid_input};

use crate::goal::SeenTarget;

/// How much more a feature differs between classes than within them, or how well a line of it predicts a number. A constant
/// feature has no score.
pub fn score(values: &[f64], goal: &SeenTarget) -> Result<f64, Failure> {
    let rows = values.len() as f64;
    match goal {
        SeenTarget::Classes(labels) => {
            let count = labels.classes.len();
            if count < 2 || values.len() <= count {
                return Err(invalid_input("`f-test` needs two classes and more rows than classes"));
            }
            let (mut counts, mut sums) = (vec![0.0; count], vec![0.0; count]);
            let mean = values.iter().sum::<f64>() / rows;
            for (value, code) in values.iter().zip(&labels.codes) {
                counts[*code as usize] += 1.0;
                sums[*code as usize] += value - mean;
            }
            let between: f64 = counts.iter().zip(&sums).map(|(count, sum)| sum * sum / count).sum();
            let total: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
            let (above, below) = (count as f64 - 1.0, rows - count as f64);
            Ok((between / above) / ((total - between) / below))
        }
        SeenTarget::Numbers(target) => {
            if values.len() < 3 {
                return Err(invalid_input("`f-test` needs three rows and more"));
            }
            let (mean, target_mean) = (values.iter().sum::<f64>() / rows, target.iter().sum::<f64>() / rows);
            let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
            for (x, y) in values.iter().zip(target) {
                let (x, y) = (x - mean, y - target_mean);
                xx += x * x;
                yy += y * y;
                xy += x * y;
            }
            let square = xy * xy / (xx * yy);
            Ok(square / (1.0 - square) * (rows - 2.0))
        }
    }
}
