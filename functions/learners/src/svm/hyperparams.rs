use crate::param_guard::{ABOVE_ZERO, FINITE, within};
use crate::weights::ClassWeight;
use crate::{Check, ParamError};
use serde::{Deserialize, Serialize};

/// How alike two rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kernel {
    /// `x . z`
    Linear,
    /// `(gamma x . z + coef0) ^ degree`
    Poly,
    /// `exp(-gamma |x - z|^2)`
    #[default]
    Rbf,
    /// `tanh(gamma x . z + coef0)`: no inner product of any space, so there may be several local optima.
    Sigmoid,
}

/// The kernel's factor.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gamma {
    /// 1 / (columns x variance of all values).
    #[default]
    Scale,
    /// 1 / columns.
    Auto,
    /// This, above 0.
    #[serde(untagged)]
    Value(f64),
}

/// What shapes a support vector machine; names and defaults are scikit-learn's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// How much errors count: smaller is a smoother model. Above 0.
    pub c: f64,
    pub kernel: Kernel,
    /// Of the polynomial. At least 1.
    pub degree: u32,
    pub gamma: Gamma,
    /// Of the polynomial and the sigmoid. Finite.
    pub coef0: f64,
    /// Regression: errors up to this cost nothing, in the target's unit. At least 0.
    pub epsilon: f64,
    /// Classification: whether to fit probabilities (Platt scaling on five folds).
    pub probability: bool,
    /// Classification: whether rare classes count as much as frequent ones.
    pub class_weight: ClassWeight,
    /// The fit ends when no pair of rows violates the conditions of the optimum by more. Above 0.
    pub tol: f64,
    /// Room for kernel values, in MB. Above 0.
    pub cache_size: f64,
    /// Steps (of two rows each) at the most; `None`: ten million, or a hundred a row if that is more.
    /// At least 1.
    pub max_iter: Option<u32>,
    /// Of the folds for the probabilities.
    pub seed: u64,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            c: 1.0,
            kernel: Kernel::Rbf,
            degree: 3,
            gamma: Gamma::Scale,
            coef0: 0.0,
            epsilon: 0.1,
            probability: false,
            class_weight: ClassWeight::None,
            tol: 1e-3,
            cache_size: 200.0,
            max_iter: None,
            seed: 0,
        }
    }
}

impl Check for Params {
    fn verify(&self) -> Result<(), ParamError> {
        within("c", self.c, (ABOVE_ZERO, FINITE))?;
        within("degree", self.degree, 1..=64)?;
        if let Gamma::Value(gamma) = self.gamma {
            within("gamma", gamma, (ABOVE_ZERO, FINITE))?;
        }
        within("coef0", self.coef0, f64::MIN..=f64::MAX)?;
        within("epsilon", self.epsilon, 0.0..=f64::MAX)?;
        within("tol", self.tol, (ABOVE_ZERO, FINITE))?;
        within("cache_size", self.cache_size, (ABOVE_ZERO, FINITE))?;
        self.max_iter.map_or(Ok(()), |steps| within("max_iter", steps, 1..))
    }
}
