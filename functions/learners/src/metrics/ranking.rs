//! How good rankings within groups are: as XGBoost's `ndcg` and `map`.

use super::check_finite;
use crate::matrix::check_length;
use crate::weights::check_weights;
use crate::{Error, shown};

/// Grades above would overflow the gain of `2^grade - 1` in others' numbers.
const HIGHEST: f64 = 31.0;

/// Means over the groups; a group counts by the mean weight of its rows.
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
    let mut order: Vec<usize> = (0..rows).collect();
    // Groups together, and within them the best prediction first; equal ones keep their order.
    order.sort_by(|&a, &b| groups[a].cmp(&groups[b]).then(predicted[b].total_cmp(&predicted[a])));
    let mut sums = Scores { ndcg: 0.0, ndcg_at: 0.0, map: 0.0 };
    let mut total = 0.0;
    for group in order.chunk_by(|&a, &b| groups[a] == groups[b]) {
        let count = group.len() as f64;
        let weight = weights.map_or(1.0, |w| group.iter().map(|&row| w[row]).sum::<f64>() / count);
        let own: Vec<f64> = group.iter().map(|&row| grades[row]).collect();
        let mut ideal = own.clone();
        ideal.sort_by(|a, b| b.total_cmp(a));
        sums.ndcg += weight * normalised(&own, &ideal, own.len());
        sums.ndcg_at += weight * normalised(&own, &ideal, top);
        sums.map += weight * average_precision(&own);
        total += weight;
    }
    Ok(Scores { ndcg: sums.ndcg / total, ndcg_at: sums.ndcg_at / total, map: sums.map / total })
}

/// The gain of grades in a ranking, as far down as `top`, as a share of the best.
fn normalised(own: &[f64], ideal: &[f64], top: usize) -> f64 {
    let cumulated = |grades: &[f64]| -> f64 {
        let gain = |(rank, grade): (usize, &f64)| (libm::exp2(*grade) - 1.0) / libm::log2(rank as f64 + 2.0);
        grades.iter().take(top).enumerate().map(gain).sum()
    };
    let best = cumulated(ideal);
    if best > 0.0 { cumulated(own) / best } else { 1.0 }
}

/// The mean of the precisions down to each relevant row.
fn average_precision(grades: &[f64]) -> f64 {
    let (mut relevant, mut sum) = (0.0, 0.0);
    for (rank, grade) in grades.iter().enumerate() {
        if *grade > 0.0 {
            relevant += 1.0;
            sum += relevant / (rank as f64 + 1.0);
        }
    }
    if relevant > 0.0 { sum / relevant } else { 1.0 }
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
