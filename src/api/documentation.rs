//! The `OpenAPI` document and a page to read it by, `/docs`, which needs nothing from outside.

use axum::Router;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::IntoResponse;
use axum::routing::get;
use bytes::Bytes;

use super::openapi;

const PAGE: &str = include_str!("documentation/page.html");
const SCRIPT: &str = include_str!("documentation/page.js");
const STYLE: &str = include_str!("documentation/page.css");

/// The page holds a token when somebody tries a request, so nothing but its own two files may run in it or be reached
/// from it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The routes `/openapi.json` and `/docs`. They are open to everybody: the schema is no secret.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route(
            "/openapi.json",
            get(async || file("application/json", openapi::document())),
        )
        .route(
            "/docs",
            get(async || file("text/html; charset=utf-8", Bytes::from_static(PAGE.as_bytes()))),
        )
        .route(
            "/docs/page.js",
            get(async || file("text/javascript; charset=utf-8", Bytes::from_static(SCRIPT.as_bytes()))),
        )
        .route(
            "/docs/page.css",
            get(async || file("text/css; charset=utf-8", Bytes::from_static(STYLE.as_bytes()))),
        )
}

fn file(media_type: &'static str, content: Bytes) -> impl IntoResponse {
    let headers = [
        (CONTENT_TYPE, media_type),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        // Another version of the service has another document under the same address.
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, content)
}
