//! Reads a request's body within limits of size, time and room, and what is left of one that nobody wanted.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::{
    task::yield_now,
    time::{Instant, timeout, timeout_at},
};

use crate::{
    coding,
    config::Limits,
    connections::{Connection, Phase},
    fault::{Fault, Kind},
    room::{Held, Owner, Room, SMALL},
};

/// Bytes after which others get the thread: a large body on a fast connection would keep the thread until all of it is there.
const TURN: usize = 256 << 10;
/// A sender that claims a large body gets no more room than this before it has sent anything.
const FIRST_ROOM: usize = SMALL as usize;

/// Where a body comes from.
pub enum Source {
    /// A connection.
    Connection(Incoming),
    /// It is there.
    Whole(Full<Bytes>),
}

impl Body for Source {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            Self::Connection(body) => Pin::new(body).poll_frame(context),
            Self::Whole(body) => Pin::new(body).poll_frame(context).map_err(|never| match never {}),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Connection(body) => body.is_end_stream(),
            Self::Whole(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Connection(body) => body.size_hint(),
            Self::Whole(body) => body.size_hint(),
        }
    }
}

/// The body of a request, read by its handler or not.
pub struct Payload {
    incoming: Source,
    connection: Arc<Connection>,
}

/// A body that was read whole.
pub struct Read {
    /// Without the codings that it came in.
    pub bytes: Bytes,
    /// What it takes, if that is much.
    pub room: Option<Room>,
    /// Bytes as they came.
    pub received: usize,
}

impl Payload {
    pub fn new(incoming: Source, connection: Arc<Connection>) -> Self {
        Self { incoming, connection }
    }

    /// The whole body. One that says beforehand that it is too large is not read.
    pub async fn read(
        &mut self,
        headers: &HeaderMap,
        limits: &Limits,
        held: &Held,
        owner: &Owner,
    ) -> Result<Read, Fault> {
        let codings = coding::of(headers)?;
        self.connection.enter(Phase::Receiving);
        let received = self.receive(limits, held, owner).await;
        self.connection.enter(Phase::Working);
        let (bytes, room) = received?;
        let received = bytes.len();
        // An empty body is empty in every coding: clients name one for all their requests.
        if codings.is_empty() || bytes.is_empty() {
            return Ok(Read { bytes, room, received });
        }
        let (bytes, room) = coding::unpack(bytes, codings, room, limits, held, owner).await?;
        Ok(Read { bytes, room, received })
    }

    async fn receive(
        &mut self,
        limits: &Limits,
        held: &Held,
        owner: &Owner,
    ) -> Result<(Bytes, Option<Room>), Fault> {
        let body = &mut self.incoming;
        let declared = body.size_hint().exact();
        if declared == Some(0) {
            return Ok((Bytes::new(), None));
        }
        if let Some(size) = declared.filter(|size| *size > limits.body) {
            return Err(too_large(Some(size), limits));
        }
        let begun = Instant::now();
        let Some(first) = next(body, begun, 0, limits).await? else {
            return Ok((Bytes::new(), None));
        };
        // Most bodies come in one piece with the head: no copy.
        if declared == Some(first.len() as u64) {
            let room = held.room(owner, first.len() as u64, limits)?;
            return Ok((first, room));
        }
        let known = declared.and_then(|size| usize::try_from(size).ok());
        let mut whole = Vec::with_capacity(known.unwrap_or(0).min(FIRST_ROOM).max(first.len()));
        whole.extend_from_slice(&first);
        drop(first);
        let mut room = None;
        let mut turn = TURN;
        while let Some(piece) = next(body, begun, whole.len(), limits).await? {
            let size = whole.len() + piece.len();
            if size as u64 > limits.body {
                return Err(too_large(None, limits));
            }
            if size > whole.capacity() {
                // Room is taken by what has arrived: twice that, to copy seldom, but never more than was announced.
                let wanted = (2 * whole.capacity()).max(size).min(known.unwrap_or(usize::MAX)).max(size);
                held.grow(&mut room, owner, wanted as u64, limits)?;
                whole.reserve_exact(wanted - whole.len());
            }
            whole.extend_from_slice(&piece);
            if whole.len() >= turn {
                turn = whole.len() + TURN;
                yield_now().await;
            }
        }
        Ok((Bytes::from(whole), room))
    }

    /// Reads on for a while what nobody has read, and drops it: a connection that is closed while data waits in it is reset,
    /// and a client that is still sending would see that reset instead of the answer. To be called when the answer is ready,
    /// and no sooner: until then it would tell a client that waits for `100 Continue` to go on.
    pub fn discard(self, limits: &Limits) {
        let mut body = self.incoming;
        if body.is_end_stream() {
            return;
        }
        let Limits { discard, discard_idle, .. } = *limits;
        tokio::spawn(async move {
            let reading = async { while let Ok(Some(Ok(_))) = timeout(discard_idle, body.frame()).await {} };
            let _ = timeout(discard, reading).await;
        });
    }
}

/// The next piece of data, before the time is up that `received` bytes may have taken.
async fn next(
    body: &mut Source,
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
