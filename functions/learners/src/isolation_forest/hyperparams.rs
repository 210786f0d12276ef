use crate::cart::{MaxFeatures, MaxSamples};
use crate::param_guard::hyperparams;
use crate::{Check, ParamError};

hyperparams! {
    /// What shapes an isolation forest; names and defaults are scikit-learn's.
    pub struct Params {
        /// Trees: more are steadier, and cost in proportion.
        pub n_estimators: u32 = 100, "minimum" = 1, "maximum" = 100_000;
        /// Rows each tree is grown on; none: 256, or all if there are fewer. Users may write `auto`.
        #[schemars(skip)]
        pub max_samples: Option<MaxSamples> = None;
        /// The share of anomalies in the table: the threshold is set so that as many are called so. None: the threshold of the
        /// paper, a score of -0.5. Users may write `auto`.
        #[schemars(skip)]
        pub contamination: Option<f64> = None, "exclusiveMinimum" = 0, "maximum" = 0.5;
        /// Features each tree is grown on. Users may leave it open.
        #[schemars(skip)]
        pub max_features: MaxFeatures = MaxFeatures::Share(1.0);
        /// Whether a tree's rows are drawn with replacement.
        pub bootstrap: bool = false;
        /// Draws rows, features and places. Users may leave it to the step.
        #[schemars(skip)]
        pub seed: u64 = 0;
    }
}

impl Check for Params {
    fn verify(&self) -> Result<(), ParamError> {
        self.verify_ranges()?;
        self.max_samples.map_or(Ok(()), MaxSamples::verify)?;
        self.max_features.verify()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_ones_are_named() {
        assert!(Params::default().check().is_ok());
        let bad = [
            Params { n_estimators: 0, ..Params::default() },
            Params { max_samples: Some(MaxSamples::Share(0.0)), ..Params::default() },
            Params { contamination: Some(0.6), ..Params::default() },
            Params { contamination: Some(0.0), ..Params::default() },
            Params { max_features: MaxFeatures::Count(0), ..Params::default() },
        ];
        let names = bad.map(|params| params.check().unwrap_err().name);
        assert_eq!(names, ["n_estimators", "max_samples", "contamination", "contamination", "max_features"]);
    }
}
