//! `millstream cancel`

use millstream_control::runs;
use serde_json::json;

use super::{End, find_run, print_json};
use crate::{cli::HomeArgs, overview::run_state, place::open_home};

pub fn cancel(home: &HomeArgs, run: &str, as_json: bool) -> anyhow::Result<End> {
    let home = open_home(home)?;
    let plan = find_run(&home, run)?;
    let before = runs::cancel(&home, &plan)?;
    if as_json {
        print_json(&json!({"run": plan.run, "was": run_state(before), "cancelled": !before.has_ended()}))?;
    } else if before.has_ended() {
        tell!("Run {} has {} already; nothing to cancel", plan.run, run_state(before));
    } else {
        tell!("Cancelled {}; `millstream retry {}` continues it", plan.run, plan.run);
    }
    Ok(End::Done)
}
