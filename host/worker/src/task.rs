//! A task's way, in the order of writes on which safety rests:
//!
//! 1. receive the message; resolve the task (a task that is done goes to 6);
//! 2. look for its key in the cache (a hit whose artifacts are sound goes to 5);
//! 3. check the inputs, and make again what is damaged; execute; outputs are in the store, under their digests, when the function has ended;
//! 4. write the models that continue the inputs' lineage, and the cache entry;
//! 5. create the completion; whoever loses the race adopts the winner's;
//! 6. send the successors;
//! 7. delete the message.
//!
//! A crash anywhere leads to redelivery, and that to the same end: every write before 5 is harmless to repeat, 5 happens
//! once, and 6 may repeat.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};

use millstream_consumer::Handled;
use millstream_core::{
    artifact::{Digest, Parts},
    completion::{CacheEntry, Completion, FailureRecord, Origin, Outcome, Phase, Results},
    failure::Failure,
    layout,
    task::{Message, Task},
};
use millstream_engine::{Cancel, Event, Execute, Job, Limits, Shard};
use millstream_plan::Plan;
use millstream_queue::Delivery;
use millstream_state::{Callee, Resolution, ResolvedTask, Run};
use millstream_store::ErrorKind;

use crate::{
    acts::{self, Acts},
    attempts::Attempts,
    bounds::Bounds,
    changes,
    ends::RunEnds,
    failpoint::reached,
    heal::{self, Healer},
    home::Home,
    invocation::{Hand, TimeLeft},
    logs,
    notice::{Notice, Watch},
    pipeline,
    presence::Hands,
    records::Records,
    routing::send,
    sources,
};

/// Does tasks. One for all threads of a worker.
pub struct Tasks {
    home: Home,
    records: Records,
    execute: Arc<dyn Execute>,
    acts: Arc<dyn Acts>,
    watch: Arc<dyn Watch>,
    ends: Option<Arc<dyn RunEnds>>,
    plans: Mutex<HashMap<String, Arc<Plan>>>,
    /// What a task may use at the most, in bytes, whatever its limit.
    memory: u64,
    hands: Arc<Hands>,
}

const REMEMBERED_PLANS: usize = 64;

type StateError = millstream_state::Error<millstream_store::Error>;

impl Tasks {
    /// Does tasks of `home`.
    pub fn new(home: Home, execute: Arc<dyn Execute>, acts: Arc<dyn Acts>, watch: Arc<dyn Watch>) -> Self {
        let records = Records::for_tasks(home.store().clone(), home.clock().clone());
        Self {
            home,
            records,
            execute,
            acts,
            watch,
            ends: None,
            plans: Mutex::default(),
            memory: u64::MAX,
            hands: Arc::default(),
        }
    }

    /// Tells `ends` of the runs whose last task is done here.
    #[must_use]
    pub fn telling(mut self, ends: Arc<dyn RunEnds>) -> Self {
        self.ends = Some(ends);
        self
    }

    /// Gives no task more memory than that, in bytes: one that needs more fails and says so, instead of taking its process with it.
    #[must_use]
    pub fn within_memory(self, bytes: u64) -> Self {
        Self { memory: bytes, ..self }
    }

    /// Steps 1 to 6 for one message. The caller deletes it, or lets it come again.
    pub fn handle(&self, delivery: &Delivery, cancel: &Cancel) -> Handled {
        self.handle_in(delivery, cancel, None)
    }

    /// The same in a process that ends by itself: a task that may take longer than is left is given back, to be had at once, or
    /// fails if no invocation is long enough for it.
    pub fn handle_in(&self, delivery: &Delivery, cancel: &Cancel, invocation: Option<&TimeLeft>) -> Handled {
        reached("received");
        let message: Message = match serde_json::from_str(&delivery.body) {
            Ok(message) => message,
            Err(error) => {
                tracing::error!(body = delivery.body, %error, "a message that names no task; dropped");
                return Handled::Delete;
            }
        };
        let _in_hand = self.hands.take(&message, self.home.now());
        let hand = Hand { cancel, invocation, deliveries: delivery.receive_count };
        match self.task(&message, &hand) {
            Ok(handled) => handled,
            Err(StateError::Store(error)) => {
                tracing::warn!(?message, %error, "the store failed; the task comes again");
                Handled::Trouble
            }
            Err(error @ StateError::NotInBase { .. }) => self.give_up(&message, 1, error.to_string()),
            Err(error) => {
                tracing::error!(?message, %error, "dropped");
                Handled::Delete
            }
        }
    }

    fn task(&self, message: &Message, hand: &Hand<'_>) -> Result<Handled, StateError> {
        // Somebody may have tried it.
        let again = hand.deliveries > 1;
        let Some(plan) = self.plan(&message.run)? else {
            tracing::error!(?message, "there is no such run; dropped");
            return Ok(Handled::Delete);
        };
        let run = Run::new(&plan, &self.records);
        let task = Task { step: message.step.clone(), task: message.task };
        let resolved = match run.resolve(&task)? {
            Resolution::Done(completion) => {
                self.watch.notice(message, Notice::Completed(completion));
                return self.advance(&run, &plan, &task);
            }
            Resolution::Waiting | Resolution::Cancelled => return Ok(Handled::Delete),
            Resolution::Skip(reason) => {
                let completion = Completion::skipped(&message.step, message.task, reason, self.home.now());
                let completion = run.complete(&completion)?;
                reached("completed");
                self.watch.notice(message, Notice::Completed(Box::new(completion)));
                return self.advance(&run, &plan, &task);
            }
            Resolution::Invalid(failure) => return self.fail(&run, &plan, message, failure, 1),
            Resolution::Ready(resolved) => resolved,
        };
        if again && run.failure(&task)?.is_some() {
            // Failed for good by another delivery; a retry sends a message of its own.
            return self.advance(&run, &plan, &task);
        }
        let attempts = Attempts::new(self.home.store().as_ref(), message);
        let failed = || attempts.failed().map_err(StateError::Store);
        let attempt = if again { failed()? + 1 } else { 1 };
        let started = self.home.now();
        match self.results(&plan, &run, message, &resolved, attempt, hand) {
            Ok(Some(found)) => {
                let completion = Completion {
                    step: message.step.clone(),
                    task: message.task,
                    outcome: Outcome::Done(found.results),
                    key: Some(found.key),
                    cached_from: found.cached_from,
                    why: found.why,
                    started,
                    finished: self.home.now(),
                    attempt: if found.ran { attempt } else { 0 },
                    phases: found.phases,
                };
                let completion = run.complete(&completion)?;
                reached("completed");
                self.watch.notice(message, Notice::Completed(Box::new(completion)));
                self.advance(&run, &plan, &task)
            }
            // An act that waits for somebody; whoever acts sends the task again.
            Ok(None) => Ok(Handled::Delete),
            Err(Failure::Cancelled) if run.is_cancelled()? => Ok(Handled::Delete),
            // This worker is being stopped; the task is as it was.
            Err(Failure::Cancelled) => Ok(Handled::Again(Duration::ZERO)),
            Err(failure) if failure.is_transient() && attempt < resolved.retry.max_attempts => {
                // The message may have been sent twice, and the other one tried.
                let attempt = if again { attempt } else { failed()? + 1 };
                attempts.fail(attempt).map_err(StateError::Store)?;
                let wait = resolved.retry.wait_after(attempt);
                self.watch.notice(message, Notice::Retrying { failure, wait });
                Ok(Handled::Again(Duration::from_millis(wait)))
            }
            Err(failure) => self.fail(&run, &plan, message, failure, attempt),
        }
    }

    /// Step 6.
    fn advance(&self, run: &Run<'_, Records>, plan: &Plan, task: &Task) -> Result<Handled, StateError> {
        let ready = run.advance(task, self.home.now())?;
        reached("marked");
        if let Err(error) = send(&self.home, plan, &ready) {
            tracing::warn!(%task, %error, "cannot send the successors; the task comes again");
            return Ok(Handled::Trouble);
        }
        reached("successors-sent");
        let ends = self.ends.as_ref().filter(|ends| ends.wants(plan));
        let nobody_waits = plan.parent.is_none() && ends.is_none();
        // Nobody looks over a whole run after each of many tasks of one step.
        if !ready.is_empty() || nobody_waits || !run.may_be_settled(&task.step)? {
            return Ok(Handled::Delete);
        }
        let state = run.progress()?.state;
        if !state.has_ended() {
            return Ok(Handled::Delete);
        }
        if let Some(ends) = ends
            && let Err(error) = ends.ended(plan, state)
        {
            tracing::warn!(%task, error, "cannot start what waits for the end of this run; the task comes again");
            return Ok(Handled::Trouble);
        }
        if let Some(parent) = &plan.parent {
            let Some(waiting) = self.plan(&parent.run)? else { return Ok(Handled::Delete) };
            let caller = Task { step: parent.step.clone(), task: parent.task };
            if let Err(error) = send(&self.home, &waiting, &[caller]) {
                tracing::warn!(%task, %error, "cannot tell the run that waits for this one; the task comes again");
                return Ok(Handled::Trouble);
            }
        }
        Ok(Handled::Delete)
    }

    fn fail(
        &self,
        run: &Run<'_, Records>,
        plan: &Plan,
        message: &Message,
        failure: Failure,
        attempts: u32,
    ) -> Result<Handled, StateError> {
        let record = FailureRecord {
            step: message.step.clone(),
            task: message.task,
            failure,
            attempts,
            at: self.home.now(),
            blocked_by: None,
        };
        run.fail(&record)?;
        // A retry counts anew.
        Attempts::new(self.home.store().as_ref(), message).forget().map_err(StateError::Store)?;
        reached("failed");
        self.watch.notice(message, Notice::Failed(Box::new(record)));
        self.advance(run, plan, &Task { step: message.step.clone(), task: message.task })
    }

    /// Marks a task as failed without running it: its message has been delivered too often, or its run cannot go on. One that has
    /// come to an end stays as it is.
    pub fn give_up(&self, message: &Message, attempts: u32, why: String) -> Handled {
        let marked = self.plan(&message.run).and_then(|plan| match plan {
            Some(plan) => {
                let run = Run::new(&plan, &self.records);
                let task = Task { step: message.step.clone(), task: message.task };
                if run.completion(&task)?.is_some() || run.failure(&task)?.is_some() {
                    return self.advance(&run, &plan, &task);
                }
                self.fail(&run, &plan, message, Failure::Host { message: why }, attempts)
            }
            None => Ok(Handled::Delete),
        });
        marked.unwrap_or_else(|error| {
            tracing::error!(?message, %error, "cannot mark the task as failed");
            Handled::Trouble
        })
    }

    /// A plan never changes; parsing a large one for each of its tasks would cost more than the tasks.
    fn plan(&self, run: &str) -> Result<Option<Arc<Plan>>, StateError> {
        let plans = || self.plans.lock().unwrap_or_else(|error| error.into_inner());
        if let Some(plan) = plans().get(run) {
            return Ok(Some(plan.clone()));
        }
        // Without the lock: a slow store keeps nobody else from plans that are known.
        let Some(plan) = self.records.plan(run)?.map(Arc::new) else { return Ok(None) };
        let mut plans = plans();
        if plans.len() >= REMEMBERED_PLANS {
            plans.clear();
        }
        plans.insert(run.to_owned(), plan.clone());
        Ok(Some(plan))
    }

    /// Steps 2 to 4. None: the task waits for somebody.
    fn results(
        &self,
        plan: &Plan,
        run: &Run<'_, Records>,
        message: &Message,
        task: &ResolvedTask,
        attempt: u32,
        hand: &Hand<'_>,
    ) -> Result<Option<Found>, Failure> {
        let (bounds, refused) = hand.bounds(self.home.clock(), task.limits.time.map(Duration::from_millis));
        let inputs = task.parts(|source| sources::of_run(plan, source))?;
        let key = task.key(&inputs);
        let why = match self.cached(plan, task, &inputs, &key, &bounds)? {
            Cached::Hit(entry) => {
                let why =
                    format!("cached: run {} had the same function, parameters and inputs", entry.origin.run);
                return Ok(Some(Found {
                    results: entry.results,
                    key,
                    cached_from: Some(entry.origin),
                    why,
                    ran: false,
                    phases: Vec::new(),
                }));
            }
            Cached::Miss(why) => why,
        };
        if let Some(refused) = refused {
            return Err(refused);
        }
        self.watch.notice(message, Notice::Started { attempt });
        let (results, phases) = match &task.callee {
            Callee::Function { digest, name, .. } => {
                self.execute(plan, run, message, task, (*digest, name.as_str()), &inputs, &bounds)?
            }
            Callee::Act(act) => {
                // An act reads what it needs verified; what is damaged is made again before.
                let mut say = |event| self.watch.notice(message, Notice::Said(event));
                Healer { tasks: self, plan, run, bounds: &bounds }.inputs(task, &inputs, &mut say)?;
                let context =
                    acts::Context { home: &self.home, plan, run, message, key, task, inputs: &inputs };
                match self.acts.perform(*act, &context)? {
                    Some(results) => (results, Vec::new()),
                    None => return Ok(None),
                }
            }
        };
        if matches!(task.callee, Callee::Function { .. }) {
            let origin = Origin { run: message.run.clone(), step: message.step.clone(), task: message.task };
            let entry = CacheEntry { results: results.clone(), origin, at: self.home.now() };
            let bytes = serde_json::to_vec(&entry).expect("a cache entry is JSON");
            // Not durable: an entry that a power failure takes is an entry to compute again.
            let options = millstream_store::PutOptions::absent().relaxed();
            match self.home.store().put(&layout::cache(&key), &bytes, &options) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::PreconditionFailed => {}
                // Something that is no file is in its place, as the doctor says: the result is computed each time.
                Err(error) if error.kind() == ErrorKind::Unsupported => {}
                Err(error) => return Err(host_failure(&error)),
            }
            reached("cached");
        }
        Ok(Some(Found { results, key, cached_from: None, why, ran: true, phases }))
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of one call, each used once")]
    fn execute(
        &self,
        plan: &Plan,
        run: &Run<'_, Records>,
        message: &Message,
        task: &ResolvedTask,
        (digest, name): (Digest, &str),
        inputs: &BTreeMap<String, Parts>,
        bounds: &Bounds,
    ) -> Result<(Results, Vec<Phase>), Failure> {
        let folder = layout::task_logs(&message.run, &message.step, message.task);
        let mut log = logs::Writer::new(self.home.store().as_ref(), self.home.clock().as_ref(), folder);
        let mut phases = Vec::new();
        let mut hear = |event: Event| {
            if let Event::Phase { name, time } = &event {
                phases.push(Phase { name: name.clone(), milliseconds: time.as_secs_f64() * 1e3 });
            }
            if let Some(event) = logs::Said::of(&event) {
                log.add(&logs::Line { at: self.home.now(), event });
            }
            self.watch.notice(message, Notice::Said(event));
        };
        let sound = Healer { tasks: self, plan, run, bounds }.inputs(task, inputs, &mut hear)?;
        let before = bounds.spent();
        let job = Job { sound: heal::texts(&sound), ..self.job(task, digest, inputs, bounds.left()) };
        let outcome = self.execute_job(&job, bounds.cancel(), &mut hear).map_err(|failure| match failure {
            Failure::Limit { limit, .. } if limit == "time" => {
                let what = format!("{before:.1?} of it for reading its sources and checking its inputs");
                bounds.out_of_time((before.as_secs() > 0).then_some(what.as_str()))
            }
            other => other,
        });
        drop(log);
        if outcome.is_err() {
            // An input may be damaged since it was checked: the next attempt looks again.
            job.sound.keys().for_each(|digest| self.home.artifacts().doubt(digest));
        }
        let done = outcome?;
        reached("executed");
        let manifest = &plan
            .functions
            .get(name)
            .ok_or_else(|| Failure::Host { message: format!("the plan does not describe `{name}`") })?
            .manifest;
        let (metrics, text) = (done.metrics.clone(), done.message.clone());
        let outputs = pipeline::outputs(self.home.artifacts(), manifest, &digest, inputs, done)?;
        reached("pipelines-written");
        Ok((Results { outputs, metrics, message: text }, phases))
    }

    /// What an executor is asked for a task; none of its inputs is known to be sound.
    pub(crate) fn job(
        &self,
        task: &ResolvedTask,
        function: Digest,
        inputs: &BTreeMap<String, Parts>,
        time: Duration,
    ) -> Job {
        let default = Limits::default();
        Job {
            function,
            params: serde_json::Value::Object(task.params.clone()).to_string(),
            inputs: inputs.clone(),
            seed: task.seed,
            shard: task.shard.map(|shard| Shard { index: shard.index, count: shard.count }),
            limits: Limits {
                memory: task.limits.memory.unwrap_or(default.memory).min(self.memory),
                wall_time: time,
                output: task.limits.output.unwrap_or(default.output),
                ..default
            },
            sound: BTreeMap::new(),
        }
    }

    pub(crate) fn execute_job(
        &self,
        job: &Job,
        cancel: &Cancel,
        on_event: &mut dyn FnMut(Event),
    ) -> Result<millstream_engine::Done, Failure> {
        self.execute.execute(job, cancel, on_event)
    }

    pub(crate) fn artifacts(&self) -> &millstream_store::Artifacts {
        self.home.artifacts()
    }

    pub(crate) fn hands(&self) -> &Arc<Hands> {
        &self.hands
    }

    pub(crate) fn home(&self) -> &Home {
        &self.home
    }

    fn cached(
        &self,
        plan: &Plan,
        task: &ResolvedTask,
        inputs: &BTreeMap<String, Parts>,
        key: &Digest,
        bounds: &Bounds,
    ) -> Result<Cached, Failure> {
        if matches!(task.callee, Callee::Act(_)) {
            return Ok(Cached::Miss("ran: acts of the host are not cached".to_owned()));
        }
        if !plan.cache || !task.cache {
            let by = if plan.cache { "the step says `cache: false`" } else { "--no-cache" };
            return Ok(Cached::Miss(format!("ran: {by}")));
        }
        let missing = || match changes::since_last(&self.records, plan, task, inputs, key) {
            Some(changes) => format!("ran: {changes}"),
            None => "ran: no earlier result for this function, parameters and inputs".to_owned(),
        };
        let entry = match self.home.store().get(&layout::cache(key)) {
            Ok(object) => object,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Cached::Miss(missing())),
            Err(error) => return Err(host_failure(&error)),
        };
        let Ok(entry) = serde_json::from_slice::<CacheEntry>(&entry.bytes) else {
            self.home.store().delete(&layout::cache(key)).map_err(|error| host_failure(&error))?;
            return Ok(Cached::Miss("ran: the cached result was damaged".to_owned()));
        };
        let checked = heal::check(self.home.artifacts(), heal::wanted(&entry.results.outputs), bounds)?;
        if let Some((broken, how)) = checked.broken.first() {
            self.home.store().delete(&layout::cache(key)).map_err(|error| host_failure(&error))?;
            reached("cache-forgotten");
            let gone = if how.kind() == ErrorKind::NotFound { "gone" } else { "damaged" };
            return Ok(Cached::Miss(format!("ran: {} of the cached result is {gone}", broken.place)));
        }
        Ok(Cached::Hit(Box::new(entry)))
    }
}

/// Where a task's results came from.
struct Found {
    results: Results,
    key: Digest,
    cached_from: Option<Origin>,
    why: String,
    ran: bool,
    phases: Vec<Phase>,
}

enum Cached {
    Hit(Box<CacheEntry>),
    /// Why it has to run.
    Miss(String),
}

/// A store's fault as the task's.
pub fn host_failure(error: &millstream_store::Error) -> Failure {
    Failure::Host { message: error.to_string() }
}
