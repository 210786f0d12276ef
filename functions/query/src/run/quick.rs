//! The commonest aggregates of numbers, without a value at a time. They give what `accumulate` gives.

use arrow_array::{
    Array as _,
    cast::AsArray,
    types::{Float64Type, Int64Type},
};
use arrow_buffer::BooleanBuffer;

use crate::{
    aggregates::Aggregate,
    column::{Builder, Column},
    expr::AggregateCall,
    kind::Kind,
    problem::{Problem, Result},
    value::{Value, compare_doubles},
};

/// The aggregate of each group. None if it is not one of those.
pub(super) fn aggregate(
    call: &AggregateCall,
    args: &[Column],
    ids: &[u32],
    groups: usize,
    kept: Option<&BooleanBuffer>,
) -> Option<Result<Column>> {
    use Aggregate as A;
    let rows = ids.len();
    let Some(arg) = args.first() else {
        let mut counts = vec![0; groups];
        each(kept.cloned(), rows, |row| counts[ids[row] as usize] += 1);
        return (call.function == A::CountRows)
            .then(|| finish(call, counts.into_iter().map(|n| Ok(Value::BigInt(n)))));
    };
    let valid = match (arg.array.nulls(), &arg.kind) {
        (_, Kind::Null) => Some(BooleanBuffer::new_unset(rows)),
        (nulls, _) => nulls.filter(|nulls| nulls.null_count() > 0).map(|nulls| nulls.inner().clone()),
    };
    let there = match (kept, valid) {
        (Some(kept), Some(valid)) => Some(kept & &valid),
        (kept, valid) => valid.or_else(|| kept.cloned()),
    };
    Some(match (call.function, &arg.kind) {
        (A::Count, _) => {
            let mut counts = vec![0; groups];
            each(there, rows, |row| counts[ids[row] as usize] += 1);
            finish(call, counts.into_iter().map(|n| Ok(Value::BigInt(n))))
        }
        (A::Sum, Kind::BigInt) => {
            let values = arg.array.as_primitive::<Int64Type>().values();
            let mut sums: Vec<Option<i128>> = vec![None; groups];
            each(there, rows, |row| *sums[ids[row] as usize].get_or_insert(0) += i128::from(values[row]));
            finish(call, sums.into_iter().map(sum))
        }
        (A::Sum | A::Avg, Kind::Double) => {
            let values = arg.array.as_primitive::<Float64Type>().values();
            let mut sums = vec![(0_i64, 0.0); groups];
            each(there, rows, |row| {
                let sum = &mut sums[ids[row] as usize];
                sum.0 += 1;
                sum.1 += values[row];
            });
            finish(
                call,
                sums.into_iter().map(|(n, sum)| {
                    Ok(match n {
                        0 => Value::Null,
                        n if call.function == A::Avg => Value::Double(sum / n as f64),
                        _ => Value::Double(sum),
                    })
                }),
            )
        }
        (A::Min | A::Max, Kind::BigInt) => {
            let values = arg.array.as_primitive::<Int64Type>().values();
            let mut best: Vec<Option<i64>> = vec![None; groups];
            let pick = if call.function == A::Min { i64::min } else { i64::max };
            each(there, rows, |row| {
                let best = &mut best[ids[row] as usize];
                *best = Some(best.map_or(values[row], |best| pick(best, values[row])));
            });
            finish(call, best.into_iter().map(|best| Ok(best.map_or(Value::Null, Value::BigInt))))
        }
        (A::Min | A::Max, Kind::Double) => {
            let values = arg.array.as_primitive::<Float64Type>().values();
            let mut best: Vec<Option<f64>> = vec![None; groups];
            let wanted =
                if call.function == A::Min { std::cmp::Ordering::Less } else { std::cmp::Ordering::Greater };
            each(there, rows, |row| {
                let best = &mut best[ids[row] as usize];
                if best.is_none_or(|best| compare_doubles(values[row], best) == wanted) {
                    *best = Some(values[row]);
                }
            });
            finish(call, best.into_iter().map(|best| Ok(best.map_or(Value::Null, Value::Double))))
        }
        _ => return None,
    })
}

/// The rows of a mask, or all.
fn each(mask: Option<BooleanBuffer>, rows: usize, add: impl FnMut(usize)) {
    match mask {
        Some(mask) => mask.set_indices().for_each(add),
        None => (0..rows).for_each(add),
    }
}

/// A sum of integers as a value.
pub(super) fn sum(sum: Option<i128>) -> Result<Value<'static>> {
    let Some(sum) = sum else { return Ok(Value::Null) };
    i64::try_from(sum).map(Value::BigInt).map_err(|_| {
        Problem::new(format!("overflow: the sum {sum} is more than a BIGINT holds; sum(x::DOUBLE) holds it"))
    })
}

fn finish(call: &AggregateCall, values: impl Iterator<Item = Result<Value<'static>>>) -> Result<Column> {
    let mut builder = Builder::new(call.kind.clone(), values.size_hint().0);
    for value in values {
        builder.push(value?).map_err(Problem::new)?;
    }
    Ok(builder.finish())
}
