//! What is given in place of what a preset chooses.

use super::hyperparams::{GrowPolicy, Params};
use crate::param_guard::hyperparams;
use crate::{Check, ParamError};

hyperparams! {
    /// Parameters that a preset chooses where they are not given. Of several names of one, XGBoost's own come first, then those of
    /// its interface to scikit-learn.
    pub struct Overrides {
        /// Rounds of boosting; chosen by `preset` if not given.
        pub num_round: Option<u32> = None, "minimum" = 1, "maximum" = 100_000;
        /// The same as `num_round`.
        pub n_estimators: Option<u32> = None, "minimum" = 1, "maximum" = 100_000;
        /// The same as `num_round`.
        pub num_boost_round: Option<u32> = None, "minimum" = 1, "maximum" = 100_000;
        /// How much of each round's step is taken: smaller learns slower and better. Chosen by `preset` if not given.
        pub eta: Option<f64> = None, "exclusiveMinimum" = 0, "maximum" = 1;
        /// The same as `eta`.
        pub learning_rate: Option<f64> = None, "exclusiveMinimum" = 0, "maximum" = 1;
        /// Splits from the root to a leaf at the most; 0 is no limit. Chosen by `preset` if not given; `auto` takes 6 where
        /// `max_leaves` or `grow_policy` is given.
        // No limit is 512.
        pub max_depth: Option<u32> = None, "maximum" = 64;
        /// Leaves of a tree at the most; 0 is no limit. Chosen by `preset` if not given.
        pub max_leaves: Option<u32> = None;
        /// Which node is split next. Chosen by `preset` if not given.
        pub grow_policy: Option<GrowPolicy> = None;
        /// The least sum of second derivatives in a leaf; for `reg:squarederror`, of weights. Chosen by `preset` if not given.
        pub min_child_weight: Option<f64> = None, "minimum" = 0;
        /// The least rows in a leaf, as LightGBM counts them: a side's share of its node's second derivatives stands for its share
        /// of the rows. 0 is no limit. Chosen by `preset` if not given.
        pub min_data_in_leaf: Option<u32> = None;
        /// The share of rows that each round sees. Chosen by `preset` if not given; `auto` takes all where a parameter of the rounds
        /// or trees is given.
        pub subsample: Option<f64> = None, "exclusiveMinimum" = 0, "maximum" = 1;
        /// The share of columns that each tree sees. Chosen by `preset` if not given; `auto` takes all where a parameter of the
        /// rounds or trees is given.
        pub colsample_bytree: Option<f64> = None, "exclusiveMinimum" = 0, "maximum" = 1;
        /// L2 penalty on leaf values; chosen by `preset` if not given.
        pub lambda: Option<f64> = None, "minimum" = 0;
        /// The same as `lambda`.
        pub reg_lambda: Option<f64> = None, "minimum" = 0;
        /// L1 penalty on leaf values; 0 if not given.
        pub alpha: Option<f64> = None, "minimum" = 0;
        /// The same as `alpha`.
        pub reg_alpha: Option<f64> = None, "minimum" = 0;
        /// The least gain of a split; 0 if not given.
        pub gamma: Option<f64> = None, "minimum" = 0;
        /// The same as `gamma`.
        pub min_split_loss: Option<f64> = None, "minimum" = 0;
        /// Categories in the smaller part of a split at the most; chosen by `preset` if not given.
        pub max_cat_threshold: Option<u32> = None, "minimum" = 1;
    }
}

impl Overrides {
    /// As if everything had been given, so that it is held to the same ranges.
    pub(super) fn of(params: &Params) -> Self {
        Self {
            num_round: Some(params.num_round),
            eta: Some(params.eta),
            max_depth: Some(params.max_depth),
            max_leaves: Some(params.max_leaves),
            grow_policy: Some(params.grow_policy),
            min_child_weight: Some(params.min_child_weight),
            min_data_in_leaf: Some(params.min_data_in_leaf),
            subsample: Some(params.subsample),
            colsample_bytree: Some(params.colsample_bytree),
            lambda: Some(params.lambda),
            alpha: Some(params.alpha),
            gamma: Some(params.gamma),
            max_cat_threshold: Some(params.max_cat_threshold),
            ..Self::default()
        }
    }
}

impl Check for Overrides {
    fn verify(&self) -> Result<(), ParamError> {
        self.verify_ranges()
    }
}
