//! What is computed after each round.

use super::hyperparams::Objective;
use crate::Error;
use crate::metrics::{binary, curves, most_probable, multiclass, regression};
use serde::{Deserialize, Serialize};

/// A metric of the learning curve; names are XGBoost's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EvalMetric {
    /// Negative log likelihood of two classes.
    LogLoss,
    /// Area under the receiver operating characteristic.
    Auc,
    /// Share of rows of two classes predicted wrong.
    Error,
    /// Negative log likelihood of several classes.
    MLogLoss,
    /// Share of rows of several classes predicted wrong.
    MError,
    /// Root of the mean squared error.
    Rmse,
    /// Mean absolute error.
    Mae,
}

impl EvalMetric {
    const ALL: [Self; 7] =
        [Self::LogLoss, Self::Auc, Self::Error, Self::MLogLoss, Self::MError, Self::Rmse, Self::Mae];

    pub fn name(self) -> &'static str {
        match self {
            Self::LogLoss => "logloss",
            Self::Auc => "auc",
            Self::Error => "error",
            Self::MLogLoss => "mlogloss",
            Self::MError => "merror",
            Self::Rmse => "rmse",
            Self::Mae => "mae",
        }
    }

    /// Whether higher is better.
    pub fn maximize(self) -> bool {
        self == Self::Auc
    }

    pub fn suits(self, objective: Objective) -> bool {
        match objective {
            Objective::BinaryLogistic => matches!(self, Self::LogLoss | Self::Auc | Self::Error),
            Objective::MultiSoftprob => matches!(self, Self::MLogLoss | Self::MError),
            Objective::SquaredError => matches!(self, Self::Rmse | Self::Mae),
        }
    }

    /// The names that go with an objective.
    pub(super) fn for_objective(objective: Objective) -> String {
        let names = Self::ALL.iter().filter(|metric| metric.suits(objective)).map(|metric| metric.name());
        names.collect::<Vec<_>>().join(", ")
    }

    /// The metric of an objective if none is asked for.
    pub(super) fn default_of(objective: Objective) -> Self {
        match objective {
            Objective::BinaryLogistic => Self::LogLoss,
            Objective::MultiSoftprob => Self::MLogLoss,
            Objective::SquaredError => Self::Rmse,
        }
    }

    /// Computes it from predictions, rows x slots. Undefined (one class only, for the area): an error.
    pub(super) fn evaluate(
        self,
        y: &[f64],
        predicted: &[f64],
        slots: usize,
        weights: Option<&[f64]>,
    ) -> Result<f64, Error> {
        let positive = || -> Vec<bool> { y.iter().map(|&v| v == 1.0).collect() };
        let classes = || -> Vec<u32> { y.iter().map(|&v| v as u32).collect() };
        let share_wrong = |labels: &[u32]| {
            let wrong = |i: usize| f64::from(u8::from(f64::from(labels[i]) != y[i]));
            let weight = |i: usize| weights.map_or(1.0, |w| w[i]);
            let total: f64 = (0..y.len()).map(weight).sum();
            (0..y.len()).map(|i| weight(i) * wrong(i)).sum::<f64>() / total
        };
        match self {
            Self::LogLoss => binary::log_loss(&positive(), predicted, weights),
            Self::Auc => curves::roc_auc(&positive(), predicted, weights),
            Self::Error => {
                Ok(share_wrong(&predicted.iter().map(|&p| u32::from(p > 0.5)).collect::<Vec<_>>()))
            }
            Self::MLogLoss => multiclass::log_loss(&classes(), predicted, slots, weights),
            Self::MError => Ok(share_wrong(&most_probable(predicted, slots))),
            Self::Rmse => regression::rmse(y, predicted, weights),
            Self::Mae => regression::mae(y, predicted, weights),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for metric in EvalMetric::ALL {
            let json = format!("\"{}\"", metric.name());
            assert_eq!(serde_json::from_str::<EvalMetric>(&json).unwrap(), metric);
        }
        assert_eq!(EvalMetric::for_objective(Objective::SquaredError), "rmse, mae");
    }

    #[test]
    fn errors_are_weighted() {
        let error = EvalMetric::Error.evaluate(&[1.0, 0.0], &[0.9, 0.9], 1, Some(&[3.0, 1.0])).unwrap();
        assert_eq!(error, 0.25);
        let error = EvalMetric::MError.evaluate(&[1.0, 0.0], &[0.1, 0.9, 0.2, 0.8], 2, None).unwrap();
        assert_eq!(error, 0.5);
    }
}
