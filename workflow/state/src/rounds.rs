//! Rounds: tasks of a step that are not in the plan (see [`Round`]).

use std::collections::BTreeMap;

use millstream_core::{
    completion::{FailureRecord, Gathered, Outcome},
    failure::Failure,
    layout,
    manifest::Kind,
    round::{MOST_TASKS, Next, Round, shards_of},
    task::Task,
};
use millstream_language::{
    expr::{Template, fill},
    tuning::Tuning,
};
use millstream_plan::{FanOut, Step};

use super::{
    Error, Input, Objects, Run,
    decide::{bad_parameter, explain},
    fan_in::Ended,
    resolve::channel_inputs,
    values::{self, RunValues},
};

impl<O: Objects> Run<'_, O> {
    /// The rounds that a step has so far; none if all its tasks are in the plan.
    pub fn rounds(&self, name: &str) -> Result<Vec<Round>, Error<O::Error>> {
        let mut rounds = Vec::new();
        if self.step(name)?.count().is_none() {
            while let Some(round) = self.round(name, rounds.len() as u32)? {
                rounds.push(round);
            }
        }
        Ok(rounds)
    }

    /// The best of a step's trials; none if it is no search, or has not come to its end.
    pub fn best(&self, name: &str) -> Result<Option<u32>, Error<O::Error>> {
        Ok(match self.read::<Gathered>(&layout::gathered(&self.plan.run, name))? {
            Some(Gathered::Done { best, .. }) => best,
            _ => None,
        })
    }

    pub(super) fn round(&self, name: &str, number: u32) -> Result<Option<Round>, Error<O::Error>> {
        self.read(&layout::round(&self.plan.run, name, number))
    }

    /// The round that a task is in, and its number. A step whose tasks are all in the plan has one.
    pub(super) fn round_of(&self, task: &Task, step: &Step) -> Result<Option<(u32, Round)>, Error<O::Error>> {
        let found = match step.count() {
            Some(count) => Some((0, Round::only(count))),
            None => {
                let number = task.task / step.round_size();
                let found = self.round(&task.step, number)?.map(|round| (number, round));
                match found {
                    // The last round of trials may have been a short one, and what comes after it begins within its share.
                    Some((number, round)) if !round.contains(task.task) => {
                        self.round(&task.step, number + 1)?.map(|round| (number + 1, round))
                    }
                    found => found,
                }
            }
        };
        Ok(found.filter(|(_, round)| round.contains(task.task)))
    }

    /// The round that comes after `rounds`, `scores` being the objectives of the last one's trials. The needs of the step are settled.
    pub(super) fn next_round(
        &self,
        step: &Step,
        values: &RunValues<'_>,
        rounds: &[Round],
        scores: &[Option<f64>],
        elapsed: u64,
    ) -> Next {
        let only = |count: Result<u32, Failure>| match count {
            Ok(0) => Next::Finished,
            Ok(count) => Next::Round(Round::only(count)),
            Err(failure) => Next::Failed(failure),
        };
        match &step.fan_out {
            FanOut::Trials(tuning) => match search_seed(step, values) {
                Ok(seed) => tuning.next(seed, rounds, scores, elapsed),
                Err(failure) => Next::Failed(failure),
            },
            FanOut::Parts(text) if rounds.is_empty() => only(count_parts(text, values)),
            FanOut::SizedShards if rounds.is_empty() => {
                only(self.bytes_of_tables(step, values).map(shards_of))
            }
            _ => Next::Finished,
        }
    }

    /// All tasks of round `number` being done: makes the next one, or says what became of the step. None: there is no further
    /// round, and the step can be gathered.
    pub(super) fn after_round(
        &self,
        task: &Task,
        step: &Step,
        (number, round): (u32, &Round),
        now: u64,
    ) -> Result<Option<Ended>, Error<O::Error>> {
        if step.count().is_some() {
            return Ok(None);
        }
        if let Some(next) = self.round(&task.step, number + 1)? {
            // Its tasks were sent, unless whoever made it died before.
            let is_ours = next.made_by == Some(task.task);
            let tasks =
                if is_ours { self.unfinished(&task.step, next.first..next.end())? } else { Vec::new() };
            return Ok(Some(Ended::Round(tasks)));
        }
        let Some(needs) = self.needs(step)? else { return Ok(Some(Ended::Waiting)) };
        let values = RunValues::of_run(self.plan, &needs);
        let mut rounds = Vec::new();
        for earlier in 0..number {
            rounds.extend(self.round(&task.step, earlier)?);
        }
        rounds.push(round.clone());
        let scores = match &step.fan_out {
            FanOut::Trials(tuning) if !round.refit => self.scores(&task.step, tuning, round)?,
            _ => Vec::new(),
        };
        let elapsed = match &step.fan_out {
            FanOut::Trials(tuning) if tuning.max_time.is_some() => self.elapsed(&task.step, &rounds)?,
            _ => 0,
        };
        match self.next_round(step, &values, &rounds, &scores, elapsed) {
            Next::Finished => Ok(None),
            Next::Failed(failure) => {
                // No task of its own failed: the record stands behind the last of them.
                let (step, task) = (task.step.clone(), round.end());
                self.fail(&FailureRecord { step, task, failure, attempts: 0, at: now, blocked_by: None })?;
                Ok(Some(Ended::Settled))
            }
            Next::Round(next) => {
                let next = Round { made_by: Some(task.task), ..next };
                let key = layout::round(&self.plan.run, &task.step, number + 1);
                let next = self.create(&key, &next)?;
                let is_ours = next.made_by == Some(task.task);
                let tasks = if is_ours { next.first..next.end() } else { 0..0 };
                let of = |number| Task { step: task.step.clone(), task: number };
                Ok(Some(Ended::Round(tasks.map(of).collect())))
            }
        }
    }

    /// The objectives of the trials of a round.
    pub(super) fn scores(
        &self,
        name: &str,
        tuning: &Tuning,
        round: &Round,
    ) -> Result<Vec<Option<f64>>, Error<O::Error>> {
        let tasks: Vec<u32> = (round.first..round.end()).collect();
        let score = |tasks: &[u32]| {
            let of_tasks: Result<Vec<_>, _> = tasks.iter().map(|task| self.metrics(name, *task)).collect();
            Ok(tuning.score(&of_tasks?))
        };
        tasks.chunks(round.tasks_of_a_trial() as usize).map(score).collect()
    }

    /// The metrics of a task that was counted.
    pub(super) fn metrics(&self, name: &str, task: u32) -> Result<BTreeMap<String, f64>, Error<O::Error>> {
        Ok(match self.counted(name, task)?.outcome {
            Outcome::Done(results) => results.metrics,
            Outcome::Skipped { .. } => BTreeMap::new(),
        })
    }

    /// Milliseconds from the start of the first task of the first round to the end of the last one of the last: what the records
    /// say, so that all workers agree.
    fn elapsed(&self, name: &str, rounds: &[Round]) -> Result<u64, Error<O::Error>> {
        let (Some(first), Some(last)) = (rounds.first(), rounds.last()) else { return Ok(0) };
        let (mut start, mut end) = (u64::MAX, 0);
        for task in first.first..first.end() {
            start = start.min(self.counted(name, task)?.started);
        }
        for task in last.first..last.end() {
            end = end.max(self.counted(name, task)?.finished);
        }
        Ok(end.saturating_sub(start))
    }

    /// Bytes of all tables that go into a step.
    fn bytes_of_tables(&self, step: &Step, values: &RunValues<'_>) -> Result<u64, Failure> {
        let function = step.variants.first().and_then(|variant| self.plan.functions.get(&variant.uses));
        let is_table = |channel: &str| {
            function
                .and_then(|function| function.manifest.channel(channel))
                .is_some_and(|one| one.kind == Kind::Table)
        };
        let mut bytes = 0u64;
        for (channel, texts) in step.inputs.iter().filter(|(channel, _)| is_table(channel)) {
            for text in texts {
                let bad = |message| bad_parameter(channel, message);
                let template = Template::parse(text).map_err(|problem| bad(problem.message))?;
                let mut inputs = Vec::new();
                let value = template.eval(values).map_err(|error| bad(explain(error)))?;
                channel_inputs(value, &mut inputs).map_err(bad)?;
                for input in &inputs {
                    let parts = match input {
                        Input::Parts(parts) => Some(parts),
                        // What was not taken in is refused when a task is to read it.
                        Input::Source(source) => self.plan.source(source),
                    };
                    bytes += parts.iter().flat_map(|parts| &parts.parts).map(|part| part.size).sum::<u64>();
                }
            }
        }
        Ok(bytes)
    }
}

fn count_parts(text: &str, values: &RunValues<'_>) -> Result<u32, Failure> {
    let parts = values::parts(text, values).map_err(|error| bad_parameter("for-each", explain(error)))?;
    u32::try_from(parts.len())
        .ok()
        .filter(|count| *count <= MOST_TASKS)
        .ok_or_else(|| bad_parameter("for-each", format!("{} parts are more than {MOST_TASKS}", parts.len())))
}

/// What a search draws its points by: the seed of its step.
fn search_seed(step: &Step, values: &RunValues<'_>) -> Result<u64, Failure> {
    let seed = fill(&step.seed, values).map_err(|error| bad_parameter("seed", explain(error)))?;
    millstream_plan::seed(&seed)
        .ok_or_else(|| bad_parameter("seed", format!("{seed} is no whole number from 0 to {}", u64::MAX)))
}
