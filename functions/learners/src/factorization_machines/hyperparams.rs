use crate::param_guard::hyperparams;
use crate::streaming::PredictorType;
use crate::{Check, ParamError};

hyperparams! {
    /// What shapes a factorization machine; names are SageMaker's. Its defaults need more steps than most tables have rows
    /// for; those of rates and of the first factors are larger here.
    pub struct Params {
        /// `Regressor` or `BinaryClassifier`.
        #[schemars(skip)]
        pub predictor_type: PredictorType = PredictorType::Regressor;
        /// Factors of a feature.
        pub num_factors: u32 = 8, "minimum" = 1, "maximum" = 1000;
        /// Rows a step; if not given 1000, or a 32nd of the rows if that is less.
        pub mini_batch_size: Option<u32> = None, "minimum" = 1;
        /// How far a step moves the bias.
        pub bias_lr: f64 = 0.1, "exclusiveMinimum" = 0;
        /// How far a step moves linear weights.
        pub linear_lr: f64 = 0.01, "exclusiveMinimum" = 0;
        /// How far a step moves factors.
        pub factors_lr: f64 = 0.01, "exclusiveMinimum" = 0;
        /// The penalty on half the squared bias.
        pub bias_wd: f64 = 0.0, "minimum" = 0;
        /// The penalty on half the squared linear weights.
        pub linear_wd: f64 = 0.001, "minimum" = 0;
        /// The penalty on half the squared factors.
        pub factors_wd: f64 = 0.00001, "minimum" = 0;
        /// The deviation of the first factors, which are drawn at random.
        pub factors_init_sigma: f64 = 0.05, "exclusiveMinimum" = 0;
        /// Draws the first factors. Users may leave it to the step.
        #[schemars(skip)]
        pub seed: u64 = 0;
    }
}

impl Check for Params {
    fn verify(&self) -> Result<(), ParamError> {
        if self.predictor_type == PredictorType::MulticlassClassifier {
            let message = "a factorization machine tells two classes apart, not more";
            return Err(ParamError::new("predictor_type", message, "regressor, binary_classifier"));
        }
        self.verify_ranges()
    }
}
