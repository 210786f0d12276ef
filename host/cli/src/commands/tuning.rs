//! `millstream tuning`

use std::collections::BTreeMap;

use console::style;
use millstream_core::{
    completion::{Completion, Figure, Gathered},
    layout,
    manifest::Direction,
};
use millstream_language::tuning::TrialFolds;
use millstream_plan::{FanOut, Plan, Step};
use millstream_state::{Objects as _, Run, SearchTrial};
use millstream_worker::{Home, Records};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{End, Usage, check_step, find_run, print, print_json};
use crate::{
    cli::HomeArgs,
    display::{foreign, table::table, text},
    place::open_home,
};

/// The trials of one step.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Search {
    run: String,
    step: String,
    strategy: &'static str,
    /// `maximize METRIC` or `minimize METRIC`; none if nothing is searched.
    objective: Option<String>,
    /// How many folds each trial is measured in, repetitions included.
    folds: Option<u32>,
    /// Mean and deviation over the folds of the best trial, by metric; empty before the end, or without folds.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    measured: BTreeMap<String, FoldFigures>,
    /// Trials of an earlier search that it began with.
    known: usize,
    /// The best first, then those that measured nothing or have not ended.
    trials: Vec<TrialRow>,
}

/// A metric over folds.
#[derive(Debug, Serialize)]
struct FoldFigures {
    mean: Figure,
    /// Of a sample: divided by n - 1.
    std: Figure,
}

/// One trial.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct TrialRow {
    /// Its number, from 0, in the order in which they were made.
    trial: usize,
    /// The tasks that it has: one, or one for each fold.
    tasks: Vec<u32>,
    objective: Option<Figure>,
    params: Map<String, Value>,
    /// Time that its tasks took together; less than what they would take if some came from the cache.
    milliseconds: u64,
    /// Every one of its tasks is done.
    done: bool,
}

pub fn tuning(home: &HomeArgs, run: &str, step: Option<&str>, json: bool) -> anyhow::Result<End> {
    let home = open_home(home)?;
    let plan = find_run(&home, run)?;
    if let Some(step) = step {
        check_step(&plan, step)?;
    }
    let is_asked = |name: &String| step.is_none_or(|step| step == name);
    let mut searches = Vec::new();
    for (name, step) in plan.steps.iter().filter(|(name, _)| is_asked(name)) {
        if matches!(step.fan_out, FanOut::Trials(_)) {
            searches.push(search(&home, &plan, name, step)?);
        }
    }
    if searches.is_empty() {
        let message = match step {
            Some(step) => {
                format!("step `{step}` of run {} has neither `tune` nor `cross-validate`", plan.run)
            }
            None => format!("no step of run {} has `tune` or `cross-validate`", plan.run),
        };
        return Err(Usage(message).into());
    }
    if json {
        print_json(&searches)?;
        return Ok(End::Done);
    }
    for (place, search) in searches.iter().enumerate() {
        let gap = if place > 0 { "\n" } else { "" };
        print(&format!("{gap}{}", shown(search)))?;
    }
    Ok(End::Done)
}

fn search(home: &Home, plan: &Plan, name: &str, step: &Step) -> anyhow::Result<Search> {
    let FanOut::Trials(tuning) = &step.fan_out else { anyhow::bail!("step `{name}` is no search") };
    let records = Records::new(home.store().clone());
    let run = Run::new(plan, &records);
    let mut trials = Vec::new();
    for (trial, tried) in run.trials(name)?.into_iter().enumerate() {
        let mut done: Vec<Completion> = Vec::new();
        for task in tried.tasks.clone() {
            if let Some(bytes) = records.get(&layout::done(&plan.run, name, task))? {
                done.push(serde_json::from_slice(&bytes)?);
            }
        }
        trials.push(row(trial, tried, &done, !tuning.search.is_empty()));
    }
    trials.sort_by(|a, b| {
        let better = |a: &TrialRow, b: &TrialRow| match (a.objective, b.objective) {
            (Some(a), Some(b)) => tuning.objective.is_better(a.0, b.0),
            (a, b) => a.is_some() && b.is_none(),
        };
        better(b, a).cmp(&better(a, b))
    });
    let direction = match tuning.objective.direction {
        Direction::Minimize => "minimize",
        _ => "maximize",
    };
    Ok(Search {
        run: plan.run.clone(),
        step: name.to_owned(),
        strategy: tuning.strategy.name(),
        objective: (!tuning.search.is_empty()).then(|| {
            let mean = if tuning.folds.is_some() { "_mean" } else { "" };
            format!("{direction} {}{mean}", tuning.objective.metric)
        }),
        folds: tuning.folds.as_ref().map(TrialFolds::count),
        measured: measured(home, plan, name)?,
        known: tuning.known.len(),
        trials,
    })
}

/// What the step has of its folds.
fn measured(home: &Home, plan: &Plan, name: &str) -> anyhow::Result<BTreeMap<String, FoldFigures>> {
    let mut all = BTreeMap::new();
    let records = Records::new(home.store().clone());
    let Some(bytes) = records.get(&layout::gathered(&plan.run, name))? else { return Ok(all) };
    if let Gathered::Done { metrics, .. } = serde_json::from_slice(&bytes)? {
        let of = |name: String| metrics.get(&name).and_then(|list| *list.first()?);
        for metric in metrics.keys().filter_map(|name| name.strip_suffix("_mean")) {
            if let (Some(mean), Some(std)) = (of(format!("{metric}_mean")), of(format!("{metric}_std"))) {
                all.insert(metric.to_owned(), FoldFigures { mean, std });
            }
        }
    }
    Ok(all)
}

fn row(trial: usize, tried: SearchTrial, done: &[Completion], searches: bool) -> TrialRow {
    TrialRow {
        trial,
        done: done.len() == tried.tasks.len(),
        tasks: tried.tasks.collect(),
        objective: tried.score.filter(|_| searches).map(Figure),
        params: tried.point,
        milliseconds: done.iter().map(|done| done.finished.saturating_sub(done.started)).sum(),
    }
}

fn shown(search: &Search) -> String {
    let mut words: Vec<String> = search.folds.map(|folds| format!("{folds} folds")).into_iter().collect();
    if let Some(objective) = &search.objective {
        words.insert(0, format!("{}, {objective}", search.strategy));
    }
    let known = match search.known {
        0 => String::new(),
        known => format!(", begun with {known} earlier trials"),
    };
    let head = format!("{} {}: {}{known}\n\n", style(&search.run).bold(), search.step, words.join(", "));
    let mut measured = vec![["metric", "mean", "deviation"].map(str::to_owned).to_vec()];
    measured.extend(
        search
            .measured
            .iter()
            .map(|(name, found)| vec![name.clone(), text::figure(found.mean.0), text::figure(found.std.0)]),
    );
    let measured = if measured.len() > 1 { table(&measured) } else { String::new() };
    if search.objective.is_none() {
        return head + &measured;
    }
    let measured = if measured.is_empty() { measured } else { format!("\n{measured}") };
    let mut names: Vec<&String> = Vec::new();
    for name in search.trials.iter().flat_map(|trial| trial.params.keys()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let title = |text: &str| text.to_owned();
    let mut rows: Vec<Vec<String>> = vec![
        [title("trial"), title("objective"), title("time")]
            .into_iter()
            .chain(names.iter().map(|name| name.to_string()))
            .collect(),
    ];
    for trial in &search.trials {
        let objective = match (trial.objective, trial.done) {
            (Some(objective), _) => text::figure(objective.0),
            (None, true) => "not measured".to_owned(),
            (None, false) => "not ended".to_owned(),
        };
        let value = |name: &&String| match trial.params.get(*name) {
            Some(Value::String(text)) => foreign::cell(text).into_owned(),
            Some(other) => other.to_string(),
            None => "-".to_owned(),
        };
        let fixed = [trial.trial.to_string(), objective, text::duration(trial.milliseconds)];
        rows.push(fixed.into_iter().chain(names.iter().map(value)).collect());
    }
    head + &table(&rows) + &measured
}
