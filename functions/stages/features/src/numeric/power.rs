//! Powers that make values look like normally distributed ones, as scikit-learn's `PowerTransformer`.
//!
//! I. Yeo, R. Johnson, A new family of power transformations to improve normality or symmetry, Biometrika 87 (2000).
//! G. Box, D. Cox, An analysis of transformations, Journal of the Royal Statistical Society B 26 (1964).

use millstream_sdk::{Context, Failure, arrow_array::ArrayRef, failure::shown, internal, invalid_input};
use serde::{Deserialize, Serialize};

use crate::{learnt::Learnt, transform::Transform, values};

pub const STEP: &str = "power";

/// Options of `power`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    pub method: Method,
    /// To mean 0 and standard deviation 1 afterwards.
    pub standardize: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { method: Method::YeoJohnson, standardize: true }
    }
}

/// Which family of powers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Takes any number.
    YeoJohnson,
    /// Takes numbers above 0.
    BoxCox,
}

/// The state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Power {
    method: Method,
    lambda: f64,
    mean: f64,
    /// Not zero.
    deviation: f64,
}

/// Exponents are looked for from minus to plus this.
const WIDEST: f64 = 20.0;

pub fn fit(context: &Context, options: &Options, name: &str, array: &ArrayRef) -> Result<Learnt, Failure> {
    let values = values::numbers(STEP, array)?;
    let method = options.method;
    if method == Method::BoxCox
        && let Some(row) = values.iter().position(|value| *value <= 0.0)
    {
        let value = shown(values[row]);
        return Err(invalid_input(format!(
            "`power:box-cox` takes numbers above 0, not {value}; use `power:yeo-johnson`"
        ))
        .row(row as u64 + 1));
    }
    let values = values::finite(STEP, array)?;
    let constant = values.iter().all(|value| *value == values[0]);
    let lambda = match constant {
        true => {
            context.warn(format!("column `{name}` is constant: it tells the algorithm nothing"));
            1.0
        }
        false => least(|lambda| unlikelihood(method, &values, lambda), -WIDEST, WIDEST),
    };
    let powers: Vec<f64> = values.iter().map(|value| power(method, *value, lambda)).collect();
    let (mut mean, mut deviation) = (0.0, 1.0);
    if options.standardize {
        mean = values::mean(&powers);
        deviation = variance(&powers).sqrt();
        values::measurable(deviation)?;
        if deviation == 0.0 || constant {
            deviation = 1.0;
        }
    }
    let state = Power { method, lambda, mean, deviation };
    Ok(Learnt::new(vec![name.to_owned()], Transform::Power(state)))
}

fn variance(values: &[f64]) -> f64 {
    let mean = values::mean(values);
    values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / values.len() as f64
}

/// The negative logarithm of the likelihood of an exponent.
fn unlikelihood(method: Method, values: &[f64], lambda: f64) -> f64 {
    let powers: Vec<f64> = values.iter().map(|value| power(method, *value, lambda)).collect();
    let variance = variance(&powers);
    if !variance.is_finite() || variance < f64::MIN_POSITIVE {
        return f64::INFINITY;
    }
    let logs: f64 = match method {
        Method::YeoJohnson => values.iter().map(|value| value.signum() * libm::log1p(value.abs())).sum(),
        Method::BoxCox => values.iter().map(|value| libm::log(*value)).sum(),
    };
    values.len() as f64 / 2.0 * libm::log(variance) - (lambda - 1.0) * logs
}

fn power(method: Method, value: f64, lambda: f64) -> f64 {
    let raised = |log: f64, lambda: f64| match lambda.abs() < f64::EPSILON {
        true => log,
        false => libm::expm1(lambda * log) / lambda,
    };
    match method {
        Method::BoxCox if value > 0.0 => raised(libm::log(value), lambda),
        Method::BoxCox => f64::NAN,
        Method::YeoJohnson if value >= 0.0 => raised(libm::log1p(value), lambda),
        Method::YeoJohnson => -raised(libm::log1p(-value), 2.0 - lambda),
    }
}

/// Where a function of one valley between two bounds is least: golden sections, then parabolas (R. Brent, Algorithms for
/// minimization without derivatives, 1973, chapter 5).
fn least(of: impl Fn(f64) -> f64, from: f64, to: f64) -> f64 {
    const GOLDEN: f64 = 0.381_966_011_250_105_1;
    const TOLERANCE: f64 = 1e-9;
    let (mut a, mut b) = (from, to);
    let mut x = a + GOLDEN * (b - a);
    let (mut w, mut v) = (x, x);
    let mut fx = of(x);
    let (mut fw, mut fv) = (fx, fx);
    let (mut step, mut before) = (0.0f64, 0.0f64);
    for _ in 0..200 {
        let middle = 0.5 * (a + b);
        let tolerance = TOLERANCE * x.abs() + TOLERANCE;
        if (x - middle).abs() <= 2.0 * tolerance - 0.5 * (b - a) {
            break;
        }
        let mut golden = true;
        if before.abs() > tolerance && fx.is_finite() && fw.is_finite() && fv.is_finite() {
            let r = (x - w) * (fx - fv);
            let mut q = (x - v) * (fx - fw);
            let mut p = (x - v) * q - (x - w) * r;
            q = 2.0 * (q - r);
            if q > 0.0 {
                p = -p;
            }
            q = q.abs();
            let last = before;
            before = step;
            if p.abs() < (0.5 * q * last).abs() && p > q * (a - x) && p < q * (b - x) {
                step = p / q;
                let u = x + step;
                if u - a < 2.0 * tolerance || b - u < 2.0 * tolerance {
                    step = tolerance.copysign(middle - x);
                }
                golden = false;
            }
        }
        if golden {
            before = if x < middle { b - x } else { a - x };
            step = GOLDEN * before;
        }
        let u = x + if step.abs() >= tolerance { step } else { tolerance.copysign(step) };
        let fu = of(u);
        if fu <= fx {
            if u < x {
                b = x
            } else {
                a = x
            }
            (v, fv, w, fw, x, fx) = (w, fw, x, fx, u, fu);
        } else {
            if u < x {
                a = u
            } else {
                b = u
            }
            if fu <= fw || w == x {
                (v, fv, w, fw) = (w, fw, u, fu);
            } else if fu <= fv || v == x || v == w {
                (v, fv) = (u, fu);
            }
        }
    }
    x
}

impl Power {
    pub fn apply(&self, array: &ArrayRef) -> Vec<ArrayRef> {
        let scaled = |value: f64| (power(self.method, value, self.lambda) - self.mean) / self.deviation;
        vec![values::map(array, scaled)]
    }

    /// Whether the numbers can be worked with.
    pub fn check(&self, gives: usize) -> Result<(), Failure> {
        let finite = [self.lambda, self.mean, self.deviation].iter().all(|number| number.is_finite());
        match gives == 1 && finite && self.deviation != 0.0 {
            true => Ok(()),
            false => Err(internal("the power is damaged")),
        }
    }
}
