use super::splitter::Search;
use crate::cart::{Criterion, Limits, MaxFeatures, MaxSamples, limits_of};
use crate::param_guard::hyperparams;
use crate::weights::balanced;
use crate::{Check, Error, ParamError};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;

/// How much each class counts.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassWeight {
    /// Every row counts alike.
    #[default]
    None,
    /// Every class counts alike: a row of class `c` weighs `rows / (classes * rows of c)`, rows counted by their weights.
    Balanced,
    /// The same, counted in each tree's sample.
    BalancedSubsample,
    /// What a row of each class weighs.
    Given(Vec<f64>),
}

impl ClassWeight {
    pub(crate) fn verify(&self) -> Result<(), ParamError> {
        let Self::Given(weights) = self else { return Ok(()) };
        match weights.iter().find(|w| !w.is_finite() || **w < 0.0) {
            None => Ok(()),
            Some(bad) => Err(ParamError::new(
                "class_weight",
                format!("{bad} is not a weight"),
                "finite numbers of at least 0",
            )),
        }
    }

    /// What a row of each class weighs: `sums` are what the rows of each weigh, in the table or in a tree's sample.
    pub(crate) fn of(&self, sums: &[f64]) -> Result<Option<Vec<f64>>, Error> {
        match self {
            Self::None => Ok(None),
            Self::Balanced | Self::BalancedSubsample => Ok(Some(balanced(sums))),
            Self::Given(weights) if weights.len() == sums.len() => Ok(Some(weights.clone())),
            Self::Given(weights) => {
                let message = format!("{} weights do not go with {} classes", weights.len(), sums.len());
                Err(ParamError::new("class_weight", message, "one weight a class").into())
            }
        }
    }
}

/// A kind of forest: what tells it from the others.
pub trait Kind: std::fmt::Debug + Clone + PartialEq + Default + 'static {
    /// How splits are found.
    const SEARCH: Search;
    /// Whether trees see samples unless said otherwise.
    const BOOTSTRAP: bool;
}

hyperparams! {
    /// What shapes a forest; names and defaults are scikit-learn's.
    #[serde(bound = "")]
    #[schemars(bound = "K: Kind", rename = "Params")]
    pub struct Params<K: Kind> {
        /// Trees: more are steadier, and cost in proportion.
        pub n_estimators: u32 = 100, "minimum" = 1, "maximum" = 100_000;
        /// What splits are chosen by: `gini` (the usual one), `entropy` or `log_loss` for classes, `squared_error` (the
        /// usual one) or `friedman_mse` for numbers.
        #[schemars(schema_with = "criterion")]
        pub criterion: Option<Criterion> = None;
        /// Splits from the root to a leaf at the most; if not given, until leaves are pure.
        pub max_depth: Option<u32> = None, "minimum" = 1;
        /// Nodes of fewer rows are not split.
        pub min_samples_split: u32 = 2, "minimum" = 2;
        /// Splits that would leave fewer rows on a side are not made.
        pub min_samples_leaf: u32 = 1, "minimum" = 1;
        /// The same for the share of the weight of a tree's rows.
        pub min_weight_fraction_leaf: f64 = 0.0, "minimum" = 0, "maximum" = 0.5;
        /// Features that a split chooses from: `sqrt`, `log2`, `all`, a number of them (2 and more), or a share of them
        /// (0 to 1). If not given: `sqrt` for classes, `all` for numbers.
        #[schemars(schema_with = "MaxFeatures::optional_schema")]
        pub max_features: Option<MaxFeatures> = None;
        /// Leaves of a tree at the most; the best splits are made first.
        pub max_leaf_nodes: Option<u32> = None, "minimum" = 2;
        /// A split that lowers the impurity by less, weighed by the node's share of the rows, is not made.
        pub min_impurity_decrease: f64 = 0.0, "minimum" = 0;
        /// Whether each tree sees rows drawn with replacement, by their weights and those of their classes, or all rows.
        pub bootstrap: bool = K::BOOTSTRAP;
        /// How many rows each tree draws: a number (2 and more), or a share of the rows (0 to 1). If not given: as many as
        /// have weight. Needs `bootstrap`.
        #[schemars(schema_with = "MaxSamples::optional_schema")]
        pub max_samples: Option<MaxSamples> = None;
        /// Whether to score each row by the trees that did not see it; rows count by their weights. Needs `bootstrap`.
        pub oob_score: bool = false;
        /// How much each class counts, in the order of the codes. Users name classes.
        #[schemars(skip)]
        pub class_weight: ClassWeight = ClassWeight::None;
        /// What a leaf costs in minimal cost-complexity pruning; 0: trees are not pruned.
        pub ccp_alpha: f64 = 0.0, "minimum" = 0;
        /// Bins that a feature is cut into at the most.
        pub max_bin: u32 = 255, "minimum" = 2, "maximum" = 255;
        /// Draws samples and features. Users may leave it to the step.
        #[schemars(skip)]
        pub seed: u64 = 0;
        #[serde(skip)]
        #[schemars(skip)]
        pub kind: PhantomData<K> = PhantomData;
    }
}

/// What splits of a forest's trees may be chosen by: all but `absolute_error`.
fn criterion(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "anyOf": [
            { "enum": ["gini", "entropy", "log_loss", "squared_error", "friedman_mse"] },
            { "type": "null" },
        ]
    })
}

impl<K: Kind> Params<K> {
    pub(super) fn limits(&self) -> Limits {
        limits_of!(self)
    }
}

impl<K: Kind> Check for Params<K> {
    fn verify(&self) -> Result<(), ParamError> {
        self.verify_ranges()?;
        self.max_features.map_or(Ok(()), MaxFeatures::verify)?;
        self.max_samples.map_or(Ok(()), MaxSamples::verify)?;
        self.class_weight.verify()?;
        if self.criterion == Some(Criterion::AbsoluteError) {
            let allowed = "gini, entropy, log_loss, squared_error, friedman_mse";
            return Err(ParamError::new("criterion", "absolute_error is for single trees", allowed));
        }
        let without = |name| {
            let message = "without bootstrap every tree sees every row";
            Err(ParamError::new(name, message, "bootstrap: true, or leave it out"))
        };
        match self.bootstrap {
            false if self.oob_score => without("oob_score"),
            false if self.max_samples.is_some() => without("max_samples"),
            false if self.class_weight == ClassWeight::BalancedSubsample => without("class_weight"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_weigh_alike() {
        assert_eq!(ClassWeight::Balanced.of(&[3.0, 1.0]).unwrap().unwrap(), [2.0 / 3.0, 2.0]);
        assert_eq!(ClassWeight::BalancedSubsample.of(&[4.0, 0.0]).unwrap().unwrap(), [0.5, 1.0]);
        assert_eq!(ClassWeight::None.of(&[1.0, 1.0]).unwrap(), None);
        assert!(ClassWeight::Given(vec![1.0]).of(&[1.0, 1.0]).is_err());
        assert!(ClassWeight::Given(vec![1.0, -1.0]).verify().is_err());
    }

    #[derive(Debug, Clone, PartialEq, Default)]
    struct Sampled;

    impl Kind for Sampled {
        const SEARCH: Search = Search::Best;
        const BOOTSTRAP: bool = true;
    }

    #[test]
    fn samples_need_bootstrap() {
        assert!(Params::<Sampled>::default().check().is_ok());
        let bad = [
            Params { bootstrap: false, oob_score: true, ..Params::<Sampled>::default() },
            Params {
                bootstrap: false,
                max_samples: Some(MaxSamples::Count(9)),
                ..Params::<Sampled>::default()
            },
            Params { n_estimators: 0, ..Params::<Sampled>::default() },
            Params { max_bin: 256, ..Params::<Sampled>::default() },
            Params { max_features: Some(MaxFeatures::Share(1.5)), ..Params::<Sampled>::default() },
            Params { criterion: Some(Criterion::AbsoluteError), ..Params::<Sampled>::default() },
            Params { ccp_alpha: -1.0, ..Params::<Sampled>::default() },
        ];
        let names = bad.map(|params| params.check().unwrap_err().name);
        let expected =
            ["oob_score", "max_samples", "n_estimators", "max_bin", "max_features", "criterion", "ccp_alpha"];
        assert_eq!(names, expected);
    }
}
