use crate::param_guard::hyperparams;
use crate::streaming::{Method, PredictorType};
use crate::{Check, ParamError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an error costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
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
    /// The square of what is above `loss_insensitivity`.
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

hyperparams! {
    /// What shapes a linear learner; names are SageMaker's.
    pub struct Params {
        /// Users choose it for the job.
        #[schemars(skip)]
        pub predictor_type: PredictorType = PredictorType::Regressor;
        /// What an error costs. With two classes, losses of numbers hold the score against -1 and 1; probabilities are calibrated
        /// for `logistic` only, for other losses they say no more than which class is nearer and how clearly.
        pub loss: Loss = Loss::Auto;
        /// Rows a step; if not given 1000, or a 32nd of the rows if that is less.
        pub mini_batch_size: Option<u32> = None, "minimum" = 1;
        /// Users may leave it open.
        #[schemars(skip)]
        pub optimizer: Method = Method::Adam;
        /// How far a step goes; if not given 0.05 for `adam` and `rmsprop`, 0.1 for `sgd`.
        pub learning_rate: Option<f64> = None, "exclusiveMinimum" = 0;
        /// Whether the learning rate falls.
        pub use_lr_scheduler: bool = true;
        /// Steps after which the learning rate falls.
        pub lr_scheduler_step: u32 = 10, "minimum" = 1;
        /// What it is multiplied by then.
        pub lr_scheduler_factor: f64 = 0.99, "exclusiveMinimum" = 0, "maximum" = 1;
        /// It falls no lower.
        pub lr_scheduler_minimum_lr: f64 = 1e-5, "minimum" = 0;
        /// Of `sgd`: the share of the last step that the next one keeps.
        pub momentum: f64 = 0.9, "minimum" = 0, "exclusiveMaximum" = 1;
        /// Of `adam`: how long gradients are remembered.
        pub beta_1: f64 = 0.9, "minimum" = 0, "exclusiveMaximum" = 1;
        /// Of `adam` and `rmsprop`: how long their sizes are.
        pub beta_2: f64 = 0.999, "minimum" = 0, "exclusiveMaximum" = 1;
        /// The penalty on absolute coefficients, of normalised features.
        pub l1: f64 = 0.0, "minimum" = 0;
        /// The penalty on half the squared coefficients, of normalised features (weight decay); if not given 1 / rows.
        pub wd: Option<f64> = None, "minimum" = 0;
        /// Whether scores have a constant part.
        pub use_bias: bool = true;
        /// Whether features are brought to mean 0 and variance 1 for the learning.
        pub normalize_data: bool = true;
        /// Whether a numeric target is.
        pub normalize_label: bool = true;
        /// Of `huber_loss`: where squares end, in deviations of the target.
        pub huber_delta: f64 = 1.0, "exclusiveMinimum" = 0;
        /// Of `quantile_loss`: the share of rows that should lie below the prediction.
        pub quantile: f64 = 0.5, "exclusiveMinimum" = 0, "exclusiveMaximum" = 1;
        /// Of the losses `eps_insensitive_...`: errors up to this cost nothing, in deviations of the target.
        pub loss_insensitivity: f64 = 0.01, "minimum" = 0;
        /// Of `hinge_loss`: how far from the border a row costs nothing.
        pub margin: f64 = 1.0, "exclusiveMinimum" = 0;
        /// What a row of the second of two classes weighs; `None`: as much as makes both classes equal. Users write `balanced`.
        #[schemars(skip)]
        pub positive_example_weight_mult: Option<f64> = Some(1.0), "exclusiveMinimum" = 0;
        /// Several classes: whether all of them weigh the same.
        pub balance_multiclass_weights: bool = false;
        /// Of the rows' order. Users may leave it to the step.
        #[schemars(skip)]
        pub seed: u64 = 0;
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
        self.verify_ranges()
    }
}
