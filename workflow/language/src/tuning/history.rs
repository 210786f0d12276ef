//! What a search has tried so far, and what came of it.

use millstream_core::{completion::Figure, round::Round};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Objective, Tuning};

/// A point and its objective.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// The parameters.
    pub point: Map<String, Value>,
    /// The objective; none if it was not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<Figure>,
}

/// The trials of a search, in their order, and those of an earlier one that it was told of.
#[derive(Debug)]
pub struct History<'a> {
    objective: &'a Objective,
    /// Its own.
    pub trials: Vec<Observation>,
    /// The earlier ones.
    pub known: &'a [Observation],
}

impl<'a> History<'a> {
    /// `scores` are the objectives of the trials of the last of `rounds`; those of the others are in the round after each.
    pub fn new(tuning: &'a Tuning, rounds: &[Round], scores: &[Option<f64>]) -> Self {
        let mut trials = Vec::new();
        for (number, round) in rounds.iter().enumerate().filter(|(_, round)| !round.refit) {
            let score = |trial: usize| match rounds.get(number + 1) {
                Some(next) => next.scores.get(trial).copied().flatten(),
                None => scores.get(trial).copied().flatten().map(Figure),
            };
            let observed = |(trial, point): (usize, &Map<String, Value>)| Observation {
                point: point.clone(),
                score: score(trial),
            };
            trials.extend(round.trials.iter().enumerate().map(observed));
        }
        Self { objective: &tuning.objective, trials, known: &tuning.known }
    }

    /// The place of the best of its own trials; the first of several.
    pub fn best(&self) -> Option<usize> {
        let scores: Vec<_> = self.trials.iter().map(|trial| trial.score.map(|score| score.0)).collect();
        self.objective.best(&scores)
    }

    /// Whether `a` is better than `b`; any score is better than none.
    pub(super) fn is_better(&self, a: Option<Figure>, b: Option<Figure>) -> bool {
        match (a, b) {
            (Some(a), Some(b)) => self.objective.is_better(a.0, b.0),
            (a, b) => a.is_some() && b.is_none(),
        }
    }
}
