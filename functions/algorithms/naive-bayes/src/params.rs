//! What the user may set.

use millstream_learners::{Check, Checked, naive_bayes};
use millstream_sdk::Failure;
use millstream_training::columns::{OfClasses, TargetColumns};
use millstream_training::{ClassWeights, alias, blame};
use schemars::JsonSchema;
use serde::Deserialize;

/// Names and defaults are scikit-learn's.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Params {
    #[serde(flatten)]
    pub columns: TargetColumns<OfClasses>,
    #[serde(flatten)]
    bayes: naive_bayes::Params,
    /// The same as `priors`, which `BernoulliNB`, `MultinomialNB` and `CategoricalNB` call so.
    #[serde(default)]
    class_prior: Option<Vec<f64>>,
    /// `balanced`: rare classes count as much as frequent ones. Or a weight for each class, such as
    /// `{no: 1, yes: 5}`; classes that are not named weigh 1.
    #[serde(default)]
    pub class_weight: Option<ClassWeights>,
}

impl Params {
    /// What the kernel takes.
    pub fn kernel(&self) -> Result<Checked<naive_bayes::Params>, Failure> {
        let priors =
            alias::either(("priors", self.bayes.priors.clone()), ("class_prior", self.class_prior.clone()))?;
        // Weights of classes come with those of the rows.
        naive_bayes::Params { priors, ..self.bayes.clone() }.check().map_err(blame::parameter)
    }
}
