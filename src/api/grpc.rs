//! The gRPC door: one handler for every RPC of the schema, which passes bytes on and knows no message.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::{Buf, BufMut, Bytes};
use futures_util::{Stream, StreamExt};
use http::{HeaderMap, Request, Response, StatusCode};
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{Grpc, ServerStreamingService, UnaryService};
use tonic::{Code, Status};

use super::failure::Failure;
use super::identity::Caller;
use super::json;
use super::places::Admission;
use super::server::Limits;
use super::service::Service;
use crate::schema::{Method, MethodKind};

/// What stands before a message: a flag and its length.
pub(super) const FRAME_BYTES: usize = 5;

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
    admission: Arc<Admission>,
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
            admission,
            deadline,
        } = self;
        let (service, method, caller, deadline) = (service.clone(), *method, Arc::clone(caller), *deadline);
        let service = service.within(Arc::clone(admission));
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
        self.admission.is_a_stream();
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
    let (caller, admission) = (request.extensions().get().cloned(), request.extensions().get().cloned());
    let (Some(caller), Some(admission)) = (caller, admission) else {
        return Failure::internal("gRPC door", &"a request came past the identity layer")
            .into_status()
            .into_http();
    };
    if !is_grpc(request.headers()) {
        let sentence =
            "This path takes calls of gRPC and gRPC-Web with protobuf messages. JSON has routes of its own: see /docs.";
        let failure = Failure::new(Code::InvalidArgument, "CONTENT_TYPE", sentence);
        return json::refuse_with(&failure, StatusCode::UNSUPPORTED_MEDIA_TYPE).map(tonic::body::Body::new);
    }
    let deadline = deadline(request.headers(), limits.request_timeout);
    let request = match whole(request).await {
        Ok(request) => request,
        Err(failure) => return failure.into_status().into_http(),
    };
    let call = Call {
        service,
        method,
        caller,
        admission,
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

/// The request once its one message is there. A frame that is wrong is the caller's fault, which tonic would call INTERNAL.
async fn whole(request: Request<Body>) -> Result<Request<Body>, Failure> {
    let malformed = |sentence: &str| Err(Failure::new(Code::InvalidArgument, "MALFORMED_REQUEST", sentence));
    let compressed = |headers: &HeaderMap| {
        headers
            .get("grpc-encoding")
            .is_some_and(|encoding| encoding != "identity")
    };
    let (head, body) = request.into_parts();
    if compressed(&head.headers) {
        let sentence = "Compressed messages are not taken: send them with grpc-encoding: identity, or without.";
        return Err(Failure::new(Code::Unimplemented, "COMPRESSION_REFUSED", sentence));
    }
    let body = super::body::read(body).await?;
    let Some((frame, message)) = body.split_first_chunk::<FRAME_BYTES>() else {
        return malformed("The call holds no message.");
    };
    let [flag, length @ ..] = *frame;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if flag != 0 {
        return malformed(
            "The message is marked as compressed, which no header says, or it is not framed as gRPC frames messages.",
        );
    }
    if length != message.len() {
        return malformed("The frame of the message does not say its length, or there is more than one message.");
    }
    Ok(Request::from_parts(head, Body::from(body)))
}

/// What an RPC that does not exist is answered with.
pub(super) fn unknown(path: &str) -> Response<tonic::body::Body> {
    Failure::unknown_method(path).into_status().into_http()
}

/// Whether a request comes through this door.
pub(super) fn is_grpc(headers: &HeaderMap) -> bool {
    let content_type = headers
        .get(http::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let media_type = content_type
        .and_then(|value| value.split(';').next())
        .unwrap_or_default();
    matches!(media_type.trim(), "application/grpc" | "application/grpc+proto")
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
