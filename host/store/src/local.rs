//! Objects as files in a folder.
//!
//! An object is written to a temporary file and moved to its place in one step, so that it is there whole or not at all:
//! by hard link if it must not exist yet (the file system refuses a second one), else by rename under a lock that all
//! processes share. Files are never changed in place: an open file is a snapshot.
//!
//! Layout: `<root>/<key>`, and `<root>/.store/` for temporary files and locks, which no key can name. Folders and files are
//! their owner's alone (0700, 0600). Nothing is written by opening a store: one that cannot be written to can be read.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::{self, Read, Seek, Write},
    os::unix::fs::{FileExt, MetadataExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use millstream_core::artifact::Digest;

use crate::{
    Condition, Entry, Error, ErrorKind, LocalFiles, Looks, MAX_PAGE, Object, Page, PutOptions, Result, Store,
    TempFile, Version, check_key, check_prefix, create_private_folder,
    error::Detail,
    memory::{checked_range, folder_clash},
    private_file,
    source::open_without_waiting,
    temp::TempFolder,
};

mod walk;

/// Under the root.
const LOCKS: &str = ".store/locks";
const TEMP: &str = ".store/temp";

/// How often a write makes its folder anew when others keep removing it as empty.
const ATTEMPTS: usize = 100;

/// How many folders are remembered as being on disk.
const MAX_DURABLE_FOLDERS: usize = 10_000;

/// A [`Store`] in a folder, shared by any number of threads and processes of one machine.
#[derive(Debug)]
pub struct LocalStore {
    root: PathBuf,
    locks: PathBuf,
    /// Made at the first write.
    temp: Mutex<Option<Arc<TempFolder>>>,
    /// Folders whose own names are known to be on disk.
    durable_folders: Mutex<HashSet<PathBuf>>,
}

impl LocalStore {
    /// Opens the folder `root`, makes it if it is missing, and removes what killed processes left behind.
    ///
    /// # Errors
    /// `Permission`, `Full`, `Unavailable`.
    pub fn open(root: impl AsRef<Path>) -> Result<Self> {
        let root = root.as_ref();
        let root = std::path::absolute(root).map_err(|e| Error::io("find", root, e))?;
        create_private_folder(&root).map_err(|e| Error::io("create folder", &root, e))?;
        TempFolder::clean(&root.join(TEMP));
        let locks = root.join(LOCKS);
        Ok(Self { root, locks, temp: Mutex::default(), durable_folders: Mutex::default() })
    }

    fn temp(&self) -> Result<Arc<TempFolder>> {
        let mut temp = self.temp.lock().unwrap_or_else(PoisonError::into_inner);
        match &*temp {
            Some(temp) => Ok(temp.clone()),
            None => Ok(temp.insert(TempFolder::create(&self.root.join(TEMP))?).clone()),
        }
    }

    fn place_of(&self, key: &str) -> Result<PathBuf> {
        check_key(key)?;
        Ok(self.root.join(key))
    }

    fn open_object(&self, key: &str) -> Result<(File, fs::Metadata, PathBuf)> {
        let path = self.place_of(key)?;
        let file = open_without_waiting(&path).map_err(|e| absent_or(key, "open", &path, e))?;
        let metadata = file.metadata().map_err(|e| Error::io("read the size of", &path, e))?;
        if metadata.is_file() { Ok((file, metadata, path)) } else { Err(Error::not_found(key)) }
    }

    /// The object's metadata, if it is there.
    fn find(&self, path: &Path) -> Result<Option<fs::Metadata>> {
        match fs::metadata(path) {
            Ok(metadata) => Ok(metadata.is_file().then_some(metadata)),
            Err(e) if is_absent(&e) => Ok(None),
            Err(e) => Err(Error::io("look up", path, e)),
        }
    }

    /// Excludes every other replacement and deletion of this key, in all processes, until dropped.
    fn lock(&self, key: &str) -> Result<File> {
        // Keys share 256 lock files, so that locks need no cleaning up.
        let path = self.locks.join(format!("{:02x}", Digest::of(key.as_bytes()).0[0]));
        let open = || private_file().write(true).create(true).truncate(false).open(&path);
        let file = open().or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => create_private_folder(&self.locks).and_then(|()| open()),
            _ => Err(error),
        });
        let file = file.map_err(|e| Error::io("open lock", &path, e))?;
        loop {
            match file.lock() {
                Ok(()) => return Ok(file),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(Error::io("lock", &path, e)),
            }
        }
    }

    /// Moves a complete file to its place.
    fn place(&self, key: &str, mut temp: TempFile, options: &PutOptions) -> Result<Version> {
        let path = self.place_of(key)?;
        let at = temp.path().to_owned();
        let file = temp.file();
        set_modified(file, &at, SystemTime::now())?;
        if options.durable {
            file.sync_all().map_err(|e| Error::io("write to disk", &at, e))?;
        }
        let lock = match &options.condition {
            Condition::Absent => None,
            Condition::Any | Condition::Matches(_) => Some(self.lock(key)?),
        };
        if lock.is_some() {
            let old = self.find(&path)?;
            if let Condition::Matches(expected) = &options.condition
                && old.as_ref().is_none_or(|m| version(m) != *expected)
            {
                return Err(Detail::Changed { key: key.to_owned(), expected: expected.to_string() }.into());
            }
            outlast(file, &at, old.as_ref())?;
        }
        let version = version(&file.metadata().map_err(|e| Error::io("read the size of", &at, e))?);
        self.move_to_place(key, &at, &path, lock.is_some())?;
        drop(lock);
        if options.durable {
            self.sync_folder_of(&path)?;
        }
        Ok(version)
    }

    /// One step of the file system. Folders are made when they turn out to be missing, and an empty folder in the
    /// object's place, left by a deletion, is removed.
    fn move_to_place(&self, key: &str, from: &Path, to: &Path, replace: bool) -> Result<()> {
        let mut error = io::Error::from(io::ErrorKind::NotFound);
        for _ in 0..ATTEMPTS {
            error = match if replace { fs::rename(from, to) } else { fs::hard_link(from, to) } {
                Ok(()) => return Ok(()),
                Err(e) => e,
            };
            match error.kind() {
                io::ErrorKind::NotFound => {
                    let folder = to.parent().unwrap_or(&self.root);
                    match create_private_folder(folder) {
                        // Also said of a folder that another removes in the same moment; then once more.
                        Err(e) if is_clash(&e) => {
                            let clash = folder.ancestors().any(Path::is_file);
                            if clash {
                                return Err(folder_clash(key));
                            }
                        }
                        Err(e) if e.kind() != io::ErrorKind::NotFound => {
                            return Err(Error::io("create folder", folder, e));
                        }
                        _ => {}
                    }
                }
                io::ErrorKind::AlreadyExists | io::ErrorKind::IsADirectory if to.is_dir() => {
                    if fs::remove_dir(to).is_err_and(|e| e.kind() != io::ErrorKind::NotFound) {
                        return Err(folder_clash(key));
                    }
                }
                io::ErrorKind::AlreadyExists => return Err(self.in_the_way(key, to)),
                io::ErrorKind::NotADirectory => return Err(folder_clash(key)),
                _ => break,
            }
        }
        Err(Error::io("create", to, error))
    }

    /// Why no object can be made there: there is one, or something that is none.
    fn in_the_way(&self, key: &str, path: &Path) -> Error {
        let is_odd = path.symlink_metadata().is_ok_and(|at| !at.is_file() && !at.is_dir());
        if is_odd && self.find(path).is_ok_and(|there| there.is_none()) {
            let message = format!("{} is no file, or a link to none: remove it", path.display());
            return Error::new(ErrorKind::Unsupported, message);
        }
        Detail::Exists { key: key.to_owned() }.into()
    }

    /// Puts a new or removed name on disk, and the names of the folders above it the first time we meet them.
    fn sync_folder_of(&self, path: &Path) -> Result<()> {
        for (level, folder) in path.ancestors().skip(1).take_while(|f| f.starts_with(&self.root)).enumerate()
        {
            if level > 0 && self.durable_folders().contains(folder) {
                break;
            }
            match File::open(folder).and_then(|f| f.sync_all()) {
                Ok(()) => {}
                // Removed as empty: the folder above holds the news.
                Err(e) if is_absent(&e) => continue,
                Err(e) => return Err(Error::io("write to disk the folder", folder, e)),
            }
            if level > 0 {
                let mut known = self.durable_folders();
                // Forgetting costs a sync; remembering every folder ever written to would cost memory without end.
                if known.len() == MAX_DURABLE_FOLDERS {
                    known.clear();
                }
                known.insert(folder.to_owned());
            }
        }
        Ok(())
    }

    fn durable_folders(&self) -> std::sync::MutexGuard<'_, HashSet<PathBuf>> {
        self.durable_folders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for LocalStore {
    fn get(&self, key: &str) -> Result<Object> {
        let (mut file, metadata, path) = self.open_object(key)?;
        let mut bytes = Vec::new();
        // A damaged file may say that it is larger than any memory.
        let room = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
        bytes
            .try_reserve_exact(room)
            .map_err(|_| Error::io("read", &path, io::ErrorKind::OutOfMemory.into()))?;
        file.read_to_end(&mut bytes).map_err(|e| Error::io("read", &path, e))?;
        Ok(Object { bytes, version: version(&metadata) })
    }

    fn get_range(&self, key: &str, offset: u64, len: u64) -> Result<Vec<u8>> {
        let (file, metadata, path) = self.open_object(key)?;
        let range = checked_range(key, offset, len, metadata.len())?;
        let mut bytes = vec![0; (range.end - range.start) as usize];
        file.read_exact_at(&mut bytes, range.start).map_err(|e| Error::io("read", &path, e))?;
        Ok(bytes)
    }

    fn head(&self, key: &str) -> Result<Entry> {
        let metadata = self.find(&self.place_of(key)?)?.ok_or_else(|| Error::not_found(key))?;
        Ok(entry(key.to_owned(), &metadata))
    }

    fn put(&self, key: &str, bytes: &[u8], options: &PutOptions) -> Result<Version> {
        let path = self.place_of(key)?;
        // Most conditional creates that fail do so here, before anything is written.
        if options.condition == Condition::Absent && self.find(&path)?.is_some() {
            return Err(Detail::Exists { key: key.to_owned() }.into());
        }
        let mut temp = self.temp_file()?;
        temp.write_all(bytes).map_err(|e| Error::io("write", &path, e))?;
        self.place(key, temp, options)
    }

    fn put_file(&self, key: &str, mut file: TempFile, options: &PutOptions) -> Result<Version> {
        if !file.is_in(&self.temp()?) {
            // Another store's, perhaps on another disk: a move is only whole within one.
            let mut copy = self.temp_file()?;
            file.rewind()
                .and_then(|()| io::copy(file.file(), copy.file()))
                .map_err(|e| Error::io("copy", file.path(), e))?;
            file = copy;
        }
        self.place(key, file, options)
    }

    fn temp_file(&self) -> Result<TempFile> {
        self.temp()?.file()
    }

    fn list(&self, prefix: &str, start_after: Option<&str>, limit: usize) -> Result<Page> {
        check_prefix(prefix)?;
        walk::page(&self.root, prefix, start_after.unwrap_or(""), limit.clamp(1, MAX_PAGE))
    }

    fn delete(&self, key: &str) -> Result<()> {
        let path = self.place_of(key)?;
        let lock = self.lock(key)?;
        if self.find(&path)?.is_none() {
            return Ok(());
        }
        fs::remove_file(&path).map_err(|e| Error::io("remove", &path, e))?;
        drop(lock);
        for folder in path.ancestors().skip(1).take_while(|f| *f != self.root) {
            // Only succeeds for an empty one. Forgotten before, so that whoever makes it again puts it on disk again.
            self.durable_folders().remove(folder);
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
        self.sync_folder_of(&path)
    }

    fn local(&self) -> Option<&dyn LocalFiles> {
        Some(self)
    }

    fn looks(&self) -> Looks {
        Looks::LOCAL
    }

    fn location(&self) -> String {
        self.root.display().to_string()
    }
}

impl LocalFiles for LocalStore {
    fn root(&self) -> &Path {
        &self.root
    }

    fn path(&self, key: &str) -> Option<PathBuf> {
        self.place_of(key).ok()
    }
}

fn entry(key: String, metadata: &fs::Metadata) -> Entry {
    Entry { key, size: metadata.len(), version: version(metadata) }
}

/// Inode, time and size. The time is what tells a key's successive files apart (see [`outlast`]): inode numbers are used again.
fn version(metadata: &fs::Metadata) -> Version {
    let (s, ns) = (metadata.mtime(), metadata.mtime_nsec());
    Version(format!("{:x}-{s:x}.{ns:x}-{:x}", metadata.ino(), metadata.len()))
}

/// Makes the new file's time later than that of the file it replaces, even if the clock stood still or went back.
fn outlast(file: &File, path: &Path, old: Option<&fs::Metadata>) -> Result<()> {
    let time = |m: &fs::Metadata| m.modified().map_err(|e| Error::io("read the time of", path, e));
    let Some(old) = old.map(time).transpose()? else { return Ok(()) };
    let new = file.metadata().map_err(|e| Error::io("read the time of", path, e))?;
    if time(&new)? > old { Ok(()) } else { set_modified(file, path, old + Duration::from_nanos(1)) }
}

fn set_modified(file: &File, path: &Path, time: SystemTime) -> Result<()> {
    file.set_modified(time).map_err(|e| Error::io("set the time of", path, e))
}

/// No such file, or a file where a folder would have to be.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// A file where a folder would have to be, as folders are made.
fn is_clash(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory)
}

fn absent_or(key: &str, what: &'static str, path: &Path, error: io::Error) -> Error {
    if is_absent(&error) { Error::not_found(key) } else { Error::io(what, path, error) }
}
