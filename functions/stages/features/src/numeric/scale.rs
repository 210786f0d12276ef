//! Shifted and divided, as scikit-learn's `StandardScaler`, `MinMaxScaler`, `MaxAbsScaler` and `RobustScaler`.

use millstream_sdk::{Context, Failure, arrow_array::ArrayRef, internal, invalid_parameter};
use serde::{Deserialize, Serialize};

use crate::{learnt::Learnt, transform::Transform, values};

/// Options of `standard`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Standard {
    /// The mean is taken off.
    pub with_mean: bool,
    /// Divided by the standard deviation.
    pub with_std: bool,
}

impl Default for Standard {
    fn default() -> Self {
        Self { with_mean: true, with_std: true }
    }
}

/// Options of `min-max`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MinMax {
    /// What the least and the largest training value become.
    pub feature_range: [f64; 2],
    /// Later values beyond are cut.
    pub clip: bool,
}

impl Default for MinMax {
    fn default() -> Self {
        Self { feature_range: [0.0, 1.0], clip: false }
    }
}

/// Options of `robust`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Robust {
    /// The median is taken off.
    pub with_centering: bool,
    /// Divided by the distance of the two quantiles.
    pub with_scaling: bool,
    /// In percent.
    pub quantile_range: [f64; 2],
}

impl Default for Robust {
    fn default() -> Self {
        Self { with_centering: true, with_scaling: true, quantile_range: [25.0, 75.0] }
    }
}

/// The state: `(value - shift) / divisor * span + base`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Scale {
    pub shift: f64,
    /// Not zero.
    pub divisor: f64,
    /// To where 0 to 1 goes, if not there.
    range: Option<[f64; 2]>,
    /// Values beyond the range are cut.
    clip: bool,
}

impl Standard {
    pub fn fit(&self, context: &Context, name: &str, array: &ArrayRef) -> Result<Learnt, Failure> {
        let values = values::finite("standard", array)?;
        let mean = values::mean(&values);
        let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
        let deviation = (squares / values.len() as f64).sqrt();
        values::measurable(deviation)?;
        let shift = if self.with_mean { mean } else { 0.0 };
        let divisor = divisor(context, name, deviation, mean.abs() * 1e-12);
        learnt(name, shift, if self.with_std { divisor } else { 1.0 })
    }
}

impl MinMax {
    pub fn fit(&self, context: &Context, name: &str, array: &ArrayRef) -> Result<Learnt, Failure> {
        let [from, to] = self.feature_range;
        if !from.is_finite() || !to.is_finite() || from >= to {
            return Err(invalid_parameter("feature_range", format!("{from} to {to} is no range"))
                .allowed("two numbers, the lower one first"));
        }
        let values = values::finite("min-max", array)?;
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        values::measurable(most - least)?;
        let range = (self.feature_range != [0.0, 1.0] || self.clip).then_some(self.feature_range);
        let divisor = divisor(context, name, most - least, 0.0);
        let state = Scale { shift: least, divisor, range, clip: self.clip };
        Ok(Learnt::new(vec![name.to_owned()], Transform::Scale(state)))
    }
}

/// Divides by the largest absolute value.
pub fn fit_max_abs(context: &Context, name: &str, array: &ArrayRef) -> Result<Learnt, Failure> {
    let values = values::finite("max-abs", array)?;
    let most = values.iter().fold(0.0, |most: f64, value| most.max(value.abs()));
    learnt(name, 0.0, divisor(context, name, most, 0.0))
}

impl Robust {
    pub fn fit(&self, context: &Context, name: &str, array: &ArrayRef) -> Result<Learnt, Failure> {
        let [from, to] = self.quantile_range;
        if !(0.0 <= from && from < to && to <= 100.0) {
            return Err(invalid_parameter(
                "quantile_range",
                format!("{from} to {to} is no range of percentages"),
            )
            .allowed("two numbers from 0 to 100, the lower one first"));
        }
        let values = values::sorted(values::finite("robust", array)?);
        let spread = values::quantile(&values, to / 100.0) - values::quantile(&values, from / 100.0);
        let middle = values::quantile(&values, 0.5);
        values::measurable(spread)?;
        let divisor = divisor(context, name, spread, 0.0);
        learnt(
            name,
            if self.with_centering { middle } else { 0.0 },
            if self.with_scaling { divisor } else { 1.0 },
        )
    }
}

/// A constant column is left as it is but for its mean, as scikit-learn does.
fn divisor(context: &Context, name: &str, spread: f64, least: f64) -> f64 {
    if spread > least {
        return spread;
    }
    context.warn(format!("column `{name}` is constant: it tells the algorithm nothing"));
    1.0
}

fn learnt(name: &str, shift: f64, divisor: f64) -> Result<Learnt, Failure> {
    let state = Scale { shift, divisor, range: None, clip: false };
    Ok(Learnt::new(vec![name.to_owned()], Transform::Scale(state)))
}

impl Scale {
    pub fn apply(&self, array: &ArrayRef) -> Vec<ArrayRef> {
        let (shift, divisor) = (self.shift, self.divisor);
        let scaled = match self.range {
            None => values::map(array, |value| (value - shift) / divisor),
            Some([from, to]) => {
                let bound = |value: f64| if self.clip { value.clamp(from, to) } else { value };
                values::map(array, |value| bound((value - shift) / divisor * (to - from) + from))
            }
        };
        vec![scaled]
    }

    /// Whether the numbers can be worked with.
    pub fn check(&self, gives: usize) -> Result<(), Failure> {
        let range = self.range.is_none_or(|[from, to]| from.is_finite() && to.is_finite() && from < to);
        match gives == 1 && self.shift.is_finite() && self.divisor.is_finite() && self.divisor != 0.0 && range
        {
            true => Ok(()),
            false => Err(internal("the scale is damaged")),
        }
    }
}
