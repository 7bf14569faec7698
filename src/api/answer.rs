//! The body of an answer on its way out: in parts, with its place, and cut off when nobody takes them.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

use super::places::{Place, Progress, Room};

/// The most bytes that are handed over at a time.
const PART: usize = 64 * 1024;

/// An answer that is being written.
pub(super) struct Written {
    body: Body,
    /// What came of the body and is not handed over yet.
    left: Bytes,
    progress: Arc<Progress>,
    /// Given back when the answer has been taken, or its caller has gone.
    _held: (Option<Place>, Option<Room>),
    /// Says that the connection has something under way.
    _open: Option<Arc<()>>,
}

impl Written {
    pub(super) fn new(
        body: Body,
        progress: Arc<Progress>,
        held: (Option<Place>, Option<Room>),
        open: Option<Arc<()>>,
    ) -> Self {
        Self {
            body,
            left: Bytes::new(),
            progress,
            _held: held,
            _open: open,
        }
    }
}

impl hyper::body::Body for Written {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.progress.asked_for();
        if self.left.is_empty() {
            let frame = match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => frame,
                end => return Poll::Ready(end),
            };
            match frame.into_data() {
                Ok(data) => self.left = data,
                Err(frame) => return Poll::Ready(Some(Ok(frame))),
            }
        }
        let part = self.left.len().min(PART);
        let part = self.left.split_to(part);
        self.progress.handed_over(part.len());
        Poll::Ready(Some(Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.left.len() as u64;
        let rest = self.body.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower() + left);
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper + left);
        }
        hint
    }
}
