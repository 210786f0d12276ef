//! The rounds of boosting.

use super::bins::{self, Feature, Tiles};
use super::data::{Data, Heavy};
use super::grow::{Followers, Grower, Pool};
use super::histogram::{Packed, Quanta};
use super::hyperparams::{Objective, Params};
use super::metric::{EvalMetric, Scored, ln_factorials};
use super::model::{GradientBoosting, Parts};
use super::objective::Gradient;
use super::quantile::quantile;
use super::ranking;
use super::sampler::Sampler;
use super::start::Start;
use super::trees::Tree;
use crate::matrix::Missing;
use crate::rng::Rng;
use crate::tree::Binned;
use crate::tree::binning::MOST_COLUMNS;
use crate::weights::check_weights;
use crate::{Checked, Error, ParamError};
use std::ops::ControlFlow;

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

/// One data set with its bins and the sums of leaf values so far, rows x slots.
struct Set<'a> {
    data: Data<'a>,
    groups: Vec<Vec<u32>>,
    /// For the metrics.
    constant: f64,
    binned: Binned,
    margins: Vec<f64>,
}

/// The best round so far by the last metric on the validation data.
struct Best {
    round: u32,
    value: f64,
}

const TOO_LARGE: &str = "the target's values are too large; scale the target";

impl Checked<Params> {
    /// Boosts trees until the rounds are used up, early stopping sets in, or `on_round` breaks off.
    ///
    /// # Errors
    /// For infinite values, targets that do not go with the objective, bad weights, a metric that the data leaves
    /// undefined, ranking without groups, and early stopping without validation data.
    pub fn fit(
        &self,
        train: Data,
        validation: Option<Data>,
        on_round: &mut dyn FnMut(&Round) -> ControlFlow<()>,
    ) -> Result<GradientBoosting, Error> {
        self.fit_from(None, train, validation, on_round)
    }

    /// As [`Checked::fit`], going on from a model: `num_round` rounds more, which are counted on from its own.
    ///
    /// # Errors
    /// As there, and for a model of other features, classes, objective or trees a round.
    pub fn fit_from(
        &self,
        model: Option<&GradientBoosting>,
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
        let (heavy, watched) = (Heavy::of(&train), validation.as_ref().and_then(Heavy::of));
        let columns = [&heavy, &watched].map(|heavy| heavy.as_ref().map(|heavy| heavy.kept.columns()));
        let train = match (&heavy, &columns[0]) {
            (Some(heavy), Some(x)) => heavy.data(x),
            _ => train,
        };
        let validation = match (&watched, &columns[1]) {
            (Some(heavy), Some(x)) => Some(heavy.data(x)),
            _ => validation,
        };
        self.boost(model, classes, train, validation, on_round)
    }

    /// Boosts trees of data that is checked, whose rows all have weight.
    fn boost(
        &self,
        model: Option<&GradientBoosting>,
        classes: usize,
        train: Data,
        validation: Option<Data>,
        on_round: &mut dyn FnMut(&Round) -> ControlFlow<()>,
    ) -> Result<GradientBoosting, Error> {
        let slots = self.objective.slots(classes);
        let start = model.map(|model| Start::new(self, model, train.x.width(), slots)).transpose()?;
        let start = start.unwrap_or_default();
        let base = match model {
            None => self.objective.base(self, train.y, train.weights, classes),
            Some(model) => model.parts().base.clone(),
        };
        let features = bins::fit(train.x, train.weights, &self.categorical_features, self.max_bin as usize);
        let set = |data| Set::new(self.objective, data, &features, &base);
        let mut train = set(train);
        let mut validation = validation.map(set);
        if let Some(model) = model {
            for set in [Some(&mut train), validation.as_mut()].into_iter().flatten() {
                set.margins = model.margins(set.data.x)?;
            }
        }

        let parallel = self.num_parallel_tree as usize;
        let metrics = self.metrics();
        let mut trees: Vec<Tree> = Vec::new();
        let mut booster = Booster::new(self, &train, &features, slots);
        let mut best: Option<Best> = None;
        for index in start.rounds..start.rounds.saturating_add(self.num_round) {
            let grown = booster.round(index, &mut train, validation.as_mut())?;
            trees.extend(grown);
            let mut round =
                Round { index, train: self.evaluate(&metrics, &train, slots)?, validation: Vec::new() };
            if let Some(validation) = &validation {
                round.validation = self.evaluate(&metrics, validation, slots)?;
            }
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
        if let (Some(_), Some(best)) = (self.early_stopping_rounds, &best) {
            trees.truncate((best.round - start.rounds + 1) as usize * slots * parallel);
        }
        let rounds = start.rounds as usize + trees.len() / (slots * parallel);
        let slot = |place: usize| (place / parallel % slots) as u32;
        Ok(GradientBoosting::new(Parts {
            width: train.data.x.width(),
            objective: self.objective,
            shape: self.shape(),
            base,
            slots: start.slots.into_iter().chain((0..trees.len()).map(slot)).collect(),
            rounds,
            trees: start.trees.into_iter().chain(trees).collect(),
            best_iteration: best.map(|best| best.round),
        }))
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
        let set = Set {
            data: *validation,
            groups: validation.groups.map_or(Vec::new(), ranking::rows_of_groups),
            constant: 0.0,
            binned: Binned { bins: Vec::new(), rows: 0, width: 0 },
            margins: base.repeat(validation.x.rows()),
        };
        self.evaluate(&self.metrics(), &set, slots).map(|_| ())
    }

    fn metrics(&self) -> Vec<EvalMetric> {
        match self.eval_metric.as_slice() {
            [] => vec![EvalMetric::default_of(self.objective)],
            metrics => metrics.to_vec(),
        }
    }

    fn check_data(&self, data: &Data, classes: Option<usize>) -> Result<usize, Error> {
        data.x.check_features(Missing::Allowed)?;
        if data.x.width() > MOST_COLUMNS {
            let width = data.x.width();
            let message = format!("there are {width} feature columns; trees take {MOST_COLUMNS} at the most");
            return Err(Error::data(message));
        }
        if data.x.rows() > 1 << 30 {
            return Err(Error::data("there are more rows than 1,073,741,824"));
        }
        self.check_columns(data.x.width())?;
        bins::check_categories(data.x, &self.categorical_features)?;
        check_weights(data.weights, data.x.rows())?;
        self.objective.check_groups(data.groups, data.x.rows())?;
        let classes = self.objective.check(data.y, data.x.rows(), classes)?;
        self.metrics().iter().try_for_each(|metric| metric.check(data.y))?;
        Ok(classes)
    }

    fn evaluate(
        &self,
        metrics: &[EvalMetric],
        set: &Set,
        slots: usize,
    ) -> Result<Vec<(EvalMetric, f64)>, Error> {
        let scored = Scored {
            params: self,
            y: set.data.y,
            weights: set.data.weights,
            groups: &set.groups,
            constant: set.constant,
            margins: &set.margins,
            slots,
        };
        metrics.iter().map(|&metric| Ok((metric, metric.evaluate(scored)?))).collect()
    }
}

impl<'a> Set<'a> {
    fn new(objective: Objective, data: Data<'a>, features: &[Feature], base: &[f64]) -> Self {
        let constant = ln_factorials(objective, data.y, data.weights);
        let margins = base.repeat(data.x.rows());
        let groups = data.groups.map_or(Vec::new(), ranking::rows_of_groups);
        Self { data, groups, constant, binned: bins::bin(data.x, features), margins }
    }
}

/// What the rounds share.
struct Booster<'a> {
    params: &'a Params,
    features: &'a [Feature],
    /// Of all columns.
    tiles: Option<Tiles>,
    slots: usize,
    /// Rows x slots.
    gradients: Vec<Gradient>,
    /// Of one slot.
    column: Vec<Gradient>,
    packed: Vec<Packed>,
    rows: Vec<u32>,
    pool: Pool,
    /// Where leaves are refitted, and a round has several trees: the margins before it.
    before: Vec<f64>,
}

impl<'a> Booster<'a> {
    fn new(params: &'a Params, train: &Set, features: &'a [Feature], slots: usize) -> Self {
        let rows = train.data.x.rows();
        let all: Vec<u32> = (0..features.len() as u32).collect();
        Self {
            params,
            features,
            tiles: (seen(params, all.len()) == all.len()).then(|| Tiles::new(&train.binned, &all)),
            slots,
            gradients: vec![[0.0; 2]; rows * slots],
            column: vec![[0.0; 2]; if slots > 1 { rows } else { 0 }],
            packed: Vec::with_capacity(rows),
            rows: Vec::with_capacity(rows),
            pool: Pool::default(),
            before: Vec::new(),
        }
    }

    /// Grows the trees of each slot against the gradients at the margins, and adds them to the margins. Trees of a slot
    /// come one after another.
    fn round(
        &mut self,
        index: u32,
        train: &mut Set,
        validation: Option<&mut Set>,
    ) -> Result<Vec<Tree>, Error> {
        let Data { x, y, weights, .. } = train.data;
        let params = self.params;
        match params.objective {
            objective if objective.ranks() => {
                ranking::gradients(objective, &train.groups, y, weights, &train.margins, &mut self.gradients);
            }
            objective => objective.gradients(params, y, weights, &train.margins, &mut self.gradients),
        }
        let mut validation = validation.map(|set| (&set.binned, &mut set.margins));
        let mut rng = Rng::new(params.seed, u64::from(index));
        let parallel = params.num_parallel_tree as usize;
        if parallel > 1 && params.objective.refit(params).is_some() {
            self.before.clone_from(&train.margins);
        }
        let mut trees: Vec<Tree> = vec![Tree::default(); self.slots * parallel];
        for number in 0..parallel {
            let (drawn, left_out) = draw(&mut rng, x.rows(), params.subsample);
            for slot in 0..self.slots {
                if self.slots > 1 {
                    let own = self.gradients.iter().skip(slot).step_by(self.slots);
                    self.column.iter_mut().zip(own).for_each(|(column, gradient)| *column = *gradient);
                }
                let gradients = if self.slots > 1 { &self.column } else { &self.gradients };
                let salt = index.wrapping_mul(0x2c1b_3c6d).wrapping_add((number * self.slots + slot) as u32);
                let quanta =
                    Quanta::pack(gradients, salt, &mut self.packed).ok_or_else(|| Error::data(TOO_LARGE))?;
                let width = x.width();
                let columns = rng.sample_sorted(width, seen(params, width));
                let selected = self.tiles.is_none().then(|| Tiles::new(&train.binned, &columns));
                let Some(tiles) = self.tiles.as_ref().or(selected.as_ref()) else { continue };
                let (features, binned) = (self.features, &train.binned);
                let grower = Grower { params, features, binned, tiles, columns: &columns, quanta };
                self.rows.clear();
                match &drawn {
                    Some(drawn) => self.rows.extend(drawn),
                    None => self.rows.extend(0..x.rows() as u32),
                }
                let mut followers = vec![Followers { binned, rows: left_out.clone(), of_training: true }];
                if let Some((binned, _)) = &validation {
                    let rows = (0..binned.rows as u32).collect();
                    followers.push(Followers { binned, rows, of_training: false });
                }
                let [bylevel, bynode] = [params.colsample_bylevel, params.colsample_bynode];
                let mut sampler = Sampler::new(&mut rng, columns.len(), bylevel, bynode);
                let (mut tree, leaves) =
                    grower.grow(&mut self.rows, &mut followers, &self.packed, &mut sampler, &mut self.pool);
                for leaf in leaves {
                    let own = &self.rows[leaf.rows.clone()];
                    let margins = if self.before.is_empty() { &train.margins } else { &self.before };
                    let step = match params.objective.refit(params) {
                        Some(alpha) => refit(own, y, weights, margins, alpha),
                        None => leaf.value,
                    };
                    let value = (step * params.eta / parallel as f64) as f32;
                    let value = if value.is_finite() { value } else { 0.0 };
                    tree.values[leaf.node as usize] = value;
                    add(own, slot, self.slots, value, &mut train.margins);
                    for (followers, range) in followers.iter().zip(&leaf.followers) {
                        let margins = match (&mut validation, followers.of_training) {
                            (Some((_, margins)), false) => &mut **margins,
                            _ => &mut train.margins,
                        };
                        add(&followers.rows[range.clone()], slot, self.slots, value, margins);
                    }
                }
                trees[slot * parallel + number] = tree.by_depth();
            }
        }
        if train.margins.iter().any(|margin| !margin.is_finite()) {
            return Err(Error::data(TOO_LARGE));
        }
        Ok(trees)
    }
}

/// The rows that a tree learns from, none for all of them, and those left out.
fn draw(rng: &mut Rng, rows: usize, share: f64) -> (Option<Vec<u32>>, Vec<u32>) {
    if share >= 1.0 {
        return (None, Vec::new());
    }
    let drawn = rng.sample_sorted(rows, ((rows as f64 * share) as usize).max(1));
    let mut next = drawn.iter().peekable();
    let rest = (0..rows as u32).filter(|row| next.next_if_eq(&row).is_none()).collect();
    (Some(drawn), rest)
}

/// How many columns a tree sees.
fn seen(params: &Params, width: usize) -> usize {
    ((width as f64 * params.colsample_bytree) as usize).max(1)
}

fn add(rows: &[u32], slot: usize, slots: usize, value: f32, margins: &mut [f64]) {
    for &row in rows {
        margins[row as usize * slots + slot] += f64::from(value);
    }
}

/// The quantile of what the margins are short of the targets of some rows.
fn refit(rows: &[u32], y: &[f64], weights: Option<&[f64]>, margins: &[f64], alpha: f64) -> f64 {
    let residual = |&row: &u32| {
        let row = row as usize;
        (y[row] - margins[row], weights.map_or(1.0, |w| w[row]))
    };
    quantile(&mut rows.iter().map(residual).collect::<Vec<_>>(), alpha)
}
