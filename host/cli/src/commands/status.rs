//! `millstream status`

use console::style;

use millstream_plan::Plan;
use millstream_worker::{
    Home,
    presence::{is_served, workers},
};

use super::{End, find_run, print, print_json};
use crate::{
    cli::HomeArgs,
    display::{self, foreign, text},
    overview::{INTERRUPTED, Overview, State},
    place::open_home,
};

/// Finds steps that wait for a pool that has no worker.
fn find_unserved(home: &Home, plan: &Plan, overview: &mut Overview) -> anyhow::Result<()> {
    if !matches!(overview.state, "running" | INTERRUPTED)
        || plan.steps.values().all(|step| step.pool.is_none())
    {
        return Ok(());
    }
    let there = workers(home)?;
    for step in overview.steps.iter_mut().filter(|step| matches!(step.state, State::Waiting | State::Running))
    {
        let Some(pool) = plan.steps.get(&step.step).and_then(|step| step.pool.as_ref()) else { continue };
        if !is_served(home, &there, pool)? {
            step.unserved_pool = Some(pool.clone());
        }
    }
    Ok(())
}

pub fn status(home: &HomeArgs, run: &str, json: bool) -> anyhow::Result<End> {
    let home = open_home(home)?;
    let plan = find_run(&home, run)?;
    let mut overview = Overview::read(&home, &plan)?;
    find_unserved(&home, &plan, &mut overview)?;
    if json {
        print_json(&overview)?;
        return Ok(End::Done);
    }
    let head = format!(
        "{} {}{}, started {}, {}\n\n",
        style(&overview.run).bold(),
        plan.version.map(|_| format!("of {}, ", plan.workflow_version())).unwrap_or_default(),
        overview.state,
        text::moment(overview.created),
        text::duration(overview.milliseconds),
    );
    let by = match &plan.trigger {
        Some(by) => format!(
            "Started by {}: event {} of {}\n\n",
            by.name,
            foreign::line(&by.event.id),
            foreign::line(&by.event.source)
        ),
        None => String::new(),
    };
    print(&(head + &by + &display::steps(&overview)))?;
    let mut pools: Vec<&str> =
        overview.steps.iter().filter_map(|step| step.unserved_pool.as_deref()).collect();
    pools.sort_unstable();
    pools.dedup();
    for pool in pools {
        tell!("\nNobody does the tasks of pool `{pool}`: start `millstream worker --pool {pool}`");
    }
    let hint = match overview.state {
        "failed" | "cancelled" | INTERRUPTED => "retry",
        "running" => "logs --follow",
        _ => return Ok(End::Done),
    };
    tell!("\nNext: `millstream {hint} {}`", overview.run);
    Ok(End::Done)
}
