use crate::cart::{Criterion, Limits, MaxFeatures, MaxSamples};
use crate::param_guard::within;
use crate::{Error, ParamError};
use serde::{Deserialize, Serialize};

/// How much each class counts.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassWeight {
    /// Every row counts alike.
    #[default]
    None,
    /// Every class counts alike: a row of class `c` weighs `rows / (classes * rows of c)`.
    Balanced,
    /// The same, counted in each tree's sample.
    BalancedSubsample,
    /// What a row of each class weighs.
    Given(Vec<f64>),
}

impl ClassWeight {
    pub(crate) fn verify(&self) -> Result<(), ParamError> {
        let Self::Given(weights) = self else { return Ok(()) };
        match weights.iter().find(|w| !w.is_finite() || **w < 0.0) {
            None => Ok(()),
            Some(bad) => Err(ParamError::new(
                "class_weight",
                format!("{bad} is not a weight"),
                "finite numbers of at least 0",
            )),
        }
    }

    /// What a row of each class weighs: `counts` are the rows of each, in the table or in a tree's sample.
    pub(crate) fn of(&self, counts: &[u64]) -> Result<Option<Vec<f64>>, Error> {
        match self {
            Self::None => Ok(None),
            Self::Balanced | Self::BalancedSubsample => {
                let (rows, classes) = (counts.iter().sum::<u64>() as f64, counts.len() as f64);
                // A class that is not in the sample weighs nothing there.
                Ok(Some(counts.iter().map(|&count| rows / (classes * count.max(1) as f64)).collect()))
            }
            Self::Given(weights) if weights.len() == counts.len() => Ok(Some(weights.clone())),
            Self::Given(weights) => {
                let message = format!("{} weights do not go with {} classes", weights.len(), counts.len());
                Err(ParamError::new("class_weight", message, "one weight a class").into())
            }
        }
    }
}

/// What shapes a forest, whatever its kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    pub n_estimators: u32,
    pub criterion: Option<Criterion>,
    pub limits: Limits,
    pub max_features: Option<MaxFeatures>,
    pub bootstrap: bool,
    pub max_samples: Option<MaxSamples>,
    pub oob_score: bool,
    pub class_weight: ClassWeight,
    pub max_bin: u32,
    pub seed: u64,
}

impl Options {
    /// Finds the first parameter that is out of its range.
    pub fn verify(&self) -> Result<(), ParamError> {
        within("n_estimators", self.n_estimators, 1..)?;
        self.limits.verify()?;
        within("max_bin", self.max_bin, 2..=255)?;
        self.max_features.map_or(Ok(()), MaxFeatures::verify)?;
        self.max_samples.map_or(Ok(()), MaxSamples::verify)?;
        self.class_weight.verify()?;
        if self.criterion == Some(Criterion::AbsoluteError) {
            let allowed = "gini, entropy, log_loss, squared_error, friedman_mse";
            return Err(ParamError::new("criterion", "absolute_error is for single trees", allowed));
        }
        let without = |name| {
            let message = "without bootstrap every tree sees every row";
            Err(ParamError::new(name, message, "bootstrap: true, or leave it out"))
        };
        match self.bootstrap {
            false if self.oob_score => without("oob_score"),
            false if self.max_samples.is_some() => without("max_samples"),
            false if self.class_weight == ClassWeight::BalancedSubsample => without("class_weight"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_weigh_alike() {
        assert_eq!(ClassWeight::Balanced.of(&[3, 1]).unwrap().unwrap(), [2.0 / 3.0, 2.0]);
        assert_eq!(ClassWeight::BalancedSubsample.of(&[4, 0]).unwrap().unwrap(), [0.5, 2.0]);
        assert_eq!(ClassWeight::None.of(&[1, 1]).unwrap(), None);
        assert!(ClassWeight::Given(vec![1.0]).of(&[1, 1]).is_err());
        assert!(ClassWeight::Given(vec![1.0, -1.0]).verify().is_err());
    }
}
