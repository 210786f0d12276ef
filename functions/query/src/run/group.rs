//! GROUP BY.

use hashbrown::HashSet;

use super::{
    accumulate::Accumulator,
    columns,
    keys::{Groups, encode},
    quick, sort,
};
use crate::{
    column::{Builder, Column},
    eval::{Env, Frame},
    expr::{AggregateCall, Expr},
    problem::{Problem, Result},
};

/// A row for each group: what it is grouped by, then the aggregates.
pub(super) fn group(frame: &Frame, by: &[Expr], calls: &[AggregateCall], env: &Env<'_>) -> Result<Frame> {
    let keys = columns(by, frame, env)?;
    // Without GROUP BY there is one group, even of no rows.
    let (ids, rows, mut out) = if by.is_empty() {
        (vec![0; frame.rows], 1, Vec::new())
    } else {
        let groups = Groups::of(&keys, frame.rows)?;
        let firsts = keys.iter().map(|key| key.take(&groups.first)).collect();
        (groups.ids, groups.first.len(), firsts)
    };
    for call in calls {
        let column = aggregate(frame, call, &ids, rows, env).map_err(|problem| problem.or_at(call.at))?;
        out.push(column);
    }
    Ok(Frame { columns: out, rows })
}

fn aggregate(
    frame: &Frame,
    call: &AggregateCall,
    ids: &[u32],
    groups: usize,
    env: &Env<'_>,
) -> Result<Column> {
    let filter = call.filter.as_ref().map(|filter| filter.eval(frame, env)).transpose()?;
    let kept = |row: usize| filter.as_ref().is_none_or(|filter| filter.is_true(row));
    let args = match (&filter, call.args.is_empty()) {
        (None, _) | (_, true) => columns(&call.args, frame, env)?,
        // What the filter leaves out need not be right.
        (Some(_), false) => match columns(&call.args, frame, env) {
            Ok(args) => args,
            Err(_) => return filtered(frame, call, ids, groups, &kept, env),
        },
    };
    if !call.distinct
        && call.order.is_empty()
        && let Some(column) = quick::aggregate(
            call,
            &args,
            ids,
            groups,
            filter.as_ref().map(|filter| filter.truths(frame.rows).0).as_ref(),
        )
    {
        return column;
    }
    let mut accumulators: Vec<_> = (0..groups).map(|_| Accumulator::new(call)).collect();
    let mut seen: HashSet<Vec<u8>, foldhash::fast::FixedState> = HashSet::default();
    let mut key = Vec::new();
    let mut add = |row: usize| {
        if !kept(row) {
            return Ok(());
        }
        if call.distinct {
            encode(&args[..1], row, &mut key);
            key.extend(ids[row].to_le_bytes());
            if !seen.insert(key.clone()) {
                return Ok(());
            }
        }
        accumulators[ids[row] as usize].add(&args, row)
    };
    if call.order.is_empty() {
        (0..frame.rows).try_for_each(&mut add)?;
    } else {
        let order = sort::order(frame, &call.order, env)?;
        order.values().iter().try_for_each(|row| add(*row as usize))?;
    }
    let mut builder = Builder::new(call.kind.clone(), groups);
    for accumulator in &mut accumulators {
        builder.push(accumulator.finish()?).map_err(Problem::new)?;
    }
    let column = builder.finish();
    match call.kind {
        crate::kind::Kind::Other(_) => {
            Err(Problem::at(call.at, format!("an aggregate does not take {}", call.kind)))
        }
        _ => Ok(column),
    }
}

fn filtered(
    frame: &Frame,
    call: &AggregateCall,
    ids: &[u32],
    groups: usize,
    kept: &dyn Fn(usize) -> bool,
    env: &Env<'_>,
) -> Result<Column> {
    let rows: Vec<u32> = (0..frame.rows).filter(|row| kept(*row)).map(|row| row as u32).collect();
    let ids: Vec<u32> = rows.iter().map(|row| ids[*row as usize]).collect();
    let call = AggregateCall { filter: None, ..call.clone() };
    aggregate(&frame.take(&rows.into()), &call, &ids, groups, env)
}
