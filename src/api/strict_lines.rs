//! Refuses bare line feeds in the head of a request over HTTP/1.1 (RFC 9112, section 2.2): readers differ in what they take them for.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// How a connection over HTTP/2 begins.
const HTTP2: &[u8] = b"PRI * HTTP/2";

/// The longest field of a head that is looked at: `content-length` and a number, and more than `transfer-encoding`.
const FIELD: usize = 64;

/// What is read next of a connection.
enum Next {
    /// The head of a request; of the line that has begun, its first bytes in lower case.
    Head { line: Vec<u8>, length: usize, body: u64 },
    /// So many bytes of a body.
    Body(u64),
    /// Nothing is looked at any more: the connection is HTTP/2, or the body has no length.
    Anything,
}

/// A connection that is read strictly. A bare line feed becomes a byte that no head may hold, so that it is refused where heads are read.
pub(super) struct StrictLines {
    stream: TcpStream,
    next: Next,
    last: u8,
}

impl StrictLines {
    pub(super) const fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            next: Next::Head {
                line: Vec::new(),
                length: 0,
                body: 0,
            },
            last: 0,
        }
    }

    fn look(&mut self, bytes: &mut [u8]) {
        let mut at = 0;
        while at < bytes.len() {
            match &mut self.next {
                Next::Anything => return,
                Next::Body(left) => {
                    let here = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len() - at);
                    *left -= here as u64;
                    at += here;
                    if *left == 0 {
                        self.next = Next::Head {
                            line: Vec::new(),
                            length: 0,
                            body: 0,
                        };
                    }
                }
                Next::Head { line, length, body } => {
                    let byte = bytes[at];
                    if byte == b'\n' && self.last != b'\r' {
                        bytes[at] = 0;
                    } else if byte == b'\n' {
                        if let Some(number) = line.strip_prefix(b"content-length:") {
                            let number = std::str::from_utf8(number).unwrap_or_default().trim();
                            *body = number.parse().unwrap_or_default();
                        }
                        let is_open = line.starts_with(b"transfer-encoding:") || line.starts_with(b"upgrade:");
                        // The blank line, of a carriage return alone, ends the head; those before a request are passed over.
                        if is_open || line.starts_with(&HTTP2.to_ascii_lowercase()) {
                            self.next = Next::Anything;
                            return;
                        }
                        if *length == 1 {
                            self.next = Next::Body(*body);
                            self.last = byte;
                            at += 1;
                            continue;
                        }
                        line.clear();
                        *length = 0;
                    } else {
                        *length += 1;
                        if line.len() < FIELD {
                            line.push(byte.to_ascii_lowercase());
                        }
                    }
                    self.last = byte;
                    at += 1;
                }
            }
        }
        if matches!(self.next, Next::Body(0)) {
            self.next = Next::Head {
                line: Vec::new(),
                length: 0,
                body: 0,
            };
        }
    }
}

impl AsyncRead for StrictLines {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if !matches!(self.next, Next::Anything) {
            self.look(&mut buffer.filled_mut()[before..]);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for StrictLines {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
