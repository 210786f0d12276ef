use crate::param_guard::{ABOVE_ZERO, FINITE, hyperparams, within};
use crate::weights::ClassWeight;
use crate::{Check, ParamError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How alike two rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kernel {
    /// `x . z`
    Linear,
    /// `(gamma x . z + coef0) ^ degree`
    Poly,
    /// `exp(-gamma |x - z|^2)`
    #[default]
    Rbf,
    /// `tanh(gamma x . z + coef0)`
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

hyperparams! {
    /// What shapes a support vector machine; names and defaults are scikit-learn's.
    pub struct Params {
        /// How much errors count: smaller is a smoother model.
        #[serde(rename = "C")]
        pub c: f64 = 1.0, "exclusiveMinimum" = 0;
        /// How alike two rows are.
        pub kernel: Kernel = Kernel::Rbf;
        /// Of the kernel `poly`.
        pub degree: u32 = 3, "minimum" = 1, "maximum" = 64;
        /// Users may write it in words.
        #[schemars(skip)]
        pub gamma: Gamma = Gamma::Scale;
        /// Of the kernels `poly` (how much lower powers count) and `sigmoid`.
        pub coef0: f64 = 0.0;
        /// Numbers: errors up to this cost nothing, in the target's unit.
        pub epsilon: f64 = 0.1, "minimum" = 0;
        /// Classes: whether to fit probabilities (Platt scaling on five folds). Functions have another default.
        #[schemars(skip)]
        pub probability: bool = false;
        /// Users name classes.
        #[schemars(skip)]
        pub class_weight: ClassWeight = ClassWeight::None;
        /// The fit ends when no pair of rows violates the conditions of the optimum by more.
        pub tol: f64 = 1e-3, "exclusiveMinimum" = 0;
        /// Room for kernel values, in MB.
        pub cache_size: f64 = 200.0, "exclusiveMinimum" = 0, "maximum" = 2000;
        /// Steps (of two rows each) at the most; `None`: ten million, or a hundred a row if that is more. Users may write -1.
        #[schemars(skip)]
        pub max_iter: Option<u32> = None, "minimum" = 1;
        /// Of the folds for the probabilities. Users may leave it to the step.
        #[schemars(skip)]
        pub seed: u64 = 0;
    }
}

impl Check for Params {
    fn verify(&self) -> Result<(), ParamError> {
        self.verify_ranges()?;
        if let Gamma::Value(gamma) = self.gamma {
            within("gamma", gamma, (ABOVE_ZERO, FINITE))?;
        }
        within("coef0", self.coef0, f64::MIN..=f64::MAX)
    }
}
