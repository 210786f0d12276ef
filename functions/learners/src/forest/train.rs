//! All trees of a forest.

use super::bins::Bins;
use super::model::Forest;
use super::params::{ClassWeight, Kind, Params};
use super::splitter::{Plan, TreeRows};
use super::votes::Votes;
use crate::cart::{
    Criterion, Least, MaxFeatures, Outputs, Sample, Twins, check_sum_of_squares, grow, places,
};
use crate::matrix::{check_classes, check_single, check_target};
use crate::metrics::{most_probable, regression};
use crate::rng::Rng;
use crate::weights::check_weights;
use crate::{Columns, Error};

/// The fit of a forest, and who hears how many trees stand.
pub(super) struct Trees<'a, K: Kind> {
    pub params: &'a Params<K>,
    pub on_tree: &'a mut dyn FnMut(u32),
}

/// What the trees are to tell.
struct Target<'a> {
    outputs: Outputs,
    /// One a row, weighing 1.
    samples: Vec<Sample>,
    /// Each row's class; empty for numbers.
    classes: &'a [u32],
    weights: Option<&'a [f64]>,
    tried: usize,
    twins: Twins,
}

impl<K: Kind> Trees<'_, K> {
    /// Grows a forest of classifiers. `y` holds classes `0..n`, each in use.
    pub fn fit_classes(mut self, x: &Columns, y: &[u32], weights: Option<&[f64]>) -> Result<Forest, Error> {
        let criterion = Criterion::of_classes(self.params.criterion)?;
        let twins = Twins::of(x)?;
        let counts = check_classes(y, x.rows())?;
        let classes = counts.len();
        check_weights(weights, x.rows())?;
        let counts: Vec<u64> = counts.iter().map(|&count| count as u64).collect();
        let class_weights = self.params.class_weight.of(&counts)?;
        let mut weights = weights.map(<[f64]>::to_vec);
        if let Some(class_weights) = class_weights
            && self.params.class_weight != ClassWeight::BalancedSubsample
        {
            let weights = weights.get_or_insert_with(|| vec![1.0; x.rows()]);
            weights.iter_mut().zip(y).for_each(|(weight, class)| *weight *= class_weights[*class as usize]);
            check_weights(Some(weights), x.rows())?;
        }
        let outputs = Outputs::new(classes, criterion);
        let samples = y.iter().enumerate().map(|(row, class)| outputs.class_sample(row, *class)).collect();
        let tried = self.params.max_features.unwrap_or(MaxFeatures::Sqrt).of(x.width());
        let target = Target { outputs, samples, classes: y, weights: weights.as_deref(), tried, twins };
        let (mut forest, votes) = self.grow(x, &target)?;
        forest.oob_score = votes.map(|votes| {
            let seen = votes.rows();
            let proba = Forest::as_probabilities(votes.means(&seen), classes);
            let predicted = most_probable(&proba, classes);
            let hits = predicted.iter().zip(&seen).filter(|(class, row)| **class == y[**row]).count();
            hits as f64 / seen.len() as f64
        });
        Ok(forest)
    }

    /// Grows a forest of regressors. `y` has one number a row.
    pub fn fit_numbers(mut self, x: &Columns, y: &[f64], weights: Option<&[f64]>) -> Result<Forest, Error> {
        let criterion = Criterion::of_numbers(self.params.criterion)?;
        if self.params.class_weight != ClassWeight::None {
            return Err(Error::data("class_weight is for classes; the target is a number"));
        }
        let twins = Twins::of(x)?;
        check_target(y, x.rows())?;
        check_single(y)?;
        check_weights(weights, x.rows())?;
        // Centred, so that sums keep their digits far from 0.
        let offset = crate::linalg::mean(y, None, x.rows() as f64);
        let sample =
            |(row, y): (usize, &f64)| Sample { row: row as u32, output: 0, weight: 1.0, value: y - offset };
        let samples: Vec<Sample> = y.iter().enumerate().map(sample).collect();
        let weight = |sample: &Sample| weights.map_or(1.0, |w| w[sample.row as usize]);
        check_sum_of_squares(samples.iter().map(|s| weight(s) * s.value * s.value).sum(), weights.is_some())?;
        let tried = self.params.max_features.unwrap_or(MaxFeatures::All).of(x.width());
        let target =
            Target { outputs: Outputs::new(0, criterion), samples, classes: &[], weights, tried, twins };
        let (mut forest, votes) = self.grow(x, &target)?;
        forest.offset = offset;
        forest.oob_score = votes.and_then(|votes| {
            let seen = votes.rows();
            let truth: Vec<f64> = seen.iter().map(|&i| y[i]).collect();
            let predicted: Vec<f64> = votes.means(&seen).iter().map(|v| v + offset).collect();
            regression::brief(&truth, &predicted, None).ok().map(|scores| scores.r2)
        });
        Ok(forest)
    }

    fn grow(&mut self, x: &Columns, target: &Target) -> Result<(Forest, Option<Votes>), Error> {
        let params = self.params;
        let drawn = params.max_samples.map_or(Ok(x.rows()), |most| most.of(x.rows()))?;
        let mut bins = Bins::fit(x, params.max_bin, target.twins.clone())?.with_middles(x);
        if params.oob_score {
            bins = bins.with_rows();
        }
        let outputs = target.outputs.count();
        let limits = params.limits();
        let mut forest = Forest::new(bins.cuts.clone(), bins.twins.clone(), target.outputs.classes);
        let mut importances = vec![0.0; x.width()];
        let mut votes = params.oob_score.then(|| Votes::new(x.rows(), outputs));
        for number in 0..params.n_estimators {
            let mut rng = Rng::new(params.seed, u64::from(number));
            let counts = draw(params.bootstrap.then_some(drawn), target, &mut rng);
            let samples = self.weigh(target, &counts)?;
            let total: f64 = samples.iter().map(|sample| sample.weight).sum();
            let weight = limits.min_weight_fraction_leaf * total;
            let least = Least { rows: limits.min_samples_leaf as usize, weight };
            let plan =
                Plan { bins: &bins, outputs: target.outputs, search: K::SEARCH, tried: target.tried, least };
            let rows = samples.len();
            let tree = grow(&mut TreeRows::new(&plan, samples, rng), rows, outputs, &limits);
            let mut gains = vec![0.0; bins.width];
            tree.add_gains(&mut gains);
            add_shares(&mut importances, &bins.twins.folded(gains));
            if let Some(votes) = &mut votes {
                places(&tree.nodes, 0, bins.row_major(), bins.width, |row, place| {
                    if counts[row] == 0 {
                        votes.add(row, tree.values_of(place));
                    }
                });
            }
            forest.push(&tree);
            (self.on_tree)(number + 1);
        }
        add_shares(&mut forest.importances, &importances);
        forest.keep_used_cuts();
        Ok((forest, votes.filter(|votes| !votes.rows().is_empty())))
    }

    /// The samples that have weight, when rows are drawn as often as `counts` say.
    fn weigh(&self, target: &Target, counts: &[u32]) -> Result<Vec<Sample>, Error> {
        let class_weights = match self.params.class_weight {
            ClassWeight::BalancedSubsample => {
                let mut drawn = vec![0; target.outputs.classes];
                let rows = target.classes.iter().zip(counts);
                rows.for_each(|(class, count)| drawn[*class as usize] += u64::from(*count));
                self.params.class_weight.of(&drawn)?
            }
            _ => None,
        };
        let weigh = |sample: &Sample| {
            let row = sample.row as usize;
            let of_class = class_weights.as_ref().map_or(1.0, |w| w[target.classes[row] as usize]);
            let weight = f64::from(counts[row]) * target.weights.map_or(1.0, |w| w[row]) * of_class;
            Sample { weight, ..*sample }
        };
        Ok(target.samples.iter().map(weigh).filter(|sample| sample.weight > 0.0).collect())
    }
}

/// How often each row is in a tree's sample: `drawn` rows with replacement, or all once.
fn draw(drawn: Option<usize>, target: &Target, rng: &mut Rng) -> Vec<u32> {
    let rows = target.samples.len();
    let Some(drawn) = drawn else { return vec![1; rows] };
    let mut counts = vec![0u32; rows];
    for _ in 0..MOST_DRAWS {
        counts.fill(0);
        (0..drawn).for_each(|_| counts[rng.below(rows)] += 1);
        // A sample of nothing but weightless rows says nothing.
        if target.weights.is_none_or(|w| w.iter().zip(&counts).any(|(w, count)| *w > 0.0 && *count > 0)) {
            return counts;
        }
    }
    // Hardly any row has weight: chance would need very long to find one.
    let weights = target.weights.unwrap_or_default();
    let heavy: Vec<usize> = (0..weights.len()).filter(|&row| weights[row] > 0.0).collect();
    counts.fill(0);
    (0..drawn).for_each(|_| counts[heavy[rng.below(heavy.len())]] += 1);
    counts
}

/// Samples that are drawn until one has a row with weight.
const MOST_DRAWS: usize = 100;

/// Adds `values` scaled to a sum of 1, if they have one.
fn add_shares(sums: &mut [f64], values: &[f64]) {
    let total: f64 = values.iter().sum();
    if total > 0.0 {
        sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value / total);
    }
}
