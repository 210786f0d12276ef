//! `millstream worker`

use std::path::Path;

use super::End;
use crate::{cli::Threads, drive, place::Place};

pub fn worker(home: &Path, threads: &Threads) -> anyhow::Result<End> {
    drive::serve(&Place::open(home, threads.workers)?, threads)?;
    // Ctrl-C is how a worker ends.
    Ok(End::Done)
}
