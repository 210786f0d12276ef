//! `millstream cancel`

use millstream_control::runs;
use serde_json::json;

use super::{End, find_run, print_json};
use crate::{cli::HomeArgs, place::open_home};

pub fn cancel(home: &HomeArgs, run: &str, as_json: bool) -> anyhow::Result<End> {
    let home = open_home(home)?;
    let plan = find_run(&home, run)?;
    let before = runs::cancel(&home, &plan)?;
    if as_json {
        print_json(&json!({"run": plan.run, "was": before.name(), "cancelled": !before.has_ended()}))?;
    } else if before.has_ended() {
        tell!("Run {} has {} already; nothing to cancel", plan.run, before.name());
    } else {
        tell!("Cancelled {}; `millstream retry {}` continues it", plan.run, plan.run);
    }
    Ok(End::Done)
}
