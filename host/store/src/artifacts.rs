//! Immutable bytes under the name of their own SHA-256: `artifacts/<first byte>/<digest>`.
//!
//! A name is a promise, and disks, copies and people break it. Whoever reads an artifact for a job or a person goes through
//! [`Artifacts::open_verified`] or [`Artifacts::ensure`], which hash each state of a file once; whoever writes one
//! that is there already finds out whether it is sound, and replaces it if not.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use millstream_core::artifact::Digest;
use sha2::{Digest as _, Sha256};

use crate::{
    Condition, Error, ErrorKind, Identity, PutOptions, Result, Store, TempFile,
    error::Detail,
    failpoint::reached,
    hashing::Hashing,
    sound,
    source::{self, open_without_waiting},
};

/// How much is read at a time: large enough that a request over the network is worth its latency.
const BLOCK: u64 = 1 << 20;
/// How much is hashed at a time where nothing else is done with it: it stays in the core's own cache.
const HASHED: usize = 256 << 10;
/// How often a file that changes while it is hashed is hashed again.
const TRIES: usize = 3;

/// An artifact in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// SHA-256 of the bytes.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
    /// The store had it already, damaged; it is sound now.
    pub healed: bool,
}

/// Asked after each block: whether to go on.
pub type Going<'a> = &'a (dyn Fn() -> bool + 'a);

/// Nobody stops it.
const ON: Going<'static> = &|| true;

/// The artifacts of a store. Clones know together what was found sound.
#[derive(Clone)]
pub struct Artifacts {
    store: Arc<dyn Store>,
    known: Arc<sound::Known>,
}

impl Artifacts {
    /// Those of `store`.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, known: Arc::default() }
    }

    /// The store underneath.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// An artifact's key.
    pub fn key(digest: &Digest) -> String {
        format!("artifacts/{:02x}/{digest}", digest.0[0])
    }

    /// A new artifact, to be written to the end and then [finished](ArtifactWriter::finish). With a `limit`, writing
    /// more bytes fails with `LimitExceeded`.
    ///
    /// # Errors
    /// `Full`, `Permission`.
    pub fn writer(&self, limit: Option<u64>) -> Result<ArtifactWriter> {
        let file = BufWriter::with_capacity(1 << 16, self.store.temp_file()?);
        Ok(ArtifactWriter { artifacts: self.clone(), file, hashing: Hashing::new(), limit })
    }

    /// Writes an artifact whose bytes are all there. Costs no write if the store has it already, and it is sound.
    ///
    /// # Errors
    /// `Full`, `Permission`, `Unavailable`.
    pub fn put(&self, bytes: &[u8]) -> Result<Written> {
        let (digest, size) = (Digest::of(bytes), bytes.len() as u64);
        if self.store.looks().metered {
            let key = Self::key(&digest);
            // Most are new, and small enough to be sent without asking first.
            match self.store.put(&key, bytes, &PutOptions::absent()) {
                Ok(version) => {
                    let identity = Identity::of_object(&self.store.location(), &version);
                    self.known.remember(&digest, &identity);
                    self.known.remember_object(&digest, &identity);
                    return Ok(Written { digest, size, healed: false });
                }
                Err(error) if error.kind() == ErrorKind::PreconditionFailed => {}
                Err(error) => return Err(error),
            }
        }
        let healed = self.add(&digest, size, |key, options| self.store.put(key, bytes, options).map(drop))?;
        Ok(Written { digest, size, healed })
    }

    /// Makes an artifact of a file as it is now; later changes to the file do not show. Where the file system can share
    /// blocks between files, no bytes are copied.
    ///
    /// # Errors
    /// `NotFound`, `Permission`, or `Unsupported` (not a regular file) for the file; `Full` and others for the store.
    pub fn import_file(&self, path: &Path) -> Result<Written> {
        self.import_file_while(path, ON)
    }

    /// The same for as long as `going` says so.
    ///
    /// # Errors
    /// As [`import_file`](Self::import_file); `Unavailable` if it was stopped.
    pub fn import_file_while(&self, path: &Path, going: Going<'_>) -> Result<Written> {
        let (mut source, _) = source::open(path)?;
        let mut copy = self.store.temp_file()?;
        let hashed = if share_blocks(&source, copy.file()) {
            // The copy is hashed, not the source: a file that is being written to still gives an artifact that is whole.
            hash(&mut copy, |_| go_on(going))
        } else {
            hash(&mut source, |block| {
                go_on(going)?;
                copy.write_all(block)
            })
        };
        let (digest, size) = hashed.map_err(|e| Error::io("copy", path, e))?;
        let healed = self.add_file(&digest, size, copy)?;
        Ok(Written { digest, size, healed })
    }

    /// Puts an artifact unless the store has it. One that is damaged (cut, or other bytes) is replaced; says whether it was.
    fn add(
        &self,
        digest: &Digest,
        size: u64,
        put: impl FnOnce(&str, &PutOptions) -> Result<()>,
    ) -> Result<bool> {
        let key = Self::key(digest);
        let there = match self.store.head(&key) {
            Ok(entry) => Some(entry.size),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let (condition, damaged) = match there {
            // Whatever keeps us from reading it to its end, we have its bytes.
            Some(there) if there == size && self.ensure(digest).is_ok() => return Ok(false),
            Some(_) => (Condition::Any, true),
            // A link to nothing, a pipe: as good as a damaged file, and in the way of a new one.
            None if self.file(&key).is_some_and(|path| path.symlink_metadata().is_ok()) => {
                (Condition::Any, true)
            }
            None => (Condition::Absent, false),
        };
        if damaged {
            reached("artifact-damaged");
        }
        match put(&key, &PutOptions { condition, durable: true }) {
            // Another writer of the same bytes was faster.
            Err(error) if error.kind() == ErrorKind::PreconditionFailed => {}
            Err(error) => return Err(error),
            Ok(()) => self.wrote(digest, &key),
        }
        if damaged {
            reached("artifact-replaced");
        }
        Ok(damaged)
    }

    fn add_file(&self, digest: &Digest, size: u64, file: TempFile) -> Result<bool> {
        self.add(digest, size, |key, options| self.store.put_file(key, file, options).map(drop))
    }

    /// What this process has just written it need not read again.
    fn wrote(&self, digest: &Digest, key: &str) {
        let metadata = self.file(key).and_then(|path| std::fs::metadata(path).ok());
        if let Some(metadata) = metadata {
            self.known.remember(digest, &Identity::of_file(&metadata));
        }
    }

    /// Size in bytes, or none if the store does not have it.
    ///
    /// # Errors
    /// `Permission`, `Unavailable`.
    pub fn size(&self, digest: &Digest) -> Result<Option<u64>> {
        match self.store.head(&Self::key(digest)) {
            Ok(entry) => Ok(Some(entry.size)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads from anywhere in it, without checking the bytes.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn open(&self, digest: &Digest) -> Result<ArtifactReader> {
        let key = Self::key(digest);
        match self.open_local(&key)? {
            Some(file) => Ok(file),
            None => self.open_remote(key).map(|(reader, _)| reader),
        }
    }

    fn open_local(&self, key: &str) -> Result<Option<ArtifactReader>> {
        let Some(path) = self.file(key) else { return Ok(None) };
        let file = open_without_waiting(&path).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => Error::not_found(key),
            _ => Error::io("open", &path, e),
        })?;
        let metadata = file.metadata().map_err(|e| Error::io("read the size of", &path, e))?;
        if !metadata.is_file() {
            return Err(Error::not_found(key));
        }
        let size = metadata.len();
        Ok(Some(ArtifactReader { size, source: Source::Local(BufReader::with_capacity(1 << 16, file)) }))
    }

    fn open_remote(&self, key: String) -> Result<(ArtifactReader, Identity)> {
        let entry = self.store.head(&key)?;
        let identity = Identity::of_object(&self.store.location(), &entry.version);
        let (store, size) = (self.store.clone(), entry.size);
        let remote = Remote { store, key, size, at: 0, block: Vec::new(), block_at: 0 };
        Ok((ArtifactReader { size, source: Source::Remote(remote) }, identity))
    }

    /// Reads from anywhere in it, after checking that its bytes are those that the name promises. That costs reading it once,
    /// unless this process has found this state of it sound before, or whoever handed us `trusted` has.
    ///
    /// # Errors
    /// `NotFound`; `Corrupt` if the bytes are others.
    pub fn open_verified(&self, digest: &Digest, trusted: Option<&Identity>) -> Result<ArtifactReader> {
        self.check(digest, trusted, ON).map(|(reader, _)| reader)
    }

    /// Sees to it that the stored bytes are those that the name promises: reads them, unless this process has found this
    /// state of them sound before. Gives the state, for [`open_verified`](Self::open_verified) elsewhere; none if the file
    /// was changed so lately that a further change would not show.
    ///
    /// # Errors
    /// `NotFound`; `Corrupt` if the bytes are others.
    pub fn ensure(&self, digest: &Digest) -> Result<Option<Identity>> {
        self.ensure_while(digest, ON)
    }

    /// The same for as long as `going` says so.
    ///
    /// # Errors
    /// As [`ensure`](Self::ensure); `Unavailable` if it was stopped.
    pub fn ensure_while(&self, digest: &Digest, going: Going<'_>) -> Result<Option<Identity>> {
        self.check(digest, None, going).map(|(_, identity)| identity)
    }

    /// What its file is now, if this process has found it sound; none if it would have to be read to tell. Over the network it
    /// is not asked about again, until it is [doubted](Self::doubt).
    pub fn known_sound(&self, digest: &Digest) -> Option<Identity> {
        if self.store.looks().metered {
            return self.known.object(digest);
        }
        let path = self.file(&Self::key(digest))?;
        let identity = Identity::of_file(&std::fs::metadata(path).ok()?);
        self.known.has(digest, &identity).then_some(identity)
    }

    /// Forgets that it was found sound: something went wrong that reads it.
    pub fn doubt(&self, digest: &Digest) {
        self.known.forget_object(digest);
    }

    /// A reader of what was checked: of the very file, whatever takes its place meanwhile.
    fn check(
        &self,
        digest: &Digest,
        trusted: Option<&Identity>,
        going: Going<'_>,
    ) -> Result<(ArtifactReader, Option<Identity>)> {
        let key = Self::key(digest);
        let is_sound = |identity: &Identity| trusted == Some(identity) || self.known.has(digest, identity);
        let Some(mut reader) = self.open_local(&key)? else {
            let (mut reader, identity) = self.open_remote(key)?;
            if !is_sound(&identity) {
                verify(digest, &mut reader, going)?;
                self.known.remember(digest, &identity);
            }
            self.known.remember_object(digest, &identity);
            return Ok((reader, Some(identity)));
        };
        for _ in 0..TRIES {
            let before = reader.identity(digest)?;
            if is_sound(&before.0) {
                return Ok((reader, Some(before.0)));
            }
            let verified = verify(digest, &mut reader, going);
            let after = reader.identity(digest)?;
            if before.0 != after.0 {
                // Somebody changed it, or its links, while it was read.
                continue;
            }
            verified?;
            if after.1 {
                self.known.remember(digest, &after.0);
                return Ok((reader, Some(after.0)));
            }
            return Ok((reader, None));
        }
        verify(digest, &mut reader, going)?;
        Ok((reader, None))
    }

    /// All its bytes, after checking that they are those that the name promises.
    ///
    /// # Errors
    /// `NotFound`; `Corrupt` if the bytes are others; `LimitExceeded` if there are more than `limit` of them.
    pub fn read_verified(&self, digest: &Digest, limit: u64) -> Result<Vec<u8>> {
        let key = Self::key(digest);
        if self.store.head(&key)?.size > limit {
            return Err(Detail::LimitExceeded { limit }.into());
        }
        let bytes = self.store.get(&key)?.bytes;
        compare(digest, Digest::of(&bytes))?;
        Ok(bytes)
    }

    /// Checks that the stored bytes are those that the name promises, whatever is known of them, in bounded memory.
    ///
    /// # Errors
    /// `NotFound`; `Corrupt` if the bytes are others.
    pub fn verify(&self, digest: &Digest) -> Result<()> {
        verify(digest, &mut self.open(digest)?, ON)
    }

    /// The file that holds it, for stores whose objects are files. Read it; never write to it.
    pub fn local_path(&self, digest: &Digest) -> Option<PathBuf> {
        self.file(&Self::key(digest))
    }

    fn file(&self, key: &str) -> Option<PathBuf> {
        self.store.local()?.path(key)
    }
}

/// Reads it to its end, and goes back to its beginning.
fn verify(digest: &Digest, reader: &mut ArtifactReader, going: Going<'_>) -> Result<()> {
    let unreadable =
        |e: io::Error| Error::new(ErrorKind::Unavailable, format!("cannot read artifact {digest}: {e}"));
    let mut hasher = Sha256::new();
    let mut block = vec![0; HASHED];
    reader.rewind().map_err(unreadable)?;
    loop {
        go_on(going).map_err(unreadable)?;
        match reader.read(&mut block) {
            Ok(0) => break,
            Ok(n) => hasher.update(&block[..n]),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(unreadable(e)),
        }
    }
    reader.rewind().map_err(unreadable)?;
    compare(digest, Digest(hasher.finalize().into()))
}

fn go_on(going: Going<'_>) -> io::Result<()> {
    if going() { Ok(()) } else { Err(io::Error::other("it was stopped")) }
}

fn compare(digest: &Digest, found: Digest) -> Result<()> {
    if found == *digest {
        return Ok(());
    }
    Err(Detail::WrongDigest { digest: digest.to_string(), found: found.to_string() }.into())
}

/// Makes `copy` share the source's blocks, where the file system can.
fn share_blocks(source: &File, copy: &File) -> bool {
    #[cfg(target_os = "linux")]
    return rustix::fs::ioctl_ficlone(copy, source).is_ok();
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (source, copy);
        false
    }
}

/// Hashes what is read, and hands each block on.
fn hash(from: &mut impl Read, mut then: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<(Digest, u64)> {
    let mut hashing = Hashing::new();
    let mut block = vec![0; BLOCK as usize];
    loop {
        match from.read(&mut block) {
            Ok(0) => {
                let size = hashing.size();
                return Ok((hashing.finish(), size));
            }
            Ok(n) => {
                hashing.update(&block[..n]);
                then(&block[..n])?;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

/// Hashes bytes on their way into a temporary file. Dropped before it is finished, it leaves nothing.
pub struct ArtifactWriter {
    artifacts: Artifacts,
    file: BufWriter<TempFile>,
    hashing: Hashing,
    limit: Option<u64>,
}

impl ArtifactWriter {
    /// Bytes so far.
    pub fn size(&self) -> u64 {
        self.hashing.size()
    }

    /// Puts the artifact into the store, durably. Harmless if the store has it already; if that one is damaged, it is replaced.
    ///
    /// # Errors
    /// `Full`, `Permission`, `Unavailable`.
    pub fn finish(self) -> Result<Written> {
        let path = self.file.get_ref().path().to_owned();
        let file = self.file.into_inner().map_err(|e| Error::io("write", &path, e.into_error()))?;
        let (size, digest) = (self.hashing.size(), self.hashing.finish());
        let healed = self.artifacts.add_file(&digest, size, file)?;
        Ok(Written { digest, size, healed })
    }
}

impl Write for ArtifactWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(limit) = self.limit
            && self.size().saturating_add(bytes.len() as u64) > limit
        {
            return Err(Error::from(Detail::LimitExceeded { limit }).into());
        }
        let n = self.file.write(bytes)?;
        self.hashing.update(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// An artifact's bytes: a file where the store keeps one, else ranged reads, buffered.
pub struct ArtifactReader {
    size: u64,
    source: Source,
}

enum Source {
    Local(BufReader<File>),
    Remote(Remote),
}

impl ArtifactReader {
    /// Bytes in all.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// What the open file is now, and whether a further change of it would show.
    fn identity(&self, digest: &Digest) -> Result<(Identity, bool)> {
        match &self.source {
            Source::Local(file) => {
                let metadata = file.get_ref().metadata().map_err(|e| {
                    Error::new(ErrorKind::Unavailable, format!("cannot look at artifact {digest}: {e}"))
                })?;
                Ok((Identity::of_file(&metadata), sound::is_settled(&metadata)))
            }
            Source::Remote(_) => Ok((Identity::new(""), false)),
        }
    }
}

impl Read for ArtifactReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.source {
            Source::Local(file) => file.read(buffer),
            Source::Remote(remote) => remote.read(buffer),
        }
    }
}

impl Seek for ArtifactReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match &mut self.source {
            Source::Local(file) => file.seek(to),
            Source::Remote(remote) => remote.seek(to),
        }
    }
}

/// Reads an object through one block of it at a time.
struct Remote {
    store: Arc<dyn Store>,
    key: String,
    size: u64,
    /// The position; may lie behind the end.
    at: u64,
    block: Vec<u8>,
    block_at: u64,
}

impl Read for Remote {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.size || buffer.is_empty() {
            return Ok(0);
        }
        let inside = self.at.checked_sub(self.block_at).is_some_and(|skip| skip < self.block.len() as u64);
        if !inside {
            self.block = self.store.get_range(&self.key, self.at, BLOCK.max(buffer.len() as u64))?;
            self.block_at = self.at;
        }
        let rest = &self.block[(self.at - self.block_at) as usize..];
        let n = rest.len().min(buffer.len());
        buffer[..n].copy_from_slice(&rest[..n]);
        self.at += n as u64;
        Ok(n)
    }
}

impl Seek for Remote {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at =
            target.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "seek before the start"))?;
        Ok(self.at)
    }
}
