//! Comparisons. NaN equals itself and is greater than every number.

use std::{cmp::Ordering, sync::Arc};

use arrow_array::{
    ArrayRef, BooleanArray,
    cast::AsArray,
    types::{Date32Type, Float64Type, Int64Type, TimestampMicrosecondType},
};
use arrow_buffer::BooleanBuffer;

use super::{ANY, Body, Function, arithmetic::nulls, whole};
use crate::{
    column::Column,
    kind::Kind::{self, Boolean},
    value::{Value, compare_doubles},
};

pub(super) static FUNCTIONS: &[Function] = &[
    whole("=", &[ANY, ANY], Boolean, |a, n| Ok(compare(a, n, Ordering::is_eq))),
    whole("<>", &[ANY, ANY], Boolean, |a, n| Ok(compare(a, n, Ordering::is_ne))),
    whole("<", &[ANY, ANY], Boolean, |a, n| Ok(compare(a, n, Ordering::is_lt))),
    whole("<=", &[ANY, ANY], Boolean, |a, n| Ok(compare(a, n, Ordering::is_le))),
    whole(">", &[ANY, ANY], Boolean, |a, n| Ok(compare(a, n, Ordering::is_gt))),
    whole(">=", &[ANY, ANY], Boolean, |a, n| Ok(compare(a, n, Ordering::is_ge))),
    whole("is distinct from", &[ANY, ANY], Boolean, |a, n| Ok(distinct(a, n, true))),
    whole("is not distinct from", &[ANY, ANY], Boolean, |a, n| Ok(distinct(a, n, false))),
    whole("is null", &[ANY], Boolean, |a, n| Ok(missing(&a[0], n, true))),
    whole("is not null", &[ANY], Boolean, |a, n| Ok(missing(&a[0], n, false))),
    Function {
        name: "not",
        args: &[Boolean],
        rest: None,
        result: Boolean,
        body: Body::Strict(|a, _| Ok(Value::Boolean(!a[0].truth()))),
    },
    Function {
        name: "greatest",
        args: &[ANY],
        rest: Some(ANY),
        result: ANY,
        body: Body::Row(|a, _| Ok(extreme(a, Ordering::Greater))),
    },
    Function {
        name: "least",
        args: &[ANY],
        rest: Some(ANY),
        result: ANY,
        body: Body::Row(|a, _| Ok(extreme(a, Ordering::Less))),
    },
    Function {
        name: "nullif",
        args: &[ANY, ANY],
        rest: None,
        result: ANY,
        body: Body::Row(|a, _| {
            let equal = !a[0].is_null() && !a[1].is_null() && a[0].compare(&a[1]).is_eq();
            Ok(if equal { Value::Null } else { a[0].clone() })
        }),
    },
];

fn extreme<'a>(values: &[Value<'a>], wanted: Ordering) -> Value<'a> {
    let mut best = Value::Null;
    for value in values.iter().filter(|value| !value.is_null()) {
        if best.is_null() || value.compare(&best) == wanted {
            best = value.clone();
        }
    }
    best
}

/// The order of two columns' values, row by row, where neither is missing.
fn compare_columns(a: &Column, b: &Column, row: usize) -> Ordering {
    a.value(row).compare(&b.value(row))
}

fn compare(args: &[Column], rows: usize, holds: impl Fn(Ordering) -> bool) -> ArrayRef {
    let (a, b) = (&args[0], &args[1]);
    macro_rules! primitive {
        ($kind:ty, $order:expr) => {{
            let (x, y) = (a.array.as_primitive::<$kind>().values(), b.array.as_primitive::<$kind>().values());
            match (a.constant, b.constant) {
                (false, true) => BooleanBuffer::collect_bool(rows, |row| holds($order(&x[row], &y[0]))),
                (true, false) => BooleanBuffer::collect_bool(rows, |row| holds($order(&x[0], &y[row]))),
                _ => {
                    BooleanBuffer::collect_bool(rows, |row| holds($order(&x[a.index(row)], &y[b.index(row)])))
                }
            }
        }};
    }
    let values = match &a.kind {
        Kind::BigInt => primitive!(Int64Type, i64::cmp),
        Kind::Double => primitive!(Float64Type, |x: &f64, y: &f64| compare_doubles(*x, *y)),
        Kind::Date => primitive!(Date32Type, i32::cmp),
        Kind::Timestamp | Kind::TimestampTz => primitive!(TimestampMicrosecondType, i64::cmp),
        Kind::Null | Kind::Other(_) => return Arc::new(BooleanArray::new_null(rows)),
        Kind::Text => {
            let (x, y) = (a.array.as_string::<i32>(), b.array.as_string::<i32>());
            BooleanBuffer::collect_bool(rows, |row| holds(x.value(a.index(row)).cmp(y.value(b.index(row)))))
        }
        _ => BooleanBuffer::collect_bool(rows, |row| holds(compare_columns(a, b, row))),
    };
    Arc::new(BooleanArray::new(values, nulls(args, rows).filter(|nulls| nulls.null_count() > 0)))
}

fn distinct(args: &[Column], rows: usize, wanted: bool) -> ArrayRef {
    let values = BooleanBuffer::collect_bool(rows, |row| {
        let (a, b) = (args[0].value(row), args[1].value(row));
        let differ = match (a.is_null(), b.is_null()) {
            (false, false) => a.compare(&b).is_ne(),
            (a, b) => a != b,
        };
        differ == wanted
    });
    Arc::new(BooleanArray::new(values, None))
}

fn missing(column: &Column, rows: usize, wanted: bool) -> ArrayRef {
    Arc::new(BooleanArray::new(BooleanBuffer::collect_bool(rows, |row| column.is_null(row) == wanted), None))
}
