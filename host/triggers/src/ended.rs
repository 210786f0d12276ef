//! The end of a run: other workflows may wait for it, and runs that `concurrency` holds back.

use millstream_core::{
    completion::Outcome as TaskOutcome,
    event::{CloudEvent, WORKFLOW_COMPLETED, WorkflowCompleted},
    layout,
    task::Task,
};
use millstream_language::triggers::Kind;
use millstream_plan::Plan;
use millstream_state::{Run, RunState};
use millstream_worker::{Records, RunEnds};
use serde_json::{Map, Value, json};

use crate::{
    Error, Triggers,
    accept::Inner,
    concurrency::Running,
    records::{self, Starting},
};

impl RunEnds for Triggers {
    fn wants(&self, plan: &Plan) -> bool {
        // Whoever cannot tell is asked at the end, where a failure makes the message come again.
        self.0.waits_for(plan).unwrap_or(true)
    }

    fn ended(&self, plan: &Plan, state: RunState) -> Result<(), String> {
        match self.run_ended(plan, state) {
            Err(error) if error.is_transient() => Err(error.to_string()),
            // The run has ended all the same, and its last task must not come again for ever.
            Err(error) => {
                tracing::error!(run = plan.run, %error, "what waits for its end does not start");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }
}

impl Triggers {
    /// A run has ended: starts what waits for that. May be called again.
    ///
    /// # Errors
    /// Store or queue failed: it is to be called again.
    pub fn run_ended(&self, plan: &Plan, state: RunState) -> Result<(), Error> {
        if plan.trigger.is_some() {
            self.0.release(&plan.workflow, &plan.run)?;
            self.0.start_waiting(&plan.workflow)?;
        }
        if self.0.is_waited_for(&plan.workflow)? {
            self.accept(&self.0.completed(plan, state)?)?;
        }
        Ok(())
    }
}

impl Inner {
    /// Whether anybody waits for the end of this run.
    fn waits_for(&self, plan: &Plan) -> Result<bool, Error> {
        let holds_back = plan.trigger.is_some() && self.rule(&plan.workflow)?.is_some();
        Ok(holds_back || self.is_waited_for(&plan.workflow)?)
    }

    fn is_waited_for(&self, workflow: &str) -> Result<bool, Error> {
        let waits = |kind: &Kind| matches!(kind, Kind::WorkflowCompleted(wanted) if wanted.name == workflow);
        let all = self.catalog.all(&self.home)?;
        Ok(all.iter().any(|loaded| loaded.on.iter().any(|trigger| waits(&trigger.kind))))
    }

    /// Starts the runs for which there is room now.
    pub fn start_waiting(&self, workflow: &str) -> Result<(), Error> {
        let running = layout::triggers_running(workflow);
        let Some(runs) = records::read::<Running>(self.store(), &running)? else { return Ok(()) };
        for event in runs.next(self.rule(workflow)?) {
            match records::read::<Starting>(self.store(), &layout::event_starting(workflow, &event))? {
                Some(starting) => drop(self.carry_on(&starting)?),
                // Somebody has removed it: nobody must wait behind it.
                None => records::update(self.store(), &running, |runs: &mut Running| {
                    runs.waiting.retain(|one| one.event != event);
                })?,
            }
        }
        Ok(())
    }

    /// The event that the end of a run is. A run that fails, is retried and fails again is one event.
    fn completed(&self, plan: &Plan, state: RunState) -> Result<CloudEvent, Error> {
        let state = match state {
            RunState::Succeeded => "succeeded",
            RunState::Failed => "failed",
            RunState::Cancelled => "cancelled",
            RunState::Running => "running",
        };
        let records = Records::new(self.home.store().clone());
        let run = Run::new(plan, &records);
        let (mut metrics, mut outputs) = (Map::new(), Map::new());
        for name in plan.steps.iter().filter(|(_, step)| step.is_single()).map(|(name, _)| name) {
            let task = Task { step: name.clone(), task: 0 };
            let Some(TaskOutcome::Done(results)) = run.completion(&task)?.map(|done| done.outcome) else {
                continue;
            };
            let figures = results.metrics.iter().map(|(name, value)| (name.clone(), json!(value)));
            metrics.insert(name.clone(), Value::Object(figures.collect()));
            let parts = results.outputs.iter().filter_map(|(name, parts)| match parts.parts.as_slice() {
                [one] => Some((name.clone(), json!(format!("artifact:{}/{}", one.digest, one.name)))),
                _ => None,
            });
            outputs.insert(name.clone(), Value::Object(parts.collect()));
        }
        let data = WorkflowCompleted {
            workflow: plan.workflow.clone(),
            version: plan.version,
            run: plan.run.clone(),
            state: state.to_owned(),
            params: plan.params.clone(),
            metrics,
            outputs,
        };
        let source = format!("/runs/{}", plan.run);
        let mut event = CloudEvent::new(WORKFLOW_COMPLETED, source, state, json!(data));
        event.subject = Some(plan.workflow.clone());
        Ok(event)
    }
}
