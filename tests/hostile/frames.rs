//! A gRPC caller that sends any bytes as messages, frames and headers: what a real client would never send.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tonic::Status;

use super::Target;

/// A message in the frame that gRPC puts around it.
pub fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap();
    [&[0], &length.to_be_bytes()[..], message].concat()
}

/// What came back.
pub struct Answer {
    pub http: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// The gRPC status, from the trailers or from the headers; none when the answer is not one of gRPC.
    pub status: Option<Status>,
}

/// One HTTP/2 connection.
#[derive(Clone)]
pub struct Caller {
    connection: SendRequest<Full<Bytes>>,
    authority: Arc<str>,
    token: Arc<str>,
}

impl Caller {
    pub async fn connect(target: &Target) -> Self {
        let stream = TcpStream::connect(target.server.address).await.unwrap();
        let (connection, serving) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(serving);
        Self {
            connection,
            authority: target.server.address.to_string().into(),
            token: target.token.as_str().into(),
        }
    }

    /// A request as a gRPC client would begin it.
    pub fn request(&self, path: &str) -> http::request::Builder {
        let uri = format!("http://{}{path}", self.authority);
        Request::post(uri)
            .header("content-type", "application/grpc")
            .header("te", "trailers")
    }

    pub fn authorized(&self, path: &str) -> http::request::Builder {
        self.request(path)
            .header("authorization", format!("Bearer {}", self.token))
    }

    pub async fn send(&self, request: http::request::Builder, body: impl Into<Bytes>) -> Result<Answer, String> {
        let request = request
            .body(Full::new(body.into()))
            .map_err(|error| error.to_string())?;
        let mut connection = self.connection.clone();
        let answer = async move {
            connection
                .ready()
                .await
                .map_err(|error| format!("no connection: {error}"))?;
            let (head, body) = connection
                .send_request(request)
                .await
                .map_err(|error| format!("no answer: {error:?}"))?
                .into_parts();
            let collected = body
                .collect()
                .await
                .map_err(|error| format!("the answer broke off: {error:?}"))?;
            let trailers = collected.trailers().cloned();
            let status = trailers
                .as_ref()
                .and_then(Status::from_header_map)
                .or_else(|| Status::from_header_map(&head.headers));
            Ok(Answer {
                http: head.status,
                headers: head.headers,
                body: collected.to_bytes(),
                status,
            })
        };
        tokio::time::timeout(std::time::Duration::from_secs(60), answer)
            .await
            .unwrap_or_else(|_| Err("no answer within a minute".to_owned()))
    }
}
