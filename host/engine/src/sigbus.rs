//! What happens when a file that is mapped into a guest's memory is shorter than it was, or when the disk does not give its
//! bytes: the system sends SIGBUS to whoever touches them, which ends the process. Here zeroes take the place of what is
//! missing, and whoever asks is told: the answer of that guest is not believed, and all others go on.

use std::{
    mem, ptr,
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

/// A place that is watched for as long as this lives.
pub(crate) struct Watched(&'static Slot);

struct Slot {
    /// 0: nobody's.
    start: AtomicUsize,
    /// 0: not watched.
    end: AtomicUsize,
    torn: AtomicBool,
}

/// More mappings than a server has predictors; one that finds no room is loaded from its state.
const SLOTS: usize = 4096;

static SLOTS_OF_ALL: [Slot; SLOTS] =
    [const { Slot { start: AtomicUsize::new(0), end: AtomicUsize::new(0), torn: AtomicBool::new(false) } };
        SLOTS];

/// What was there before, for faults elsewhere. None: it could not be installed.
static BEFORE: OnceLock<Option<libc::sigaction>> = OnceLock::new();

impl Watched {
    /// Watches `bytes` from the address `start` on. None if there is no room, or no way to.
    pub fn new(start: usize, bytes: usize) -> Option<Self> {
        BEFORE.get_or_init(install).as_ref()?;
        let take =
            |slot: &&Slot| slot.start.compare_exchange(0, start, Ordering::SeqCst, Ordering::SeqCst).is_ok();
        let slot = SLOTS_OF_ALL.iter().find(take)?;
        slot.torn.store(false, Ordering::SeqCst);
        slot.end.store(start + bytes, Ordering::SeqCst);
        Some(Self(slot))
    }

    /// Whether something was missing.
    pub fn is_torn(&self) -> bool {
        self.0.torn.load(Ordering::SeqCst)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.0.end.store(0, Ordering::SeqCst);
        self.0.start.store(0, Ordering::SeqCst);
    }
}

fn install() -> Option<libc::sigaction> {
    // SAFETY: both are plain data, all zeroes are fine, and the handler keeps to what a handler may do.
    unsafe {
        let mut action: libc::sigaction = mem::zeroed();
        let mut before: libc::sigaction = mem::zeroed();
        let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) = on_fault;
        action.sa_sigaction = handler as usize;
        // On a stack of its own: the guest's may be full.
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        libc::sigemptyset(&mut action.sa_mask);
        (libc::sigaction(libc::SIGBUS, &action, &mut before) == 0).then_some(before)
    }
}

extern "C" fn on_fault(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the system hands over what it says; only calls that a handler may make are made.
    unsafe {
        if put_zeroes((*info).si_addr() as usize) {
            return;
        }
        let Some(Some(before)) = BEFORE.get() else {
            libc::signal(signal, libc::SIG_DFL);
            return;
        };
        match before.sa_sigaction {
            // It faults again, and ends the process as it would have without this.
            libc::SIG_DFL | libc::SIG_IGN => {
                libc::signal(signal, libc::SIG_DFL);
            }
            other if before.sa_flags & libc::SA_SIGINFO != 0 => {
                let other: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) =
                    mem::transmute(other);
                other(signal, info, context);
            }
            other => {
                let other: extern "C" fn(libc::c_int) = mem::transmute(other);
                other(signal);
            }
        }
    }
}

/// Zeroes in place of the WebAssembly page of `address`, if it is in a place that is watched. That page as a whole is in use,
/// and as large as the largest page of any system; what else was in it does not matter any more.
///
/// # Safety
/// To be called for an address that has just faulted.
unsafe fn put_zeroes(address: usize) -> bool {
    const PAGE: usize = 64 << 10;

    for slot in &SLOTS_OF_ALL {
        let (start, end) = (slot.start.load(Ordering::SeqCst), slot.end.load(Ordering::SeqCst));
        if start == 0 || !(start..end).contains(&address) {
            continue;
        }
        slot.torn.store(true, Ordering::SeqCst);
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
        let page = ptr::without_provenance_mut(address & !(PAGE - 1));
        // SAFETY: the place is its owner's alone, and begins at a multiple of `PAGE`; the thread's own error number is put
        // back.
        unsafe {
            let errno = *libc::__errno_location();
            let at = libc::mmap(page, PAGE, access, flags, -1, 0);
            *libc::__errno_location() = errno;
            return at != libc::MAP_FAILED;
        }
    }
    false
}
