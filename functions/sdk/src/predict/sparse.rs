//! Sparse rows in requests and answers.
//!
//! In text a row is `index:value` after `index:value`, as in a LibSVM file. In JSON it is `{"keys": [..], "values": [..]}`
//! with or without `"shape": [n]`, as SageMaker has it, or a list of `{"index": i, "value": v}` or `[i, v]`. Indices begin at
//! 0 and may come in any order.

use std::fmt::Write as _;

use serde_json::Value;

use crate::table::SparseBuilder;

const SHAPES: &str = "a sparse row is {\"keys\": [index, ...], \"values\": [number, ...]} or a list of {\"index\": i, \"value\": v}";

/// Adds a row in text.
pub fn push_text(column: &mut SparseBuilder, text: &str) -> Result<(), String> {
    let pair = |token: &str| {
        let (index, value) = token.split_once(':')?;
        Some((index.parse().ok()?, value.parse().ok()?))
    };
    let pairs = text.split_ascii_whitespace().map(|token| {
        pair(token)
            .ok_or_else(|| format!("`{}` is not `index:value`", token.chars().take(40).collect::<String>()))
    });
    push(column, pairs.collect::<Result<_, _>>()?)
}

/// Adds a row in JSON.
pub fn push_json(column: &mut SparseBuilder, row: &Value) -> Result<(), String> {
    let pairs = match row {
        Value::Object(object) => {
            let list = |key: &str| object.get(key).and_then(Value::as_array).ok_or_else(|| SHAPES.to_owned());
            let (keys, values) = (list("keys")?, list("values")?);
            if keys.len() != values.len() {
                return Err(format!("there are {} keys and {} values", keys.len(), values.len()));
            }
            let pairs: Vec<_> =
                keys.iter().zip(values).map(|(key, value)| pair(key, value)).collect::<Result<_, _>>()?;
            if let Some(shape) = object.get("shape") {
                let end = match shape {
                    Value::Array(shape) => shape.last().and_then(Value::as_u64),
                    other => other.as_u64(),
                };
                let end = end.ok_or("`shape` is a list of one whole number")?;
                if let Some((index, _)) = pairs.iter().find(|(index, _)| u64::from(*index) >= end) {
                    return Err(format!("the key {index} is beyond the `shape` {end}"));
                }
            }
            pairs
        }
        Value::Array(list) => {
            let one = |item: &Value| match item {
                Value::Object(object) => {
                    let part = |key: &str| object.get(key).ok_or_else(|| SHAPES.to_owned());
                    pair(part("index")?, part("value")?)
                }
                Value::Array(both) if both.len() == 2 => pair(&both[0], &both[1]),
                _ => Err(SHAPES.to_owned()),
            };
            list.iter().map(one).collect::<Result<_, _>>()?
        }
        _ => return Err(SHAPES.to_owned()),
    };
    push(column, pairs)
}

fn pair(index: &Value, value: &Value) -> Result<(u32, f64), String> {
    let whole = index.as_u64().and_then(|index| u32::try_from(index).ok());
    let whole =
        whole.ok_or_else(|| format!("the index {index} is not a whole number from 0 to {}", u32::MAX))?;
    let number = value.as_f64().ok_or_else(|| format!("the value of index {index} is not a number"))?;
    Ok((whole, number))
}

fn push(column: &mut SparseBuilder, mut pairs: Vec<(u32, f64)>) -> Result<(), String> {
    pairs.sort_by_key(|(index, _)| *index);
    if let Some(twice) = pairs.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(format!("index {} comes twice", twice[0].0));
    }
    pairs.iter().for_each(|(index, value)| column.push(*index, *value));
    column.end_row().map_err(|failure| failure.to_string())
}

/// Writes a row as text.
pub fn write(out: &mut String, indices: &[u32], values: &[f64]) {
    for (place, (index, value)) in indices.iter().zip(values).enumerate() {
        let space = if place == 0 { "" } else { " " };
        // Writing to a string cannot fail.
        let _ = write!(out, "{space}{index}:{value}");
    }
}
