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

fn reduce(attributes: &Attributes<'_>, fold: Fold) -> Kernel {
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
        let turned = super::shapes::transposed(x, &order)?.numbers()?;
        let length: usize = lost.iter().map(|&place| shape[place]).product();
        let lines: usize = kept.iter().map(|&place| shape[place]).product();
        let numbers = match length {
            0 => vec![fold(&[]); count(&[lines])?],
            _ => turned.chunks_exact(length).map(fold).collect(),
        };
        let sides = (0..rank).filter(|&place| keep || !reduced[place]);
        let shape = sides.map(|place| if reduced[place] { 1 } else { shape[place] }).collect();
        Ok(vec![Tensor::of_numbers(shape, numbers, x.kind())?])
    })
}

fn extreme(attributes: &Attributes<'_>, sign: f64) -> Kernel {
    let (along, keep) = (attributes.int("axis", 0), attributes.flag("keepdims", true));
    let last = attributes.flag("select_last_index", false);
    Box::new(move |inputs| {
        let x = inputs.get(0)?;
        let place = axis(along, x.shape().len())?;
        ensure!(x.shape()[place] > 0, "there is no value to choose from");
        let numbers = x.numbers()?;
        let best = |line: &mut dyn Iterator<Item = usize>| {
            let mut best = (0, f64::NEG_INFINITY);
            for (step, at) in line.enumerate() {
                let value = sign * numbers[at];
                if step == 0 || value > best.1 || (last && value == best.1) {
                    best = (step as i64, value);
                }
            }
            best.0
        };
        let chosen = Along::new(x.shape(), place).lines().map(|mut line| best(&mut line)).collect();
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
        let mut numbers = x.numbers()?;
        for line in Along::new(x.shape(), place).lines() {
            let mut line: Vec<usize> = line.collect();
            if reverse {
                line.reverse();
            }
            let mut sum = 0.0;
            for at in line {
                let value = numbers[at];
                numbers[at] = if exclusive { sum } else { sum + value };
                sum += value;
            }
        }
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
        let mut shape = x.shape().to_vec();
        shape[place] = k;
        let (mut chosen, mut steps) = (vec![0; count(&shape)?], vec![0i64; count(&shape)?]);
        let out = Along::new(&shape, place);
        for (line, to) in seen.lines().zip(out.lines()) {
            let mut line: Vec<(usize, usize)> = line.enumerate().collect();
            // Equal values keep their order.
            line.sort_by(|(_, a), (_, b)| {
                let (a, b) = (numbers[*a], numbers[*b]);
                if largest { b.total_cmp(&a) } else { a.total_cmp(&b) }
            });
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
        return Some(reduce(attributes, fold));
    }
    Some(match operator {
        "ArgMax" => extreme(attributes, 1.0),
        "ArgMin" => extreme(attributes, -1.0),
        "Softmax" => softmax(attributes, version, false),
        "LogSoftmax" => softmax(attributes, version, true),
        "CumSum" => running_sum(attributes),
        "TopK" => top(attributes),
        _ => return None,
    })
}
