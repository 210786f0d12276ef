use super::Params;
use super::grow::Grower;
use super::histogram::Sample;
use super::hyperparams::MaxFeatures;
use crate::matrix::{Missing, check_classes, check_target};
use crate::metrics::{most_probable, regression};
use crate::rng::Rng;
use crate::tree::{Binned, Cuts, Ensemble};
use crate::weights::{check_weights, combined};
use crate::{Checked, Columns, Error};
use serde::{Deserialize, Serialize};

/// A fitted forest, of classes or of numbers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RandomForest {
    ensemble: Ensemble,
    /// 0 for numbers.
    classes: u32,
    /// Taken off a numeric target before the fit.
    offset: f64,
    #[serde(with = "crate::packed")]
    importances: Vec<f64>,
    oob_score: Option<f64>,
}

/// What the trees are to tell.
struct Target {
    /// 0 for numbers.
    classes: usize,
    outputs: usize,
    /// One a row, weighing 1.
    samples: Vec<Sample>,
}

impl Checked<Params> {
    /// Grows a forest of classifiers. `x` is rows x features, `y` holds classes `0..n`, each in use. `on_tree` hears
    /// how many trees stand.
    ///
    /// # Errors
    /// For values that are not finite, fewer than two classes, or bad weights.
    pub fn fit_classes(
        &self,
        x: &Columns,
        y: &[u32],
        weights: Option<&[f64]>,
        on_tree: &mut dyn FnMut(u32),
    ) -> Result<RandomForest, Error> {
        x.check_features(Missing::Refused)?;
        let classes = check_classes(y, x.rows())?.len();
        check_weights(weights, x.rows())?;
        let weights = combined(self.class_weight, y, classes, weights);
        check_weights(weights.as_deref(), x.rows())?;
        let sample = |(row, &class): (usize, &u32)| match classes {
            2 => Sample { row: row as u32, output: 0, weight: 1.0, value: f64::from(class) },
            _ => Sample { row: row as u32, output: class, weight: 1.0, value: 1.0 },
        };
        let samples = y.iter().enumerate().map(sample).collect();
        let outputs = if classes == 2 { 1 } else { classes };
        let target = Target { classes, outputs, samples };
        let tried = self.max_features.unwrap_or(MaxFeatures::Sqrt).of(x.width());
        let (mut forest, votes) = self.grow(x, &target, weights.as_deref(), tried, on_tree)?;
        forest.oob_score = votes.map(|votes| {
            let seen: Vec<usize> = votes.rows();
            let proba = as_probabilities(votes.means(&seen), classes);
            let hits =
                most_probable(&proba, classes).iter().zip(&seen).filter(|(p, i)| **p == y[**i]).count();
            hits as f64 / seen.len() as f64
        });
        Ok(forest)
    }

    /// Grows a forest of regressors. `y` has one number a row.
    ///
    /// # Errors
    /// For values that are not finite, or bad weights.
    pub fn fit_numbers(
        &self,
        x: &Columns,
        y: &[f64],
        weights: Option<&[f64]>,
        on_tree: &mut dyn FnMut(u32),
    ) -> Result<RandomForest, Error> {
        x.check_features(Missing::Refused)?;
        check_target(y, x.rows())?;
        check_weights(weights, x.rows())?;
        // Centred, so that sums keep their digits far from 0.
        let offset = crate::linalg::mean(y, None, x.rows() as f64);
        let sample =
            |(row, y): (usize, &f64)| Sample { row: row as u32, output: 0, weight: 1.0, value: y - offset };
        let target = Target { classes: 0, outputs: 1, samples: y.iter().enumerate().map(sample).collect() };
        let squares: f64 = target.samples.iter().map(|s| s.value * s.value).sum();
        if !squares.is_finite() {
            return Err(Error::data(
                "the target's values are too large for a sum of squares; scale the target",
            ));
        }
        let tried = self.max_features.unwrap_or(MaxFeatures::All).of(x.width());
        let (mut forest, votes) = self.grow(x, &target, weights, tried, on_tree)?;
        forest.offset = offset;
        forest.oob_score = votes.and_then(|votes| {
            let seen = votes.rows();
            let truth: Vec<f64> = seen.iter().map(|&i| y[i]).collect();
            let predicted: Vec<f64> = votes.means(&seen).iter().map(|v| v + offset).collect();
            regression::scores(&truth, &predicted, None).ok().map(|scores| scores.r2)
        });
        Ok(forest)
    }

    fn grow(
        &self,
        x: &Columns,
        target: &Target,
        weights: Option<&[f64]>,
        tried: usize,
        on_tree: &mut dyn FnMut(u32),
    ) -> Result<(RandomForest, Option<Votes>), Error> {
        let cuts = Cuts::fit(x, self.max_bin as usize)?;
        let binned = Binned::by_columns(x, &cuts);
        let grower = Grower { params: self, binned: &binned, cuts: &cuts, outputs: target.outputs, tried };
        let mut trees = Vec::with_capacity(self.n_estimators as usize);
        let mut importances = vec![0.0; x.width()];
        let mut votes = self.oob_score.then(|| Votes::new(x.rows(), target.outputs));
        for number in 0..self.n_estimators {
            let mut rng = Rng::new(self.seed, u64::from(number));
            let counts = self.draw(x.rows(), weights, &mut rng);
            let weigh = |sample: &Sample| {
                let row = sample.row as usize;
                let weight = f64::from(counts[row]) * weights.map_or(1.0, |w| w[row]);
                Sample { weight, ..*sample }
            };
            let samples: Vec<Sample> = target.samples.iter().map(weigh).filter(|s| s.weight > 0.0).collect();
            let mut decrease = vec![0.0; x.width()];
            let tree = grower.grow(samples, &mut rng, &mut decrease);
            add_shares(&mut importances, &decrease);
            if let Some(votes) = &mut votes {
                for row in (0..x.rows()).filter(|&row| counts[row] == 0) {
                    let leaf = tree.leaf_by_bin(|feature| binned.bins[feature * binned.rows + row]);
                    votes.add(row, &tree.values[leaf..leaf + target.outputs]);
                }
            }
            trees.push(tree);
            on_tree(number + 1);
        }
        let all = std::mem::take(&mut importances);
        importances = vec![0.0; x.width()];
        add_shares(&mut importances, &all);
        let ensemble = Ensemble { trees, ..Ensemble::new(cuts, target.outputs) };
        let classes = target.classes as u32;
        let votes = votes.filter(|votes| !votes.rows().is_empty());
        Ok((RandomForest { ensemble, classes, offset: 0.0, importances, oob_score: None }, votes))
    }

    /// How often each row is in a tree's sample.
    fn draw(&self, rows: usize, weights: Option<&[f64]>, rng: &mut Rng) -> Vec<u32> {
        if !self.bootstrap {
            return vec![1; rows];
        }
        loop {
            let mut counts = vec![0u32; rows];
            (0..rows).for_each(|_| counts[rng.below(rows)] += 1);
            // A sample of nothing but weightless rows says nothing.
            if weights.is_none_or(|w| w.iter().zip(&counts).any(|(w, count)| *w > 0.0 && *count > 0)) {
                return counts;
            }
        }
    }
}

/// Adds `values` scaled to a sum of 1, if they have one.
fn add_shares(sums: &mut [f64], values: &[f64]) {
    let total: f64 = values.iter().sum();
    if total > 0.0 {
        sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value / total);
    }
}

/// Means of leaf values as rows x classes.
fn as_probabilities(means: Vec<f64>, classes: usize) -> Vec<f64> {
    match classes {
        2 => means.iter().flat_map(|p| [1.0 - p, *p]).collect(),
        _ => means,
    }
}

/// What the trees that did not see a row say of it.
struct Votes {
    sums: Vec<f64>,
    counts: Vec<u32>,
    outputs: usize,
}

impl Votes {
    fn new(rows: usize, outputs: usize) -> Self {
        Self { sums: vec![0.0; rows * outputs], counts: vec![0; rows], outputs }
    }

    fn add(&mut self, row: usize, values: &[f32]) {
        let sums = &mut self.sums[row * self.outputs..(row + 1) * self.outputs];
        sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += f64::from(*value));
        self.counts[row] += 1;
    }

    /// Rows with a vote.
    fn rows(&self) -> Vec<usize> {
        (0..self.counts.len()).filter(|&row| self.counts[row] > 0).collect()
    }

    fn means(&self, rows: &[usize]) -> Vec<f64> {
        let mean = |&row: &usize| {
            let sums = &self.sums[row * self.outputs..(row + 1) * self.outputs];
            sums.iter().map(move |sum| sum / f64::from(self.counts[row]))
        };
        rows.iter().flat_map(mean).collect()
    }
}

impl RandomForest {
    /// The share of each feature in what the splits lower the impurity by; they add up to 1 unless there is no split.
    pub fn importances(&self) -> &[f64] {
        &self.importances
    }

    /// Accuracy or R2 by the trees that did not see a row, if asked for.
    pub fn oob_score(&self) -> Option<f64> {
        self.oob_score
    }

    /// The number of classes; 0 for a forest of numbers.
    pub fn classes(&self) -> usize {
        self.classes as usize
    }

    pub fn trees(&self) -> usize {
        self.ensemble.trees.len()
    }

    /// The means of the leaves over the trees, rows x outputs.
    fn means(&self, x: &Columns) -> Result<Vec<f64>, Error> {
        x.check_width(self.ensemble.width())?;
        x.check_features(Missing::Refused)?;
        let outputs = self.ensemble.outputs;
        let expected = if self.classes > 2 { self.classes as usize } else { 1 };
        if self.ensemble.trees.is_empty() || outputs != expected {
            return Err(Error::data("the model holds no forest; fit it first"));
        }
        let mut means = vec![0.0; x.rows() * outputs];
        self.ensemble.add_predictions(&self.ensemble.trees, x, outputs, &mut means);
        let count = self.ensemble.trees.len() as f64;
        means.iter_mut().for_each(|sum| *sum /= count);
        Ok(means)
    }

    /// One number a row, from a forest of numbers.
    ///
    /// # Errors
    /// For a forest of classes, another number of columns than at the fit, and values that are not finite.
    pub fn predict_numbers(&self, x: &Columns) -> Result<Vec<f64>, Error> {
        if self.classes != 0 {
            return Err(Error::data("this forest predicts classes"));
        }
        Ok(self.means(x)?.iter().map(|v| v + self.offset).collect())
    }

    /// Probabilities, rows x classes, row after row: the mean of the shares in the leaves.
    ///
    /// # Errors
    /// As [`RandomForest::predict_numbers`], for a forest of numbers.
    pub fn predict_proba(&self, x: &Columns) -> Result<Vec<f64>, Error> {
        if self.classes == 0 {
            return Err(Error::data("this forest predicts numbers"));
        }
        Ok(as_probabilities(self.means(x)?, self.classes as usize))
    }

    /// The most probable class of each row.
    pub fn predict(&self, x: &Columns) -> Result<Vec<u32>, Error> {
        Ok(most_probable(&self.predict_proba(x)?, self.classes as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::ClassWeight;
    use crate::{Check, Matrix};

    fn rings(rows: usize) -> (Matrix, Vec<u32>) {
        let mut rng = Rng::new(3, 0);
        let values: Vec<f64> = (0..rows * 3).map(|_| rng.unit() * 2.0 - 1.0).collect();
        let class = |r: &[f64]| (r[0].hypot(r[1]) * 2.5) as u32;
        let y = values.chunks(3).map(class).map(|c| c.min(2)).collect();
        (Matrix::from_rows(&values, 3).unwrap(), y)
    }

    #[test]
    fn learns_rings_and_ignores_noise() {
        let (matrix, y) = rings(2000);
        let params = Params { n_estimators: 30, oob_score: true, ..Params::default() }.check().unwrap();
        let forest = params.fit_classes(&matrix.columns(), &y, None, &mut |_| {}).unwrap();
        assert!(forest.oob_score().unwrap() > 0.93, "{:?}", forest.oob_score());
        assert!(
            forest.importances()[2] < 0.15 && (forest.importances().iter().sum::<f64>() - 1.0).abs() < 1e-9
        );
        let (fresh, truth) = rings(3000);
        let predicted = forest.predict(&fresh.columns()).unwrap();
        let hits = predicted.iter().zip(&truth).filter(|(a, b)| a == b).count();
        assert!(hits > 2850, "{hits}");
        for row in forest.predict_proba(&fresh.columns()).unwrap().chunks(3) {
            assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn a_single_full_tree_repeats_its_numbers() {
        let matrix = Matrix::from_rows(&[1.0, 5.0, 2.0, 9.0], 1).unwrap();
        let params = Params { n_estimators: 1, bootstrap: false, ..Params::default() }.check().unwrap();
        let forest =
            params.fit_numbers(&matrix.columns(), &[1e6, 2.0, -3.0, 2.5], None, &mut |_| {}).unwrap();
        for (p, y) in forest.predict_numbers(&matrix.columns()).unwrap().iter().zip([1e6, 2.0, -3.0, 2.5]) {
            assert!((p - y).abs() < 0.1, "{p} {y}");
        }
        assert!(forest.predict(&matrix.columns()).is_err());
    }

    #[test]
    fn same_seed_same_bytes_other_seed_others() {
        let (matrix, y) = rings(300);
        let fit = |seed| {
            let params = Params { n_estimators: 5, seed, ..Params::default() }.check().unwrap();
            let forest = params.fit_classes(&matrix.columns(), &y, None, &mut |_| {}).unwrap();
            serde_json::to_string(&forest).unwrap()
        };
        assert_eq!(fit(1), fit(1));
        assert_ne!(fit(1), fit(2));
        let forest: RandomForest = serde_json::from_str(&fit(1)).unwrap();
        assert_eq!(forest.trees(), 5);
    }

    #[test]
    fn limits_hold() {
        let (matrix, y) = rings(300);
        let params = Params { max_depth: Some(2), n_estimators: 3, ..Params::default() }.check().unwrap();
        let forest = params.fit_classes(&matrix.columns(), &y, None, &mut |_| {}).unwrap();
        assert!(forest.ensemble.trees.iter().all(|tree| tree.nodes.len() <= 7));
        let params = Params { min_samples_leaf: 150, bootstrap: false, n_estimators: 3, ..Params::default() };
        let forest = params.check().unwrap().fit_classes(&matrix.columns(), &y, None, &mut |_| {}).unwrap();
        assert!(forest.ensemble.trees.iter().all(|tree| tree.nodes.len() <= 3));
    }

    #[test]
    fn balanced_weights_lift_the_rare_class() {
        let matrix = Matrix::from_rows(&[0.0; 10], 1).unwrap();
        let y = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1];
        let params = Params { class_weight: ClassWeight::Balanced, bootstrap: false, ..Params::default() };
        let forest = params.check().unwrap().fit_classes(&matrix.columns(), &y, None, &mut |_| {}).unwrap();
        assert!((forest.predict_proba(&matrix.columns()).unwrap()[1] - 0.5).abs() < 1e-6);
    }
}
