//! Takes bytes into a file of the store, and computes what is asked about them.

use std::io::{self, BufWriter, Read, Write as _};

use bytes::Bytes;
use futures::StreamExt as _;
use http::HeaderMap;
use millstream_store::{Store, TempFile};
use s3s::{
    S3Error, S3Result, StdError,
    crypto::{Checksum as _, Md5, Sha256},
    dto::StreamingBlob,
    s3_error,
};
use tokio::{sync::mpsc, task};

use crate::{
    checksums::{Algorithm, ExpectedSums, Found, Summing, hex},
    fault,
};

/// Pieces of a body that may wait to be written.
const WAITING: usize = 16;
/// How much is written at once.
const BLOCK: usize = 256 << 10;

/// A file that is being filled.
pub struct Intake {
    file: BufWriter<TempFile>,
    size: u64,
    md5: Md5,
    sums: Vec<(Algorithm, Summing)>,
    sha256: Option<Sha256>,
}

impl Intake {
    /// An empty one.
    ///
    /// # Errors
    /// What the store met.
    pub fn new(store: &dyn Store, algorithms: &[Algorithm], sha256: bool) -> S3Result<Self> {
        let file = store.temp_file().map_err(|error| fault::of(&error))?;
        Ok(Self {
            file: BufWriter::with_capacity(BLOCK, file),
            size: 0,
            md5: Md5::new(),
            sums: algorithms.iter().map(|one| (*one, Summing::new(*one))).collect(),
            sha256: sha256.then(Sha256::new),
        })
    }

    pub fn update(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.size += bytes.len() as u64;
        self.md5.update(bytes);
        self.sums.iter_mut().for_each(|(_, sum)| sum.update(bytes));
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(bytes);
        }
        Ok(())
    }

    /// All that a reader gives.
    pub fn read(&mut self, mut from: impl Read) -> io::Result<()> {
        let mut block = vec![0; BLOCK];
        loop {
            match from.read(&mut block) {
                Ok(0) => return Ok(()),
                Ok(n) => self.update(&block[..n])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub fn finish(self) -> S3Result<(TempFile, Found)> {
        let file = self.file.into_inner().map_err(|error| fault::of_io(error.error()))?;
        let found = Found {
            size: self.size,
            md5: self.md5.finalize(),
            sums: self.sums.into_iter().map(|(one, sum)| (one, sum.finish())).collect(),
            sha256: self.sha256.map(|sha256| hex(sha256.finalize().as_ref())),
        };
        Ok((file, found))
    }
}

/// The body of a request, in a file, checked against what its headers and trailers say. `size` is what they say of its size.
/// Hashed and written on a thread where that may block; a client that sends faster than that waits.
///
/// # Errors
/// It broke off, is not what it was said to be, or there is no room for it.
pub async fn receive(
    store: std::sync::Arc<dyn Store>,
    body: Option<StreamingBlob>,
    size: Option<i64>,
    most: u64,
    expected: ExpectedSums,
    trailers: impl FnOnce() -> Option<HeaderMap>,
) -> S3Result<(TempFile, Found)> {
    let declared = size.and_then(|size| u64::try_from(size).ok());
    if declared.is_some_and(|size| size > most) {
        return Err(too_large(most));
    }
    let (algorithms, sha256) = (expected.algorithms(), expected.sha256.is_some());
    let (pieces, mut taken) = mpsc::channel::<Bytes>(WAITING);
    let writing = task::spawn_blocking(move || {
        let mut intake = Intake::new(&*store, &algorithms, sha256)?;
        while let Some(piece) = taken.blocking_recv() {
            intake.update(&piece).map_err(|error| fault::of_io(&error))?;
        }
        intake.finish()
    });
    let mut received = 0;
    let mut broken = None;
    if let Some(mut body) = body {
        while let Some(piece) = body.next().await {
            match piece {
                Ok(piece) => {
                    received += piece.len() as u64;
                    if received > most {
                        broken = Some(too_large(most));
                        break;
                    }
                    // Whoever writes has given up: its error says why.
                    if pieces.send(piece).await.is_err() {
                        break;
                    }
                }
                Err(error) => {
                    broken = Some(broken_off(&error));
                    break;
                }
            }
        }
    }
    drop(pieces);
    let written = writing.await.map_err(|error| s3_error!(InternalError, "{error}"))?;
    if let Some(error) = broken {
        return Err(error);
    }
    let (file, found) = written?;
    if declared.is_some_and(|size| size != found.size) {
        return Err(s3_error!(
            IncompleteBody,
            "The request body has {} bytes, and Content-Length says another number",
            found.size
        ));
    }
    expected.check(&found, trailers().as_ref())?;
    Ok((file, found))
}

fn too_large(most: u64) -> S3Error {
    s3_error!(EntityTooLarge, "Your proposed upload exceeds the maximum allowed size of {most} bytes")
}

/// Why a body broke off. What reads chunks and hashes on the way has errors that only their text tells apart.
fn broken_off(error: &StdError) -> S3Error {
    if let Some(told) = error.downcast_ref::<S3Error>() {
        return S3Error::with_message(
            told.code().clone(),
            told.message().unwrap_or("the body broke off").to_owned(),
        );
    }
    let text = error.to_string();
    if text.contains("SignatureMismatch") {
        s3_error!(SignatureDoesNotMatch, "The signature of a chunk of the body does not match")
    } else if text.contains("Sha256Mismatch") {
        crate::checksums::sha256_mismatch()
    } else {
        s3_error!(IncompleteBody, "The request body broke off: {text}")
    }
}
