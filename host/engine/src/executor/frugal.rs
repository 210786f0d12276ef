//! Ends this process when compiling takes more memory than it may. A compiler can't be stopped half-way, but its process can.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// Watches until it is dropped.
pub(crate) struct Frugal {
    over: Arc<AtomicBool>,
    watching: Option<JoinHandle<()>>,
    #[cfg(target_os = "linux")]
    before: Option<rustix::process::Rlimit>,
}

/// The code with which the process ends.
pub(crate) const EXIT_CODE: i32 = 75;

/// How often the memory is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// What may come between two looks; beyond it the system gives no more memory, and the process aborts.
#[cfg(target_os = "linux")]
const SLACK: u64 = 512 << 20;

impl Frugal {
    /// `limit` bytes more than there are now.
    pub fn new(limit: u64) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let start = resident();
        let watch = {
            let over = Arc::clone(&over);
            move || {
                while !over.load(Ordering::Relaxed) {
                    if resident().zip(start).is_some_and(|(now, start)| now.saturating_sub(start) > limit) {
                        end();
                    }
                    thread::park_timeout(LOOK);
                }
            }
        };
        // Where the system does not tell, there is nothing to watch.
        let watching = start.and_then(|_| thread::Builder::new().name("frugal".to_owned()).spawn(watch).ok());
        Self {
            over,
            watching,
            #[cfg(target_os = "linux")]
            before: cap(limit),
        }
    }
}

impl Drop for Frugal {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        #[cfg(target_os = "linux")]
        if let Some(before) = self.before {
            // It was so before.
            let _ = rustix::process::setrlimit(rustix::process::Resource::Data, before);
        }
        if let Some(watching) = self.watching.take() {
            watching.thread().unpark();
            // It does not panic.
            let _ = watching.join();
        }
    }
}

/// Bytes of this process that are in memory, and bytes that it could write to.
#[cfg(target_os = "linux")]
fn measure() -> Option<(u64, u64)> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let mut pages = text.split(' ').map(|word| word.parse::<u64>().ok());
    let (resident, data) = (pages.nth(1)??, pages.nth(3)??);
    let page = rustix::param::page_size() as u64;
    Some((resident * page, data * page))
}

#[cfg(target_os = "linux")]
fn resident() -> Option<u64> {
    measure().map(|(resident, _)| resident)
}

#[cfg(not(target_os = "linux"))]
fn resident() -> Option<u64> {
    None
}

/// Has the system refuse what is far too much; what was the limit before.
#[cfg(target_os = "linux")]
fn cap(limit: u64) -> Option<rustix::process::Rlimit> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let before = getrlimit(Resource::Data);
    let most = measure()?.1.saturating_add(limit).saturating_add(SLACK);
    if before.current.is_some_and(|current| current <= most) {
        return None;
    }
    let capped = Rlimit { current: Some(most), maximum: before.maximum };
    setrlimit(Resource::Data, capped).ok().map(|()| before)
}

/// At once: other threads are in the middle of their work.
fn end() -> ! {
    #[cfg(target_os = "linux")]
    // SAFETY: it ends the process, and nothing that belongs to others is half done.
    unsafe {
        libc::_exit(EXIT_CODE)
    }
    #[cfg(not(target_os = "linux"))]
    std::process::exit(EXIT_CODE)
}
