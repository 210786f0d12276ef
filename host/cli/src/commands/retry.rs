//! `millstream retry`

use std::path::Path;

use millstream_worker::{Records, runs};
use millstream_workflow::state::{Run, RunState};

use super::{End, find_run};
use crate::{cli::Work, commands::run, place::Place};

pub fn retry(home: &Path, name: &str, work: &Work) -> anyhow::Result<End> {
    let place = Place::open(home, work.threads.workers)?;
    let plan = find_run(&place.home, name)?;
    let records = Records::new(place.home.store().clone());
    if Run::new(&plan, &records).progress()?.state == RunState::Succeeded {
        tell!("Run {} has succeeded; there is nothing to retry", plan.run);
        return Ok(End::Done);
    }
    runs::retry(&place.home, &plan)?;
    run::go(&place, &plan, work)
}
