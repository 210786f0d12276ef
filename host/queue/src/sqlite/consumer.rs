//! Who receives, and whether they are still alive: a lock file for each open handle, locked for as long as its process
//! lives. The kernel lets go of the lock however the process ends.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use crate::{Error, Result};

/// An open handle's proof of life.
#[derive(Debug)]
pub(super) struct Consumer {
    pub(super) id: String,
    path: PathBuf,
    /// Held, not read.
    _lock: File,
}

impl Consumer {
    /// A new one in `folder`. The caller keeps others from [cleaning](forget) meanwhile.
    pub(super) fn create(folder: &Path) -> Result<Self> {
        let (lock, path) = tempfile::Builder::new()
            .prefix("")
            .suffix(".lock")
            .rand_bytes(12)
            .tempfile_in(folder)
            .and_then(|named| named.keep().map_err(|e| e.error))
            .map_err(|e| Error::io("create a lock file in", folder, e))?;
        lock.lock().map_err(|e| Error::io("lock", &path, e))?;
        let id = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Self { id, path, _lock: lock })
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        // If this fails, the next process that opens the queue cleans up.
        let _ = fs::remove_file(&self.path);
    }
}

/// Whether the process that held this handle is gone. In doubt it is not: its messages' time-outs pass by themselves.
pub(super) fn is_dead(folder: &Path, id: &str) -> bool {
    match File::open(lock_path(folder, id)) {
        // Shared, so that two who ask at once don't take each other for the process.
        Ok(lock) => lock.try_lock_shared().is_ok(),
        Err(e) => e.kind() == io::ErrorKind::NotFound,
    }
}

/// Every handle that has a lock file.
pub(super) fn all(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let id = |entry: fs::DirEntry| entry.file_name().to_str()?.strip_suffix(".lock").map(str::to_owned);
    entries.flatten().filter_map(id).collect()
}

/// Removes a dead handle's lock file. Only after its messages are given back: no file means dead, too.
pub(super) fn forget(folder: &Path, id: &str) {
    let _ = fs::remove_file(lock_path(folder, id));
}

fn lock_path(folder: &Path, id: &str) -> PathBuf {
    folder.join(format!("{id}.lock"))
}
