//! Content codings (RFC 9110, 8.4): bodies that were packed are unpacked, within the limits of bodies.

mod unpack;

use std::{num::NonZero, sync::LazyLock};

use bytes::Bytes;
use http::{HeaderMap, header::CONTENT_ENCODING};
use tokio::sync::Semaphore;

use crate::{
    config::Limits,
    fault::{Fault, Kind},
    room::{Held, Owner, Room},
};

/// What is understood, as `Accept-Encoding` has it.
pub const UNDERSTOOD: &str = "gzip, deflate, br, zstd, identity";

/// A body has seldom more than one; each takes time and room.
const MOST: usize = 3;

/// Unpacking computes: no more at once than there are cores, so that requests go on being answered.
static AT_ONCE: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(std::thread::available_parallelism().map_or(1, NonZero::get)));

/// A way to pack a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

impl Coding {
    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }
}

/// The codings of a body in the order in which they were applied. Several lines are one list.
pub fn of(headers: &HeaderMap) -> Result<Vec<Coding>, Fault> {
    let mut codings = Vec::new();
    for line in headers.get_all(CONTENT_ENCODING) {
        let text = line.to_str().map_err(|_| unknown(&String::from_utf8_lossy(line.as_bytes())))?;
        for name in text.split(',').map(str::trim) {
            codings.extend(match name.to_ascii_lowercase().as_str() {
                "" | "identity" => None,
                "gzip" | "x-gzip" => Some(Coding::Gzip),
                "deflate" => Some(Coding::Deflate),
                "br" => Some(Coding::Brotli),
                "zstd" => Some(Coding::Zstd),
                _ => return Err(unknown(name)),
            });
        }
    }
    if codings.len() > MOST {
        let message =
            format!("the body has {} content codings, and {MOST} at most are undone", codings.len());
        return Err(Fault::new(Kind::UnsupportedCoding, message).parameter("Content-Encoding"));
    }
    Ok(codings)
}

fn unknown(name: &str) -> Fault {
    let message = format!("bodies with Content-Encoding `{name}` are not understood; send {UNDERSTOOD}");
    Fault::new(Kind::UnsupportedCoding, message).parameter("Content-Encoding")
}

/// Undoes the codings, the last one first. What comes out takes room as it comes, and is limited as a body is.
pub async fn unpack(
    packed: Bytes,
    codings: Vec<Coding>,
    room: Option<Room>,
    limits: &Limits,
    held: &Held,
    owner: &Owner,
) -> Result<(Bytes, Option<Room>), Fault> {
    // The semaphore is never closed.
    let _turn = AT_ONCE.acquire().await;
    let (limits, held, owner) = (limits.clone(), held.clone(), owner.clone());
    let work = move || {
        let (mut bytes, mut room) = (packed, room);
        for coding in codings.into_iter().rev() {
            let mut into = unpack::Unpacked::new(&limits, &held, &owner);
            unpack::one(coding, &bytes, &mut into)?;
            (bytes, room) = into.finish();
        }
        Ok((bytes, room))
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(Fault::new(Kind::Unavailable, format!("the body could not be unpacked: {error}")))
    })
}
