//! Parameters that go by several names: XGBoost's own, and those of its interface to scikit-learn.

use crate::params::Params;
use millstream_sdk::{Failure, invalid_parameter};

/// What the parameters with several names say.
pub struct Named {
    pub num_round: Option<u32>,
    pub eta: Option<f64>,
    pub lambda: Option<f64>,
    pub alpha: Option<f64>,
    pub gamma: Option<f64>,
    pub seed: Option<u64>,
}

/// What is given by one of the names.
fn one<T: Copy, const N: usize>(names: [(&str, Option<T>); N]) -> Result<Option<T>, Failure> {
    let mut given = names.iter().filter_map(|(name, value)| Some((name, (*value)?)));
    let first = given.next();
    if let (Some((first, _)), Some((second, _))) = (first, given.next()) {
        let message = format!("it is the same as `{first}`, which is given too");
        return Err(invalid_parameter(*second, message).allowed("one of the two"));
    }
    Ok(first.map(|(_, value)| value))
}

impl Params {
    /// # Errors
    /// For a parameter that is given by two of its names.
    pub fn named(&self) -> Result<Named, Failure> {
        let given = &self.overrides;
        let rounds = [
            ("num_round", given.num_round),
            ("n_estimators", given.n_estimators),
            ("num_boost_round", given.num_boost_round),
        ];
        Ok(Named {
            num_round: one(rounds)?,
            eta: one([("eta", given.eta), ("learning_rate", given.learning_rate)])?,
            lambda: one([("lambda", given.lambda), ("reg_lambda", given.reg_lambda)])?,
            alpha: one([("alpha", given.alpha), ("reg_alpha", given.reg_alpha)])?,
            gamma: one([("gamma", given.gamma), ("min_split_loss", given.min_split_loss)])?,
            seed: one([("seed", self.seed), ("random_state", self.random_state)])?,
        })
    }
}
