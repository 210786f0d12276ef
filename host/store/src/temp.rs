//! Files on their way into a store, removed when nobody will finish them: on drop, or by the next process that opens
//! the store after this one was killed.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{Error, Result, create_private_folder, private_file};

/// A file that is removed when dropped. Write to it, then give it to [`Store::put_file`](crate::Store::put_file).
#[derive(Debug)]
pub struct TempFile {
    file: File,
    path: PathBuf,
    folder: Arc<TempFolder>,
}

impl TempFile {
    /// Where it is, for whom a path is handier than a writer.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The open file.
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Whether it lies in `folder`, from where it can be moved into the store without copying.
    pub(crate) fn is_in(&self, folder: &Arc<TempFolder>) -> bool {
        Arc::ptr_eq(&self.folder, folder)
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        // Gone already if it was moved into the store. If this fails, the next opening cleans up.
        let _ = fs::remove_file(&self.path);
    }
}

impl Read for TempFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
}

impl Write for TempFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for TempFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// One handle's folder for temporary files: `<root>/<name>`, with `<root>/<name>.lock` locked for as long as the
/// handle lives. A lock that can be taken belongs to a dead process, and its folder is rubbish.
#[derive(Debug)]
pub(crate) struct TempFolder {
    path: PathBuf,
    lock_path: PathBuf,
    /// Held, not read.
    _lock: File,
    next: AtomicU64,
}

impl TempFolder {
    /// Makes a folder of our own under `root`.
    pub(crate) fn create(root: &Path) -> Result<Arc<Self>> {
        create_private_folder(root).map_err(|e| Error::io("create folder", root, e))?;
        loop {
            // tempfile finds a free name; from then on the lock, not the name, says whose it is.
            let (file, lock_path) = tempfile::Builder::new()
                .suffix(".lock")
                .tempfile_in(root)
                .and_then(|named| named.keep().map_err(|e| e.error))
                .map_err(|e| Error::io("create a lock file in", root, e))?;
            file.lock().map_err(|e| Error::io("lock", &lock_path, e))?;
            // A cleaner may have come between creating and locking, and removed the file. Once locked it stays.
            if !lock_path.exists() {
                continue;
            }
            let path = lock_path.with_extension("");
            DirBuilder::new().mode(0o700).create(&path).map_err(|e| Error::io("create folder", &path, e))?;
            return Ok(Arc::new(Self { path, lock_path, _lock: file, next: AtomicU64::new(0) }));
        }
    }

    /// Removes what dead processes left under `root`. Errors are left to the next time: nothing depends on it.
    pub(crate) fn clean(root: &Path) {
        let Ok(entries) = fs::read_dir(root) else { return };
        for lock_path in
            entries.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|x| x == "lock"))
        {
            let Ok(lock) = OpenOptions::new().write(true).open(&lock_path) else { continue };
            if lock.try_lock().is_ok() {
                // The folder first: without its lock nobody would find it.
                let folder = lock_path.with_extension("");
                if fs::remove_dir_all(&folder).is_ok() || !folder.exists() {
                    let _ = fs::remove_file(&lock_path);
                }
            }
        }
    }

    /// An empty file.
    pub(crate) fn file(self: &Arc<Self>) -> Result<TempFile> {
        let path = self.path.join(self.next.fetch_add(1, Ordering::Relaxed).to_string());
        // The mode stays with it when it becomes an object.
        let file = private_file()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(|e| Error::io("create", &path, e))?;
        Ok(TempFile { file, path, folder: self.clone() })
    }
}

impl Drop for TempFolder {
    fn drop(&mut self) {
        if fs::remove_dir_all(&self.path).is_ok() {
            let _ = fs::remove_file(&self.lock_path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_living_keep_their_files_and_the_dead_lose_them() {
        let root = tempfile::tempdir().unwrap();
        let alive = TempFolder::create(root.path()).unwrap();
        let file = alive.file().unwrap();
        // A dead process's: a lock nobody holds, and a folder.
        fs::write(root.path().join("dead.lock"), "").unwrap();
        fs::create_dir(root.path().join("dead")).unwrap();
        fs::write(root.path().join("dead/0"), "half").unwrap();

        TempFolder::clean(root.path());
        assert!(file.path().exists());
        assert!(!root.path().join("dead").exists() && !root.path().join("dead.lock").exists());

        // The folder goes with its last file, not with the handle.
        let path = file.path().to_owned();
        drop(alive);
        assert!(path.exists());
        drop(file);
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }
}
