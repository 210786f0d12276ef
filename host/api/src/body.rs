//! Reads a request's body within limits of size and time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header::EXPECT};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};

use crate::{
    config::Limits,
    fault::{Fault, Kind},
};

/// A sender that claims a large body gets no more room than this before it has sent anything.
const FIRST_ROOM: usize = 1 << 20;

/// Bodies up to this size are not counted: as many as there can be connections do no harm.
const SMALL: u64 = 64 << 10;

/// Bytes that the bodies of requests under way take, all together.
#[derive(Clone, Debug, Default)]
pub struct Held(Arc<AtomicU64>);

/// Room that a body takes until its request is answered.
#[derive(Debug)]
pub struct Room {
    held: Held,
    size: u64,
}

impl Held {
    fn take(&self, size: u64, limit: u64) -> Result<Room, Fault> {
        let room = Room { held: self.clone(), size };
        if self.0.fetch_add(size, Ordering::Relaxed) + size > limit {
            let message = format!(
                "the server holds as many bytes of requests as it may, {limit}; try again later, or send fewer rows at a time"
            );
            return Err(Fault::new(Kind::Unavailable, message).retry_after(Duration::from_secs(1)));
        }
        Ok(room)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.held.0.fetch_sub(self.size, Ordering::Relaxed);
    }
}

/// The whole body, and the room that a large one takes. One that says beforehand that it is too large is not read.
pub async fn read(
    mut body: Incoming,
    headers: &HeaderMap,
    limits: &Limits,
    held: &Held,
) -> Result<(Bytes, Option<Room>), Fault> {
    let declared = body.size_hint().exact();
    if declared == Some(0) {
        return Ok((Bytes::new(), None));
    }
    if declared.is_some_and(|size| size > limits.body) {
        let size = declared.unwrap_or_default();
        discard(body, headers, limits);
        return Err(too_large(Some(size), limits));
    }
    // A body that does not tell its length may become as long as any.
    let most = declared.unwrap_or(limits.body);
    let room = (most > SMALL).then(|| held.take(most, limits.bodies)).transpose();
    let room = match room {
        Ok(room) => room,
        Err(fault) => {
            discard(body, headers, limits);
            return Err(fault);
        }
    };
    let begun = Instant::now();
    let Some(first) = next(&mut body, begun, 0, limits).await? else {
        return Ok((Bytes::new(), None));
    };
    // Most bodies come in one piece with the head: no copy.
    if declared == Some(first.len() as u64) {
        return Ok((first, room));
    }
    let capacity = declared.map_or(0, |size| usize::try_from(size).unwrap_or(FIRST_ROOM).min(FIRST_ROOM));
    let mut whole = BytesMut::with_capacity(capacity.max(first.len()));
    whole.extend_from_slice(&first);
    drop(first);
    while let Some(piece) = next(&mut body, begun, whole.len(), limits).await? {
        if (whole.len() + piece.len()) as u64 > limits.body {
            discard(body, headers, limits);
            return Err(too_large(None, limits));
        }
        whole.extend_from_slice(&piece);
    }
    Ok((whole.freeze(), room))
}

/// The next piece of data, before the time is up that `received` bytes may have taken.
async fn next(
    body: &mut Incoming,
    begun: Instant,
    received: usize,
    limits: &Limits,
) -> Result<Option<Bytes>, Fault> {
    let allowed =
        limits.body_grace + Duration::from_secs_f64(received as f64 / limits.body_rate.max(1) as f64);
    loop {
        let frame = match timeout_at(begun + allowed, body.frame()).await {
            Ok(frame) => frame,
            Err(_) => return Err(slow(received, begun.elapsed(), limits)),
        };
        match frame {
            None => return Ok(None),
            Some(Ok(frame)) => {
                // Trailers say nothing to us.
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
            Some(Err(error)) => {
                return Err(Fault::new(
                    Kind::BadRequest,
                    format!("the body broke off after {received} bytes: {error}"),
                ));
            }
        }
    }
}

fn slow(received: usize, elapsed: Duration, limits: &Limits) -> Fault {
    Fault::new(
        Kind::SlowBody,
        format!(
            "only {received} bytes of the body came in {:.0} s; it must keep up {} bytes a second after the first {:.0} s",
            elapsed.as_secs_f64(),
            limits.body_rate,
            limits.body_grace.as_secs_f64()
        ),
    )
}

fn too_large(size: Option<u64>, limits: &Limits) -> Fault {
    let size = size.map_or_else(|| "more".to_owned(), |size| format!("{size} bytes"));
    Fault::new(
        Kind::BodyTooLarge,
        format!(
            "the body has {size}, but this server takes {} at most; send fewer rows at a time, use batch prediction, or raise \
             the server's limit",
            limits.body
        ),
    )
}

/// Reads on for a while and drops it. A connection that is closed while data waits in it is reset, and a client that is
/// still sending would see that reset instead of the answer.
pub fn discard(mut body: Incoming, headers: &HeaderMap, limits: &Limits) {
    // A client that waits for `100 Continue` has sent nothing.
    if body.is_end_stream() || headers.contains_key(EXPECT) {
        return;
    }
    let longest = limits.discard;
    tokio::spawn(async move {
        let reading = async { while let Some(Ok(_)) = body.frame().await {} };
        let _ = tokio::time::timeout(longest, reading).await;
    });
}
