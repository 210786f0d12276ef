//! How a step stands, as far as the steps after it are concerned.

use std::collections::BTreeMap;

use millstream_core::{
    artifact::Parts,
    completion::{Completion, Gathered, Outcome},
    layout,
    task::Task,
};
use millstream_plan::Step;

use super::{Error, Objects, Run};

/// How a step stands, as far as the steps after it are concerned.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Settled {
    /// Not done yet.
    Pending,
    /// Parts and figures by name; a list with an entry for each task.
    /// `skipped` are the tasks that had nothing to do.
    Done {
        outputs: BTreeMap<String, Vec<Parts>>,
        metrics: BTreeMap<String, Vec<Option<f64>>>,
        skipped: Vec<u32>,
    },
    /// Nothing to do.
    Skipped(String),
    /// It, or a step that it needs, has failed.
    Failed,
}

impl<O: Objects> Run<'_, O> {
    pub(super) fn settled(&self, name: &str, step: &Step) -> Result<Settled, Error<O::Error>> {
        let run = &self.plan.run;
        if step.is_single() {
            if let Some(completion) = self.read::<Completion>(&layout::done(run, name, 0))? {
                return Ok(match completion.outcome {
                    Outcome::Skipped { reason } => Settled::Skipped(reason),
                    Outcome::Done(results) => Settled::Done {
                        outputs: results
                            .outputs
                            .into_iter()
                            .map(|(name, parts)| (name, vec![parts]))
                            .collect(),
                        metrics: results.metrics.into_iter().map(|(name, x)| (name, vec![Some(x)])).collect(),
                        skipped: Vec::new(),
                    },
                });
            }
        } else if let Some(gathered) = self.read::<Gathered>(&layout::gathered(run, name))? {
            return Ok(match gathered {
                Gathered::Skipped { reason } => Settled::Skipped(reason),
                Gathered::Done { outputs, metrics, skipped, .. } => Settled::Done {
                    skipped,
                    outputs,
                    metrics: metrics
                        .into_iter()
                        .map(|(name, list)| (name, list.into_iter().map(|x| x.map(|x| x.0)).collect()))
                        .collect(),
                },
            });
        }
        if self.list(&layout::all_failed(run, Some(name)))?.is_empty() {
            return Ok(Settled::Pending);
        }
        // A task that was done after all. In a fanned-out step its failure counts until all are gathered: whoever has done it may
        // have died before it was counted, and its message is gone.
        if step.is_single() && self.completion(&Task { step: name.to_owned(), task: 0 })?.is_some() {
            return self.settled(name, step);
        }
        Ok(Settled::Failed)
    }

    /// The needs of a step, all settled, or none.
    pub(super) fn needs(&self, step: &Step) -> Result<Option<BTreeMap<String, Settled>>, Error<O::Error>> {
        let mut needs = BTreeMap::new();
        for name in &step.needs {
            match self.settled(name, self.step(name)?)? {
                Settled::Pending => return Ok(None),
                settled => needs.insert(name.clone(), settled),
            };
        }
        Ok(Some(needs))
    }

    /// Why the step was skipped as a whole; none if it was not, or is not settled.
    pub fn skipped(&self, name: &str) -> Result<Option<String>, Error<O::Error>> {
        match self.settled(name, self.step(name)?)? {
            Settled::Skipped(reason) => Ok(Some(reason)),
            _ => Ok(None),
        }
    }
}
