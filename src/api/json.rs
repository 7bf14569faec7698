//! The JSON door: routes from `google.api.http`, canonical proto3 JSON in and out, the same handler behind it as behind gRPC.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::RawPathParams;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use prost_reflect::{Kind, MessageDescriptor};
use serde_json::{Map, Value};
use tonic::Code;

use super::failure::{Failure, short};
use super::identity::Caller;
use super::places::Admission;
use super::server::Limits;
use super::service::{ReplyStream, Service};
use crate::schema::{self, Method, MethodKind};

/// Handles a call of one RPC.
pub(super) async fn handle(
    service: Service,
    method: &'static Method,
    limits: Limits,
    path: Result<RawPathParams, axum::extract::rejection::RawPathParamsRejection>,
    request: Request<Body>,
) -> Response<Body> {
    match call(service, method, limits, path, request).await {
        Ok(response) => response,
        Err(failure) => refuse(&failure),
    }
}

async fn call(
    service: Service,
    method: &'static Method,
    limits: Limits,
    path: Result<RawPathParams, axum::extract::rejection::RawPathParamsRejection>,
    request: Request<Body>,
) -> Result<Response<Body>, Failure> {
    let past = || Failure::internal("JSON door", &"a request came past the identity layer");
    let caller = request.extensions().get::<Arc<Caller>>().cloned().ok_or_else(past)?;
    let admission = request.extensions().get::<Arc<Admission>>().cloned().ok_or_else(past)?;
    let service = service.within(Arc::clone(&admission));
    let path = path.map_err(|_| {
        Failure::new(
            Code::InvalidArgument,
            "MALFORMED_REQUEST",
            "The path is not valid UTF-8.",
        )
    })?;
    let accept = Accept::of(request.headers());
    let query = request.uri().query().map(str::to_owned);
    let message = if method.has_body {
        if query.is_some_and(|query| !query.is_empty()) {
            return Err(Failure::new(
                Code::InvalidArgument,
                "MALFORMED_REQUEST",
                "A command is sent in the body: there is no query string.",
            ));
        }
        body(method, &path, request).await?
    } else {
        from_query(method, query.as_deref().unwrap_or_default(), &path)?
    };
    match method.kind {
        MethodKind::Command | MethodKind::Query => {
            let answer = service.unary(method, &caller, message, limits.request_timeout).await?;
            let json = service.to_json(method, &caller, answer).await?;
            Ok(respond(StatusCode::OK, "application/json", json.into()))
        }
        MethodKind::Stream => {
            admission.is_a_stream();
            let items = service.stream(method, &caller, message).await?;
            Ok(streamed(method, accept, items))
        }
    }
}

/// Reads the body, with the fields that the path gives put in.
async fn body(method: &Method, path: &RawPathParams, request: Request<Body>) -> Result<Bytes, Failure> {
    let content_type = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let media_type = content_type
        .and_then(|value| value.split(';').next())
        .unwrap_or_default();
    let json = media_type.trim().eq_ignore_ascii_case("application/json");
    if !json {
        return Err(Failure::new(
            Code::InvalidArgument,
            "CONTENT_TYPE",
            "The body must be sent as content-type: application/json.",
        ));
    }
    let body = super::body::read(request.into_body()).await?;
    let text = std::str::from_utf8(&body).map_err(|_| {
        Failure::new(
            Code::InvalidArgument,
            "MALFORMED_REQUEST",
            "The body is not valid UTF-8.",
        )
    })?;
    let mut fields = schema::read_object(text)?;
    for (name, value) in path {
        let in_body = fields.remove(&camel(name)).or_else(|| fields.remove(name));
        match in_body {
            Some(Value::String(given)) if given != value => {
                let sentence = format!(
                    "Is {} in the body but {value} in the path: leave it out of the body.",
                    short(&given)
                );
                return Err(Failure::field(name, sentence));
            }
            Some(Value::String(_)) | None => drop(fields.insert(name.to_owned(), Value::String(value.to_owned()))),
            Some(_) => return Err(Failure::field(name, "Must be a string.")),
        }
    }
    Ok(schema::from_json(method.input, Value::Object(fields))?.into())
}

/// The other spelling of a field's name that proto3 JSON takes: `projectId` for `project_id`.
fn camel(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    for word in name.split('_') {
        let mut letters = word.chars();
        if !camel.is_empty() {
            camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        }
        camel.extend(letters);
    }
    camel
}

/// Reads the query string and the path into a request: `as_of.position=7` is a field of a field, a repeated field stands several times.
fn from_query(method: &Method, query: &str, path: &RawPathParams) -> Result<Bytes, Failure> {
    let descriptor = schema::pool()
        .get_message_by_name(method.input)
        .ok_or_else(|| Failure::internal("JSON door", &"a method of the schema has no request message"))?;
    let mut fields = Map::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if path.iter().any(|(bound, _)| bound == name) {
            return Err(Failure::field(
                &name,
                "Is given in the path: leave it out of the query string.",
            ));
        }
        put(&mut fields, &descriptor, &name, &name, &value)?;
    }
    for (name, value) in path {
        fields.insert(name.to_owned(), Value::String(value.to_owned()));
    }
    Ok(schema::from_json(method.input, Value::Object(fields))?.into())
}

fn put(
    fields: &mut Map<String, Value>,
    message: &MessageDescriptor,
    whole: &str,
    name: &str,
    value: &str,
) -> Result<(), Failure> {
    let unknown = || Failure::field(&short(whole), "Is not a parameter of this query.");
    let (name, rest) = name
        .split_once('.')
        .map_or((name, None), |(name, rest)| (name, Some(rest)));
    let field = message
        .get_field_by_name(name)
        .or_else(|| message.get_field_by_json_name(name))
        .ok_or_else(unknown)?;
    if let (Kind::Message(inner), Some(rest)) = (field.kind(), rest) {
        let nested = fields.entry(field.name()).or_insert_with(|| Value::Object(Map::new()));
        return put(nested.as_object_mut().ok_or_else(unknown)?, &inner, whole, rest, value);
    }
    if rest.is_some() {
        return Err(unknown());
    }
    let value = match field.kind() {
        Kind::Bool => match value {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => return Err(Failure::field(&short(whole), "Must be true or false.")),
        },
        Kind::Message(inner) if inner.full_name() != "google.protobuf.Timestamp" => return Err(unknown()),
        _ => Value::String(value.to_owned()),
    };
    if field.is_list() {
        let list = fields.entry(field.name()).or_insert_with(|| Value::Array(Vec::new()));
        list.as_array_mut().ok_or_else(unknown)?.push(value);
    } else if fields.insert(field.name().to_owned(), value).is_some() {
        return Err(Failure::field(&short(whole), "Stands twice in the query string."));
    }
    Ok(())
}

/// How a stream is written.
#[derive(Clone, Copy, PartialEq)]
enum Accept {
    /// A line of JSON for each message.
    Lines,
    /// Server-sent events.
    Events,
}

impl Accept {
    fn of(headers: &HeaderMap) -> Self {
        let events = headers
            .get_all(ACCEPT)
            .iter()
            .any(|value| value.to_str().is_ok_and(|text| text.contains("text/event-stream")));
        if events { Self::Events } else { Self::Lines }
    }
}

/// Writes a stream. A failure on the way is its last line, since the status has been sent long before.
fn streamed(method: &'static Method, accept: Accept, items: ReplyStream) -> Response<Body> {
    let lines = items.map(move |item| {
        let written = item.and_then(|bytes| {
            schema::to_json(method.output, &bytes).map_err(|error| Failure::internal("writing JSON", &error))
        });
        let (event, json) = match written {
            Ok(json) => ("message", json),
            Err(failure) => (
                "error",
                serde_json::json!({"error": failure.problem(failure.http_status())})
                    .to_string()
                    .into_bytes(),
            ),
        };
        let mut line = BytesMut::new();
        if accept == Accept::Events {
            line.extend_from_slice(format!("event: {event}\ndata: ").as_bytes());
        }
        line.extend_from_slice(&json);
        line.extend_from_slice(if accept == Accept::Events { b"\n\n" } else { b"\n" });
        Ok::<_, std::convert::Infallible>(line.freeze())
    });
    let content_type = if accept == Accept::Events {
        "text/event-stream"
    } else {
        "application/x-ndjson"
    };
    respond(StatusCode::OK, content_type, Body::from_stream(lines))
}

fn respond(status: StatusCode, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Tells a failure as problem details.
pub(super) fn refuse(failure: &Failure) -> Response<Body> {
    refuse_with(failure, failure.http_status())
}

/// Tells a failure as problem details, with a status of its own.
pub(super) fn refuse_with(failure: &Failure, status: StatusCode) -> Response<Body> {
    let mut response = respond(
        status,
        "application/problem+json",
        failure.problem(status).to_string().into(),
    );
    // What the metrics count.
    response.extensions_mut().insert(failure.code);
    if status == StatusCode::UNAUTHORIZED {
        response
            .headers_mut()
            .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(after) = failure.retry_after {
        // The header knows whole seconds only; the body has the fraction.
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)));
    }
    response
}
