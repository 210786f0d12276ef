//! Searching for parameters: which points are tried, in which order. A pure function of the space, the seed and what was measured.

mod axis;
mod draw;
mod grid;
mod halving;
mod history;
mod parzen;
mod tpe;

use std::{cmp::Ordering, collections::BTreeMap};

use indexmap::IndexMap;
use millstream_core::{
    completion::Figure,
    failure::Failure,
    manifest::Direction,
    round::{Next, Round},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use axis::{Axis, SearchAxis, between, number};
pub use history::{History, Observation};

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
    /// No further round is made once the trials have taken so long, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_time: Option<u64>,
    /// What is tried of each parameter.
    pub search: IndexMap<String, SearchAxis>,
    /// Points to try before others; parameters that one of them leaves open are chosen as usual.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub try_first: Vec<Map<String, Value>>,
    /// The parameter that says how much a trial may spend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<Resource>,
    /// The run and step whose trials count as history, as written: `RUN` or `RUN/STEP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warm_start: Option<String>,
    /// What an earlier search has found, as it was when the run started.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known: Vec<Observation>,
    /// Each trial is trained and measured in these folds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folds: Option<TrialFolds>,
}

/// How the points of a search are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// All combinations, in the order of the file, the last parameter running fastest.
    Grid,
    /// Drawn by the step's seed.
    Random,
    /// Where the trials so far say that better ones are likely: the tree-structured Parzen estimator.
    Bayesian,
    /// Many points with little of `resource`, the best of them with more: asynchronous successive halving.
    Hyperband,
}

impl Strategy {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Grid, Self::Random, Self::Bayesian, Self::Hyperband];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Grid => "grid",
            Self::Random => "random",
            Self::Bayesian => "bayesian",
            Self::Hyperband => "hyperband",
        }
    }
}

/// A parameter of which more means a better and a dearer trial, such as the number of rounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Resource {
    /// The parameter, which takes whole numbers.
    pub parameter: String,
    /// What a trial begins with, at least 1.
    pub min: u32,
    /// The most that one gets, at least `min`.
    pub max: u32,
    /// One trial of so many goes on, with so many times as much; at least 2.
    pub factor: u32,
}

/// How a trial is cross-validated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TrialFolds {
    /// How many folds, at least 2.
    pub k: u32,
    /// How often the rows are divided anew, at least 1.
    pub repeats: u32,
    /// What goes into the channels of a task of a fold, instead of the step's own inputs; `item` is the place of the fold.
    pub inputs: IndexMap<String, Vec<String>>,
}

/// The metric by which trials are compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objective {
    /// Which is better.
    pub direction: Direction,
    /// Its name.
    pub metric: String,
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

impl TrialFolds {
    /// How many tasks a trial has.
    pub fn count(&self) -> u32 {
        (self.k * self.repeats).max(2)
    }

    /// The fold at `place` among them, as people write it.
    pub fn label(&self, place: u32) -> String {
        match self.repeats {
            1 => format!("fold={place}"),
            _ => format!("repeat={}, fold={}", place / self.k, place % self.k),
        }
    }
}

impl Tuning {
    /// How many tasks a trial has.
    pub fn tasks_of_a_trial(&self) -> u32 {
        self.folds.as_ref().map_or(1, TrialFolds::count)
    }

    /// What a trial is worth whose tasks have measured this: the mean over its folds; none if one of them lacks the metric.
    pub fn score(&self, tasks: &[BTreeMap<String, f64>]) -> Option<f64> {
        // Where nothing is searched there is one trial, and nothing to compare it with.
        if self.search.is_empty() {
            return Some(0.0);
        }
        let scores: Option<Vec<f64>> = tasks.iter().map(|metrics| self.objective.score(metrics)).collect();
        scores
            .filter(|scores| !scores.is_empty())
            .map(|scores| scores.iter().sum::<f64>() / scores.len() as f64)
    }

    /// The round after `rounds`; `scores` are the objectives of the last one's trials, `elapsed` the milliseconds from the start
    /// of the first trial to the end of the last.
    pub fn next(&self, seed: u64, rounds: &[Round], scores: &[Option<f64>], elapsed: u64) -> Next {
        if rounds.last().is_some_and(|round| round.refit) {
            return Next::Finished;
        }
        let history = History::new(self, rounds, scores);
        let (first, done) = (rounds.last().map_or(0, Round::end), history.trials.len() as u32);
        if done > 0 && history.best().is_none() {
            return Next::Failed(self.unmeasured(done));
        }
        let is_enough = |score: &f64| {
            self.target.is_some_and(|target| *score == target || self.objective.is_better(*score, target))
        };
        let is_over = done > 0 && self.max_time.is_some_and(|most| elapsed >= most);
        let ends = done >= self.max_jobs || is_over || scores.iter().flatten().any(is_enough);
        let trials = if ends { Vec::new() } else { self.points(seed, &history) };
        let scores: Vec<_> = scores.iter().map(|score| score.map(Figure)).collect();
        if !trials.is_empty() {
            let count = trials.len() as u32 * self.tasks_of_a_trial();
            return Next::Round(Round { trials, scores, count, first, made_by: None, refit: false });
        }
        match history.best() {
            Some(best) if self.folds.is_some() => {
                let trials = vec![history.trials[best].point.clone()];
                Next::Round(Round { trials, scores, count: 1, first, made_by: None, refit: true })
            }
            _ => Next::Finished,
        }
    }

    fn unmeasured(&self, trials: u32) -> Failure {
        let message = format!(
            "none of {trials} trials reported the metric `{}` that `tune` is to {}",
            self.objective.metric,
            if self.objective.direction == Direction::Minimize { "minimize" } else { "maximize" }
        );
        Failure::InvalidParameter { name: "tune.objective".to_owned(), message, allowed: None }
    }

    /// What the trials of the next round try; none if there is nothing left to try.
    fn points(&self, seed: u64, history: &History) -> Vec<Map<String, Value>> {
        let first = history.trials.len() as u32;
        let count = self.max_parallel.max(1).min(self.max_jobs - first);
        let mut points = Vec::new();
        for trial in first..first + count {
            let fixed = self.try_first.get(trial as usize).cloned().unwrap_or_default();
            let point = match self.strategy {
                Strategy::Grid => Some(self.grid_point(trial)),
                Strategy::Random => Some(self.random_point(seed, trial, &fixed)),
                Strategy::Bayesian => Some(self.likely_point(seed, trial, &fixed, history, &points)),
                Strategy::Hyperband => self.halving_point(seed, history, &points),
            };
            points.extend(point);
        }
        points
    }

    /// A point drawn from the whole space, but for the parameters that are given.
    fn random_point(&self, seed: u64, trial: u32, fixed: &Map<String, Value>) -> Map<String, Value> {
        let mut point = Map::new();
        for (name, dimension) in self.search.iter().filter(|(name, _)| !fixed.contains_key(*name)) {
            // Drawn whether it is used or not, so that the others do not depend on it.
            point.insert(name.clone(), dimension.axis.at(draw::uniform(seed, trial, name)));
        }
        point.extend(fixed.clone());
        self.active(&point)
    }

    /// The point without the parameters that do not belong to it, in the order of the file.
    fn active(&self, point: &Map<String, Value>) -> Map<String, Value> {
        let mut kept = Map::new();
        for (name, dimension) in &self.search {
            if let Some(value) = point.get(name).filter(|_| dimension.is_active(&kept)) {
                kept.insert(name.clone(), value.clone());
            }
        }
        kept
    }
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
            max_time: None,
            try_first: Vec::new(),
            resource: None,
            warm_start: None,
            known: Vec::new(),
            folds: None,
            search: axes.map(|(name, axis)| (name.to_owned(), axis.into())).into(),
        }
    }

    fn all(tuning: &Tuning, seed: u64, score: impl Fn(u32) -> Option<f64>) -> (Vec<Round>, Next) {
        let mut rounds = Vec::new();
        let mut scores = Vec::new();
        loop {
            match tuning.next(seed, &rounds, &scores, 0) {
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
