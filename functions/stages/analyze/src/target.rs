//! How each column goes with the target.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use serde::Serialize;
use serde_json::Value;

use crate::{
    categories::{Categories, Tally},
    correlation::{pearson_of, spearman_of},
    values::{Column, Kind},
};

/// A column of whole numbers with at most this many values is a set of classes.
const MOST_INTEGER_CLASSES: usize = 20;

/// What there is to predict.
#[derive(Clone, Debug, Serialize)]
pub struct Target {
    pub name: String,
    /// `binary`, `multiclass` or `regression`.
    pub task: Task,
    /// The classes, the most frequent first; empty for a regression.
    pub classes: Vec<Tally>,
    /// The other columns, the strongest first.
    pub associations: Vec<Association>,
}

/// The kind of prediction that suits a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    Binary,
    Multiclass,
    Regression,
}

/// How strongly one column goes with the target.
#[derive(Clone, Debug, Serialize)]
pub struct Association {
    pub column: String,
    /// `pearson` (-1 to 1), `eta_squared` or `cramers_v` (0 to 1).
    pub measure: &'static str,
    pub value: f64,
    /// 0 to 1, comparable between measures: |r|, the root of eta squared, V.
    pub strength: f64,
    /// Spearman's correlation, for two columns of numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spearman: Option<f64>,
    /// Area under the ROC curve when the column alone ranks the rows, for numbers and two classes; 0.5 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auc: Option<f64>,
    /// Share of the rows whose class the column alone predicts (one rule, Holte 1993), for classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// The share that the most frequent class alone would give, for classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<f64>,
}

/// The target's rows in the form in which columns are compared with them.
pub enum Rows {
    /// For each row its class, numbered from 0.
    Classes(Vec<Option<u32>>, usize),
    /// For each row its value, NaN if missing.
    Numbers(Vec<f64>),
}

/// What task `column` calls for as a target.
pub fn task_of(column: &Column, categories: &Categories) -> Task {
    let few = categories.distinct() <= MOST_INTEGER_CLASSES;
    let whole = || (0..column.len()).all(|row| column.is_missing(row) || column.number(row).fract() == 0.0);
    let classes = match column.kind {
        Kind::Text | Kind::Boolean => true,
        Kind::Integer => few,
        Kind::Float => few && whole(),
        Kind::Date | Kind::Timestamp => false,
    };
    match categories.distinct() {
        0..=2 if classes => Task::Binary,
        _ if classes => Task::Multiclass,
        _ => Task::Regression,
    }
}

/// The target's rows for `task`.
pub fn rows_of(column: &Column, categories: &Categories, task: Task) -> Rows {
    match task {
        Task::Regression => Rows::Numbers(finite(column)),
        _ => Rows::Classes(categories.codes.clone(), categories.distinct()),
    }
}

/// The classes as they are shown.
pub fn classes(column: &Column, categories: &Categories, task: Task) -> Vec<Tally> {
    if task == Task::Regression { Vec::new() } else { categories.top(column, categories.distinct()) }
}

/// How `column` goes with the target; `None` if nothing can be said (a constant column, say).
pub fn associate(column: &Column, categories: &Categories, target: &Rows) -> Option<Association> {
    let x = if column.is_numeric() { finite(column) } else { Vec::new() };
    let (measure, value, spearman) = match target {
        Rows::Numbers(y) if column.is_numeric() => {
            let pairs = x.iter().copied().zip(y.iter().copied());
            let (x, y): (Vec<f64>, Vec<f64>) = pairs.filter(|(x, y)| !x.is_nan() && !y.is_nan()).unzip();
            ("pearson", pearson_of(&x, &y), Some(spearman_of(&x, &y)))
        }
        Rows::Numbers(y) => ("eta_squared", eta_squared(&categories.codes, categories.distinct(), y), None),
        Rows::Classes(codes, classes) if column.is_numeric() && column.kind != Kind::Boolean => {
            ("eta_squared", eta_squared(codes, *classes, &x), None)
        }
        Rows::Classes(codes, classes) => {
            ("cramers_v", cramers_v(&categories.codes, categories.distinct(), codes, *classes), None)
        }
    };
    let (rule, auc) = match target {
        Rows::Numbers(_) => (None, None),
        Rows::Classes(codes, classes) if column.is_numeric() => {
            let ordered = Ordered::new(&x, codes, *classes);
            (Some(ordered.rule()), if *classes == 2 { ordered.auc() } else { None })
        }
        Rows::Classes(codes, classes) => {
            (Some(category_rule(&categories.codes, categories.distinct(), codes, *classes)), None)
        }
    };
    let strength = match measure {
        "eta_squared" => value.max(0.0).sqrt(),
        _ => value.abs(),
    };
    let (accuracy, baseline) = rule.unzip();
    let known =
        !value.is_nan() || accuracy.zip(baseline).is_some_and(|(accuracy, baseline)| accuracy > baseline);
    let strength = if strength.is_nan() { 0.0 } else { strength };
    known.then(|| Association {
        column: column.name.to_owned(),
        measure,
        value,
        strength,
        spearman,
        auc,
        accuracy,
        baseline,
    })
}

fn finite(column: &Column) -> Vec<f64> {
    column.numbers().into_iter().map(|x| if x.is_finite() { x } else { f64::NAN }).collect()
}

/// The share of the variance of `values` that lies between groups, corrected for the number of groups (epsilon
/// squared, Kelley 1935), so that many small groups do not explain everything. NaN if it is undefined.
fn eta_squared(groups: &[Option<u32>], n_groups: usize, values: &[f64]) -> f64 {
    let mut sums = vec![(0.0, 0.0); n_groups];
    let rows = || {
        groups.iter().zip(values).filter_map(|(g, x)| Some(((*g)? as usize, *x))).filter(|(_, x)| !x.is_nan())
    };
    let unit = rows().fold(0.0f64, |most, (_, x)| most.max(x.abs()));
    let unit = if unit > 0.0 { unit } else { 1.0 };
    for (group, x) in rows() {
        sums[group].0 += 1.0;
        sums[group].1 += x / unit;
    }
    let (n, sum) = sums.iter().fold((0.0, 0.0), |(n, sum), group| (n + group.0, sum + group.1));
    let used = sums.iter().filter(|group| group.0 > 0.0).count() as f64;
    let mean = sum / n;
    let (mut within, mut total) = (0.0, 0.0);
    for (group, x) in rows() {
        let x = x / unit;
        within += (x - sums[group].1 / sums[group].0).powi(2);
        total += (x - mean).powi(2);
    }
    if total <= n * 1e-28 || n <= used {
        return f64::NAN;
    }
    (1.0 - (within / (n - used)) / (total / (n - 1.0))).max(0.0)
}

/// Cramér's V with the bias correction of Bergsma (2013); NaN if either side has one value only.
fn cramers_v(a: &[Option<u32>], n_a: usize, b: &[Option<u32>], n_b: usize) -> f64 {
    let mut cells: HashMap<(u32, u32), f64, FixedState> = HashMap::default();
    let (mut of_a, mut of_b) = (vec![0.0; n_a], vec![0.0; n_b]);
    let mut n = 0.0;
    for (x, y) in a.iter().zip(b).filter_map(|(x, y)| Some(((*x)?, (*y)?))) {
        *cells.entry((x, y)).or_default() += 1.0;
        of_a[x as usize] += 1.0;
        of_b[y as usize] += 1.0;
        n += 1.0;
    }
    // Sorted, because the sum of floats depends on its order.
    let mut cells: Vec<_> = cells.into_iter().collect();
    cells.sort_by_key(|(cell, _)| *cell);
    let share: f64 = cells.iter().map(|((x, y), o)| o * o / (of_a[*x as usize] * of_b[*y as usize])).sum();
    let used = |counts: &[f64]| counts.iter().filter(|count| **count > 0.0).count() as f64;
    let (r, k) = (used(&of_a), used(&of_b));
    if n < 2.0 || r < 2.0 || k < 2.0 {
        return f64::NAN;
    }
    let phi = (share - 1.0 - (r - 1.0) * (k - 1.0) / (n - 1.0)).max(0.0);
    let (r, k) = (r - (r - 1.0).powi(2) / (n - 1.0), k - (k - 1.0).powi(2) / (n - 1.0));
    let most = (r - 1.0).min(k - 1.0);
    if most <= 0.0 { f64::NAN } else { (phi / most).sqrt().min(1.0) }
}

/// Accuracy of predicting for each row the class most frequent among the *other* rows of its category, so that
/// a category of one row proves nothing; missing is a category too. And that of the most frequent class.
fn category_rule(of: &[Option<u32>], n_of: usize, classes: &[Option<u32>], n_classes: usize) -> (f64, f64) {
    let mut counts: HashMap<(usize, u32), u64, FixedState> = HashMap::default();
    let mut totals = vec![0u64; n_classes];
    for (category, class) in
        of.iter().zip(classes).filter_map(|(category, class)| Some((category, (*class)?)))
    {
        *counts.entry((category.map_or(n_of, |c| c as usize), class)).or_default() += 1;
        totals[class as usize] += 1;
    }
    let mut best = vec![[0u64; 2]; n_of + 1];
    for ((category, _), count) in &counts {
        let [first, second] = &mut best[*category];
        if count > first {
            (*first, *second) = (*count, *first);
        } else {
            *second = (*second).max(*count);
        }
    }
    // Left out of its category, a row of the leading class is still led by it if the lead is more than one row.
    let right: u64 = best.iter().map(|[first, second]| if first > &(second + 1) { *first } else { 0 }).sum();
    shares(right, &totals)
}

/// Fewest rows of the leading class in an interval (Holte's choice).
const SMALL: u64 = 6;

/// The rows of known class in the order of a column's values.
struct Ordered {
    rows: Vec<(f64, u32)>,
    /// Rows of each class whose value is missing.
    missing: Vec<u64>,
    /// Rows of each class.
    totals: Vec<u64>,
}

impl Ordered {
    fn new(values: &[f64], classes: &[Option<u32>], n_classes: usize) -> Self {
        let mut ordered = Self { rows: Vec::new(), missing: vec![0; n_classes], totals: vec![0; n_classes] };
        for (x, class) in values.iter().zip(classes).filter_map(|(x, class)| Some((*x, (*class)?))) {
            ordered.totals[class as usize] += 1;
            if x.is_nan() {
                ordered.missing[class as usize] += 1;
            } else {
                ordered.rows.push((x, class));
            }
        }
        ordered.rows.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        ordered
    }

    /// Area under the ROC curve of the column for the second class, or of its negative if that is larger.
    fn auc(&self) -> Option<f64> {
        let (mut below, mut pairs) = (0.0, 0.0);
        for tied in self.rows.chunk_by(|a, b| a.0 == b.0) {
            let positives = tied.iter().filter(|(_, class)| *class == 1).count() as f64;
            let negatives = tied.len() as f64 - positives;
            pairs += positives * (below + negatives / 2.0);
            below += negatives;
        }
        let all = below * (self.rows.len() as f64 - below);
        (all > 0.0).then(|| (pairs / all).max(1.0 - pairs / all))
    }

    /// Accuracy of cutting the column into intervals, each predicting its most frequent class; missing is an
    /// interval too. And that of the most frequent class.
    fn rule(&self) -> (f64, f64) {
        let mut right = self.missing.iter().copied().max().unwrap_or(0);
        let mut counts = vec![0u64; self.totals.len()];
        // The classes within the interval, and the leading one of them.
        let (mut within, mut lead): (Vec<u32>, u32) = (Vec::new(), 0);
        for tied in self.rows.chunk_by(|a, b| a.0 == b.0) {
            // An interval that is settled ends before the first value that its leader does not fully own.
            let settled = counts[lead as usize] >= SMALL;
            if settled && tied.iter().any(|(_, class)| *class != lead) {
                right += counts[lead as usize];
                within.drain(..).for_each(|class| counts[class as usize] = 0);
                lead = tied[0].1;
            }
            for &(_, class) in tied {
                counts[class as usize] += 1;
                match counts[class as usize] {
                    1 => within.push(class),
                    n if n > counts[lead as usize] => lead = class,
                    _ => {}
                }
                if counts[lead as usize] == 0 {
                    lead = class;
                }
            }
        }
        right += counts.iter().copied().max().unwrap_or(0);
        shares(right, &self.totals)
    }
}

fn shares(right: u64, totals: &[u64]) -> (f64, f64) {
    let n = totals.iter().sum::<u64>().max(1) as f64;
    (right as f64 / n, totals.iter().copied().max().unwrap_or(0) as f64 / n)
}

/// The associations in order of strength, equals in the table's order.
pub fn ordered(mut associations: Vec<Association>) -> Vec<Association> {
    associations.sort_by(|a, b| b.strength.total_cmp(&a.strength));
    associations
}

/// A class as text.
pub fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str) -> Vec<Option<u32>> {
        text.bytes().map(|b| (b != b'-').then(|| u32::from(b - b'a'))).collect()
    }

    #[test]
    fn categories_of_one_row_prove_nothing() {
        let (accuracy, baseline) = category_rule(&codes("abcdefgh"), 8, &codes("abababaa"), 2);
        assert_eq!((accuracy, baseline), (0.0, 0.625));
        assert_eq!(category_rule(&codes("aaabbb"), 2, &codes("aaabbb"), 2).0, 1.0);
    }

    #[test]
    fn missing_values_can_give_the_class_away() {
        let (accuracy, _) = category_rule(&codes("aa-a---a"), 1, &codes("bbabaaab"), 2);
        assert_eq!(accuracy, 1.0);
        let nan = f64::NAN;
        let values = [1.0, 2.0, nan, 3.0, nan, 4.0, nan, 5.0];
        assert_eq!(Ordered::new(&values, &codes("bbabaaab"), 2).rule().0, 7.0 / 8.0);
    }

    #[test]
    fn one_rule_finds_a_middle_interval() {
        let values: Vec<f64> = (0..30).map(f64::from).collect();
        let classes: Vec<Option<u32>> = (0..30).map(|i| Some(u32::from((10..20).contains(&i)))).collect();
        let ordered = Ordered::new(&values, &classes, 2);
        assert_eq!(ordered.rule(), (1.0, 20.0 / 30.0));
        assert!(ordered.auc().unwrap() < 0.6);
    }

    #[test]
    fn as_many_classes_as_rows_take_no_longer() {
        let values: Vec<f64> = (0..200_000).map(f64::from).collect();
        let classes: Vec<Option<u32>> = (0..200_000).map(Some).collect();
        let (accuracy, baseline) = Ordered::new(&values, &classes, 200_000).rule();
        assert!(accuracy < 0.01 && baseline < 0.01);
    }

    #[test]
    fn noise_is_not_associated() {
        let mut state = 1u64;
        let mut draw = |n: u64| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            ((state >> 33) % n) as u32
        };
        let a: Vec<Option<u32>> = (0..400).map(|_| Some(draw(7))).collect();
        let b: Vec<Option<u32>> = (0..400).map(|_| Some(draw(3))).collect();
        assert!(cramers_v(&a, 7, &b, 3) < 0.15);
        let values: Vec<f64> = (0..400).map(|_| f64::from(draw(89))).collect();
        assert!(eta_squared(&a, 7, &values) < 0.05);
        // As many groups as rows explain nothing.
        let own: Vec<Option<u32>> = (0..400).map(Some).collect();
        assert!(eta_squared(&own, 400, &values).is_nan());
    }

    #[test]
    fn perfect_associations_are_one() {
        let a = codes("aabbccaabbcc");
        assert!((cramers_v(&a, 3, &a, 3) - 1.0).abs() < 1e-9);
        let values: Vec<f64> = a.iter().map(|code| f64::from(code.unwrap()) * 10.0).collect();
        assert!((eta_squared(&a, 3, &values) - 1.0).abs() < 1e-12);
        assert_eq!(Ordered::new(&[1.0, 2.0, 3.0, 4.0], &codes("bbaa"), 2).auc(), Some(1.0));
    }
}
