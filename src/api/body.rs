//! The body of a request, within the limits of size and time.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::FutureExt;
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming, SizeHint};
use tonic::Code;

use super::failure::Failure;
use super::identity::Caller;
use super::places::{Places, Room};
use super::server::Limits;

/// Reads it to its end. Most bodies come in one piece with the head; whoever takes longer is one of a bounded number that are waited
/// for, takes none of the places of those that are whole, and has a time of its own.
pub(super) async fn gather(
    body: Body,
    limits: Limits,
    awaited: &Places,
    caller: &Arc<Caller>,
) -> Result<Bytes, Failure> {
    let mut gathering = Gathering {
        body,
        most: limits.max_request_bytes,
        first: Bytes::new(),
        rest: Vec::new(),
        rooms: Vec::new(),
    };
    if let Some(whole) = gathering.read_on(None).now_or_never() {
        return whole;
    }
    let _place = awaited.enter(caller)?;
    let whole = gathering.read_on(Some((awaited, caller)));
    tokio::time::timeout(limits.body_timeout, whole)
        .await
        .unwrap_or_else(|_| {
            let seconds = limits.body_timeout.as_secs_f64();
            let sentence = format!("The body did not come within {seconds} seconds. Nothing of it was recorded.");
            Err(Failure::new(Code::InvalidArgument, "REQUEST_TOO_SLOW", sentence))
        })
}

/// A body that has been gathered before it came here.
pub(super) async fn read(body: Body) -> Result<Bytes, Failure> {
    let body = body.collect().await.map_err(|_| broken())?;
    Ok(body.to_bytes())
}

fn broken() -> Failure {
    Failure::new(
        Code::InvalidArgument,
        "MALFORMED_REQUEST",
        "The body broke off before its end.",
    )
}

/// A body as far as it has come. Pieces are put together as they come: kept as pieces, a body of single bytes would take many times its
/// size.
struct Gathering {
    body: Body,
    most: usize,
    first: Bytes,
    rest: Vec<u8>,
    /// Room for the bytes of those that are waited for.
    rooms: Vec<Room>,
}

/// Bodies of fewer bytes are not counted once they are whole: there are no more of them than there are places.
pub(super) const SMALL: usize = 64 * 1024;

/// Room is taken in steps of so many bytes.
const STEP: usize = 64 * 1024;

impl Gathering {
    /// Whoever stops waiting for this loses nothing of what has come.
    async fn read_on(&mut self, awaited: Option<(&Places, &Arc<Caller>)>) -> Result<Bytes, Failure> {
        while let Some(frame) = self.body.frame().await {
            // Trailers say nothing here.
            let Ok(piece) = frame.map_err(|_| broken())?.into_data() else {
                continue;
            };
            let length = self.first.len() + self.rest.len() + piece.len();
            if length > self.most {
                let sentence = format!("The body is larger than {} bytes.", self.most);
                return Err(Failure::new(Code::InvalidArgument, "REQUEST_TOO_LARGE", sentence));
            }
            if let Some((places, caller)) = awaited {
                while self.rooms.len() * STEP < length {
                    self.rooms.push(places.room(caller, STEP)?);
                }
            }
            if self.first.is_empty() {
                self.first = piece;
            } else {
                self.rest.extend_from_slice(&piece);
            }
        }
        let first = std::mem::take(&mut self.first);
        Ok(if self.rest.is_empty() {
            first
        } else {
            [&first[..], &self.rest].concat().into()
        })
    }
}

/// How long the rest of a body is read that nobody wants any more, and how much of it.
const DRAIN: (Duration, usize) = (Duration::from_secs(5), 1024 * 1024);

/// A body whose rest is read when it is dropped before its end. A refusal that leaves it unread resets the stream, and hyper closes
/// a connection with many resets: then one caller's bad tokens would break off the calls of all who share a proxy's connection.
pub(super) struct Drained(Option<Incoming>);

impl Drained {
    pub(super) const fn new(body: Incoming) -> Self {
        Self(Some(body))
    }
}

impl hyper::body::Body for Drained {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(body).poll_frame(context);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.0 = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(hyper::body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), hyper::body::Body::size_hint)
    }
}

impl Drop for Drained {
    fn drop(&mut self) {
        let rest = self.0.take().filter(|body| !hyper::body::Body::is_end_stream(body));
        if let (Some(mut rest), Ok(runtime)) = (rest, tokio::runtime::Handle::try_current()) {
            let (time, most) = DRAIN;
            runtime.spawn(tokio::time::timeout(time, async move {
                let mut read = 0;
                while let Some(Ok(frame)) = rest.frame().await
                    && read < most
                {
                    read += frame.data_ref().map_or(0, Bytes::len);
                }
            }));
        }
    }
}
