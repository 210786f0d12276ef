//! Triggers by name, and what would become of an event there.

use std::sync::Arc;

use millstream_control::workflows;
use millstream_core::{event::CloudEvent, layout, nearest};
use millstream_language::triggers::Trigger;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    Error, Triggers,
    catalog::TriggeredWorkflow,
    matching,
    records::{self, Seen},
};

/// What would become of an event.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rehearsed {
    /// The workflow with its version.
    pub workflow: String,
    /// The trigger.
    pub trigger: String,
    /// The run's parameters, if it would start.
    pub params: Option<Map<String, Value>>,
    /// Why it would not start.
    pub why: Option<String>,
    /// The run that this event has started before.
    pub seen: Option<String>,
}

impl Triggers {
    /// What would become of an event; nothing is started or written.
    ///
    /// # Errors
    /// As [`accept_for`](Self::accept_for).
    pub fn rehearse(
        &self,
        workflow: &str,
        trigger: Option<&str>,
        event: &CloudEvent,
    ) -> Result<Rehearsed, Error> {
        event.check().map_err(Error::Event)?;
        let (loaded, trigger) = self.find(workflow, trigger)?;
        let fits =
            matching::fits(loaded.name(), &trigger, event).and_then(|()| matching::params(&trigger, event));
        let (params, why) = match fits {
            Ok(params) => (Some(params), None),
            Err(why) => (None, Some(why)),
        };
        let seen: Option<Seen> =
            records::read(self.0.store(), &layout::event_seen(workflow, &event.digest()))?;
        Ok(Rehearsed {
            workflow: loaded.version.reference(),
            trigger: trigger.name,
            params,
            why,
            seen: seen.map(|seen| seen.run),
        })
    }

    /// The newest version of a workflow, and its trigger of that name or kind; the only one, if none is named.
    ///
    /// # Errors
    /// There is none, or several could be meant.
    pub fn find(
        &self,
        workflow: &str,
        trigger: Option<&str>,
    ) -> Result<(Arc<TriggeredWorkflow>, Trigger), Error> {
        let all = self.0.catalog.all(&self.0.home)?;
        let Some(loaded) = all.iter().find(|loaded| loaded.name() == workflow) else {
            // Says which there are, if it was never pushed.
            let found = workflows::find(&self.0.home, workflow)?;
            return Err(Error::NoSuchTrigger(format!(
                "{} has no `on`: nothing but a person starts it",
                found.reference()
            )));
        };
        let names = || loaded.on.iter().map(|trigger| trigger.name.as_str());
        let found = match (trigger, loaded.on.as_slice()) {
            (Some(name), all) => all.iter().find(|trigger| trigger.name == name),
            (None, [only]) => Some(only),
            (None, _) => None,
        };
        match found {
            Some(found) => Ok((loaded.clone(), found.clone())),
            None => Err(Error::NoSuchTrigger(match trigger {
                Some(name) => format!(
                    "{} has no trigger `{name}`; {}",
                    loaded.version.reference(),
                    nearest::or_all(name, names(), "its triggers")
                ),
                None => format!(
                    "{} has several triggers: write {workflow}/TRIGGER, one of {}",
                    loaded.version.reference(),
                    nearest::list(&names().collect::<Vec<_>>())
                ),
            })),
        }
    }
}
