//! Plans over tables.

mod accumulate;
mod group;
mod join;
mod keys;
mod quick;
mod set;
mod sort;
mod window;

use std::{cell::RefCell, rc::Rc};

use arrow_array::UInt32Array;

use crate::{
    column::{Builder, Column},
    eval::{Env, Frame, Queries},
    expr::Expr,
    plan::Plan,
    problem::{Problem, Result},
};

pub(crate) use window::window;

/// Rows are numbered by 32 bits.
const MAX_ROWS: usize = u32::MAX as usize - 1;

/// A query while it runs.
pub(crate) struct Run<'a> {
    tables: Vec<Frame>,
    shared: &'a [Plan],
    /// What the shared plans gave, as far as they were asked.
    done: RefCell<Vec<Option<Rc<Frame>>>>,
}

impl Queries for Run<'_> {
    fn result(&self, slot: usize) -> Result<Rc<Frame>> {
        if let Some(frame) = &self.done.borrow()[slot] {
            return Ok(frame.clone());
        }
        let frame = Rc::new(self.frame(&self.shared[slot])?);
        self.done.borrow_mut()[slot] = Some(frame.clone());
        Ok(frame)
    }
}

/// Expressions as columns of as many rows as the frame has.
fn columns(exprs: &[Expr], frame: &Frame, env: &Env<'_>) -> Result<Vec<Column>> {
    exprs.iter().map(|expr| Ok(expr.eval(frame, env)?.expand(frame.rows))).collect()
}

impl<'a> Run<'a> {
    pub fn new(tables: Vec<Frame>, shared: &'a [Plan]) -> Self {
        Self { tables, shared, done: RefCell::new(vec![None; shared.len()]) }
    }

    /// What a plan gives.
    ///
    /// # Errors
    /// If a value is wrong in a row, or there are too many rows.
    pub fn frame(&self, plan: &Plan) -> Result<Frame> {
        let env = Env::new(self);
        let frame = match plan {
            Plan::One => Frame { columns: Vec::new(), rows: 1 },
            Plan::Table(index) => self.tables[*index].clone(),
            Plan::Shared(slot) => (*self.result(*slot)?).clone(),
            Plan::Rows { rows, kinds } => {
                let one = Frame { columns: Vec::new(), rows: 1 };
                let mut builders: Vec<_> =
                    kinds.iter().map(|kind| Builder::new(kind.clone(), rows.len())).collect();
                for row in rows {
                    for (expr, builder) in row.iter().zip(&mut builders) {
                        let value = expr.eval(&one, &env)?;
                        builder.push(value.value(0)).map_err(Problem::new)?;
                    }
                }
                Frame { columns: builders.into_iter().map(Builder::finish).collect(), rows: rows.len() }
            }
            Plan::Filter { input, condition } => {
                let frame = self.frame(input)?;
                frame.filter(&condition.eval(&frame, &env)?)
            }
            Plan::Project { input, exprs } => {
                let frame = self.frame(input)?;
                Frame { columns: columns(exprs, &frame, &env)?, rows: frame.rows }
            }
            Plan::Join { left, right, join } => {
                join::join(&self.frame(left)?, &self.frame(right)?, join, &env)?
            }
            Plan::Group { input, by, calls } => group::group(&self.frame(input)?, by, calls, &env)?,
            Plan::Window { input, calls, .. } => window(self.frame(input)?, calls, &env)?,
            Plan::Sort { input, keys } => {
                let frame = self.frame(input)?;
                frame.take(&sort::order(&frame, keys, &env)?)
            }
            Plan::Limit { input, offset, limit } => {
                let frame = self.frame(input)?;
                let start = (*offset).min(frame.rows);
                let end = limit.map_or(frame.rows, |limit| start.saturating_add(limit).min(frame.rows));
                frame.take(&(start as u32..end as u32).collect::<UInt32Array>())
            }
            Plan::Distinct { input, on } => {
                let frame = self.frame(input)?;
                let by = match on {
                    None => frame.columns.clone(),
                    Some(on) => columns(on, &frame, &env)?,
                };
                frame.take(&keys::Groups::of(&by, frame.rows)?.first)
            }
            Plan::Set { left, right, operation, all } => {
                set::combine(&self.frame(left)?, &self.frame(right)?, *operation, *all)?
            }
        };
        if frame.rows > MAX_ROWS {
            return Err(Problem::new(format!(
                "{} rows are more than the {MAX_ROWS} that can be held",
                frame.rows
            )));
        }
        Ok(frame)
    }
}
