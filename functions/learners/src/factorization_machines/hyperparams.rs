use crate::param_guard::{ABOVE_ZERO, FINITE, within};
use crate::streaming::PredictorType;
use crate::{Check, ParamError};
use serde::{Deserialize, Serialize};

/// What shapes a factorization machine; names are SageMaker's. Its defaults need more steps than most tables have rows
/// for; those of rates and of the first factors are larger here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// `Regressor` or `BinaryClassifier`.
    pub predictor_type: PredictorType,
    /// Factors of a feature. 1 to 1000.
    pub num_factors: u32,
    /// Rows a step. `None`: 1000, or a 32nd of the rows if that is less. At least 1.
    pub mini_batch_size: Option<u32>,
    /// How far a step moves the bias, the linear weights and the factors. Above 0.
    pub bias_lr: f64,
    pub linear_lr: f64,
    pub factors_lr: f64,
    /// The factor of half their squares in the mean loss. At least 0.
    pub bias_wd: f64,
    pub linear_wd: f64,
    pub factors_wd: f64,
    /// The deviation of the first factors, which are normal. Above 0.
    pub factors_init_sigma: f64,
    pub seed: u64,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            predictor_type: PredictorType::Regressor,
            num_factors: 8,
            mini_batch_size: None,
            bias_lr: 0.1,
            linear_lr: 0.01,
            factors_lr: 0.01,
            bias_wd: 0.0,
            linear_wd: 0.001,
            factors_wd: 0.00001,
            factors_init_sigma: 0.05,
            seed: 0,
        }
    }
}

impl Check for Params {
    fn verify(&self) -> Result<(), ParamError> {
        if self.predictor_type == PredictorType::MulticlassClassifier {
            let message = "a factorization machine tells two classes apart, not more";
            return Err(ParamError::new("predictor_type", message, "regressor, binary_classifier"));
        }
        within("num_factors", self.num_factors, 1..=1000)?;
        if let Some(rows) = self.mini_batch_size {
            within("mini_batch_size", rows, 1..)?;
        }
        for (name, rate) in
            [("bias_lr", self.bias_lr), ("linear_lr", self.linear_lr), ("factors_lr", self.factors_lr)]
        {
            within(name, rate, (ABOVE_ZERO, FINITE))?;
        }
        for (name, decay) in
            [("bias_wd", self.bias_wd), ("linear_wd", self.linear_wd), ("factors_wd", self.factors_wd)]
        {
            within(name, decay, 0.0..=f64::MAX)?;
        }
        within("factors_init_sigma", self.factors_init_sigma, (ABOVE_ZERO, FINITE))
    }
}
