use super::grow::{Grower, Pool};
use super::hyperparams::Params;
use super::metric::EvalMetric;
use super::model::GradientBoosting;
use crate::matrix::Missing;
use crate::rng::Rng;
use crate::tree::{Binned, Cuts, Ensemble, Tree};
use crate::weights::check_weights;
use crate::{Checked, Columns, Error, ParamError};
use std::ops::ControlFlow;

/// Rows with what is to be learnt from them.
#[derive(Debug, Clone, Copy)]
pub struct Data<'a> {
    /// Rows x features; NaN is a missing value.
    pub x: &'a Columns<'a>,
    /// Numbers, or classes 0, 1, 2, ...
    pub y: &'a [f64],
    pub weights: Option<&'a [f64]>,
}

/// Where the boosting stands after a round.
#[derive(Debug, Clone, PartialEq)]
pub struct Round {
    /// From 0.
    pub index: u32,
    /// One value a metric, in the order of `eval_metric`.
    pub train: Vec<(EvalMetric, f64)>,
    /// Empty without validation data.
    pub validation: Vec<(EvalMetric, f64)>,
}

/// One data set with the sums of leaf values so far, rows x slots.
struct Scored<'a> {
    data: Data<'a>,
    margins: Vec<f64>,
}

/// The best round so far by the last metric on the validation data.
struct Best {
    round: u32,
    value: f64,
}

impl Checked<Params> {
    /// Boosts trees until the rounds are used up, early stopping sets in, or `on_round` breaks off.
    ///
    /// # Errors
    /// For infinite values, targets that do not go with the objective, bad weights, a metric that the data leaves
    /// undefined, and early stopping without validation data.
    pub fn fit(
        &self,
        train: Data,
        validation: Option<Data>,
        on_round: &mut dyn FnMut(&Round) -> ControlFlow<()>,
    ) -> Result<GradientBoosting, Error> {
        let classes = self.check_data(&train, None)?;
        if let Some(validation) = &validation {
            self.check_validation(&train, validation)?;
        } else if self.early_stopping_rounds.is_some() {
            let message = "there is no validation data to stop by";
            return Err(
                ParamError::new("early_stopping_rounds", message, "nothing without validation data").into()
            );
        }
        let slots = self.objective.slots(classes);
        let base = self.objective.base(self, train.y, train.weights, classes);
        let scored = |data: Data<'_>| base.repeat(data.x.rows());
        let mut train = Scored { margins: scored(train), data: train };
        let mut validation = validation.map(|data| Scored { margins: scored(data), data });

        let metrics = self.metrics();
        let mut ensemble = Ensemble::new(Cuts::fit(train.data.x, self.max_bin as usize)?, 1);
        let mut gains: Vec<Vec<(u32, f64)>> = Vec::new();
        let mut booster = Booster::new(self, train.data.x, &ensemble.cuts, slots);
        let mut best: Option<Best> = None;
        for index in 0..self.num_round {
            let (trees, round_gains) = booster.round(index, &mut train);
            if train.margins.iter().any(|margin| !margin.is_finite()) {
                return Err(Error::data("the target's values are too large; scale the target"));
            }
            let mut round =
                Round { index, train: self.evaluate(&metrics, &train, slots)?, validation: Vec::new() };
            if let Some(validation) = &mut validation {
                ensemble.add_predictions(&trees, validation.data.x, slots, &mut validation.margins);
                round.validation = self.evaluate(&metrics, validation, slots)?;
            }
            ensemble.trees.extend(trees);
            gains.extend(round_gains);
            if let Some(&(metric, value)) = round.validation.last() {
                let better =
                    |best: &Best| if metric.maximize() { value > best.value } else { value < best.value };
                if best.as_ref().is_none_or(better) {
                    best = Some(Best { round: index, value });
                }
            }
            let go_on = on_round(&round);
            let waited = best.as_ref().map_or(0, |best| index - best.round);
            if go_on.is_break() || self.early_stopping_rounds.is_some_and(|most| waited >= most) {
                break;
            }
        }
        if self.early_stopping_rounds.is_some() {
            let kept = best.as_ref().map_or(ensemble.trees.len(), |best| (best.round as usize + 1) * slots);
            ensemble.trees.truncate(kept);
            gains.truncate(kept);
        }
        Ok(GradientBoosting::new(ensemble, self.objective, base, &gains, best.map(|best| best.round)))
    }

    /// Checks that validation data goes with the training data, and that every metric is defined on it. The fit does
    /// it too; before it, the caller knows whose fault an error is.
    ///
    /// # Errors
    /// For other columns, infinite values, classes that the training data lacks, bad weights, undefined metrics.
    pub fn check_validation(&self, train: &Data, validation: &Data) -> Result<(), Error> {
        let classes = self.check_data(train, None)?;
        validation.x.check_width(train.x.width())?;
        self.check_data(validation, Some(classes))?;
        let slots = self.objective.slots(classes);
        let base = self.objective.base(self, train.y, train.weights, classes);
        let scored = Scored { margins: base.repeat(validation.x.rows()), data: *validation };
        self.evaluate(&self.metrics(), &scored, slots).map(|_| ())
    }

    fn metrics(&self) -> Vec<EvalMetric> {
        match self.eval_metric.as_slice() {
            [] => vec![EvalMetric::default_of(self.objective)],
            metrics => metrics.to_vec(),
        }
    }

    fn check_data(&self, data: &Data, classes: Option<usize>) -> Result<usize, Error> {
        data.x.check_features(Missing::Allowed)?;
        check_weights(data.weights, data.x.rows())?;
        self.objective.check(data.y, data.x.rows(), classes)
    }

    fn evaluate(
        &self,
        metrics: &[EvalMetric],
        scored: &Scored,
        slots: usize,
    ) -> Result<Vec<(EvalMetric, f64)>, Error> {
        let mut predicted = scored.margins.clone();
        self.objective.transform(&mut predicted, slots);
        let Data { y, weights, .. } = scored.data;
        let value = |&metric: &EvalMetric| Ok((metric, metric.evaluate(y, &predicted, slots, weights)?));
        metrics.iter().map(value).collect()
    }
}

/// What the rounds share.
struct Booster<'a> {
    params: &'a Params,
    cuts: Cuts,
    binned: Binned,
    slots: usize,
    /// Rows x slots.
    gradients: Vec<[f32; 2]>,
    /// Of one slot.
    column: Vec<[f32; 2]>,
    pool: Pool,
}

impl<'a> Booster<'a> {
    fn new(params: &'a Params, x: &Columns, cuts: &Cuts, slots: usize) -> Self {
        Self {
            params,
            cuts: cuts.clone(),
            binned: Binned::by_rows(x, cuts),
            slots,
            gradients: vec![[0.0; 2]; x.rows() * slots],
            column: vec![[0.0; 2]; x.rows()],
            pool: Pool::default(),
        }
    }

    /// Grows a tree a slot against the gradients at the margins, and adds them to the margins.
    fn round(&mut self, index: u32, train: &mut Scored) -> (Vec<Tree>, Vec<Vec<(u32, f64)>>) {
        let Data { x, y, weights } = train.data;
        self.params.objective.gradients(self.params, y, weights, &train.margins, &mut self.gradients);
        let mut rng = Rng::new(self.params.seed, u64::from(index));
        let drawn = (self.params.subsample < 1.0).then(|| {
            let count = (x.rows() as f64 * self.params.subsample) as usize;
            rng.sample_sorted(x.rows(), count.max(1))
        });
        let (mut trees, mut gains) = (Vec::new(), Vec::new());
        for slot in 0..self.slots {
            if self.slots > 1 {
                let own = self.gradients.iter().skip(slot).step_by(self.slots);
                self.column.iter_mut().zip(own).for_each(|(column, gradient)| *column = *gradient);
            }
            let gradients = if self.slots > 1 { &self.column } else { &self.gradients };
            let width = x.width();
            let seen = ((width as f64 * self.params.colsample_bytree) as usize).max(1);
            let columns = rng.sample_sorted(width, seen);
            let selected = (seen < width).then(|| self.binned.select(&columns));
            let grower = Grower {
                params: self.params,
                binned: selected.as_ref().unwrap_or(&self.binned),
                columns: &columns,
                cuts: &self.cuts,
            };
            let mut rows = drawn.clone().unwrap_or_else(|| (0..x.rows() as u32).collect());
            let place = (self.slots, slot);
            // Histograms of another width are of no use.
            let mut pool = if selected.is_some() { Pool::default() } else { std::mem::take(&mut self.pool) };
            let grown = grower.grow(&mut rows, gradients, &mut train.margins, place, &mut pool);
            if selected.is_none() {
                self.pool = pool;
            }
            if let Some(drawn) = &drawn {
                self.add_to_rest(&grown.tree, drawn, slot, &mut train.margins);
            }
            trees.push(grown.tree);
            gains.push(grown.gains);
        }
        (trees, gains)
    }

    /// Adds a tree to the margins of the rows that it was not grown from.
    fn add_to_rest(&self, tree: &Tree, drawn: &[u32], slot: usize, margins: &mut [f64]) {
        let mut drawn = drawn.iter().peekable();
        for (row, bins) in self.binned.bins.chunks_exact(self.binned.width).enumerate() {
            if drawn.next_if(|&&next| next as usize == row).is_none() {
                let leaf = tree.leaf_by_bin(|feature| bins[feature]);
                margins[row * self.slots + slot] += f64::from(tree.values[leaf]);
            }
        }
    }
}
