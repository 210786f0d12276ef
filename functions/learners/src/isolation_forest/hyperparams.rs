use crate::cart::{MaxFeatures, MaxSamples};
use crate::param_guard::{ABOVE_ZERO, within};
use crate::{Check, ParamError};
use serde::{Deserialize, Serialize};
use std::ops::Bound;

/// What shapes an isolation forest; names and defaults are scikit-learn's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// Trees: more are steadier, and cost in proportion. At least 1.
    pub n_estimators: u32,
    /// Rows each tree is grown on; none: 256, or all if there are fewer.
    pub max_samples: Option<MaxSamples>,
    /// The share of anomalies in the table, above 0 and up to 0.5: the threshold is set so that as many are called so.
    /// None: the threshold of the paper, a score of -0.5.
    pub contamination: Option<f64>,
    /// Features each tree is grown on.
    pub max_features: MaxFeatures,
    /// Whether a tree's rows are drawn with replacement.
    pub bootstrap: bool,
    pub seed: u64,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            n_estimators: 100,
            max_samples: None,
            contamination: None,
            max_features: MaxFeatures::Share(1.0),
            bootstrap: false,
            seed: 0,
        }
    }
}

impl Check for Params {
    fn verify(&self) -> Result<(), ParamError> {
        within("n_estimators", self.n_estimators, 1..)?;
        self.max_samples.map_or(Ok(()), MaxSamples::verify)?;
        within("contamination", self.contamination.unwrap_or(0.5), (ABOVE_ZERO, Bound::Included(0.5)))?;
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
