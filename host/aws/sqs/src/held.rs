//! What this handle has received and not settled: SQS does not always notice that a receipt's time has passed, and whoever ends gives
//! back what it holds.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use millstream_queue::Receipt;

/// From this many receipts on, those whose time has passed are forgotten.
const MANY: usize = 1024;

#[derive(Debug, Default)]
pub(crate) struct Held(Mutex<HashMap<String, (String, Instant)>>);

impl Held {
    /// Changes are one insertion or removal each: a panic elsewhere leaves the map whole.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, (String, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From `asked` on, when the request was sent, it is ours for `visibility`.
    pub(crate) fn take(&self, receipt: &Receipt, asked: Instant, visibility: Duration) {
        let mut held = self.lock();
        if held.len() >= MANY {
            let now = Instant::now();
            held.retain(|_, (_, until)| *until > now);
        }
        held.insert(receipt.handle.clone(), (receipt.queue.clone(), asked + visibility));
    }

    pub(crate) fn let_go(&self, receipt: &Receipt) {
        self.lock().remove(&receipt.handle);
    }

    /// Whether it was received here, and its time has passed. What came another way is not known.
    pub(crate) fn has_passed(&self, receipt: &Receipt) -> bool {
        self.lock().get(&receipt.handle).is_some_and(|(_, until)| *until <= Instant::now())
    }

    /// Whether it was received here, from another queue than it says.
    pub(crate) fn is_of_another_queue(&self, receipt: &Receipt) -> bool {
        self.lock().get(&receipt.handle).is_some_and(|(queue, _)| *queue != receipt.queue)
    }

    /// All that are still ours, and from now on no longer.
    pub(crate) fn take_all(&self) -> Vec<Receipt> {
        let now = Instant::now();
        let all = std::mem::take(&mut *self.lock());
        let living = all.into_iter().filter(|(_, (_, until))| *until > now);
        living.map(|(handle, (queue, _))| Receipt { queue, handle }).collect()
    }
}
