//! What aggregates remember of the rows they have seen.

use crate::{
    aggregates::Aggregate,
    column::Column,
    expr::{AggregateCall, Expr},
    kind::Kind,
    problem::{Problem, Result},
    value::{Value, compare_doubles},
};

/// An aggregate over rows that come one by one.
pub(super) struct Accumulator {
    function: Aggregate,
    state: State,
    /// How far into the order a quantile is.
    share: f64,
}

enum State {
    Count(i64),
    Integers(Option<i128>),
    Doubles {
        n: i64,
        sum: f64,
    },
    /// The value so far, and that by which it was chosen.
    Best(Option<(Value<'static>, Value<'static>)>),
    Moments {
        n: f64,
        mean: f64,
        squares: f64,
    },
    Pairs {
        n: f64,
        x: f64,
        y: f64,
        xx: f64,
        yy: f64,
        xy: f64,
    },
    Numbers(Vec<f64>),
    Values(Vec<Value<'static>>),
    Text(Option<String>),
    Truth(Option<bool>),
}

impl Accumulator {
    pub fn new(call: &AggregateCall) -> Self {
        Self::of(call.function, &call.args)
    }

    pub fn of(function: Aggregate, args: &[Expr]) -> Self {
        use Aggregate as A;
        let state = match function {
            A::CountRows | A::Count => State::Count(0),
            A::Sum if args.first().is_some_and(|arg| arg.kind() == Kind::BigInt) => State::Integers(None),
            A::Sum | A::Avg => State::Doubles { n: 0, sum: 0.0 },
            A::Product => State::Doubles { n: 0, sum: 1.0 },
            A::Min | A::Max | A::First | A::Last | A::AnyValue | A::ArgMin | A::ArgMax => State::Best(None),
            A::StddevSamp | A::StddevPop | A::VarSamp | A::VarPop => {
                State::Moments { n: 0.0, mean: 0.0, squares: 0.0 }
            }
            A::Corr | A::CovarSamp | A::CovarPop => {
                State::Pairs { n: 0.0, x: 0.0, y: 0.0, xx: 0.0, yy: 0.0, xy: 0.0 }
            }
            A::Median | A::QuantileCont => State::Numbers(Vec::new()),
            A::QuantileDisc | A::Mode => State::Values(Vec::new()),
            A::StringAgg => State::Text(None),
            A::BoolAnd | A::BoolOr => State::Truth(None),
        };
        let share = match args.get(1) {
            Some(Expr::Literal { value: Value::Double(share), .. }) => *share,
            _ => 0.5,
        };
        Self { function, state, share }
    }

    /// Takes a row.
    ///
    /// # Errors
    /// If the result grows too large.
    pub fn add(&mut self, args: &[Column], row: usize) -> Result<()> {
        use Aggregate as A;
        let value = args.first().map_or(Value::Boolean(true), |arg| arg.value(row));
        if value.is_null() && !matches!(self.function, A::First | A::Last) {
            return Ok(());
        }
        match &mut self.state {
            State::Count(n) => *n += 1,
            // As many numbers of 64 bits as there can be rows fit into 128 bits.
            State::Integers(sum) => *sum = Some(sum.unwrap_or(0) + i128::from(value.int())),
            State::Doubles { n, sum } => {
                *n += 1;
                if self.function == A::Product { *sum *= value.float() } else { *sum += value.float() }
            }
            State::Best(best) => {
                let by = args.get(1).map_or(Value::Null, |by| by.value(row));
                let better = |wanted: std::cmp::Ordering, value: &Value<'_>, best: &Value<'_>| {
                    value.compare(best) == wanted
                };
                use std::cmp::Ordering::{Greater, Less};
                let take = match (self.function, best.as_ref()) {
                    (A::ArgMin | A::ArgMax, _) if by.is_null() => false,
                    (A::Last, _) | (_, None) => true,
                    (A::Min, Some((best, _))) => better(Less, &value, best),
                    (A::Max, Some((best, _))) => better(Greater, &value, best),
                    (A::ArgMin, Some((_, best))) => better(Less, &by, best),
                    (A::ArgMax, Some((_, best))) => better(Greater, &by, best),
                    _ => false,
                };
                if take {
                    *best = Some((value.into_owned(), by.into_owned()));
                }
            }
            State::Moments { n, mean, squares } => {
                // Welford's way: no difference of great sums.
                *n += 1.0;
                let delta = value.float() - *mean;
                *mean += delta / *n;
                *squares += delta * (value.float() - *mean);
            }
            State::Pairs { n, x, y, xx, yy, xy } => {
                let other = args[1].value(row);
                if !other.is_null() {
                    *n += 1.0;
                    // `covar(y, x)` and `corr(y, x)` are the same from both sides.
                    let (dx, dy) = (value.float() - *x, other.float() - *y);
                    *x += dx / *n;
                    *y += dy / *n;
                    *xx += dx * (value.float() - *x);
                    *yy += dy * (other.float() - *y);
                    *xy += dx * (other.float() - *y);
                }
            }
            State::Numbers(all) => all.push(value.float()),
            State::Values(all) => all.push(value.into_owned()),
            State::Text(text) => match text {
                None => *text = Some(value.str().to_owned()),
                Some(text) => {
                    text.push_str(args[1].value(row).str());
                    text.push_str(value.str());
                    if text.len() > 1 << 26 {
                        return Err(Problem::new("the text that string_agg makes is longer than 64 MiB"));
                    }
                }
            },
            State::Truth(truth) => {
                let v = value.truth();
                *truth = Some(
                    truth
                        .map_or(v, |truth| if self.function == A::BoolAnd { truth && v } else { truth || v }),
                );
            }
        }
        Ok(())
    }

    /// What all of them give. More rows may follow.
    ///
    /// # Errors
    /// If it cannot be held.
    pub fn finish(&mut self) -> Result<Value<'static>> {
        use Aggregate as A;
        Ok(match &mut self.state {
            State::Count(n) => Value::BigInt(*n),
            State::Integers(sum) => super::quick::sum(*sum)?,
            State::Doubles { n: 0, .. } => Value::Null,
            State::Doubles { n, sum } => {
                Value::Double(if self.function == A::Avg { *sum / *n as f64 } else { *sum })
            }
            State::Best(best) => best.as_ref().map_or(Value::Null, |(value, _)| value.clone()),
            State::Moments { n, squares, .. } => match self.function {
                A::VarPop if *n > 0.0 => Value::Double(*squares / *n),
                A::StddevPop if *n > 0.0 => Value::Double((*squares / *n).sqrt()),
                A::VarSamp if *n > 1.0 => Value::Double(*squares / (*n - 1.0)),
                A::StddevSamp if *n > 1.0 => Value::Double((*squares / (*n - 1.0)).sqrt()),
                _ => Value::Null,
            },
            State::Pairs { n, xx, yy, xy, .. } => match self.function {
                A::CovarPop if *n > 0.0 => Value::Double(*xy / *n),
                A::CovarSamp if *n > 1.0 => Value::Double(*xy / (*n - 1.0)),
                A::Corr if *n > 0.0 => Value::Double(*xy / (xx.sqrt() * yy.sqrt())),
                _ => Value::Null,
            },
            State::Numbers(all) => quantile(all, self.share),
            State::Values(all) if self.function == A::Mode => mode(all),
            State::Values(all) => {
                all.sort_by(Value::compare);
                let n = all.len();
                let index = (n as f64 - (n as f64 - self.share * n as f64).floor()).max(1.0) as usize - 1;
                all.get(index).cloned().unwrap_or(Value::Null)
            }
            State::Text(text) => text.clone().map_or(Value::Null, Value::text),
            State::Truth(truth) => truth.map_or(Value::Null, Value::Boolean),
        })
    }
}

/// Between the two values around it, as far as it is from either.
fn quantile(all: &mut [f64], share: f64) -> Value<'static> {
    if all.is_empty() {
        return Value::Null;
    }
    all.sort_by(|a, b| compare_doubles(*a, *b));
    let place = share * (all.len() - 1) as f64;
    let (low, high) = (all[place.floor() as usize], all[place.ceil() as usize]);
    if low == high {
        return Value::Double(low);
    }
    Value::Double(low + (high - low) * (place - place.floor()))
}

/// The commonest value; of several, that which came first.
fn mode(all: &[Value<'static>]) -> Value<'static> {
    let mut counts: super::keys::Map<Vec<u8>, (usize, usize)> = Default::default();
    let mut key = Vec::new();
    let mut best = (0, usize::MAX);
    for (place, value) in all.iter().enumerate() {
        key.clear();
        value.encode(&mut key);
        counts.entry_ref(&key[..]).or_insert((0, place)).0 += 1;
    }
    for (count, first) in counts.into_values() {
        if count > best.0 || (count == best.0 && first < best.1) {
            best = (count, first);
        }
    }
    all.get(best.1).cloned().unwrap_or(Value::Null)
}
