//! Operators see requests, commands and appends in Prometheus and, when they have a collector, in its traces and
//! metrics.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::Request;
use vedtak::telemetry::{Door, LogFormat, Outcome, TelemetryConfig, TelemetryError, prepare, request_span};

const METHOD: &str = "/vedtak.v1.RiskService/ListRisks";

/// What a collector has been sent: the path of each call and its body.
type Sent = Arc<Mutex<Vec<(String, Bytes)>>>;

/// A collector that takes everything.
async fn collector() -> (String, Sent) {
    let sent = Sent::default();
    let kept = Arc::clone(&sent);
    let take = move |request: Request| async move {
        let path = request.uri().path().to_owned();
        let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
        kept.lock().unwrap().push((path, body));
        // An empty message, and the status in the headers.
        let headers = [("content-type", "application/grpc"), ("grpc-status", "0")];
        (headers, Bytes::from_static(&[0, 0, 0, 0, 0]))
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(take)).await });
    (endpoint, sent)
}

fn holds(body: &[u8], text: &str) -> bool {
    body.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn what_was_counted_stands_in_the_text_for_prometheus() {
    let (telemetry, _dispatch) = prepare(&TelemetryConfig::default()).unwrap();
    let metrics = telemetry.metrics();
    metrics.request(METHOD, Door::Json, "OK", Duration::from_millis(3));
    metrics.request(METHOD, Door::Json, "OK", Duration::from_millis(4));
    metrics.command(Outcome::Refused);
    metrics.appended(3, 5, Duration::from_micros(800));
    metrics.queued(7);
    metrics.queued(-3);
    metrics.projection("risk_register", 12, 1);
    let text = telemetry.prometheus_text();
    let labels = r#"{code="OK",door="json",method="/vedtak.v1.RiskService/ListRisks"}"#;
    for line in [
        format!("vedtak_requests_total{labels} 2"),
        format!("vedtak_request_duration_seconds_count{labels} 2"),
        r#"vedtak_commands_total{outcome="refused"} 1"#.to_owned(),
        "vedtak_records_total 5".to_owned(),
        r#"vedtak_append_batch_bucket{le="4"} 1"#.to_owned(),
        r#"vedtak_append_duration_seconds_bucket{le="0.001"} 1"#.to_owned(),
        "vedtak_append_queue 4".to_owned(),
        r#"vedtak_projection_lag{projection="risk_register"} 12"#.to_owned(),
        r#"vedtak_projection_stopped{projection="risk_register"} 1"#.to_owned(),
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    telemetry.shutdown().await;
}

#[tokio::test]
async fn a_collector_gets_the_spans_of_requests_and_the_metrics_even_when_the_log_is_quiet() {
    let (endpoint, sent) = collector().await;
    let config = TelemetryConfig {
        log: "off".to_owned(),
        otlp_endpoint: Some(endpoint),
        ..TelemetryConfig::default()
    };
    let mut headers = http::HeaderMap::new();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    headers.insert(
        "traceparent",
        format!("00-{trace}-00f067aa0ba902b7-01").parse().unwrap(),
    );
    // Whether anybody cares for a span is remembered for the whole process, and other tests beside this one make the same span
    // with nobody to care: now and then theirs is the answer that is remembered. A service has one dispatcher from start to end.
    let traced = || {
        sent.lock()
            .unwrap()
            .iter()
            .any(|(path, _)| path.contains("TraceService/Export"))
    };
    for _ in 0..20 {
        let (telemetry, dispatch) = prepare(&config).unwrap();
        tracing::dispatcher::with_default(&dispatch, || {
            let span = request_span(METHOD, Door::Grpc, &headers);
            span.record("code", "OK");
            span.in_scope(|| tracing::debug_span!("too fine to be sent").in_scope(|| ()));
        });
        telemetry
            .metrics()
            .request(METHOD, Door::Grpc, "OK", Duration::from_millis(1));
        telemetry.shutdown().await;
        if traced() {
            break;
        }
    }

    let sent = sent.lock().unwrap();
    let body = |service: &str| &sent.iter().find(|(path, _)| path.contains(service)).expect(service).1;
    let traces = body("TraceService/Export");
    assert!(holds(traces, METHOD) && holds(traces, "vedtak") && !holds(traces, "too fine"));
    let trace: Vec<u8> = hex::decode(trace).unwrap();
    assert!(
        traces.windows(16).any(|window| window == trace),
        "the span belongs to the caller's trace"
    );
    assert!(holds(body("MetricsService/Export"), "vedtak.request.duration"));
}

#[tokio::test]
async fn a_collector_that_is_away_does_not_hold_up_the_end() {
    let config = TelemetryConfig {
        otlp_endpoint: Some("http://127.0.0.1:9".to_owned()),
        log: "off".to_owned(),
        ..Default::default()
    };
    let (telemetry, dispatch) = prepare(&config).unwrap();
    tracing::dispatcher::with_default(&dispatch, || {
        request_span(METHOD, Door::Grpc, &http::HeaderMap::new()).in_scope(|| ());
    });
    tokio::time::timeout(Duration::from_secs(15), telemetry.shutdown())
        .await
        .unwrap();
}

#[test]
fn a_configuration_that_cannot_work_is_refused() {
    let refused = |config: TelemetryConfig| prepare(&config).unwrap_err();
    let filter = TelemetryConfig {
        log: "vedtak=loud".to_owned(),
        ..Default::default()
    };
    assert!(matches!(refused(filter), TelemetryError::Filter(_)));
    let secure = TelemetryConfig {
        otlp_endpoint: Some("https://collector".to_owned()),
        ..Default::default()
    };
    assert!(matches!(refused(secure), TelemetryError::Endpoint(_)));
    let config: TelemetryConfig = serde_json::from_str(r#"{ "log_format": "json" }"#).unwrap();
    assert_eq!(
        (config.log_format, config.log.as_str()),
        (LogFormat::Json, "info,opentelemetry_sdk=warn")
    );
    assert!(serde_json::from_str::<TelemetryConfig>(r#"{ "loglevel": "info" }"#).is_err());
}
