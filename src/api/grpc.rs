//! The gRPC door: one handler for every RPC of the schema, which passes bytes on and knows no message.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::{Buf, BufMut, Bytes};
use futures_util::{Stream, StreamExt};
use http::{HeaderMap, Request, Response};
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{Grpc, ServerStreamingService, UnaryService};
use tonic::{Code, Status};

use super::failure::Failure;
use super::identity::Caller;
use super::server::Limits;
use super::service::Service;
use crate::schema::{Method, MethodKind};

/// Passes messages on as they are: here, and in the command line's client.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Verbatim;

impl Codec for Verbatim {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Verbatim {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Verbatim {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}

/// One call of one RPC.
struct Call {
    service: Service,
    method: &'static Method,
    caller: Arc<Caller>,
    deadline: Duration,
}

impl UnaryService<Bytes> for Call {
    type Response = Bytes;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<tonic::Response<Bytes>, Status>> + Send>>;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        let Self {
            service,
            method,
            caller,
            deadline,
        } = self;
        let (service, method, caller, deadline) = (service.clone(), *method, Arc::clone(caller), *deadline);
        Box::pin(async move {
            let answer = service.unary(method, &caller, request.into_inner(), deadline).await;
            answer.map(tonic::Response::new).map_err(Failure::into_status)
        })
    }
}

impl ServerStreamingService<Bytes> for Call {
    type Response = Bytes;
    type ResponseStream = std::pin::Pin<Box<dyn Stream<Item = Result<Bytes, Status>> + Send>>;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<tonic::Response<Self::ResponseStream>, Status>> + Send>>;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        let (service, method, caller) = (self.service.clone(), self.method, Arc::clone(&self.caller));
        Box::pin(async move {
            let items = service
                .stream(method, &caller, request.into_inner())
                .await
                .map_err(Failure::into_status)?;
            let items: Self::ResponseStream = Box::pin(items.map(|item| item.map_err(Failure::into_status)));
            Ok(tonic::Response::new(items))
        })
    }
}

/// Handles a call of one RPC.
pub(super) async fn handle(
    service: Service,
    method: &'static Method,
    limits: Limits,
    request: Request<Body>,
) -> Response<tonic::body::Body> {
    let Some(caller) = request.extensions().get::<Arc<Caller>>().cloned() else {
        return Failure::internal("gRPC door", &"a request came past the identity layer")
            .into_status()
            .into_http();
    };
    let deadline = deadline(request.headers(), limits.request_timeout);
    let call = Call {
        service,
        method,
        caller,
        deadline,
    };
    let mut grpc = Grpc::new(Verbatim)
        .max_decoding_message_size(limits.max_request_bytes)
        .max_encoding_message_size(usize::MAX);
    match method.kind {
        MethodKind::Command | MethodKind::Query => grpc.unary(call, request).await,
        MethodKind::Stream => grpc.server_streaming(call, request).await,
    }
}

/// What an RPC that does not exist is answered with.
pub(super) fn unknown(path: &str) -> Response<tonic::body::Body> {
    Failure::unknown_method(path).into_status().into_http()
}

/// Whether a request comes through this door.
pub(super) fn is_grpc(headers: &HeaderMap) -> bool {
    headers
        .get(http::header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}

/// The deadline of the caller (`grpc-timeout`), or ours when that is nearer.
fn deadline(headers: &HeaderMap, most: Duration) -> Duration {
    let asked = headers
        .get("grpc-timeout")
        .and_then(|value| value.to_str().ok())
        .and_then(|text| {
            let (amount, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
            let amount: u64 = amount.parse().ok().filter(|_| amount.len() <= 8)?;
            Some(match unit {
                "H" => Duration::from_secs(amount * 3600),
                "M" => Duration::from_secs(amount * 60),
                "S" => Duration::from_secs(amount),
                "m" => Duration::from_millis(amount),
                "u" => Duration::from_micros(amount),
                "n" => Duration::from_nanos(amount),
                _ => return None,
            })
        });
    asked.map_or(most, |asked| asked.min(most))
}

/// The code of an answer, for metrics. One that has begun well counts as well: what comes later is in its trailers.
pub(super) fn code_of(headers: &HeaderMap) -> Code {
    headers
        .get("grpc-status")
        .map_or(Code::Ok, |value| Code::from_bytes(value.as_bytes()))
}
