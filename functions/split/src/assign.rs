//! Which row goes where.

use std::collections::BTreeSet;

use millstream_learners::rng::Rng;
use millstream_sdk::{Failure, invalid_input};

use crate::params::Fractions;

/// Where a row goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// To train with.
    Train,
    /// To validate with.
    Validation,
    /// To test with.
    Test,
}

/// How many of `n` units (rows or groups) go where, as in scikit-learn: `ceil` for test and validation, the rest for
/// training. Refused if one of them would be empty.
pub fn sizes(n: usize, fractions: Fractions, unit: &str) -> Result<[(To, usize); 3], Failure> {
    // A product such as 0.07 * 100 is a little above the whole number that is meant.
    let share = |fraction: f64| ((fraction * n as f64 - 1e-9).ceil().max(0.0)) as usize;
    let (test, validation) = (share(fractions.test), share(fractions.validation));
    match n.checked_sub(test + validation) {
        Some(train) if train > 0 && test > 0 => {
            Ok([(To::Test, test), (To::Validation, validation), (To::Train, train)])
        }
        _ => Err(invalid_input(format!(
            "{n} {unit} are too few to split: none would be left to train with; use more data or smaller fractions"
        ))),
    }
}

/// Lots: which of `n` units goes where.
pub fn random(n: usize, sizes: [(To, usize); 3], rng: &mut Rng) -> Vec<To> {
    let mut order = shuffled(n, rng).into_iter();
    let mut to = vec![To::Train; n];
    for (place, size) in sizes {
        order.by_ref().take(size).for_each(|unit| to[unit] = place);
    }
    to
}

/// Lots within each class, so that each output has its share of each: the largest remainders decide who gets the rows
/// that whole shares leave over. `codes` are the rows' classes, `names` the classes' names.
pub fn stratified(
    codes: &[u32],
    names: &[String],
    sizes: [(To, usize); 3],
    rng: &mut Rng,
) -> Result<Vec<To>, Failure> {
    let mut members = members(codes, names.len());
    let outputs = sizes.iter().filter(|(_, size)| *size > 0).count();
    if let Some(class) = (0..names.len()).find(|class| members[*class].len() < outputs) {
        let (name, count) = (&names[class], members[class].len());
        return Err(invalid_input(format!(
            "class `{name}` has {count} row(s), too few for {outputs} outputs; drop or merge rare classes, or do not stratify"
        )));
    }
    for (to, size) in sizes {
        if size > 0 && size < names.len() {
            return Err(invalid_input(format!(
                "{to:?} takes {size} rows, fewer than there are classes ({}); use a larger fraction",
                names.len()
            )));
        }
    }
    members.iter_mut().for_each(|rows| shuffle(rows, rng));
    let mut to = vec![To::Train; codes.len()];
    // What is left of each class is shared out, one output after another.
    for (place, size) in sizes {
        let left: Vec<usize> = members.iter().map(Vec::len).collect();
        for (rows, count) in members.iter_mut().zip(shares(&left, size)) {
            rows.drain(..count).for_each(|row| to[row] = place);
        }
    }
    Ok(to)
}

/// `size` shared out in proportion to `counts`, by largest remainder; the first of equals wins.
fn shares(counts: &[usize], size: usize) -> Vec<usize> {
    let total: u128 = counts.iter().map(|count| *count as u128).sum();
    if total == 0 {
        return vec![0; counts.len()];
    }
    let exact = |count: usize| count as u128 * size as u128;
    let mut shares: Vec<usize> = counts.iter().map(|count| (exact(*count) / total) as usize).collect();
    let mut order: Vec<usize> = (0..counts.len()).collect();
    order.sort_by_key(|class| (u128::MAX - exact(counts[*class]) % total, *class));
    let left = size - shares.iter().sum::<usize>();
    order.iter().take(left).for_each(|class| shares[*class] += 1);
    shares
}

/// By order: the first units of `order` train, the last test.
pub fn ordered(order: &[usize], sizes: [(To, usize); 3]) -> Vec<To> {
    let mut to = vec![To::Train; order.len()];
    let mut last = order.iter().rev();
    for (place, size) in sizes {
        last.by_ref().take(size).for_each(|row| to[*row] = place);
    }
    to
}

/// Folds by lot; the first `n % folds` of them have one row more. The fold of each row.
pub fn folds(n: usize, folds: usize, rng: &mut Rng) -> Result<Vec<usize>, Failure> {
    enough(n, folds, "rows")?;
    let mut fold = vec![0; n];
    shuffled(n, rng).into_iter().enumerate().for_each(|(place, row)| fold[row] = place % folds);
    Ok(fold)
}

/// Folds by lot within each class, as scikit-learn's `StratifiedKFold` shares them out: the sorted classes are dealt to
/// the folds in turn, so that folds differ by one row at most, and so do their shares of a class.
pub fn stratified_folds(
    codes: &[u32],
    classes: usize,
    folds: usize,
    rng: &mut Rng,
) -> Result<Vec<usize>, Failure> {
    enough(codes.len(), folds, "rows")?;
    let mut fold = vec![0; codes.len()];
    let mut dealt = 0;
    for mut rows in members(codes, classes) {
        shuffle(&mut rows, rng);
        for row in rows {
            fold[row] = dealt % folds;
            dealt += 1;
        }
    }
    Ok(fold)
}

/// Folds of whole groups, as scikit-learn's `GroupKFold` makes them: the largest group that is left goes to the fold
/// with the fewest rows. No lots are drawn.
pub fn group_folds(codes: &[u32], groups: usize, folds: usize) -> Result<Vec<usize>, Failure> {
    enough(groups, folds, "groups")?;
    let counts = members(codes, groups);
    let mut order: Vec<usize> = (0..groups).collect();
    order.sort_by_key(|group| (usize::MAX - counts[*group].len(), *group));
    let mut sizes: BTreeSet<(usize, usize)> = (0..folds).map(|fold| (0, fold)).collect();
    let mut fold_of = vec![0; groups];
    for group in order {
        if let Some((rows, fold)) = sizes.pop_first() {
            fold_of[group] = fold;
            sizes.insert((rows + counts[group].len(), fold));
        }
    }
    Ok(codes.iter().map(|code| fold_of[*code as usize]).collect())
}

fn enough(units: usize, folds: usize, unit: &str) -> Result<(), Failure> {
    if units < folds {
        return Err(invalid_input(format!("{units} {unit} are too few for {folds} folds; use fewer folds")));
    }
    Ok(())
}

/// The rows of each class, in order.
fn members(codes: &[u32], classes: usize) -> Vec<Vec<usize>> {
    let mut members = vec![Vec::new(); classes];
    codes.iter().enumerate().for_each(|(row, code)| members[*code as usize].push(row));
    members
}

fn shuffled(n: usize, rng: &mut Rng) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    shuffle(&mut order, rng);
    order
}

fn shuffle(items: &mut [usize], rng: &mut Rng) {
    rng.draw_to_front(items, items.len());
}
