//! The runs that triggers have started and that have not ended, as `concurrency` counts them.

use millstream_control::runs;
use millstream_core::{artifact::Digest, layout};
use millstream_language::triggers::Concurrency;
use millstream_state::Run;
use millstream_store::{ErrorKind, PutOptions};
use millstream_worker::Records;

use crate::{
    Error,
    accept::Inner,
    concurrency::{Admission, Running},
    records::{self, Starting},
};

impl Inner {
    /// The rule of a workflow's newest version.
    pub fn rule(&self, workflow: &str) -> Result<Option<Concurrency>, Error> {
        let all = self.catalog.all(&self.home)?;
        Ok(all.iter().find(|loaded| loaded.name() == workflow).and_then(|loaded| loaded.concurrency))
    }

    pub fn admitted(&self, workflow: &str, run: &str, event: Digest) -> Result<Admission, Error> {
        let go = Ok(Admission::Start { cancel: Vec::new() });
        let Some(rule) = self.rule(workflow)? else { return go };
        // It has begun: whoever started it died before that was written down, and it may have ended since.
        if Records::new(self.home.store().clone()).plan(run)?.is_some() {
            return go;
        }
        let key = layout::triggers_running(workflow);
        let full = records::read::<Running>(self.store(), &key)?.is_some_and(|runs| {
            runs.running.len() >= rule.limit as usize && !runs.running.iter().any(|one| one == run)
        });
        if full {
            // Somebody may have ended without telling.
            self.prune(workflow)?;
        }
        records::update(self.store(), &key, |runs: &mut Running| runs.admit(run, event, rule))
    }

    pub fn cancel(&self, workflow: &str, cancel: &[String]) -> Result<(), Error> {
        if cancel.is_empty() {
            return Ok(());
        }
        let records = Records::new(self.home.store().clone());
        for run in cancel {
            match records.plan(run)? {
                Some(plan) => drop(runs::cancel(&self.home, &plan)?),
                // It has not begun: as soon as it does, it is cancelled.
                None => match self.store().put(&layout::cancel(run), b"", &PutOptions::absent()) {
                    Err(error) if error.kind() != ErrorKind::PreconditionFailed => return Err(error.into()),
                    _ => {}
                },
            }
        }
        let key = layout::triggers_running(workflow);
        records::update(self.store(), &key, |runs: &mut Running| runs.cancelled(cancel))
    }

    /// A run will never start, or has ended.
    pub fn release(&self, workflow: &str, run: &str) -> Result<(), Error> {
        let key = layout::triggers_running(workflow);
        if records::read::<Running>(self.store(), &key)?.is_none() {
            return Ok(());
        }
        records::update(self.store(), &key, |runs: &mut Running| runs.release(|one| one == run))
    }

    /// Lets go of runs that have ended without telling: their process was killed, or they were cancelled.
    pub fn prune(&self, workflow: &str) -> Result<(), Error> {
        let key = layout::triggers_running(workflow);
        let Some(now) = records::read::<Running>(self.store(), &key)? else { return Ok(()) };
        let mut ended = Vec::new();
        for run in &now.running {
            if self.has_ended(workflow, run)? {
                ended.push(run.clone());
            }
        }
        if ended.is_empty() {
            return Ok(());
        }
        records::update(self.store(), &key, |runs: &mut Running| {
            runs.release(|one| ended.iter().any(|run| run == one));
        })
    }

    fn has_ended(&self, workflow: &str, run: &str) -> Result<bool, Error> {
        let records = Records::new(self.home.store().clone());
        match records.plan(run)? {
            Some(plan) => Ok(Run::new(&plan, &records).progress()?.state.has_ended()),
            // About to start; or somebody has removed it.
            None => {
                let prefix = format!("{}{workflow}/", layout::EVENTS_STARTING);
                for entry in millstream_store::entries(self.store(), &prefix) {
                    let starting: Option<Starting> = records::read(self.store(), &entry?.key)?;
                    if starting.is_some_and(|starting| starting.run == run) {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
        }
    }
}
