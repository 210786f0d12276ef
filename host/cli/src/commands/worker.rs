//! `millstream worker`

use super::End;
use crate::{
    cli::{HomeArgs, Threads},
    drive,
    place::Place,
};

pub fn worker(home: &HomeArgs, threads: &Threads) -> anyhow::Result<End> {
    drive::serve(&Place::open(home, threads.workers)?, threads)?;
    // Ctrl-C is how a worker ends.
    Ok(End::Done)
}
