//! Reads XGBoost's models.

use super::super::hyperparams::Objective;
use super::super::model::{GradientBoosting, Parts};
use super::super::trees::{Rule, Tree};
use super::foreign::{Categories, Encoding};
use super::outline::{self, Outline};
use super::xgboost_write::OFFSET_UNIT;
use crate::{Error, shown};
use serde_json::Value;

fn refuse(what: impl Into<String>) -> Error {
    Error::data(what)
}

/// Something in a model, with the way to it.
fn at<'a>(value: &'a Value, path: &str) -> Result<&'a Value, Error> {
    path.split('/').try_fold(value, |value, key| {
        value.get(key).ok_or_else(|| refuse(format!("no model of XGBoost: `{path}` is missing")))
    })
}

/// A number, which parameters are written as text.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => text.trim().trim_start_matches('[').trim_end_matches(']').parse().ok(),
        Value::Bool(value) => Some(f64::from(u8::from(*value))),
        other => other.as_f64(),
    }
}

fn number_at(value: &Value, path: &str) -> Result<f64, Error> {
    let bad = || refuse(format!("no model of XGBoost: `{path}` is no number"));
    number(at(value, path)?).filter(|number| number.is_finite()).ok_or_else(bad)
}

fn count_at(value: &Value, path: &str) -> Result<usize, Error> {
    let number = number_at(value, path)?;
    if number.fract() == 0.0 && (0.0..=2_147_483_647.0).contains(&number) {
        return Ok(number as usize);
    }
    Err(refuse(format!("no model of XGBoost: `{path}` is {}", shown(number))))
}

fn list<'a>(value: &'a Value, path: &str) -> Result<&'a [Value], Error> {
    let items = at(value, path)?.as_array();
    items.map(Vec::as_slice).ok_or_else(|| refuse(format!("no model of XGBoost: `{path}` is no list")))
}

/// A list of numbers; none where it may be left out and is.
fn numbers(value: &Value, path: &str, needed: bool) -> Result<Vec<f64>, Error> {
    if !needed && value.get(path).is_none() {
        return Ok(Vec::new());
    }
    let bad = || refuse(format!("no model of XGBoost: `{path}` holds no numbers"));
    list(value, path)?.iter().map(|item| number(item).ok_or_else(bad)).collect()
}

pub(super) fn model(document: &Value) -> Result<GradientBoosting, Error> {
    let learner = at(document, "learner")?;
    let (objective, shape) = objective(learner)?;
    let booster = at(learner, "gradient_booster")?;
    let (booster, drops) = match at(booster, "name")?.as_str() {
        Some("gbtree") => (booster, Vec::new()),
        Some("dart") => (at(booster, "gbtree")?, numbers(booster, "weight_drop", true)?),
        name => return Err(refuse(format!("the booster `{}` has no trees", name.unwrap_or("?")))),
    };
    let width = count_at(learner, "learner_model_param/num_feature")?;
    outline::check_width(width)?;
    let classes = count_at(learner, "learner_model_param/num_class")?;
    let targets = learner.get("learner_model_param").and_then(|param| param.get("num_target"));
    if targets.and_then(number).is_some_and(|targets| targets > 1.0) {
        return Err(refuse("the model predicts several targets"));
    }
    let slots = if objective == Objective::MultiSoftprob { classes } else { 1 };
    if objective == Objective::MultiSoftprob && !(2..=usize::from(u16::MAX)).contains(&slots) {
        return Err(refuse(format!("the model has {slots} classes")));
    }
    let model = at(booster, "model")?;
    let foreign = list(model, "trees")?;
    let slot_of = numbers(model, "tree_info", true)?;
    let fits = slot_of.iter().all(|&slot| slot >= 0.0 && slot < slots as f64 && slot.fract() == 0.0);
    if slot_of.len() != foreign.len() || !fits || !(drops.is_empty() || drops.len() == foreign.len()) {
        return Err(refuse("no model of XGBoost: trees and what is said of them differ in number"));
    }
    let (mut trees, mut room) = (Vec::with_capacity(foreign.len()), MOST_WORDS);
    for (number, foreign) in foreign.iter().enumerate() {
        trees.push(tree(foreign, width, drops.get(number).copied().unwrap_or(1.0), &mut room)?);
    }
    let parallel = number_at(model, "gbtree_model_param/num_parallel_tree").unwrap_or(1.0).max(1.0);
    Ok(GradientBoosting::new(Parts {
        width,
        objective,
        shape,
        base: base(learner, objective, slots)?,
        slots: slot_of.iter().map(|&slot| slot as u32).collect(),
        rounds: trees.len() / slots / parallel as usize,
        trees,
        best_iteration: None,
    }))
}

/// How many rounds scikit-learn's interface predicts with: those up to the best, if it stopped early.
pub(super) fn rounds_of_scikit_learn(document: &Value) -> Option<usize> {
    let attributes = document.get("learner")?.get("attributes")?;
    attributes.get("scikit_learn")?;
    let best = number(attributes.get("best_iteration")?)?;
    (best >= 0.0 && best.fract() == 0.0).then_some(best as usize + 1)
}

/// The features' names, none if there are none, and their categories.
pub(super) fn columns(document: &Value, width: usize) -> Result<(Vec<String>, Vec<Encoding>), Error> {
    let learner = at(document, "learner")?;
    let names = learner.get("feature_names").and_then(Value::as_array).map_or(&[] as &[_], Vec::as_slice);
    let names: Vec<String> = names.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    if !names.is_empty() && names.len() != width {
        return Err(refuse(format!("no model of XGBoost: {} names for {width} features", names.len())));
    }
    let booster = at(learner, "gradient_booster")?;
    let model = booster.get("model").or_else(|| booster.get("gbtree")?.get("model"));
    let known = model.and_then(|model| model.get("cats")?.get("enc")?.as_array());
    let known = known.map_or(&[] as &[_], Vec::as_slice);
    if known.len() > width {
        return Err(refuse("no model of XGBoost: there are categories for more features than it has"));
    }
    let mut encodings = Vec::new();
    for (feature, own) in known.iter().enumerate() {
        if !offsets_are_right(document, own) {
            let name = names.get(feature).map_or_else(|| feature.to_string(), |name| format!("`{name}`"));
            return Err(refuse(format!(
                "names of categories of feature {name} go beyond ASCII: XGBoost 3.1 and 3.2 count characters where they write \
                 bytes, so that the file does not say which name is which category (mended in XGBoost 3.3); train with 3.3 or \
                 newer, or give the categories names in ASCII or codes"
            )));
        }
        let categories = categories(own).ok_or_else(|| {
            refuse(format!("no model of XGBoost: the categories of feature {feature} cannot be read"))
        })?;
        let empty = matches!(&categories, Categories::Numbers(numbers) if numbers.is_empty());
        if !empty && !categories.are_codes() {
            // XGBoost refuses what it has not seen, too.
            encodings.push(Encoding { feature: feature as u32, categories, unknown_is_missing: false });
        }
    }
    Ok((names, encodings))
}

/// In XGBoost's files before this version texts beyond ASCII may lie elsewhere than is said, and the last ones are cut off; which
/// they are cannot be told, as names in other places may be names too.
const OFFSETS_ARE_BYTES: (u64, u64) = (3, 3);

/// Whether the texts lie where the file says that they do.
fn offsets_are_right(document: &Value, own: &Value) -> bool {
    let beyond = |byte: &Value| byte.as_i64().is_none_or(|byte| !(0..128).contains(&byte));
    let values = own.get("values").and_then(Value::as_array).map_or(&[] as &[_], Vec::as_slice);
    if own.get("offsets").is_none() || !values.iter().any(beyond) || own.get(OFFSET_UNIT).is_some() {
        return true;
    }
    let part = |place: usize| document.get("version")?.get(place)?.as_u64();
    part(0).zip(part(1)).is_some_and(|version| version >= OFFSETS_ARE_BYTES)
}

/// Texts lie one behind the other, with where each begins and the last one ends; numbers are a list.
fn categories(own: &Value) -> Option<Categories> {
    let values = own.get("values")?.as_array()?;
    let Some(offsets) = own.get("offsets") else { return Categories::of_json(values) };
    let offsets: Vec<usize> =
        offsets.as_array()?.iter().map(|v| v.as_u64().map(|v| v as usize)).collect::<Option<_>>()?;
    // Bytes are signed there.
    let bytes: Vec<u8> = values.iter().map(|v| v.as_i64().map(|v| v as u8)).collect::<Option<_>>()?;
    let text = |pair: &[usize]| String::from_utf8(bytes.get(pair[0]..pair[1])?.to_vec()).ok();
    let texts: Vec<String> = offsets.windows(2).map(text).collect::<Option<_>>()?;
    Some(if texts.is_empty() { Categories::Numbers(Vec::new()) } else { Categories::Text(texts) })
}

fn objective(learner: &Value) -> Result<(Objective, f64), Error> {
    let objective = at(learner, "objective")?;
    let name = at(objective, "name")?.as_str().unwrap_or_default();
    let known = match name {
        "multi:softmax" => Some(Objective::MultiSoftprob),
        "rank:map" => Some(Objective::RankNdcg),
        "reg:linear" => Some(Objective::SquaredError),
        _ => Objective::ALL.into_iter().find(|objective| objective.name() == name),
    };
    let known = known.ok_or_else(|| {
        let names = Objective::ALL.map(Objective::name).join(", ");
        refuse(format!("the objective `{name}` is not known; known: {names}"))
    })?;
    let shape = match known {
        Objective::QuantileError => number_at(objective, "quantile_loss_param/quantile_alpha")
            .map_err(|_| refuse("the model predicts several quantiles"))?,
        Objective::PseudoHuberError => number_at(objective, "pseudo_huber_param/huber_slope")?,
        Objective::Tweedie => number_at(objective, "tweedie_regression_param/tweedie_variance_power")?,
        _ => 0.0,
    };
    Ok((known, shape))
}

/// The margins before the first tree.
fn base(learner: &Value, objective: Objective, slots: usize) -> Result<Vec<f64>, Error> {
    let score = at(learner, "learner_model_param/base_score")?;
    let bad = || refuse("no model of XGBoost: `base_score` is no number");
    let scores: Vec<f64> = match score {
        Value::String(text) if text.starts_with('[') => serde_json::from_str(text).map_err(|_| bad())?,
        Value::Array(items) => {
            items.iter().map(|item| number(item).ok_or_else(bad)).collect::<Result<_, _>>()?
        }
        other => vec![number(other).ok_or_else(bad)?],
    };
    let scores = if scores.len() == 1 { scores.repeat(slots) } else { scores };
    let margin = |&score: &f64| match objective {
        _ if objective.is_logistic() && score > 0.0 && score < 1.0 => libm::log(score / (1.0 - score)),
        _ => objective.margin_of(score),
    };
    if scores.len() != slots || scores.iter().any(|score| !score.is_finite()) {
        return Err(bad());
    }
    Ok(scores.iter().map(margin).collect())
}

/// Words of 32 categories that a model's sets take at the most: a short file can ask for long sets.
const MOST_WORDS: usize = 1 << 24;

/// Reads a tree whose leaves count `weight` times. Its sets take from the `room` that is left.
fn tree(foreign: &Value, width: usize, weight: f64, room: &mut usize) -> Result<Tree, Error> {
    let left = numbers(foreign, "left_children", true)?;
    let right = numbers(foreign, "right_children", true)?;
    let features = numbers(foreign, "split_indices", true)?;
    let conditions = numbers(foreign, "split_conditions", true)?;
    let default_left = numbers(foreign, "default_left", true)?;
    let gains = numbers(foreign, "loss_changes", true)?;
    let covers = numbers(foreign, "sum_hessian", true)?;
    let kinds = numbers(foreign, "split_type", false)?;
    let size = left.len();
    let lists = [&right, &features, &conditions, &default_left, &gains, &covers];
    if lists.iter().any(|list| list.len() != size) || !(kinds.is_empty() || kinds.len() == size) {
        return Err(refuse(
            "no model of XGBoost: a tree's lists differ in length (or it has several outputs)",
        ));
    }
    let sets = sets(foreign, room)?;
    let place = |child: f64| if child >= 0.0 && child < size as f64 { Some(child as usize) } else { None };
    outline::tree(0, size, width, |at| {
        let &cover = covers.get(at).ok_or_else(|| refuse("no model of XGBoost: a tree has no node"))?;
        if left[at] < 0.0 {
            return Ok(Outline::Leaf { value: conditions[at] * weight, cover });
        }
        let missing = || refuse("no model of XGBoost: a tree's child is missing");
        let rule = if kinds.get(at).is_some_and(|&kind| kind == 1.0) {
            let found = sets.binary_search_by(|(node, _)| node.cmp(&at));
            Rule::Categories(found.map_or(Vec::new(), |found| sets[found].1.clone()))
        } else {
            Rule::Below(as_double(conditions[at] as f32))
        };
        Ok(Outline::Split {
            feature: if features[at] >= 0.0 { features[at] as usize } else { usize::MAX },
            rule,
            missing_left: default_left[at] != 0.0,
            gain: gains[at],
            cover,
            left: place(left[at]).ok_or_else(missing)?,
            right: place(right[at]).ok_or_else(missing)?,
        })
    })
}

/// The categories that go right at each node that asks for them, by node.
fn sets(foreign: &Value, room: &mut usize) -> Result<Vec<(usize, Vec<u32>)>, Error> {
    let [nodes, starts, sizes, categories] =
        ["categories_nodes", "categories_segments", "categories_sizes", "categories"]
            .map(|path| numbers(foreign, path, false));
    let (nodes, starts, sizes, categories) = (nodes?, starts?, sizes?, categories?);
    let damaged = || refuse("no model of XGBoost: sets of categories are damaged");
    if nodes.len() != starts.len() || nodes.len() != sizes.len() {
        return Err(damaged());
    }
    let mut sets = Vec::with_capacity(nodes.len());
    for ((node, start), size) in nodes.iter().zip(starts).zip(sizes) {
        let end = start + size;
        let whole = [start, size, end].iter().all(|v| *v >= 0.0 && *v <= categories.len() as f64);
        let own = categories.get(start as usize..end as usize).filter(|_| whole).ok_or_else(damaged)?;
        let mut bits: Vec<u32> = Vec::new();
        for &category in own {
            // The largest that single precision counts to.
            if !(0.0..16_777_216.0).contains(&category) {
                return Err(damaged());
            }
            let word = category as usize / 32;
            if bits.len() <= word {
                let more = word + 1 - bits.len();
                *room =
                    room.checked_sub(more).ok_or_else(|| refuse("the model's categories are too many"))?;
                bits.resize(word + 1, 0);
            }
            bits[word] |= 1 << (category as u32 % 32);
        }
        sets.push((*node as usize, bits));
    }
    sets.sort_by_key(|(node, _)| *node);
    Ok(sets)
}

/// The threshold in double precision that parts all numbers as this one does after they are rounded to single.
fn as_double(threshold: f32) -> f64 {
    /// Numbers from here on are rounded to infinity.
    const BEYOND: f64 = 340_282_356_779_733_661_637_539_395_458_142_568_448.0;
    let below = threshold.next_down();
    if threshold == f32::INFINITY || below == f32::NEG_INFINITY {
        return if threshold > 0.0 { BEYOND } else { -BEYOND };
    }
    // Exact. What lies in the very middle is rounded to the even neighbour.
    let middle = (f64::from(below) + f64::from(threshold)) / 2.0;
    if threshold.to_bits() & 1 == 0 { middle } else { middle.next_up() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn thresholds_part_as_if_rounded(bits: u32, step in -3i32..=3, part in 0usize..4) {
            let threshold = f32::from_bits(bits);
            prop_assume!(threshold.is_finite() && threshold > f32::MIN);
            let neighbour = [threshold.next_down(), threshold, threshold.next_up(), 0.0][part];
            prop_assume!(neighbour.is_finite());
            let middle = (f64::from(threshold) + f64::from(neighbour)) / 2.0;
            let mut value = middle;
            for _ in 0..step.abs() {
                value = if step < 0 { value.next_down() } else { value.next_up() };
            }
            prop_assert_eq!((value as f32) < threshold, value < as_double(threshold), "{} {}", value, threshold);
        }
    }
}
