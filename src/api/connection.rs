//! Connections: HTTP/1.1 or HTTP/2 as the caller begins it, each closed when it is slow, silent, idle, or does not read.

use std::convert::Infallible;
use std::error::Error;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use futures_util::FutureExt;
use http::{Request, Version, header};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::{Layer, ServiceExt};
use tracing::{debug, info, warn};

use super::body::Drained;
use super::cut;
use super::refusals::Refusals;
use super::server::{Doors, ServerConfig};
use super::strict_lines::StrictLines;

/// Serves until told to stop; then takes no more, finishes what was accepted, and returns.
pub async fn serve(listener: TcpListener, doors: Doors, config: &ServerConfig, stopping: CancellationToken) {
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
                forget_unread(&stream, config.unread_timeout_ms);
                let head_timeout = Duration::from_millis(config.head_timeout_ms);
                let idle_timeout = Duration::from_millis(config.idle_timeout_ms);
                let timeouts = (head_timeout, idle_timeout);
                let connection = connection(stream, peer, doors.clone(), timeouts, stopping.clone());
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

/// Lets the system break off what it has sent, or would send, to a caller that takes nothing for so many milliseconds: the end of an
/// answer lies with it, and there is nobody left here who would wait for that.
fn forget_unread(stream: &TcpStream, timeout_ms: u64) {
    #[cfg(target_os = "linux")]
    if let Err(error) =
        rustix::net::sockopt::set_tcp_user_timeout(stream, u32::try_from(timeout_ms).unwrap_or(u32::MAX))
    {
        warn!(%error, "the system keeps what a caller does not read");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (stream, timeout_ms);
}

/// Serves one connection, HTTP/1.1 or HTTP/2 as the caller begins it. A caller that is slow to say what it wants, or silent for
/// long, gives its place to another.
async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    Doors { router, refusals }: Doors,
    (head_timeout, idle_timeout): (Duration, Duration),
    stopping: CancellationToken,
) {
    let asked = CancellationToken::new();
    let multiplexed = Arc::new(AtomicBool::new(false));
    let (first, several) = (asked.clone(), Arc::clone(&multiplexed));
    let (cut, under_way) = (CancellationToken::new(), Arc::new(()));
    let (own, open) = (cut.clone(), Arc::clone(&under_way));
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        first.cancel();
        let multiplexed = request.version() == Version::HTTP_2;
        several.store(multiplexed, Ordering::Relaxed);
        let mut request = request.map(|body| Body::new(Drained::new(body)));
        request.extensions_mut().insert(Arc::clone(&open));
        let (router, own) = (router.clone(), own.clone());
        async move {
            // Over HTTP/2 it has a task of its own, which has begun here; over HTTP/1.1 the connection is the request.
            let cut = if multiplexed { cut::current() } else { own };
            cut::within(cut, route(router, request)).await
        }
    });
    let mut builder = auto::Builder::new(cut::Cuttable);
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
    let serving = builder.serve_connection_with_upgrades(TokioIo::new(StrictLines::new(stream)), service);
    tokio::pin!(serving);
    tokio::select! {
        ended = gathered(serving.as_mut(), &multiplexed) => return tell(&peer, ended, &refusals),
        () = cut.cancelled() => return debug!(%peer, "a connection was cut off"),
        () = idle(&asked, &under_way, idle_timeout) => {}
        () = stopping.cancelled() => {}
        () = silence(&asked, head_timeout) => {
            // In good order for whoever listens, and soon for whoever does not.
            serving.as_mut().graceful_shutdown();
            match tokio::time::timeout(head_timeout, &mut serving).await {
                Ok(ended) => return tell(&peer, ended, &refusals),
                Err(_) if !asked.is_cancelled() => return debug!(%peer, "a connection asked nothing and was closed"),
                Err(_) => {}
            }
        }
    }
    serving.as_mut().graceful_shutdown();
    tokio::select! {
        ended = serving => tell(&peer, ended, &refusals),
        () = cut.cancelled() => debug!(%peer, "a connection was cut off"),
    }
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

/// Ends when a connection that was used has had nothing under way for so long.
async fn idle(asked: &CancellationToken, under_way: &Arc<()>, limit: Duration) {
    asked.cancelled().await;
    let mut since = Instant::now();
    while since.elapsed() < limit {
        tokio::time::sleep((limit / 8).max(Duration::from_millis(10))).await;
        // One is ours, one is with whoever takes requests.
        if Arc::strong_count(under_way) > 2 {
            since = Instant::now();
        }
    }
}

/// Ends when nothing has been asked for so long. hyper waits without end for the first bytes, which tell HTTP/1.1 from HTTP/2,
/// and for the first request over HTTP/2.
async fn silence(asked: &CancellationToken, limit: Duration) {
    if tokio::time::timeout(limit, asked.cancelled()).await.is_ok() {
        std::future::pending().await
    }
}

fn tell(peer: &SocketAddr, ended: Result<(), Box<dyn Error + Send + Sync>>, refusals: &Refusals) {
    if let Err(error) = ended {
        if error.downcast_ref().is_some_and(hyper::Error::is_parse) {
            refusals.no_request();
        }
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
