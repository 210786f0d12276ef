//! `millstream cancel`

use std::path::Path;

use millstream_control::runs;

use super::{End, find_run};
use crate::{overview::run_state, place::open_home};

pub fn cancel(home: &Path, run: &str) -> anyhow::Result<End> {
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
