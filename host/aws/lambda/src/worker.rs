//! `MILLSTREAM_ROLE=worker`: does the tasks that an SQS event source brings.
//!
//! A message goes the way of all tasks (`Tasks::handle_in`). Then the answer names those that are to come again, and their
//! visibility says when. Jobs run in this process. A guest that never lets go is given up when its time is over: its task has failed,
//! what was done is settled at the queue, and the process ends, as nothing else would end the guest.

use std::{
    collections::BTreeMap,
    process,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use lambda_runtime::{Diagnostic, LambdaEvent};
use millstream_consumer::{Handle, Handled, backoff};
use millstream_control::Deeds;
use millstream_core::task::Message;
use millstream_engine::{Cancel, Execute, Local};
use millstream_queue::{Delivery, MAX_VISIBILITY};
use millstream_worker::{Home, Tasks, TimeLeft};
use serde_json::value::RawValue;

use crate::{
    BootstrapError,
    answer::Answer,
    home, invocation,
    role::{Role, failed},
    settings::FunctionSettings,
    sqs::{self, Failures},
    told::Told,
    trigger,
};

/// Does tasks.
pub struct WorkerRole(Arc<Inner>);

struct Inner {
    home: Home,
    tasks: Tasks,
    local: Arc<Local>,
    vcpus: usize,
}

/// How often it is looked whether a run was cancelled: each look costs a request.
const LOOK: Duration = Duration::from_secs(10);

impl WorkerRole {
    /// Opens the home and the package. No code is read before a task needs it.
    ///
    /// # Errors
    /// One of them cannot be used; the variable is told.
    pub fn open(settings: &FunctionSettings) -> Result<Self, BootstrapError> {
        let package = home::package(settings)?;
        let home = home::open(settings)?.packaged(package.clone());
        let local = Local::packaged(home.artifacts().clone(), &package);
        let local = Arc::new(local.map_err(|error| BootstrapError(error.to_string()))?);
        let execute: Arc<dyn Execute> = Arc::clone(&local) as _;
        let home = home.executing(Arc::clone(&execute));
        let tasks = Tasks::new(home.clone(), execute, Arc::new(Deeds), Arc::new(Told));
        let tasks = tasks.within_memory(settings.task_memory());
        let tasks = tasks.telling(Arc::new(trigger::triggers(&home, package)));
        Ok(Self(Arc::new(Inner { home, tasks, local, vcpus: settings.vcpus() })))
    }
}

impl Role for WorkerRole {
    async fn answer(&self, event: LambdaEvent<Box<RawValue>>) -> Result<Answer, Diagnostic> {
        let (payload, context) = event.into_parts();
        let inner = Arc::clone(&self.0);
        let deliveries = sqs::deliveries(&payload, &inner.home.location().queue)?;
        let invocation = invocation::of(&context, &inner.home);
        // Tasks wait for the store and for their functions.
        let failures = tokio::task::spawn_blocking(move || inner.batch(&deliveries, &invocation)).await;
        let failures = failures.map_err(|error| failed("Panicked", error))?;
        Answer::json(&failures).map_err(|error| failed("Answer", error))
    }
}

/// Messages of a batch that are being dealt with, by their place in it.
type InHand = Mutex<BTreeMap<usize, Cancel>>;

impl Inner {
    /// Deals with a batch, as many side by side as there are vCPUs.
    fn batch(&self, deliveries: &[Delivery], invocation: &TimeLeft) -> Failures {
        let next = AtomicUsize::new(0);
        let in_hand = InHand::default();
        let (done, results) = mpsc::channel();
        let mut handled: Vec<Option<Handled>> = vec![None; deliveries.len()];
        thread::scope(|scope| {
            for _ in 0..self.vcpus.min(deliveries.len()) {
                let (done, next, in_hand) = (done.clone(), &next, &in_hand);
                scope.spawn(move || {
                    while let Some((at, delivery)) = self.take(deliveries, next) {
                        let _ = done.send((at, self.one(at, delivery, in_hand, invocation)));
                    }
                });
            }
            drop(done);
            self.watch(&results, deliveries, &in_hand, invocation, &mut handled);
        });
        let mut failures = Failures::default();
        for (delivery, handled) in deliveries.iter().zip(&handled) {
            if self.settle(delivery, *handled) {
                failures.add(&delivery.id);
            }
        }
        if self.local.given_up() > 0 {
            self.end(deliveries, &handled);
        }
        failures
    }

    /// The next message, unless this process is about to end.
    fn take<'a>(&self, deliveries: &'a [Delivery], next: &AtomicUsize) -> Option<(usize, &'a Delivery)> {
        if self.local.given_up() > 0 {
            return None;
        }
        let at = next.fetch_add(1, Ordering::SeqCst);
        deliveries.get(at).map(|delivery| (at, delivery))
    }

    fn one(&self, at: usize, delivery: &Delivery, in_hand: &InHand, invocation: &TimeLeft) -> Handled {
        if let Err(error) = serde_json::from_str::<Message>(&delivery.body) {
            // Nobody else's message is deleted: it goes to the dead letters.
            tracing::error!(id = %delivery.id, queue = delivery.receipt.queue, %error, "a message that names no task");
            return Handled::Trouble;
        }
        let cancel = Cancel::new();
        lock(in_hand).insert(at, cancel.clone());
        let handled = self.tasks.handle_in(delivery, &cancel, Some(invocation));
        lock(in_hand).remove(&at);
        handled
    }

    /// Gathers what became of the messages; meanwhile ends tasks of runs that were cancelled, and all when the invocation ends.
    fn watch(
        &self,
        results: &mpsc::Receiver<(usize, Handled)>,
        deliveries: &[Delivery],
        in_hand: &InHand,
        invocation: &TimeLeft,
        handled: &mut [Option<Handled>],
    ) {
        let clock = self.home.clock();
        let mut looked = clock.monotonic();
        loop {
            let left = invocation.last_call().saturating_sub(clock.monotonic());
            match results.recv_timeout(LOOK.min(left.max(Duration::from_millis(50)))) {
                Ok((at, how)) => handled[at] = Some(how),
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if left.is_zero() {
                lock(in_hand).values().for_each(Cancel::cancel);
            } else if clock.monotonic() - looked >= LOOK {
                looked = clock.monotonic();
                let now: Vec<_> = lock(in_hand)
                    .iter()
                    .map(|(at, cancel)| (deliveries[*at].clone(), cancel.clone()))
                    .collect();
                self.tasks.look(&now);
            }
        }
    }

    /// Says at the queue when a message comes again. False: it is done with, and Lambda deletes it.
    fn settle(&self, delivery: &Delivery, handled: Option<Handled>) -> bool {
        let wait = match handled {
            Some(Handled::Delete) => return false,
            Some(Handled::Again(wait)) => wait,
            Some(Handled::Trouble) => backoff(delivery.receive_count, drawn()),
            // Not begun.
            None => Duration::ZERO,
        };
        if let Err(error) = self.home.queue().extend(&delivery.receipt, wait.min(MAX_VISIBILITY)) {
            tracing::warn!(id = %delivery.id, %error, "a message comes again later than it should");
        }
        true
    }

    /// Ends this process, with the guest in it that does not let go. Lambda counts the invocation as failed and deletes nothing: what
    /// is done is deleted here.
    fn end(&self, deliveries: &[Delivery], handled: &[Option<Handled>]) -> ! {
        for (delivery, _) in deliveries.iter().zip(handled).filter(|(_, how)| **how == Some(Handled::Delete))
        {
            if let Err(error) = self.home.queue().delete(&delivery.receipt) {
                tracing::warn!(id = %delivery.id, %error, "a message that is done with comes again, and is deleted then");
            }
        }
        tracing::error!(
            "a function did not end when it was told to; this environment ends, and the next message gets another"
        );
        process::exit(1);
    }
}

fn lock(in_hand: &InHand) -> std::sync::MutexGuard<'_, BTreeMap<usize, Cancel>> {
    in_hand.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A number from 0 to 1. Seeded now, and not at the start, which a snapshot may have been taken after.
fn drawn() -> f64 {
    fastrand::Rng::new().f64()
}
