//! Threads that are to end.

use std::{
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Waits until they have ended, for at most that long. Those that have not are left to the end of the process.
///
/// Returns how many were left.
pub fn join_within(threads: impl IntoIterator<Item = JoinHandle<()>>, limit: Duration) -> usize {
    const LOOK: Duration = Duration::from_millis(5);

    let end = Instant::now() + limit;
    let mut left: Vec<JoinHandle<()>> = threads.into_iter().collect();
    loop {
        let (ended, busy): (Vec<_>, Vec<_>) = left.into_iter().partition(JoinHandle::is_finished);
        for thread in ended {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
        left = busy;
        if left.is_empty() || Instant::now() >= end {
            return left.len();
        }
        thread::sleep(LOOK);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn who_does_not_end_is_left() {
        let (sender, receiver) = mpsc::channel::<()>();
        let stuck = thread::spawn(move || receiver.recv().unwrap_or_default());
        let done = thread::spawn(|| ());
        let began = Instant::now();
        assert_eq!(join_within([stuck, done], Duration::from_millis(50)), 1);
        assert!(began.elapsed() >= Duration::from_millis(50));
        drop(sender);
    }
}
