use crate::cart::{Criterion, Limits, MaxFeatures, MaxSamples};
use crate::forest::{ClassWeight, Options};
use crate::{Check, ParamError};
use serde::{Deserialize, Serialize};

/// What shapes a forest of extra trees; names and defaults are scikit-learn's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// Trees: more are steadier, and cost in proportion. At least 1.
    pub n_estimators: u32,
    /// What splits are chosen by; none: Gini's index for classes, the squared error for numbers.
    pub criterion: Option<Criterion>,
    /// Splits from the root to a leaf at the most; none: until leaves are pure.
    pub max_depth: Option<u32>,
    /// Nodes of fewer rows are not split. At least 2.
    pub min_samples_split: u32,
    /// Splits that would leave fewer rows on a side are not made. At least 1.
    pub min_samples_leaf: u32,
    /// The same for the share of the weight of a tree's rows: 0 to 0.5.
    pub min_weight_fraction_leaf: f64,
    /// Features that a split chooses from; none: the square root for classes, all for numbers.
    pub max_features: Option<MaxFeatures>,
    /// Leaves of a tree at the most; the best splits are made first.
    pub max_leaf_nodes: Option<u32>,
    /// A split that lowers the impurity by less, weighed by the node's share of the rows, is not made.
    pub min_impurity_decrease: f64,
    /// Whether each tree sees a sample drawn with replacement, or all rows.
    pub bootstrap: bool,
    /// The size of the sample; none: as many rows as there are. Needs `bootstrap`.
    pub max_samples: Option<MaxSamples>,
    /// Whether to score each row by the trees that did not see it. Needs `bootstrap`.
    pub oob_score: bool,
    /// How much each class counts.
    pub class_weight: ClassWeight,
    /// What a leaf costs in minimal cost-complexity pruning; 0: trees are not pruned.
    pub ccp_alpha: f64,
    /// Bins a feature is cut into at the most: 2 to 255.
    pub max_bin: u32,
    pub seed: u64,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            n_estimators: 100,
            criterion: None,
            max_depth: None,
            min_samples_split: 2,
            min_samples_leaf: 1,
            min_weight_fraction_leaf: 0.0,
            max_features: None,
            max_leaf_nodes: None,
            min_impurity_decrease: 0.0,
            bootstrap: false,
            max_samples: None,
            oob_score: false,
            class_weight: ClassWeight::None,
            ccp_alpha: 0.0,
            max_bin: 255,
            seed: 0,
        }
    }
}

impl Params {
    pub(super) fn options(&self) -> Options {
        Options {
            n_estimators: self.n_estimators,
            criterion: self.criterion,
            limits: Limits {
                max_depth: self.max_depth,
                min_samples_split: self.min_samples_split,
                min_samples_leaf: self.min_samples_leaf,
                min_weight_fraction_leaf: self.min_weight_fraction_leaf,
                max_leaf_nodes: self.max_leaf_nodes,
                min_impurity_decrease: self.min_impurity_decrease,
                ccp_alpha: self.ccp_alpha,
            },
            max_features: self.max_features,
            bootstrap: self.bootstrap,
            max_samples: self.max_samples,
            oob_score: self.oob_score,
            class_weight: self.class_weight.clone(),
            max_bin: self.max_bin,
            seed: self.seed,
        }
    }
}

impl From<Options> for Params {
    fn from(options: Options) -> Self {
        let limits = options.limits;
        Self {
            n_estimators: options.n_estimators,
            criterion: options.criterion,
            max_depth: limits.max_depth,
            min_samples_split: limits.min_samples_split,
            min_samples_leaf: limits.min_samples_leaf,
            min_weight_fraction_leaf: limits.min_weight_fraction_leaf,
            max_features: options.max_features,
            max_leaf_nodes: limits.max_leaf_nodes,
            min_impurity_decrease: limits.min_impurity_decrease,
            bootstrap: options.bootstrap,
            max_samples: options.max_samples,
            oob_score: options.oob_score,
            class_weight: options.class_weight,
            ccp_alpha: limits.ccp_alpha,
            max_bin: options.max_bin,
            seed: options.seed,
        }
    }
}

impl Check for Params {
    fn verify(&self) -> Result<(), ParamError> {
        self.options().verify()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_need_bootstrap() {
        assert!(Params::default().check().is_ok());
        let bad = [
            Params { bootstrap: false, oob_score: true, ..Params::default() },
            Params { bootstrap: false, max_samples: Some(MaxSamples::Count(9)), ..Params::default() },
            Params { n_estimators: 0, ..Params::default() },
            Params { max_bin: 256, ..Params::default() },
            Params { max_features: Some(MaxFeatures::Share(1.5)), ..Params::default() },
            Params { criterion: Some(Criterion::AbsoluteError), ..Params::default() },
            Params { ccp_alpha: -1.0, ..Params::default() },
        ];
        let names = bad.map(|params| params.check().unwrap_err().name);
        let expected =
            ["oob_score", "max_samples", "n_estimators", "max_bin", "max_features", "criterion", "ccp_alpha"];
        assert_eq!(names, expected);
    }
}
