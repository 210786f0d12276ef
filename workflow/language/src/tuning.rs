//! Searching for parameters: which points are tried, in which order. A pure function of the space, the seed and what was measured.

use std::{cmp::Ordering, collections::BTreeMap};

use indexmap::IndexMap;
use millstream_core::{
    artifact::Digest,
    completion::Figure,
    failure::Failure,
    manifest::Direction,
    number,
    round::{Next, Round},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A search for the parameters of a step's function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Tuning {
    /// How points are chosen.
    pub strategy: Strategy,
    /// What is measured of a trial.
    pub objective: Objective,
    /// How many trials there are at most, at least 1.
    pub max_jobs: u32,
    /// How many of them make a round, at least 1.
    pub max_parallel: u32,
    /// No further round is made once a trial is at least as good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<f64>,
    /// What is tried of each parameter.
    pub search: IndexMap<String, Axis>,
}

/// How the points of a search are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// All combinations, in the order of the file, the last parameter running fastest.
    Grid,
    /// Drawn by the step's seed.
    Random,
}

/// The metric by which trials are compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objective {
    /// Which is better.
    pub direction: Direction,
    /// Its name.
    pub metric: String,
}

/// What is tried of one parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Axis {
    /// One of these, as likely as any other.
    Values(Vec<Value>),
    /// Whole numbers from `low` to `high`, both included.
    Integers {
        /// The least.
        low: i64,
        /// The greatest.
        high: i64,
        /// As likely within 1 to 10 as within 10 to 100.
        log: bool,
    },
    /// Numbers from `low` to `high`.
    Numbers {
        /// The least.
        low: f64,
        /// The greatest.
        high: f64,
        /// As likely within 1 to 10 as within 10 to 100.
        log: bool,
    },
}

impl Objective {
    /// What a trial with these figures is worth; none if it did not report the metric, or no number as its value.
    pub fn score(&self, metrics: &BTreeMap<String, f64>) -> Option<f64> {
        metrics.get(&self.metric).copied().filter(|value| !value.is_nan())
    }

    /// Whether `a` is better than `b`.
    pub fn is_better(&self, a: f64, b: f64) -> bool {
        let better = if self.direction == Direction::Minimize { Ordering::Less } else { Ordering::Greater };
        a.total_cmp(&b) == better && a != b
    }

    /// The place of the best score; the first of several.
    pub fn best(&self, scores: &[Option<f64>]) -> Option<usize> {
        let mut best: Option<(usize, f64)> = None;
        for (place, score) in scores.iter().enumerate() {
            if let Some(score) = *score
                && best.is_none_or(|(_, best)| self.is_better(score, best))
            {
                best = Some((place, score));
            }
        }
        best.map(|(place, _)| place)
    }
}

impl Tuning {
    /// The round after `rounds`; `scores` are the objectives of the last one's trials.
    pub fn next(&self, seed: u64, rounds: &[Round], scores: &[Option<f64>]) -> Next {
        let first = rounds.last().map_or(0, Round::end);
        let mut measured = rounds.iter().flat_map(|round| &round.scores).map(Option::is_some);
        if first > 0 && !measured.any(|is| is) && self.objective.best(scores).is_none() {
            return Next::Failed(self.unmeasured(first));
        }
        let is_enough = |score: &f64| {
            self.target.is_some_and(|target| *score == target || self.objective.is_better(*score, target))
        };
        if first >= self.max_jobs || scores.iter().flatten().any(is_enough) {
            return Next::Finished;
        }
        let count = self.max_parallel.max(1).min(self.max_jobs - first);
        Next::Round(Round {
            trials: (first..first + count).map(|trial| self.point(seed, trial)).collect(),
            scores: scores.iter().map(|score| score.map(Figure)).collect(),
            first,
            count,
            made_by: None,
        })
    }

    fn unmeasured(&self, trials: u32) -> Failure {
        let message = format!(
            "none of {trials} trials reported the metric `{}` that `tune` is to {}",
            self.objective.metric,
            if self.objective.direction == Direction::Minimize { "minimize" } else { "maximize" }
        );
        Failure::InvalidParameter { name: "tune.objective".to_owned(), message, allowed: None }
    }

    /// How many points its grid has; none if an axis has no end of them, or if they are beyond counting.
    pub fn grid(&self) -> Option<u32> {
        self.search.values().try_fold(1u32, |points, axis| points.checked_mul(axis.values()?))
    }

    /// What trial `trial` tries.
    fn point(&self, seed: u64, trial: u32) -> Map<String, Value> {
        match self.strategy {
            Strategy::Random => {
                let draw =
                    |(name, axis): (&String, &Axis)| (name.clone(), axis.at(uniform(seed, trial, name)));
                self.search.iter().map(draw).collect()
            }
            Strategy::Grid => {
                let mut left = trial;
                let mut point = Map::new();
                for (name, axis) in self.search.iter().rev() {
                    let len = axis.values().unwrap_or(1).max(1);
                    point.insert(name.clone(), axis.nth(left % len));
                    left /= len;
                }
                point
            }
        }
    }
}

impl Axis {
    /// How many values there are, if they can be counted.
    pub fn values(&self) -> Option<u32> {
        match self {
            Self::Values(values) => u32::try_from(values.len()).ok(),
            Self::Integers { low, high, .. } => u32::try_from(i128::from(*high) - i128::from(*low) + 1).ok(),
            Self::Numbers { .. } => None,
        }
    }

    /// All values of a list, or the ends of a range.
    pub fn ends(&self) -> Vec<Value> {
        match self {
            Self::Values(values) => values.clone(),
            Self::Integers { low, high, .. } => vec![(*low).into(), (*high).into()],
            Self::Numbers { low, high, .. } => vec![number(*low), number(*high)],
        }
    }

    /// Value `n` of those that can be counted.
    fn nth(&self, n: u32) -> Value {
        match self {
            Self::Values(values) => values.get(n as usize).cloned().unwrap_or_default(),
            Self::Integers { low, .. } => (low + i64::from(n)).into(),
            Self::Numbers { low, .. } => number(*low),
        }
    }

    /// The value at `share` of the axis, from 0 to below 1.
    fn at(&self, share: f64) -> Value {
        match self {
            Self::Values(values) => {
                let place = (share * values.len() as f64) as usize;
                values.get(place.min(values.len().saturating_sub(1))).cloned().unwrap_or_default()
            }
            // Each whole number has the stretch from a half below it to a half above it.
            Self::Integers { low, high, log } => {
                let drawn = spaced(*low as f64 - 0.5, *high as f64 + 0.5, *log, share);
                (drawn.round() as i64).clamp(*low, *high).into()
            }
            Self::Numbers { low, high, log } => number(between(*low, *high, *log, share)),
        }
    }
}

/// What lies at `share` of the way from `low` to `high`, 0 and 1 being the ends; with six digits that count, so that a value is
/// what people see of it.
pub fn between(low: f64, high: f64, log: bool, share: f64) -> f64 {
    let value = spaced(low, high, log, share);
    format!("{value:.5e}").parse().unwrap_or(value).clamp(low, high)
}

fn spaced(low: f64, high: f64, log: bool, share: f64) -> f64 {
    if log {
        // Not the machine's own functions: they differ in the last digit from one to the next.
        libm::exp(libm::log(low) + share * (libm::log(high) - libm::log(low)))
    } else {
        low + share * (high - low)
    }
}

/// A number in the form that parameters have.
pub fn number(value: f64) -> Value {
    let mut value = Value::from(value);
    number::normalise(&mut value);
    value
}

/// From 0 to below 1; the same for the same seed, trial and parameter, whatever else there is.
fn uniform(seed: u64, trial: u32, name: &str) -> f64 {
    let digest = Digest::of(format!("{seed} {trial} {name}").as_bytes());
    let first = digest.0.iter().take(8).fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
    (first >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tuning(strategy: Strategy, max_jobs: u32) -> Tuning {
        let axes = [
            ("eta", Axis::Numbers { low: 0.001, high: 1.0, log: true }),
            ("depth", Axis::Integers { low: 3, high: 5, log: false }),
            ("leaves", Axis::Integers { low: 1, high: 1000, log: true }),
            ("policy", Axis::Values(vec![json!("a"), json!("b")])),
        ];
        Tuning {
            strategy,
            objective: Objective { direction: Direction::Maximize, metric: "auc".to_owned() },
            max_jobs,
            max_parallel: 4,
            target: None,
            search: axes.map(|(name, axis)| (name.to_owned(), axis)).into(),
        }
    }

    fn all(tuning: &Tuning, seed: u64, score: impl Fn(u32) -> Option<f64>) -> (Vec<Round>, Next) {
        let mut rounds = Vec::new();
        let mut scores = Vec::new();
        loop {
            match tuning.next(seed, &rounds, &scores) {
                Next::Round(round) => {
                    scores = (round.first..round.end()).map(&score).collect();
                    rounds.push(round);
                }
                end => return (rounds, end),
            }
        }
    }

    #[test]
    fn random_points_fill_the_space_evenly_and_depend_on_the_seed_alone() {
        let tuning = tuning(Strategy::Random, 2_000);
        let (rounds, end) = all(&tuning, 7, |_| Some(0.5));
        assert_eq!((rounds.len(), end), (500, Next::Finished));
        assert_eq!(all(&tuning, 7, |trial| Some(f64::from(trial))).0[3].trials, rounds[3].trials);
        assert_ne!(all(&tuning, 8, |_| Some(0.5)).0[0].trials, rounds[0].trials);
        let trials: Vec<&Map<String, Value>> = rounds.iter().flat_map(|round| &round.trials).collect();
        let share = |name: &str, is: &dyn Fn(&Value) -> bool| {
            trials.iter().filter(|trial| is(&trial[name])).count() as f64 / trials.len() as f64
        };
        let near = |found: f64, wanted: f64| assert!((found - wanted).abs() < 0.04, "{found} {wanted}");
        near(share("eta", &|eta| eta.as_f64().unwrap() < 0.1), 2.0 / 3.0);
        near(share("depth", &|depth| depth == 3), 1.0 / 3.0);
        near(share("depth", &|depth| depth == 5), 1.0 / 3.0);
        // A whole number has the stretch around it: ln(1.5 / 0.5) of ln(1000.5 / 0.5).
        near(share("leaves", &|leaves| leaves == 1), 0.1445);
        near(share("policy", &|policy| policy == "b"), 0.5);
        for trial in trials {
            let (eta, leaves) = (trial["eta"].as_f64().unwrap(), trial["leaves"].as_i64().unwrap());
            assert!((0.001..=1.0).contains(&eta) && (1..=1000).contains(&leaves), "{trial:?}");
            assert!(trial["eta"].to_string().len() <= 11, "six digits: {}", trial["eta"]);
        }
    }

    #[test]
    fn a_grid_has_each_combination_once_the_last_parameter_running_fastest() {
        let mut tuning = tuning(Strategy::Grid, 6);
        assert_eq!(tuning.grid(), None, "`eta` has no end of values");
        tuning.search.shift_remove("eta");
        tuning.search.shift_remove("leaves");
        assert_eq!(tuning.grid(), Some(6));
        let (rounds, _) = all(&tuning, 0, |_| Some(1.0));
        let counts: Vec<(u32, u32)> = rounds.iter().map(|round| (round.first, round.count)).collect();
        assert_eq!(counts, [(0, 4), (4, 2)]);
        let trials: Vec<Value> = rounds
            .into_iter()
            .flat_map(|round| round.trials)
            .map(|trial| json!([trial["depth"], trial["policy"]]))
            .collect();
        assert_eq!(json!(trials), json!([[3, "a"], [3, "b"], [4, "a"], [4, "b"], [5, "a"], [5, "b"]]));
    }

    #[test]
    fn the_target_ends_it_and_nothing_measured_fails_it() {
        let mut tuning = tuning(Strategy::Random, 100);
        tuning.target = Some(0.9);
        let (rounds, end) = all(&tuning, 0, |trial| Some(f64::from(trial) / 10.0));
        assert_eq!((rounds.len(), end), (3, Next::Finished), "trial 9 is in the third round");
        assert_eq!(rounds[1].scores[3], Some(Figure(0.3)));
        tuning.objective.direction = Direction::Minimize;
        tuning.target = Some(0.0);
        assert_eq!(all(&tuning, 0, |trial| Some(f64::from(trial))).0.len(), 1);
        let (rounds, end) = all(&tuning, 0, |_| None);
        assert_eq!(rounds.len(), 1);
        let Next::Failed(failure) = end else { panic!("{end:?}") };
        assert!(failure.to_string().contains("none of 4 trials reported the metric `auc`"), "{failure}");
        let (rounds, end) = all(&tuning, 0, |trial| (trial == 0).then_some(1.0));
        assert_eq!((rounds.len(), end), (25, Next::Finished), "one that was measured is enough");
    }

    #[test]
    fn the_first_of_the_best_wins() {
        let objective = |direction| Objective { direction, metric: "m".to_owned() };
        let scores = [None, Some(2.0), Some(1.0), Some(2.0), Some(1.0)];
        assert_eq!(objective(Direction::Maximize).best(&scores), Some(1));
        assert_eq!(objective(Direction::Minimize).best(&scores), Some(2));
        assert_eq!(objective(Direction::Maximize).best(&[Some(-0.0), Some(0.0)]), Some(0));
        assert_eq!(objective(Direction::Maximize).best(&[None]), None);
        let metrics = [("m".to_owned(), f64::NAN)].into();
        assert_eq!(objective(Direction::Maximize).score(&metrics), None);
    }
}
