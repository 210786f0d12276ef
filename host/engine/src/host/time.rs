//! `wasi:clocks/monotonic-clock` in a time of its own: it stands still until somebody looks or waits.
//!
//! A timer is ready at once, and the clock is as late then as the guest wanted to wait. So nobody waits for a clock that
//! has nothing to do with the world's, and what a guest measures is the same every time.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::HostMonotonicClock;
use wasmtime_wasi::p2::{
    DynPollable, Pollable,
    bindings::clocks::monotonic_clock::{self, Host},
    subscribe,
};

use super::State;

/// Nanoseconds since the instance began. Clones are the same clock.
#[derive(Clone, Default)]
pub(crate) struct Clock(Arc<AtomicU64>);

/// How far it goes on whenever somebody looks, so that a loop that waits for it ends.
const STEP: u64 = 1_000;

/// A time further off than that, 73 years, is never: who waits for ever, mostly for something else that may come first, comes
/// back an hour later, so that there is time left for those who wait for a while.
const NEVER: u64 = 1 << 61;
const HOUR: u64 = 3_600_000_000_000;

impl Clock {
    /// A look at the clock.
    pub fn now(&self) -> u64 {
        let later = |now: u64| Some(now.saturating_add(STEP));
        match self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, later) {
            Ok(now) | Err(now) => now,
        }
    }

    fn timer(&self, due: u64) -> Timer {
        Timer { clock: self.clone(), due }
    }
}

/// For whatever of WASI looks at the context's clock.
impl HostMonotonicClock for Clock {
    fn resolution(&self) -> u64 {
        STEP
    }

    fn now(&self) -> u64 {
        Self::now(self)
    }
}

/// Ready at once.
struct Timer {
    clock: Clock,
    due: u64,
}

#[wasmtime_wasi::async_trait]
impl Pollable for Timer {
    async fn ready(&mut self) {
        let wait = |now: u64| match self.due.saturating_sub(now) {
            NEVER.. => Some(now.saturating_add(HOUR)),
            wait => Some(now + wait),
        };
        // It always has an answer.
        let _ = self.clock.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, wait);
    }
}

/// What the interface acts on.
pub(crate) struct Time<'a> {
    clock: Clock,
    table: &'a mut ResourceTable,
}

impl HasData for Clock {
    type Data<'a> = Time<'a>;
}

impl Time<'_> {
    fn subscribe(&mut self, due: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let timer = self.table.push(self.clock.timer(due))?;
        subscribe(self.table, timer)
    }
}

impl Host for Time<'_> {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.clock.now())
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(STEP)
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.subscribe(when)
    }

    fn subscribe_duration(&mut self, duration: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let due = self.clock.now().saturating_add(duration);
        self.subscribe(due)
    }
}

/// Links it in place of the machine's.
pub(crate) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    monotonic_clock::add_to_linker::<State, Clock>(linker, |state| {
        let clock = state.clock();
        Time { clock, table: &mut state.table }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(timer: &mut Timer) {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(timer.ready().as_mut().poll(&mut context).is_ready(), "a timer is ready at once");
    }

    #[test]
    fn who_waits_finds_that_time_has_passed() {
        let clock = Clock::default();
        let start = clock.now();
        assert!(clock.now() > start, "a loop that waits for the clock ends");
        ready(&mut clock.timer(start + 3_600_000_000_000));
        assert!(clock.now() - start >= 3_600_000_000_000);
        let before = clock.now();
        ready(&mut clock.timer(start));
        assert!(clock.now() > before, "it never goes back");
    }

    #[test]
    fn who_waits_for_ever_comes_back_and_the_clock_goes_on() {
        let clock = Clock::default();
        for _ in 0..1_000 {
            ready(&mut clock.timer(u64::MAX));
        }
        let late = clock.now();
        assert!(late >= 1_000 * HOUR && clock.now() > late);
        ready(&mut clock.timer(late + HOUR));
        assert!(clock.now() - late >= HOUR, "who waits for a while still waits for as long");
    }
}
