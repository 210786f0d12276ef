//! Reads LightGBM's text models.

use super::super::hyperparams::Objective;
use super::super::model::{GradientBoosting, Parts};
use super::super::trees::{Rule, Tree};
use super::foreign::{Categories, Encoding};
use super::outline::{self, Outline};
use crate::Error;
use serde_json::Value;

/// Lines of `key=value`.
struct Section<'a>(Vec<(&'a str, &'a str)>);

fn refuse(what: impl Into<String>) -> Error {
    Error::data(what)
}

impl<'a> Section<'a> {
    fn new(text: &'a str) -> Self {
        Self(text.lines().filter_map(|line| line.split_once('=')).collect())
    }

    fn get(&self, key: &str) -> Option<&'a str> {
        self.0.iter().find(|(own, _)| *own == key).map(|(_, value)| value.trim())
    }

    /// A list of numbers; empty if there is none.
    fn numbers(&self, key: &str) -> Result<Vec<f64>, Error> {
        let number = |text: &str| match text.parse::<f64>() {
            Ok(number) if !number.is_nan() => Ok(number),
            _ => Err(refuse(format!("no model of LightGBM: `{key}` holds `{text}`"))),
        };
        self.get(key).unwrap_or_default().split_whitespace().map(number).collect()
    }

    fn count(&self, key: &str) -> Result<usize, Error> {
        let missing = || refuse(format!("no model of LightGBM: `{key}` is missing or no number"));
        self.get(key).and_then(|value| value.parse::<u32>().ok()).map(|n| n as usize).ok_or_else(missing)
    }
}

pub(super) fn model(text: &str) -> Result<GradientBoosting, Error> {
    if !text.starts_with("tree") {
        return Err(refuse("no model of LightGBM: it does not begin with `tree`"));
    }
    let (text, _) = text
        .split_once("\nend of trees")
        .ok_or_else(|| refuse("the model is cut off: the line `end of trees` is missing"))?;
    let mut sections = text.split("\nTree=");
    let first = sections.next().unwrap_or_default();
    let head = Section::new(first);
    if first.lines().any(|line| line.trim() == "average_output") {
        return Err(refuse("the model is a random forest, not a boosted ensemble"));
    }
    let (objective, shape, scale) = objective(head.get("objective").unwrap_or_default())?;
    let slots = head.count("num_tree_per_iteration")?;
    let fits = match objective {
        Objective::MultiSoftprob => (2..=usize::from(u16::MAX)).contains(&slots),
        _ => slots == 1,
    };
    if !fits {
        return Err(refuse(format!(
            "no model of LightGBM: {slots} trees a round do not go with its objective"
        )));
    }
    let width = head.count("max_feature_idx")? + 1;
    outline::check_width(width)?;
    let trees = sections.map(|section| tree(&Section::new(section), width, scale));
    let trees = trees.collect::<Result<Vec<Tree>, Error>>()?;
    Ok(GradientBoosting::new(Parts {
        width,
        objective,
        shape,
        base: vec![0.0; slots],
        slots: (0..trees.len()).map(|number| (number % slots) as u32).collect(),
        rounds: trees.len() / slots,
        trees,
        best_iteration: None,
    }))
}

/// The features' names, and the categories that pandas knew them by.
pub(super) fn columns(text: &str, width: usize) -> Result<(Vec<String>, Vec<Encoding>), Error> {
    let head = Section::new(text.split("\nTree=").next().unwrap_or_default());
    let words = |key: &str| head.get(key).unwrap_or_default().split_whitespace();
    let names: Vec<String> = words("feature_names").map(str::to_owned).collect();
    if !names.is_empty() && names.len() != width {
        return Err(refuse(format!("no model of LightGBM: {} names for {width} features", names.len())));
    }
    let pandas = text.lines().rev().find_map(|line| line.strip_prefix("pandas_categorical:"));
    let bad = || refuse("no model of LightGBM: `pandas_categorical` cannot be read");
    let pandas: Option<Vec<Vec<Value>>> = match pandas {
        Some(line) => serde_json::from_str(line).map_err(|_| bad())?,
        None => None,
    };
    let pandas = pandas.unwrap_or_default();
    // Numbers are known by their range, in brackets; what is not used is `none`.
    let categorical = |info: &&str| !info.starts_with('[') && *info != "none";
    let infos: Vec<&str> = words("feature_infos").collect();
    let features: Vec<usize> = (0..infos.len().min(width)).filter(|&at| categorical(&infos[at])).collect();
    if !pandas.is_empty() && pandas.len() != features.len() {
        return Err(refuse(format!(
            "pandas had {} columns of categories, but the model uses {} as such, and which these are is not said: train \
             it on codes instead",
            pandas.len(),
            features.len()
        )));
    }
    let mut encodings = Vec::new();
    for (values, feature) in pandas.iter().zip(features) {
        let categories = Categories::of_json(values).ok_or_else(bad)?;
        if !categories.are_codes() {
            encodings.push(Encoding { feature: feature as u32, categories, unknown_is_missing: true });
        }
    }
    Ok((names, encodings))
}

/// The objective, its shape, and by how much margins are scaled.
fn objective(line: &str) -> Result<(Objective, f64, f64), Error> {
    let mut words = line.split_whitespace();
    let name = words.next().unwrap_or("none");
    let words: Vec<&str> = words.collect();
    let option = |key: &str, otherwise: f64| {
        let value = words.iter().find_map(|word| word.split_once(':').filter(|(own, _)| *own == key));
        value.map_or(Some(otherwise), |(_, value)| value.parse().ok()).filter(|value: &f64| value.is_finite())
    };
    let bad = || refuse(format!("the objective `{line}` is not understood"));
    if words.contains(&"sqrt") {
        return Err(refuse("the model predicts square roots of its target (`reg_sqrt`)"));
    }
    Ok(match name {
        "regression" => (Objective::SquaredError, 0.0, 1.0),
        "regression_l1" => (Objective::AbsoluteError, 0.0, 1.0),
        "huber" => (Objective::PseudoHuberError, 1.0, 1.0),
        "quantile" => (Objective::QuantileError, option("alpha", 0.5).ok_or_else(bad)?, 1.0),
        "poisson" => (Objective::Poisson, 0.0, 1.0),
        "gamma" => (Objective::Gamma, 0.0, 1.0),
        "tweedie" => (Objective::Tweedie, option("tweedie_variance_power", 1.5).ok_or_else(bad)?, 1.0),
        "binary" => (Objective::BinaryLogistic, 0.0, option("sigmoid", 1.0).ok_or_else(bad)?),
        "multiclass" | "softmax" => (Objective::MultiSoftprob, 0.0, 1.0),
        "lambdarank" | "rank_xendcg" => (Objective::RankNdcg, 0.0, 1.0),
        _ => return Err(refuse(format!("the objective `{name}` has no counterpart"))),
    })
}

/// Bits of a split's `decision_type`.
const CATEGORIES: u32 = 1;
const DEFAULT_LEFT: u32 = 2;
/// What is missing: nothing, zeros, or NaN.
const MISSING_KIND: u32 = 12;
const ZEROS: u32 = 4;
const NANS: u32 = 8;

fn tree(section: &Section, width: usize, scale: f64) -> Result<Tree, Error> {
    if section.get("is_linear").is_some_and(|value| value != "0") {
        return Err(refuse("the model has linear trees"));
    }
    let leaves = section.count("num_leaves")?;
    let values = section.numbers("leaf_value")?;
    let counts = section.numbers("leaf_count")?;
    if leaves == 0 || values.len() != leaves {
        return Err(refuse("no model of LightGBM: a tree's leaves are missing"));
    }
    let splits = leaves - 1;
    let of_splits = ["split_feature", "threshold", "decision_type", "left_child", "right_child"];
    let lists = of_splits.map(|key| section.numbers(key));
    let [features, thresholds, decisions, left, right] = lists;
    let (features, thresholds, decisions) = (features?, thresholds?, decisions?);
    let (left, right) = (left?, right?);
    let (gains, covers) = (section.numbers("split_gain")?, section.numbers("internal_count")?);
    if [&features, &thresholds, &decisions, &left, &right].iter().any(|list| list.len() != splits) {
        return Err(refuse("no model of LightGBM: a tree's lists differ in length"));
    }
    let boundaries = section.numbers("cat_boundaries")?;
    let words = section.numbers("cat_threshold")?;
    // Leaves are behind the splits: child -1 is leaf 0.
    let place = |child: f64| match child {
        child if child >= 0.0 && child < splits as f64 => Some(child as usize),
        child if child < 0.0 && -child <= leaves as f64 => Some(splits + (-child) as usize - 1),
        _ => None,
    };
    outline::tree(0, splits + leaves, width, |at| {
        if at >= splits {
            let cover = counts.get(at - splits).copied().unwrap_or(0.0);
            return Ok(Outline::Leaf { value: values[at - splits] * scale, cover });
        }
        let damaged = || refuse("no model of LightGBM: a tree is damaged");
        let decision = decisions[at] as u32;
        let (mut left, mut right) =
            (place(left[at]).ok_or_else(damaged)?, place(right[at]).ok_or_else(damaged)?);
        let (rule, missing_left) = if decision & CATEGORIES != 0 {
            // The set goes left there, right here; whatever is not in it goes the other way.
            std::mem::swap(&mut left, &mut right);
            let number = thresholds[at].max(0.0) as usize;
            let [from, to] = [number, number + 1].map(|i| boundaries.get(i).map(|&b| b.max(0.0) as usize));
            let (from, to) = from.zip(to).ok_or_else(damaged)?;
            let set = words.get(from..to).ok_or_else(damaged)?;
            (Rule::Categories(set.iter().map(|&word| word as u32).collect()), true)
        } else {
            let zero_left = thresholds[at] >= 0.0;
            let default_left = decision & DEFAULT_LEFT != 0;
            let missing_left = match decision & MISSING_KIND {
                NANS => default_left,
                ZEROS if zero_left != default_left => {
                    return Err(refuse("the model takes zeros for missing values (`zero_as_missing`)"));
                }
                _ => zero_left,
            };
            // There, values up to the threshold go left.
            (Rule::Below(thresholds[at].next_up()), missing_left)
        };
        let feature = if features[at] >= 0.0 { features[at] as usize } else { usize::MAX };
        let [gain, cover] = [&gains, &covers].map(|list| list.get(at).copied().unwrap_or(0.0));
        Ok(Outline::Split { feature, rule, missing_left, gain, cover, left, right })
    })
}
