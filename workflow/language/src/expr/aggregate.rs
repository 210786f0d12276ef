//! Functions that make one value of a list of numbers, and groups of them.

use std::cmp::Ordering;

use millstream_core::number as numbers;
use serde_json::Value as Json;

use super::{EvalError, Function, Value};

/// The values of `list`, grouped by their keys, in the order in which the keys come first.
pub(super) fn group(keys: Vec<Json>, list: Vec<Value>) -> Value {
    let mut groups: Vec<(Json, Vec<Value>)> = Vec::new();
    for (key, value) in keys.into_iter().zip(list) {
        match groups.iter_mut().find(|(other, _)| numbers::same(other, &key)) {
            Some((_, members)) => members.push(value),
            None => groups.push((key, vec![value])),
        }
    }
    Value::Groups(groups.into_iter().map(|(key, members)| (key, Value::List(members))).collect())
}

/// `sum`, `mean`, `std`, `median`, `quantile`, `count` or `sort` of a list, or of the arguments themselves.
pub(super) fn aggregate(function: Function, arguments: &[Value]) -> Result<Value, EvalError> {
    let name = function.name();
    let items = match arguments.first() {
        Some(Value::List(items)) => items.as_slice(),
        _ => arguments,
    };
    if function == Function::Sort {
        return sort(arguments);
    }
    let kept = figures(items).map_err(|other| {
        EvalError::failed(format!("`{name}` takes numbers, but there is {} among them", other.kind()))
    })?;
    match function {
        Function::Count => return Ok(Value::Integer(kept.len() as i128)),
        Function::Sum => return Ok(sum(&kept)),
        _ if kept.is_empty() => {
            return Err(EvalError::failed(format!("`{name}` has no number to go by")));
        }
        _ => {}
    }
    let mut figures: Vec<f64> = kept.iter().filter_map(|value| value.as_f64()).collect();
    let count = figures.len() as f64;
    let mean = figures.iter().sum::<f64>() / count;
    let share = match function {
        Function::Mean => return Ok(Value::Number(mean)),
        Function::Std if figures.len() < 2 => {
            return Err(EvalError::failed("`std` needs two numbers or more"));
        }
        Function::Std => {
            let squares: f64 = figures.iter().map(|figure| (figure - mean) * (figure - mean)).sum();
            return Ok(Value::Number((squares / (count - 1.0)).sqrt()));
        }
        Function::Median => 0.5,
        _ => match arguments.get(1).and_then(Value::as_f64) {
            Some(share) if (0.0..=1.0).contains(&share) => share,
            _ => return Err(EvalError::failed("the share of `quantile` is a number from 0 to 1")),
        },
    };
    figures.sort_by(f64::total_cmp);
    Ok(Value::Number(quantile(&figures, share)))
}

/// The numbers that are none of NaN and null, which a skipped task has; what else is no number is an error.
fn figures(items: &[Value]) -> Result<Vec<&Value>, &Value> {
    let mut kept = Vec::new();
    for item in items.iter().filter(|item| !matches!(item, Value::Null)) {
        if !item.as_f64().ok_or(item)?.is_nan() {
            kept.push(item);
        }
    }
    Ok(kept)
}

/// Exact as long as all are whole and their sum is in the range of whole numbers.
fn sum(items: &[&Value]) -> Value {
    let add = |sum: Option<i128>, item: &&Value| match item {
        Value::Integer(value) => sum?.checked_add(*value).filter(|sum| numbers::in_range(*sum)),
        _ => None,
    };
    match items.iter().fold(Some(0), add) {
        Some(sum) => Value::Integer(sum),
        None => Value::Number(items.iter().filter_map(|item| item.as_f64()).sum()),
    }
}

/// What lies at `share` of the way through `sorted`, which is not empty: interpolated linearly, as NumPy does by default.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let (low, high) = (sorted[below], sorted[(below + 1).min(sorted.len() - 1)]);
    if low == high { low } else { low + (high - low) * (place - below as f64) }
}

fn sort(arguments: &[Value]) -> Result<Value, EvalError> {
    let wrong = |value: &Value| EvalError::failed(format!("`sort` can't take {}", value.kind()));
    let Some(Value::List(items)) = arguments.first() else {
        return Err(wrong(arguments.first().unwrap_or(&Value::Null)));
    };
    let descends = match arguments.get(1) {
        None => false,
        Some(Value::String(order)) if order == "descending" => true,
        Some(Value::String(order)) if order == "ascending" => false,
        Some(other) => {
            return Err(EvalError::failed(format!(
                "the order of `sort` is 'ascending' or 'descending', not {other}"
            )));
        }
    };
    let is_text = items.iter().any(|item| matches!(item, Value::String(_)));
    let mut sorted: Vec<Value> = if is_text {
        items.iter().filter(|item| !matches!(item, Value::Null)).cloned().collect()
    } else {
        figures(items).map_err(wrong)?.into_iter().cloned().collect()
    };
    if let Some(other) = sorted.iter().find(|item| is_text != matches!(item, Value::String(_))) {
        return Err(EvalError::failed(format!(
            "`sort` takes numbers or texts, but there is {} among texts",
            other.kind()
        )));
    }
    sorted.sort_by(|a, b| {
        let order = match (a, b) {
            (Value::String(a), Value::String(b)) => a.cmp(b),
            _ => a.compare(b).unwrap_or(Ordering::Equal),
        };
        if descends { order.reverse() } else { order }
    });
    Ok(Value::List(sorted))
}
