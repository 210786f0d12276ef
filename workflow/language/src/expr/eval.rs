//! The value of an expression.

use std::cmp::Ordering;

use millstream_core::{artifact::Parts, number as numbers};
use serde_json::Value as Json;

use super::{Expr, Function, Keys, Node, Operator, Reference, Value, aggregate};

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EvalError {
    /// A reference has no value yet: evaluate again later.
    Unknown,
    /// It never will have one; the message says why.
    Failed(String),
}

impl EvalError {
    /// A final failure.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }
}

/// What references and status functions come to.
pub trait Values {
    /// The value of a reference; `keys` picks among the combinations of a step with a matrix.
    fn reference(&self, reference: &Reference, keys: &KeyValues) -> Result<Value, EvalError>;

    /// The value of `key` in the combination of each task whose result `reference` lists, in the same order.
    ///
    /// # Errors
    /// It is not known, or the step has no combinations.
    fn combinations(
        &self,
        _reference: &Reference,
        _keys: &KeyValues,
        _key: &str,
    ) -> Result<Vec<Json>, EvalError> {
        Err(EvalError::Unknown)
    }

    /// Whether the tasks of `step` are the parts of a channel, one by one: then its places are places of parts.
    fn goes_over_parts(&self, _step: &str) -> bool {
        false
    }

    /// The answer of `success()`, `failure()` or `always()`.
    fn status(&self, function: Function) -> Result<bool, EvalError>;
}

/// What keys of combinations must be: a value, or any if there is none.
pub type KeyValues = Vec<(String, Option<Value>)>;

/// The values of the keys of a selection.
pub fn key_values(keys: &Keys, values: &dyn Values) -> Result<KeyValues, EvalError> {
    keys.iter()
        .map(|(name, expr)| {
            let value = expr.as_ref().map(|expr| eval(expr, values)).transpose()?;
            Ok((name.clone(), value))
        })
        .collect()
}

/// The value of `expr`. `&&` and `||` leave out the right side when the left decides.
pub fn eval(expr: &Expr, values: &dyn Values) -> Result<Value, EvalError> {
    match &expr.node {
        Node::Literal(value) => Ok(value.clone()),
        Node::Reference(reference) => values.reference(reference, &Vec::new()),
        Node::Select(reference, keys) => values.reference(reference, &key_values(keys, values)?),
        Node::Index(x, index) => {
            let by_part = index.best_of().is_some_and(|(step, _)| values.goes_over_parts(step));
            pick(x, eval(x, values)?, &eval(index, values)?, by_part)
        }
        Node::Call(function, arguments) if function.is_status() => {
            debug_assert!(arguments.is_empty(), "checked before");
            Ok(Value::Bool(values.status(*function)?))
        }
        Node::Call(Function::Group, arguments) => group(arguments, values),
        Node::Call(function, arguments) => {
            let arguments = arguments.iter().map(|x| eval(x, values)).collect::<Result<Vec<_>, _>>()?;
            call(*function, &arguments)
        }
        Node::Not(x) => Ok(Value::Bool(!boolean(x, values)?)),
        Node::Negate(x) => match eval(x, values)? {
            Value::Integer(value) => integer(expr, value.checked_neg()),
            value => Ok(Value::Number(-number(x, &value)?)),
        },
        Node::Binary(Operator::And, x, y) => Ok(Value::Bool(boolean(x, values)? && boolean(y, values)?)),
        Node::Binary(Operator::Or, x, y) => Ok(Value::Bool(boolean(x, values)? || boolean(y, values)?)),
        Node::Binary(operator, x, y) => binary(expr, *operator, (x, eval(x, values)?), (y, eval(y, values)?)),
    }
}

/// The metric of a step with a matrix, grouped by a key of that.
fn group(arguments: &[Expr], values: &dyn Values) -> Result<Value, EvalError> {
    let misplaced = || EvalError::failed(format!("`{}` is how group is called", Function::Group.usage()));
    let [metric, key] = arguments else { return Err(misplaced()) };
    let none = Keys::new();
    let (reference, keys) = match &metric.node {
        Node::Reference(reference) => (reference, &none),
        Node::Select(reference, keys) => (reference, keys),
        _ => return Err(misplaced()),
    };
    let Value::String(key) = eval(key, values)? else { return Err(misplaced()) };
    let keys = key_values(keys, values)?;
    let Value::List(list) = values.reference(reference, &keys)? else {
        return Err(EvalError::failed(format!("`{metric}` is no list")));
    };
    Ok(aggregate::group(values.combinations(reference, &keys, &key)?, list))
}

/// The whole number that `expr` comes to; none is one that is larger still.
fn integer(expr: &Expr, value: Option<i128>) -> Result<Value, EvalError> {
    match value {
        Some(value) if numbers::in_range(value) => Ok(Value::Integer(value)),
        Some(value) => Err(EvalError::failed(format!(
            "`{expr}` is {value}, which is out of range: {}",
            numbers::range()
        ))),
        None => Err(EvalError::failed(format!("`{expr}` is out of range: {}", numbers::range()))),
    }
}

fn boolean(x: &Expr, values: &dyn Values) -> Result<bool, EvalError> {
    match eval(x, values)? {
        Value::Bool(value) => Ok(value),
        value => Err(EvalError::failed(format!("`{x}` is {}, not a boolean", value.kind()))),
    }
}

fn number(x: &Expr, value: &Value) -> Result<f64, EvalError> {
    value.as_f64().ok_or_else(|| EvalError::failed(format!("`{x}` is {}, not a number", value.kind())))
}

fn binary(
    expr: &Expr,
    operator: Operator,
    (x, a): (&Expr, Value),
    (y, b): (&Expr, Value),
) -> Result<Value, EvalError> {
    use Operator::*;
    match (operator, &a, &b) {
        (Equal, ..) => return Ok(Value::Bool(equal(&a, &b))),
        (NotEqual, ..) => return Ok(Value::Bool(!equal(&a, &b))),
        (Less, Value::String(a), Value::String(b)) => return Ok(Value::Bool(a < b)),
        (LessEqual, Value::String(a), Value::String(b)) => return Ok(Value::Bool(a <= b)),
        (Greater, Value::String(a), Value::String(b)) => return Ok(Value::Bool(a > b)),
        (GreaterEqual, Value::String(a), Value::String(b)) => return Ok(Value::Bool(a >= b)),
        (Add | Subtract | Multiply, Value::Integer(a), Value::Integer(b)) => {
            let exact = match operator {
                Add => a.checked_add(*b),
                Subtract => a.checked_sub(*b),
                _ => a.checked_mul(*b),
            };
            return integer(expr, exact);
        }
        // Exact where it can be: a quotient of large numbers is not rounded.
        (Divide, Value::Integer(a), Value::Integer(b)) if *b != 0 && a % b == 0 => {
            return integer(expr, a.checked_div(*b));
        }
        _ => {}
    }
    let order = a.compare(&b);
    let (a, b) = (number(x, &a)?, number(y, &b)?);
    Ok(match operator {
        Less => Value::Bool(order == Some(Ordering::Less)),
        LessEqual => Value::Bool(order.is_some_and(Ordering::is_le)),
        Greater => Value::Bool(order == Some(Ordering::Greater)),
        GreaterEqual => Value::Bool(order.is_some_and(Ordering::is_ge)),
        Add => Value::Number(a + b),
        Subtract => Value::Number(a - b),
        Multiply => Value::Number(a * b),
        Divide if b == 0.0 => {
            return Err(EvalError::failed(format!("`{y}` is 0: nothing can be divided by it")));
        }
        Divide => Value::Number(a / b),
        Equal | NotEqual | And | Or => return Err(EvalError::failed("operator out of place")),
    })
}

fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            let json = |map: &serde_json::Map<_, _>| serde_json::Value::Object(map.clone());
            numbers::same(&json(a), &json(b))
        }
        _ if a.as_f64().is_some() && b.as_f64().is_some() => a.compare(b) == Some(Ordering::Equal),
        _ => a == b,
    }
}

fn pick(x: &Expr, of: Value, index: &Value, by_part: bool) -> Result<Value, EvalError> {
    let out_of_range = |count: usize| {
        EvalError::failed(match count {
            0 => format!("`{x}` is empty: there is nothing at [{index}]"),
            _ => format!("`{x}` has {count} entries, [0] to [{}]: there is none at [{index}]", count - 1),
        })
    };
    let place = || match index {
        Value::Integer(i) => Ok(usize::try_from(*i).unwrap_or(usize::MAX)),
        Value::Number(i) if numbers::whole_of(*i).is_some() => {
            Ok(numbers::whole_of(*i).and_then(|i| usize::try_from(i).ok()).unwrap_or(usize::MAX))
        }
        other => Err(EvalError::failed(format!("a place is an integer, not {}", other.kind()))),
    };
    match of {
        Value::List(mut items) => {
            let i = place()?;
            if i < items.len() { Ok(items.swap_remove(i)) } else { Err(out_of_range(items.len())) }
        }
        Value::Gathered(mut tasks) if !by_part => {
            let i = place()?;
            if i < tasks.len() {
                Ok(Value::Channel(vec![tasks.swap_remove(i)]))
            } else {
                Err(out_of_range(tasks.len()))
            }
        }
        Value::Channel(segments) | Value::Gathered(segments) => {
            let i = place()?;
            let count = segments.iter().map(|segment| segment.parts.len()).sum();
            let part = segments
                .iter()
                .flat_map(|segment| segment.parts.iter().map(move |part| (part, &segment.stages)))
                .nth(i)
                .ok_or_else(|| out_of_range(count))?;
            Ok(Value::Channel(vec![Parts { parts: vec![part.0.clone()], stages: part.1.clone() }]))
        }
        Value::Groups(groups) => {
            let wanted = index.to_json().map_err(EvalError::Failed)?;
            let all: Vec<String> = groups.iter().map(|(key, _)| key.to_string()).collect();
            let found = groups.into_iter().find(|(key, _)| numbers::same(key, &wanted));
            found.map(|(_, value)| value).ok_or_else(|| {
                EvalError::failed(format!("`{x}` has no group {wanted}; there are {}", all.join(", ")))
            })
        }
        // A member that is not there is null, so that combinations may differ in what they carry.
        Value::Object(map) => match index {
            Value::String(name) => Ok(map.get(name).cloned().unwrap_or_default().into()),
            other => Err(EvalError::failed(format!("a member's name is text, not {}", other.kind()))),
        },
        Value::Null => Ok(Value::Null),
        other => Err(EvalError::failed(format!("`{x}` is {}: it has no members", other.kind()))),
    }
}

fn call(function: Function, arguments: &[Value]) -> Result<Value, EvalError> {
    let name = function.name();
    let unfit = |value: &Value| EvalError::failed(format!("`{name}` can't take {}", value.kind()));
    let text = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        other => Err(unfit(other)),
    };
    let first = arguments.first().unwrap_or(&Value::Null);
    let second = arguments.get(1).unwrap_or(&Value::Null);
    match (function, first) {
        (Function::Argmin | Function::Argmax, Value::Groups(groups)) => {
            let values: Vec<Value> = groups.iter().map(|(_, value)| value.clone()).collect();
            let place = call(function, &[Value::List(values)])?;
            let place = place.as_f64().unwrap_or_default() as usize;
            return Ok(groups[place].0.clone().into());
        }
        (_, Value::Groups(groups)) if function.is_aggregate() => {
            let of = |(key, value): &(Json, Value)| {
                let arguments: Vec<Value> = [value].into_iter().chain(&arguments[1..]).cloned().collect();
                Ok((key.clone(), call(function, &arguments)?))
            };
            return groups.iter().map(of).collect::<Result<_, EvalError>>().map(Value::Groups);
        }
        _ => {}
    }
    match function {
        Function::Sum
        | Function::Mean
        | Function::Std
        | Function::Median
        | Function::Quantile
        | Function::Count
        | Function::Sort => aggregate::aggregate(function, arguments),
        Function::Group => Err(EvalError::failed("group out of place")),
        Function::Min | Function::Max | Function::Argmin | Function::Argmax => {
            let items = match first {
                Value::List(items) => items.as_slice(),
                _ => arguments,
            };
            let greatest = matches!(function, Function::Max | Function::Argmax);
            let best = best(items, greatest).map_err(unfit)?;
            let (place, value) =
                best.ok_or_else(|| EvalError::failed(format!("`{name}` has no number to choose from")))?;
            Ok(match function {
                Function::Min | Function::Max => value.clone(),
                _ => Value::Integer(place as i128),
            })
        }
        Function::Length => Ok(Value::Integer(match first {
            Value::List(items) => items.len(),
            Value::String(text) => text.chars().count(),
            Value::Object(map) => map.len(),
            Value::Groups(groups) => groups.len(),
            Value::Channel(segments) | Value::Gathered(segments) => {
                segments.iter().map(|segment| segment.parts.len()).sum()
            }
            Value::Null => 0,
            other => return Err(unfit(other)),
        } as i128)),
        Function::Contains => Ok(Value::Bool(match first {
            Value::List(items) => items.iter().any(|item| equal(item, second)),
            Value::String(whole) => whole.contains(&text(second)?),
            other => return Err(unfit(other)),
        })),
        Function::StartsWith => Ok(Value::Bool(text(first)?.starts_with(&text(second)?))),
        Function::EndsWith => Ok(Value::Bool(text(first)?.ends_with(&text(second)?))),
        Function::Format => format(&text(first)?, &arguments[1..]).map(Value::String),
        Function::ToJson => {
            let json = first.to_json().map_err(EvalError::Failed)?;
            Ok(Value::String(millstream_core::key::canonical(&json)))
        }
        Function::Success | Function::Failure | Function::Always => {
            Err(EvalError::failed("status out of place"))
        }
    }
}

/// The first of the best numbers, and its place. NaN is never best, nor is null, which a skipped task has; what else is no
/// number is an error.
fn best(items: &[Value], greatest: bool) -> Result<Option<(usize, &Value)>, &Value> {
    let wanted = if greatest { Ordering::Greater } else { Ordering::Less };
    let mut best: Option<(usize, &Value)> = None;
    for (i, item) in items.iter().enumerate() {
        if matches!(item, Value::Null) {
            continue;
        }
        let is_nan = item.as_f64().ok_or(item)?.is_nan();
        if !is_nan && best.is_none_or(|(_, so_far)| item.compare(so_far) == Some(wanted)) {
            best = Some((i, item));
        }
    }
    Ok(best)
}

/// `{0}` stands for the first of `arguments`; `{{` and `}}` for single braces.
fn format(pattern: &str, arguments: &[Value]) -> Result<String, EvalError> {
    let mut text = String::new();
    let mut rest = pattern;
    while let Some(at) = rest.find(['{', '}']) {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        if rest.starts_with("{{") || rest.starts_with("}}") {
            text.push_str(&rest[..1]);
            rest = &rest[2..];
            continue;
        }
        let end = rest.find('}').unwrap_or(0);
        let argument =
            rest.get(1..end).and_then(|place| place.parse().ok()).and_then(|i: usize| arguments.get(i));
        match argument {
            Some(value) => text.push_str(&value.to_string()),
            None => {
                return Err(EvalError::failed(format!(
                    "the pattern '{pattern}' does not fit: it has {} values, {{0}} being the first; \
                     single braces are written {{{{ and }}}}",
                    arguments.len()
                )));
            }
        }
        rest = &rest[end + 1..];
    }
    text.push_str(rest);
    Ok(text)
}
