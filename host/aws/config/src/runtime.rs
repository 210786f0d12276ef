//! The runtime that the SDK's calls run on.

use std::{sync::OnceLock, thread};

use tokio::runtime::{Builder, Handle, Runtime};

/// One for the process: connections are kept between calls, and belong to it.
fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("aws")
            .enable_all()
            .build()
            .expect("the system has room for two threads")
    })
}

/// Runs `future` to its end, and blocks this thread until then. On a thread of another runtime, a thread is made for it: a
/// runtime does not let its own be blocked by another's work.
///
/// # Panics
/// The future does.
pub fn block_on<F>(future: F) -> F::Output
where
    F: Future + Send,
    F::Output: Send,
{
    if Handle::try_current().is_err() {
        return runtime().block_on(future);
    }
    let done = thread::scope(|scope| scope.spawn(|| runtime().block_on(future)).join());
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn from_outside_from_inside_another_runtime_and_from_within() {
        let work = || async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            7
        };
        assert_eq!(block_on(work()), 7);
        for builder in [&mut Builder::new_current_thread(), &mut Builder::new_multi_thread()] {
            assert_eq!(builder.build().unwrap().block_on(async { block_on(work()) }), 7);
        }
        assert_eq!(block_on(async { block_on(work()) }), 7);
    }
}
