//! Bytes of an object on their way out, a block at a time.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt as _,
    sync::Arc,
};

use bytes::Bytes;
use futures::stream;
use millstream_store::{Error, Store};
use s3s::dto::StreamingBlob;
use tokio::task;

/// Read at a time: from a file, and over a network, where each request costs.
const BLOCK: u64 = 256 << 10;
const REMOTE_BLOCK: u64 = 4 << 20;

/// Where bytes are read from. A file that is open is a snapshot: it stays whole when its object is replaced.
#[derive(Clone)]
pub enum Outlet {
    File(Arc<File>),
    Store(Arc<dyn Store>, String),
}

impl Outlet {
    /// Opens what lies under a key of the store.
    ///
    /// # Errors
    /// What the store met; `NotFound` where it can be told now.
    pub fn open(store: &Arc<dyn Store>, key: &str) -> Result<Self, Error> {
        let Some(path) = store.local().and_then(|local| local.path(key)) else {
            return Ok(Self::Store(store.clone(), key.to_owned()));
        };
        match File::open(&path) {
            Ok(file) => Ok(Self::File(Arc::new(file))),
            // The store says why in its own words, or knows better.
            Err(_) => store.head(key).map(|_| Self::Store(store.clone(), key.to_owned())),
        }
    }

    /// Bytes from `at`, at most `len`.
    fn block(&self, at: u64, len: u64) -> io::Result<Bytes> {
        match self {
            Self::File(file) => {
                let mut block = vec![0; len as usize];
                file.read_exact_at(&mut block, at)?;
                Ok(block.into())
            }
            Self::Store(store, key) => Ok(store.get_range(key, at, len)?.into()),
        }
    }

    fn step(&self) -> u64 {
        match self {
            Self::File(_) => BLOCK,
            Self::Store(..) => REMOTE_BLOCK,
        }
    }

    /// The bytes of a range, as they are asked for. Read on threads where that may block.
    pub fn stream(self, range: std::ops::Range<u64>) -> StreamingBlob {
        StreamingBlob::wrap(stream::try_unfold((self, range), |(outlet, mut range)| async move {
            if range.is_empty() {
                return Ok::<_, io::Error>(None);
            }
            let len = outlet.step().min(range.end - range.start);
            let from = (outlet.clone(), range.start);
            let block = task::spawn_blocking(move || from.0.block(from.1, len));
            let block = block.await.map_err(io::Error::other)??;
            if block.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            range.start += block.len() as u64;
            Ok(Some((block, (outlet, range))))
        }))
    }

    /// The bytes of a range, for who may block.
    pub fn reader(&self, range: std::ops::Range<u64>) -> Reader<'_> {
        Reader { outlet: self, range, block: Bytes::new() }
    }
}

/// Reads a range.
pub struct Reader<'a> {
    outlet: &'a Outlet,
    range: std::ops::Range<u64>,
    block: Bytes,
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.block.is_empty() && !self.range.is_empty() {
            let len = self.outlet.step().min(self.range.end - self.range.start);
            self.block = self.outlet.block(self.range.start, len)?;
            if self.block.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.range.start += self.block.len() as u64;
        }
        let taken = self.block.split_to(self.block.len().min(buffer.len()));
        buffer[..taken.len()].copy_from_slice(&taken);
        Ok(taken.len())
    }
}
