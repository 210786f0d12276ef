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

impl To {
    /// The output's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
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
            "{n} {unit} are too few to split: {test} would test{}, and none be left to train with; use more data or smaller \
             fractions",
            if validation > 0 { format!(", {validation} validate") } else { String::new() }
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
/// that whole shares leave over. A class that has a row for each output gets one into each, as far as their sizes allow;
/// of one that has fewer, training gets the first. `codes` are the rows' classes.
pub fn stratified(codes: &[u32], classes: usize, sizes: [(To, usize); 3], rng: &mut Rng) -> Vec<To> {
    let mut members = members(codes, classes);
    members.iter_mut().for_each(|rows| shuffle(rows, rng));
    let mut to = vec![To::Train; codes.len()];
    // What is left of each class is shared out, one output after another; training, the last one, takes the rest.
    for (done, (place, size)) in sizes.into_iter().enumerate() {
        let later = sizes[done + 1..].iter().filter(|(_, size)| *size > 0).count();
        let left: Vec<usize> = members.iter().map(Vec::len).collect();
        for (rows, count) in members.iter_mut().zip(shares(&left, size, later)) {
            rows.drain(..count).for_each(|row| to[row] = place);
        }
    }
    to
}

/// `size` shared out in proportion to `counts`, by largest remainder; the first of equals wins. Who has a row more than
/// there are outputs `later` gives one at the least, and keeps one for each of those, as far as `size` can be had so.
fn shares(counts: &[usize], size: usize, later: usize) -> Vec<usize> {
    let total: u128 = counts.iter().map(|count| *count as u128).sum();
    if total == 0 || size == 0 {
        return vec![0; counts.len()];
    }
    let exact = |class: usize| counts[class] as u128 * size as u128;
    let least: Vec<usize> = counts.iter().map(|count| usize::from(*count > later)).collect();
    let most: Vec<usize> = counts
        .iter()
        .map(|count| if *count > later { count - later } else { count.saturating_sub(1) })
        .collect();
    let within = |class: usize, share: usize| share.max(least[class]).min(most[class]);
    let mut shares: Vec<usize> =
        (0..counts.len()).map(|class| within(class, (exact(class) / total) as usize)).collect();
    // What a class has beyond its exact share, in shares of a row of `total`.
    let beyond = |class: usize, share: usize| (share as i128) * total as i128 - exact(class) as i128;
    // First within those bounds, then, if they leave too little or too much, without.
    for bound in [true, false] {
        loop {
            let sum: usize = shares.iter().sum();
            let missing = sum < size;
            let room = |class: usize, share: usize| match (missing, bound) {
                (true, true) => most[class].saturating_sub(share),
                (true, false) => counts[class] - share,
                (false, true) => share.saturating_sub(least[class]),
                (false, false) => share,
            };
            let mut open: Vec<usize> =
                (0..counts.len()).filter(|class| room(*class, shares[*class]) > 0).collect();
            let apart = sum.abs_diff(size);
            if apart == 0 || open.is_empty() {
                break;
            }
            // Whoever is furthest below its share gives first, or above it last.
            let order = |class: &usize| {
                let beyond = beyond(*class, shares[*class]);
                (if missing { beyond } else { -beyond }, *class)
            };
            open.sort_by_key(order);
            // Many at a time where few classes have room.
            let each = (apart / open.len()).max(1);
            let mut apart = apart;
            for class in open {
                let by = each.min(room(class, shares[class])).min(apart);
                shares[class] = if missing { shares[class] + by } else { shares[class] - by };
                apart -= by;
            }
        }
    }
    shares
}

/// A class some of whose outputs have no row of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Lack {
    pub class: usize,
    pub rows: usize,
    pub without: Vec<To>,
}

/// The classes that are not in every output that has rows, the rarest first.
pub fn lacks(codes: &[u32], classes: usize, to: &[To]) -> Vec<Lack> {
    let mut counts = vec![[0usize; 3]; classes];
    codes.iter().zip(to).for_each(|(code, to)| counts[*code as usize][*to as usize] += 1);
    let outputs = [To::Train, To::Validation, To::Test];
    let present: Vec<To> = outputs.into_iter().filter(|output| to.contains(output)).collect();
    let mut lacks: Vec<Lack> = (0..classes)
        .map(|class| {
            let own = counts[class];
            let without = present.iter().copied().filter(|output| own[*output as usize] == 0);
            Lack { class, rows: own.iter().sum(), without: without.collect() }
        })
        .filter(|lack| !lack.without.is_empty())
        .collect();
    lacks.sort_by_key(|lack| (lack.rows, lack.class));
    lacks
}

/// Refuses a column that has next to no two rows of one class: there is nothing to stratify by.
pub fn has_classes(codes: &[u32], names: &[String], parts: usize) -> Result<(), Failure> {
    let members = members(codes, names.len());
    let rare = members.iter().filter(|rows| rows.len() < parts);
    let (classes, rows) = rare.fold((0, 0), |(classes, rows), own| (classes + 1, rows + own.len()));
    if rows * 2 <= codes.len() || names.len() < 2 {
        return Ok(());
    }
    let example = members.iter().position(|rows| rows.len() < parts).unwrap_or(0);
    Err(invalid_input(format!(
        "{classes} of {} classes, such as `{}`, have fewer rows than there are parts ({parts}), and {rows} of {} rows are theirs: \
         there are no classes to stratify by; put numbers into bins first, merge rare classes, or do not stratify",
        names.len(),
        names[example],
        codes.len()
    )))
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
