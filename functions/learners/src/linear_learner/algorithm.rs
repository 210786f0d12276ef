use super::{Loss, Params};
use crate::linalg::standardize::BLOCK;
use crate::linalg::{add_combination, add_products, dot, exp::exp};
use crate::linear_model::LinearModel;
use crate::logistic_regression::LogisticRegression;
use crate::rng::Rng;
use crate::streaming::{
    Batch, Features, Method, Optimizer, PredictorType, Statistics, Streaming, View, logistic,
};
use crate::{Checked, Error};
use serde::{Deserialize, Serialize};

/// Epoch `e` counts in the mean of the weights about like `e` to the power of it. Steps are as noisy as their few rows: of
/// one epoch alone the mean keeps much of that. O. Shamir, T. Zhang, Stochastic gradient descent for non-smooth
/// optimization, ICML 2013.
const LATER: f64 = 6.0;

/// What was learnt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Model {
    Numbers(LinearModel),
    Classes(LogisticRegression),
}

/// Learns scores that are linear in the features: one of a number or of the second of two classes, else one a class.
#[derive(Debug, Clone)]
pub struct LinearLearner {
    pub(super) params: Params,
    pub(super) width: usize,
    classes: usize,
    pub(super) outputs: usize,
    statistics: Statistics,
    pub(super) means: Vec<f64>,
    pub(super) scales: Vec<f64>,
    /// Of normalised columns: outputs x (width and the bias).
    pub(super) weights: Vec<f64>,
    /// Their sums over the steps of the epoch, and their mean over all epochs, in which later ones count for more.
    sums: Vec<f64>,
    averages: Vec<f64>,
    epochs: u32,
    class_weights: Vec<f64>,
    optimizer: Optimizer,
    pub(super) mini_batch: usize,
    rate: f64,
    steps: u64,
    steps_of_epoch: u64,
    pub(super) loss: (f64, f64),
    rng: Rng,
}

/// Weights of all outputs together, at the most.
const MOST_WEIGHTS: usize = 1 << 26;

impl Checked<Params> {
    /// A learner of `width` features and `classes` classes (0: numbers).
    ///
    /// # Errors
    /// If there are not as many classes as the predictor takes.
    pub fn learner(&self, width: usize, classes: usize) -> Result<LinearLearner, Error> {
        let outputs = match (self.predictor_type, classes) {
            (PredictorType::Regressor, 0) | (PredictorType::BinaryClassifier, 2) => 1,
            (PredictorType::MulticlassClassifier, 2..) => classes,
            (PredictorType::BinaryClassifier, _) => {
                return Err(Error::data(format!(
                    "a binary_classifier tells two classes apart, the target has {classes}"
                )));
            }
            (predictor, _) => {
                return Err(Error::data(format!("a {predictor:?} cannot learn {classes} classes")));
            }
        };
        // Several pieces of memory are as large as this one.
        let parameters = (width + 1).checked_mul(outputs).filter(|count| *count <= MOST_WEIGHTS);
        let parameters = parameters.ok_or_else(|| {
            Error::data(format!(
                "{classes} classes of {width} features have more weights than {MOST_WEIGHTS}, which fit into memory"
            ))
        })?;
        let default_rate = if self.optimizer == Method::Sgd { 0.1 } else { 0.05 };
        Ok(LinearLearner {
            width,
            classes,
            outputs,
            statistics: Statistics::new(width, classes),
            means: vec![0.0; width + 1],
            scales: vec![1.0; width + 1],
            weights: vec![0.0; parameters],
            sums: vec![0.0; parameters],
            averages: vec![0.0; parameters],
            epochs: 0,
            class_weights: vec![1.0; classes],
            optimizer: Optimizer::new(self.optimizer, parameters, self.momentum, self.beta_1, self.beta_2),
            mini_batch: 1,
            rate: self.learning_rate.unwrap_or(default_rate),
            steps: 0,
            steps_of_epoch: 0,
            loss: (0.0, 0.0),
            rng: Rng::new(self.seed, 0),
            params: self.clone().into_inner(),
        })
    }
}

/// Loss and slopes of a block of rows; the scores become the slopes.
pub(super) struct Block {
    columns: Vec<f64>,
    pub(super) scores: Vec<f64>,
    targets: [f64; BLOCK],
    pub(super) weights: [f64; BLOCK],
}

impl LinearLearner {
    /// Room for rows, and for their values if these are held by `columns`.
    pub(super) fn block(&self, columns: usize) -> Block {
        Block {
            columns: vec![0.0; columns * BLOCK],
            scores: vec![0.0; self.outputs * BLOCK],
            targets: [0.0; BLOCK],
            weights: [0.0; BLOCK],
        }
    }

    /// Reads rows of a batch, at most [`BLOCK`] of them, normalised.
    fn read(&self, block: &mut Block, batch: Batch, rows: impl ExactSizeIterator<Item = usize> + Clone) {
        let count = rows.len();
        for (j, out) in block.columns.chunks_exact_mut(BLOCK).enumerate().take(self.width) {
            let (column, mean, factor) = (batch.x.column(j), self.means[j], 1.0 / self.scales[j]);
            out.iter_mut().zip(rows.clone()).for_each(|(out, i)| *out = (column[i] - mean) * factor);
            out[count..].fill(0.0);
        }
        let bias = &mut block.columns[self.width * BLOCK..];
        bias.fill(0.0);
        bias[..count].fill(if self.params.use_bias { 1.0 } else { 0.0 });
        self.read_targets(block, batch, rows);
    }

    /// Reads the targets and weights of rows of a batch.
    pub(super) fn read_targets<X>(
        &self,
        block: &mut Block,
        batch: Batch<X>,
        rows: impl Iterator<Item = usize>,
    ) {
        block.weights.fill(0.0);
        block.targets.fill(0.0);
        for (k, i) in rows.enumerate() {
            block.targets[k] = match self.classes {
                0 => (batch.y[i] - self.means[self.width]) / self.scales[self.width],
                _ => batch.y[i],
            };
            block.weights[k] =
                batch.weight(i) * self.class_weights.get(batch.y[i] as usize).copied().unwrap_or(1.0);
        }
    }

    /// Scores the block and turns scores into weighted slopes of the loss. Returns the weighted loss.
    fn evaluate(&self, block: &mut Block, weights: &[f64]) -> f64 {
        block.scores.fill(0.0);
        for (weights, scores) in
            weights.chunks_exact(self.width + 1).zip(block.scores.chunks_exact_mut(BLOCK))
        {
            add_combination(&block.columns, weights, scores);
        }
        self.slopes(block)
    }

    /// Turns the scores of a block into weighted slopes of the loss. Returns the weighted loss.
    pub(super) fn slopes(&self, block: &mut Block) -> f64 {
        let mut loss = 0.0;
        if self.outputs == 1 {
            for ((score, target), weight) in block.scores.iter_mut().zip(&block.targets).zip(&block.weights) {
                let (value, slope) = match self.classes {
                    0 => self.number_loss(*score - target),
                    _ => self.class_loss(*score, *target),
                };
                loss += weight * value;
                *score = weight * slope;
            }
            return loss;
        }
        for (i, weight) in block.weights.iter().enumerate() {
            let places = (i..block.scores.len()).step_by(BLOCK);
            let highest = places.clone().map(|p| block.scores[p]).fold(f64::NEG_INFINITY, f64::max);
            let own = block.targets[i] as usize * BLOCK + i;
            let own_score = block.scores[own];
            let mut sum = 0.0;
            for place in places.clone() {
                block.scores[place] = exp(block.scores[place] - highest);
                sum += block.scores[place];
            }
            loss += weight * (libm::log(sum) + highest - own_score);
            places.for_each(|place| block.scores[place] *= weight / sum);
            block.scores[own] -= weight;
        }
        loss
    }

    /// The loss of a score of two classes, and its slope. Losses of numbers hold it against -1 and 1.
    fn class_loss(&self, score: f64, class: f64) -> (f64, f64) {
        let side = 2.0 * class - 1.0;
        match self.params.loss {
            Loss::Auto | Loss::Logistic => logistic(score, class),
            Loss::HingeLoss => {
                let short = self.params.margin - side * score;
                if short > 0.0 { (short, -side) } else { (0.0, 0.0) }
            }
            _ => self.number_loss(score - side),
        }
    }

    /// The loss of an error, and its slope.
    fn number_loss(&self, error: f64) -> (f64, f64) {
        let Params { huber_delta, quantile, loss_insensitivity, .. } = self.params;
        let size = error.abs();
        let beyond = (size - loss_insensitivity).max(0.0);
        match self.params.loss {
            Loss::AbsoluteLoss => (size, if error == 0.0 { 0.0 } else { error.signum() }),
            Loss::HuberLoss if size > huber_delta => {
                (huber_delta * (size - 0.5 * huber_delta), huber_delta * error.signum())
            }
            // The prediction less the target: above 0 is too high.
            Loss::QuantileLoss if error > 0.0 => ((1.0 - quantile) * error, 1.0 - quantile),
            Loss::QuantileLoss => (-quantile * error, if error == 0.0 { 0.0 } else { -quantile }),
            Loss::EpsInsensitiveSquaredLoss => (0.5 * beyond * beyond, beyond * error.signum()),
            Loss::EpsInsensitiveAbsoluteLoss => (beyond, if beyond > 0.0 { error.signum() } else { 0.0 }),
            _ => (0.5 * error * error, error),
        }
    }

    /// Steps over the mini-batches of rows in this order.
    fn learn_dense(&mut self, batch: Batch, order: &[u32]) {
        let mut block = self.block(self.width + 1);
        let mut gradient = vec![0.0; self.weights.len()];
        for mini_batch in order.chunks(self.mini_batch) {
            gradient.fill(0.0);
            let mut total = 0.0;
            for rows in mini_batch.chunks(BLOCK) {
                self.read(&mut block, batch, rows.iter().map(|&i| i as usize));
                let loss = self.evaluate(&mut block, &self.weights);
                total += block.weights.iter().sum::<f64>();
                self.loss.0 += loss;
                let slopes = block.scores.chunks_exact(BLOCK);
                for (slopes, gradient) in slopes.zip(gradient.chunks_exact_mut(self.width + 1)) {
                    add_products(&block.columns, slopes, gradient);
                }
            }
            self.loss.1 += total;
            if total > 0.0 {
                self.step(&mut gradient, total);
            }
        }
    }

    /// One step along the mean gradient of the mini-batch.
    pub(super) fn step(&mut self, gradient: &mut [f64], total: f64) {
        let Params { use_lr_scheduler, lr_scheduler_factor, lr_scheduler_step, l1, .. } = self.params;
        let wd = self.params.wd.unwrap_or(1.0 / self.statistics.total);
        let rate = match use_lr_scheduler {
            true => {
                let falls = (self.steps / u64::from(lr_scheduler_step)).min(100_000) as i32;
                (self.rate * lr_scheduler_factor.powi(falls))
                    .max(self.params.lr_scheduler_minimum_lr.min(self.rate))
            }
            false => self.rate,
        };
        for (k, gradient) in gradient.iter().enumerate() {
            let penalized = k % (self.width + 1) < self.width;
            let decay = if penalized { wd * self.weights[k] } else { 0.0 };
            let delta = self.optimizer.step(k, gradient / total + decay, rate);
            self.weights[k] += delta;
            if penalized && l1 > 0.0 {
                let weight = self.weights[k];
                self.weights[k] = (weight.abs() - rate * l1).max(0.0).copysign(weight);
            }
            self.sums[k] += self.weights[k];
        }
        self.steps += 1;
        self.steps_of_epoch += 1;
    }

    /// Coefficients and intercepts for the columns as they are.
    fn unscaled(&self) -> (Vec<f64>, Vec<f64>) {
        let (target_mean, target_scale) = (self.means[self.width], self.scales[self.width]);
        let (mut coefficients, mut intercepts) = (Vec::new(), Vec::new());
        for output in self.averages.chunks_exact(self.width + 1) {
            let raw: Vec<f64> =
                output[..self.width].iter().zip(&self.scales).map(|(c, s)| target_scale * c / s).collect();
            let bias = if self.params.use_bias { output[self.width] } else { 0.0 };
            intercepts.push(target_mean + target_scale * bias - dot(&raw, &self.means[..self.width]));
            coefficients.extend(raw);
        }
        (coefficients, intercepts)
    }
}

impl Streaming for LinearLearner {
    type Model = Model;

    fn observe<X: Features>(&mut self, batch: Batch<X>) -> Result<(), Error> {
        batch.check(self.width, self.classes)?;
        self.statistics.add(batch);
        Ok(())
    }

    fn start(&mut self) -> Result<(), Error> {
        let statistics = &self.statistics;
        if statistics.rows == 0 {
            return Err(Error::data("there are no rows"));
        }
        if statistics.total <= 0.0 {
            return Err(Error::data("all weights are 0"));
        }
        // Without a bias the origin stays where it is.
        let center = self.params.use_bias;
        for k in 0..=self.width {
            let normalized = match k < self.width {
                true => self.params.normalize_data,
                false => self.params.normalize_label && self.classes == 0,
            };
            if normalized {
                self.means[k] = if center { statistics.means[k] } else { 0.0 };
                self.scales[k] = statistics.scale(k);
            }
        }
        let shares = &statistics.classes;
        if self.params.predictor_type == PredictorType::BinaryClassifier {
            self.class_weights[1] = self.params.positive_example_weight_mult.unwrap_or(shares[0] / shares[1]);
        } else if self.params.balance_multiclass_weights && !shares.is_empty() {
            let even = statistics.total / shares.len() as f64;
            self.class_weights = shares.iter().map(|share| even / share).collect();
        }
        if self.class_weights.iter().any(|w| !(w.is_finite() && *w > 0.0)) {
            return Err(Error::data("a class has no weight; it cannot be balanced"));
        }
        let thirty_second = statistics.rows.div_ceil(32).min(1000) as usize;
        self.mini_batch = self.params.mini_batch_size.map_or(thirty_second, |rows| rows as usize);
        Ok(())
    }

    fn learn<X: Features>(&mut self, batch: Batch<X>) -> Result<(), Error> {
        batch.check(self.width, self.classes)?;
        let rows = batch.x.view().rows();
        let mut order: Vec<u32> = (0..rows as u32).collect();
        self.rng.draw_to_front(&mut order, rows);
        match batch.x.view() {
            View::Dense(x) => self.learn_dense(batch.with(x), &order),
            View::Sparse(x) => self.learn_sparse(batch.with(x), &order),
        }
        Ok(())
    }

    fn end_epoch(&mut self) -> f64 {
        if self.steps_of_epoch > 0 {
            self.epochs = self.epochs.saturating_add(1);
            let share = (1.0 + LATER) / (f64::from(self.epochs) + LATER);
            let factor = share / self.steps_of_epoch as f64;
            let means = self.averages.iter_mut().zip(&self.sums);
            means.for_each(|(average, sum)| *average = (1.0 - share) * *average + factor * sum);
        }
        if self.params.l1 > 0.0 {
            // Averages of zeros and others are no zeros.
            let kept = self.averages.iter_mut().zip(&self.weights);
            kept.for_each(|(average, weight)| *average = if *weight == 0.0 { 0.0 } else { *average });
        }
        self.sums.fill(0.0);
        self.steps_of_epoch = 0;
        let (loss, total) = std::mem::take(&mut self.loss);
        loss / total
    }

    fn loss<X: Features>(&self, batch: Batch<X>) -> Result<(f64, f64), Error> {
        batch.check(self.width, self.classes)?;
        let x = batch.x.view();
        let (normal, offsets) = match x {
            View::Dense(_) => (None, Vec::new()),
            View::Sparse(_) => {
                let normal = self.normal();
                let offsets = self.offsets(&normal, &self.averages);
                (Some(normal), offsets)
            }
        };
        let mut block = self.block(if normal.is_some() { 0 } else { self.width + 1 });
        let (mut loss, mut total) = (0.0, 0.0);
        for start in (0..x.rows()).step_by(BLOCK) {
            let rows = start..x.rows().min(start + BLOCK);
            loss += match (x, &normal) {
                (View::Sparse(x), Some(normal)) => {
                    let weights = (&self.averages[..], &offsets[..]);
                    self.evaluate_sparse(&mut block, normal, batch.with(x), rows, weights)
                }
                (View::Dense(x), _) => {
                    self.read(&mut block, batch.with(x), rows);
                    self.evaluate(&mut block, &self.averages)
                }
                (View::Sparse(_), None) => 0.0,
            };
            total += block.weights.iter().sum::<f64>();
        }
        Ok((loss, total))
    }

    fn model(&self) -> Result<Model, Error> {
        let (coefficients, intercepts) = self.unscaled();
        match self.classes {
            0 => {
                let model = LinearModel::new(coefficients, intercepts[0]);
                model
                    .map(Model::Numbers)
                    .map_err(|_| Error::data("the coefficients grow without end; lower the learning rate"))
            }
            _ => LogisticRegression::new(coefficients, intercepts).map(Model::Classes),
        }
    }
}
