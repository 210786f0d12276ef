//! Mathematics. The functions are `libm`'s, so that every machine gives the same bits.

use super::{Function, strict};
use crate::{
    kind::Kind::{BigInt, Boolean, Double},
    value::Value,
};

macro_rules! of_double {
    ($name:literal, $function:expr) => {
        strict($name, &[Double], Double, |a, _| Ok(Value::Double($function(a[0].float()))))
    };
}

macro_rules! of_doubles {
    ($name:literal, $function:expr) => {
        strict($name, &[Double, Double], Double, |a, _| {
            Ok(Value::Double($function(a[0].float(), a[1].float())))
        })
    };
}

macro_rules! asks {
    ($name:literal, $function:expr) => {
        strict($name, &[Double], Boolean, |a, _| Ok(Value::Boolean($function(a[0].float()))))
    };
}

pub(super) static FUNCTIONS: &[Function] = &[
    strict("abs", &[BigInt], BigInt, |a, _| match a[0].int().checked_abs() {
        Some(v) => Ok(Value::BigInt(v)),
        None => Err(format!("overflow: abs({}) is more than a BIGINT holds", a[0].int())),
    }),
    of_double!("abs", f64::abs),
    of_double!("ceil", f64::ceil),
    of_double!("ceiling", f64::ceil),
    of_double!("floor", f64::floor),
    of_double!("trunc", f64::trunc),
    strict("round", &[BigInt], BigInt, |a, _| Ok(a[0].clone())),
    of_double!("round", f64::round),
    strict("round", &[BigInt, BigInt], BigInt, |a, _| round_integer(a[0].int(), a[1].int())),
    strict("round", &[Double, BigInt], Double, |a, _| Ok(Value::Double(round(a[0].float(), a[1].int())))),
    strict("sign", &[BigInt], BigInt, |a, _| Ok(Value::BigInt(a[0].int().signum()))),
    strict("sign", &[Double], BigInt, |a, _| {
        let v = a[0].float();
        Ok(Value::BigInt(i64::from(v > 0.0) - i64::from(v < 0.0)))
    }),
    of_double!("sqrt", f64::sqrt),
    of_double!("cbrt", libm::cbrt),
    of_double!("exp", libm::exp),
    of_double!("ln", libm::log),
    of_double!("log", libm::log10),
    of_double!("log10", libm::log10),
    of_double!("log2", libm::log2),
    of_doubles!("log", |base: f64, x: f64| libm::log10(x) / libm::log10(base)),
    of_doubles!("pow", libm::pow),
    of_doubles!("power", libm::pow),
    of_doubles!("^", libm::pow),
    of_double!("sin", libm::sin),
    of_double!("cos", libm::cos),
    of_double!("tan", libm::tan),
    of_double!("asin", libm::asin),
    of_double!("acos", libm::acos),
    of_double!("atan", libm::atan),
    of_doubles!("atan2", libm::atan2),
    of_double!("sinh", libm::sinh),
    of_double!("cosh", libm::cosh),
    of_double!("tanh", libm::tanh),
    of_double!("degrees", |x: f64| x * (180.0 / std::f64::consts::PI)),
    of_double!("radians", |x: f64| x * (std::f64::consts::PI / 180.0)),
    strict("pi", &[], Double, |_, _| Ok(Value::Double(std::f64::consts::PI))),
    asks!("isnan", f64::is_nan),
    asks!("isinf", f64::is_infinite),
    asks!("isfinite", f64::is_finite),
    strict("gcd", &[BigInt, BigInt], BigInt, |a, _| {
        let (mut x, mut y) = (a[0].int().unsigned_abs(), a[1].int().unsigned_abs());
        while y != 0 {
            (x, y) = (y, x % y);
        }
        i64::try_from(x)
            .map(Value::BigInt)
            .map_err(|_| format!("overflow: the gcd {x} is more than a BIGINT holds"))
    }),
];

/// Half away from zero, at a number of decimal places, which may be negative.
fn round(value: f64, places: i64) -> f64 {
    let places = places.clamp(-400, 400) as f64;
    let unit = libm::pow(10.0, places.abs());
    let rounded = if places < 0.0 { (value / unit).round() * unit } else { (value * unit).round() / unit };
    match (rounded.is_finite(), places < 0.0) {
        (true, _) => rounded,
        (false, true) if value.is_finite() => 0.0,
        _ => value,
    }
}

fn round_integer(value: i64, places: i64) -> Result<Value<'static>, String> {
    if places >= 0 {
        return Ok(Value::BigInt(value));
    }
    if places < -18 {
        return Ok(Value::BigInt(0));
    }
    let unit = 10_i128.pow(places.unsigned_abs() as u32);
    let rounded = (i128::from(value) + i128::from(value.signum()) * unit / 2) / unit * unit;
    i64::try_from(rounded)
        .map(Value::BigInt)
        .map_err(|_| format!("overflow: {rounded} is more than a BIGINT holds"))
}
