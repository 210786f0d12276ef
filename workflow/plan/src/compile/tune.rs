//! `tune:` against the function whose parameters are searched.

use indexmap::IndexMap;
use millstream_core::{
    manifest::{Direction, Manifest},
    nearest, number,
    round::MOST_TASKS,
};
use millstream_language::{
    model::{Scale, Search, SearchRange, SearchValues, Step, Tune},
    parameters,
    tuning::{self, Axis, Objective, SearchAxis, Strategy, Tuning},
};
use serde_json::{Map, Value};

use super::Compiler;

impl Compiler<'_> {
    /// The search of a step; none without one, or after a report. A step that is measured in folds (`folded`) and searches nothing
    /// has one trial.
    pub(super) fn tune(
        &mut self,
        name: &str,
        step: &Step,
        manifest: Option<&Manifest>,
        folded: bool,
    ) -> Option<Tuning> {
        let Some(tune) = step.tune.as_ref() else { return folded.then(one_trial) };
        let base = ["steps", name, "tune"];
        for (key, is_set) in [("matrix", step.matrix.is_some()), ("for-each", step.for_each.is_some())] {
            if is_set {
                let message = format!("`tune` together with `{key}` is not built yet");
                self.refuse_key(&["steps", name, key], message, "write a step for each search".to_owned());
            }
        }
        if tune.early_stopping.is_some() {
            let message = "`early-stopping` is not built yet";
            self.refuse_key(&["steps", name, "tune", "early-stopping"], message, "leave it out".to_owned());
        }
        let strategy = self.strategy(name, &tune.strategy);
        let manifest = manifest?;
        let objective = self.objective(name, &tune.objective, manifest, folded);
        if tune.search.is_empty() {
            let help = "add parameters to try, such as `eta: { range: [0.01, 0.3], scale: log }`".to_owned();
            self.refuse(&["steps", name, "tune", "search"], "there is nothing to search", help);
        }
        let mut search = IndexMap::new();
        for (parameter, values) in &tune.search {
            if let Some(axis) = self.axis(name, step, parameter, values, manifest)
                && let Some(when) = self.when(name, parameter, values, &search)
            {
                search.insert(parameter.clone(), SearchAxis { axis, when });
            }
        }
        let resource = self.resource(name, step, tune, manifest);
        if tune.warm_start.is_some() && !matches!(strategy, None | Some(Strategy::Bayesian)) {
            let message = format!("`{}` learns nothing from earlier trials", tune.strategy);
            let help = "leave it out, or write `strategy: bayesian`".to_owned();
            self.refuse_key(&["steps", name, "tune", "warm-start"], message, help);
        }
        if tune.target.is_some_and(|target| !target.is_finite()) {
            self.refuse(&["steps", name, "tune", "target"], "the target is a finite number", None);
        }
        let is_whole = !search.is_empty() && search.len() == tune.search.len();
        let mut tuning = Tuning {
            strategy: strategy?,
            objective: objective?,
            max_jobs: 1,
            max_parallel: tune.max_parallel.0,
            target: tune.target,
            max_time: tune.max_time.map(|time| time.0),
            search,
            try_first: tune.try_first.clone(),
            resource: resource?,
            warm_start: tune.warm_start.clone(),
            known: Vec::new(),
            folds: None,
        };
        if !is_whole || !self.try_first(name, &tuning) {
            return None;
        }
        tuning.max_jobs = self.jobs(&base, tune, &tuning)?;
        Some(tuning)
    }

    fn strategy(&mut self, name: &str, strategy: &str) -> Option<Strategy> {
        let path = ["steps", name, "tune", "strategy"];
        let found = Strategy::ALL.into_iter().find(|known| known.name() == strategy);
        if found.is_none() {
            let help = nearest::or_all(strategy, Strategy::ALL.map(Strategy::name), "strategies");
            self.refuse(&path, format!("there is no strategy `{strategy}`"), help);
        }
        found
    }

    fn objective(&mut self, name: &str, text: &str, manifest: &Manifest, folded: bool) -> Option<Objective> {
        let path = ["steps", name, "tune", "objective"];
        let (direction, metric) = match text.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["maximize", metric] => (Direction::Maximize, *metric),
            ["minimize", metric] => (Direction::Minimize, *metric),
            _ => {
                let help = "write `maximize METRIC` or `minimize METRIC`".to_owned();
                self.refuse(&path, format!("`{text}` is no objective"), help);
                return None;
            }
        };
        // In folds it is the mean, whether that is said or not.
        let metric = metric.strip_suffix("_mean").filter(|_| folded).unwrap_or(metric);
        let Some(known) = manifest.metrics.iter().find(|known| known.name == metric) else {
            let names = manifest.metrics.iter().map(|metric| metric.name.as_str());
            let help = nearest::or_all(metric, names, "metrics");
            self.refuse(&path, format!("`{}` has no metric `{metric}`", manifest.name), help);
            return None;
        };
        if known.direction != Direction::Neither && known.direction != direction {
            let (better, right) = match known.direction {
                Direction::Minimize => ("less", "minimize"),
                _ => ("more", "maximize"),
            };
            let help = format!("write `{right} {metric}`");
            self.refuse(&path, format!("of `{metric}`, {better} is better"), help);
            return None;
        }
        Some(Objective { direction, metric: metric.to_owned() })
    }

    /// How many trials there are.
    fn jobs(&mut self, base: &[&str; 3], tune: &Tune, tuning: &Tuning) -> Option<u32> {
        let path: Vec<&str> = base.iter().copied().chain(["max-jobs"]).collect();
        if tune.max_jobs.is_some_and(|jobs| !(1..=MOST_TASKS).contains(&jobs)) {
            self.refuse(&path, format!("`max-jobs` is from 1 to {MOST_TASKS}"), None);
            return None;
        }
        match (tuning.strategy, tuning.grid()) {
            (Strategy::Random | Strategy::Bayesian | Strategy::Hyperband, _) => {
                if tune.max_jobs.is_none() {
                    let help = "add `max-jobs`, such as 20".to_owned();
                    self.refuse_key(base, "nothing says how many points are to be drawn", help);
                }
                tune.max_jobs
            }
            (Strategy::Grid, Some(points)) if points <= MOST_TASKS => {
                if let Some(jobs) = tune.max_jobs.filter(|jobs| *jobs < points) {
                    let help = "search less, or leave `max-jobs` out".to_owned();
                    self.refuse(
                        &path,
                        format!("the grid has {points} points, which is more than {jobs}"),
                        help,
                    );
                }
                Some(points)
            }
            (Strategy::Grid, grid) => {
                let endless = tuning.search.iter().find(|(_, dimension)| dimension.axis.values().is_none());
                match endless {
                    Some((parameter, _)) if grid.is_none() => {
                        let path: Vec<&str> = base.iter().copied().chain(["search", parameter]).collect();
                        let help = "add `steps`, the number of values to try, or list the values".to_owned();
                        self.refuse(&path, "a grid has no end of values here", help);
                    }
                    _ => {
                        let path: Vec<&str> = base.iter().copied().chain(["search"]).collect();
                        self.refuse(&path, format!("the grid has more than {MOST_TASKS} points"), None);
                    }
                }
                None
            }
        }
    }

    /// What is tried of one parameter; none after a report.
    fn axis(
        &mut self,
        name: &str,
        step: &Step,
        parameter: &str,
        search: &Search,
        manifest: &Manifest,
    ) -> Option<Axis> {
        let path = ["steps", name, "tune", "search", parameter];
        let schema = &manifest.parameters;
        if schema.get("properties").and_then(|all| all.get(parameter)).is_none() {
            let known = schema.get("properties").and_then(Value::as_object);
            let known = known.into_iter().flat_map(Map::keys).map(String::as_str);
            let help = nearest::or_all(parameter, known, "parameters");
            self.refuse_key(
                &path,
                format!("there is no parameter `{parameter}` (of `{}`)", manifest.name),
                help,
            );
            return None;
        }
        if step.with.contains_key(parameter) {
            let message = format!("`{parameter}` is set by `with` and searched by `tune`");
            self.refuse_key(&path, message, "leave one of them out".to_owned());
            return None;
        }
        let axis = match search {
            Search::Values(values) | Search::Conditional(SearchValues { values, .. })
                if values.is_empty() =>
            {
                Err("there are no values to try".to_owned())
            }
            Search::Values(values) | Search::Conditional(SearchValues { values, .. })
                if values.iter().any(|value| value.to_string().contains("${{")) =>
            {
                Err("an expression can't be searched: the values are fixed before the run".to_owned())
            }
            Search::Values(values) | Search::Conditional(SearchValues { values, .. }) => {
                Ok(Axis::Values(values.clone()))
            }
            Search::Range(range) => within(range, parameters::takes_integers(schema, parameter)),
        };
        let axis = match axis {
            Ok(axis) => axis,
            Err(message) => {
                self.refuse(&path, message, None);
                return None;
            }
        };
        for value in axis.ends() {
            let params = Map::from_iter([(parameter.to_owned(), value)]);
            let problems = parameters::problems(schema, &params, &[]);
            let of_it =
                |problem: &parameters::Problem| problem.path.first().is_some_and(|first| first == parameter);
            if let Some(problem) = problems.into_iter().find(of_it) {
                self.refuse(&path, format!("{} (of `{}`)", problem.message, manifest.name), problem.help);
                return None;
            }
        }
        Some(axis)
    }
}

/// What a step does that is measured in folds and searches nothing.
fn one_trial() -> Tuning {
    Tuning {
        strategy: Strategy::Grid,
        objective: Objective { direction: Direction::Neither, metric: String::new() },
        max_jobs: 1,
        max_parallel: 1,
        target: None,
        max_time: None,
        search: IndexMap::new(),
        try_first: Vec::new(),
        resource: None,
        warm_start: None,
        known: Vec::new(),
        folds: None,
    }
}

/// The axis of a range.
fn within(range: &SearchRange, integers: bool) -> Result<Axis, String> {
    let [low, high] = range.range;
    let log = range.scale == Scale::Log;
    if !(low.is_finite() && high.is_finite() && low < high) {
        return Err(format!("a range goes from a number to a greater one, not from {low} to {high}"));
    }
    if log && low <= 0.0 {
        return Err(format!("on a log scale a range begins above 0, not at {low}"));
    }
    let axis = if integers {
        let whole = |end: f64| number::whole_of(end).and_then(|whole| i64::try_from(whole).ok());
        let (Some(low), Some(high)) = (whole(low), whole(high)) else {
            return Err(format!(
                "the parameter takes whole numbers, and a range of them does not go from {low} to {high}"
            ));
        };
        Axis::Integers { low, high, log }
    } else {
        Axis::Numbers { low, high, log }
    };
    let Some(steps) = range.steps else { return Ok(axis) };
    if !(2..=1_000).contains(&steps) {
        return Err("`steps` is from 2 to 1000".to_owned());
    }
    let at = |step: u32| {
        let value = tuning::between(low, high, log, f64::from(step) / f64::from(steps - 1));
        tuning::number(if integers { value.round() } else { value })
    };
    let mut values: Vec<Value> = (0..steps).map(at).collect();
    // Few whole numbers lie close together at the low end of a log scale.
    values.dedup();
    Ok(Axis::Values(values))
}
