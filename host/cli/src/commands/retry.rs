//! `millstream retry`

use millstream_control::runs;

use super::{End, find_run};
use crate::{
    cli::{HomeArgs, Work},
    commands::run,
    place::Place,
};

pub fn retry(home: &HomeArgs, name: &str, work: &Work) -> anyhow::Result<End> {
    let place = Place::open(home, work.threads.workers)?;
    let plan = find_run(&place.home, name)?;
    if !runs::retry(&place.home, &plan)? {
        tell!("Run {} has succeeded; there is nothing to retry", plan.run);
        return Ok(End::Done);
    }
    run::go(home, &place, &plan, work)
}
