//! `millstream runs`

use millstream_control::runs;
use millstream_state::{Run, RunState};
use millstream_worker::Records;
use serde_json::{Value, json};

use super::{End, print, print_json};
use crate::{
    cli::HomeArgs,
    display::text,
    overview::{INTERRUPTED, shown_state},
    place::open_home,
};

pub fn runs(home: &HomeArgs, limit: usize, as_json: bool) -> anyhow::Result<End> {
    let home = open_home(home)?;
    let records = Records::new(home.store().clone());
    let names = runs::names(&home)?;
    let mut end = End::Done;
    let mut rows = vec![["RUN", "WORKFLOW", "STATE", "STEPS", "STARTED", "BY"].map(str::to_owned).to_vec()];
    let mut documents: Vec<Value> = Vec::new();
    for name in names.iter().rev().take(limit) {
        // One that is being removed.
        let read = records.plan(name).and_then(|plan| match plan {
            Some(plan) => Run::new(&plan, &records).progress().map(|progress| Some((plan, progress))),
            None => Ok(None),
        });
        let (plan, progress) = match read {
            Ok(Some(read)) => read,
            Ok(None) => continue,
            // A damaged record does not hide the other runs.
            Err(error) => {
                let red = console::style("error:").for_stderr().red().bold();
                tell!("{red} run {name}: {error}");
                end = End::Failed;
                continue;
            }
        };
        let settled = progress.steps.values().filter(|step| step.settled).count();
        let state = shown_state(&home, name, progress.state)?;
        documents.push(json!({
            "run": name, "workflow": plan.workflow, "version": plan.version, "state": state, "created": plan.created, "trigger": plan.trigger,
            "settled": settled, "steps": plan.steps.len(),
        }));
        let colored = match progress.state {
            RunState::Succeeded => console::style(state).green(),
            RunState::Running if state == INTERRUPTED => console::style(state).yellow(),
            RunState::Running => console::style(state).cyan(),
            RunState::Failed | RunState::Cancelled => console::style(state).red(),
        };
        let steps = format!("{settled}/{}", plan.steps.len());
        rows.push(vec![
            name.clone(),
            plan.workflow_version(),
            colored.to_string(),
            steps,
            text::moment(plan.created),
            plan.started_by().to_owned(),
        ]);
    }
    if as_json {
        print_json(&documents)?;
    } else if documents.is_empty() && end == End::Done {
        tell!("There is no run in {} yet: start one with `millstream run FILE`", home.location());
    } else if !documents.is_empty() {
        print(&text::table(&rows))?;
        if names.len() > limit {
            tell!("{} more; see them with -n {}", names.len() - limit, names.len());
        }
    }
    Ok(end)
}
