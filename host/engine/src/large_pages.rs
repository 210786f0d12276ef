//! Guest memory on large pages, and in the place where it is known to be.
//!
//! The first touch of a page is a fault: 2.5 us on a virtual machine for each 4 KiB, which is more than the bytes
//! themselves cost. A table of 24 MB has 6,000 such pages and twelve of 2 MiB, which Linux gives to memory that asks for
//! them. Only what a guest grows by asks, so that one that needs little does not wait for megabytes of zeroes.
//!
//! A component does not show its memory to the host. Who wants to keep a copy of it, or to put one in its place, leaves a
//! [`Place`] with the store's limiter, which is asked right before a memory is made.

use std::{
    cell::RefCell,
    fs::File,
    ptr::{NonNull, null_mut},
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use rustix::{
    io::Errno,
    mm::{Advice, MapFlags, MprotectFlags, ProtFlags, madvise, mmap, mmap_anonymous, mprotect, munmap},
};
use wasmtime::{LinearMemory, MemoryCreator, MemoryType};

use crate::sigbus::Watched;

/// Where large pages begin.
const LARGE: usize = 2 << 20;

/// Makes memories that grow by large pages.
pub(crate) struct LargePages;

/// Where the memories of an instance are.
#[derive(Clone, Default)]
pub(crate) struct Place(Arc<Mutex<Vec<Arc<Mapping>>>>);

thread_local! {
    /// Where the memory that is made next on this thread is to be noted.
    static NEXT: RefCell<Option<Place>> = const { RefCell::new(None) };
}

impl Place {
    /// The memory that this thread makes next belongs here.
    pub fn announce(&self) {
        NEXT.set(Some(self.clone()));
    }

    /// The one memory of the instance; none if it has several or none.
    pub fn only(&self) -> Option<Arc<Mapping>> {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).as_slice() {
            [one] => Some(Arc::clone(one)),
            _ => None,
        }
    }

    fn add(&self, mapping: &Arc<Mapping>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(mapping));
    }
}

/// A reservation: guard, memory with room to grow, guard.
pub(crate) struct Mapping {
    reservation: NonNull<u8>,
    reserved: usize,
    /// Within the reservation, at a multiple of [`LARGE`].
    base: NonNull<u8>,
    size: AtomicUsize,
    capacity: usize,
    /// Of the file that was put in place of its bytes.
    watched: OnceLock<Watched>,
}

// SAFETY: the pointers are to memory that belongs to the value alone.
unsafe impl Send for Mapping {}
// SAFETY: through a shared reference bytes are reached by `unsafe` functions alone, whose callers see to it that nobody
// else does.
unsafe impl Sync for Mapping {}

impl Mapping {
    fn new(capacity: usize, guard: usize) -> wasmtime::Result<Self> {
        let too_large = || wasmtime::Error::msg("a memory of this size does not fit the address space");
        let reserved = capacity
            .checked_add(2 * guard)
            .and_then(|bytes| bytes.checked_add(LARGE))
            .ok_or_else(too_large)?;
        // SAFETY: a new mapping, where the system likes to have it, that nobody can touch yet.
        let start = unsafe {
            mmap_anonymous(null_mut(), reserved, ProtFlags::empty(), MapFlags::PRIVATE | MapFlags::NORESERVE)?
        };
        let reservation = NonNull::new(start.cast::<u8>()).ok_or_else(too_large)?;
        let first = reservation.as_ptr() as usize + guard;
        let before = guard + first.next_multiple_of(LARGE) - first;
        // SAFETY: `before` is at most `guard + LARGE`, so the memory and the guard behind it are within the reservation.
        let base = unsafe { reservation.add(before) };
        Ok(Self {
            reservation,
            reserved,
            base,
            size: AtomicUsize::new(0),
            capacity,
            watched: OnceLock::new(),
        })
    }

    /// Bytes in use.
    pub fn size(&self) -> usize {
        self.size.load(Ordering::Relaxed)
    }

    /// What the guest has in its memory.
    ///
    /// # Safety
    /// The guest must not run while the bytes are borrowed.
    pub unsafe fn bytes(&self) -> &[u8] {
        // SAFETY: bytes up to `size` can be read, and nobody writes to them.
        unsafe { std::slice::from_raw_parts(self.base.as_ptr(), self.size()) }
    }

    /// Puts the beginning of a file in place of as many bytes. What the guest writes there stays its own.
    ///
    /// # Errors
    /// If there are fewer bytes in use, or the file cannot be mapped.
    ///
    /// # Safety
    /// The guest must not run meanwhile, and what it finds afterwards must be the memory of an instance of its own
    /// component. The file must keep its bytes for as long as the mapping lives. If it loses some at its end, or if the disk
    /// does not give them any more, zeroes are in their place, and [`Mapping::is_torn`] says so.
    pub unsafe fn replace(&self, file: &File, bytes: usize) -> Result<(), Errno> {
        if bytes > self.size() {
            return Err(Errno::INVAL);
        }
        if self.watched.get().is_none() {
            let watched = Watched::new(self.base.as_ptr() as usize, self.capacity).ok_or(Errno::NOBUFS)?;
            // Whoever was first watches the same place.
            let _ = self.watched.set(watched);
        }
        let access = ProtFlags::READ | ProtFlags::WRITE;
        let flags = MapFlags::PRIVATE | MapFlags::FIXED;
        // SAFETY: the range is this value's own and in use; the caller answers for what comes into it.
        unsafe { mmap(self.base.as_ptr().cast(), bytes, access, flags, file, 0) }.map(drop)
    }
}

impl Mapping {
    /// Whether bytes of the file were missing when they were needed: zeroes are in their place.
    pub fn is_torn(&self) -> bool {
        self.watched.get().is_some_and(Watched::is_torn)
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // Before the place can be somebody else's.
        drop(self.watched.take());
        // SAFETY: the mapping is this value's own, and its owners are done with it.
        let unmapped = unsafe { munmap(self.reservation.as_ptr().cast(), self.reserved) };
        debug_assert!(unmapped.is_ok(), "the reservation was mapped");
    }
}

/// One memory in a reservation of its own.
struct Memory(Arc<Mapping>);

impl Memory {
    fn new(minimum: usize, capacity: usize, guard: usize) -> wasmtime::Result<Self> {
        let mut memory = Self(Arc::new(Mapping::new(capacity, guard)?));
        memory.grow_to(minimum)?;
        let first = minimum.next_multiple_of(LARGE);
        if first < capacity {
            // SAFETY: within the reservation; the advice changes no bytes. A system without large pages refuses, and
            // small ones do as well.
            let _ = unsafe {
                madvise(memory.0.base.as_ptr().add(first).cast(), capacity - first, Advice::LinuxHugepage)
            };
        }
        if let Some(place) = NEXT.take() {
            place.add(&memory.0);
        }
        Ok(memory)
    }
}

// SAFETY: the base never moves; bytes up to `size` can be read and written and began as zeroes; those behind it, up to the
// capacity and the guard, cannot be touched.
unsafe impl LinearMemory for Memory {
    fn byte_size(&self) -> usize {
        self.0.size()
    }

    fn byte_capacity(&self) -> usize {
        self.0.capacity
    }

    fn grow_to(&mut self, new_size: usize) -> wasmtime::Result<()> {
        if new_size > self.0.capacity {
            return Err(wasmtime::Error::msg("the memory has no room to grow"));
        }
        let size = self.0.size();
        if let Some(more) = new_size.checked_sub(size).filter(|more| *more > 0) {
            // SAFETY: pages of the reservation behind those in use. WebAssembly's pages are a multiple of the system's.
            unsafe {
                let end = self.0.base.as_ptr().add(size);
                mprotect(end.cast(), more, MprotectFlags::READ | MprotectFlags::WRITE)?;
            }
            self.0.size.store(new_size, Ordering::Relaxed);
        }
        Ok(())
    }

    fn as_ptr(&self) -> *mut u8 {
        self.0.base.as_ptr()
    }
}

// SAFETY: see `Memory`: reserved as asked for, guards on both sides, zeroed.
unsafe impl MemoryCreator for LargePages {
    fn new_memory(
        &self,
        _: MemoryType,
        minimum: usize,
        maximum: Option<usize>,
        reserved: Option<usize>,
        guard: usize,
    ) -> Result<Box<dyn LinearMemory>, String> {
        let capacity =
            reserved.unwrap_or(0).max(minimum).max(maximum.filter(|_| reserved.is_none()).unwrap_or(0));
        match Memory::new(minimum, capacity, guard) {
            Ok(memory) => Ok(Box::new(memory)),
            Err(error) => Err(format!("can't reserve memory: {error:#}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_memory_grows_in_place_and_begins_with_zeroes() {
        let page = 64 << 10;
        let mut memory = Memory::new(page, 8 << 20, page).unwrap();
        let base = memory.as_ptr();
        assert_eq!(base as usize % LARGE, 0);
        memory.grow_to(5 << 20).unwrap();
        assert_eq!((memory.as_ptr(), memory.byte_size(), memory.byte_capacity()), (base, 5 << 20, 8 << 20));
        // SAFETY: within the memory, which this test alone has.
        let bytes = unsafe { std::slice::from_raw_parts_mut(base, 5 << 20) };
        assert!(bytes.iter().all(|byte| *byte == 0));
        bytes.fill(1);
        assert!(memory.grow_to((8 << 20) + page).is_err());
        memory.grow_to(8 << 20).unwrap();
        // SAFETY: as above.
        let last = unsafe { *base.add((8 << 20) - 1) };
        assert_eq!(last, 0);
    }

    #[test]
    fn a_file_takes_the_place_of_bytes_and_stays_as_it_is() {
        let page = 64 << 10;
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![7; 2 * page]).unwrap();
        let place = Place::default();
        place.announce();
        let mut memory = Memory::new(page, 8 << 20, page).unwrap();
        let mapping = place.only().unwrap();
        // SAFETY: there is no guest.
        assert!(unsafe { mapping.replace(&file, 2 * page) }.is_err(), "it is larger than the memory");
        memory.grow_to(3 * page).unwrap();
        for _ in 0..2 {
            // SAFETY: there is no guest, and the file keeps its length.
            let bytes = unsafe {
                mapping.replace(&file, 2 * page).unwrap();
                std::slice::from_raw_parts_mut(memory.as_ptr(), 3 * page)
            };
            assert!(bytes[..2 * page].iter().all(|byte| *byte == 7), "the file has its bytes still");
            assert!(bytes[2 * page..].iter().all(|byte| *byte == 0));
            bytes[..2 * page].fill(1);
        }
        let _second = Memory::new(page, 8 << 20, page).unwrap();
        assert!(place.only().is_some(), "only memories that are announced are noted");
        place.announce();
        let _third = Memory::new(page, 8 << 20, page).unwrap();
        assert!(place.only().is_none(), "an instance with two memories has no only one");
    }

    #[test]
    fn a_file_that_is_cut_short_leaves_zeroes_and_a_word_of_it() {
        let page = 64 << 10;
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![7; 4 * page]).unwrap();
        let place = Place::default();
        place.announce();
        let memory = Memory::new(4 * page, 8 << 20, page).unwrap();
        let mapping = place.only().unwrap();
        // SAFETY: there is no guest.
        let bytes = unsafe {
            mapping.replace(&file, 4 * page).unwrap();
            std::slice::from_raw_parts(memory.as_ptr(), 4 * page)
        };
        assert_eq!((bytes[0], bytes[3 * page], mapping.is_torn()), (7, 7, false));
        file.set_len(page as u64).unwrap();
        assert_eq!((bytes[0], mapping.is_torn()), (7, false));
        assert_eq!((bytes[2 * page], bytes[4 * page - 1]), (0, 0));
        assert!(mapping.is_torn());
    }
}
