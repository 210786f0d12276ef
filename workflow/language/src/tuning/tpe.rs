//! The tree-structured Parzen estimator, after Bergstra et al., "Algorithms for Hyper-Parameter Optimization" (NeurIPS 2011): the
//! trials so far are divided into the good and the others, a density is made of each, and of some points drawn from the good
//! ones' the one is tried at which that density is the largest share of both.
//!
//! As in Optuna's `TPESampler` there are 10 random trials first, 24 candidates and at most 25 good trials, and trials under way
//! count as bad ("constant liar"), which keeps the trials of a round apart. Unlike there a fifth of the trials is good, not a tenth,
//! which is three trials of the first thirty. All parameters are drawn together, as one point's; those that a point
//! does not have are left out of its density.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::{History, Tuning, draw::Draws, history::Observation, parzen::Parzen};

/// Trials that are drawn from the whole space before anything is concluded.
const STARTUP_TRIALS: usize = 10;
/// Points among which the likeliest is taken.
const CANDIDATES: usize = 24;
/// One trial of so many counts as good.
const GOOD_SHARE: usize = 5;
/// The most trials that count as good.
const MOST_GOOD: usize = 25;

impl Tuning {
    /// Where a good trial is likely, after those of `history` and the `pending` ones of the same round.
    pub(super) fn likely_point(
        &self,
        seed: u64,
        trial: u32,
        fixed: &Map<String, Value>,
        history: &History,
        pending: &[Map<String, Value>],
    ) -> Map<String, Value> {
        let all: Vec<&Observation> = history.known.iter().chain(&history.trials).collect();
        let measured = all.iter().filter(|observed| observed.score.is_some()).count();
        if measured < STARTUP_TRIALS {
            return self.random_point(seed, trial, fixed);
        }
        let mut order: Vec<usize> = (0..all.len()).collect();
        // Stable: the first of equals comes first.
        order.sort_by(|a, b| {
            let (a, b) = (all[*a].score, all[*b].score);
            if history.is_better(a, b) {
                Ordering::Less
            } else if history.is_better(b, a) {
                Ordering::Greater
            } else {
                Ordering::Equal
            }
        });
        let (good, bad) = order.split_at_mut(measured.div_ceil(GOOD_SHARE).min(MOST_GOOD));
        good.sort_unstable();
        bad.sort_unstable();
        let points = |places: &[usize]| places.iter().map(|place| &all[*place].point).collect::<Vec<_>>();
        let good = Parzen::new(self, &points(good));
        let bad = Parzen::new(self, &points(bad).into_iter().chain(pending).collect::<Vec<_>>());
        let mut draws = Draws::new(seed, trial);
        let mut best: Option<(bool, f64, Map<String, Value>)> = None;
        for _ in 0..CANDIDATES {
            let point = good.draw(&mut draws, fixed);
            let gain = good.log_density(&point) - bad.log_density(&point);
            // What was tried would give the same again.
            let is_new =
                !all.iter().map(|observed| &observed.point).chain(pending).any(|other| *other == point);
            if best.as_ref().is_none_or(|(was_new, most, _)| (is_new, gain) > (*was_new, *most)) {
                best = Some((is_new, gain, point));
            }
        }
        best.map_or_else(|| self.random_point(seed, trial, fixed), |(_, _, point)| point)
    }
}
