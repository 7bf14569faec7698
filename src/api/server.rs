//! The server: both doors, health, reflection and the manual on one port, with limits on everything that a caller controls.

use std::ops::Deref;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, RawPathParams, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, get, on, post};
use futures_util::FutureExt;
use http::{Request, StatusCode, Version, header};
use hyper::body::Body as _;
use tonic::Code;
use tonic_health::ServingStatus;
use tracing::{Instrument, Span};

use super::answer::Written;
use super::body::{self};
pub use super::connection::serve;
use super::failure::{Failure, code_name, short};
use super::identity::{Unauthenticated, UnauthenticatedKind, Verifier};
pub use super::limits::{ServerConfig, Shown, Side};
use super::places::{Admission, Most, Places};
use super::refusals::{REFUSED, Refusals};
use super::service::Service;
use super::{cut, documentation, grpc, json, places};
use crate::schema::{DESCRIPTOR_SET, METHODS, Method};
use crate::telemetry::{Door, Telemetry, request_span};

/// How often the health that gRPC clients watch is looked at.
const HEALTH_INTERVAL: Duration = Duration::from_secs(2);

/// What is served at one address: its routes, and where is counted what does not come as far as those.
#[derive(Clone)]
pub struct Doors {
    pub(super) router: Router,
    pub(super) refusals: Refusals,
}

/// The limits that one request is under.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub max_request_bytes: usize,
    pub max_answer_bytes: usize,
    pub request_timeout: Duration,
    pub body_timeout: Duration,
}

/// What all requests share.
#[derive(Clone)]
struct Shared(Arc<Parts>);

struct Parts {
    service: Service,
    verifier: Arc<Verifier>,
    limits: Limits,
    /// The requests that are not whole yet.
    awaited: Places,
    /// The requests that are worked on.
    places: Places,
    telemetry: Option<Arc<Telemetry>>,
    refusals: Refusals,
}

impl Deref for Shared {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Shared {
    fn new(
        service: Service,
        verifier: Arc<Verifier>,
        config: &ServerConfig,
        telemetry: Option<Arc<Telemetry>>,
    ) -> Self {
        let limits = Limits {
            max_request_bytes: config.max_request_bytes,
            max_answer_bytes: config.max_answer_bytes,
            request_timeout: Duration::from_millis(config.request_timeout_ms),
            body_timeout: Duration::from_millis(config.body_timeout_ms),
        };
        let worked_on = Most {
            requests: config.max_concurrent_requests,
            at_once: config.max_at_once_per_tenant,
            in_company: config.max_at_once_in_company,
            answer_bytes: config.answer_bytes,
            unread: Duration::from_millis(config.unread_timeout_ms),
        };
        let not_whole = Most {
            requests: config.max_awaited_requests,
            answer_bytes: config.awaited_bytes,
            ..worked_on
        };
        Self(Arc::new(Parts {
            refusals: Refusals::new(service.metrics().clone()),
            service,
            verifier,
            limits,
            awaited: Places::new(not_whole),
            places: Places::new(worked_on),
            telemetry,
        }))
    }

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
) -> Doors {
    let shared = Shared::new(service, verifier, config, telemetry);
    let limits = shared.limits;
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
    around(doors, shared, config, Side::Main)
}

/// What operators are shown on an address of their own: health, and whatever is not closed. No RPC of the schema is there.
pub fn operations(
    service: Service,
    verifier: Arc<Verifier>,
    config: &ServerConfig,
    telemetry: Option<Arc<Telemetry>>,
) -> Doors {
    let shared = Shared::new(service, verifier, config, telemetry);
    around(Router::new(), shared, config, Side::Operations)
}

/// Puts what needs no token around the doors, and what answers where there is nothing.
fn around(doors: Router<Shared>, shared: Shared, config: &ServerConfig, side: Side) -> Doors {
    let mut router = Router::new()
        .merge(doors)
        .merge(health_and_reflection(
            shared.service.clone(),
            config.reflection.on(side),
        ))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready));
    if config.metrics.on(side) {
        router = router.route("/metrics", get(metrics));
    }
    if config.documentation.on(side) {
        router = router.merge(documentation::routes());
    }
    let refusals = shared.refusals.clone();
    let router = router
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(unknown)
        .with_state(shared.clone())
        .layer(middleware::from_fn_with_state(shared, outermost));
    Doors { router, refusals }
}

fn health_and_reflection(service: Service, reflects: bool) -> Router<Shared> {
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
    let routes = tonic::service::Routes::new(health);
    if !reflects {
        return routes.into_axum_router().with_state(());
    }
    // Both versions: many clients still ask for v1alpha.
    let v1 = reflection()
        .build_v1()
        .expect("the descriptor set was made by the build");
    let v1alpha = reflection()
        .build_v1alpha()
        .expect("the descriptor set was made by the build");
    routes
        .add_service(v1)
        .add_service(v1alpha)
        .into_axum_router()
        .with_state(())
}

/// The method that a request calls, by its route.
fn method_of(request: &Request<Body>) -> &'static str {
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let verb = request.method().as_str();
    let method = route.and_then(|route| {
        METHODS
            .iter()
            .find(|method| method.grpc_path == route || method.path == route && method.verb.eq_ignore_ascii_case(verb))
    });
    method.map_or(REFUSED, |method| method.grpc_path)
}

/// The identity layer over both doors: who it is, the whole of the request, and a place among those that are worked on.
async fn identify(State(shared): State<Shared>, request: Request<Body>, next: Next) -> Response {
    let is_grpc = grpc::is_grpc(request.headers());
    let (door, began) = (if is_grpc { Door::Grpc } else { Door::Json }, Instant::now());
    let method = method_of(&request);
    match shared.admitted(is_grpc, request, next).await {
        Ok(answer) => answer,
        Err(failure) => {
            shared.refusals.refused(method, door, &failure, began.elapsed());
            if is_grpc {
                failure.into_status().into_http::<Body>()
            } else {
                json::refuse(&failure)
            }
        }
    }
}

impl Shared {
    /// Lets a request in and answers it. A refusal here is one at the door, before anything of the request was looked at.
    async fn admitted(&self, is_grpc: bool, request: Request<Body>, next: Next) -> Result<Response, Failure> {
        let caller = self.verifier.verify_request(request.headers()).await?;
        let (mut head, body) = request.into_parts();
        let mut limits = self.limits;
        if is_grpc {
            limits.max_request_bytes = limits.max_request_bytes.saturating_add(grpc::FRAME_BYTES);
        }
        let (body, room) = if body.is_end_stream() {
            (body, None)
        } else {
            let whole = body::gather(body, limits, &self.awaited, &caller).await?;
            // What is large is counted until it has been dealt with.
            let is_large = whole.len() > body::SMALL;
            let room = is_large.then(|| self.awaited.room(&caller, whole.len())).transpose()?;
            (whole.into(), room)
        };
        let place = self.places.enter(&caller)?;
        let turn = tokio::time::timeout(limits.request_timeout, place.turn());
        let turn = turn.await.map_err(|_| places::no_turn())?;
        let admission = Admission::new(self.places.clone(), Arc::clone(&caller), limits.max_answer_bytes);
        let admission = Arc::new(admission);
        head.extensions.insert(caller);
        head.extensions.insert(Arc::clone(&admission));
        let open = head.extensions.remove::<Arc<()>>();
        let answer = next.run(Request::from_parts(head, body)).await;
        drop((turn, room));
        let progress = self.places.watch(cut::current());
        Ok(answer.map(|body| Body::new(Written::new(body, progress, admission.held(place), open))))
    }

    /// Counts and logs what is asked for that does not exist.
    fn nothing_there(&self, request: &Request<Body>, code: Code) {
        let (door, code) = match grpc::is_grpc(request.headers()) {
            true => (Door::Grpc, Code::Unimplemented),
            false => (Door::Json, code),
        };
        self.refusals
            .turned_away("(no such method)", door, code, "UNKNOWN_ROUTE", Duration::ZERO);
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
    match &shared.telemetry {
        Some(telemetry) => (
            [(header::CONTENT_TYPE, "text/plain; version=0.0.4")],
            telemetry.prometheus_text(),
        )
            .into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn unknown(State(shared): State<Shared>, request: Request<Body>) -> Response {
    shared.nothing_there(&request, Code::NotFound);
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

async fn method_not_allowed(State(shared): State<Shared>, request: Request<Body>) -> Response {
    shared.nothing_there(&request, Code::InvalidArgument);
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

/// Around everything: no request without its host, and no panic that goes unanswered.
async fn outermost(State(shared): State<Shared>, request: Request<Body>, next: Next) -> Response {
    let is_grpc = grpc::is_grpc(request.headers());
    let door = if is_grpc { Door::Grpc } else { Door::Json };
    let hosts = request.headers().get_all(header::HOST).iter().count();
    if request.version() == Version::HTTP_11 && hosts != 1 {
        let sentence = "A request over HTTP/1.1 names its host once (RFC 9112, section 3.2).";
        let failure = Failure::new(Code::InvalidArgument, "MALFORMED_REQUEST", sentence);
        shared.refusals.refused(REFUSED, door, &failure, Duration::ZERO);
        return json::refuse(&failure);
    }
    let failure = match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(answer) => return answer,
        Err(problem) => Failure::internal("a panic", &said(problem)),
    };
    if is_grpc {
        failure.into_status().into_http()
    } else {
        json::refuse(&failure)
    }
}

/// What a panic said.
fn said(problem: Box<dyn std::any::Any + Send>) -> String {
    let text = problem.downcast_ref::<String>().cloned();
    text.or_else(|| problem.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_default()
}
