//! Searches that begin with what an earlier one has found: its trials are taken into the plan when the run starts.

use millstream_core::completion::Figure;
use millstream_language::tuning::{Observation, Tuning};
use millstream_plan::{FanOut, Plan};
use millstream_state::Run;
use millstream_worker::{Home, Records};

use crate::runs::{Error, find};

/// Fills in what the searches of `plan` are to know of earlier ones.
///
/// # Errors
/// There is no such run, or it has no trial that was measured by the same metric.
pub(crate) fn take_in(home: &Home, plan: &mut Plan) -> Result<(), Error> {
    for (name, step) in plan.steps.iter_mut().filter(|(_, step)| !step.adopted) {
        if let FanOut::Trials(tuning) = &mut step.fan_out
            && let Some(from) = tuning.warm_start.clone()
        {
            tuning.known = trials(home, &from, name, tuning)?;
        }
    }
    Ok(())
}

fn trials(home: &Home, from: &str, name: &str, tuning: &Tuning) -> Result<Vec<Observation>, Error> {
    let (run, step) = from.split_once('/').unwrap_or((from, name));
    let earlier = find(home, run)?;
    let refuse = |why: String| Error::WarmStart { step: name.to_owned(), from: from.to_owned(), why };
    let Some(found) = earlier.steps.get(step) else {
        return Err(refuse(format!("run {} has no step `{step}`", earlier.run)));
    };
    let FanOut::Trials(before) = &found.fan_out else {
        return Err(refuse(format!("step `{step}` of run {} is no search", earlier.run)));
    };
    if before.objective != tuning.objective {
        return Err(refuse(format!(
            "step `{step}` of run {} goes by `{}`, this one by `{}`",
            earlier.run, before.objective.metric, tuning.objective.metric
        )));
    }
    let tried = Run::new(&earlier, &Records::new(home.store().clone())).trials(step)?;
    let measured = tried
        .into_iter()
        .filter_map(|trial| Some(Observation { score: Some(Figure(trial.score?)), point: trial.point }));
    // What it had learnt itself counts as well, so that searches can follow one another.
    let all: Vec<Observation> = before.known.iter().cloned().chain(measured).collect();
    if all.is_empty() {
        return Err(refuse(format!("step `{step}` of run {} has no trial that was measured", earlier.run)));
    }
    Ok(all)
}
