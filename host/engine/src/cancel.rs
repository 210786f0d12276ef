//! Ends jobs from another thread.

use std::sync::{
    Arc, Mutex, PoisonError, Weak,
    atomic::{AtomicBool, Ordering},
};

/// What a cancel ends.
pub(crate) trait Victim: Send + Sync {
    /// Called at most once for each cancel, from whichever thread cancels.
    fn cancel(&self);
}

/// Shared by whoever may cancel and whatever is to be cancelled. Cloning it gives the same token.
#[derive(Clone, Default)]
pub struct Cancel(Arc<State>);

#[derive(Default)]
struct State {
    cancelled: AtomicBool,
    victims: Mutex<Vec<Weak<dyn Victim>>>,
}

impl Cancel {
    /// Not cancelled yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends what runs under this token and whatever starts under it later. Once is enough.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::SeqCst);
        let victims = std::mem::take(&mut *self.victims());
        for victim in victims.iter().filter_map(Weak::upgrade) {
            victim.cancel();
        }
    }

    /// Whether somebody has cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::SeqCst)
    }

    /// Ends `victim` on cancel, or now if that has happened, as long as it lives.
    pub(crate) fn register(&self, victim: Weak<dyn Victim>) {
        let mut victims = self.victims();
        victims.retain(|other| other.strong_count() > 0);
        victims.push(victim.clone());
        drop(victims);
        // After the push: a cancel between the two sees the victim in the list.
        if self.is_cancelled()
            && let Some(victim) = victim.upgrade()
        {
            victim.cancel();
        }
    }

    fn victims(&self) -> std::sync::MutexGuard<'_, Vec<Weak<dyn Victim>>> {
        self.0.victims.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Default)]
    struct Counter(AtomicUsize);

    impl Victim for Counter {
        fn cancel(&self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn watch(cancel: &Cancel) -> Arc<Counter> {
        let counter = Arc::new(Counter::default());
        let victim: Arc<dyn Victim> = counter.clone();
        cancel.register(Arc::downgrade(&victim));
        counter
    }

    #[test]
    fn ends_earlier_and_later_victims() {
        let cancel = Cancel::new();
        let earlier = watch(&cancel);
        assert_eq!(earlier.0.load(Ordering::SeqCst), 0);
        cancel.clone().cancel();
        assert_eq!(earlier.0.load(Ordering::SeqCst), 1);
        let later = watch(&cancel);
        assert_eq!(later.0.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn forgets_victims_that_ended() {
        let cancel = Cancel::new();
        for _ in 0..100 {
            drop(watch(&cancel));
        }
        assert!(cancel.victims().len() <= 1);
    }
}
