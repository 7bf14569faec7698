//! Refuses bare line feeds in the head of a request over HTTP/1.1 (RFC 9112, section 2.2): readers differ in what they take them for.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// How a connection over HTTP/2 begins, in lower case.
const HTTP2: &[u8] = b"pri * http/2";

/// So much of the beginning of a line is looked at: the longest name that matters, and more than the first line of HTTP/2.
const BEGINNING: usize = 24;

/// A line that is being read.
#[derive(Default)]
struct Line {
    /// Its first bytes, in lower case.
    beginning: Vec<u8>,
    /// How many bytes it has, without its line feed.
    length: usize,
}

/// What a head says of the body after it.
#[derive(Clone, Copy, Default)]
struct Body {
    length: u64,
    is_chunked: bool,
}

/// What is read next of a connection.
enum Next {
    /// The head of a request.
    Head(Line, Body),
    /// So many bytes of a body.
    Body(u64),
    /// The line that says how long the next chunk is: so far, and whether all of that has been said.
    Chunk(u64, bool),
    /// So many bytes of a chunk, and the end of its line.
    InChunk(u64),
    /// Lines after the last chunk.
    Trailers(Line),
    /// Nothing is looked at any more: the connection is HTTP/2.
    Anything,
}

impl Next {
    fn head() -> Self {
        Self::Head(Line::default(), Body::default())
    }

    fn after(body: Body) -> Self {
        match body {
            Body { is_chunked: true, .. } => Self::Chunk(0, false),
            Body { length: 0, .. } => Self::head(),
            Body { length, .. } => Self::Body(length),
        }
    }
}

/// A connection that is read strictly. A bare line feed becomes a byte that no head may hold, so that it is refused where heads are read.
pub(super) struct StrictLines {
    stream: TcpStream,
    next: Next,
    last: u8,
}

impl StrictLines {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            next: Next::head(),
            last: 0,
        }
    }

    fn look(&mut self, bytes: &mut [u8]) {
        let mut at = 0;
        while at < bytes.len() {
            if let Next::Body(left) | Next::InChunk(left) = &mut self.next
                && *left > 0
            {
                let here = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len() - at);
                *left -= here as u64;
                at += here;
                if matches!(self.next, Next::Body(0)) {
                    self.next = Next::head();
                }
                continue;
            }
            let (byte, last) = (bytes[at], self.last);
            let is_end = byte == b'\n' && last == b'\r';
            let next = match &mut self.next {
                Next::Anything => return,
                Next::Body(_) => Some(Next::head()),
                Next::InChunk(_) => is_end.then_some(Next::Chunk(0, false)),
                Next::Chunk(size, is_said) => chunk(byte, is_end, size, is_said),
                Next::Head(line, _) | Next::Trailers(line) if byte == b'\n' && !is_end => {
                    bytes[at] = 0;
                    line.length += 1;
                    None
                }
                // The blank line, of a carriage return alone, ends them; those before a request are passed over.
                Next::Trailers(line) if is_end => line.ends().then(Next::head),
                Next::Head(line, body) if is_end => {
                    if line.beginning.starts_with(HTTP2) {
                        self.next = Next::Anything;
                        return;
                    }
                    line.ends().then(|| Next::after(*body))
                }
                Next::Trailers(line) => {
                    line.add(byte);
                    None
                }
                Next::Head(line, body) => {
                    line.add(byte);
                    body.add(line, byte);
                    None
                }
            };
            self.last = byte;
            at += 1;
            if let Some(next) = next {
                self.next = next;
            }
        }
    }
}

/// Reads the line that says how long a chunk is, in hexadecimal digits; what follows them says nothing here.
fn chunk(byte: u8, is_end: bool, size: &mut u64, is_said: &mut bool) -> Option<Next> {
    if is_end {
        return Some(match *size {
            0 => Next::Trailers(Line::default()),
            size => Next::InChunk(size),
        });
    }
    match char::from(byte).to_digit(16) {
        Some(digit) if !*is_said => *size = size.saturating_mul(16).saturating_add(digit.into()),
        _ => *is_said = true,
    }
    None
}

impl Line {
    fn add(&mut self, byte: u8) {
        self.length += 1;
        if self.beginning.len() < BEGINNING {
            self.beginning.push(byte.to_ascii_lowercase());
        }
    }

    /// Whether the line that ends here is blank; the next one begins.
    fn ends(&mut self) -> bool {
        std::mem::take(self).length == 1
    }
}

impl Body {
    /// What a byte of a line says of the body.
    fn add(&mut self, line: &Line, byte: u8) {
        const LENGTH: &[u8] = b"content-length:";
        if line.beginning == LENGTH {
            // Said again, it counts again.
            self.length = 0;
        }
        if line.beginning.starts_with(LENGTH)
            && let Some(digit) = char::from(byte).to_digit(10)
        {
            self.length = self.length.saturating_mul(10).saturating_add(digit.into());
        }
        self.is_chunked |= line.beginning.starts_with(b"transfer-encoding:");
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
