//! Bodies in `aws-chunked` coding, where nobody checks signatures: pieces with their sizes, and trailers behind them.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::{Body, Frame};

/// Longest line with a size, and all trailers together.
const LONGEST_LINE: usize = 1024;
const LONGEST_TRAILERS: usize = 16 << 10;

/// What came behind a body, once it is read.
#[derive(Clone, Debug, Default)]
pub struct Trailers(Arc<Mutex<Option<HeaderMap>>>);

impl Trailers {
    pub fn take(&self) -> Option<HeaderMap> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The bytes of such a body.
pub struct Unchunked<B> {
    inner: B,
    buffer: BytesMut,
    state: State,
    ended: bool,
    trailers: Trailers,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Size,
    Data(u64),
    EndOfData,
    Trailers,
    Done,
}

impl<B> Unchunked<B> {
    pub fn new(inner: B, trailers: Trailers) -> Self {
        Self { inner, buffer: BytesMut::new(), state: State::Size, ended: false, trailers }
    }

    /// The next bytes out of what is at hand; `Ok(None)` if more must come first.
    fn step(&mut self) -> Result<Option<Bytes>, Broken> {
        loop {
            match self.state {
                State::Size => {
                    let Some(line) = self.line(LONGEST_LINE)? else { return Ok(None) };
                    let text =
                        std::str::from_utf8(&line).map_err(|_| Broken("the size of a chunk is no text"))?;
                    let digits = text.split(';').next().unwrap_or_default().trim();
                    let fine =
                        (1..=8).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
                    let size = u64::from_str_radix(digits, 16).ok().filter(|_| fine);
                    self.state = match size.ok_or(Broken("the size of a chunk is no number"))? {
                        0 => State::Trailers,
                        size => State::Data(size),
                    };
                }
                State::Data(left) => {
                    if self.buffer.is_empty() {
                        return Ok(None);
                    }
                    let taken = left.min(self.buffer.len() as u64);
                    let left = left - taken;
                    self.state = if left == 0 { State::EndOfData } else { State::Data(left) };
                    return Ok(Some(self.buffer.split_to(taken as usize).freeze()));
                }
                State::EndOfData => match self.line(2)? {
                    None => return Ok(None),
                    Some(line) if line.is_empty() => self.state = State::Size,
                    Some(_) => return Err(Broken("a chunk is longer than its size")),
                },
                State::Trailers => {
                    if self.buffer.len() > LONGEST_TRAILERS {
                        return Err(Broken("the trailers are too long"));
                    }
                    if !self.ended {
                        return Ok(None);
                    }
                    let trailers = read(&self.buffer)?;
                    *self.trailers.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(trailers);
                    self.buffer.clear();
                    self.state = State::Done;
                    return Ok(None);
                }
                State::Done => return Ok(None),
            }
        }
    }

    /// A line without its end.
    fn line(&mut self, longest: usize) -> Result<Option<Bytes>, Broken> {
        match self.buffer.iter().position(|b| *b == b'\n') {
            Some(at) if at <= longest => {
                let mut line = self.buffer.split_to(at + 1);
                line.truncate(at);
                if line.last() == Some(&b'\r') {
                    line.truncate(at - 1);
                }
                Ok(Some(line.freeze()))
            }
            None if self.buffer.remaining() <= longest => Ok(None),
            _ => Err(Broken("a line between chunks is too long")),
        }
    }
}

fn read(text: &[u8]) -> Result<HeaderMap, Broken> {
    let mut trailers = HeaderMap::new();
    for line in text.split(|b| *b == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            continue;
        }
        let colon = line.iter().position(|b| *b == b':').ok_or(Broken("a trailer has no colon"))?;
        let name = HeaderName::from_bytes(&line[..colon]).map_err(|_| Broken("a trailer has no name"))?;
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        trailers.append(name, value.map_err(|_| Broken("a trailer has no value"))?);
    }
    Ok(trailers)
}

/// The coding is not kept to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken(&'static str);

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the body is not in aws-chunked coding: {}", self.0)
    }
}

impl std::error::Error for Broken {}

impl<B> Body for Unchunked<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        loop {
            match this.step() {
                Err(broken) => return Poll::Ready(Some(Err(BodyError(broken.into())))),
                Ok(Some(bytes)) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Ok(None) if this.state == State::Done => return Poll::Ready(None),
                Ok(None) if this.ended => {
                    let broken = Broken("it ends before its last chunk");
                    return Poll::Ready(Some(Err(BodyError(broken.into()))));
                }
                Ok(None) => {}
            }
            match ready!(Pin::new(&mut this.inner).poll_frame(cx)) {
                None => this.ended = true,
                Some(Err(error)) => return Poll::Ready(Some(Err(BodyError(error.into())))),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        this.buffer.extend_from_slice(&data);
                    }
                }
            }
        }
    }
}

/// Why a body could not be read to its end.
#[derive(Debug)]
pub struct BodyError(pub Box<dyn std::error::Error + Send + Sync>);

impl std::fmt::Display for BodyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for BodyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt as _, StreamBody};
    use proptest::prelude::*;

    use super::*;

    /// What comes out of pieces of that size.
    fn unchunk(body: &[u8], step: usize) -> Result<(Vec<u8>, Option<HeaderMap>), String> {
        let pieces: Vec<Result<Frame<Bytes>, std::io::Error>> =
            body.chunks(step.max(1)).map(|piece| Ok(Frame::data(Bytes::copy_from_slice(piece)))).collect();
        let trailers = Trailers::default();
        let inner = StreamBody::new(futures::stream::iter(pieces));
        let unchunked = Unchunked::new(inner, trailers.clone());
        let whole = futures::executor::block_on(unchunked.collect()).map_err(|error| error.to_string())?;
        Ok((whole.to_bytes().to_vec(), trailers.take()))
    }

    #[test]
    fn signed_and_unsigned_chunks_are_read() {
        let body = b"5;chunk-signature=00\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32: AAAA\r\n\r\n";
        for step in [1, 2, 7, 1000] {
            let (bytes, trailers) = unchunk(body, step).unwrap();
            assert_eq!(bytes, b"hello world");
            assert_eq!(trailers.unwrap()["x-amz-checksum-crc32"], "AAAA");
        }
        assert_eq!(unchunk(b"0\r\n\r\n", 1).unwrap().0, b"");
    }

    #[test]
    fn what_is_cut_or_no_coding_is_refused() {
        for body in [
            "",
            "5\r\nhel",
            "5\r\nhello\r\n",
            "5\r\nhelloo\r\n0\r\n\r\n",
            "zz\r\n",
            "-1\r\n",
            "123456789\r\n",
            "0\r\nno colon\r\n",
        ] {
            assert!(unchunk(body.as_bytes(), 3).is_err(), "{body:?}");
        }
        assert!(unchunk(&[b'1'; 5000], 1000).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(body in prop::collection::vec(any::<u8>(), 0..200), step in 1..50_usize) {
            let _ = unchunk(&body, step);
        }

        #[test]
        fn pieces_are_put_together(pieces in prop::collection::vec("[a-z\r\n]{1,20}", 0..6), step in 1..50_usize) {
            let mut body = String::new();
            for piece in &pieces {
                body += &format!("{:x}\r\n{piece}\r\n", piece.len());
            }
            body += "0\r\n\r\n";
            prop_assert_eq!(unchunk(body.as_bytes(), step).unwrap().0, pieces.concat().into_bytes());
        }
    }
}
