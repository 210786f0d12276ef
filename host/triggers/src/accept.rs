//! From an event to a run, once.
//!
//! The order of writes on which that rests:
//!
//! 1. the event is written down as starting (`triggers/starting`), with the name that its run will have;
//! 2. it is created as seen (`triggers/seen`), with the same name: whoever comes second finds it, and starts nothing of its own;
//! 3. the run is let in by the rule about concurrency, or waits;
//! 4. the run's plan is created under that name, and its first tasks are sent;
//! 5. the event is no longer starting.
//!
//! A crash after 1 leaves a record under `triggers/starting`; [`Triggers::recover`] goes on from there, and all that was done
//! before is found done.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use millstream_control::{runs, workflows};
use millstream_core::{event::CloudEvent, layout};
use millstream_language::{Functions, triggers::Trigger};
use millstream_plan::{
    Triggered,
    compile::{self, Checked, Options},
};
use millstream_store::{Store, failpoint};
use millstream_worker::Home;
use serde_json::{Map, Value};

use crate::{
    Error, Outcome,
    catalog::{Catalog, TriggeredWorkflow},
    concurrency::Admission,
    error::is_refusal,
    matching,
    records::{self, Last, LastStart, Seen, Starting},
    schedules::Clocks,
};

/// What starts runs by itself: takes events, and starts runs of the newest versions of workflows that were pushed. Cheap to
/// clone.
#[derive(Clone)]
pub struct Triggers(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub home: Home,
    functions: Arc<dyn Functions + Send + Sync>,
    pub catalog: Catalog,
    pub clocks: Clocks,
    /// Versions that were checked, by reference.
    checked: Mutex<HashMap<String, Arc<Checked>>>,
    /// When it was last said of a trigger that an event did not fit it.
    said: Mutex<HashMap<String, u64>>,
}

/// What became of an event in one workflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The workflow.
    pub workflow: String,
    /// The trigger.
    pub trigger: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// Versions that are kept checked.
const REMEMBERED: usize = 64;
/// Events that do not fit are written down at most so often for each trigger: milliseconds.
const SAY_AGAIN: u64 = 1_000;

impl Triggers {
    /// Starts runs in `home`, of workflows that use `functions`.
    pub fn new(home: Home, functions: Arc<dyn Functions + Send + Sync>) -> Self {
        Self(Arc::new(Inner {
            home,
            functions,
            catalog: Catalog::default(),
            clocks: Clocks::default(),
            checked: Mutex::default(),
            said: Mutex::default(),
        }))
    }

    /// Takes an event that is for whoever waits for its type: an object, a run's end, an alarm, a time. Gives what became of it, for
    /// each workflow that waits for events of this type. May be called again for the same event, by any process.
    ///
    /// # Errors
    /// The event cannot be read; or store or queue failed: then it is to be sent again.
    pub fn accept(&self, event: &CloudEvent) -> Result<Vec<Accepted>, Error> {
        event.check().map_err(Error::Event)?;
        let mut all = Vec::new();
        for loaded in self.0.catalog.all(&self.0.home)?.iter() {
            let mut why = None;
            for trigger in loaded.on.iter().filter(|trigger| matching::waits_for(&trigger.kind, event)) {
                match matching::fits(loaded.name(), trigger, event) {
                    Ok(()) => {
                        all.push(self.0.consider(loaded, trigger, event, Map::new())?);
                        why = None;
                        break;
                    }
                    Err(unfit) => why = Some((trigger, unfit)),
                }
            }
            if let Some((trigger, why)) = why {
                all.push(self.0.unfit(loaded, trigger, event, why)?);
            }
        }
        Ok(all)
    }

    /// Takes an event for one trigger of a workflow, by its name or kind. `params` come before those that the trigger gives.
    ///
    /// # Errors
    /// There is no such workflow or trigger; or as [`accept`](Self::accept).
    pub fn accept_for(
        &self,
        workflow: &str,
        trigger: &str,
        event: &CloudEvent,
        params: Map<String, Value>,
    ) -> Result<Accepted, Error> {
        event.check().map_err(Error::Event)?;
        let (loaded, trigger) = self.find(workflow, Some(trigger))?;
        match matching::fits(loaded.name(), &trigger, event) {
            Ok(()) => self.0.consider(&loaded, &trigger, event, params),
            Err(why) => self.0.unfit(&loaded, &trigger, event, why),
        }
    }
}

impl Inner {
    pub fn store(&self) -> &dyn Store {
        self.home.store().as_ref()
    }

    /// An event that does not fit. Most events of a bucket are for others: not each of them is written down.
    pub fn unfit(
        &self,
        loaded: &TriggeredWorkflow,
        trigger: &Trigger,
        event: &CloudEvent,
        why: String,
    ) -> Result<Accepted, Error> {
        let (now, name) = (self.home.now(), format!("{}/{}", loaded.name(), trigger.name));
        let say = {
            let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
            let say = said.get(&name).is_none_or(|at| now.abs_diff(*at) >= SAY_AGAIN);
            if say {
                said.insert(name, now);
            }
            say
        };
        let outcome = Outcome::NotStarted { why };
        if say {
            self.note(loaded.name(), &trigger.name, event, &outcome)?;
        }
        Ok(Accepted { workflow: loaded.name().to_owned(), trigger: trigger.name.clone(), outcome })
    }

    /// An event that fits.
    pub fn consider(
        &self,
        loaded: &TriggeredWorkflow,
        trigger: &Trigger,
        event: &CloudEvent,
        given: Map<String, Value>,
    ) -> Result<Accepted, Error> {
        let (workflow, digest) = (loaded.name(), event.digest());
        let starting_key = layout::event_starting(workflow, &digest);
        if let Some(seen) = records::read::<Seen>(self.store(), &layout::event_seen(workflow, &digest))? {
            // Whoever starts it may have died.
            if let Some(starting) = records::read(self.store(), &starting_key)? {
                return self.carry_on(&starting);
            }
            return self.duplicate(workflow, &trigger.name, event, seen);
        }
        let mut params = match matching::params(trigger, event) {
            Ok(params) => params,
            Err(why) => {
                let outcome = Outcome::Refused { why };
                self.note(workflow, &trigger.name, event, &outcome)?;
                let trigger = trigger.name.clone();
                return Ok(Accepted { workflow: workflow.to_owned(), trigger, outcome });
            }
        };
        params.extend(given);
        let at = self.home.now();
        let starting = Starting {
            workflow: workflow.to_owned(),
            version: loaded.version.version,
            trigger: trigger.name.clone(),
            run: runs::name_of(workflow, at, &digest),
            at,
            event: event.clone(),
            params,
        };
        // Gone again: another delivery has come to its end meanwhile, and ours finds it seen.
        let starting = records::create(self.store(), &starting_key, &starting)?.unwrap_or(starting);
        failpoint::reached("event-starting");
        self.carry_on(&starting)
    }

    fn duplicate(
        &self,
        workflow: &str,
        trigger: &str,
        event: &CloudEvent,
        seen: Seen,
    ) -> Result<Accepted, Error> {
        let outcome = match seen.why {
            Some(why) => Outcome::NotStarted { why: format!("it came before: {why}") },
            None => Outcome::Duplicate { run: seen.run },
        };
        self.note(workflow, trigger, event, &outcome)?;
        Ok(Accepted { workflow: workflow.to_owned(), trigger: trigger.to_owned(), outcome })
    }

    /// From step 2 on.
    pub fn carry_on(&self, starting: &Starting) -> Result<Accepted, Error> {
        let digest = starting.digest();
        let (workflow, trigger, run) = (&starting.workflow, &starting.trigger, &starting.run);
        let seen_key = layout::event_seen(workflow, &digest);
        let seen = Seen {
            run: run.clone(),
            at: starting.at,
            trigger: trigger.clone(),
            source: starting.event.source.clone(),
            id: starting.event.id.clone(),
            why: None,
        };
        let holds = records::create(self.store(), &seen_key, &seen)?.unwrap_or_else(|| seen.clone());
        if holds.run != *run || holds.why.is_some() {
            self.store().delete(&layout::event_starting(workflow, &digest))?;
            return self.duplicate(workflow, trigger, &starting.event, holds);
        }
        failpoint::reached("event-seen");
        let outcome = match self.admitted(workflow, run, digest)? {
            Admission::Wait => Outcome::Waiting { run: run.clone() },
            Admission::Refuse(why) => {
                self.forsake(&seen_key, seen, &why)?;
                Outcome::NotStarted { why }
            }
            Admission::Start { cancel } => {
                self.cancel(workflow, &cancel)?;
                match self.launch(starting)? {
                    Ok(()) => Outcome::Started { run: run.clone() },
                    Err(why) => {
                        self.release(workflow, run)?;
                        self.forsake(&seen_key, seen, &why)?;
                        Outcome::Refused { why }
                    }
                }
            }
        };
        failpoint::reached("event-started");
        self.note(workflow, trigger, &starting.event, &outcome)?;
        if !matches!(outcome, Outcome::Waiting { .. }) {
            self.store().delete(&layout::event_starting(workflow, &digest))?;
        }
        Ok(Accepted { workflow: workflow.clone(), trigger: trigger.clone(), outcome })
    }

    /// No run will ever come of an event.
    fn forsake(&self, key: &str, seen: Seen, why: &str) -> Result<(), Error> {
        records::write(self.store(), key, &Seen { why: Some(why.to_owned()), ..seen })
    }

    /// Plans the run and sends its first tasks; or says why it can never start.
    fn launch(&self, starting: &Starting) -> Result<Result<(), String>, Error> {
        let reference = format!("{}@{}", starting.workflow, starting.version);
        let version = match workflows::find(&self.home, &reference) {
            Ok(version) => version,
            Err(error @ workflows::Error::Store(_)) => return Err(error.into()),
            Err(error) => return Ok(Err(error.to_string())),
        };
        let checked = match self.checked(&reference, &version.text) {
            Ok(checked) => checked,
            Err(why) => return Ok(Err(why)),
        };
        let options = Options {
            run: starting.run.clone(),
            created: starting.at,
            params: starting.params.clone(),
            trigger: Some(Triggered { name: starting.trigger.clone(), event: starting.event.clone() }),
            ..Options::default()
        };
        match runs::start_triggered(&self.home, self.functions.as_ref(), &checked, &options, &version) {
            Ok(_) => Ok(Ok(())),
            Err(error) if is_refusal(&error) => Ok(Err(error.to_string())),
            Err(error) => Err(error.into()),
        }
    }

    fn checked(&self, reference: &str, text: &str) -> Result<Arc<Checked>, String> {
        let known = || self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(checked) = known().get(reference) {
            return Ok(checked.clone());
        }
        let checked = compile::check(reference, text, self.functions.as_ref()).map(Arc::new);
        let checked = checked.map_err(|faults| faults.to_string())?;
        let mut known = known();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(reference.to_owned(), checked.clone());
        Ok(checked)
    }

    /// Writes down what became of a trigger's event.
    fn note(
        &self,
        workflow: &str,
        trigger: &str,
        event: &CloudEvent,
        outcome: &Outcome,
    ) -> Result<(), Error> {
        let (key, at) = (layout::last_event(workflow, trigger), self.home.now());
        let started = match outcome {
            Outcome::Started { run } => Some(LastStart { run: run.clone(), at }),
            _ => records::read::<Last>(self.store(), &key).ok().flatten().and_then(|last| last.started),
        };
        let last = Last {
            at,
            source: event.source.clone(),
            id: event.id.clone(),
            outcome: outcome.clone(),
            started,
        };
        records::note(self.store(), &key, &last)
    }
}
