//! All trees of a forest.

use super::bins::Bins;
use super::lots::Lots;
use super::model::Forest;
use super::params::{ClassWeight, Kind, Params};
use super::splitter::{Plan, TreeRows};
use super::votes::Votes;
use crate::cart::{
    Criterion, Least, MaxFeatures, MaxSamples, Outputs, Sample, Twins, check_sum_of_squares, grow, places,
};
use crate::matrix::{check_classes, check_single, check_target};
use crate::metrics::{most_probable, regression};
use crate::rng::Rng;
use crate::weights::{Kept, check_weights, sums_by_class, uneven};
use crate::{Columns, Error};

/// The fit of a forest, and who hears how many trees stand.
pub(super) struct Trees<'a, K: Kind> {
    pub params: &'a Params<K>,
    pub on_tree: &'a mut dyn FnMut(u32),
}

/// The rows that are learnt from, all with weight.
struct Rows<'a, T = u32> {
    y: &'a [T],
    /// What they weigh, without the weights of classes.
    own: Option<&'a [f64]>,
    /// The same with the weights of classes, if there are any.
    both: Option<&'a [f64]>,
    table_rows: usize,
}

/// What the trees are to tell. All rows have weight.
struct Target<'a> {
    outputs: Outputs,
    /// One a row, weighing 1.
    samples: Vec<Sample>,
    /// Each row's class; empty for numbers.
    classes: &'a [u32],
    /// What rows weigh beside one another; none if they weigh the same. Those of classes are in it, unless each tree has its own.
    weights: Option<&'a [f64]>,
    /// The same for the bins: also if each tree has its own.
    bins_by: Option<&'a [f64]>,
    /// Rows of the table, with those that have no weight.
    table_rows: usize,
    tried: usize,
    twins: Twins,
}

impl<K: Kind> Trees<'_, K> {
    /// Grows a forest of classifiers. `y` holds classes `0..n`, each in use.
    pub fn fit_classes(self, x: &Columns, y: &[u32], weights: Option<&[f64]>) -> Result<Forest, Error> {
        let criterion = Criterion::of_classes(self.params.criterion)?;
        let missing = Twins::of(x)?;
        let classes = check_classes(y, x.rows())?.len();
        check_weights(weights, x.rows())?;
        let by_class = self.params.class_weight.of(&sums_by_class(y, classes, weights))?;
        let both = by_class.map(|by_class| -> Vec<f64> {
            let weight =
                |(i, class): (usize, &u32)| weights.map_or(1.0, |w| w[i]) * by_class[*class as usize];
            y.iter().enumerate().map(weight).collect()
        });
        check_weights(both.as_deref(), x.rows())?;
        let all = Rows { y, own: weights, both: both.as_deref(), table_rows: x.rows() };
        let outputs = Outputs::new(classes, criterion);
        match Kept::of(x, all.both.or(all.own)) {
            None => self.classes_of(x, outputs, missing, all),
            Some(kept) => {
                let x = kept.columns();
                let y = kept.pick(y);
                let [own, both] = [all.own, all.both].map(|weights| weights.map(|w| kept.pick(w)));
                let rows = Rows { y: &y, own: own.as_deref(), both: both.as_deref(), ..all };
                self.classes_of(&x, outputs, Twins::of(&x)?, rows)
            }
        }
    }

    fn classes_of(
        mut self,
        x: &Columns,
        outputs: Outputs,
        twins: Twins,
        rows: Rows,
    ) -> Result<Forest, Error> {
        let Rows { y, own, both, table_rows } = rows;
        let by_tree = self.params.class_weight == ClassWeight::BalancedSubsample;
        let bins_by = uneven(both.or(own));
        let samples = y.iter().enumerate().map(|(row, class)| outputs.class_sample(row, *class)).collect();
        let tried = self.params.max_features.unwrap_or(MaxFeatures::Sqrt).of(x.width());
        let weights = if by_tree { uneven(own) } else { bins_by };
        let target = Target { outputs, samples, classes: y, weights, bins_by, table_rows, tried, twins };
        let (mut forest, votes) = self.grow(x, &target)?;
        forest.oob_score = votes.map(|votes| {
            let seen = votes.rows();
            let proba = Forest::as_probabilities(votes.means(&seen), outputs.classes);
            let predicted = most_probable(&proba, outputs.classes);
            let weight = |row: usize| own.map_or(1.0, |w| w[row]);
            let hits = predicted.iter().zip(&seen).filter(|(class, row)| **class == y[**row]);
            let hits: f64 = hits.map(|(_, row)| weight(*row)).sum();
            hits / seen.iter().map(|row| weight(*row)).sum::<f64>()
        });
        Ok(forest)
    }

    /// Grows a forest of regressors. `y` has one number a row.
    pub fn fit_numbers(self, x: &Columns, y: &[f64], weights: Option<&[f64]>) -> Result<Forest, Error> {
        let criterion = Criterion::of_numbers(self.params.criterion)?;
        if self.params.class_weight != ClassWeight::None {
            return Err(Error::data("class_weight is for classes; the target is a number"));
        }
        let missing = Twins::of(x)?;
        check_target(y, x.rows())?;
        check_single(y)?;
        check_weights(weights, x.rows())?;
        let outputs = Outputs::new(0, criterion);
        match Kept::of(x, weights) {
            None => {
                let rows = Rows { y, own: weights, both: None, table_rows: x.rows() };
                self.numbers_of(x, outputs, missing, rows)
            }
            Some(kept) => {
                let y = kept.pick(y);
                let rows = Rows { y: &y, own: Some(kept.weights()), both: None, table_rows: x.rows() };
                let x = kept.columns();
                self.numbers_of(&x, outputs, Twins::of(&x)?, rows)
            }
        }
    }

    fn numbers_of(
        mut self,
        x: &Columns,
        outputs: Outputs,
        twins: Twins,
        rows: Rows<f64>,
    ) -> Result<Forest, Error> {
        let Rows { y, own, table_rows, .. } = rows;
        // Centred, so that sums keep their digits far from 0.
        let offset = crate::linalg::mean(y, None, x.rows() as f64);
        let sample =
            |(row, y): (usize, &f64)| Sample { row: row as u32, output: 0, weight: 1.0, value: y - offset };
        let samples: Vec<Sample> = y.iter().enumerate().map(sample).collect();
        let weight = |sample: &Sample| own.map_or(1.0, |w| w[sample.row as usize]);
        check_sum_of_squares(samples.iter().map(|s| weight(s) * s.value * s.value).sum(), own.is_some())?;
        let tried = self.params.max_features.unwrap_or(MaxFeatures::All).of(x.width());
        let weights = uneven(own);
        let target =
            Target { outputs, samples, classes: &[], weights, bins_by: weights, table_rows, tried, twins };
        let (mut forest, votes) = self.grow(x, &target)?;
        forest.offset = offset;
        forest.oob_score = votes.and_then(|votes| {
            let seen = votes.rows();
            let truth: Vec<f64> = seen.iter().map(|&i| y[i]).collect();
            let weights: Option<Vec<f64>> = own.map(|w| seen.iter().map(|&i| w[i]).collect());
            let predicted: Vec<f64> = votes.means(&seen).iter().map(|v| v + offset).collect();
            regression::brief(&truth, &predicted, weights.as_deref()).ok().map(|scores| scores.r2)
        });
        Ok(forest)
    }

    fn grow(&mut self, x: &Columns, target: &Target) -> Result<(Forest, Option<Votes>), Error> {
        let params = self.params;
        let drawn = match params.max_samples {
            None => x.rows(),
            Some(MaxSamples::Count(count)) => MaxSamples::Count(count).of(target.table_rows)?,
            Some(share) => share.of(x.rows())?,
        };
        let lots = params.bootstrap.then(|| Lots::new(x.rows(), target.weights));
        let mut bins = Bins::fit(x, target.bins_by, params.max_bin, target.twins.clone())?.with_middles(x);
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
            let counts = lots.as_ref().map(|lots| lots.draw(drawn, &mut rng));
            let samples = self.weigh(target, counts.as_deref())?;
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
            if let (Some(votes), Some(counts)) = (&mut votes, &counts) {
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

    /// The samples of a tree: rows drawn by their weights count once for each time that they were drawn, all rows as they weigh.
    fn weigh(&self, target: &Target, counts: Option<&[u32]>) -> Result<Vec<Sample>, Error> {
        let Some(counts) = counts else {
            let weigh = |sample: &Sample| Sample {
                weight: target.weights.map_or(1.0, |w| w[sample.row as usize]),
                ..*sample
            };
            return Ok(target.samples.iter().map(weigh).collect());
        };
        let by_class = match self.params.class_weight {
            ClassWeight::BalancedSubsample => {
                let mut drawn = vec![0.0; target.outputs.classes];
                let rows = target.classes.iter().zip(counts);
                rows.for_each(|(class, count)| drawn[*class as usize] += f64::from(*count));
                self.params.class_weight.of(&drawn)?
            }
            _ => None,
        };
        let drawn = target.samples.iter().filter(|sample| counts[sample.row as usize] > 0);
        let weigh = |sample: &Sample| {
            let row = sample.row as usize;
            let of_class = by_class.as_ref().map_or(1.0, |w| w[target.classes[row] as usize]);
            Sample { weight: f64::from(counts[row]) * of_class, ..*sample }
        };
        Ok(drawn.map(weigh).collect())
    }
}

/// Adds `values` scaled to a sum of 1, if they have one.
fn add_shares(sums: &mut [f64], values: &[f64]) {
    let total: f64 = values.iter().sum();
    if total > 0.0 {
        sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value / total);
    }
}
