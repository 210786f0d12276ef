/// How far a tree grows. The methods' parameters have the ranges.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Splits from the root to a leaf at the most.
    pub max_depth: Option<u32>,
    /// Nodes of fewer rows are not split. At least 2.
    pub min_samples_split: u32,
    /// Splits that would leave fewer rows on a side are not made. At least 1.
    pub min_samples_leaf: u32,
    /// The same for the share of the weight of all rows: 0 to 0.5.
    pub min_weight_fraction_leaf: f64,
    /// Leaves at the most; the best split is made first.
    pub max_leaf_nodes: Option<u32>,
    /// A split that lowers the impurity by less, weighed by the node's share of the rows, is not made.
    pub min_impurity_decrease: f64,
    /// What a leaf costs in minimal cost-complexity pruning; 0: nothing is pruned.
    pub ccp_alpha: f64,
}

/// The limits among parameters, which have them under the same names.
macro_rules! limits_of {
    ($params:expr) => {{
        let params = $params;
        $crate::cart::Limits {
            max_depth: params.max_depth,
            min_samples_split: params.min_samples_split,
            min_samples_leaf: params.min_samples_leaf,
            min_weight_fraction_leaf: params.min_weight_fraction_leaf,
            max_leaf_nodes: params.max_leaf_nodes,
            min_impurity_decrease: params.min_impurity_decrease,
            ccp_alpha: params.ccp_alpha,
        }
    }};
}
pub(crate) use limits_of;

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_depth: None,
            min_samples_split: 2,
            min_samples_leaf: 1,
            min_weight_fraction_leaf: 0.0,
            max_leaf_nodes: None,
            min_impurity_decrease: 0.0,
            ccp_alpha: 0.0,
        }
    }
}
