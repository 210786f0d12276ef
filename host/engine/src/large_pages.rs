//! Guest memory on large pages.
//!
//! The first touch of a page is a fault: 2.5 us on a virtual machine for each 4 KiB, which is more than the bytes
//! themselves cost. A table of 24 MB has 6,000 such pages and twelve of 2 MiB, which Linux gives to memory that asks for
//! them. Only what a guest grows by asks, so that one that needs little does not wait for megabytes of zeroes.

use std::ptr::{NonNull, null_mut};

use rustix::mm::{Advice, MapFlags, MprotectFlags, ProtFlags, madvise, mmap_anonymous, mprotect, munmap};
use wasmtime::{LinearMemory, MemoryCreator, MemoryType};

/// Where large pages begin.
const LARGE: usize = 2 << 20;

/// Makes memories that grow by large pages.
pub(crate) struct LargePages;

/// One memory in a reservation of its own: guard, memory with room to grow, guard.
struct Memory {
    reservation: NonNull<u8>,
    reserved: usize,
    /// Within the reservation, at a multiple of [`LARGE`].
    base: NonNull<u8>,
    size: usize,
    capacity: usize,
}

// SAFETY: the pointers are to memory that belongs to the value alone.
unsafe impl Send for Memory {}
// SAFETY: nothing is changed through a shared reference.
unsafe impl Sync for Memory {}

impl Memory {
    fn new(minimum: usize, capacity: usize, guard: usize) -> wasmtime::Result<Self> {
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
        let before = guard + (reservation.as_ptr() as usize + guard).next_multiple_of(LARGE)
            - (reservation.as_ptr() as usize + guard);
        // SAFETY: `before` is at most `guard + LARGE`, so the memory and the guard behind it are within the reservation.
        let base = unsafe { reservation.add(before) };
        let mut memory = Self { reservation, reserved, base, size: 0, capacity };
        memory.grow_to(minimum)?;
        let first = minimum.next_multiple_of(LARGE);
        if first < capacity {
            // SAFETY: within the reservation; the advice changes no bytes. A system without large pages refuses, and
            // small ones do as well.
            let _ = unsafe {
                madvise(memory.base.as_ptr().add(first).cast(), capacity - first, Advice::LinuxHugepage)
            };
        }
        Ok(memory)
    }
}

// SAFETY: the base never moves; bytes up to `size` can be read and written and began as zeroes; those behind it, up to the
// capacity and the guard, cannot be touched.
unsafe impl LinearMemory for Memory {
    fn byte_size(&self) -> usize {
        self.size
    }

    fn byte_capacity(&self) -> usize {
        self.capacity
    }

    fn grow_to(&mut self, new_size: usize) -> wasmtime::Result<()> {
        if new_size > self.capacity {
            return Err(wasmtime::Error::msg("the memory has no room to grow"));
        }
        if let Some(more) = new_size.checked_sub(self.size).filter(|more| *more > 0) {
            // SAFETY: pages of the reservation behind those in use. WebAssembly's pages are a multiple of the system's.
            unsafe {
                let end = self.base.as_ptr().add(self.size);
                mprotect(end.cast(), more, MprotectFlags::READ | MprotectFlags::WRITE)?;
            }
            self.size = new_size;
        }
        Ok(())
    }

    fn as_ptr(&self) -> *mut u8 {
        self.base.as_ptr()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own, and its owner is done with it.
        let unmapped = unsafe { munmap(self.reservation.as_ptr().cast(), self.reserved) };
        debug_assert!(unmapped.is_ok(), "the reservation was mapped");
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
}
