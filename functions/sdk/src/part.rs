//! The bytes of a part, as the standard library's readers and writers.

use std::io::{self, BufRead, Read, Seek, SeekFrom, Write};

use crate::{Failure, host};

/// How much goes through one call of the host, at least: a call costs microseconds, a copy nanoseconds per kilobyte.
/// The host's copy and ours fit a second-level cache together.
const CHUNK: usize = 256 * 1024;

/// Reads a part of a channel. Buffered already; `size` bytes long.
pub struct PartReader {
    inner: Box<dyn host::Reader>,
    name: String,
    size: u64,
    buffer: Vec<u8>,
    /// How much of the buffer was handed out.
    used: usize,
    /// Where in the part the buffer ends.
    end: u64,
}

impl PartReader {
    pub(crate) fn new(inner: Box<dyn host::Reader>, name: String, size: u64) -> Self {
        Self { inner, name, size, buffer: Vec::new(), used: 0, end: 0 }
    }

    /// This reader, and in its place one of nothing.
    pub(crate) fn take(&mut self) -> Self {
        std::mem::replace(self, Self::new(Box::new(Nothing), String::new(), 0))
    }

    /// The part's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Bytes in the part.
    pub fn size(&self) -> u64 {
        self.size
    }
}

/// A part without bytes.
struct Nothing;

impl host::Reader for Nothing {
    fn read(&self, _: u32) -> Result<Vec<u8>, Failure> {
        Ok(Vec::new())
    }

    fn seek(&self, _: u64) -> Result<(), Failure> {
        Ok(())
    }
}

impl BufRead for PartReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.used == self.buffer.len() {
            // Given back first: what is read next then lies in the same place, which the cache still holds.
            self.buffer = Vec::new();
            self.used = 0;
            self.buffer = self.inner.read(CHUNK as u32)?;
            self.end += self.buffer.len() as u64;
        }
        Ok(&self.buffer[self.used..])
    }

    fn consume(&mut self, amount: usize) {
        self.used = (self.used + amount).min(self.buffer.len());
    }
}

impl Read for PartReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        let ready = self.fill_buf()?;
        let count = ready.len().min(out.len());
        out[..count].copy_from_slice(&ready[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl Seek for PartReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let start = self.end - self.buffer.len() as u64;
        let here = start + self.used as u64;
        let target = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => self.size.checked_add_signed(offset),
            SeekFrom::Current(offset) => here.checked_add_signed(offset),
        };
        let target = target.ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "cannot seek to before the start of the part")
        })?;
        if (start..=self.end).contains(&target) {
            self.used = (target - start) as usize;
        } else {
            self.inner.seek(target)?;
            self.buffer = Vec::new();
            self.used = 0;
            self.end = target;
        }
        Ok(target)
    }
}

/// Writes a new part of an output. Buffered already. Nothing is left behind unless [`PartWriter::finish`] is called.
pub struct PartWriter {
    inner: Box<dyn host::Writer>,
    buffer: Vec<u8>,
}

impl PartWriter {
    pub(crate) fn new(inner: Box<dyn host::Writer>) -> Self {
        Self { inner, buffer: Vec::new() }
    }

    /// Makes the part part of the output.
    pub fn finish(mut self) -> Result<(), Failure> {
        self.push_out()?;
        self.inner.finish()
    }

    fn push_out(&mut self) -> Result<(), Failure> {
        if !self.buffer.is_empty() {
            self.inner.write(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }
}

impl Write for PartWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() + bytes.len() > CHUNK {
            self.push_out()?;
        }
        if bytes.len() >= CHUNK {
            self.inner.write(bytes)?;
        } else {
            self.buffer.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(self.push_out()?)
    }
}
