use super::{FactorizationMachine, Params};
use crate::rng::Rng;
use crate::streaming::{
    Batch, Features, Method, Optimizer, PredictorType, Statistics, Streaming, View, logistic,
};
use crate::{Checked, Error, ParamError, SparseRows};
use std::borrow::Cow;

/// The rows as they are if they are sparse, else made so.
pub(super) fn sparse(x: View<'_>) -> Cow<'_, SparseRows> {
    match x {
        View::Dense(x) => Cow::Owned(SparseRows::of_columns(x)),
        View::Sparse(x) => Cow::Borrowed(x),
    }
}

/// Learns a factorization machine in mini-batches. A step touches the features that are not 0 in its rows, no others.
#[derive(Debug, Clone)]
pub struct Learner {
    params: Params,
    statistics: Statistics,
    model: FactorizationMachine,
    /// The mean of the models after each step of the last epoch: the last step's own is as noisy as its few rows.
    averages: FactorizationMachine,
    sums: Sums,
    /// Of the target: taken off, and divided by.
    mean: f64,
    scale: f64,
    /// Bias, then linear weights, then factors.
    optimizer: Optimizer,
    mini_batch: usize,
    loss: (f64, f64),
    rng: Rng,
}

/// What the models after the steps of an epoch add up to.
#[derive(Debug, Clone, Default)]
struct Sums {
    bias: f64,
    linear: Vec<f64>,
    factors: Vec<f64>,
    steps: u64,
    /// For each feature the steps that are in the sums: the weights of one that is not touched are added up later.
    until: Vec<u64>,
}

impl Sums {
    fn new(width: usize, k: usize) -> Self {
        let (linear, factors, until) = (vec![0.0; width], vec![0.0; width * k], vec![0; width]);
        Self { linear, factors, until, ..Self::default() }
    }

    /// Adds the weights of a feature, as they have been since it was touched last.
    fn catch_up(&mut self, model: &FactorizationMachine, j: usize) {
        let steps = (self.steps - self.until[j]) as f64;
        self.until[j] = self.steps;
        self.linear[j] += steps * model.linear[j];
        let k = model.num_factors as usize;
        let place = j * k..(j + 1) * k;
        let factors = self.factors[place.clone()].iter_mut().zip(&model.factors[place]);
        factors.for_each(|(sum, v)| *sum += steps * v);
    }

    /// Makes means of the sums and starts anew.
    fn finish(&mut self, model: &FactorizationMachine, averages: &mut FactorizationMachine) {
        if self.steps == 0 {
            return;
        }
        (0..self.linear.len()).for_each(|j| self.catch_up(model, j));
        let share = 1.0 / self.steps as f64;
        averages.bias = std::mem::take(&mut self.bias) * share;
        let weights = averages.linear.iter_mut().chain(&mut averages.factors);
        let sums = self.linear.iter_mut().chain(&mut self.factors);
        weights.zip(sums).for_each(|(mean, sum)| *mean = std::mem::take(sum) * share);
        self.steps = 0;
        self.until.fill(0);
    }
}

impl Checked<Params> {
    /// A learner of `width` features and `classes` classes (0: numbers).
    ///
    /// # Errors
    /// If there are not as many classes as the predictor takes.
    pub fn learner(&self, width: usize, classes: usize) -> Result<Learner, Error> {
        self.learner_of((0..width as u64).collect(), width as u64, classes)
    }

    /// A learner of some of `all` features, by their places among them: what it would know of these if it had all, the
    /// others always being 0.
    ///
    /// # Errors
    /// As [`Self::learner`], and if there are more factors than memory holds.
    pub fn learner_of(&self, places: Vec<u64>, all: u64, classes: usize) -> Result<Learner, Error> {
        /// Weights and factors that one piece of memory holds.
        const MOST: usize = isize::MAX as usize / size_of::<f64>();
        let wanted = if self.predictor_type == PredictorType::Regressor { 0 } else { 2 };
        if classes != wanted {
            return Err(Error::data(format!(
                "the predictor takes {wanted} classes, the target has {classes}"
            )));
        }
        let mut rng = Rng::new(self.seed, 0);
        let (width, k) = (places.len(), self.num_factors as usize);
        let parameters = width.checked_mul(k + 1).filter(|count| *count < MOST);
        let parameters = 1 + parameters.ok_or_else(|| {
            let fitting = (MOST / width.max(1)).saturating_sub(1);
            let message = format!("{width} features of {k} factors do not fit into memory");
            ParamError::new("num_factors", message, format!("1 to {}", fitting.max(1)))
        })?;
        // A sum of twelve uniform draws is as good as normal here, and the same on every machine.
        const DRAWS: u128 = 12;
        let mut factors = Vec::with_capacity(width * k);
        let mut next = 0;
        let mut pass = |rng: &mut Rng, place: u64| {
            if place > next {
                rng.skip(u128::from(place - next) * k as u128 * DRAWS);
            }
            next = place + 1;
        };
        for place in places {
            pass(&mut rng, place);
            let mut draw = || self.factors_init_sigma * ((0..DRAWS).map(|_| rng.unit()).sum::<f64>() - 6.0);
            factors.extend((0..k).map(|_| draw()));
        }
        pass(&mut rng, all);
        let model = FactorizationMachine {
            bias: 0.0,
            linear: vec![0.0; width],
            factors,
            num_factors: self.num_factors,
            classes: classes as u32,
        };
        Ok(Learner {
            statistics: Statistics::new(0, classes),
            averages: model.clone(),
            model,
            sums: Sums::new(width, k),
            mean: 0.0,
            scale: 1.0,
            optimizer: Optimizer::new(Method::Adam, parameters, 0.0, 0.9, 0.999),
            mini_batch: 1,
            loss: (0.0, 0.0),
            rng,
            params: self.clone().into_inner(),
        })
    }
}

impl Learner {
    fn width(&self) -> usize {
        self.model.linear.len()
    }

    /// The loss of a score, and its slope.
    fn row_loss(&self, score: f64, target: f64) -> (f64, f64) {
        match self.model.classes {
            0 => {
                let error = score - (target - self.mean) / self.scale;
                (0.5 * error * error, error)
            }
            _ => logistic(score, target),
        }
    }

    /// One step along the mean gradient of some rows.
    fn step<X>(&mut self, batch: Batch<X>, rows: &SparseRows, chosen: &[u32], scratch: &mut Scratch) {
        let k = self.params.num_factors as usize;
        let width = self.width();
        let (mut bias_gradient, mut total) = (0.0, 0.0);
        for &i in chosen {
            let i = i as usize;
            let weight = batch.weight(i);
            let score = self.model.score(rows.row(i), &mut scratch.sums);
            let (loss, slope) = self.row_loss(score, batch.y[i]);
            self.loss.0 += weight * loss;
            total += weight;
            let slope = weight * slope;
            bias_gradient += slope;
            for (j, x) in rows.row(i) {
                let slot = scratch.slot(j, k);
                let j = j as usize;
                scratch.linear[slot] += slope * x;
                let factors = self.model.factors[j * k..(j + 1) * k].iter().zip(&scratch.sums);
                for (gradient, (v, sum)) in scratch.factors[slot * k..(slot + 1) * k].iter_mut().zip(factors)
                {
                    *gradient += slope * x * (sum - v * x);
                }
            }
        }
        self.loss.1 += total;
        let Params { bias_lr, linear_lr, factors_lr, bias_wd, linear_wd, factors_wd, .. } = self.params;
        if total > 0.0 {
            let gradient = bias_gradient / total + bias_wd * self.model.bias;
            self.model.bias += self.optimizer.step(0, gradient, bias_lr);
        }
        for (slot, j) in scratch.features.iter().enumerate() {
            let j = *j as usize;
            scratch.slots[j] = NO_SLOT;
            if total > 0.0 {
                self.sums.catch_up(&self.model, j);
                let linear = &mut self.model.linear[j];
                let gradient = scratch.linear[slot] / total + linear_wd * *linear;
                *linear += self.optimizer.step(1 + j, gradient, linear_lr);
                let factors = self.model.factors[j * k..(j + 1) * k].iter_mut();
                for (f, (v, gradient)) in factors.zip(&scratch.factors[slot * k..]).enumerate() {
                    let gradient = gradient / total + factors_wd * *v;
                    *v += self.optimizer.step(1 + width + j * k + f, gradient, factors_lr);
                }
            }
        }
        self.sums.bias += self.model.bias;
        self.sums.steps += 1;
        scratch.features.clear();
        scratch.linear.clear();
        scratch.factors.clear();
    }
}

/// Gradients of a mini-batch, of the features that come up in it alone.
struct Scratch {
    sums: Vec<f64>,
    /// Where the gradients of each feature are.
    slots: Vec<u32>,
    features: Vec<u32>,
    linear: Vec<f64>,
    factors: Vec<f64>,
}

const NO_SLOT: u32 = u32::MAX;

impl Scratch {
    /// Where the gradients of a feature of `k` factors are.
    #[inline]
    fn slot(&mut self, feature: u32, k: usize) -> usize {
        let slot = &mut self.slots[feature as usize];
        if *slot == NO_SLOT {
            *slot = self.features.len() as u32;
            self.features.push(feature);
            self.linear.push(0.0);
            self.factors.resize(self.factors.len() + k, 0.0);
        }
        *slot as usize
    }
}

impl Streaming for Learner {
    type Model = FactorizationMachine;

    fn observe<X: Features>(&mut self, batch: Batch<X>) -> Result<(), Error> {
        batch.check(self.width(), self.model.classes())?;
        self.statistics.add_target(batch);
        Ok(())
    }

    fn start(&mut self) -> Result<(), Error> {
        if self.statistics.rows == 0 {
            return Err(Error::data("there are no rows"));
        }
        if self.statistics.total <= 0.0 {
            return Err(Error::data("all weights are 0"));
        }
        if self.model.classes == 0 {
            (self.mean, self.scale) = (self.statistics.means[0], self.statistics.scale(0));
        }
        let thirty_second = self.statistics.rows.div_ceil(32).min(1000) as usize;
        self.mini_batch = self.params.mini_batch_size.map_or(thirty_second, |rows| rows as usize);
        Ok(())
    }

    fn learn<X: Features>(&mut self, batch: Batch<X>) -> Result<(), Error> {
        batch.check(self.width(), self.model.classes())?;
        let rows = sparse(batch.x.view());
        let count = rows.rows();
        let mut order: Vec<u32> = (0..count as u32).collect();
        self.rng.draw_to_front(&mut order, count);
        let mut scratch = Scratch {
            sums: vec![0.0; self.params.num_factors as usize],
            slots: vec![NO_SLOT; self.width()],
            features: Vec::new(),
            linear: Vec::new(),
            factors: Vec::new(),
        };
        let mini_batch = self.mini_batch;
        order.chunks(mini_batch).for_each(|chosen| self.step(batch, &rows, chosen, &mut scratch));
        Ok(())
    }

    fn end_epoch(&mut self) -> f64 {
        self.sums.finish(&self.model, &mut self.averages);
        let (loss, total) = std::mem::take(&mut self.loss);
        loss / total
    }

    fn loss<X: Features>(&self, batch: Batch<X>) -> Result<(f64, f64), Error> {
        batch.check(self.width(), self.model.classes())?;
        let rows = sparse(batch.x.view());
        let mut sums = vec![0.0; self.params.num_factors as usize];
        let (mut loss, mut total) = (0.0, 0.0);
        for i in 0..rows.rows() {
            let score = self.averages.score(rows.row(i), &mut sums);
            loss += batch.weight(i) * self.row_loss(score, batch.y[i]).0;
            total += batch.weight(i);
        }
        Ok((loss, total))
    }

    fn model(&self) -> Result<FactorizationMachine, Error> {
        let mut model = self.averages.clone();
        // Back to the target's unit.
        model.bias = self.mean + self.scale * model.bias;
        model.linear.iter_mut().for_each(|w| *w *= self.scale);
        let root = self.scale.sqrt();
        model.factors.iter_mut().for_each(|v| *v *= root);
        match model.is_finite() {
            true => Ok(model),
            false => Err(Error::data(
                "the factors grow without end; scale the columns or lower the learning rates",
            )),
        }
    }
}
