use crate::cart::{Criterion, Limits, MaxFeatures, limits_of};
use crate::forest::ClassWeight;
use crate::param_guard::hyperparams;
use crate::{Check, ParamError};

hyperparams! {
    /// What shapes a decision tree; names and defaults are scikit-learn's.
    pub struct Params {
        /// What splits are chosen by: `gini` (the usual one), `entropy` or `log_loss` for classes, `squared_error` (the
        /// usual one), `friedman_mse` or `absolute_error` (slower) for numbers.
        pub criterion: Option<Criterion> = None;
        /// Splits from the root to a leaf at the most; if not given, until leaves are pure.
        pub max_depth: Option<u32> = None, "minimum" = 1;
        /// Nodes of fewer rows are not split.
        pub min_samples_split: u32 = 2, "minimum" = 2;
        /// Splits that would leave fewer rows on a side are not made.
        pub min_samples_leaf: u32 = 1, "minimum" = 1;
        /// The same for the share of the weight of all rows.
        pub min_weight_fraction_leaf: f64 = 0.0, "minimum" = 0, "maximum" = 0.5;
        /// Features that a split chooses from: `sqrt`, `log2`, `all`, a number of them (2 and more), or a share of them
        /// (0 to 1). If not given: all.
        #[schemars(schema_with = "MaxFeatures::optional_schema")]
        pub max_features: Option<MaxFeatures> = None;
        /// Leaves at the most; the best splits are made first.
        pub max_leaf_nodes: Option<u32> = None, "minimum" = 2;
        /// A split that lowers the impurity by less, weighed by the node's share of the rows, is not made.
        pub min_impurity_decrease: f64 = 0.0, "minimum" = 0;
        /// How much each class counts, in the order of the codes; not [`ClassWeight::BalancedSubsample`]. Users name classes.
        #[schemars(skip)]
        pub class_weight: ClassWeight = ClassWeight::None;
        /// What a leaf costs in minimal cost-complexity pruning; 0: the tree is not pruned.
        pub ccp_alpha: f64 = 0.0, "minimum" = 0;
        /// Draws the order in which features are tried, which decides between equal splits. Users may leave it to the step.
        #[schemars(skip)]
        pub seed: u64 = 0;
    }
}

impl Params {
    pub(super) fn limits(&self) -> Limits {
        limits_of!(self)
    }
}

impl Check for Params {
    fn verify(&self) -> Result<(), ParamError> {
        self.verify_ranges()?;
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
