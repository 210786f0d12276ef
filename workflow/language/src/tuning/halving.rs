//! Asynchronous successive halving (ASHA), after Li et al., "A System for Massively Parallel Hyperparameter Tuning" (MLSys 2020),
//! algorithm 2: Hyperband's most aggressive bracket, in which a point goes on as soon as it is among the best of its rung.

use serde_json::{Map, Value};

use super::{History, Observation, Resource, Tuning};

impl Resource {
    /// What a trial of each rung may spend, from the least to the most.
    pub fn rungs(&self) -> Vec<u32> {
        let mut rungs = vec![self.min];
        while let Some(last) = rungs.last().copied().filter(|last| *last < self.max) {
            rungs.push(last.saturating_mul(self.factor.max(2)).min(self.max));
        }
        rungs
    }
}

impl Tuning {
    /// What the next trial tries, after those of `history` and the `pending` ones of the same round: a point that is among the best
    /// of its rung with more of the resource, or else a new one with the least.
    pub(super) fn halving_point(
        &self,
        seed: u64,
        history: &History,
        pending: &[Map<String, Value>],
    ) -> Option<Map<String, Value>> {
        let resource = self.resource.as_ref()?;
        let rungs = resource.rungs();
        let spent = |point: &Map<String, Value>| point.get(&resource.parameter).and_then(Value::as_u64);
        let bare = |point: &Map<String, Value>| {
            let mut point = point.clone();
            point.remove(&resource.parameter);
            point
        };
        let all = || history.trials.iter().map(|trial| &trial.point).chain(pending);
        for (rung, next) in rungs.iter().zip(&rungs[1..]).rev() {
            let mut done: Vec<&Observation> = history
                .trials
                .iter()
                .filter(|trial| spent(&trial.point) == Some((*rung).into()) && trial.score.is_some())
                .collect();
            // Stable: the first of equals comes first.
            done.sort_by(|a, b| {
                let better = |a: &Observation, b: &Observation| history.is_better(a.score, b.score);
                better(b, a).cmp(&better(a, b))
            });
            let best = done.len() / resource.factor.max(2) as usize;
            let is_new = |point: &Map<String, Value>| {
                !all().any(|other| spent(other) == Some((*next).into()) && bare(other) == *point)
            };
            if let Some(mut point) = done[..best].iter().map(|trial| bare(&trial.point)).find(is_new) {
                point.insert(resource.parameter.clone(), (*next).into());
                return Some(point);
            }
        }
        // Only new points count, so that a seed gives the same ones in the same order whatever goes on.
        let drawn = all().filter(|point| spent(point) == Some(resource.min.into())).count() as u32;
        let fixed = self.try_first.get(drawn as usize).cloned().unwrap_or_default();
        let mut point = self.random_point(seed, drawn, &fixed);
        point.insert(resource.parameter.clone(), resource.min.into());
        Some(point)
    }
}
