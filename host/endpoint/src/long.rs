//! Threads for work that takes long, apart from those that answer requests.
//!
//! A call begins on the thread of its request: a hand-over costs more than most predictions. The guest lets go of the thread
//! after a few milliseconds; a call that has not come to its end by then goes on here, where it takes turns with others of its
//! kind. So as many long calls as there are cores leave the threads that answer free, and the system shares the cores.

use std::{io, pin::Pin, task::Poll};

use tokio::{
    runtime::{Builder, Runtime},
    task::JoinHandle,
};
use tracing::{Instrument as _, Span};

/// The threads.
pub struct Long(Option<Runtime>);

/// Bodies from this size on are looked at, copied and read here from the beginning.
pub const LARGE: usize = 256 << 10;

/// How far these threads are behind the others: the scheduler's niceness.
#[cfg(target_os = "linux")]
const BEHIND: i32 = 5;

/// Lets the threads that answer short requests go first where the cores are taken; these here get a third of a core that both want.
fn step_back() {
    // Linux has a niceness for each thread; elsewhere it is the process's.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, BEHIND) {
        tracing::debug!(%error, "the threads for long work have the priority of the others");
    }
}

/// A call that is ended when nobody waits for it any more.
struct Awaited<T>(JoinHandle<T>);

impl<T> Drop for Awaited<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Long {
    /// So many threads.
    ///
    /// # Errors
    /// The system has no room for them.
    pub fn start(threads: usize) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads.max(1))
            .thread_name("long")
            .on_thread_start(step_back)
            .enable_time()
            // Whoever gives way goes behind all others.
            .global_queue_interval(1)
            .event_interval(1)
            .build()?;
        Ok(Self(Some(runtime)))
    }

    /// Does work here.
    ///
    /// # Errors
    /// It panicked, or the server is going down.
    pub async fn here<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, String> {
        self.spawn(Box::pin(work.instrument(Span::current()))).await
    }

    /// Does work where it is asked for, and here from the moment on at which it gives way. `moved` is told
    /// of that.
    ///
    /// # Errors
    /// It panicked, or the server is going down.
    pub async fn if_long<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
        moved: impl FnOnce(),
    ) -> Result<T, String> {
        let mut work: Work<T> = Box::pin(work.instrument(Span::current()));
        match std::future::poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await {
            Poll::Ready(done) => Ok(done),
            Poll::Pending => {
                moved();
                self.spawn(work).await
            }
        }
    }

    async fn spawn<T: Send + 'static>(&self, work: Work<T>) -> Result<T, String> {
        let Some(runtime) = &self.0 else { return Err("the server is going down".to_owned()) };
        let mut awaited = Awaited(runtime.spawn(work));
        (&mut awaited.0).await.map_err(|error| error.to_string())
    }
}

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl Drop for Long {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // Nobody waits for what is still under way; it may be dropped on a thread that must not wait.
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicBool, Ordering},
        },
        thread,
        time::Duration,
    };

    use super::*;

    fn block_on<T>(work: impl Future<Output = T>) -> T {
        Builder::new_current_thread().enable_time().build().unwrap().block_on(work)
    }

    fn thread_name() -> String {
        thread::current().name().unwrap_or_default().to_owned()
    }

    #[test]
    fn what_gives_way_goes_on_elsewhere() {
        let long = Long::start(1).unwrap();
        block_on(async {
            let here = thread_name();
            assert_eq!(long.if_long(async { thread_name() }, || ()).await.unwrap(), here);
            let both = async {
                let before = thread_name();
                tokio::task::yield_now().await;
                (before, thread_name())
            };
            assert_eq!(long.if_long(both, || ()).await.unwrap(), (here, "long".to_owned()));
            assert_eq!(long.here(async { thread_name() }).await.unwrap(), "long");
        });
    }

    #[test]
    fn what_nobody_waits_for_is_dropped() {
        struct Told(Arc<AtomicBool>);
        impl Drop for Told {
            fn drop(&mut self) {
                self.0.store(true, Ordering::SeqCst);
            }
        }
        let long = Long::start(1).unwrap();
        let dropped = Arc::new(AtomicBool::new(false));
        let told = Told(Arc::clone(&dropped));
        block_on(async {
            let for_ever = long.if_long(
                async move {
                    let _told = told;
                    loop {
                        tokio::task::yield_now().await;
                    }
                },
                || (),
            );
            assert!(tokio::time::timeout(Duration::from_millis(20), for_ever).await.is_err());
            while !dropped.load(Ordering::SeqCst) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
    }

    #[test]
    fn a_panic_is_told() {
        let long = Long::start(1).unwrap();
        let told = block_on(long.here(async {
            assert!(thread_name().is_empty(), "no");
        }));
        assert!(told.unwrap_err().contains("panic"));
    }
}
