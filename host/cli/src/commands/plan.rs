//! `millstream plan`

use std::path::Path;

use millstream_aws_stack::{Estimate, MeasuredStep, StackSettings, estimate};
use millstream_control::runs;
use millstream_core::{completion::Completion, layout};
use millstream_plan::{Plan, compile};
use millstream_state::Objects as _;
use millstream_worker::{Home, Records};
use serde_json::json;

use super::{End, Usage, find_run, print, print_json, run, validate::pools_of};
use crate::{
    cli::{HomeArgs, PlanArgs},
    display::text,
    place::Place,
};

pub fn plan(home: &HomeArgs, args: &PlanArgs) -> anyhow::Result<End> {
    let on = home.on.as_deref();
    let on = on.ok_or_else(|| Usage("say where it shall run: `--on aws`".to_owned()))?;
    // Measured here, whatever home the run will have.
    let here = HomeArgs { on: None, ..home.clone() };
    let place = Place::open(&here, None)?;
    let file = args.file.to_string_lossy();
    let text = run::read(&args.file)?;
    place.prepare(&text)?;
    let checked = match compile::check(&file, &text, place.functions.as_ref()) {
        Ok(checked) => checked,
        Err(diagnostics) => return run::refused(&diagnostics),
    };
    let pools = pools_of(home, on)?;
    let unfit = millstream_plan::lambda::unfit(&checked, &pools);
    if !unfit.is_empty() {
        return run::refused(&checked.refused(unfit));
    }
    let measured = match &args.run {
        Some(name) => find_run(&place.home, name)?,
        None => newest(&place.home, &checked.workflow.name, &args.file)?,
    };
    let steps = steps(&place.home, &measured)?;
    let settings = super::aws::settings(args.settings.as_deref())?;
    let estimate = estimate(&steps, &settings, &pools)
        .map_err(|unfit| Usage(format!("the run {} cannot be done on Lambda: {unfit}", measured.run)))?;
    if args.output.json {
        print_json(
            &json!({"workflow": measured.workflow, "measured-run": measured.run, "estimate": estimate}),
        )?;
        return Ok(End::Done);
    }
    print(&told(&measured, &estimate, &settings))?;
    Ok(End::Done)
}

/// The newest run of the workflow in this home.
fn newest(home: &Home, workflow: &str, file: &Path) -> anyhow::Result<Plan> {
    match runs::newest(home, workflow)? {
        Some(run) => find_run(home, &run),
        None => Err(Usage(format!(
            "no run of `{workflow}` was measured here: run it once, on a part of the data if need be (`millstream run {}`), then ask again",
            file.display()
        ))
        .into()),
    }
}

/// How long the tasks of a run took; of those that came from the cache, how long they took when they ran.
fn steps(home: &Home, plan: &Plan) -> anyhow::Result<Vec<MeasuredStep>> {
    let records = Records::new(home.store().clone());
    let read = |key: &str| -> anyhow::Result<Option<Completion>> {
        let Some(bytes) = records.get(key)? else { return Ok(None) };
        Ok(Some(serde_json::from_slice(&bytes)?))
    };
    let mut steps = Vec::new();
    for (name, step) in &plan.steps {
        let mut tasks = Vec::new();
        for key in records.list(&layout::all_done(&plan.run, Some(name)))? {
            let Some(mut done) = read(&key)? else { continue };
            if let Some(origin) = &done.cached_from
                && let Some(ran) = read(&layout::done(&origin.run, &origin.step, origin.task))?
            {
                done = ran;
            }
            if done.attempt > 0 {
                tasks.push(done.finished.saturating_sub(done.started) as f64);
            }
        }
        steps.push(MeasuredStep {
            name: name.clone(),
            needs: step.needs.clone(),
            tasks,
            pool: step.pool.clone(),
            memory: step.limits.memory,
        });
    }
    Ok(steps)
}

fn told(measured: &Plan, estimate: &Estimate, settings: &StackSettings) -> String {
    let head = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let seconds = |seconds: f64| text::duration((seconds * 1e3) as u64);
    let usd = |usd: f64| format!("{usd:.6} USD");
    let mut rows = vec![head(&["step", "pool", "tasks", "time", "cost"])];
    for step in &estimate.steps {
        let (time, cost) = (seconds(step.seconds), usd(step.usd));
        rows.push(vec![step.name.clone(), step.pool.clone(), step.tasks.to_string(), time, cost]);
    }
    let mut shown =
        format!("{} by the times of {}\n\n{}\n", measured.workflow, measured.run, text::table(&rows));
    let mut rows = vec![head(&["on", "time", "cost"])];
    for way in std::iter::once(&estimate.lambda).chain(&estimate.sagemaker) {
        rows.push(vec![way.on.clone(), seconds(way.seconds), usd(way.usd)]);
    }
    shown += &text::table(&rows);
    shown += "\nThis assumes:\n";
    for assumption in &estimate.assumptions {
        shown += &format!("- {assumption}\n");
    }
    shown +=
        &format!("- an invocation has at most {} s, on {}\n", settings.timeout, settings.architecture.name());
    shown
}
