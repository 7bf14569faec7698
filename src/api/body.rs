//! The body of a request, within the limits of size and time.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming, SizeHint};
use tonic::Code;

use super::failure::Failure;
use super::server::Limits;

/// Reads it to its end. A caller that dribbles its bytes would otherwise hold a place among the requests for as long as it likes.
pub(super) async fn read(body: Body, limits: Limits) -> Result<Bytes, Failure> {
    let whole = tokio::time::timeout(limits.request_timeout, whole(body, limits.max_request_bytes));
    whole.await.unwrap_or_else(|_| {
        let seconds = limits.request_timeout.as_secs_f64();
        let sentence = format!("The body did not come within {seconds} seconds. Nothing of it was recorded.");
        Err(Failure::new(Code::InvalidArgument, "REQUEST_TOO_SLOW", sentence))
    })
}

/// Most bodies come in one piece and are handed on as they are. Pieces are put together as they come: kept as pieces, a body of
/// single bytes would take many times its size.
async fn whole(mut body: Body, most: usize) -> Result<Bytes, Failure> {
    let mut first = Bytes::new();
    let mut rest = Vec::new();
    while let Some(frame) = body.frame().await {
        let broken = |_| {
            Failure::new(
                Code::InvalidArgument,
                "MALFORMED_REQUEST",
                "The body broke off before its end.",
            )
        };
        // Trailers say nothing here.
        let Ok(piece) = frame.map_err(broken)?.into_data() else {
            continue;
        };
        if first.len() + rest.len() + piece.len() > most {
            let sentence = format!("The body is larger than {most} bytes.");
            return Err(Failure::new(Code::InvalidArgument, "REQUEST_TOO_LARGE", sentence));
        }
        if first.is_empty() {
            first = piece;
        } else {
            rest.extend_from_slice(&piece);
        }
    }
    Ok(if rest.is_empty() {
        first
    } else {
        [&first[..], &rest].concat().into()
    })
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
