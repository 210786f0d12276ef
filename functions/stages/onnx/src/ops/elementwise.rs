//! Operators that go value by value, the shapes made alike first.

use super::broadcast;
use crate::fault::{Fault, ensure};
use crate::node::{Attributes, Inputs, Kernel};
use crate::tensor::{Kind, Tensor, Values};

/// A number out of a number. Computed in double precision, rounded to the type that came in.
fn unary(function: fn(f64) -> f64) -> Kernel {
    Box::new(move |inputs| {
        let x = inputs.get(0)?;
        ensure!(matches!(x.kind(), Kind::Single | Kind::Double | Kind::Int), "numbers are expected");
        let values = match x.values() {
            // Kept exact where nothing is computed.
            Values::Single(values) => {
                Values::Single(values.iter().map(|&value| function(f64::from(value)) as f32).collect())
            }
            Values::Int(values) => {
                Values::Int(values.iter().map(|&value| function(value as f64) as i64).collect())
            }
            _ => Values::Double(x.numbers()?.into_iter().map(function).collect()),
        };
        Ok(vec![Tensor::new(x.shape().to_vec(), values)?])
    })
}

/// The same where integers go in: they are not rounded.
fn unary_with_ints(function: fn(f64) -> f64, ints: fn(i64) -> i64) -> Kernel {
    let others = unary(function);
    Box::new(move |inputs| match inputs.get(0)?.values() {
        Values::Int(values) => {
            let values = Values::Int(values.iter().map(|&value| ints(value)).collect());
            Ok(vec![Tensor::new(inputs.get(0)?.shape().to_vec(), values)?])
        }
        _ => others(inputs),
    })
}

/// Arithmetic on numbers of one type, in that type.
struct Arithmetic {
    single: fn(f32, f32) -> f32,
    double: fn(f64, f64) -> f64,
    int: fn(i64, i64) -> Result<i64, Fault>,
}

impl Arithmetic {
    fn apply(&self, a: &Tensor, b: &Tensor) -> Result<Tensor, Fault> {
        let shape = broadcast::shape(a.shape(), b.shape())?;
        let values = match (a.values(), b.values()) {
            (Values::Single(x), Values::Single(y)) => {
                let pairs = broadcast::pairs(a.shape(), b.shape(), &shape)?;
                Values::Single(pairs.map(|(i, j)| (self.single)(x[i], y[j])).collect())
            }
            (Values::Double(x), Values::Double(y)) => {
                let pairs = broadcast::pairs(a.shape(), b.shape(), &shape)?;
                Values::Double(pairs.map(|(i, j)| (self.double)(x[i], y[j])).collect())
            }
            (Values::Int(x), Values::Int(y)) => {
                let pairs = broadcast::pairs(a.shape(), b.shape(), &shape)?;
                Values::Int(pairs.map(|(i, j)| (self.int)(x[i], y[j])).collect::<Result<_, _>>()?)
            }
            _ => return Err(Fault::new("numbers of one type are expected on both sides")),
        };
        Tensor::new(shape, values)
    }

    /// Of two inputs, or of as many as there are, from left to right.
    fn kernel(self) -> Kernel {
        Box::new(move |inputs| {
            let first = inputs.get(0)?.clone();
            let all = (1..inputs.len()).try_fold(first, |sum, place| self.apply(&sum, inputs.get(place)?))?;
            Ok(vec![all])
        })
    }
}

/// A truth value out of two values of one type.
fn compared(
    numbers: fn(&f64, &f64) -> bool,
    ints: fn(&i64, &i64) -> bool,
    texts: Option<fn(&str, &str) -> bool>,
) -> Kernel {
    Box::new(move |inputs| {
        let (a, b) = (inputs.get(0)?, inputs.get(1)?);
        let shape = broadcast::shape(a.shape(), b.shape())?;
        let pairs = broadcast::pairs(a.shape(), b.shape(), &shape)?;
        let values: Vec<bool> = match (a.values(), b.values(), texts) {
            (Values::Text(x), Values::Text(y), Some(texts)) => {
                pairs.map(|(i, j)| texts(&x[i], &y[j])).collect()
            }
            (Values::Int(x), Values::Int(y), _) => pairs.map(|(i, j)| ints(&x[i], &y[j])).collect(),
            _ => {
                ensure!(a.kind() == b.kind(), "values of one type are expected on both sides");
                let (x, y) = (a.numbers()?, b.numbers()?);
                pairs.map(|(i, j)| numbers(&x[i], &y[j])).collect()
            }
        };
        Ok(vec![Tensor::new(shape, Values::Bool(values))?])
    })
}

fn logical(function: fn(bool, bool) -> bool) -> Kernel {
    Box::new(move |inputs| {
        let (a, b) = (inputs.get(0)?, inputs.get(1)?);
        let shape = broadcast::shape(a.shape(), b.shape())?;
        let (x, y) = (a.bools()?, b.bools()?);
        let pairs = broadcast::pairs(a.shape(), b.shape(), &shape)?;
        let values = pairs.map(|(i, j)| function(x[i], y[j])).collect();
        Ok(vec![Tensor::new(shape, Values::Bool(values))?])
    })
}

fn divided(a: i64, b: i64) -> Result<i64, Fault> {
    a.checked_div(b).ok_or_else(|| Fault::new("an integer is divided by 0"))
}

/// The mean of any number of inputs.
fn mean(inputs: &Inputs<'_>) -> Result<Vec<Tensor>, Fault> {
    let sum = sum().apply_all(inputs)?;
    let (count, kind) = (inputs.len() as f64, sum.kind());
    let numbers = sum.numbers()?.into_iter().map(|number| number / count).collect();
    Ok(vec![Tensor::of_numbers(sum.shape().to_vec(), numbers, kind)?])
}

impl Arithmetic {
    fn apply_all(&self, inputs: &Inputs<'_>) -> Result<Tensor, Fault> {
        let first = inputs.get(0)?.clone();
        (1..inputs.len()).try_fold(first, |sum, place| self.apply(&sum, inputs.get(place)?))
    }
}

fn sum() -> Arithmetic {
    Arithmetic { single: |a, b| a + b, double: |a, b| a + b, int: |a, b| Ok(a.wrapping_add(b)) }
}

/// The base's type counts, whatever the exponent's.
fn power(inputs: &Inputs<'_>) -> Result<Vec<Tensor>, Fault> {
    let (a, b) = (inputs.get(0)?, inputs.get(1)?);
    let shape = broadcast::shape(a.shape(), b.shape())?;
    let (x, y) = (a.numbers()?, b.numbers()?);
    let pairs = broadcast::pairs(a.shape(), b.shape(), &shape)?;
    let numbers = pairs.map(|(i, j)| x[i].powf(y[j])).collect();
    Ok(vec![Tensor::of_numbers(shape, numbers, a.kind())?])
}

fn choice(inputs: &Inputs<'_>) -> Result<Vec<Tensor>, Fault> {
    let (condition, a, b) = (inputs.get(0)?, inputs.get(1)?, inputs.get(2)?);
    let shape = broadcast::shape(&broadcast::shape(condition.shape(), a.shape())?, b.shape())?;
    let truths = condition.bools()?;
    let places = |tensor: &Tensor| broadcast::places(tensor.shape(), &shape);
    let of_condition = places(condition)?;
    let [of_a, of_b] = [places(a)?, places(b)?];
    let mut values = a.values().clone();
    let length = values.len();
    values.extend(b.values(), 0..b.values().len())?;
    let chosen = of_condition.zip(of_a.zip(of_b)).map(|(c, (i, j))| if truths[c] { i } else { length + j });
    Ok(vec![Tensor::new(shape, values.pick(chosen))?])
}

fn clip(attributes: &Attributes<'_>) -> Kernel {
    let least = f64::from(attributes.float("min", f32::NEG_INFINITY));
    let most = f64::from(attributes.float("max", f32::INFINITY));
    Box::new(move |inputs| {
        let x = inputs.get(0)?;
        if let Values::Int(values) = x.values() {
            let bound = |place: usize| inputs.optional(place).map(|bound| bound.ints()).transpose();
            let first = |bound: Option<&[i64]>| bound.and_then(|bound| bound.first().copied());
            let (least, most) = (first(bound(1)?).unwrap_or(i64::MIN), first(bound(2)?).unwrap_or(i64::MAX));
            let clipped = values.iter().map(|&x| x.max(least).min(most)).collect();
            return Ok(vec![Tensor::new(x.shape().to_vec(), Values::Int(clipped))?]);
        }
        let bound = |place: usize, otherwise: f64| match inputs.optional(place) {
            Some(bound) => bound.numbers()?.first().copied().ok_or_else(|| Fault::new("a bound is empty")),
            None => Ok(otherwise),
        };
        let (least, most) = (bound(1, least)?, bound(2, most)?);
        let numbers = x.numbers()?.into_iter();
        // Not `clamp`, which panics if the bounds are crossed; a missing value stays one.
        let clipped = numbers.map(|x| {
            if x < least {
                least.min(most)
            } else if x > most {
                most
            } else {
                x
            }
        });
        Ok(vec![Tensor::of_numbers(x.shape().to_vec(), clipped.collect(), x.kind())?])
    })
}

/// The logistic function, steady at both ends.
pub fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// The operator of that name, if it is one of these.
pub fn kernel(attributes: &Attributes<'_>, operator: &str) -> Option<Kernel> {
    let alpha = |otherwise: f32| f64::from(attributes.float("alpha", otherwise));
    Some(match operator {
        "Abs" => unary_with_ints(f64::abs, i64::wrapping_abs),
        "Neg" => unary_with_ints(|x| -x, i64::wrapping_neg),
        "Exp" => unary(f64::exp),
        "Log" => unary(f64::ln),
        "Sqrt" => unary(f64::sqrt),
        "Reciprocal" => unary(f64::recip),
        "Floor" => unary(f64::floor),
        "Ceil" => unary(f64::ceil),
        "Round" => unary(f64::round_ties_even),
        "Sign" => unary_with_ints(|x| if x == 0.0 || x.is_nan() { x } else { x.signum() }, i64::signum),
        "Sigmoid" => unary(logistic),
        "Tanh" => unary(f64::tanh),
        "Relu" => unary_with_ints(|x| if x < 0.0 { 0.0 } else { x }, |x| x.max(0)),
        "Softplus" => unary(|x| x.max(0.0) + (-x.abs()).exp().ln_1p()),
        "Erf" => unary(libm::erf),
        "Sin" => unary(f64::sin),
        "Cos" => unary(f64::cos),
        "LeakyRelu" | "Elu" => {
            let (alpha, leaky) = (alpha(if operator == "Elu" { 1.0 } else { 0.01 }), operator == "LeakyRelu");
            Box::new(move |inputs| {
                let x = inputs.get(0)?;
                let below = |x: f64| if leaky { alpha * x } else { alpha * x.exp_m1() };
                let numbers = x.numbers()?.into_iter().map(|x| if x < 0.0 { below(x) } else { x }).collect();
                Ok(vec![Tensor::of_numbers(x.shape().to_vec(), numbers, x.kind())?])
            })
        }
        "IsNaN" => Box::new(|inputs| {
            let x = inputs.get(0)?;
            let values = x.numbers()?.into_iter().map(f64::is_nan).collect();
            Ok(vec![Tensor::new(x.shape().to_vec(), Values::Bool(values))?])
        }),
        "Not" => Box::new(|inputs| {
            let x = inputs.get(0)?;
            let values = x.bools()?.iter().map(|value| !value).collect();
            Ok(vec![Tensor::new(x.shape().to_vec(), Values::Bool(values))?])
        }),
        "Clip" => clip(attributes),
        "Add" | "Sum" => sum().kernel(),
        "Mean" => Box::new(mean),
        "Sub" => Arithmetic { single: |a, b| a - b, double: |a, b| a - b, int: |a, b| Ok(a.wrapping_sub(b)) }
            .kernel(),
        "Mul" => Arithmetic { single: |a, b| a * b, double: |a, b| a * b, int: |a, b| Ok(a.wrapping_mul(b)) }
            .kernel(),
        "Div" => Arithmetic { single: |a, b| a / b, double: |a, b| a / b, int: divided }.kernel(),
        "Max" => Arithmetic {
            single: |a, b| if a.is_nan() || a > b { a } else { b },
            double: |a, b| if a.is_nan() || a > b { a } else { b },
            int: |a, b| Ok(a.max(b)),
        }
        .kernel(),
        "Min" => Arithmetic {
            single: |a, b| if a.is_nan() || a < b { a } else { b },
            double: |a, b| if a.is_nan() || a < b { a } else { b },
            int: |a, b| Ok(a.min(b)),
        }
        .kernel(),
        "Pow" => Box::new(power),
        "Equal" => compared(f64::eq, i64::eq, Some(|a, b| a == b)),
        "Less" => compared(f64::lt, i64::lt, None),
        "LessOrEqual" => compared(f64::le, i64::le, None),
        "Greater" => compared(f64::gt, i64::gt, None),
        "GreaterOrEqual" => compared(f64::ge, i64::ge, None),
        "And" => logical(|a, b| a && b),
        "Or" => logical(|a, b| a || b),
        "Xor" => logical(|a, b| a != b),
        "Where" => Box::new(choice),
        _ => return None,
    })
}
