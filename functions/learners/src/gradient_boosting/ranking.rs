//! LambdaMART: derivatives that move rows of a group past one another, by what that does to the ranking's gain.
//!
//! C. Burges, From RankNet to LambdaRank to LambdaMART: an overview, MSR-TR-2010-82; pairs and norms as in XGBoost. In the
//! figures rows of equal margins count as in the mean over their orders; pairs take them as they come, since what ties must be
//! pushed apart.

use super::exp::sigmoid;
use super::hyperparams::Objective;
use super::metric::Top;
use super::objective::Gradient;
use crate::metrics::ranking::Ranks;

/// Pairs begin at one of so many rows at the top.
const TOP: usize = 32;

/// Rows of each group, in the order in which the groups come.
pub(super) fn rows_of_groups(groups: &[u32]) -> Vec<Vec<u32>> {
    let mut order: Vec<u32> = (0..groups.len() as u32).collect();
    order.sort_by_key(|&row| groups[row as usize]);
    order.chunk_by(|a, b| groups[*a as usize] == groups[*b as usize]).map(<[u32]>::to_vec).collect()
}

fn gain(label: f64) -> f64 {
    libm::exp2(label) - 1.0
}

fn discount(rank: usize) -> f64 {
    1.0 / libm::log2(rank as f64 + 2.0)
}

fn ideal(rows: &[u32], y: &[f64], top: usize) -> f64 {
    let mut labels: Vec<f64> = rows.iter().map(|&row| y[row as usize]).collect();
    labels.sort_by(|a, b| b.total_cmp(a));
    Ranks::apart(&labels).cumulated_gain(&labels, top)
}

/// Rows by falling margins; equal ones keep their order. Minus zero is zero.
fn ranked(rows: &[u32], margins: &[f64]) -> Vec<u32> {
    let mut ranked = rows.to_vec();
    ranked.sort_by(|&a, &b| (margins[b as usize] + 0.0).total_cmp(&(margins[a as usize] + 0.0)));
    ranked
}

/// Rows by falling margins, and which of them tie: figures must not depend on the order in which rows come.
fn ranked_with_ties(rows: &[u32], margins: &[f64]) -> (Vec<u32>, Ranks) {
    let ranked = ranked(rows, margins);
    let ranks = Ranks::of(ranked.iter().map(|&row| margins[row as usize]));
    (ranked, ranks)
}

impl Top {
    fn count(self) -> usize {
        self.rows.map_or(usize::MAX, |rows| rows as usize)
    }

    /// The mean over the groups, weighted by the mean weight of their rows. A group without a figure has no relevant row.
    fn mean(
        self,
        groups: &[Vec<u32>],
        weights: Option<&[f64]>,
        figure: impl Fn(&[u32]) -> Option<f64>,
    ) -> f64 {
        let of_none = if self.none_is_zero { 0.0 } else { 1.0 };
        let (mut sum, mut total) = (0.0, 0.0);
        for rows in groups {
            let weight = group_weight(rows, weights);
            sum += weight * figure(rows).unwrap_or(of_none);
            total += weight;
        }
        if total > 0.0 { sum / total } else { of_none }
    }
}

/// Normalised discounted cumulative gain.
pub(super) fn ndcg(
    groups: &[Vec<u32>],
    y: &[f64],
    margins: &[f64],
    weights: Option<&[f64]>,
    top: Top,
) -> f64 {
    top.mean(groups, weights, |rows| {
        let best = ideal(rows, y, top.count());
        let (ranked, ranks) = ranked_with_ties(rows, margins);
        let labels: Vec<f64> = ranked.into_iter().map(|row| y[row as usize]).collect();
        (best > 0.0).then(|| ranks.cumulated_gain(&labels, top.count()) / best)
    })
}

/// The mean of the precisions at each relevant row, for labels of 0 and 1.
pub(super) fn mean_average_precision(
    groups: &[Vec<u32>],
    y: &[f64],
    margins: &[f64],
    weights: Option<&[f64]>,
    top: Top,
) -> f64 {
    top.mean(groups, weights, |rows| {
        let (ranked, ranks) = ranked_with_ties(rows, margins);
        let relevant: Vec<bool> = ranked.into_iter().map(|row| y[row as usize] > 0.0).collect();
        let found = relevant.iter().filter(|relevant| **relevant).count();
        (found > 0).then(|| ranks.precisions(&relevant, top.count()) / found.min(top.count()) as f64)
    })
}

fn group_weight(rows: &[u32], weights: Option<&[f64]>) -> f64 {
    weights.map_or(1.0, |w| rows.iter().map(|&row| w[row as usize]).sum::<f64>() / rows.len() as f64)
}

/// Writes the derivatives at the margins. With `rank:pairwise` pairs count alike, whatever they do to the gain.
pub(super) fn gradients(
    objective: Objective,
    groups: &[Vec<u32>],
    y: &[f64],
    weights: Option<&[f64]>,
    margins: &[f64],
    out: &mut [Gradient],
) {
    out.fill([0.0; 2]);
    // As XGBoost's: groups weigh 1 on average.
    let weigh = |rows: &[u32]| group_weight(rows, weights);
    let total: f64 = groups.iter().map(|rows| weigh(rows)).sum();
    let unit = if total > 0.0 { groups.len() as f64 / total } else { 1.0 };
    let mut sums = Vec::new();
    let longest = groups.iter().map(Vec::len).max().unwrap_or_default();
    let discounts: Vec<f64> = (0..longest).map(discount).collect();
    for rows in groups {
        let best = ideal(rows, y, TOP);
        let alike = objective == Objective::RankPairwise;
        if best <= 0.0 {
            continue;
        }
        let ranked = ranked(rows, margins);
        let [first, last] = [ranked[0], ranked[ranked.len() - 1]].map(|row| margins[row as usize]);
        sums.clear();
        sums.resize(ranked.len(), [0.0; 2]);
        let mut pushed = 0.0;
        let labels: Vec<f64> = ranked.iter().map(|&row| y[row as usize]).collect();
        let gains: Vec<f64> = labels.iter().map(|&label| gain(label)).collect();
        let margins: Vec<f64> = ranked.iter().map(|&row| margins[row as usize]).collect();
        for i in 0..ranked.len().min(TOP) {
            for j in i + 1..ranked.len() {
                if labels[i] == labels[j] {
                    continue;
                }
                let (high, low) = if labels[i] > labels[j] { (i, j) } else { (j, i) };
                let apart = margins[high] - margins[low];
                let mut delta = match alike {
                    true => 1.0,
                    false => (gains[high] - gains[low]) * (discounts[i] - discounts[j]) / best,
                };
                if first != last {
                    delta /= apart.abs() + 0.01;
                }
                let p = sigmoid(apart);
                let push = (p - 1.0) * delta;
                let curve = (p * (1.0 - p)).max(1e-16) * delta * 2.0;
                sums[high][0] += push;
                sums[low][0] -= push;
                sums[high][1] += curve;
                sums[low][1] += curve;
                pushed -= 2.0 * push;
            }
        }
        let norm = if pushed > 0.0 { libm::log2(1.0 + pushed) / pushed } else { 1.0 };
        let scale = norm * weigh(rows) * unit;
        for (&row, sum) in ranked.iter().zip(&sums) {
            out[row as usize] = sum.map(|value| (value * scale) as f32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_count_alike() {
        let groups = rows_of_groups(&[0; 3]);
        let mut out = [[0.0; 2]; 3];
        gradients(Objective::RankPairwise, &groups, &[0.0, 1.0, 3.0], None, &[0.0; 3], &mut out);
        // By hand: three pairs, each pushing by a half, and the norm of 3.
        let norm = 4f64.log2() / 3.0;
        let expected = [norm as f32, 0.0, -norm as f32];
        assert!(out.iter().zip(expected).all(|(out, g)| (out[0] - g).abs() < 1e-6), "{out:?}");
        assert!(out.iter().all(|out| (f64::from(out[1]) - norm).abs() < 1e-6), "{out:?}");
    }

    /// Before the first tree all margins tie: the figures are those of chance, and rows are pushed whatever order they come in.
    #[test]
    fn rows_that_tie_are_pushed_apart() {
        let groups = rows_of_groups(&[0; 5]);
        let first = Top { rows: Some(2), none_is_zero: false };
        let mut figures = Vec::new();
        for y in [[3.0, 2.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 2.0, 3.0], [0.0, 3.0, 0.0, 2.0, 0.0]] {
            figures.push([Top::ALL, first].map(|top| ndcg(&groups, &y, &[0.5; 5], None, top)));
            for objective in [Objective::RankNdcg, Objective::RankPairwise] {
                let mut out = [[0.0; 2]; 5];
                gradients(objective, &groups, &y, None, &[0.5; 5], &mut out);
                for (y, [gradient, _]) in y.iter().zip(out) {
                    assert!(if *y > 0.0 { gradient < 0.0 } else { gradient > 0.0 }, "{objective:?} {out:?}");
                }
            }
        }
        assert!(figures.iter().all(|own| own.iter().zip(figures[0]).all(|(a, b)| (a - b).abs() < 1e-12)));
        assert!(
            (figures[0][0] - 0.663_1).abs() < 1e-4 && (figures[0][1] - 0.366_8).abs() < 1e-4,
            "{figures:?}"
        );
        let map = mean_average_precision(&groups, &[1.0, 0.0, 0.0, 0.0, 0.0], &[0.0; 5], None, Top::ALL);
        let chance = (1..=5).map(|rank| 0.2 / f64::from(rank)).sum::<f64>();
        assert!((map - chance).abs() < 1e-12);
    }

    /// XGBoost 3.2.0 trains the same model of weights of 1, of 100, and of none.
    #[test]
    fn only_what_groups_weigh_beside_each_other_counts() {
        let groups = rows_of_groups(&[0, 0, 1, 1]);
        let gradients_of = |weights: Option<&[f64]>| {
            let mut out = [[0.0; 2]; 4];
            let y = [0.0, 1.0, 1.0, 0.0];
            gradients(Objective::RankNdcg, &groups, &y, weights, &[0.0, 0.5, 0.0, 0.5], &mut out);
            out
        };
        let plain = gradients_of(None);
        assert_eq!(gradients_of(Some(&[100.0; 4])), plain);
        let weighed = gradients_of(Some(&[1.0, 1.0, 3.0, 3.0]));
        assert!(
            (weighed[0][0] - 0.5 * plain[0][0]).abs() < 1e-6
                && (weighed[2][0] - 1.5 * plain[2][0]).abs() < 1e-6
        );
    }

    #[test]
    fn the_better_row_is_pushed_up_within_its_group() {
        let groups = rows_of_groups(&[7, 3, 7, 3]);
        assert_eq!(groups, [vec![1, 3], vec![0, 2]]);
        let y = [0.0, 1.0, 2.0, 1.0];
        let mut out = [[0.0; 2]; 4];
        gradients(Objective::RankNdcg, &groups, &y, None, &[0.5, 9.0, 0.0, 1.0], &mut out);
        assert!(out[2][0] < 0.0 && out[0][0] == -out[2][0] && out[0][1] > 0.0, "{out:?}");
        assert_eq!((out[1], out[3]), ([0.0; 2], [0.0; 2]));
        // By hand: gains 3 at rank 2 for 3 at rank 1; the other group is ranked rightly.
        let expected = (1.0 / 3f64.log2() + 1.0) / 2.0;
        assert!((ndcg(&groups, &y, &[0.5, 9.0, 0.0, 1.0], None, Top::ALL) - expected).abs() < 1e-12);
        assert_eq!(ndcg(&groups, &y, &[0.0, 0.0, 1.0, 0.0], None, Top::ALL), 1.0);
        let first = Top { rows: Some(1), none_is_zero: true };
        assert_eq!(ndcg(&groups, &y, &[0.5, 9.0, 0.0, 1.0], None, first), 0.5);
        let relevant = [0.0, 0.0, 1.0, 0.0];
        let map = |top| mean_average_precision(&groups, &relevant, &[0.5, 9.0, 0.0, 1.0], None, top);
        assert_eq!((map(Top::ALL), map(first)), (0.75, 0.0));
    }
}
