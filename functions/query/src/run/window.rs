//! Window functions.

use std::cmp::Ordering;

use super::{
    accumulate::Accumulator,
    columns,
    keys::Groups,
    sort::{self, Key},
};
use crate::{
    aggregates::Aggregate,
    calendar,
    column::{Builder, Column},
    eval::{Env, Frame},
    expr::{Expr, WindowCall},
    kind::Kind,
    problem::{Problem, Result},
    value::{Span, Value, compare_doubles},
    windows::{Bound, WindowFunction as Function},
};

/// The frame with a column more for each call. Its rows stay where they are.
pub(crate) fn window(mut frame: Frame, calls: &[WindowCall], env: &Env<'_>) -> Result<Frame> {
    let mut results = Vec::with_capacity(calls.len());
    for call in calls {
        results.push(compute(&frame, call, env).map_err(|problem| problem.or_at(call.at))?);
    }
    frame.columns.extend(results);
    Ok(frame)
}

/// The rows of a partition, in order.
struct Partition<'a> {
    rows: &'a [u32],
    keys: &'a [Key],
    /// For each place, the first of those that are equal in the order, and the first behind them.
    peers: Vec<(usize, usize)>,
    /// For each place, how many such groups there are up to its own.
    dense: Vec<usize>,
}

fn compute(frame: &Frame, call: &WindowCall, env: &Env<'_>) -> Result<Column> {
    let args = columns(&call.args, frame, env)?;
    let keys = Key::all(&call.order, frame, env)?;
    let groups = Groups::of(&columns(&call.partition, frame, env)?, frame.rows)?;
    let mut order: Vec<u32> = (0..frame.rows as u32).collect();
    order.sort_by(|a, b| {
        let (a, b) = (*a as usize, *b as usize);
        groups.ids[a].cmp(&groups.ids[b]).then_with(|| sort::compare(&keys, a, b))
    });
    let filter = match &call.function {
        Function::Aggregate(_, Some(filter)) => Some(filter.eval(frame, env)?),
        _ => None,
    };
    // Which row holds the value: values are taken by row numbers, whatever their type.
    let mut values: Vec<Value<'static>> = vec![Value::Null; frame.rows];
    for rows in order.chunk_by(|a, b| groups.ids[*a as usize] == groups.ids[*b as usize]) {
        let partition = Partition::new(rows, &keys);
        match &call.function {
            Function::Aggregate(function, _) => {
                aggregate(&partition, call, *function, &args, filter.as_ref(), &mut values)?;
            }
            function => {
                for place in 0..rows.len() {
                    values[rows[place] as usize] = partition.value(function, call, &args, place)?;
                }
            }
        }
    }
    if let Kind::Other(data_type) = &call.kind {
        return Err(Problem::at(call.at, format!("a window function does not take {data_type}")));
    }
    let mut builder = Builder::new(call.kind.clone(), frame.rows);
    for value in values {
        builder.push(value).map_err(Problem::new)?;
    }
    Ok(builder.finish())
}

impl<'a> Partition<'a> {
    fn new(rows: &'a [u32], keys: &'a [Key]) -> Self {
        let (mut peers, mut dense) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
        let (mut start, mut groups) = (0, 0);
        for group in rows.chunk_by(|a, b| sort::compare(keys, *a as usize, *b as usize).is_eq()) {
            let end = start + group.len();
            peers.extend(std::iter::repeat_n((start, end), group.len()));
            groups += 1;
            dense.extend(std::iter::repeat_n(groups, group.len()));
            start = end;
        }
        Self { rows, keys, peers, dense }
    }

    fn row(&self, place: usize) -> usize {
        self.rows[place] as usize
    }

    fn value(
        &self,
        function: &Function,
        call: &WindowCall,
        args: &[Column],
        place: usize,
    ) -> Result<Value<'static>> {
        let n = self.rows.len();
        let row = self.row(place);
        let integer = |v: usize| Value::BigInt(v as i64);
        Ok(match function {
            Function::RowNumber => integer(place + 1),
            Function::Rank => integer(self.peers[place].0 + 1),
            Function::DenseRank => integer(self.dense[place]),
            Function::PercentRank if n == 1 => Value::Double(0.0),
            Function::PercentRank => Value::Double(self.peers[place].0 as f64 / (n - 1) as f64),
            Function::CumeDist => Value::Double(self.peers[place].1 as f64 / n as f64),
            Function::Ntile => match args[0].value(row) {
                Value::Null => Value::Null,
                value if value.int() <= 0 => {
                    return Err(Problem::at(
                        call.at,
                        "ntile takes a number of parts that is greater than zero",
                    ));
                }
                value => {
                    let parts = usize::try_from(value.int()).unwrap_or(usize::MAX).min(n);
                    // The first parts are one larger where they are not all of one size.
                    let (size, larger) = (n / parts, n % parts);
                    let in_larger = larger * (size + 1);
                    let part = if place < in_larger {
                        place / (size + 1)
                    } else {
                        larger + (place - in_larger) / size
                    };
                    integer(part + 1)
                }
            },
            Function::Lag | Function::Lead => self.neighbour(function, call, args, place),
            Function::FirstValue | Function::LastValue | Function::NthValue => {
                let (start, end) = self.bounds(call, place)?;
                let mut places =
                    (start..end).filter(|place| !(call.ignore_nulls && args[0].is_null(self.row(*place))));
                let found = match function {
                    Function::FirstValue => places.next(),
                    Function::LastValue => places.next_back(),
                    _ => match args[1].value(row) {
                        Value::BigInt(nth @ 1..) => {
                            places.nth(usize::try_from(nth - 1).unwrap_or(usize::MAX))
                        }
                        _ => None,
                    },
                };
                found.map_or(Value::Null, |place| args[0].value(self.row(place)).into_owned())
            }
            Function::Aggregate(..) => Value::Null,
        })
    }

    fn neighbour(
        &self,
        function: &Function,
        call: &WindowCall,
        args: &[Column],
        place: usize,
    ) -> Value<'static> {
        let row = self.row(place);
        let Value::BigInt(by) = args[1].value(row) else { return Value::Null };
        let by = if *function == Function::Lag { by.saturating_neg() } else { by };
        let found = if call.ignore_nulls && by != 0 {
            let there = |place: &usize| !args[0].is_null(self.row(*place));
            let nth = usize::try_from(by.unsigned_abs() - 1).unwrap_or(usize::MAX);
            if by < 0 {
                (0..place).rev().filter(there).nth(nth)
            } else {
                (place + 1..self.rows.len()).filter(there).nth(nth)
            }
        } else {
            let other = (place as i64).checked_add(by).and_then(|other| usize::try_from(other).ok());
            other.filter(|other| *other < self.rows.len())
        };
        match found {
            Some(other) => args[0].value(self.row(other)).into_owned(),
            None => args.get(2).map_or(Value::Null, |default| default.value(row).into_owned()),
        }
    }

    /// Places of the rows that a row looks at.
    fn bounds(&self, call: &WindowCall, place: usize) -> Result<(usize, usize)> {
        let n = self.rows.len();
        let (first, behind) = self.peers[place];
        let by = |expr: &Expr| match expr {
            Expr::Literal { value: Value::BigInt(v), .. } => usize::try_from(*v).unwrap_or(usize::MAX),
            _ => 0,
        };
        let frame = &call.frame;
        let start = match &frame.start {
            Bound::UnboundedPreceding => 0,
            Bound::UnboundedFollowing => n,
            Bound::CurrentRow if frame.rows => place,
            Bound::CurrentRow => first,
            Bound::Preceding(n) if frame.rows => place.saturating_sub(by(n)),
            Bound::Following(n) if frame.rows => place.saturating_add(by(n)),
            Bound::Preceding(by) => self.reach(by, place, true, true)?,
            Bound::Following(by) => self.reach(by, place, false, true)?,
        };
        let end = match &frame.end {
            Bound::UnboundedPreceding => 0,
            Bound::UnboundedFollowing => n,
            Bound::CurrentRow if frame.rows => place + 1,
            Bound::CurrentRow => behind,
            Bound::Preceding(n) if frame.rows => (place + 1).saturating_sub(by(n)),
            Bound::Following(n) if frame.rows => (place + 1).saturating_add(by(n)),
            Bound::Preceding(by) => self.reach(by, place, true, false)?,
            Bound::Following(by) => self.reach(by, place, false, false)?,
        };
        let end = end.min(n);
        Ok((start.min(end), end))
    }

    /// The first place whose value is not before, or for an end the first that is behind, the row's own and a distance.
    fn reach(&self, by: &Expr, place: usize, back: bool, start: bool) -> Result<usize> {
        let key = &self.keys[0];
        let Expr::Literal { value: by, .. } = by else { return Ok(place) };
        let own = key.column.value(self.row(place));
        if own.is_null() {
            let (first, behind) = self.peers[place];
            return Ok(if start { first } else { behind });
        }
        let limit = moved(&own, by, back != key.descending).ok_or_else(|| Problem::new(calendar::FAR))?;
        let before = |row: u32| {
            let value = key.column.value(row as usize);
            if value.is_null() {
                return key.nulls_first;
            }
            let order = compare_mixed(&value, &limit);
            let order = if key.descending { order.reverse() } else { order };
            if start { order.is_lt() } else { order.is_le() }
        };
        Ok(self.rows.partition_point(|row| before(*row)))
    }
}

fn compare_mixed(a: &Value<'_>, b: &Value<'_>) -> Ordering {
    match (a, b) {
        (Value::Double(a), Value::Double(b)) => compare_doubles(*a, *b),
        // Dates are moved to times, as spans have parts of days.
        (Value::Date(a), Value::Timestamp(b)) => (i64::from(*a).saturating_mul(calendar::DAY)).cmp(b),
        _ => a.compare(b),
    }
}

fn moved(value: &Value<'_>, by: &Value<'_>, back: bool) -> Option<Value<'static>> {
    let span = |span: Span| {
        if back { Span { months: -span.months, days: -span.days, micros: -span.micros } } else { span }
    };
    Some(match (value, by) {
        (Value::BigInt(v), Value::BigInt(by)) => {
            Value::BigInt(if back { v.saturating_sub(*by) } else { v.saturating_add(*by) })
        }
        (Value::Double(v), Value::Double(by)) => Value::Double(if back { v - by } else { v + by }),
        (Value::Date(v), Value::Interval(by)) => {
            Value::Timestamp(calendar::add(calendar::join(*v, 0)?, span(*by))?)
        }
        (Value::Timestamp(v), Value::Interval(by)) => Value::Timestamp(calendar::add(*v, span(*by))?),
        _ => return None,
    })
}

/// An aggregate over the frame of each row. Where a frame only grows from one row to the next, it goes on.
fn aggregate(
    partition: &Partition<'_>,
    call: &WindowCall,
    function: Aggregate,
    args: &[Column],
    filter: Option<&Column>,
    values: &mut [Value<'static>],
) -> Result<()> {
    let n = partition.rows.len();
    let add = |accumulator: &mut Accumulator, place: usize| {
        let row = partition.row(place);
        if filter.is_none_or(|filter| filter.is_true(row)) { accumulator.add(args, row) } else { Ok(()) }
    };
    let mut accumulator = Accumulator::of(function, &call.args);
    // From behind where all frames end at the last row, if the order in which rows come does not matter.
    let backwards = call.frame.end == Bound::UnboundedFollowing
        && call.frame.start != Bound::UnboundedPreceding
        && !matches!(
            function,
            Aggregate::StringAgg
                | Aggregate::First
                | Aggregate::Last
                | Aggregate::AnyValue
                | Aggregate::Mode
                | Aggregate::ArgMin
                | Aggregate::ArgMax
        );
    if backwards {
        let mut reached = n;
        for place in (0..n).rev() {
            let (start, _) = partition.bounds(call, place)?;
            while reached > start {
                reached -= 1;
                add(&mut accumulator, reached)?;
            }
            values[partition.row(place)] = accumulator.finish()?;
        }
        return Ok(());
    }
    let (mut from, mut to) = (0, 0);
    let mut last = None;
    for place in 0..n {
        let (start, end) = partition.bounds(call, place)?;
        if last.is_none() || (start, end) != (from, to) {
            if start != from || end < to {
                accumulator = Accumulator::of(function, &call.args);
                (from, to) = (start, start);
            }
            while to < end {
                add(&mut accumulator, to)?;
                to += 1;
            }
            last = Some(accumulator.finish()?);
        }
        values[partition.row(place)] = last.clone().unwrap_or(Value::Null);
    }
    Ok(())
}
