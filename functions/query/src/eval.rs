//! Expressions over the columns of a frame.

use std::{cell::RefCell, sync::Arc};

use arrow_array::{
    Array, ArrayRef, BooleanArray, UInt32Array,
    cast::AsArray,
    types::{Float64Type, Int64Type},
};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use hashbrown::HashSet;

use crate::{
    cast::cast,
    column::{Builder, Column},
    expr::{CastTo, Expr},
    functions::{Body, Function, Memory},
    kind::Kind,
    problem::{At, Problem, Result},
    value::Value,
};

/// A table while a query runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Frame {
    pub columns: Vec<Column>,
    pub rows: usize,
}

/// What an expression may need besides the frame.
pub(crate) trait Queries {
    /// What a subquery gave.
    fn result(&self, slot: usize) -> Result<std::rc::Rc<Frame>>;
}

/// There are no subqueries.
pub(crate) struct NoQueries;

impl Queries for NoQueries {
    fn result(&self, _: usize) -> Result<std::rc::Rc<Frame>> {
        Err(Problem::new("a subquery cannot stand here"))
    }
}

/// Where expressions are computed.
pub(crate) struct Env<'a> {
    pub queries: &'a dyn Queries,
    pub memory: RefCell<Memory>,
}

impl<'a> Env<'a> {
    pub fn new(queries: &'a dyn Queries) -> Self {
        Self { queries, memory: RefCell::default() }
    }
}

impl Frame {
    /// The rows of these numbers.
    pub fn take(&self, rows: &UInt32Array) -> Self {
        Self { columns: self.columns.iter().map(|column| column.take(rows)).collect(), rows: rows.len() }
    }

    /// The rows for which a condition is true.
    pub fn filter(&self, condition: &Column) -> Self {
        let kept: Vec<u32> = condition.truths(self.rows).0.set_indices_u32().collect();
        let kept = UInt32Array::from(kept);
        if kept.len() == self.rows { self.clone() } else { self.take(&kept) }
    }
}

impl Expr {
    /// Its values, or one for all rows.
    ///
    /// # Errors
    /// If it is wrong in a row.
    pub fn eval(&self, frame: &Frame, env: &Env<'_>) -> Result<Column> {
        match self {
            Self::Literal { value, kind, at } => {
                Column::constant(kind, value).map_err(|problem| problem.or_at(*at))
            }
            Self::Column { index, .. } => Ok(frame.columns[*index].clone()),
            Self::Call { function, args, kind, at } => {
                let args = args.iter().map(|arg| arg.eval(frame, env)).collect::<Result<Vec<_>>>()?;
                call(function, &args, kind, frame.rows, env).map_err(|problem| problem.or_at(*at))
            }
            Self::Cast { expr, cast, at } => {
                cast_column(&expr.eval(frame, env)?, cast, frame.rows).map_err(|problem| problem.or_at(*at))
            }
            Self::And(all) => connect(all, false, frame, env),
            Self::Or(all) => connect(all, true, frame, env),
            Self::Case { branches, otherwise, kind } => case(branches, otherwise, kind, frame, env),
            Self::Coalesce { args, kind } => coalesce(args, kind, frame, env),
            Self::Try(expr) => attempt(expr, frame, env),
            Self::In { expr, list } => {
                let value = expr.eval(frame, env)?;
                let list = list.iter().map(|item| item.eval(frame, env)).collect::<Result<Vec<_>>>()?;
                Ok(is_in(&value, &list, frame.rows))
            }
            Self::Scalar { slot, kind, at } => {
                let result = env.queries.result(*slot)?;
                match result.rows {
                    0 => Column::constant(kind, &Value::Null),
                    1 => Ok(Column { constant: true, ..result.columns[0].clone().expand(1) }),
                    n => Err(Problem::at(
                        *at,
                        format!(
                            "a subquery that stands for a value gave {n} rows; LIMIT 1 or an aggregate makes it one"
                        ),
                    )),
                }
            }
            Self::InQuery { expr, slot } => {
                let value = expr.eval(frame, env)?;
                let result = env.queries.result(*slot)?;
                Ok(is_in_set(&value, &result.columns[0], result.rows, frame.rows))
            }
            Self::Exists { slot } => {
                let there = env.queries.result(*slot)?.rows > 0;
                Column::constant(&Kind::Boolean, &Value::Boolean(there))
            }
            Self::Aggregate(call) => Err(Problem::at(call.at, "an aggregate cannot stand here")),
            Self::Window(call) => Err(Problem::at(call.at, "a window function cannot stand here")),
        }
    }

    /// Its values where `rows` holds, whatever it is elsewhere.
    fn eval_on(&self, frame: &Frame, rows: &BooleanBuffer, env: &Env<'_>) -> Result<Column> {
        // Mostly it is right everywhere, and that is quickly found out.
        let problem = match self.eval(frame, env) {
            Ok(column) => return Ok(column),
            Err(problem) => problem,
        };
        let chosen = UInt32Array::from(rows.set_indices_u32().collect::<Vec<u32>>());
        if chosen.len() == frame.rows {
            return Err(problem);
        }
        if chosen.is_empty() {
            return Ok(Column::nulls(&self.kind(), frame.rows));
        }
        let part = frame.take(&chosen);
        let values = self.eval(&part, env).map_err(|mut problem| {
            problem.row = problem.row.map(|row| chosen.value(row) as usize);
            problem
        })?;
        let mut place = 0;
        let places: UInt32Array = rows
            .iter()
            .map(|chosen| {
                chosen.then(|| {
                    place += 1;
                    place - 1
                })
            })
            .collect();
        Ok(values.take(&places))
    }
}

fn call(function: &Function, args: &[Column], kind: &Kind, rows: usize, env: &Env<'_>) -> Result<Column> {
    let constant = args.iter().all(|arg| arg.constant);
    let rows = if constant { 1 } else { rows };
    let problem = |row: usize, message: String| {
        let problem = Problem::new(message);
        if constant { problem } else { problem.in_row(row) }
    };
    let (strict, body) = match &function.body {
        Body::Whole(body) => {
            let array = body(args, rows).map_err(|(row, message)| problem(row, message))?;
            return Ok(Column { constant, ..Column::new(kind.clone(), array) });
        }
        Body::Strict(body) => (true, body),
        Body::Row(body) => (false, body),
    };
    let mut memory = env.memory.borrow_mut();
    let mut builder = Builder::new(kind.clone(), rows);
    let mut values = Vec::with_capacity(args.len());
    for row in 0..rows {
        values.clear();
        values.extend(args.iter().map(|arg| arg.value(row)));
        let value = if strict && values.iter().any(Value::is_null) {
            Value::Null
        } else {
            body(&values, &mut memory).map_err(|message| problem(row, message))?
        };
        builder.push(value).map_err(Problem::new)?;
    }
    Ok(Column { constant, ..builder.finish() })
}

/// A column in another type.
pub(crate) fn cast_column(column: &Column, to: &CastTo, rows: usize) -> Result<Column> {
    let rows = if column.constant { 1 } else { rows };
    if (&column.kind, &to.kind) == (&Kind::BigInt, &Kind::Double) {
        let array = column.array.as_primitive::<Int64Type>().unary::<_, Float64Type>(|v| v as f64);
        return Ok(Column { constant: column.constant, ..Column::new(Kind::Double, Arc::new(array)) });
    }
    let mut builder = Builder::new(to.kind.clone(), rows);
    for row in 0..rows {
        let value =
            cast(column.value(row), &column.kind, &to.kind).and_then(|value| match (&to.range, &value) {
                (Some((name, least, greatest)), Value::BigInt(v)) if !(least..=greatest).contains(&v) => {
                    Err(format!("{v} does not fit into the type {name}, which is from {least} to {greatest}"))
                }
                _ => Ok(value),
            });
        let value = match value {
            Ok(value) => value,
            Err(_) if to.trying => Value::Null,
            Err(message) if column.constant => return Err(Problem::new(message)),
            Err(message) => return Err(Problem::new(message).in_row(row)),
        };
        builder.push(value).map_err(Problem::new)?;
    }
    Ok(Column { constant: column.constant, ..builder.finish() })
}

/// AND, for which false decides, or OR, for which true does. From left to right: what is decided is not looked at again.
fn connect(all: &[Expr], decides: bool, frame: &Frame, env: &Env<'_>) -> Result<Column> {
    let mut open = BooleanBuffer::new_set(frame.rows);
    let mut null = BooleanBuffer::new_unset(frame.rows);
    for (i, expr) in all.iter().enumerate() {
        let column = if i == 0 { expr.eval(frame, env)? } else { expr.eval_on(frame, &open, env)? };
        let (truths, there) = column.truths(frame.rows);
        let decided = if decides { truths } else { &!&truths & &there };
        open = &open & &!&decided;
        null = &null | &!&there;
    }
    let valid = &!&open | &!&null;
    let values = if decides { !&open } else { open };
    let array =
        BooleanArray::new(values, Some(NullBuffer::from(valid)).filter(|nulls| nulls.null_count() > 0));
    Ok(Column::new(Kind::Boolean, Arc::new(array)))
}

fn case(
    branches: &[(Expr, Expr)],
    otherwise: &Expr,
    kind: &Kind,
    frame: &Frame,
    env: &Env<'_>,
) -> Result<Column> {
    let mut open = BooleanBuffer::new_set(frame.rows);
    let mut chosen = vec![branches.len(); frame.rows];
    for (i, (when, _)) in branches.iter().enumerate() {
        let condition = if i == 0 { when.eval(frame, env)? } else { when.eval_on(frame, &open, env)? };
        let taken = &condition.truths(frame.rows).0 & &open;
        taken.set_indices().for_each(|row| chosen[row] = i);
        open = &open & &!&taken;
    }
    let values = branches.iter().map(|(_, then)| then).chain([otherwise]);
    let pieces = values.enumerate().map(|(i, value)| {
        let rows = BooleanBuffer::collect_bool(frame.rows, |row| chosen[row] == i);
        value.eval_on(frame, &rows, env)
    });
    Ok(interleave(&pieces.collect::<Result<Vec<_>>>()?, &chosen, kind))
}

fn coalesce(args: &[Expr], kind: &Kind, frame: &Frame, env: &Env<'_>) -> Result<Column> {
    let mut open = BooleanBuffer::new_set(frame.rows);
    let mut chosen = vec![0; frame.rows];
    let mut pieces = Vec::with_capacity(args.len());
    for (i, arg) in args.iter().enumerate() {
        let piece = if i == 0 { arg.eval(frame, env)? } else { arg.eval_on(frame, &open, env)? };
        let taken = BooleanBuffer::collect_bool(frame.rows, |row| open.value(row) && !piece.is_null(row));
        taken.set_indices().for_each(|row| chosen[row] = i);
        open = &open & &!&taken;
        pieces.push(piece);
    }
    Ok(interleave(&pieces, &chosen, kind))
}

fn interleave(pieces: &[Column], chosen: &[usize], kind: &Kind) -> Column {
    let arrays: Vec<&dyn Array> = pieces.iter().map(|piece| piece.array.as_ref()).collect();
    let places: Vec<_> =
        chosen.iter().enumerate().map(|(row, piece)| (*piece, pieces[*piece].index(row))).collect();
    let array: ArrayRef = if *kind == Kind::Null {
        arrow_array::new_null_array(&kind.data_type(), chosen.len())
    } else {
        arrow_select::interleave::interleave(&arrays, &places).expect("the pieces are of one type")
    };
    Column::new(kind.clone(), array)
}

fn attempt(expr: &Expr, frame: &Frame, env: &Env<'_>) -> Result<Column> {
    if let Ok(column) = expr.eval(frame, env) {
        return Ok(column);
    }
    let mut builder = Builder::new(expr.kind(), frame.rows);
    for row in 0..frame.rows {
        let one = frame.take(&UInt32Array::from(vec![row as u32]));
        let column = expr.eval(&one, env).ok();
        builder.push(column.as_ref().map_or(Value::Null, |column| column.value(0))).map_err(Problem::new)?;
    }
    Ok(builder.finish())
}

/// True where a value is in the list; NULL where it might be.
fn is_in(value: &Column, list: &[Column], rows: usize) -> Column {
    if list.iter().all(|item| item.constant) && list.len() > 8 {
        let mut builder = Builder::new(value.kind.clone(), list.len());
        for item in list {
            builder.push(item.value(0)).expect("they stand in a query");
        }
        return is_in_set(value, &builder.finish(), list.len(), rows);
    }
    let mut out = Vec::with_capacity(rows);
    for row in 0..rows {
        let wanted = value.value(row);
        let mut found = (!wanted.is_null()).then_some(false);
        for item in list.iter().filter(|_| !wanted.is_null()) {
            let item = item.value(row);
            if item.is_null() {
                found = None;
            } else if wanted.compare(&item).is_eq() {
                found = Some(true);
                break;
            }
        }
        out.push(if list.is_empty() { Some(false) } else { found });
    }
    Column::new(Kind::Boolean, Arc::new(BooleanArray::from(out)))
}

fn is_in_set(value: &Column, set: &Column, set_rows: usize, rows: usize) -> Column {
    let mut keys: HashSet<Vec<u8>, foldhash::fast::FixedState> = HashSet::default();
    let mut null = false;
    for row in 0..set_rows {
        let item = set.value(row);
        null |= item.is_null();
        let mut key = Vec::new();
        item.encode(&mut key);
        keys.insert(key);
    }
    let mut key = Vec::new();
    let out = (0..rows).map(|row| {
        let wanted = value.value(row);
        if set_rows == 0 {
            return Some(false);
        }
        if wanted.is_null() {
            return None;
        }
        key.clear();
        wanted.encode(&mut key);
        if keys.contains(&key) { Some(true) } else { (!null).then_some(false) }
    });
    Column::new(Kind::Boolean, Arc::new(out.collect::<BooleanArray>()))
}

/// The value of an expression that reads no column.
pub(crate) fn fold(expr: &Expr, at: At) -> Result<Value<'static>> {
    let frame = Frame { columns: Vec::new(), rows: 1 };
    let column = expr.eval(&frame, &Env::new(&NoQueries)).map_err(|problem| problem.or_at(at))?;
    Ok(column.value(0).into_owned())
}
