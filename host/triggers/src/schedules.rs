//! Schedules: which times have come since they were last looked at. Any number of processes may look: a time starts one run.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use millstream_core::{
    event::{CloudEvent, SCHEDULE, ScheduleTick},
    layout,
};
use millstream_language::triggers::{Cadence, Kind, OnSchedule, Trigger};
use serde_json::{Map, json};

use crate::{
    Accepted, Error, Triggers,
    accept::Inner,
    catalog::TriggeredWorkflow,
    missed::{MOST_MISSED, to_start},
    records::{self, ClockRecord},
};

/// The times up to which schedules were looked at, as this process knows them: so that the store is not asked while nothing is due.
#[derive(Default)]
pub struct Clocks(Mutex<HashMap<String, ClockRecord>>);

/// What a look at all schedules came to.
#[derive(Debug, Default)]
pub struct Ticked {
    /// What became of the times that had come.
    pub accepted: Vec<Accepted>,
    /// When the next time comes, in milliseconds since 1970 UTC.
    pub next: Option<u64>,
}

impl Triggers {
    /// Starts a run for each time of a schedule that has come, by the home's clock, and has not been dealt with.
    ///
    /// # Errors
    /// Store or queue failed: what was not started is started by the next call.
    pub fn tick(&self) -> Result<Ticked, Error> {
        let mut ticked = Ticked::default();
        let now = self.0.home.now();
        for loaded in self.0.catalog.all(&self.0.home)?.iter() {
            for trigger in &loaded.on {
                let Kind::Schedule(schedule) = &trigger.kind else { continue };
                // What was pushed was checked.
                let Ok(cadence) = schedule.cadence() else { continue };
                let next =
                    self.0.tick_one(loaded, trigger, (schedule, &cadence), now, &mut ticked.accepted)?;
                ticked.next = [ticked.next, next].into_iter().flatten().min();
            }
        }
        Ok(ticked)
    }
}

impl Inner {
    fn tick_one(
        &self,
        loaded: &TriggeredWorkflow,
        trigger: &Trigger,
        (schedule, cadence): (&OnSchedule, &Cadence),
        now: u64,
        accepted: &mut Vec<Accepted>,
    ) -> Result<Option<u64>, Error> {
        let key = layout::trigger_clock(loaded.name(), &trigger.name);
        let text = written(schedule);
        let clocks = || self.clocks.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = clocks().get(&key).filter(|clock| clock.schedule == text).cloned();
        if let Some(clock) = &known
            && let Some(next) = cadence.next_after(clock.at).filter(|next| *next > now)
        {
            return Ok(Some(next));
        }
        // As the store has it: others may have dealt with these times. One that is new, or is written anew, counts from now on.
        let clock = records::update(self.store(), &key, |clock: &mut ClockRecord| {
            if clock.schedule != text {
                *clock = ClockRecord { at: now, schedule: text.clone() };
            }
            clock.clone()
        })?;
        let due = cadence.due(clock.at, now, MOST_MISSED);
        for at in to_start(&due, now, cadence.least_interval(), schedule.missed) {
            let event = event(loaded.name(), trigger, schedule, cadence, at);
            accepted.push(match crate::matching::fits(loaded.name(), trigger, &event) {
                Ok(()) => self.consider(loaded, trigger, &event, Map::new())?,
                Err(why) => self.unfit(loaded, trigger, &event, why)?,
            });
        }
        // After the runs: what a crash leaves is looked at again, and found to have been seen.
        let clock = match due.back() {
            None => clock,
            Some(last) => records::update(self.store(), &key, |clock: &mut ClockRecord| {
                if clock.schedule == text {
                    clock.at = clock.at.max(*last);
                }
                clock.clone()
            })?,
        };
        let next = cadence.next_after(clock.at.max(now));
        clocks().insert(key, clock);
        Ok(next)
    }
}

/// Everything that says when it is due: a change of it is another schedule.
fn written(schedule: &OnSchedule) -> String {
    match &schedule.timezone {
        Some(zone) => format!("{} {zone}", schedule.text()),
        None => schedule.text(),
    }
}

/// The event that a time of a schedule is.
fn event(workflow: &str, trigger: &Trigger, schedule: &OnSchedule, cadence: &Cadence, at: u64) -> CloudEvent {
    let due = cadence.shown(at);
    let data = ScheduleTick {
        workflow: workflow.to_owned(),
        schedule: schedule.text(),
        due: due.clone(),
        timezone: schedule.timezone.clone().unwrap_or_else(|| "UTC".to_owned()),
    };
    let source = format!("/workflows/{workflow}/on/{}", trigger.name);
    let mut event = CloudEvent::new(SCHEDULE, source, at.to_string(), json!(data));
    event.time = Some(due);
    event
}
