//! What the parameters are that `preset` chooses.

use crate::names::Named;
use crate::params::Params;
use millstream_learners::gradient_boosting::{self as kernel, GrowPolicy, Preset, Size};

impl Params {
    /// The parameters that are given, and those that the preset chooses where they are not.
    pub fn chosen(&self, named: &Named, size: Size) -> kernel::Params {
        let given = &self.overrides;
        let mut chosen = self.preset.params(size);
        if self.preset == Preset::Auto {
            let grown = given.max_leaves.is_some() || given.grow_policy.is_some();
            if grown {
                // A number of leaves or an order says how large trees are; a small depth would cut both off.
                chosen.max_depth = kernel::Params::default().max_depth;
            }
            // Shares go with the other choices. Who sets rounds or trees had all rows and columns in mind.
            let set = grown
                || named.num_round.is_some()
                || named.eta.is_some()
                || given.max_depth.is_some()
                || self.learner.num_parallel_tree > 1;
            if set {
                (chosen.subsample, chosen.colsample_bytree) = (1.0, 1.0);
            }
            // Fewer rounds go as far with larger steps, up to XGBoost's.
            let fewer = named.num_round.map_or(1.0, |rounds| f64::from(chosen.num_round) / f64::from(rounds));
            chosen.eta = (chosen.eta * fewer).clamp(chosen.eta, kernel::Params::default().eta);
        }
        kernel::Params {
            num_round: named.num_round.unwrap_or(chosen.num_round),
            eta: named.eta.unwrap_or(chosen.eta),
            max_depth: given.max_depth.unwrap_or(chosen.max_depth),
            max_leaves: given.max_leaves.unwrap_or(chosen.max_leaves),
            grow_policy: given.grow_policy.unwrap_or(chosen.grow_policy),
            min_child_weight: given.min_child_weight.unwrap_or(chosen.min_child_weight),
            min_data_in_leaf: given.min_data_in_leaf.unwrap_or(chosen.min_data_in_leaf),
            subsample: given.subsample.unwrap_or(chosen.subsample),
            colsample_bytree: given.colsample_bytree.unwrap_or(chosen.colsample_bytree),
            lambda: named.lambda.unwrap_or(chosen.lambda),
            alpha: named.alpha.unwrap_or(chosen.alpha),
            gamma: named.gamma.unwrap_or(chosen.gamma),
            max_cat_threshold: given.max_cat_threshold.unwrap_or(chosen.max_cat_threshold),
            ..self.learner.clone()
        }
    }

    pub fn preset_name(&self) -> &'static str {
        self.preset.name()
    }

    /// The preset with what it decides about, for the log: what is given and what was chosen.
    pub fn settings(&self, kernel: &kernel::Params) -> String {
        let policy = match kernel.grow_policy {
            GrowPolicy::Depthwise => "depthwise",
            GrowPolicy::Lossguide => "lossguide",
        };
        format!(
            "preset {}: num_round {}, eta {}, max_depth {}, max_leaves {}, grow_policy {policy}, min_child_weight {}, \
             min_data_in_leaf {}, subsample {}, colsample_bytree {}, lambda {}, max_cat_threshold {}",
            self.preset_name(),
            kernel.num_round,
            kernel.eta,
            kernel.max_depth,
            kernel.max_leaves,
            kernel.min_child_weight,
            kernel.min_data_in_leaf,
            kernel.subsample,
            kernel.colsample_bytree,
            kernel.lambda,
            kernel.max_cat_threshold,
        )
    }
}
