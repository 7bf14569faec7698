//! The server: both doors, health, reflection and the manual on one port, with limits on everything that a caller controls.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{RawPathParams, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, get, on, post};
use futures_util::FutureExt;
use http::{Request, StatusCode, Version, header};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::Code;
use tonic_health::ServingStatus;
use tower::{Layer, ServiceExt};
use tracing::{Instrument, Span, debug, info, warn};

use super::body::Drained;
use super::documentation;
use super::failure::{Failure, code_name, short};
use super::identity::{Unauthenticated, UnauthenticatedKind, Verifier};
use super::service::Service;
use super::{grpc, json};
use crate::schema::{DESCRIPTOR_SET, METHODS, Method};
use crate::telemetry::{Door, Telemetry, request_span};

/// Limits on what callers control.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// The largest request, in bytes.
    pub max_request_bytes: usize,
    /// How long an answer may take, in milliseconds; a caller may ask for less.
    pub request_timeout_ms: u64,
    /// How long a caller may take to say what it wants, in milliseconds: until the end of its request's headers.
    pub head_timeout_ms: u64,
    /// How many requests are worked on at a time; more are told to come back.
    pub max_concurrent_requests: usize,
    /// How many connections are open at a time; more wait.
    pub max_connections: usize,
    /// How long accepted requests may take to finish when the service stops, in milliseconds.
    pub shutdown_timeout_ms: u64,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            max_request_bytes: 1024 * 1024,
            request_timeout_ms: 30_000,
            head_timeout_ms: 15_000,
            max_concurrent_requests: 2048,
            max_connections: 4096,
            shutdown_timeout_ms: 25_000,
        }
    }
}

/// How often the health that gRPC clients watch is looked at.
const HEALTH_INTERVAL: Duration = Duration::from_secs(2);

/// The limits that one request is under.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub max_request_bytes: usize,
    pub request_timeout: Duration,
}

/// What all requests share.
#[derive(Clone)]
struct Shared {
    service: Service,
    verifier: Arc<Verifier>,
    requests: Arc<Semaphore>,
    telemetry: Option<Arc<Telemetry>>,
}

impl Shared {
    /// Runs one request of an RPC within its span, counted and timed.
    async fn observed<B>(
        &self,
        method: &'static Method,
        door: Door,
        span: Span,
        answer: impl Future<Output = http::Response<B>>,
    ) -> http::Response<B> {
        let began = Instant::now();
        let answer = answer.instrument(span.clone()).await;
        let code = answer
            .extensions()
            .get::<Code>()
            .copied()
            .unwrap_or_else(|| grpc::code_of(answer.headers()));
        span.record("code", code_name(code));
        self.service
            .metrics()
            .request(method.grpc_path, door, code_name(code), began.elapsed());
        answer
    }
}

/// The routes of both doors and everything around them. With telemetry, its metrics are served at `/metrics`.
pub fn router(
    service: Service,
    verifier: Arc<Verifier>,
    config: &ServerConfig,
    telemetry: Option<Arc<Telemetry>>,
) -> Router {
    let limits = Limits {
        max_request_bytes: config.max_request_bytes,
        request_timeout: Duration::from_millis(config.request_timeout_ms),
    };
    let shared = Shared {
        service,
        verifier,
        requests: Arc::new(Semaphore::new(config.max_concurrent_requests)),
        telemetry,
    };
    let mut rpcs = Router::new();
    let mut routes = Router::new();
    for method in METHODS {
        rpcs = rpcs.route(
            method.grpc_path,
            post(move |State(shared): State<Shared>, request: Request<Body>| async move {
                let span = request_span(method.grpc_path, Door::Grpc, request.headers());
                let answer = grpc::handle(shared.service.clone(), method, limits, request);
                shared.observed(method, Door::Grpc, span, answer).await
            }),
        );
        let verb = if method.verb == "get" {
            MethodFilter::GET
        } else {
            MethodFilter::POST
        };
        let path_parameters =
            move |State(shared): State<Shared>, path: Result<RawPathParams, _>, request: Request<Body>| async move {
                let span = request_span(method.grpc_path, Door::Json, request.headers());
                let answer = json::handle(shared.service.clone(), method, limits, path, request);
                shared.observed(method, Door::Json, span, answer).await
            };
        routes = routes.route(method.path, on(verb, path_parameters));
    }
    // Deny by default: whatever is a route of the schema is behind the identity layer.
    let doors = rpcs
        .merge(routes)
        .layer(middleware::from_fn_with_state(shared.clone(), identify));
    Router::new()
        .merge(doors)
        .merge(health_and_reflection(shared.service.clone()))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .merge(documentation::routes())
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(unknown)
        .with_state(shared)
        .layer(tower_http::catch_panic::CatchPanicLayer::custom(panicked))
}

fn health_and_reflection(service: Service) -> Router<Shared> {
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let (reporter, health) = tonic_health::server::health_reporter();
    tokio::spawn(async move {
        loop {
            let status = match readiness(&service).await {
                Ok(()) => ServingStatus::Serving,
                Err(_) => ServingStatus::NotServing,
            };
            reporter.set_service_status("", status).await;
            if service.stopping().is_cancelled() {
                return;
            }
            let _ = tokio::time::timeout(HEALTH_INTERVAL, service.stopping().cancelled()).await;
        }
    });
    // Both versions: many clients still ask for v1alpha.
    let v1 = reflection()
        .build_v1()
        .expect("the descriptor set was made by the build");
    let v1alpha = reflection()
        .build_v1alpha()
        .expect("the descriptor set was made by the build");
    tonic::service::Routes::new(health)
        .add_service(v1)
        .add_service(v1alpha)
        .into_axum_router()
        .with_state(())
}

/// The identity layer over both doors, and the limit on how many requests are worked on at a time.
async fn identify(State(shared): State<Shared>, mut request: Request<Body>, next: Next) -> Response {
    let is_grpc = grpc::is_grpc(request.headers());
    let refuse = |failure: Failure| {
        if is_grpc {
            failure.into_status().into_http::<Body>()
        } else {
            json::refuse(&failure)
        }
    };
    let Ok(_permit) = shared.requests.clone().try_acquire_owned() else {
        let sentence =
            "Too many requests are being worked on. Nothing of this one was recorded; send it again a little later.";
        return refuse(Failure {
            retry_after: Some(Duration::from_millis(200)),
            ..Failure::new(Code::ResourceExhausted, "SERVER_BUSY", sentence)
        });
    };
    match shared.verifier.verify_request(request.headers()).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(error) => refuse(error.into()),
    }
}

impl From<Unauthenticated> for Failure {
    fn from(error: Unauthenticated) -> Self {
        let code = match error.kind() {
            UnauthenticatedKind::Unauthenticated => Code::Unauthenticated,
            UnauthenticatedKind::PermissionDenied => Code::PermissionDenied,
            UnauthenticatedKind::Unavailable => Code::Unavailable,
        };
        let later = error.kind() == UnauthenticatedKind::Unavailable;
        Self {
            retry_after: later.then_some(Duration::from_secs(1)),
            ..Self::new(code, error.reason(), error.to_string())
        }
    }
}

/// Whether requests belong here: a sentence when not.
async fn readiness(service: &Service) -> Result<(), String> {
    if service.stopping().is_cancelled() {
        return Err("The service is stopping.".to_owned());
    }
    service.ledger().store().readiness().await
}

async fn ready(State(shared): State<Shared>) -> Response {
    match readiness(&shared.service).await {
        Ok(()) => format!("ready\n{}", shared.service.warnings().await).into_response(),
        Err(sentence) => (StatusCode::SERVICE_UNAVAILABLE, format!("{sentence}\n")).into_response(),
    }
}

async fn metrics(State(shared): State<Shared>) -> Response {
    match shared.telemetry {
        Some(telemetry) => (
            [(header::CONTENT_TYPE, "text/plain; version=0.0.4")],
            telemetry.prometheus_text(),
        )
            .into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn unknown(request: Request<Body>) -> Response {
    let path = request.uri().path();
    if grpc::is_grpc(request.headers()) {
        return grpc::unknown(path).map(Body::new);
    }
    let path = short(path);
    json::refuse(&Failure::new(
        Code::NotFound,
        "UNKNOWN_ROUTE",
        format!("There is no route {path}: see /docs or /openapi.json."),
    ))
}

async fn method_not_allowed(request: Request<Body>) -> Response {
    if grpc::is_grpc(request.headers()) {
        return grpc::unknown(request.uri().path()).map(Body::new);
    }
    let sentence = format!(
        "This route does not take {}: commands are POST, queries GET. See /docs.",
        short(request.method().as_str())
    );
    json::refuse_with(
        &Failure::new(Code::InvalidArgument, "METHOD_NOT_ALLOWED", sentence),
        StatusCode::METHOD_NOT_ALLOWED,
    )
}

fn panicked(problem: Box<dyn std::any::Any + Send>) -> Response {
    let text = problem
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| problem.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    json::refuse(&Failure::internal("a panic", &text.unwrap_or_default()))
}

/// Serves until told to stop; then takes no more, finishes what was accepted, and returns.
pub async fn serve(listener: TcpListener, router: Router, config: &ServerConfig, stopping: CancellationToken) {
    let connections = TaskTracker::new();
    let places = Arc::new(Semaphore::new(config.max_connections));
    loop {
        let place = tokio::select! {
            () = stopping.cancelled() => break,
            place = Arc::clone(&places).acquire_owned() => place,
        };
        let accepted = tokio::select! {
            () = stopping.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let _ = stream.set_nodelay(true);
                let head_timeout = Duration::from_millis(config.head_timeout_ms);
                let connection = connection(stream, peer, router.clone(), head_timeout, stopping.clone());
                connections.spawn(async move {
                    let _place = place;
                    connection.await;
                });
            }
            Err(error) => {
                // Most likely no file handle is free: wait for one instead of spinning.
                warn!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    connections.close();
    info!(open = connections.len(), "stopping: finishing what was accepted");
    if tokio::time::timeout(Duration::from_millis(config.shutdown_timeout_ms), connections.wait())
        .await
        .is_err()
    {
        warn!(open = connections.len(), "stopped before every connection had ended");
    }
}

/// Serves one connection, HTTP/1.1 or HTTP/2 as the caller begins it. A caller that is slow to say what it wants, or silent for
/// long, gives its place to another.
async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    head_timeout: Duration,
    stopping: CancellationToken,
) {
    let asked = CancellationToken::new();
    let multiplexed = Arc::new(AtomicBool::new(false));
    let (first, several) = (asked.clone(), Arc::clone(&multiplexed));
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        first.cancel();
        several.store(request.version() == Version::HTTP_2, Ordering::Relaxed);
        route(router.clone(), request.map(|body| Body::new(Drained::new(body))))
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(head_timeout)
        .max_headers(64)
        .max_buf_size(128 * 1024);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(512)
        .max_header_list_size(16 * 1024)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20));
    let serving = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    tokio::pin!(serving);
    tokio::select! {
        ended = gathered(serving.as_mut(), &multiplexed) => return tell(&peer, ended),
        () = stopping.cancelled() => {}
        () = silence(&asked, head_timeout) => {
            // In good order for whoever listens, and soon for whoever does not.
            serving.as_mut().graceful_shutdown();
            match tokio::time::timeout(head_timeout, &mut serving).await {
                Ok(ended) => return tell(&peer, ended),
                Err(_) if !asked.is_cancelled() => return debug!(%peer, "a connection asked nothing and was closed"),
                Err(_) => {}
            }
        }
    }
    serving.as_mut().graceful_shutdown();
    tell(&peer, serving.await);
}

/// Runs a connection so that it has its turn after everybody who is ready to say something over it, and says it all at once: a system
/// call for each answer would be a tenth of what a command costs. Only HTTP/2 has several at a time.
async fn gathered<F: Future + Unpin>(mut connection: F, multiplexed: &AtomicBool) -> F::Output {
    let mut at_the_end = false;
    poll_fn(|context| {
        if !at_the_end && multiplexed.load(Ordering::Relaxed) {
            at_the_end = true;
            // Who wakes itself is put at the end of the queue, and everybody else who wakes it finds it there.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        at_the_end = false;
        connection.poll_unpin(context)
    })
    .await
}

/// Ends when nothing has been asked for so long. hyper waits without end for the first bytes, which tell HTTP/1.1 from HTTP/2,
/// and for the first request over HTTP/2.
async fn silence(asked: &CancellationToken, limit: Duration) {
    if tokio::time::timeout(limit, asked.cancelled()).await.is_ok() {
        std::future::pending().await
    }
}

fn tell<E: std::fmt::Display>(peer: &SocketAddr, ended: Result<(), E>) {
    if let Err(error) = ended {
        debug!(%error, %peer, "a connection broke off");
    }
}

/// gRPC-Web is translated to gRPC first; everything else goes straight to the routes.
async fn route(router: Router, request: Request<Body>) -> Result<Response, Infallible> {
    let content_type = request
        .headers()
        .get(header::CONTENT_TYPE)
        .map(http::HeaderValue::as_bytes)
        .unwrap_or_default();
    if content_type.starts_with(b"application/grpc-web") {
        let inner = router.map_request(|request: Request<tonic::body::Body>| request.map(Body::new));
        let answer = tonic_web::GrpcWebLayer::new().layer(inner).oneshot(request).await?;
        return Ok(answer.map(Body::new));
    }
    router.oneshot(request).await
}
