//! SHA-256 of bytes as they come.

use std::{
    sync::mpsc::{SyncSender, sync_channel},
    thread::{self, JoinHandle},
};

use millstream_core::artifact::Digest;
use sha2::{Digest as _, Sha256};

/// From here on a thread of its own is worth its start.
const MANY: u64 = 4 << 20;
/// Blocks that may wait for that thread.
const WAITING: usize = 16;

/// Hashes few bytes at once, many aside: whoever makes them need not wait for the hash.
pub(crate) struct Hashing {
    size: u64,
    state: State,
}

enum State {
    Here(Sha256),
    Aside { blocks: SyncSender<Vec<u8>>, thread: JoinHandle<Sha256> },
}

impl Hashing {
    pub(crate) fn new() -> Self {
        Self { size: 0, state: State::Here(Sha256::new()) }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        match &mut self.state {
            State::Here(hasher) => {
                hasher.update(bytes);
                if self.size >= MANY {
                    self.step_aside();
                }
            }
            State::Aside { blocks, .. } => {
                // It takes blocks until they end, so that this cannot fail.
                let _ = blocks.send(bytes.to_vec());
            }
        }
    }

    /// Bytes so far.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn finish(self) -> Digest {
        let hasher = match self.state {
            State::Here(hasher) => hasher,
            State::Aside { blocks, thread } => {
                drop(blocks);
                thread.join().expect("hashing does not panic")
            }
        };
        Digest(hasher.finalize().into())
    }

    /// Where no thread can be had, all goes on here.
    fn step_aside(&mut self) {
        let State::Here(hasher) = &self.state else { return };
        let mut hasher = hasher.clone();
        let (blocks, taken) = sync_channel::<Vec<u8>>(WAITING);
        let thread = thread::Builder::new().name("hash".to_owned()).spawn(move || {
            taken.into_iter().for_each(|block| hasher.update(&block));
            hasher
        });
        if let Ok(thread) = thread {
            self.state = State::Aside { blocks, thread };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_bytes_and_few_have_the_same_digest_as_at_once() {
        for (count, block) in [(0, 1), (3, 10), (5, 1 << 20), (40, 300_000)] {
            let mut hashing = Hashing::new();
            let mut all = Vec::new();
            for i in 0..count {
                let bytes = vec![i as u8; block + i];
                hashing.update(&bytes);
                all.extend(bytes);
            }
            assert_eq!(hashing.size(), all.len() as u64);
            assert_eq!(hashing.finish(), Digest::of(&all));
        }
    }
}
