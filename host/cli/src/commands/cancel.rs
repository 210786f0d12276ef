//! `millstream cancel`

use std::path::Path;

use millstream_worker::{Records, runs};
use millstream_workflow::state::Run;

use super::{End, find_run};
use crate::{overview::run_state, place::open_home};

pub fn cancel(home: &Path, run: &str) -> anyhow::Result<End> {
    let home = open_home(home)?;
    let plan = find_run(&home, run)?;
    let records = Records::new(home.store().clone());
    let run = Run::new(&plan, &records);
    let state = run.progress()?.state;
    if state.has_ended() {
        tell!("Run {} has {} already; nothing to cancel", plan.run, run_state(state));
        return Ok(End::Done);
    }
    runs::cancel(&home, &plan)?;
    tell!("Cancelled {}; take it up again with `millstream retry {}`", plan.run, plan.run);
    Ok(End::Done)
}
