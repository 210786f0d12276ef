//! What a search has come to in the end.

use std::{collections::BTreeMap, ops::Range};

use millstream_core::{
    artifact::Parts,
    completion::{Figure, Gathered, Outcome, Results},
    layout,
    manifest::Kind,
    round::Round,
    task::Task,
};
use millstream_language::tuning::Tuning;
use millstream_plan::{FanOut, Step};
use serde_json::{Map, Value};

use super::{Error, Objects, Run};

/// A trial of a search.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchTrial {
    /// Its tasks: one, or one for each fold.
    pub tasks: Range<u32>,
    /// What it tries.
    pub point: Map<String, Value>,
    /// Its objective; none if it did not measure it, or has not ended.
    pub score: Option<f64>,
}

impl<O: Objects> Run<'_, O> {
    /// What the best of the trials gave; where they were measured in folds, what was trained on all rows after that.
    pub(super) fn best_trial(
        &self,
        name: &str,
        step: &Step,
        tuning: &Tuning,
        count: u32,
    ) -> Result<Gathered, Error<O::Error>> {
        let rounds = self.rounds(name)?;
        let trials = self.tried(name, tuning, &rounds)?;
        let scores: Vec<Option<f64>> = trials.iter().map(|trial| trial.score).collect();
        // A round of which nothing was measured is followed by a failure.
        let first = tuning.objective.best(&scores).map_or(0, |best| trials[best].tasks.start);
        let best = if rounds.last().is_some_and(|round| round.refit) { count - 1 } else { first };
        let results = self.results(name, best)?;
        let mut outputs: BTreeMap<String, Vec<Parts>> =
            results.outputs.into_iter().map(|(name, parts)| (name, vec![parts])).collect();
        let mut metrics = results.metrics;
        if tuning.folds.is_some() {
            let folds = (first..first + tuning.tasks_of_a_trial()).map(|task| self.results(name, task));
            let folds = folds.collect::<Result<Vec<_>, _>>()?;
            let model = self.model_output(step);
            let of =
                |fold: &Results| model.and_then(|model| fold.outputs.get(model)).cloned().unwrap_or_default();
            outputs.insert("fold_models".to_owned(), folds.iter().map(of).collect());
            metrics.extend(summaries(&folds));
        }
        Ok(Gathered::Done {
            count,
            outputs,
            metrics: metrics.into_iter().map(|(name, x)| (name, vec![Some(Figure(x))])).collect(),
            skipped: Vec::new(),
            best: Some(best),
        })
    }

    /// The trials of a step's search so far, in their order; none if it is no search.
    pub fn trials(&self, name: &str) -> Result<Vec<SearchTrial>, Error<O::Error>> {
        match &self.step(name)?.fan_out {
            FanOut::Trials(tuning) => self.tried(name, tuning, &self.rounds(name)?),
            _ => Ok(Vec::new()),
        }
    }

    fn tried(
        &self,
        name: &str,
        tuning: &Tuning,
        rounds: &[Round],
    ) -> Result<Vec<SearchTrial>, Error<O::Error>> {
        let mut all = Vec::new();
        for (number, round) in rounds.iter().enumerate().filter(|(_, round)| !round.refit) {
            let size = round.tasks_of_a_trial();
            for (place, point) in round.trials.iter().enumerate() {
                let first = round.first + place as u32 * size;
                let tasks = first..first + size;
                let score = match rounds.get(number + 1) {
                    Some(next) => next.scores.get(place).copied().flatten().map(|score| score.0),
                    None => self.score_of(name, tuning, tasks.clone())?,
                };
                all.push(SearchTrial { tasks, point: point.clone(), score });
            }
        }
        Ok(all)
    }

    /// The objective of a trial of the newest round; none as long as one of its tasks is not done.
    fn score_of(
        &self,
        name: &str,
        tuning: &Tuning,
        tasks: Range<u32>,
    ) -> Result<Option<f64>, Error<O::Error>> {
        let mut metrics = Vec::new();
        for task in tasks {
            match self.completion(&Task { step: name.to_owned(), task })?.map(|completion| completion.outcome)
            {
                Some(Outcome::Done(results)) => metrics.push(results.metrics),
                _ => return Ok(None),
            }
        }
        Ok(tuning.score(&metrics))
    }

    fn model_output(&self, step: &Step) -> Option<&str> {
        let function = self.plan.functions.get(&step.variants.first()?.uses)?;
        let output = function.manifest.outputs.iter().find(|output| output.kind == Kind::Model)?;
        Some(&output.name)
    }

    /// What a trial gave; it has no condition of its own, so that none is skipped.
    fn results(&self, name: &str, task: u32) -> Result<Results, Error<O::Error>> {
        match self.counted(name, task)?.outcome {
            Outcome::Done(results) => Ok(results),
            Outcome::Skipped { .. } => Err(Error::Damaged {
                key: layout::done(&self.plan.run, name, task),
                message: "a trial was skipped".to_owned(),
            }),
        }
    }
}

/// Mean and standard deviation (of a sample: divided by n - 1) of each metric of the validation rows that all folds have.
fn summaries(folds: &[Results]) -> BTreeMap<String, f64> {
    let count = folds.len() as f64;
    let names =
        folds.iter().flat_map(|fold| fold.metrics.keys()).filter(|name| name.starts_with("validation:"));
    let mut all = BTreeMap::new();
    for name in names {
        let values: Vec<f64> = folds.iter().filter_map(|fold| fold.metrics.get(name).copied()).collect();
        if values.len() < folds.len() || values.len() < 2 {
            continue;
        }
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
        all.insert(format!("{name}_mean"), mean);
        all.insert(format!("{name}_std"), (squares / (count - 1.0)).sqrt());
    }
    all
}
