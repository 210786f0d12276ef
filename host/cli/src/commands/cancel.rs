//! `millstream cancel`

use millstream_control::runs;

use super::{End, find_run};
use crate::{cli::HomeArgs, overview::run_state, place::open_home};

pub fn cancel(home: &HomeArgs, run: &str) -> anyhow::Result<End> {
    let home = open_home(home)?;
    let plan = find_run(&home, run)?;
    let before = runs::cancel(&home, &plan)?;
    if before.has_ended() {
        tell!("Run {} has {} already; nothing to cancel", plan.run, run_state(before));
    } else {
        tell!("Cancelled {}; take it up again with `millstream retry {}`", plan.run, plan.run);
    }
    Ok(End::Done)
}
