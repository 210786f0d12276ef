use crate::param_guard::{ABOVE_ZERO, FINITE, within};
use crate::streaming::{Method, PredictorType};
use crate::{Check, ParamError};
use serde::{Deserialize, Serialize};
use std::ops::Bound::{Excluded, Included};

/// What an error costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// `squared_loss`, `logistic` or `softmax_loss`, as the predictor is.
    #[default]
    Auto,
    /// Its square.
    SquaredLoss,
    /// Its size.
    AbsoluteLoss,
    /// Its square up to `huber_delta`, then its size.
    HuberLoss,
    /// Its size, by `quantile` where the prediction is too low and the rest where it is too high.
    QuantileLoss,
    /// What is above `loss_insensitivity`, squared.
    EpsInsensitiveSquaredLoss,
    /// What is above `loss_insensitivity`.
    EpsInsensitiveAbsoluteLoss,
    /// Two classes: by how much a row lies within `margin` of the border, or beyond it.
    HingeLoss,
    /// Log loss, two classes.
    Logistic,
    /// Log loss, several classes.
    SoftmaxLoss,
}

/// What shapes a linear learner; names are SageMaker's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    pub predictor_type: PredictorType,
    pub loss: Loss,
    /// Rows a step. `None`: 1000, or a 32nd of the rows if that is less. At least 1.
    pub mini_batch_size: Option<u32>,
    pub optimizer: Method,
    /// How far a step goes. `None`: 0.05 for `adam` and `rmsprop`, 0.1 for `sgd`. Above 0.
    pub learning_rate: Option<f64>,
    /// Whether the learning rate falls, by `lr_scheduler_factor` every `lr_scheduler_step` steps, down to
    /// `lr_scheduler_minimum_lr`.
    pub use_lr_scheduler: bool,
    pub lr_scheduler_step: u32,
    pub lr_scheduler_factor: f64,
    pub lr_scheduler_minimum_lr: f64,
    /// Of `sgd`. 0 to 1, 1 excluded.
    pub momentum: f64,
    /// Of `adam`. 0 to 1, 1 excluded.
    pub beta_1: f64,
    /// Of `adam` and `rmsprop`. 0 to 1, 1 excluded.
    pub beta_2: f64,
    /// The factor of absolute coefficients (of normalised columns) in the mean loss. At least 0.
    pub l1: f64,
    /// The factor of half the squared coefficients (of normalised columns) in the mean loss. `None`: one by the sum of
    /// the weights, as much as scikit-learn's `C = 1`. At least 0.
    pub wd: Option<f64>,
    /// Whether scores have a constant part.
    pub use_bias: bool,
    /// Whether columns are brought to mean 0 and variance 1 for the learning.
    pub normalize_data: bool,
    /// Whether a numeric target is.
    pub normalize_label: bool,
    /// Where squares end, in units of the (normalised) target. Above 0.
    pub huber_delta: f64,
    /// Between 0 and 1.
    pub quantile: f64,
    /// In units of the (normalised) target. At least 0.
    pub loss_insensitivity: f64,
    /// Of `hinge_loss`: how far from the border a row costs nothing. Above 0.
    pub margin: f64,
    /// What a row of the second of two classes weighs; `None`: as much as makes both classes equal. Above 0.
    pub positive_example_weight_mult: Option<f64>,
    /// Whether all of several classes weigh the same.
    pub balance_multiclass_weights: bool,
    pub seed: u64,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            predictor_type: PredictorType::Regressor,
            loss: Loss::Auto,
            mini_batch_size: None,
            optimizer: Method::Adam,
            learning_rate: None,
            use_lr_scheduler: true,
            lr_scheduler_step: 10,
            lr_scheduler_factor: 0.99,
            lr_scheduler_minimum_lr: 1e-5,
            momentum: 0.9,
            beta_1: 0.9,
            beta_2: 0.999,
            l1: 0.0,
            wd: None,
            use_bias: true,
            normalize_data: true,
            normalize_label: true,
            huber_delta: 1.0,
            quantile: 0.5,
            loss_insensitivity: 0.01,
            margin: 1.0,
            positive_example_weight_mult: Some(1.0),
            balance_multiclass_weights: false,
            seed: 0,
        }
    }
}

impl Check for Params {
    fn verify(&self) -> Result<(), ParamError> {
        use Loss::*;
        let (fits, allowed) = match self.predictor_type {
            PredictorType::Regressor => (
                !matches!(self.loss, HingeLoss | Logistic | SoftmaxLoss),
                "auto, squared_loss, absolute_loss, huber_loss, quantile_loss, eps_insensitive_squared_loss, \
                 eps_insensitive_absolute_loss",
            ),
            PredictorType::BinaryClassifier => (
                self.loss != SoftmaxLoss,
                "auto, logistic, hinge_loss, squared_loss, absolute_loss, huber_loss, quantile_loss, \
                 eps_insensitive_squared_loss, eps_insensitive_absolute_loss",
            ),
            PredictorType::MulticlassClassifier => {
                (matches!(self.loss, Auto | SoftmaxLoss), "auto, softmax_loss")
            }
        };
        if !fits {
            return Err(ParamError::new("loss", "it does not go with the predictor_type", allowed));
        }
        if let Some(rows) = self.mini_batch_size {
            within("mini_batch_size", rows, 1..)?;
        }
        if let Some(rate) = self.learning_rate {
            within("learning_rate", rate, (ABOVE_ZERO, FINITE))?;
        }
        within("lr_scheduler_step", self.lr_scheduler_step, 1..)?;
        within("lr_scheduler_factor", self.lr_scheduler_factor, (Excluded(0.0), Included(1.0)))?;
        within("lr_scheduler_minimum_lr", self.lr_scheduler_minimum_lr, 0.0..=f64::MAX)?;
        within("momentum", self.momentum, 0.0..1.0)?;
        within("beta_1", self.beta_1, 0.0..1.0)?;
        within("beta_2", self.beta_2, 0.0..1.0)?;
        within("l1", self.l1, 0.0..=f64::MAX)?;
        self.wd.map_or(Ok(()), |wd| within("wd", wd, 0.0..=f64::MAX))?;
        within("huber_delta", self.huber_delta, (ABOVE_ZERO, FINITE))?;
        within("quantile", self.quantile, (Excluded(0.0), Excluded(1.0)))?;
        within("loss_insensitivity", self.loss_insensitivity, 0.0..=f64::MAX)?;
        within("margin", self.margin, (ABOVE_ZERO, FINITE))?;
        self.positive_example_weight_mult
            .map_or(Ok(()), |weight| within("positive_example_weight_mult", weight, (ABOVE_ZERO, FINITE)))
    }
}
