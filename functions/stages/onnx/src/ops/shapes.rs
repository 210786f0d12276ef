//! Operators that move values about, and change their type.

use super::broadcast;
use crate::fault::{Fault, ensure};
use crate::node::{Attributes, Inputs, Kernel, axis};
use crate::proto::element;
use crate::tensor::{Kind, Tensor, Values, count};

/// The axes in another order.
pub fn transposed(x: &Tensor, order: &[usize]) -> Result<Tensor, Fault> {
    if order.iter().enumerate().all(|(place, &from)| place == from) {
        return Ok(x.clone());
    }
    let mut strides = vec![1; x.shape().len()];
    for place in (1..x.shape().len()).rev() {
        strides[place - 1] = strides[place] * x.shape()[place];
    }
    let shape: Vec<usize> = order.iter().map(|&from| x.shape()[from]).collect();
    let places = (0..count(&shape)?).map(|mut place| {
        let mut at = 0;
        for (side, &from) in shape.iter().zip(order).rev() {
            at += place % side * strides[from];
            place /= side;
        }
        at
    });
    let values = x.values().pick(places);
    Tensor::new(shape, values)
}

fn transpose(attributes: &Attributes<'_>) -> Kernel {
    let given = attributes.ints("perm").to_vec();
    Box::new(move |inputs| {
        let x = inputs.get(0)?;
        let rank = x.shape().len();
        let order: Vec<usize> = match given.is_empty() {
            true => (0..rank).rev().collect(),
            false => given.iter().map(|&from| axis(from, rank)).collect::<Result<_, _>>()?,
        };
        let mut sorted = order.clone();
        sorted.sort_unstable();
        ensure!(sorted.into_iter().eq(0..rank), "`perm` is no order of {rank} axes");
        Ok(vec![transposed(x, &order)?])
    })
}

fn cast(attributes: &Attributes<'_>) -> Result<Kernel, Fault> {
    let number = attributes.int("to", 0) as i32;
    let to = Kind::of_element(number)?;
    Ok(Box::new(move |inputs| {
        let x = inputs.get(0)?;
        let shape = x.shape().to_vec();
        let cast = match (x.values(), to) {
            // Integers of 32 bits are what is left of those of 64.
            (Values::Int(values), Kind::Int) if number == element::INT32 => Tensor::new(
                shape,
                Values::Int(values.iter().map(|&value| i64::from(value as i32)).collect()),
            )?,
            // Rounded once, not by way of double precision.
            (Values::Int(values), Kind::Single) => {
                Tensor::new(shape, Values::Single(values.iter().map(|&value| value as f32).collect()))?
            }
            (values, to) if values.kind() == to => x.clone(),
            (Values::Int(values), Kind::Text) => {
                Tensor::new(shape, Values::Text(values.iter().map(i64::to_string).collect()))?
            }
            (Values::Text(values), Kind::Int) => {
                let parsed = values.iter().map(|text| {
                    text.trim().parse().map_err(|_| Fault::new(format!("the text {text:?} is no integer")))
                });
                Tensor::new(shape, Values::Int(parsed.collect::<Result<_, _>>()?))?
            }
            (Values::Text(values), Kind::Single | Kind::Double) => {
                let parsed = values.iter().map(|text| {
                    text.trim().parse().map_err(|_| Fault::new(format!("the text {text:?} is no number")))
                });
                Tensor::of_numbers(shape, parsed.collect::<Result<_, _>>()?, to)?
            }
            (_, Kind::Text) => return Err(Fault::new("only integers can be made text")),
            _ => Tensor::of_numbers(shape, x.numbers()?, to)?,
        };
        Ok(vec![cast])
    }))
}

fn constant(attributes: &Attributes<'_>) -> Result<Kernel, Fault> {
    let value = match attributes.tensor("value")? {
        Some(value) => value,
        None if attributes.has("value_int") => {
            Tensor::new(Vec::new(), Values::Int(vec![attributes.int("value_int", 0)]))?
        }
        None if attributes.has("value_float") => {
            Tensor::new(Vec::new(), Values::Single(vec![attributes.float("value_float", 0.0)]))?
        }
        None if attributes.has("value_ints") => {
            let values = attributes.ints("value_ints").to_vec();
            Tensor::new(vec![values.len()], Values::Int(values))?
        }
        None if attributes.has("value_floats") => {
            let values = attributes.numbers("value_floats")?;
            Tensor::of_numbers(vec![values.len()], values, Kind::Single)?
        }
        None => return Err(Fault::new("its value is missing")),
    };
    Ok(Box::new(move |_| Ok(vec![value.clone()])))
}

fn reshape(inputs: &Inputs<'_>, zero_is_zero: bool) -> Result<Vec<Tensor>, Fault> {
    let x = inputs.get(0)?;
    let asked = inputs.get(1)?.ints()?;
    let mut shape = Vec::with_capacity(asked.len());
    let mut open = None;
    for (place, &side) in asked.iter().enumerate() {
        let own = x.shape().get(place).copied();
        match side {
            -1 if open.is_none() => {
                open = Some(place);
                shape.push(1);
            }
            0 if !zero_is_zero => {
                shape.push(own.ok_or_else(|| Fault::new("a side of the new shape is unknown"))?);
            }
            side => {
                let side = usize::try_from(side);
                shape.push(side.map_err(|_| Fault::new(format!("{asked:?} is no shape")))?);
            }
        }
    }
    if let Some(place) = open {
        shape[place] = match count(&shape)? {
            0 => 0,
            others => x.values().len() / others,
        };
    }
    Ok(vec![x.reshaped(shape)?])
}

fn flatten(attributes: &Attributes<'_>) -> Kernel {
    let along = attributes.int("axis", 1);
    Box::new(move |inputs| {
        let x = inputs.get(0)?;
        let rank = x.shape().len();
        let place = if along == rank as i64 { rank } else { axis(along, rank)? };
        let product = |sides: &[usize]| sides.iter().product();
        let shape = vec![product(&x.shape()[..place]), product(&x.shape()[place..])];
        Ok(vec![x.reshaped(shape)?])
    })
}

/// Axes as an attribute in older models, as an input in newer ones.
fn axes(inputs: &Inputs<'_>, given: &[i64]) -> Result<Vec<i64>, Fault> {
    inputs.optional(1).map_or(Ok(given.to_vec()), |axes| axes.ints().map(<[i64]>::to_vec))
}

fn squeeze(attributes: &Attributes<'_>) -> Kernel {
    let given = attributes.ints("axes").to_vec();
    Box::new(move |inputs| {
        let x = inputs.get(0)?;
        let axes = axes(inputs, &given)?;
        let rank = x.shape().len();
        let lost: Vec<usize> = axes.iter().map(|&own| axis(own, rank)).collect::<Result<_, _>>()?;
        ensure!(lost.iter().all(|&place| x.shape()[place] == 1), "a side that is not 1 cannot be dropped");
        let keeps = |&(place, side): &(usize, usize)| {
            if lost.is_empty() { side != 1 } else { !lost.contains(&place) }
        };
        let sides = x.shape().iter().copied().enumerate().filter(keeps);
        Ok(vec![x.reshaped(sides.map(|(_, side)| side).collect())?])
    })
}

fn unsqueeze(attributes: &Attributes<'_>) -> Kernel {
    let given = attributes.ints("axes").to_vec();
    Box::new(move |inputs| {
        let x = inputs.get(0)?;
        let axes = axes(inputs, &given)?;
        let rank = x.shape().len() + axes.len();
        let new: Vec<usize> = axes.iter().map(|&own| axis(own, rank)).collect::<Result<_, _>>()?;
        let mut sides = x.shape().iter().copied();
        let shape = (0..rank).map(|place| if new.contains(&place) { Some(1) } else { sides.next() });
        let shape: Option<Vec<usize>> = shape.collect();
        Ok(vec![x.reshaped(shape.ok_or_else(|| Fault::new("an axis is there twice"))?)?])
    })
}

/// Arrays one behind the other along an axis.
pub fn concatenated(parts: &[&Tensor], along: i64) -> Result<Tensor, Fault> {
    let first = parts.first().ok_or_else(|| Fault::new("nothing is put together"))?;
    let place = axis(along, first.shape().len())?;
    let alike = |part: &&Tensor| {
        part.shape().len() == first.shape().len()
            && part.shape().iter().zip(first.shape()).enumerate().all(|(at, (a, b))| at == place || a == b)
    };
    ensure!(parts.iter().all(alike), "arrays of different shapes are put together");
    let mut shape = first.shape().to_vec();
    shape[place] = parts.iter().map(|part| part.shape()[place]).sum();
    count(&shape)?;
    let outer: usize = shape[..place].iter().product();
    let mut values = Values::none(first.kind());
    for block in 0..outer {
        for part in parts {
            let length: usize = part.shape()[place..].iter().product();
            values.extend(part.values(), block * length..(block + 1) * length)?;
        }
    }
    Tensor::new(shape, values)
}

/// Those of the lines across an axis, in this order.
pub fn picked(x: &Tensor, place: usize, lines: &[usize]) -> Result<Tensor, Fault> {
    let inner: usize = x.shape()[place + 1..].iter().product();
    let side = x.shape()[place];
    let outer: usize = x.shape()[..place].iter().product();
    let mut shape = x.shape().to_vec();
    shape[place] = lines.len();
    count(&shape)?;
    let places = (0..outer).flat_map(|block| {
        lines.iter().flat_map(move |line| {
            let start = (block * side + line) * inner;
            start..start + inner
        })
    });
    let values = x.values().pick(places);
    Tensor::new(shape, values)
}

fn gather(attributes: &Attributes<'_>) -> Kernel {
    let along = attributes.int("axis", 0);
    Box::new(move |inputs| {
        let (x, places) = (inputs.get(0)?, inputs.get(1)?);
        let place = axis(along, x.shape().len())?;
        let lines = places.ints()?.iter().map(|&line| axis(line, x.shape()[place]));
        let taken = picked(x, place, &lines.collect::<Result<Vec<_>, _>>()?)?;
        let shape = [&x.shape()[..place], places.shape(), &x.shape()[place + 1..]].concat();
        Ok(vec![taken.reshaped(shape)?])
    })
}

fn gather_elements(attributes: &Attributes<'_>) -> Kernel {
    let along = attributes.int("axis", 0);
    Box::new(move |inputs| {
        let (x, places) = (inputs.get(0)?, inputs.get(1)?);
        let rank = x.shape().len();
        let place = axis(along, rank)?;
        let fits = places.shape().len() == rank
            && places.shape().iter().zip(x.shape()).enumerate().all(|(at, (a, b))| at == place || a <= b);
        ensure!(fits, "places of shape {:?} do not fit values of shape {:?}", places.shape(), x.shape());
        let mut strides = vec![1; rank];
        for at in (1..rank).rev() {
            strides[at - 1] = strides[at] * x.shape()[at];
        }
        let chosen = places.ints()?.iter().enumerate().map(|(mut number, &step)| {
            let mut at = axis(step, x.shape()[place])? * strides[place];
            for (own, &side) in places.shape().iter().enumerate().rev() {
                if own != place {
                    at += number % side * strides[own];
                }
                number /= side;
            }
            Ok(at)
        });
        let chosen: Vec<usize> = chosen.collect::<Result<_, Fault>>()?;
        let values = x.values().pick(chosen.into_iter());
        Ok(vec![Tensor::new(places.shape().to_vec(), values)?])
    })
}

fn slice(inputs: &Inputs<'_>) -> Result<Vec<Tensor>, Fault> {
    let mut x = inputs.get(0)?.clone();
    let (starts, ends) = (inputs.get(1)?.ints()?, inputs.get(2)?.ints()?);
    let axes = inputs.optional(3).map(Tensor::ints).transpose()?;
    let steps = inputs.optional(4).map(Tensor::ints).transpose()?;
    for (number, (&start, &end)) in starts.iter().zip(ends).enumerate() {
        let own = axes.map_or(Some(number as i64), |axes| axes.get(number).copied());
        let place = axis(own.ok_or_else(|| Fault::new("an axis is missing"))?, x.shape().len())?;
        let step = steps.map_or(Some(1), |steps| steps.get(number).copied());
        let step = step.filter(|&step| step != 0).ok_or_else(|| Fault::new("a step is missing or 0"))?;
        let side = x.shape()[place] as i64;
        let bound = |at: i64, least: i64, most: i64| {
            (if at < 0 { at.saturating_add(side) } else { at }).clamp(least, most.max(least))
        };
        let (mut at, end) = match step > 0 {
            true => (bound(start, 0, side), bound(end, 0, side)),
            false => (bound(start, -1, side - 1), bound(end, -1, side - 1)),
        };
        let mut lines = Vec::new();
        while (step > 0 && at < end) || (step < 0 && at > end) {
            lines.push(at as usize);
            at = at.saturating_add(step);
        }
        x = picked(&x, place, &lines)?;
    }
    Ok(vec![x])
}

fn split(attributes: &Attributes<'_>, outputs: usize) -> Kernel {
    let along = attributes.int("axis", 0);
    let given = attributes.ints("split").to_vec();
    Box::new(move |inputs| {
        let x = inputs.get(0)?;
        let place = axis(along, x.shape().len())?;
        let side = x.shape()[place];
        let mut lengths: Vec<usize> =
            axes(inputs, &given)?.iter().map(|&length| length.max(0) as usize).collect();
        if lengths.is_empty() {
            let each = side.div_ceil(outputs.max(1));
            lengths = (0..outputs).map(|part| each.min(side.saturating_sub(part * each))).collect();
        }
        let total = lengths.iter().try_fold(0usize, |sum, &length| sum.checked_add(length));
        ensure!(total == Some(side), "parts of {lengths:?} do not make up {side}");
        let mut start = 0;
        let parts = lengths.into_iter().map(|length| {
            let lines: Vec<usize> = (start..start + length).collect();
            start += length;
            picked(x, place, &lines)
        });
        parts.collect()
    })
}

/// A shape that flows in.
fn sides(tensor: &Tensor) -> Result<Vec<usize>, Fault> {
    let sides = tensor.ints()?.iter().map(|&side| usize::try_from(side));
    let sides = sides.collect::<Result<Vec<usize>, _>>().map_err(|_| Fault::new("a side is negative"))?;
    count(&sides)?;
    Ok(sides)
}

fn filled(attributes: &Attributes<'_>) -> Result<Kernel, Fault> {
    let value = attributes.tensor("value")?.unwrap_or(Tensor::new(vec![1], Values::Single(vec![0.0]))?);
    ensure!(value.values().len() == 1, "one value is expected");
    Ok(Box::new(move |inputs| {
        let shape = sides(inputs.get(0)?)?;
        let values = value.values().pick(std::iter::repeat_n(0, count(&shape)?));
        Ok(vec![Tensor::new(shape, values)?])
    }))
}

fn expand(inputs: &Inputs<'_>) -> Result<Vec<Tensor>, Fault> {
    let x = inputs.get(0)?;
    let shape = broadcast::shape(x.shape(), &sides(inputs.get(1)?)?)?;
    let values = x.values().pick(broadcast::places(x.shape(), &shape)?);
    Ok(vec![Tensor::new(shape, values)?])
}

fn tile(inputs: &Inputs<'_>) -> Result<Vec<Tensor>, Fault> {
    let mut x = inputs.get(0)?.clone();
    let repeats = sides(inputs.get(1)?)?;
    ensure!(repeats.len() == x.shape().len(), "{} repeats for {} axes", repeats.len(), x.shape().len());
    for (place, &times) in repeats.iter().enumerate() {
        let side = x.shape()[place];
        count(&[side, times])?;
        let lines: Vec<usize> = (0..side * times).map(|line| line % side).collect();
        x = picked(&x, place, &lines)?;
    }
    Ok(vec![x])
}

fn shape_of(inputs: &Inputs<'_>) -> Result<Vec<Tensor>, Fault> {
    let sides: Vec<i64> = inputs.get(0)?.shape().iter().map(|&side| side as i64).collect();
    Ok(vec![Tensor::new(vec![sides.len()], Values::Int(sides))?])
}

fn concat(attributes: &Attributes<'_>) -> Kernel {
    let along = attributes.int("axis", 0);
    Box::new(move |inputs| {
        let parts: Result<Vec<&Tensor>, Fault> = (0..inputs.len()).map(|place| inputs.get(place)).collect();
        Ok(vec![concatenated(&parts?, along)?])
    })
}

/// The operator of that name, if it is one of these.
pub fn kernel(attributes: &Attributes<'_>, operator: &str) -> Option<Result<Kernel, Fault>> {
    let kernel: Kernel = match operator {
        "Cast" => return Some(cast(attributes)),
        "Constant" => return Some(constant(attributes)),
        "ConstantOfShape" => return Some(filled(attributes)),
        "Identity" | "Dropout" => Box::new(|inputs| Ok(vec![inputs.get(0)?.clone()])),
        "Reshape" => {
            let zero_is_zero = attributes.flag("allowzero", false);
            Box::new(move |inputs| reshape(inputs, zero_is_zero))
        }
        "Flatten" => flatten(attributes),
        "Transpose" => transpose(attributes),
        "Squeeze" => squeeze(attributes),
        "Unsqueeze" => unsqueeze(attributes),
        "Concat" => concat(attributes),
        "Gather" => gather(attributes),
        "GatherElements" => gather_elements(attributes),
        "Slice" => Box::new(slice),
        "Split" => split(attributes, attributes.0.output.len()),
        "Shape" => Box::new(shape_of),
        "Expand" => Box::new(expand),
        "Tile" => Box::new(tile),
        _ => return None,
    };
    Some(Ok(kernel))
}
