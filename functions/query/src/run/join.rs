//! Joins: by hash where something is equal, else row by row.

use arrow_array::UInt32Array;

use super::{
    columns,
    keys::{Groups, behind, check},
};
use crate::{
    column::Column,
    eval::{Env, Frame},
    plan::{Join, JoinKind},
    problem::{Problem, Result},
};

/// A join may make as many rows, before what must hold besides is looked at.
const MAX_PAIRS: usize = 20_000_000;

/// Rows of both frames that belong together.
pub(super) fn join(left: &Frame, right: &Frame, join: &Join, env: &Env<'_>) -> Result<Frame> {
    let (mut lefts, mut rights) = pairs(left, right, join, env)?;
    if let Some(rest) = &join.rest {
        let both = beside(left, right, &lefts.clone().into(), &rights.clone().into());
        let holds = rest.eval(&both, env)?;
        let kept: Vec<usize> = (0..both.rows).filter(|pair| holds.is_true(*pair)).collect();
        lefts = kept.iter().map(|pair| lefts[*pair]).collect();
        rights = kept.iter().map(|pair| rights[*pair]).collect();
    }
    let matched = |rows: &[u32], all: usize| {
        let mut matched = vec![false; all];
        rows.iter().for_each(|row| matched[*row as usize] = true);
        matched
    };
    if matches!(join.kind, JoinKind::Semi | JoinKind::Anti) {
        let wanted = join.kind == JoinKind::Semi;
        let matched = matched(&lefts, left.rows);
        let kept = (0..left.rows as u32).filter(|row| matched[*row as usize] == wanted);
        return Ok(left.take(&kept.collect::<UInt32Array>()));
    }
    let mut lefts: Vec<Option<u32>> = lefts.into_iter().map(Some).collect();
    let mut rights: Vec<Option<u32>> = rights.into_iter().map(Some).collect();
    if matches!(join.kind, JoinKind::Left | JoinKind::Full) {
        // A left row without a partner stands where its partners would.
        let (mut all_lefts, mut all_rights, mut pair) = (Vec::new(), Vec::new(), 0);
        for row in 0..left.rows as u32 {
            let before = pair;
            while lefts.get(pair) == Some(&Some(row)) {
                all_lefts.push(Some(row));
                all_rights.push(rights[pair]);
                pair += 1;
            }
            if pair == before {
                all_lefts.push(Some(row));
                all_rights.push(None);
            }
        }
        (lefts, rights) = (all_lefts, all_rights);
    }
    if matches!(join.kind, JoinKind::Right | JoinKind::Full) {
        let there: Vec<u32> = rights.iter().flatten().copied().collect();
        let matched = matched(&there, right.rows);
        for row in (0..right.rows as u32).filter(|row| !matched[*row as usize]) {
            lefts.push(None);
            rights.push(Some(row));
        }
    }
    Ok(beside(left, right, &lefts.into(), &rights.into()))
}

fn beside(left: &Frame, right: &Frame, lefts: &UInt32Array, rights: &UInt32Array) -> Frame {
    let (left, right) = (left.take(lefts), right.take(rights));
    Frame { columns: left.columns.into_iter().chain(right.columns).collect(), rows: lefts.len() }
}

/// Pairs of rows that are equal in the keys, in the order of the left rows, then of the right ones.
fn pairs(left: &Frame, right: &Frame, join: &Join, env: &Env<'_>) -> Result<(Vec<u32>, Vec<u32>)> {
    let too_many = |pairs: u128| {
        Problem::new(format!(
            "the join of {} with {} rows would make {pairs} rows, and {MAX_PAIRS} are the most; join by a column that tells \
             rows apart, or group first",
            left.rows, right.rows
        ))
    };
    if join.left_keys.is_empty() {
        let pairs = left.rows as u128 * right.rows as u128;
        if pairs > MAX_PAIRS as u128 {
            return Err(too_many(pairs));
        }
        let rows = (0..left.rows as u32).flat_map(|a| (0..right.rows as u32).map(move |b| (a, b)));
        return Ok(rows.unzip());
    }
    let left_keys = columns(&join.left_keys, left, env)?;
    let right_keys = columns(&join.right_keys, right, env)?;
    check(&left_keys)?;
    check(&right_keys)?;
    let missing = |keys: &[Column], row: usize| keys.iter().any(|key| key.is_null(row));

    let both = right_keys.iter().zip(&left_keys).map(|(right, left)| behind(right, left));
    let groups = Groups::of(&both.collect::<Result<Vec<_>>>()?, right.rows + left.rows)?;
    let (right_ids, left_ids) = groups.ids.split_at(right.rows);
    let mut partners: Vec<Vec<u32>> = vec![Vec::new(); groups.first.len()];
    for row in (0..right.rows).filter(|row| !missing(&right_keys, *row)) {
        partners[right_ids[row] as usize].push(row as u32);
    }
    let mut found: Vec<Option<u32>> = Vec::with_capacity(left.rows);
    let mut count = 0_u128;
    for (row, id) in left_ids.iter().enumerate() {
        let number = (!missing(&left_keys, row)).then_some(*id);
        count += number.map_or(0, |number| partners[number as usize].len() as u128);
        found.push(number);
    }
    if count > MAX_PAIRS as u128 {
        return Err(too_many(count));
    }
    let (mut lefts, mut rights) = (Vec::with_capacity(count as usize), Vec::with_capacity(count as usize));
    for (row, number) in found.into_iter().enumerate() {
        for partner in number.iter().flat_map(|number| &partners[*number as usize]) {
            lefts.push(row as u32);
            rights.push(*partner);
        }
    }
    Ok((lefts, rights))
}
