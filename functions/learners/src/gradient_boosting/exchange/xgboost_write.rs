//! Writes XGBoost's models.

use super::super::hyperparams::Objective;
use super::super::model::Parts;
use super::super::trees::{Rule, Tree};
use super::foreign::{Categories, Encoding};
use serde_json::{Value, json};

/// The parent of a root.
const NO_PARENT: i32 = i32::MAX;

/// The version whose format this is.
const VERSION: [u32; 3] = [3, 2, 0];

/// XGBoost's number for a list of 64-bit integers.
const INTEGERS: u32 = 15;
/// Categories are below: double precision counts so far.
const MOST_CATEGORY: f64 = 9_007_199_254_740_992.0;

/// What the table is that a model is of.
#[derive(Debug, Clone, Copy, Default)]
pub struct Table<'a> {
    /// One a feature, or none at all. Left out where XGBoost takes them for no names.
    pub names: &'a [String],
    /// Features that hold categories, whether a tree asks for them or not.
    pub categorical: &'a [u32],
    /// Of features whose categories are not codes already: XGBoost reads them from a data frame then.
    pub encodings: &'a [Encoding],
}

impl Table<'_> {
    /// The names, if XGBoost takes them.
    fn names(&self, width: usize) -> &[String] {
        let mut sorted: Vec<&String> = self.names.iter().collect();
        sorted.sort();
        sorted.dedup();
        let fits = sorted.iter().all(|name| !name.is_empty() && !name.contains(['[', ']', '<']));
        if fits && sorted.len() == width { self.names } else { &[] }
    }

    /// `c` for features of categories, `float` for others; none where nothing is known of them.
    fn types(&self, parts: &Parts) -> Vec<&'static str> {
        let mut types = vec!["float"; parts.width];
        let asked = parts.trees.iter().flat_map(|tree| &tree.nodes).filter(|node| node.has_categories());
        let asked = asked.map(|node| u32::from(node.feature));
        let encoded = self.encodings.iter().map(|encoding| encoding.feature);
        let mut any = false;
        for feature in self.categorical.iter().copied().chain(encoded).chain(asked) {
            if let Some(kind) = types.get_mut(feature as usize) {
                (*kind, any) = ("c", true);
            }
        }
        if any || !self.names(parts.width).is_empty() { types } else { Vec::new() }
    }

    /// The categories of each feature, where they end in the row of all of them, and their order. None if XGBoost has no
    /// such categories, as are fractions: then the model takes codes.
    fn categories(&self, width: usize) -> Value {
        let whole = |number: &f64| number.fract() == 0.0 && number.abs() < MOST_CATEGORY;
        let known = self.encodings.iter().all(|encoding| match &encoding.categories {
            Categories::Text(_) => true,
            Categories::Numbers(numbers) => numbers.iter().all(whole),
        });
        if self.encodings.is_empty() || !known {
            return json!({"enc": [], "feature_segments": [], "sorted_idx": []});
        }
        let (mut known, mut ends, mut order) = (Vec::new(), vec![0], Vec::new());
        for feature in 0..width as u32 {
            let own = self.encodings.iter().find(|encoding| encoding.feature == feature);
            let (own, mut sorted) = match own.map(|encoding| &encoding.categories) {
                None => (json!({"offsets": [], "values": []}), Vec::new()),
                Some(Categories::Text(texts)) => {
                    let mut sorted: Vec<usize> = (0..texts.len()).collect();
                    sorted.sort_by_key(|&place| texts[place].as_bytes());
                    (of_texts(texts), sorted)
                }
                Some(Categories::Numbers(numbers)) => {
                    let mut sorted: Vec<usize> = (0..numbers.len()).collect();
                    sorted.sort_by(|&a, &b| numbers[a].total_cmp(&numbers[b]));
                    let integers: Vec<i64> = numbers.iter().map(|&number| number as i64).collect();
                    (json!({"type": INTEGERS, "values": integers}), sorted)
                }
            };
            known.push(own);
            order.append(&mut sorted);
            ends.push(order.len());
        }
        json!({"enc": known, "feature_segments": ends, "sorted_idx": order})
    }
}

/// Says of texts beyond ASCII that offsets are bytes: in files of XGBoost of this version they may be characters. XGBoost passes
/// over it, and does not write it again.
pub(super) const OFFSET_UNIT: &str = "offset_unit";

/// Texts one behind the other, and where each begins and the last one ends. Bytes are signed there.
fn of_texts(texts: &[String]) -> Value {
    let mut offsets = if texts.is_empty() { vec![] } else { vec![0] };
    let mut end = 0;
    offsets.extend(texts.iter().map(|text| {
        end += text.len();
        end
    }));
    let bytes: Vec<i8> = texts.iter().flat_map(|text| text.bytes()).map(|byte| byte as i8).collect();
    match texts.iter().all(|text| text.is_ascii()) {
        true => json!({"offsets": offsets, "values": bytes}),
        false => json!({"offsets": offsets, "values": bytes, OFFSET_UNIT: "byte"}),
    }
}

pub(super) fn document(parts: &Parts, table: &Table) -> Value {
    let slots = parts.base.len();
    let trees: Vec<Value> =
        parts.trees.iter().enumerate().map(|(id, own)| tree(own, id, parts.width)).collect();
    let parallel = (trees.len() / (parts.rounds * slots).max(1)).max(1);
    let rounds = trees.len() / (slots * parallel);
    let ends: Vec<usize> = (0..=rounds).map(|round| round * slots * parallel).collect();
    let scores: Vec<String> =
        parts.base.iter().map(|&base| format!("{:E}", score_of(parts.objective, base) as f32)).collect();
    let classes = if parts.objective == Objective::MultiSoftprob { slots } else { 0 };
    json!({
        "learner": {
            "attributes": {},
            "feature_names": table.names(parts.width),
            "feature_types": table.types(parts),
            "gradient_booster": {
                "model": {
                    "cats": table.categories(parts.width),
                    "gbtree_model_param": {
                        "num_parallel_tree": parallel.to_string(),
                        "num_trees": trees.len().to_string(),
                    },
                    "iteration_indptr": ends,
                    "tree_info": parts.slots,
                    "trees": trees,
                },
                "name": "gbtree",
            },
            "learner_model_param": {
                "base_score": format!("[{}]", scores.join(",")),
                "boost_from_average": "1",
                "num_class": classes.to_string(),
                "num_feature": parts.width.to_string(),
                "num_target": "1",
            },
            "objective": objective(parts, classes),
        },
        "version": VERSION,
    })
}

/// XGBoost's base score is a prediction, but for several classes.
fn score_of(objective: Objective, base: f64) -> f64 {
    if objective == Objective::MultiSoftprob { base } else { objective.prediction_of(base) }
}

fn objective(parts: &Parts, classes: usize) -> Value {
    let name = parts.objective.name();
    let shape = parts.shape.to_string();
    match parts.objective {
        Objective::MultiSoftprob => {
            json!({"name": name, "softmax_multiclass_param": {"num_class": classes.to_string()}})
        }
        Objective::AbsoluteError | Objective::SquaredLogError => json!({"name": name}),
        Objective::PseudoHuberError => json!({"name": name, "pseudo_huber_param": {"huber_slope": shape}}),
        Objective::QuantileError => {
            json!({"name": name, "quantile_loss_param": {"quantile_alpha": format!("[{shape}]")}})
        }
        Objective::Poisson => json!({"name": name, "poisson_regression_param": {"max_delta_step": "0.7"}}),
        Objective::Tweedie => {
            json!({"name": name, "tweedie_regression_param": {"tweedie_variance_power": shape}})
        }
        Objective::RankNdcg | Objective::RankPairwise => json!({
            "lambdarank_param": {
                "lambdarank_bias_norm": "1",
                "lambdarank_normalization": "1",
                "lambdarank_num_pair_per_sample": "4294967295",
                "lambdarank_pair_method": "topk",
                "lambdarank_score_normalization": "1",
                "lambdarank_unbiased": "0",
                "ndcg_exp_gain": "1",
            },
            "name": name,
        }),
        _ => json!({"name": name, "reg_loss_param": {"scale_pos_weight": "1"}}),
    }
}

fn tree(tree: &Tree, id: usize, width: usize) -> Value {
    let size = tree.nodes.len();
    let mut weights = tree.values.clone();
    let mut parents = vec![NO_PARENT; size];
    let [mut left, mut right] = [vec![-1i32; size], vec![-1i32; size]];
    let mut conditions = tree.values.clone();
    let mut features = vec![0; size];
    let [mut default_left, mut kinds] = [vec![0u8; size], vec![0u8; size]];
    let (mut categories, mut nodes, mut starts, mut sizes) = (vec![], vec![], vec![], vec![]);
    for (at, node) in tree.nodes.iter().enumerate().filter(|(_, node)| !node.is_leaf()) {
        let child = node.child as usize;
        (left[at], right[at]) = (child as i32, child as i32 + 1);
        (parents[child], parents[child + 1]) = (at as i32, at as i32);
        features[at] = node.feature;
        default_left[at] = u8::from(node.missing_left());
        match tree.rule(node) {
            Rule::Below(threshold) => conditions[at] = as_single(threshold),
            Rule::Categories(set) => {
                kinds[at] = 1;
                nodes.push(at);
                starts.push(categories.len());
                let bits = (0..set.len() * 32).filter(|code| set[code / 32] >> (code % 32) & 1 == 1);
                categories.extend(bits);
                sizes.push(categories.len() - starts[starts.len() - 1]);
            }
        }
    }
    // Splits weigh what their leaves do on the mean.
    for (at, node) in tree.nodes.iter().enumerate().rev().filter(|(_, node)| !node.is_leaf()) {
        let child = node.child as usize;
        let covers = [tree.covers[child], tree.covers[child + 1]];
        let total = covers[0] + covers[1];
        let share = if total > 0.0 { covers[0] / total } else { 0.5 };
        weights[at] = share * weights[child] + (1.0 - share) * weights[child + 1];
    }
    json!({
        "base_weights": weights,
        "categories": categories,
        "categories_nodes": nodes,
        "categories_segments": starts,
        "categories_sizes": sizes,
        "default_left": default_left,
        "id": id,
        "left_children": left,
        "loss_changes": tree.gains,
        "parents": parents,
        "right_children": right,
        "split_conditions": conditions,
        "split_indices": features,
        "split_type": kinds,
        "sum_hessian": tree.covers,
        "tree_param": {
            "num_deleted": "0",
            "num_feature": width.to_string(),
            "num_nodes": size.to_string(),
            "size_leaf_vector": "1",
        },
    })
}

/// The lowest number in single precision that is not below: it parts numbers of single precision in the same way.
fn as_single(threshold: f64) -> f32 {
    let rounded = threshold as f32;
    let single = if f64::from(rounded) < threshold { rounded.next_up() } else { rounded };
    single.clamp(f32::MIN, f32::MAX)
}
