//! Logarithms, as numpy's `log` and `log1p`.

use millstream_sdk::{Failure, arrow_array::ArrayRef, failure::shown, invalid_input};
use serde::{Deserialize, Serialize};

use crate::{learnt::Learnt, transform::Transform, values};

/// The state: which logarithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Log {
    /// Of the value.
    Natural,
    /// Of 1 and the value.
    OfOneMore,
}

impl Log {
    /// Refuses training values that have no logarithm.
    pub fn fit(self, name: &str, array: &ArrayRef) -> Result<Learnt, Failure> {
        let (step, above) = match self {
            Self::Natural => ("log", 0.0),
            Self::OfOneMore => ("log1p", -1.0),
        };
        let values = values::numbers(step, array)?;
        values::no_infinite(&values)?;
        if let Some(row) = values.iter().position(|value| *value <= above) {
            let help = match self {
                Self::Natural if values.iter().all(|value| value.is_nan() || *value > -1.0) => "use `log1p`",
                _ => "use `power:yeo-johnson`, which takes any number",
            };
            let value = shown(values[row]);
            return Err(invalid_input(format!("`{step}` takes numbers above {above}, not {value}; {help}"))
                .row(row as u64 + 1));
        }
        Ok(Learnt::new(vec![name.to_owned()], Transform::Log(self)))
    }

    /// Later values without a logarithm become missing ones.
    pub fn apply(self, array: &ArrayRef) -> Vec<ArrayRef> {
        let log = |value: f64| match self {
            Self::Natural if value > 0.0 => libm::log(value),
            Self::OfOneMore if value > -1.0 => libm::log1p(value),
            _ => f64::NAN,
        };
        vec![values::map(array, log)]
    }
}
