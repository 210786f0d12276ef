use crate::ParamError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a split is chosen by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Criterion {
    /// Classes: the chance that two rows drawn from a node differ.
    Gini,
    /// Classes: Shannon's information.
    Entropy,
    /// Classes: the same as `entropy`.
    LogLoss,
    /// Numbers: the variance.
    SquaredError,
    /// Numbers: Friedman's improvement; the same splits as `squared_error`.
    FriedmanMse,
    /// Numbers: the mean distance to the median; single trees only.
    AbsoluteError,
}

impl Criterion {
    pub fn name(self) -> &'static str {
        match self {
            Self::Gini => "gini",
            Self::Entropy => "entropy",
            Self::LogLoss => "log_loss",
            Self::SquaredError => "squared_error",
            Self::FriedmanMse => "friedman_mse",
            Self::AbsoluteError => "absolute_error",
        }
    }

    /// The criterion, or what is usual, for a target of classes.
    ///
    /// # Errors
    /// For one of numbers.
    pub fn of_classes(criterion: Option<Self>) -> Result<Self, ParamError> {
        match criterion.unwrap_or(Self::Gini) {
            criterion @ (Self::Gini | Self::Entropy | Self::LogLoss) => Ok(criterion),
            other => Err(unfit(other, "classes", "gini, entropy, log_loss")),
        }
    }

    /// The criterion, or what is usual, for a target of numbers.
    ///
    /// # Errors
    /// For one of classes.
    pub fn of_numbers(criterion: Option<Self>) -> Result<Self, ParamError> {
        match criterion.unwrap_or(Self::SquaredError) {
            other @ (Self::Gini | Self::Entropy | Self::LogLoss) => {
                Err(unfit(other, "numbers", "squared_error, friedman_mse, absolute_error"))
            }
            criterion => Ok(criterion),
        }
    }

    /// Whether it is Shannon's information.
    pub(crate) fn is_entropy(self) -> bool {
        matches!(self, Self::Entropy | Self::LogLoss)
    }
}

fn unfit(criterion: Criterion, target: &str, allowed: &str) -> ParamError {
    ParamError::new("criterion", format!("{} is not for {target}", criterion.name()), allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_target_has_its_own() {
        assert_eq!(Criterion::of_classes(None), Ok(Criterion::Gini));
        assert_eq!(Criterion::of_numbers(None), Ok(Criterion::SquaredError));
        assert!(Criterion::of_classes(Some(Criterion::AbsoluteError)).is_err());
        assert!(Criterion::of_numbers(Some(Criterion::LogLoss)).is_err());
        let json = serde_json::to_value(Criterion::FriedmanMse).unwrap();
        assert_eq!(json, Criterion::FriedmanMse.name());
    }
}
