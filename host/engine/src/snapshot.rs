//! Copies of the memory of loaded predictors, on disk: a predictor that was let go comes back by mapping its memory, in a
//! time that does not depend on its size, as pages are read when they are touched.
//!
//! ```text
//! <function cache>/<component>-<state>.memory
//!
//! memory    whole WebAssembly pages; those of zeroes are holes
//! magic     8 bytes   "MSMEMOR2"
//! digest    32 bytes  BLAKE3 of component, state and memory, with the cache's key
//! ```
//!
//! A copy is a cache: it can go at any time. It is trusted as compiled code is, whose folder and key it shares. What becomes of
//! a file that is cut short while it is mapped: see [`sigbus`](crate::sigbus).

use std::{
    collections::HashMap,
    fs::{self, File},
    io,
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use millstream_core::artifact::Digest;

use crate::{
    large_pages::Mapping,
    private::{self, Key, Mac},
};

const MAGIC: &[u8; 8] = b"MSMEMOR2";
const TRAILER: usize = MAGIC.len() + blake3::OUT_LEN;

/// What is digested.
const KIND: &str = "millstream cache: copy of a predictor's memory";
const EXTENSION: &str = "memory";

/// The unit in which WebAssembly's memory grows.
const PAGE: usize = 64 << 10;

/// What is looked at for being all zeroes: the system's page.
const HOLE: usize = 4 << 10;

/// Copies together take so much at the most; those that were not used for longest go.
const MOST_BYTES: u64 = 8 << 30;

/// A copy takes at most one part in so many of what is left of the disk.
const SHARE: u64 = 4;

/// The copies in one folder.
pub(crate) struct Snapshots {
    folder: PathBuf,
    key: Arc<Key>,
    /// Files that were read to their end and found sound by this process.
    sound: Mutex<HashMap<String, Identity>>,
}

/// Device, inode and length.
type Identity = (u64, u64, u64);

/// A copy that was found sound.
pub(crate) struct Snapshot {
    pub file: File,
    /// Of memory.
    pub bytes: usize,
}

fn name(component: &Digest, state: &Digest) -> String {
    format!("{component}-{state}.{EXTENSION}")
}

impl Snapshots {
    /// Those in `folder`, which nobody else can write into.
    pub fn new(folder: &Path, key: Arc<Key>) -> Self {
        Self { folder: folder.to_owned(), key, sound: Mutex::default() }
    }

    /// A hasher that has seen whose memory it is.
    fn hasher(&self, component: &Digest, state: &Digest) -> blake3::Hasher {
        let mut hasher = self.key.hasher(KIND);
        hasher.update(name(component, state).as_bytes());
        hasher
    }

    /// The copy of a component that had loaded a state. When this process sees it first, its bytes are checked, and so is
    /// the state by `verified`.
    pub fn open(
        &self,
        component: &Digest,
        state: &Digest,
        verified: impl FnOnce() -> bool,
    ) -> Option<Snapshot> {
        let name = name(component, state);
        let path = self.folder.join(&name);
        let file = match private::open(&path, File::options().read(true).write(true)) {
            Ok(file) => file,
            Err(error) => {
                if error.kind() == io::ErrorKind::InvalidData {
                    tracing::warn!(%error, "the copy of a predictor's memory is not ours; it is made anew");
                    let _ = fs::remove_file(&path);
                }
                return None;
            }
        };
        let metadata = file.metadata().ok()?;
        let identity = (metadata.dev(), metadata.ino(), metadata.len());
        let bytes = usize::try_from(metadata.len()).ok()?.checked_sub(TRAILER)?;
        let known = self.sound.lock().unwrap_or_else(PoisonError::into_inner).get(&name) == Some(&identity);
        if !known {
            if !is_sound(&file, bytes, self.hasher(component, state)) {
                tracing::warn!(
                    snapshot = name,
                    "the copy of a predictor's memory is damaged or not ours; it is made anew"
                );
                let _ = fs::remove_file(path);
                return None;
            }
            if !verified() {
                return None;
            }
            self.sound.lock().unwrap_or_else(PoisonError::into_inner).insert(name, identity);
        }
        // What was used last goes last.
        let _ = file.set_modified(SystemTime::now());
        Some(Snapshot { file, bytes })
    }

    /// Keeps a copy of the memory of a component that has loaded a state.
    ///
    /// # Safety
    /// The guest must not run meanwhile.
    pub unsafe fn keep(&self, component: &Digest, state: &Digest, memory: &Mapping) -> io::Result<()> {
        let path = self.folder.join(name(component, state));
        if fs::symlink_metadata(&path).is_ok() {
            return Ok(());
        }
        // SAFETY: the guest does not run.
        let bytes = unsafe { memory.bytes() };
        self.make_room(bytes.len() as u64)?;
        let disk = rustix::fs::statvfs(&self.folder)?;
        if bytes.len() as u64 > disk.f_bavail * disk.f_frsize / SHARE {
            return Err(io::Error::new(
                io::ErrorKind::StorageFull,
                "it would take much of what is left of the disk",
            ));
        }
        // Who is killed here leaves a file that makes room like any other.
        let mut file = tempfile::Builder::new().suffix(&format!(".{EXTENSION}")).tempfile_in(&self.folder)?;
        write(file.as_file_mut(), bytes, self.hasher(component, state))?;
        file.persist(path)?;
        Ok(())
    }

    /// Lets go of a copy that turned out to be of no use.
    pub fn forget(&self, component: &Digest, state: &Digest) {
        let name = name(component, state);
        self.sound.lock().unwrap_or_else(PoisonError::into_inner).remove(&name);
        let _ = fs::remove_file(self.folder.join(name));
    }

    fn make_room(&self, bytes: u64) -> io::Result<()> {
        let mut copies = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == EXTENSION)
                && let Ok(metadata) = path.metadata()
            {
                let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                copies.push((used, metadata.blocks() * 512, path));
            }
        }
        copies.sort();
        let mut total: u64 = bytes + copies.iter().map(|(_, bytes, _)| bytes).sum::<u64>();
        for (_, bytes, path) in copies {
            if total <= MOST_BYTES {
                break;
            }
            fs::remove_file(path)?;
            total -= bytes;
        }
        Ok(())
    }
}

/// Memory and trailer, with holes for zeroes.
fn write(file: &mut File, memory: &[u8], mut hasher: blake3::Hasher) -> io::Result<()> {
    let is_hole = |at: usize| memory[at..at + HOLE] == [0; HOLE];
    let mut at = 0;
    while at < memory.len() {
        if is_hole(at) {
            at += HOLE;
            continue;
        }
        let end = (at + HOLE..memory.len()).step_by(HOLE).find(|end| is_hole(*end)).unwrap_or(memory.len());
        file.write_all_at(&memory[at..end], at as u64)?;
        at = end;
    }
    let mut trailer = [0; TRAILER];
    trailer[..MAGIC.len()].copy_from_slice(MAGIC);
    trailer[MAGIC.len()..].copy_from_slice(hasher.update(memory).finalize().as_bytes());
    file.write_all_at(&trailer, memory.len() as u64)
}

fn is_sound(file: &File, bytes: usize, mut hasher: blake3::Hasher) -> bool {
    let mut trailer = [0; TRAILER];
    if !bytes.is_multiple_of(PAGE) || file.read_exact_at(&mut trailer, bytes as u64).is_err() {
        return false;
    }
    let mut piece = vec![0; 1 << 20];
    for at in (0..bytes).step_by(piece.len()) {
        let piece = &mut piece[..(bytes - at).min(1 << 20)];
        if file.read_exact_at(piece, at as u64).is_err() {
            return false;
        }
        hasher.update(piece);
    }
    let (magic, mac) = trailer.split_at(MAGIC.len());
    // Compared in constant time.
    magic == MAGIC && Mac::from_slice(mac).is_ok_and(|mac| hasher.finalize() == mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digests() -> (Digest, Digest) {
        (Digest::of(b"component"), Digest::of(b"state"))
    }

    fn copies_in(folder: &Path) -> Snapshots {
        Snapshots::new(folder, Arc::new(Key::open(folder).unwrap()))
    }

    #[test]
    fn what_is_written_is_sound_until_a_byte_changes() {
        let mut memory = vec![0; 3 * PAGE];
        memory[5] = 1;
        memory[PAGE..PAGE + 5000].fill(2);
        let mut file = tempfile::tempfile().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let snapshots = copies_in(folder.path());
        let (component, state) = digests();
        let hasher = || snapshots.hasher(&component, &state);
        let is_sound = |file: &File, bytes: usize| is_sound(file, bytes, hasher());
        write(&mut file, &memory, hasher()).unwrap();
        assert!(is_sound(&file, memory.len()));
        assert!(!super::is_sound(&file, memory.len(), snapshots.hasher(&state, &component)), "another's");
        let mut back = vec![0; memory.len()];
        file.read_exact_at(&mut back, 0).unwrap();
        assert_eq!(back, memory);
        assert!(file.metadata().unwrap().blocks() * 512 < PAGE as u64, "zeroes take no room");
        assert!(!is_sound(&file, 2 * PAGE), "cut short");
        for place in [5, 2 * PAGE, 3 * PAGE, 3 * PAGE + 9] {
            let mut byte = [0];
            file.read_exact_at(&mut byte, place as u64).unwrap();
            file.write_all_at(&[byte[0] ^ 4], place as u64).unwrap();
            assert!(!is_sound(&file, memory.len()), "{place}");
            file.write_all_at(&byte, place as u64).unwrap();
        }
        assert!(is_sound(&file, memory.len()));
    }

    #[test]
    fn a_copy_is_checked_once_and_a_damaged_one_goes() {
        let folder = tempfile::tempdir().unwrap();
        let (component, state) = digests();
        let path = folder.path().join(name(&component, &state));
        let snapshots = copies_in(folder.path());
        let put = |snapshots: &Snapshots| {
            let hasher = snapshots.hasher(&component, &state);
            write(&mut File::create(&path).unwrap(), &vec![7; PAGE], hasher).unwrap();
        };
        put(&snapshots);
        assert!(snapshots.open(&component, &state, || false).is_none(), "the state is damaged");
        assert_eq!(snapshots.open(&component, &state, || true).unwrap().bytes, PAGE);
        assert!(snapshots.open(&component, &state, || panic!("it was seen before")).is_some());

        let other = copies_in(folder.path());
        File::options().write(true).open(&path).unwrap().write_all_at(&[8], 9).unwrap();
        assert!(other.open(&component, &state, || true).is_none());
        assert!(!path.exists());

        let stranger = tempfile::tempdir().unwrap();
        put(&copies_in(stranger.path()));
        assert!(other.open(&component, &state, || true).is_none(), "whole, by somebody without the key");

        put(&other);
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
        assert!(other.open(&component, &state, || true).is_none(), "others can write to it");
        let elsewhere = folder.path().join("elsewhere");
        put(&other);
        fs::rename(&path, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        assert!(other.open(&component, &state, || true).is_none(), "a link");
        assert!(elsewhere.exists() && !path.exists());
    }

    #[test]
    fn the_copies_that_were_not_used_for_longest_make_room() {
        let folder = tempfile::tempdir().unwrap();
        let snapshots = copies_in(folder.path());
        let age = |name: &str, seconds: u64| {
            let path = folder.path().join(name);
            fs::write(&path, vec![1; 1 << 20]).unwrap();
            let when = SystemTime::now() - std::time::Duration::from_secs(seconds);
            File::options().write(true).open(&path).unwrap().set_modified(when).unwrap();
            path
        };
        let (old, new, code) = (age("old.memory", 20), age("new.memory", 10), age("x.code", 30));
        snapshots.make_room(MOST_BYTES - (2 << 20) - (64 << 10)).unwrap();
        assert!(old.exists() && new.exists());
        snapshots.make_room(MOST_BYTES - (1 << 20) - (64 << 10)).unwrap();
        assert!(!old.exists() && new.exists() && code.exists());
    }
}
