use super::{FactorizationMachine, Params};
use crate::rng::Rng;
use crate::streaming::{Batch, Method, Optimizer, PredictorType, Statistics, Streaming, logistic};
use crate::{Checked, Columns, Error};

/// The values of a table that are not 0, row by row.
pub(super) struct SparseRows {
    starts: Vec<usize>,
    features: Vec<u32>,
    values: Vec<f64>,
}

impl SparseRows {
    pub fn new(x: &Columns) -> Self {
        let mut starts = vec![0; x.rows() + 1];
        for column in x.iter() {
            starts[1..].iter_mut().zip(column).for_each(|(count, v)| *count += usize::from(*v != 0.0));
        }
        for i in 1..starts.len() {
            starts[i] += starts[i - 1];
        }
        let count = starts.last().copied().unwrap_or_default();
        let (mut features, mut values) = (vec![0; count], vec![0.0; count]);
        let mut ends = starts.clone();
        for (j, column) in x.iter().enumerate() {
            for (i, &v) in column.iter().enumerate().filter(|(_, v)| **v != 0.0) {
                (features[ends[i]], values[ends[i]]) = (j as u32, v);
                ends[i] += 1;
            }
        }
        Self { starts, features, values }
    }

    /// Features and values of row `i`.
    pub fn row(&self, i: usize) -> impl Iterator<Item = (u32, f64)> + '_ {
        let range = self.starts[i]..self.starts[i + 1];
        self.features[range.clone()].iter().copied().zip(self.values[range].iter().copied())
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
        let wanted = if self.predictor_type == PredictorType::Regressor { 0 } else { 2 };
        if classes != wanted {
            return Err(Error::data(format!(
                "the predictor takes {wanted} classes, the target has {classes}"
            )));
        }
        let mut rng = Rng::new(self.seed, 0);
        let k = self.num_factors as usize;
        // A sum of twelve uniform draws is as good as normal here, and the same on every machine.
        let mut draw = || self.factors_init_sigma * ((0..12).map(|_| rng.unit()).sum::<f64>() - 6.0);
        let factors = (0..width * k).map(|_| draw()).collect();
        let parameters = 1 + width * (k + 1);
        let model = FactorizationMachine {
            bias: 0.0,
            linear: vec![0.0; width],
            factors,
            num_factors: self.num_factors,
            classes: classes as u32,
        };
        Ok(Learner {
            statistics: Statistics::new(width, classes),
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
    fn step(&mut self, batch: Batch, rows: &SparseRows, chosen: &[u32], scratch: &mut Scratch) {
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
                let j = j as usize;
                if !scratch.touched[j] {
                    scratch.touched[j] = true;
                    scratch.features.push(j as u32);
                }
                scratch.linear[j] += slope * x;
                let place = j * k..(j + 1) * k;
                let factors = self.model.factors[place.clone()].iter().zip(&scratch.sums);
                for (gradient, (v, sum)) in scratch.factors[place].iter_mut().zip(factors) {
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
        for j in scratch.features.drain(..) {
            let j = j as usize;
            scratch.touched[j] = false;
            let gradient = std::mem::take(&mut scratch.linear[j]);
            let place = j * k..(j + 1) * k;
            if total > 0.0 {
                self.sums.catch_up(&self.model, j);
                let linear = &mut self.model.linear[j];
                *linear += self.optimizer.step(1 + j, gradient / total + linear_wd * *linear, linear_lr);
                let factors =
                    self.model.factors[place.clone()].iter_mut().zip(&scratch.factors[place.clone()]);
                for (f, (v, gradient)) in factors.enumerate() {
                    let gradient = gradient / total + factors_wd * *v;
                    *v += self.optimizer.step(1 + width + j * k + f, gradient, factors_lr);
                }
            }
            scratch.factors[place].fill(0.0);
        }
        self.sums.bias += self.model.bias;
        self.sums.steps += 1;
    }
}

/// Gradients of a mini-batch; 0 between two of them.
struct Scratch {
    sums: Vec<f64>,
    linear: Vec<f64>,
    factors: Vec<f64>,
    touched: Vec<bool>,
    features: Vec<u32>,
}

impl Streaming for Learner {
    type Model = FactorizationMachine;

    fn observe(&mut self, batch: Batch) -> Result<(), Error> {
        batch.check(self.width(), self.model.classes())?;
        self.statistics.add(batch);
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
            let width = self.width();
            (self.mean, self.scale) = (self.statistics.means[width], self.statistics.scale(width));
        }
        let thirty_second = self.statistics.rows.div_ceil(32).min(1000) as usize;
        self.mini_batch = self.params.mini_batch_size.map_or(thirty_second, |rows| rows as usize);
        Ok(())
    }

    fn learn(&mut self, batch: Batch) -> Result<(), Error> {
        batch.check(self.width(), self.model.classes())?;
        let count = batch.x.rows();
        let mut order: Vec<u32> = (0..count as u32).collect();
        self.rng.draw_to_front(&mut order, count);
        let rows = SparseRows::new(batch.x);
        let mut scratch = Scratch {
            sums: vec![0.0; self.params.num_factors as usize],
            linear: vec![0.0; self.width()],
            factors: vec![0.0; self.model.factors.len()],
            touched: vec![false; self.width()],
            features: Vec::new(),
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

    fn loss(&self, batch: Batch) -> Result<(f64, f64), Error> {
        batch.check(self.width(), self.model.classes())?;
        let rows = SparseRows::new(batch.x);
        let mut sums = vec![0.0; self.params.num_factors as usize];
        let (mut loss, mut total) = (0.0, 0.0);
        for i in 0..batch.x.rows() {
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
