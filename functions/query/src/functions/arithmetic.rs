//! Arithmetic of numbers. Integers overflow with an error; a division of integers by zero is one too.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, Float64Array, Int64Array,
    cast::AsArray,
    types::{Float64Type, Int64Type},
};
use arrow_buffer::NullBuffer;

use super::{Function, strict, whole};
use crate::{
    column::Column,
    kind::Kind::{BigInt, Double},
    value::Value,
};

pub(super) static FUNCTIONS: &[Function] = &[
    whole("+", &[BigInt, BigInt], BigInt, |a, n| integers(a, n, "addition", "+", i64::checked_add)),
    whole("-", &[BigInt, BigInt], BigInt, |a, n| integers(a, n, "subtraction", "-", i64::checked_sub)),
    whole("*", &[BigInt, BigInt], BigInt, |a, n| integers(a, n, "multiplication", "*", i64::checked_mul)),
    whole("//", &[BigInt, BigInt], BigInt, |a, n| integers(a, n, "division", "//", i64::checked_div)),
    whole("%", &[BigInt, BigInt], BigInt, |a, n| integers(a, n, "modulo", "%", remainder)),
    whole("mod", &[BigInt, BigInt], BigInt, |a, n| integers(a, n, "modulo", "%", remainder)),
    whole("+", &[Double, Double], Double, |a, n| Ok(doubles(a, n, |x, y| x + y))),
    whole("-", &[Double, Double], Double, |a, n| Ok(doubles(a, n, |x, y| x - y))),
    whole("*", &[Double, Double], Double, |a, n| Ok(doubles(a, n, |x, y| x * y))),
    whole("/", &[Double, Double], Double, |a, n| Ok(doubles(a, n, |x, y| x / y))),
    strict("//", &[Double, Double], Double, |a, _| match (a[0].float(), a[1].float()) {
        (x, 0.0) => Err(format!("division by zero: {x} // 0; NULLIF(divisor, 0) gives NULL instead")),
        (x, y) => Ok(Value::Double(x / y)),
    }),
    whole("%", &[Double, Double], Double, |a, n| Ok(doubles(a, n, libm::fmod))),
    whole("mod", &[Double, Double], Double, |a, n| Ok(doubles(a, n, libm::fmod))),
    whole("fmod", &[Double, Double], Double, |a, n| Ok(doubles(a, n, |x, y| x - (x / y).floor() * y))),
    strict("-", &[BigInt], BigInt, |a, _| match a[0].int().checked_neg() {
        Some(v) => Ok(Value::BigInt(v)),
        None => Err(format!("overflow: -({}) is more than a BIGINT holds", a[0].int())),
    }),
    strict("-", &[Double], Double, |a, _| Ok(Value::Double(-a[0].float()))),
    strict("&", &[BigInt, BigInt], BigInt, |a, _| Ok(Value::BigInt(a[0].int() & a[1].int()))),
    strict("|", &[BigInt, BigInt], BigInt, |a, _| Ok(Value::BigInt(a[0].int() | a[1].int()))),
    strict("xor", &[BigInt, BigInt], BigInt, |a, _| Ok(Value::BigInt(a[0].int() ^ a[1].int()))),
    strict("~", &[BigInt], BigInt, |a, _| Ok(Value::BigInt(!a[0].int()))),
    strict("<<", &[BigInt, BigInt], BigInt, |a, _| {
        let (v, by) = (a[0].int(), a[1].int());
        let fits = v >= 0 && (0..64).contains(&by) && (v == 0 || i64::from(v.leading_zeros()) > by);
        if fits {
            Ok(Value::BigInt(v << by))
        } else {
            Err(format!("overflow: {v} << {by} cannot be held in a BIGINT"))
        }
    }),
    strict(">>", &[BigInt, BigInt], BigInt, |a, _| {
        let by = a[1].int();
        Ok(Value::BigInt(if (0..64).contains(&by) { a[0].int() >> by } else { 0 }))
    }),
];

fn remainder(a: i64, b: i64) -> Option<i64> {
    (b != 0).then(|| a.wrapping_rem(b))
}

pub(super) fn nulls(columns: &[Column], rows: usize) -> Option<NullBuffer> {
    let mut all = None;
    for column in columns {
        let nulls = match column.constant {
            true => column.array.is_null(0).then(|| NullBuffer::new_null(rows)),
            false => column.array.nulls().cloned(),
        };
        all = NullBuffer::union(all.as_ref(), nulls.as_ref());
    }
    all
}

fn integers(
    args: &[Column],
    rows: usize,
    name: &str,
    sign: &str,
    operation: impl Fn(i64, i64) -> Option<i64>,
) -> Result<ArrayRef, (usize, String)> {
    let (a, b) = (args[0].array.as_primitive::<Int64Type>(), args[1].array.as_primitive::<Int64Type>());
    let (a, b) = (a.values(), b.values());
    let nulls = nulls(args, rows);
    let mut values = Vec::with_capacity(rows);
    for row in 0..rows {
        let (x, y) = (a[args[0].index(row)], b[args[1].index(row)]);
        match operation(x, y) {
            Some(value) => values.push(value),
            None if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) => values.push(0),
            None if y == 0 && matches!(sign, "//" | "%") => {
                return Err((
                    row,
                    format!("division by zero: {x} {sign} 0; NULLIF(divisor, 0) gives NULL instead"),
                ));
            }
            None => {
                return Err((row, format!("overflow in {name}: {x} {sign} {y} is more than a BIGINT holds")));
            }
        }
    }
    Ok(Arc::new(Int64Array::new(values.into(), nulls)))
}

fn doubles(args: &[Column], rows: usize, operation: impl Fn(f64, f64) -> f64) -> ArrayRef {
    let (a, b) = (args[0].array.as_primitive::<Float64Type>(), args[1].array.as_primitive::<Float64Type>());
    let (a, b) = (a.values(), b.values());
    // Which NaN an operation gives depends on the machine.
    let canonical = |value: f64| if value.is_nan() { f64::NAN } else { value };
    let operation = |x: f64, y: f64| canonical(operation(x, y));
    let values: Vec<f64> = match (args[0].constant, args[1].constant) {
        (false, false) => a.iter().zip(b).map(|(x, y)| operation(*x, *y)).collect(),
        (false, true) => a.iter().map(|x| operation(*x, b[0])).collect(),
        (true, false) => b.iter().map(|y| operation(a[0], *y)).collect(),
        (true, true) => vec![operation(a[0], b[0]); rows],
    };
    Arc::new(Float64Array::new(values.into(), nulls(args, rows)))
}
