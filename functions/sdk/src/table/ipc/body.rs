//! The bytes of a stream, message by message and buffer by buffer.

use std::io::{self, BufRead, Read};

use arrow_buffer::{Buffer, MutableBuffer};

use super::array::damaged;
use crate::{Failure, part::PartReader};

/// What a stream is read from.
pub trait Origin: BufRead {
    /// The next `length` bytes where they lie, if they stay there; then they are done with.
    fn share(&mut self, _length: usize) -> Option<Buffer> {
        None
    }

    /// Whether it does, so that columns take no memory of their own.
    fn shares(&self) -> bool {
        false
    }
}

impl Origin for PartReader {}
impl Origin for &[u8] {}

/// A stream in memory, whose columns need no memory of their own.
pub struct Memory {
    bytes: Buffer,
    at: usize,
}

impl Memory {
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { bytes: Buffer::from_vec(bytes), at: 0 }
    }
}

impl Read for Memory {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = (&self.bytes[self.at..]).read(out)?;
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Memory {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        Ok(&self.bytes[self.at..])
    }

    fn consume(&mut self, amount: usize) {
        self.at = (self.at + amount).min(self.bytes.len());
    }
}

impl Origin for Memory {
    fn share(&mut self, length: usize) -> Option<Buffer> {
        let end = self.at.checked_add(length).filter(|end| *end <= self.bytes.len())?;
        let bytes = self.bytes.slice_with_length(self.at, length);
        self.at = end;
        Some(bytes)
    }

    fn shares(&self) -> bool {
        true
    }
}

/// Where a stream's bytes come from.
pub struct Source<R> {
    inner: R,
    /// Bytes that are left at most: nothing can be longer.
    left: u64,
}

impl<R: Origin> Source<R> {
    /// `size` is how many bytes `inner` has.
    pub fn new(inner: R, size: u64) -> Self {
        Self { inner, left: size }
    }

    /// What the bytes come from.
    pub fn into_inner(self) -> R {
        self.inner
    }

    /// Bytes that are left at most.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// Whether columns stay where they lie.
    pub fn shares(&self) -> bool {
        self.inner.shares()
    }

    /// Fills `bytes` as far as the source goes.
    pub fn fill(&mut self, bytes: &mut [u8]) -> Result<usize, Failure> {
        let mut filled = 0;
        self.each(bytes.len(), |ready| {
            bytes[filled..][..ready.len()].copy_from_slice(ready);
            filled += ready.len();
        })?;
        Ok(filled)
    }

    /// Fills `bytes`, or says that the stream breaks off.
    pub fn fill_all(&mut self, bytes: &mut [u8]) -> Result<(), Failure> {
        whole(self.fill(bytes)?, bytes.len())
    }

    /// The next `length` bytes, as they lie or in memory of their own.
    fn buffer(&mut self, length: usize) -> Result<Buffer, Failure> {
        if length as u64 > self.left {
            return Err(damaged("it breaks off inside a batch"));
        }
        if let Some(bytes) = self.inner.share(length) {
            self.left -= length as u64;
            return Ok(bytes);
        }
        let mut bytes = MutableBuffer::with_capacity(length);
        whole(self.each(length, |ready| bytes.extend_from_slice(ready))?, length)?;
        Ok(bytes.into())
    }

    fn skip(&mut self, length: usize) -> Result<(), Failure> {
        whole(self.each(length, |_| ())?, length)
    }

    /// Hands over up to `length` bytes, as they come; how many there were.
    fn each(&mut self, length: usize, mut take: impl FnMut(&[u8])) -> Result<usize, Failure> {
        let mut done = 0;
        while done < length {
            let ready = self
                .inner
                .fill_buf()
                .map_err(|error| Failure::from_io(error, |message| damaged(&message)))?;
            let count = ready.len().min(length - done);
            if count == 0 {
                break;
            }
            take(&ready[..count]);
            self.inner.consume(count);
            done += count;
        }
        self.left = self.left.saturating_sub(done as u64);
        Ok(done)
    }
}

fn whole(got: usize, length: usize) -> Result<(), Failure> {
    if got < length { Err(damaged("it breaks off")) } else { Ok(()) }
}

/// A message's body. Its buffers are read one by one as they are asked for, so that a column's bytes are still in the
/// processor's cache when they are moved to where they belong.
pub struct Body<'a, R> {
    source: &'a mut Source<R>,
    length: usize,
    /// Bytes that were read.
    at: usize,
    /// All of it, where its buffers do not come in the order of the columns.
    all: Option<Buffer>,
}

impl<'a, R: Origin> Body<'a, R> {
    /// The `length` bytes that come next in `source`; `places` are the buffers' offsets and lengths, in the order in
    /// which they will be asked for.
    pub fn new(
        source: &'a mut Source<R>,
        length: i64,
        places: impl Iterator<Item = (i64, i64)>,
    ) -> Result<Self, Failure> {
        let length = u64::try_from(length).map_err(|_| damaged("a message has no length"))?;
        if length > source.left() {
            return Err(damaged("it breaks off inside a batch"));
        }
        let length = usize::try_from(length).map_err(|_| damaged("a batch does not fit into memory"))?;
        let mut end = 0;
        // Where an empty one lies does not matter: some writers put it at 0.
        let in_order = places.into_iter().filter(|(_, length)| *length != 0).all(|(offset, length)| {
            let follows = offset >= end;
            end = offset.saturating_add(length.max(0));
            follows
        });
        let all = if in_order { None } else { Some(source.buffer(length)?) };
        let at = if in_order { 0 } else { length };
        Ok(Self { source, length, at, all })
    }

    /// How many bytes it has.
    pub fn len(&self) -> usize {
        self.length
    }

    /// The bytes of one buffer.
    pub fn buffer(&mut self, offset: i64, length: i64) -> Result<Buffer, Failure> {
        let range = || {
            let (start, length) = (usize::try_from(offset).ok()?, usize::try_from(length).ok()?);
            start.checked_add(length).filter(|end| *end <= self.length)?;
            Some((start, length))
        };
        let (start, length) = range().ok_or_else(|| damaged("a buffer lies outside of its message"))?;
        if let Some(all) = &self.all {
            return Ok(all.slice_with_length(start, length));
        }
        if length == 0 {
            return Ok(MutableBuffer::new(0).into());
        }
        let gap = start.checked_sub(self.at).ok_or_else(|| damaged("buffers lie across each other"))?;
        self.source.skip(gap)?;
        self.at = start + length;
        self.source.buffer(length)
    }

    /// Goes on to the next message.
    pub fn finish(self) -> Result<(), Failure> {
        self.source.skip(self.length - self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the buffers in these places of a body of 32 bytes hold, and the byte behind it.
    fn read(places: &[(i64, i64)]) -> Result<(Vec<Vec<u8>>, u8), Failure> {
        let bytes: Vec<u8> = (0..33).collect();
        let copied = read_from(&bytes[..], places);
        let shared = read_from(Memory::new(bytes.clone()), places);
        assert_eq!(copied.as_ref().ok(), shared.as_ref().ok());
        copied
    }

    fn read_from(from: impl Origin, places: &[(i64, i64)]) -> Result<(Vec<Vec<u8>>, u8), Failure> {
        let mut source = Source::new(from, 33);
        let mut body = Body::new(&mut source, 32, places.iter().copied())?;
        let buffers = places.iter().map(|(offset, length)| Ok(body.buffer(*offset, *length)?.to_vec()));
        let buffers = buffers.collect::<Result<_, Failure>>()?;
        body.finish()?;
        let mut next = [0];
        source.fill_all(&mut next)?;
        Ok((buffers, next[0]))
    }

    #[test]
    fn buffers_may_lie_in_any_order() {
        let (four, eight) = (vec![8, 9, 10, 11], vec![16, 17]);
        for places in [[(8, 4), (16, 2)], [(16, 2), (8, 4)]] {
            let (mut buffers, next) = read(&places).unwrap();
            buffers.sort();
            assert_eq!((buffers, next), (vec![four.clone(), eight.clone()], 32));
        }
        let (buffers, _) = read(&[(8, 4), (0, 0), (10, 2), (0, 32)]).unwrap();
        assert_eq!((buffers[1].len(), &buffers[2][..], buffers[3].len()), (0, &[10, 11][..], 32));
    }

    #[test]
    fn what_is_not_there_is_refused() {
        for places in [[(30, 4)], [(-8, 4)], [(8, -4)], [(i64::MAX, 1)]] {
            let refusal = read(&places).unwrap_err().to_string();
            assert!(refusal.contains("outside of its message"), "{refusal}");
        }
        let mut short = Source::new(&[0; 8][..], 64);
        let mut body = Body::new(&mut short, 32, [(0, 16)].into_iter()).unwrap();
        assert!(body.buffer(0, 16).unwrap_err().to_string().contains("breaks off"));
        assert!(Body::new(&mut Source::new(&[0; 8][..], 8), 32, [].into_iter()).is_err());
    }
}
