use crate::param_guard::{hyperparams, within};
use crate::weights::ClassWeight;
use crate::{Check, ParamError};
use serde::{Deserialize, Serialize};

/// How features are distributed within a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Normal.
    #[default]
    Gaussian,
    /// Yes or no: a value above `binarize` is a yes.
    Bernoulli,
    /// Counts, such as of words: at least 0.
    Multinomial,
    /// Whole numbers from 0 that stand for categories.
    Categorical,
}

hyperparams! {
    /// What shapes naive Bayes; names and defaults are scikit-learn's.
    pub struct Params {
        /// How features are distributed within a class: `gaussian` (normal), `bernoulli` (above `binarize` or not),
        /// `multinomial` (counts, such as of words), `categorical` (whole numbers from 0 that stand for categories).
        #[schemars(with = "String", extend("enum" = ["gaussian", "bernoulli", "multinomial", "categorical"]))]
        pub kind: Kind = Kind::Gaussian;
        /// Added to every count, so that nothing is impossible; not for `gaussian`.
        pub alpha: f64 = 1.0, "minimum" = 0;
        /// This share of the largest variance of a feature is added to every variance; `gaussian` only.
        pub var_smoothing: f64 = 1e-9, "minimum" = 0;
        /// Values above it are a yes; `bernoulli` only.
        pub binarize: f64 = 0.0;
        /// How many categories each feature has at least, seen or not; `categorical` only.
        pub min_categories: Option<u32> = None, "minimum" = 1, "maximum" = 1_048_576;
        /// Whether classes are as likely as they are frequent; else all alike.
        pub fit_prior: bool = true;
        /// The classes' probabilities in their order, in place of `fit_prior`.
        pub priors: Option<Vec<f64>> = None;
        /// Users name classes.
        #[schemars(skip)]
        pub class_weight: ClassWeight = ClassWeight::None;
    }
}

impl Check for Params {
    fn verify(&self) -> Result<(), ParamError> {
        self.verify_ranges()?;
        within("binarize", self.binarize, f64::MIN..=f64::MAX)?;
        let Some(priors) = &self.priors else { return Ok(()) };
        let sum: f64 = priors.iter().sum();
        match priors.iter().all(|p| *p > 0.0) && (sum - 1.0).abs() < 1e-6 {
            true => Ok(()),
            false => {
                let message = format!("{priors:?} are not probabilities");
                Err(ParamError::new("priors", message, "numbers above 0 that add up to 1"))
            }
        }
    }
}

impl Params {
    /// What is added to counts.
    pub(super) fn smoothing(&self) -> f64 {
        self.alpha.max(1e-10)
    }
}
