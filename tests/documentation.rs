//! The documentation page needs nothing from outside and lets nothing in.

use axum::body::{Body, to_bytes};
use http::Request;
use tower::ServiceExt;

async fn get(path: &str) -> (http::HeaderMap, String) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = vedtak::api::documentation::routes::<()>()
        .oneshot(request)
        .await
        .unwrap();
    assert_eq!(response.status(), 200, "{path}");
    let (parts, body) = response.into_parts();
    (
        parts.headers,
        String::from_utf8(to_bytes(body, 1 << 24).await.unwrap().into()).unwrap(),
    )
}

#[tokio::test]
async fn every_file_that_the_page_names_is_served_under_a_strict_policy() {
    let (_, page) = get("/docs").await;
    for (path, media_type) in [
        ("/docs", "text/html; charset=utf-8"),
        ("/docs/page.css", "text/css; charset=utf-8"),
        ("/docs/page.js", "text/javascript; charset=utf-8"),
        ("/openapi.json", "application/json"),
    ] {
        let (headers, body) = get(path).await;
        assert_eq!(headers["content-type"], media_type);
        assert_eq!(headers["x-content-type-options"], "nosniff");
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'") && !policy.contains("unsafe"),
            "{policy}"
        );
        assert!(path == "/docs" || page.contains(path), "{path} is not named");
        if path.starts_with("/docs") {
            assert!(!body.contains("://"), "{path} reaches for something outside");
        }
    }
}

#[tokio::test]
async fn the_page_has_no_inline_code_and_makes_no_markup_of_text() {
    let (_, page) = get("/docs").await;
    assert!(!page.contains("style=") && !page.contains(" on") && !page.contains("<script>"));
    let (_, script) = get("/docs/page.js").await;
    for word in [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "eval(",
        "localStorage",
        "document.write",
    ] {
        assert!(!script.contains(word), "{word}");
    }
}
