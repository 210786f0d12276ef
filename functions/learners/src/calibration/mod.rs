//! Probabilities from decisions, learnt on rows that had no say in the model: as scikit-learn's
//! `CalibratedClassifierCV` around a fitted estimator.
//!
//! A sigmoid: J. Platt, Probabilistic Outputs for Support Vector Machines and Comparisons to Regularized Likelihood
//! Methods, 1999. Steps: B. Zadrozny, C. Elkan, Transforming Classifier Scores into Accurate Multiclass Probability
//! Estimates, KDD 2002, with several classes one against the rest and their probabilities brought to a sum of 1.

mod isotonic;
mod sigmoid;

pub use isotonic::Isotonic;
pub use sigmoid::Sigmoid;

use crate::matrix::check_length;
use crate::weights::check_weights;
use crate::{Error, shown};
use serde::{Deserialize, Serialize};

/// The shape of the way from decisions to probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Two numbers: for few rows, where decisions err alike on both sides.
    Sigmoid,
    /// Any steps that do not fall: for a thousand rows and more.
    Isotonic,
}

/// The way of one class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Curve {
    Sigmoid(Sigmoid),
    Isotonic(Isotonic),
}

/// One way for two classes (that of the second), else one a class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    curves: Vec<Curve>,
}

impl Calibration {
    /// Learns from `decisions` (rows x outputs, row after row: one output for two classes, above 0 for the second, else
    /// one a class) about rows of the classes `y`.
    ///
    /// # Errors
    /// For decisions that are not finite, classes or weights that do not go with the rows, and a class without rows that
    /// count.
    pub fn fit(
        method: Method,
        decisions: &[f64],
        outputs: usize,
        y: &[u32],
        weights: Option<&[f64]>,
    ) -> Result<Self, Error> {
        check_length("decision", decisions.len(), y.len() * outputs)?;
        check_weights(weights, y.len())?;
        if let Some(place) = decisions.iter().position(|d| !d.is_finite()) {
            let decision = shown(decisions[place]);
            return Err(Error::row(place / outputs, format!("the model's decision is {decision}")));
        }
        let classes = outputs.max(2);
        let mut counts = vec![0.0; classes];
        for (i, &class) in y.iter().enumerate() {
            let Some(count) = counts.get_mut(class as usize) else {
                return Err(Error::row(i, format!("the class is {class}, the model knows {classes}")));
            };
            *count += weights.map_or(1.0, |w| w[i]);
        }
        if let Some(class) = counts.iter().position(|&count| count == 0.0) {
            return Err(Error::data(format!(
                "no row that counts has class {class} (of 0 to {}); calibration needs rows of every class",
                classes - 1
            )));
        }
        let curve = |output: usize| {
            let own: Vec<f64> = decisions.iter().skip(output).step_by(outputs).copied().collect();
            let class = if outputs == 1 { 1 } else { output as u32 };
            let positive: Vec<bool> = y.iter().map(|&y| y == class).collect();
            match method {
                Method::Sigmoid => Curve::Sigmoid(Sigmoid::fit(&own, &positive, weights)),
                Method::Isotonic => Curve::Isotonic(Isotonic::fit(&own, &positive, weights)),
            }
        };
        Ok(Self { curves: (0..outputs).map(curve).collect() })
    }

    /// Outputs of the model that it belongs to.
    pub fn outputs(&self) -> usize {
        self.curves.len()
    }

    /// Probabilities, rows x classes, row after row, from decisions as [`Self::fit`] takes them.
    pub fn probabilities(&self, decisions: &[f64]) -> Vec<f64> {
        let outputs = self.outputs();
        let mut proba = Vec::with_capacity(decisions.len() * if outputs == 1 { 2 } else { 1 });
        for row in decisions.chunks_exact(outputs.max(1)) {
            let start = proba.len();
            proba.extend(row.iter().zip(&self.curves).map(|(&decision, curve)| match curve {
                Curve::Sigmoid(sigmoid) => sigmoid.probability(decision),
                Curve::Isotonic(steps) => steps.probability(decision),
            }));
            if outputs == 1 {
                proba.insert(start, 1.0 - proba[start]);
                continue;
            }
            let sum: f64 = proba[start..].iter().sum();
            // No class is thought possible: all are alike.
            let share = |p: &mut f64| *p = if sum > 0.0 { *p / sum } else { 1.0 / outputs as f64 };
            proba[start..].iter_mut().for_each(share);
        }
        proba
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_classes_add_up_to_one() {
        let y: Vec<u32> = (0..90).map(|i| i % 3).collect();
        let decisions: Vec<f64> = (0..270)
            .map(|k| f64::from(u8::from(k % 3 == y[k as usize / 3])) + (f64::from(k) * 0.7).sin())
            .collect();
        for method in [Method::Sigmoid, Method::Isotonic] {
            let calibration = Calibration::fit(method, &decisions, 3, &y, None).unwrap();
            let proba = calibration.probabilities(&decisions);
            assert!(proba.chunks(3).all(|row| (row.iter().sum::<f64>() - 1.0).abs() < 1e-12));
            // Nobody thinks that any class is possible.
            let nowhere = calibration.probabilities(&[-1e9; 3]);
            assert!(nowhere.iter().all(|p| (p - 1.0 / 3.0).abs() < 1e-12), "{nowhere:?}");
        }
    }

    #[test]
    fn rows_that_say_nothing_are_refused() {
        let fit = |decisions: &[f64], outputs, y: &[u32], w: Option<&[f64]>| {
            Calibration::fit(Method::Sigmoid, decisions, outputs, y, w)
        };
        assert!(fit(&[1.0, -1.0], 1, &[1, 0], None).is_ok());
        assert!(fit(&[1.0, -1.0], 1, &[1, 1], None).unwrap_err().to_string().contains("class 0"));
        assert!(fit(&[1.0, -1.0], 1, &[1, 0], Some(&[1.0, 0.0])).is_err());
        assert!(matches!(fit(&[1.0, f64::NAN], 1, &[1, 0], None), Err(Error::Data { row: Some(1), .. })));
        assert!(matches!(fit(&[1.0, 2.0], 1, &[1, 2], None), Err(Error::Data { row: Some(1), .. })));
        assert!(fit(&[1.0], 1, &[1, 0], None).is_err());
    }
}
