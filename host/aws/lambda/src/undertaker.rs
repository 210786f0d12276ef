//! `MILLSTREAM_ROLE=undertaker`: writes down that nobody could do a task, for the dead-letter queues of all pools.
//!
//! A letter whose task is marked is deleted: `millstream retry` sends the task anew. What names no task stays where it is, for
//! whoever looks into it, until the queue's retention ends.

use std::sync::Arc;

use lambda_runtime::{Diagnostic, LambdaEvent};
use millstream_control::Deeds;
use millstream_core::{failure::Failure, manifest::Manifest, task::Message};
use millstream_endpoint::later::{self, QueuedRequest};
use millstream_engine::{Cancel, Done, EngineKind, Event, Execute, Job};
use millstream_queue::{Delivery, dead_letter_queue};
use millstream_worker::{Handled, Home, Tasks};
use serde_json::value::RawValue;

use crate::{
    BootstrapError,
    answer::Answer,
    home,
    role::{Role, failed},
    settings::FunctionSettings,
    sqs::{self, Failures},
    told::Told,
    trigger,
};

/// Buries.
pub struct Undertaker(Arc<Inner>);

struct Inner {
    home: Home,
    tasks: Tasks,
}

/// What is said of a task whose message is dead.
const WHY: &str = "each invocation of Lambda that had this task ended before the task did: it needed more memory than its pool has \
                   (`limits: { memory: ... }` sends it to a larger one), or more time than an invocation; the pool's log in \
                   CloudWatch says which";

impl Undertaker {
    /// Opens the home and the package.
    ///
    /// # Errors
    /// One of them cannot be used; the variable is told.
    pub fn open(settings: &FunctionSettings) -> Result<Self, BootstrapError> {
        let package = home::package(settings)?;
        let home = home::open(settings)?.packaged(package.clone());
        let tasks = Tasks::new(home.clone(), Arc::new(Nobody), Arc::new(Deeds), Arc::new(Told));
        // With its last step a run may end here.
        let tasks = tasks.telling(Arc::new(trigger::triggers(&home, package)));
        Ok(Self(Arc::new(Inner { home, tasks })))
    }
}

impl Role for Undertaker {
    async fn answer(&self, event: LambdaEvent<Box<RawValue>>) -> Result<Answer, Diagnostic> {
        let inner = Arc::clone(&self.0);
        let letters = sqs::deliveries(&event.payload, &inner.home.location().queue)?;
        let failures = tokio::task::spawn_blocking(move || inner.batch(&letters)).await;
        let failures = failures.map_err(|error| failed("Panicked", error))?;
        Answer::json(&failures).map_err(|error| failed("Answer", error))
    }
}

impl Inner {
    fn batch(&self, letters: &[Delivery]) -> Failures {
        let mut failures = Failures::default();
        for letter in letters.iter().filter(|letter| !self.bury(letter)) {
            failures.add(&letter.id);
        }
        failures
    }

    /// False: it stays, or comes again.
    fn bury(&self, letter: &Delivery) -> bool {
        if letter.receipt.queue == dead_letter_queue(later::QUEUE) {
            let Ok(request) = serde_json::from_str::<QueuedRequest>(&letter.body) else {
                return unknown(letter);
            };
            let written = later::give_up(self.home.store().as_ref(), &request, self.home.now());
            return written
                .inspect_err(|error| tracing::warn!(%error, "a request cannot be given up"))
                .is_ok();
        }
        let Ok(message) = serde_json::from_str::<Message>(&letter.body) else { return unknown(letter) };
        self.tasks.give_up(&message, letter.receive_count, WHY.to_owned()) == Handled::Delete
    }
}

fn unknown(letter: &Delivery) -> bool {
    let body: String = letter.body.chars().take(200).collect();
    tracing::error!(id = %letter.id, queue = letter.receipt.queue, body, "a dead letter that names no task stays");
    false
}

/// Whoever only marks tasks runs none.
struct Nobody;

const NO_FUNCTIONS: &str = "an undertaker runs no functions";

impl Execute for Nobody {
    fn execute(&self, _: &Job, _: &Cancel, _: &mut dyn FnMut(Event)) -> Result<Done, Failure> {
        Err(no_functions())
    }

    fn describe(&self, _: &millstream_core::artifact::Digest) -> Result<Manifest, Failure> {
        Err(no_functions())
    }

    fn compile(&self, _: EngineKind, _: &millstream_core::artifact::Digest) -> Result<(), Failure> {
        Err(no_functions())
    }

    fn describe_model(
        &self,
        _: &str,
        _: &millstream_core::artifact::Pipeline,
        _: u64,
    ) -> Result<String, Failure> {
        Err(no_functions())
    }
}

fn no_functions() -> Failure {
    Failure::Host { message: NO_FUNCTIONS.to_owned() }
}
