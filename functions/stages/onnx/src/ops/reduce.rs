//! Operators that make one value out of several along an axis.

use crate::fault::{Fault, ensure};
use crate::node::{Attributes, Inputs, Kernel, axis};
use crate::tensor::{Tensor, Values, count};

/// An array seen along one axis: `outer` blocks of `side` lines of `inner` values.
pub struct Along {
    pub outer: usize,
    pub side: usize,
    pub inner: usize,
}

impl Along {
    pub fn new(shape: &[usize], axis: usize) -> Self {
        let product = |sides: &[usize]| sides.iter().product();
        Self { outer: product(&shape[..axis]), side: shape[axis], inner: product(&shape[axis + 1..]) }
    }

    /// The places of each line of values along the axis.
    pub fn lines(&self) -> impl Iterator<Item = impl Iterator<Item = usize> + Clone + use<>> + use<> {
        let Self { outer, side, inner } = *self;
        (0..outer).flat_map(move |block| {
            (0..inner).map(move |line| (0..side).map(move |step| (block * side + step) * inner + line))
        })
    }
}

type Fold = fn(&[f64]) -> f64;

fn log_sum_exp(values: &[f64]) -> f64 {
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if !most.is_finite() {
        return most;
    }
    values.iter().map(|value| (value - most).exp()).sum::<f64>().ln() + most
}

fn fold_of(operator: &str) -> Option<Fold> {
    Some(match operator {
        "ReduceSum" => |values| values.iter().sum(),
        "ReduceMean" => |values| values.iter().sum::<f64>() / values.len() as f64,
        "ReduceMax" => |values| values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        "ReduceMin" => |values| values.iter().copied().fold(f64::INFINITY, f64::min),
        "ReduceProd" => |values| values.iter().product(),
        "ReduceSumSquare" => |values| values.iter().map(|value| value * value).sum(),
        "ReduceL1" => |values| values.iter().map(|value| value.abs()).sum(),
        "ReduceL2" => |values| values.iter().map(|value| value * value).sum::<f64>().sqrt(),
        "ReduceLogSum" => |values| values.iter().sum::<f64>().ln(),
        "ReduceLogSumExp" => log_sum_exp,
        _ => return None,
    })
}

/// The same of integers, which are not rounded.
fn fold_of_ints(operator: &str) -> Option<fn(&[i64]) -> i64> {
    Some(match operator {
        "ReduceSum" => |values| values.iter().fold(0, |sum: i64, value| sum.wrapping_add(*value)),
        "ReduceMean" => |values| {
            let sum: i128 = values.iter().copied().map(i128::from).sum();
            (sum / (values.len() as i128).max(1)) as i64
        },
        "ReduceMax" => |values| values.iter().copied().max().unwrap_or(i64::MIN),
        "ReduceMin" => |values| values.iter().copied().min().unwrap_or(i64::MAX),
        "ReduceProd" => |values| values.iter().fold(1, |product: i64, value| product.wrapping_mul(*value)),
        "ReduceSumSquare" => {
            |values| values.iter().fold(0, |sum: i64, value| sum.wrapping_add(value.wrapping_mul(*value)))
        }
        "ReduceL1" => {
            |values| values.iter().fold(0, |sum: i64, value| sum.wrapping_add(value.wrapping_abs()))
        }
        _ => return None,
    })
}

fn reduce(attributes: &Attributes<'_>, fold: Fold, of_ints: Option<fn(&[i64]) -> i64>) -> Kernel {
    let keep = attributes.flag("keepdims", true);
    let idle = attributes.flag("noop_with_empty_axes", false);
    let given = attributes.ints("axes").to_vec();
    Box::new(move |inputs| {
        let x = inputs.get(0)?;
        let axes = match inputs.optional(1) {
            Some(axes) => axes.ints()?.to_vec(),
            None => given.clone(),
        };
        if axes.is_empty() && idle {
            return Ok(vec![x.clone()]);
        }
        let rank = x.shape().len();
        let mut reduced = vec![axes.is_empty(); rank];
        for own in axes {
            reduced[axis(own, rank)?] = true;
        }
        let shape = x.shape().to_vec();
        let kept: Vec<usize> = (0..rank).filter(|&place| !reduced[place]).collect();
        let lost: Vec<usize> = (0..rank).filter(|&place| reduced[place]).collect();
        // The reduced axes are brought to the end.
        let order: Vec<usize> = kept.iter().chain(&lost).copied().collect();
        let turned = super::shapes::transposed(x, &order)?;
        let length: usize = lost.iter().map(|&place| shape[place]).product();
        let lines: usize = kept.iter().map(|&place| shape[place]).product();
        let sides = (0..rank).filter(|&place| keep || !reduced[place]);
        let shape = sides.map(|place| if reduced[place] { 1 } else { shape[place] }).collect();
        fn folded<T, U: Clone>(
            values: &[T],
            length: usize,
            lines: usize,
            fold: fn(&[T]) -> U,
        ) -> Result<Vec<U>, Fault> {
            Ok(match length {
                0 => vec![fold(&[]); count(&[lines])?],
                _ => values.chunks_exact(length).map(fold).collect(),
            })
        }
        if let (Values::Int(values), Some(fold)) = (turned.values(), of_ints) {
            return Ok(vec![Tensor::new(shape, Values::Int(folded(values, length, lines, fold)?))?]);
        }
        let numbers = folded(&turned.numbers()?, length, lines, fold)?;
        Ok(vec![Tensor::of_numbers(shape, numbers, x.kind())?])
    })
}

/// Which value of a line is the largest, or the smallest: the first or the last of equals.
fn extreme_of<T: PartialOrd + Copy>(
    values: &[T],
    line: impl Iterator<Item = usize>,
    [largest, last]: [bool; 2],
) -> i64 {
    let mut best: Option<(usize, T)> = None;
    for (step, at) in line.enumerate() {
        let value = values[at];
        let better = |(_, best): (usize, T)| {
            (if largest { value > best } else { value < best }) || (last && value == best)
        };
        if best.is_none_or(better) {
            best = Some((step, value));
        }
    }
    best.map_or(0, |(step, _)| step as i64)
}

fn extreme(attributes: &Attributes<'_>, largest: bool) -> Kernel {
    let (along, keep) = (attributes.int("axis", 0), attributes.flag("keepdims", true));
    let last = attributes.flag("select_last_index", false);
    Box::new(move |inputs| {
        let x = inputs.get(0)?;
        let place = axis(along, x.shape().len())?;
        ensure!(x.shape()[place] > 0, "there is no value to choose from");
        let lines = Along::new(x.shape(), place).lines();
        let chosen = match x.values() {
            Values::Int(values) => lines.map(|line| extreme_of(values, line, [largest, last])).collect(),
            _ => {
                let numbers = x.numbers()?;
                lines.map(|line| extreme_of(&numbers, line, [largest, last])).collect()
            }
        };
        let mut shape = x.shape().to_vec();
        if keep {
            shape[place] = 1;
        } else {
            shape.remove(place);
        }
        Ok(vec![Tensor::new(shape, Values::Int(chosen))?])
    })
}

fn softmax(attributes: &Attributes<'_>, version: i64, logarithm: bool) -> Kernel {
    // Up to version 12 everything from the axis on is one line.
    let flat = version < 13;
    let along = attributes.int("axis", if flat { 1 } else { -1 });
    Box::new(move |inputs| {
        let x = inputs.get(0)?;
        let place = axis(along, x.shape().len())?;
        let seen = match flat {
            true => vec![x.shape()[..place].iter().product(), x.shape()[place..].iter().product()],
            false => x.shape().to_vec(),
        };
        let mut numbers = x.numbers()?;
        for line in Along::new(&seen, if flat { 1 } else { place }).lines() {
            let values: Vec<f64> = line.clone().map(|at| numbers[at]).collect();
            let total = log_sum_exp(&values);
            for (at, value) in line.zip(values) {
                numbers[at] = if logarithm { value - total } else { (value - total).exp() };
            }
        }
        Ok(vec![Tensor::of_numbers(x.shape().to_vec(), numbers, x.kind())?])
    })
}

fn running_sum(attributes: &Attributes<'_>) -> Kernel {
    let (exclusive, reverse) = (attributes.flag("exclusive", false), attributes.flag("reverse", false));
    Box::new(move |inputs| {
        let x = inputs.get(0)?;
        let along = inputs.get(1)?.ints()?.first().copied().unwrap_or(0);
        let place = axis(along, x.shape().len())?;
        let lines = || {
            Along::new(x.shape(), place).lines().map(|line| {
                let mut line: Vec<usize> = line.collect();
                if reverse {
                    line.reverse();
                }
                line
            })
        };
        fn summed<T: Copy>(
            values: &mut [T],
            lines: impl Iterator<Item = Vec<usize>>,
            exclusive: bool,
            zero: T,
            add: fn(T, T) -> T,
        ) {
            for line in lines {
                let mut sum = zero;
                for at in line {
                    let next = add(sum, values[at]);
                    values[at] = if exclusive { sum } else { next };
                    sum = next;
                }
            }
        }
        if let Values::Int(values) = x.values() {
            let mut values = values.clone();
            summed(&mut values, lines(), exclusive, 0, i64::wrapping_add);
            return Ok(vec![Tensor::new(x.shape().to_vec(), Values::Int(values))?]);
        }
        let mut numbers = x.numbers()?;
        summed(&mut numbers, lines(), exclusive, 0.0, |sum, value| sum + value);
        Ok(vec![Tensor::of_numbers(x.shape().to_vec(), numbers, x.kind())?])
    })
}

fn top(attributes: &Attributes<'_>) -> Kernel {
    let (along, largest) = (attributes.int("axis", -1), attributes.flag("largest", true));
    let fixed = attributes.int("k", 0);
    Box::new(move |inputs: &Inputs<'_>| {
        let x = inputs.get(0)?;
        let k = inputs
            .optional(1)
            .map(Tensor::ints)
            .transpose()?
            .map_or(Some(fixed), |ints| ints.first().copied());
        let place = axis(along, x.shape().len())?;
        let seen = Along::new(x.shape(), place);
        let k = k.and_then(|k| usize::try_from(k).ok()).filter(|&k| k <= seen.side);
        let k = k.ok_or_else(|| Fault::new(format!("more than the {} values are asked for", seen.side)))?;
        let numbers = x.numbers()?;
        let compared = |a: usize, b: usize| match x.values() {
            Values::Int(values) => values[a].cmp(&values[b]),
            _ => numbers[a].total_cmp(&numbers[b]),
        };
        let mut shape = x.shape().to_vec();
        shape[place] = k;
        let (mut chosen, mut steps) = (vec![0; count(&shape)?], vec![0i64; count(&shape)?]);
        let out = Along::new(&shape, place);
        for (line, to) in seen.lines().zip(out.lines()) {
            let mut line: Vec<(usize, usize)> = line.enumerate().collect();
            // Equal values keep their order.
            line.sort_by(|(_, a), (_, b)| if largest { compared(*b, *a) } else { compared(*a, *b) });
            for ((step, at), to) in line.into_iter().zip(to) {
                (chosen[to], steps[to]) = (at, step as i64);
            }
        }
        let values = x.values().pick(chosen.into_iter());
        Ok(vec![Tensor::new(shape.clone(), values)?, Tensor::new(shape, Values::Int(steps))?])
    })
}

/// The operator of that name, if it is one of these. `version` is that of the standard operators.
pub fn kernel(attributes: &Attributes<'_>, operator: &str, version: i64) -> Option<Kernel> {
    if let Some(fold) = fold_of(operator) {
        return Some(reduce(attributes, fold, fold_of_ints(operator)));
    }
    Some(match operator {
        "ArgMax" => extreme(attributes, true),
        "ArgMin" => extreme(attributes, false),
        "Softmax" => softmax(attributes, version, false),
        "LogSoftmax" => softmax(attributes, version, true),
        "CumSum" => running_sum(attributes),
        "TopK" => top(attributes),
        _ => return None,
    })
}
