//! How good rankings within groups are: XGBoost's `ndcg` and `map`, where rows of equal scores, which XGBoost ranks as they
//! come, count as in the mean over all their orders.
//!
//! F. McSherry, M. Najork, Computing information retrieval performance measures efficiently in the presence of tied scores,
//! ECIR 2008; scikit-learn's `ndcg_score` does the same.

use super::check_finite;
use crate::matrix::check_length;
use crate::weights::check_weights;
use crate::{Error, shown};

/// Grades above would overflow the gain of `2^grade - 1` in others' numbers.
const HIGHEST: f64 = 31.0;

/// Means over the groups; a group counts by the mean weight of its rows. Rows of weight 0 are not there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scores {
    /// Normalised discounted cumulative gain; a group whose grades are all 0 counts 1.
    pub ndcg: f64,
    /// The same of the first rows of each group.
    pub ndcg_at: f64,
    /// Mean average precision, where grades above 0 are relevant; a group without such rows counts 1.
    pub map: f64,
}

/// Scores rankings: rows of equal `groups` are one, and `predicted` puts them in order, the largest first.
///
/// # Errors
/// For grades outside 0 to 31, predictions that are not finite, and lists of other lengths.
pub fn scores(
    groups: &[u32],
    grades: &[f64],
    predicted: &[f64],
    weights: Option<&[f64]>,
    top: usize,
) -> Result<Scores, Error> {
    let rows = groups.len();
    if rows == 0 {
        return Err(Error::data("there are no rows"));
    }
    check_length("grade", grades.len(), rows)?;
    check_length("prediction", predicted.len(), rows)?;
    check_weights(weights, rows)?;
    check_finite("prediction", predicted)?;
    if let Some(row) = grades.iter().position(|grade| !(0.0..=HIGHEST).contains(grade)) {
        let grade = shown(grades[row]);
        return Err(Error::row(row, format!("the grade is {grade}; grades of rankings are 0 to {HIGHEST}")));
    }
    // Groups together, and within them the best prediction first. Minus zero is zero.
    let heavy = |row: &usize| weights.is_none_or(|w| w[*row] > 0.0);
    let mut order: Vec<usize> = (0..rows).filter(heavy).collect();
    order.sort_by(|&a, &b| {
        groups[a].cmp(&groups[b]).then((predicted[b] + 0.0).total_cmp(&(predicted[a] + 0.0)))
    });
    let mut sums = Scores { ndcg: 0.0, ndcg_at: 0.0, map: 0.0 };
    let mut total = 0.0;
    for group in order.chunk_by(|&a, &b| groups[a] == groups[b]) {
        let count = group.len() as f64;
        let weight = weights.map_or(1.0, |w| group.iter().map(|&row| w[row]).sum::<f64>() / count);
        let own: Vec<f64> = group.iter().map(|&row| grades[row]).collect();
        let ranks = Ranks::of(group.iter().map(|&row| predicted[row]));
        let mut ideal = own.clone();
        ideal.sort_by(|a, b| b.total_cmp(a));
        let normalised = |top: usize| {
            let best = Ranks::apart(&ideal).cumulated_gain(&ideal, top);
            if best > 0.0 { ranks.cumulated_gain(&own, top) / best } else { 1.0 }
        };
        sums.ndcg += weight * normalised(own.len());
        sums.ndcg_at += weight * normalised(top);
        let relevant: Vec<bool> = own.iter().map(|grade| *grade > 0.0).collect();
        let found = relevant.iter().filter(|relevant| **relevant).count() as f64;
        sums.map += weight * if found > 0.0 { ranks.precisions(&relevant, own.len()) / found } else { 1.0 };
        total += weight;
    }
    Ok(Scores { ndcg: sums.ndcg / total, ndcg_at: sums.ndcg_at / total, map: sums.map / total })
}

/// Where the stretches of equal scores end in a ranking.
pub(crate) struct Ranks(Vec<usize>);

impl Ranks {
    /// Of falling scores.
    pub fn of(scores: impl Iterator<Item = f64>) -> Self {
        let (mut ends, mut last) = (Vec::new(), None);
        for (rank, score) in scores.enumerate() {
            match ends.last_mut() {
                Some(end) if last == Some(score) => *end = rank + 1,
                _ => ends.push(rank + 1),
            }
            last = Some(score);
        }
        Self(ends)
    }

    /// Of rows none of which has another's score.
    pub fn apart<T>(rows: &[T]) -> Self {
        Self((1..=rows.len()).collect())
    }

    fn stretches(&self, top: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
        let starts = std::iter::once(0).chain(self.0.iter().copied());
        starts.zip(&self.0).map(|(start, &end)| start..end).take_while(move |own| own.start < top)
    }

    /// The discounted gains `2^grade - 1` of a ranking's grades as far down as `top`, their mean over the orders of rows that
    /// tie: each of them has the mean gain.
    pub fn cumulated_gain(&self, grades: &[f64], top: usize) -> f64 {
        let gain = |grade: &f64| libm::exp2(*grade) - 1.0;
        let discount = |rank: usize| 1.0 / libm::log2(rank as f64 + 2.0);
        let of = |own: std::ops::Range<usize>| {
            let mean = grades[own.clone()].iter().map(gain).sum::<f64>() / own.len() as f64;
            mean * (own.start..own.end.min(top)).map(discount).sum::<f64>()
        };
        self.stretches(top).map(of).sum()
    }

    /// The sum of the precisions down to each relevant row as far down as `top`, its mean over the orders of rows that tie.
    pub fn precisions(&self, relevant: &[bool], top: usize) -> f64 {
        let (mut before, mut sum) = (0.0, 0.0);
        for own in self.stretches(top) {
            let found = relevant[own.clone()].iter().filter(|relevant| **relevant).count() as f64;
            let count = own.len() as f64;
            if found > 0.0 {
                // Of the rows in front that tie with a relevant one, this share is relevant.
                let share = if count > 1.0 { (found - 1.0) / (count - 1.0) } else { 0.0 };
                let precision =
                    |rank: usize| (before + (rank - own.start) as f64 * share + 1.0) / (rank as f64 + 1.0);
                sum += found / count * (own.start..own.end.min(top)).map(precision).sum::<f64>();
            }
            before += found;
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_groups_by_hand() {
        // The second group is ranked as it should be, the third has nothing to find.
        let groups = [0, 1, 0, 1, 0, 2];
        let grades = [2.0, 1.0, 0.0, 0.0, 1.0, 0.0];
        let predicted = [0.1, 5.0, 0.9, -5.0, 0.5, 1.0];
        let found = scores(&groups, &grades, &predicted, None, 1).unwrap();
        // Grades 0, 1, 2 from the top; 2, 1, 0 would be best.
        let (own, best) = (1.0 / 3f64.log2() + 3.0 / 2.0, 3.0 + 1.0 / 3f64.log2());
        assert!((found.ndcg - (own / best + 2.0) / 3.0).abs() < 1e-12);
        assert!((found.ndcg_at - 2.0 / 3.0).abs() < 1e-12);
        assert!((found.map - ((1.0 / 2.0 + 2.0 / 3.0) / 2.0 + 2.0) / 3.0).abs() < 1e-12);
        let weights = [0.0, 1.0, 0.0, 1.0, 0.0, 1.0];
        let weighted = scores(&groups, &grades, &predicted, Some(&weights), 1).unwrap();
        assert_eq!(weighted, Scores { ndcg: 1.0, ndcg_at: 1.0, map: 1.0 });
    }

    /// The figures of rows that tie are the means over all their orders, whichever they come in.
    #[test]
    fn ties_count_as_the_mean_over_their_orders() {
        let grades = [3.0, 0.0, 1.0, 0.0, 2.0, 1.0];
        let tied = [1.0, 2.0, 1.0, 1.0, 0.0, -0.0];
        let groups = [4; 6];
        for top in 1..=6 {
            // Nudges that part what ties, in every order.
            let mut orders = vec![vec![]];
            for place in 0..6 {
                let insert = |order: &Vec<usize>| -> Vec<Vec<usize>> {
                    (0..=order.len()).map(|at| [&order[..at], &[place], &order[at..]].concat()).collect()
                };
                orders = orders.iter().flat_map(insert).collect();
            }
            assert_eq!(orders.len(), 720);
            let mut means = [0.0; 3];
            for order in &orders {
                let apart: Vec<f64> =
                    tied.iter().zip(order).map(|(score, nudge)| score + *nudge as f64 * 1e-3).collect();
                let found = scores(&groups, &grades, &apart, None, top).unwrap();
                [found.ndcg, found.ndcg_at, found.map]
                    .iter()
                    .zip(&mut means)
                    .for_each(|(v, m)| *m += v / 720.0);
                // In whichever order rows come.
                let moved = |values: &[f64]| -> Vec<f64> { order.iter().map(|&i| values[i]).collect() };
                let found = scores(&groups, &moved(&grades), &moved(&tied), None, top).unwrap();
                let first = scores(&groups, &grades, &tied, None, top).unwrap();
                assert!(
                    (found.ndcg_at - first.ndcg_at).abs() < 1e-12 && (found.map - first.map).abs() < 1e-12
                );
            }
            let found = scores(&groups, &grades, &tied, None, top).unwrap();
            for (ours, mean) in [found.ndcg, found.ndcg_at, found.map].iter().zip(means) {
                assert!((ours - mean).abs() < 1e-12, "top {top}: {ours} {mean}");
            }
        }
    }

    /// `sklearn.metrics.ndcg_score([[7, 3, 0, 0, 0]], [scores])` of scikit-learn 1.9.1, and with `k=2`.
    #[test]
    fn ties_are_scikit_learns() {
        let grades = [3.0, 2.0, 0.0, 0.0, 0.0];
        for (predicted, ndcg, at) in [
            ([1.0; 5], 0.663112333473, 0.366798246480),
            ([2.0, 1.0, 1.0, 1.0, 0.0], 0.962758259601, 0.858103068661),
            ([0.0, 1.0, 1.0, 1.0, 2.0], 0.480116624505, 0.070948465670),
        ] {
            let found = scores(&[0; 5], &grades, &predicted, None, 2).unwrap();
            assert!((found.ndcg - ndcg).abs() < 1e-9 && (found.ndcg_at - at).abs() < 1e-9, "{found:?}");
        }
    }

    #[test]
    fn rows_without_weight_are_not_ranked() {
        let found = |groups: &[u32], grades: &[f64], predicted: &[f64], weights: &[f64]| {
            scores(groups, grades, predicted, Some(weights), 2).unwrap()
        };
        let with = found(
            &[0, 0, 0, 1, 1],
            &[1.0, 2.0, 0.0, 1.0, 0.0],
            &[3.0, 9.0, 4.0, 1.0, 2.0],
            &[1.0, 0.0, 1.0, 2.0, 2.0],
        );
        let without =
            found(&[0, 0, 1, 1], &[1.0, 0.0, 1.0, 0.0], &[3.0, 4.0, 1.0, 2.0], &[1.0, 1.0, 2.0, 2.0]);
        assert_eq!(with, without);
    }

    #[test]
    fn what_is_no_grade_is_refused() {
        for grade in [-1.0, 32.0, f64::NAN] {
            let error = scores(&[0, 0], &[1.0, grade], &[1.0, 2.0], None, 1).unwrap_err();
            assert!(matches!(error, Error::Data { row: Some(1), .. }), "{error:?}");
        }
        assert!(scores(&[0], &[1.0], &[f64::NAN], None, 1).is_err());
        assert!(scores(&[], &[], &[], None, 1).is_err());
    }
}
