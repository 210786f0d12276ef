//! What the user may set.

use millstream_learners::{Check, Checked, naive_bayes, weights};
use millstream_sdk::Failure;
use millstream_training::{ClassWeights, alias, blame};
use schemars::JsonSchema;
use serde::Deserialize;

/// Names and defaults are scikit-learn's.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Params {
    /// The column to predict: classes as text, integers or booleans.
    pub target: String,
    /// The columns to learn from; all others than target and weight if not given.
    #[serde(default)]
    pub features: Option<Vec<String>>,
    /// A column of sample weights: a row of weight 2 counts like two rows.
    #[serde(default)]
    pub weight: Option<String>,
    /// How features are distributed within a class: `gaussian` (normal), `bernoulli` (above `binarize` or not),
    /// `multinomial` (counts, such as of words), `categorical` (whole numbers from 0 that stand for categories).
    #[serde(default)]
    #[schemars(with = "String", extend("enum" = ["gaussian", "bernoulli", "multinomial", "categorical"]))]
    kind: naive_bayes::Kind,
    /// Added to every count, so that nothing is impossible; not for `gaussian`.
    #[serde(default = "one")]
    #[schemars(range(min = 0))]
    alpha: f64,
    /// This share of the largest variance of a feature is added to every variance; `gaussian` only.
    #[serde(default = "smoothing")]
    #[schemars(range(min = 0))]
    var_smoothing: f64,
    /// Values above it are a yes; `bernoulli` only.
    #[serde(default)]
    binarize: f64,
    /// How many categories each feature has at least, seen or not; `categorical` only.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_048_576))]
    min_categories: Option<u32>,
    /// Whether classes are as likely as they are frequent; else all alike.
    #[serde(default = "yes")]
    fit_prior: bool,
    /// The classes' probabilities in their order, in place of `fit_prior`.
    #[serde(default)]
    priors: Option<Vec<f64>>,
    /// The same as `priors`, which `BernoulliNB`, `MultinomialNB` and `CategoricalNB` call so.
    #[serde(default)]
    class_prior: Option<Vec<f64>>,
    /// `balanced`: rare classes count as much as frequent ones. Or a weight for each class, such as
    /// `{no: 1, yes: 5}`; classes that are not named weigh 1.
    #[serde(default)]
    pub class_weight: Option<ClassWeights>,
}

fn one() -> f64 {
    1.0
}

fn smoothing() -> f64 {
    1e-9
}

fn yes() -> bool {
    true
}

impl Params {
    /// What the kernel takes.
    pub fn kernel(&self) -> Result<Checked<naive_bayes::Params>, Failure> {
        let priors =
            alias::either(("priors", self.priors.clone()), ("class_prior", self.class_prior.clone()))?;
        let params = naive_bayes::Params {
            kind: self.kind,
            alpha: self.alpha,
            var_smoothing: self.var_smoothing,
            binarize: self.binarize,
            min_categories: self.min_categories,
            fit_prior: self.fit_prior,
            priors,
            // Weights of classes come with those of the rows.
            class_weight: weights::ClassWeight::None,
        };
        params.check().map_err(blame::parameter)
    }
}
