use crate::param_guard::within;
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

/// What shapes naive Bayes; names and defaults are scikit-learn's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    pub kind: Kind,
    /// Added to every count, so that nothing is impossible; less than 1e-10 counts as that. At least 0. Not for
    /// `gaussian`.
    pub alpha: f64,
    /// This share of the largest variance of a feature is added to every variance. At least 0. `gaussian` only.
    pub var_smoothing: f64,
    /// Values above it are a yes. `bernoulli` only.
    pub binarize: f64,
    /// How many categories each feature has at least, seen or not. `categorical` only.
    pub min_categories: Option<u32>,
    /// Whether classes are as likely as they are frequent; else all alike.
    pub fit_prior: bool,
    /// The classes' probabilities, in their order, in place of `fit_prior`: above 0, together 1.
    pub priors: Option<Vec<f64>>,
    pub class_weight: ClassWeight,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            kind: Kind::Gaussian,
            alpha: 1.0,
            var_smoothing: 1e-9,
            binarize: 0.0,
            min_categories: None,
            fit_prior: true,
            priors: None,
            class_weight: ClassWeight::None,
        }
    }
}

impl Check for Params {
    fn verify(&self) -> Result<(), ParamError> {
        within("alpha", self.alpha, 0.0..=f64::MAX)?;
        within("var_smoothing", self.var_smoothing, 0.0..=f64::MAX)?;
        within("binarize", self.binarize, f64::MIN..=f64::MAX)?;
        within("min_categories", self.min_categories.unwrap_or(1), 1..=super::discrete::MOST_CATEGORIES)?;
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
