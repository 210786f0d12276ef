//! Which artifacts this process has read to their end and found sound.
//!
//! Each state of a file is hashed once per process. A state is told by device, inode, size and the times of the last change
//! of its bytes and of itself: whatever writes to a file changes the last one, and nobody can set it back.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    fs::Metadata,
    os::unix::fs::MetadataExt as _,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use millstream_core::artifact::Digest;

use crate::Version;

/// Names one state of an artifact's file. Two that are equal have the same bytes, as far as the file system can tell.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity(String);

impl Identity {
    /// From its text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// As text, to hand it to another process of this machine.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Of a file.
    pub(crate) fn of_file(metadata: &Metadata) -> Self {
        Self(format!(
            "{:x}-{:x}-{:x}-{:x}.{:x}-{:x}.{:x}",
            metadata.dev(),
            metadata.ino(),
            metadata.len(),
            metadata.mtime(),
            metadata.mtime_nsec(),
            metadata.ctime(),
            metadata.ctime_nsec()
        ))
    }

    /// Of an object in a store without files.
    pub(crate) fn of_object(location: &str, version: &Version) -> Self {
        Self(format!("{location} {version}"))
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How many states are remembered before all are forgotten.
const REMEMBERED: usize = 100_000;

/// How coarse a file system's clock may be: a second change within this time might not show.
const TICK: Duration = Duration::from_millis(50);
/// The same for file systems that count whole seconds.
const COARSE_TICK: Duration = Duration::from_secs(2);

/// What was found sound. It is forgotten with the process, or with the handle on the artifacts that keeps it.
#[derive(Debug, Default)]
pub(crate) struct Known {
    states: Mutex<HashSet<(Digest, Identity)>>,
    /// In a store without files: what artifacts were when they were found sound, last.
    objects: Mutex<HashMap<Digest, Identity>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Known {
    /// Whether this state was found sound before.
    pub(crate) fn has(&self, digest: &Digest, identity: &Identity) -> bool {
        // A lookup by reference would need both borrowed as one.
        locked(&self.states).contains(&(*digest, identity.clone()))
    }

    /// This state is sound.
    pub(crate) fn remember(&self, digest: &Digest, identity: &Identity) {
        let mut states = locked(&self.states);
        if states.len() >= REMEMBERED {
            states.clear();
        }
        states.insert((*digest, identity.clone()));
    }

    /// This object's state is sound, as it was read or written by this process.
    pub(crate) fn remember_object(&self, digest: &Digest, identity: &Identity) {
        let mut objects = locked(&self.objects);
        if objects.len() >= REMEMBERED {
            objects.clear();
        }
        objects.insert(*digest, identity.clone());
    }

    /// The state that was found sound last, whatever it is now.
    pub(crate) fn object(&self, digest: &Digest) -> Option<Identity> {
        locked(&self.objects).get(digest).cloned()
    }

    /// It is to be looked at again.
    pub(crate) fn forget_object(&self, digest: &Digest) {
        locked(&self.objects).remove(digest);
    }
}

/// Whether a further change of the file would show in its identity: not if the last one was a moment ago.
pub(crate) fn is_settled(metadata: &Metadata) -> bool {
    let tick = if metadata.ctime_nsec() == 0 { COARSE_TICK } else { TICK };
    let (Ok(seconds), Ok(nanoseconds)) =
        (u64::try_from(metadata.ctime()), u32::try_from(metadata.ctime_nsec()))
    else {
        return false;
    };
    let changed = UNIX_EPOCH + Duration::new(seconds, nanoseconds);
    SystemTime::now().duration_since(changed).is_ok_and(|since| since > tick)
}
