//! Immutable bytes under the name of their own SHA-256: `artifacts/<first byte>/<digest>`.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use millstream_workflow::artifact::Digest;

use crate::{
    Condition, Error, ErrorKind, PutOptions, Result, Store, TempFile, error::Detail, hashing::Hashing,
};

/// How much is read at a time: large enough that a request over the network is worth its latency.
const BLOCK: u64 = 1 << 20;

/// An artifact in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// SHA-256 of the bytes.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
}

/// The artifacts of a store.
#[derive(Clone)]
pub struct Artifacts {
    store: Arc<dyn Store>,
}

impl Artifacts {
    /// Those of `store`.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
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
        Ok(ArtifactWriter { store: self.store.clone(), file, hashing: Hashing::new(), limit })
    }

    /// Writes an artifact whose bytes are all there. Costs no write if the store has it already.
    ///
    /// # Errors
    /// `Full`, `Permission`, `Unavailable`.
    pub fn put(&self, bytes: &[u8]) -> Result<Written> {
        let written = Written { digest: Digest::of(bytes), size: bytes.len() as u64 };
        add(&*self.store, &written, |key, options| self.store.put(key, bytes, options).map(drop))?;
        Ok(written)
    }

    /// Makes an artifact of a file as it is now; later changes to the file do not show. Where the file system can share
    /// blocks between files, no bytes are copied.
    ///
    /// # Errors
    /// `NotFound`, `Permission`, or `Unsupported` (not a regular file) for the file; `Full` and others for the store.
    pub fn import_file(&self, path: &Path) -> Result<Written> {
        // Asked before opening: a pipe would keep us waiting, and a device may have no end.
        let metadata = std::fs::metadata(path).map_err(|e| Error::io("import", path, e))?;
        if !metadata.is_file() {
            let location = path.display().to_string();
            return Err(Detail::Unsupported { location, why: "it is not a regular file".to_owned() }.into());
        }
        let mut source = File::open(path).map_err(|e| Error::io("open", path, e))?;
        let mut copy = self.store.temp_file()?;
        let hashed = if share_blocks(&source, copy.file()) {
            // The copy is hashed, not the source: a file that is being written to still gives an artifact that is whole.
            hash(&mut copy, |_| Ok(()))
        } else {
            hash(&mut source, |block| copy.write_all(block))
        };
        let (digest, size) = hashed.map_err(|e| Error::io("copy", path, e))?;
        let written = Written { digest, size };
        add_file(&*self.store, &written, copy)?;
        Ok(written)
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
        if let Some(path) = self.store.local_path(&key) {
            let file = File::open(&path).map_err(|e| match e.kind() {
                io::ErrorKind::NotFound => Error::not_found(&key),
                _ => Error::io("open", &path, e),
            })?;
            let size = file.metadata().map_err(|e| Error::io("read the size of", &path, e))?.len();
            return Ok(ArtifactReader {
                size,
                source: Source::Local(BufReader::with_capacity(1 << 16, file)),
            });
        }
        let size = self.store.head(&key)?.size;
        let remote = Remote { store: self.store.clone(), key, size, at: 0, block: Vec::new(), block_at: 0 };
        Ok(ArtifactReader { size, source: Source::Remote(remote) })
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
        check(digest, Digest::of(&bytes))?;
        Ok(bytes)
    }

    /// Checks that the stored bytes are those that the name promises, in bounded memory.
    ///
    /// # Errors
    /// `NotFound`; `Corrupt` if the bytes are others.
    pub fn verify(&self, digest: &Digest) -> Result<()> {
        let (found, _) = hash(&mut self.open(digest)?, |_| Ok(()))
            .map_err(|e| Error::new(ErrorKind::Unavailable, format!("cannot read artifact {digest}: {e}")))?;
        check(digest, found)
    }

    /// The file that holds it, for stores that keep one. Read it; never write to it.
    pub fn local_path(&self, digest: &Digest) -> Option<PathBuf> {
        self.store.local_path(&Self::key(digest))
    }
}

fn check(digest: &Digest, found: Digest) -> Result<()> {
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

/// Puts an artifact unless the store has it. One of another size is damaged (somebody cut the file): it is replaced.
fn add(
    store: &dyn Store,
    artifact: &Written,
    put: impl FnOnce(&str, &PutOptions) -> Result<()>,
) -> Result<()> {
    let key = Artifacts::key(&artifact.digest);
    let condition = match store.head(&key) {
        Ok(entry) if entry.size == artifact.size => return Ok(()),
        Ok(_) => Condition::Any,
        Err(error) if error.kind() == ErrorKind::NotFound => Condition::Absent,
        Err(error) => return Err(error),
    };
    match put(&key, &PutOptions { condition, durable: true }) {
        // Another writer of the same bytes was faster.
        Err(error) if error.kind() == ErrorKind::PreconditionFailed => Ok(()),
        other => other,
    }
}

fn add_file(store: &dyn Store, artifact: &Written, file: TempFile) -> Result<()> {
    add(store, artifact, |key, options| store.put_file(key, file, options).map(drop))
}

/// Hashes bytes on their way into a temporary file. Dropped before it is finished, it leaves nothing.
pub struct ArtifactWriter {
    store: Arc<dyn Store>,
    file: BufWriter<TempFile>,
    hashing: Hashing,
    limit: Option<u64>,
}

impl ArtifactWriter {
    /// Bytes so far.
    pub fn size(&self) -> u64 {
        self.hashing.size()
    }

    /// Puts the artifact into the store, durably. Harmless if the store has it already.
    ///
    /// # Errors
    /// `Full`, `Permission`, `Unavailable`.
    pub fn finish(self) -> Result<Written> {
        let path = self.file.get_ref().path().to_owned();
        let file = self.file.into_inner().map_err(|e| Error::io("write", &path, e.into_error()))?;
        let written = Written { size: self.hashing.size(), digest: self.hashing.finish() };
        add_file(&*self.store, &written, file)?;
        Ok(written)
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
