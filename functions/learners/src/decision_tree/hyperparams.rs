use crate::cart::{Criterion, Limits, MaxFeatures, limits_of};
use crate::forest::ClassWeight;
use crate::{Check, ParamError};
use serde::{Deserialize, Serialize};

/// What shapes a decision tree; names and defaults are scikit-learn's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// What splits are chosen by; none: Gini's index for classes, the squared error for numbers.
    pub criterion: Option<Criterion>,
    /// Splits from the root to a leaf at the most; none: until leaves are pure.
    pub max_depth: Option<u32>,
    /// Nodes of fewer rows are not split. At least 2.
    pub min_samples_split: u32,
    /// Splits that would leave fewer rows on a side are not made. At least 1.
    pub min_samples_leaf: u32,
    /// The same for the share of the weight of all rows: 0 to 0.5.
    pub min_weight_fraction_leaf: f64,
    /// Features that a split chooses from; none: all.
    pub max_features: Option<MaxFeatures>,
    /// Leaves at the most; the best splits are made first.
    pub max_leaf_nodes: Option<u32>,
    /// A split that lowers the impurity by less, weighed by the node's share of the rows, is not made.
    pub min_impurity_decrease: f64,
    /// How much each class counts; not [`ClassWeight::BalancedSubsample`].
    pub class_weight: ClassWeight,
    /// What a leaf costs in minimal cost-complexity pruning; 0: the tree is not pruned.
    pub ccp_alpha: f64,
    /// Draws the order in which features are tried, which decides between equal splits.
    pub seed: u64,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            criterion: None,
            max_depth: None,
            min_samples_split: 2,
            min_samples_leaf: 1,
            min_weight_fraction_leaf: 0.0,
            max_features: None,
            max_leaf_nodes: None,
            min_impurity_decrease: 0.0,
            class_weight: ClassWeight::None,
            ccp_alpha: 0.0,
            seed: 0,
        }
    }
}

impl Params {
    pub(super) fn limits(&self) -> Limits {
        limits_of!(self)
    }
}

impl Check for Params {
    fn verify(&self) -> Result<(), ParamError> {
        self.limits().verify()?;
        self.max_features.map_or(Ok(()), MaxFeatures::verify)?;
        self.class_weight.verify()?;
        match self.class_weight {
            ClassWeight::BalancedSubsample => Err(ParamError::new(
                "class_weight",
                "balanced_subsample is for forests, whose trees see samples",
                "balanced, or a weight a class",
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_ones_are_named() {
        assert!(Params::default().check().is_ok());
        let bad = [
            Params { max_depth: Some(0), ..Params::default() },
            Params { max_features: Some(MaxFeatures::Count(0)), ..Params::default() },
            Params { class_weight: ClassWeight::BalancedSubsample, ..Params::default() },
            Params { class_weight: ClassWeight::Given(vec![f64::NAN, 1.0]), ..Params::default() },
        ];
        let names = bad.map(|params| params.check().unwrap_err().name);
        assert_eq!(names, ["max_depth", "max_features", "class_weight", "class_weight"]);
    }
}
