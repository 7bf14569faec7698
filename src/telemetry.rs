//! What the service tells its operators: logs on standard error, traces and metrics over OTLP, metrics for Prometheus.

mod metrics;

use std::io::IsTerminal;
use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry::{KeyValue, propagation::Extractor, propagation::TextMapPropagator};
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use prometheus::{Registry, TextEncoder};
use serde::{Deserialize, Serialize};
use tracing::{Dispatch, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

pub use metrics::{Door, Metrics, Outcome};

/// How long one export may take.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// What is told, and where.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetryConfig {
    /// What is logged, such as `info` or `info,sqlx=warn`. Traces do not depend on it.
    pub log: String,
    /// How the log is written.
    pub log_format: LogFormat,
    /// The OpenTelemetry collector that traces and metrics are sent to over gRPC, such as `http://localhost:4317`.
    /// Nothing is sent when left out.
    pub otlp_endpoint: Option<String>,
    /// What the service calls itself in traces and metrics.
    pub service_name: String,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self {
            log: "info,opentelemetry_sdk=warn".to_owned(),
            log_format: LogFormat::default(),
            otlp_endpoint: None,
            service_name: "vedtak".to_owned(),
        }
    }
}

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object per line, for machines.
    Json,
}

/// Why telemetry could not be started.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter of the log is not one.
    #[error("The log filter cannot be read: {0}. Write a level such as info, or info,sqlx=warn.")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The collector cannot be sent to.
    #[error(
        "The OTLP endpoint {0:?} cannot be used: it must begin with http:// (a collector on this machine or network)."
    )]
    Endpoint(String),
    /// An exporter could not be made.
    #[error("The OTLP exporter could not be made: {0}.")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
    /// The metrics for Prometheus could not be registered.
    #[error("The metrics could not be registered: {0}.")]
    Registry(#[from] opentelemetry_sdk::error::OTelSdkError),
    /// It was started before.
    #[error("Telemetry has been started in this process already.")]
    Started,
}

/// The running telemetry of the process. Keep it, and call [`Self::shutdown`] at the end.
#[derive(Debug)]
pub struct Telemetry {
    metrics: Metrics,
    registry: Registry,
    meters: SdkMeterProvider,
    tracers: Option<SdkTracerProvider>,
}

/// Starts the telemetry of the process. Must be called within a Tokio runtime when there is a collector.
///
/// # Errors
/// When the configuration cannot be used, or telemetry has been started before.
pub fn start(config: &TelemetryConfig) -> Result<Telemetry, TelemetryError> {
    let (telemetry, dispatch) = prepare(config)?;
    dispatch.try_init().map_err(|_| TelemetryError::Started)?;
    Ok(telemetry)
}

/// As [`start`], but leaves it to the caller what the dispatcher of spans and events is used for.
///
/// # Errors
/// When the configuration cannot be used.
pub fn prepare(config: &TelemetryConfig) -> Result<(Telemetry, Dispatch), TelemetryError> {
    if let Some(endpoint) = config
        .otlp_endpoint
        .as_ref()
        .filter(|endpoint| !endpoint.starts_with("http://"))
    {
        return Err(TelemetryError::Endpoint(endpoint.clone()));
    }
    let resource = Resource::builder()
        .with_service_name(config.service_name.clone())
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let registry = Registry::new();
    let meters = meters(config, &registry, resource.clone())?;
    let tracers = config
        .otlp_endpoint
        .as_ref()
        .map(|endpoint| tracers(endpoint, resource))
        .transpose()?;

    // Each layer has its own filter: whoever quiets the log does not mean to lose the traces.
    let spans = tracers.as_ref().map(|tracers| {
        tracing_opentelemetry::layer()
            .with_tracer(tracers.tracer("vedtak"))
            .with_filter(LevelFilter::INFO)
    });
    let dispatch = tracing_subscriber::registry().with(spans).with(log(config)?).into();
    let metrics = Metrics::new(&meters);
    Ok((
        Telemetry {
            metrics,
            registry,
            meters,
            tracers,
        },
        dispatch,
    ))
}

fn log<S>(config: &TelemetryConfig) -> Result<Box<dyn Layer<S> + Send + Sync>, TelemetryError>
where
    S: tracing::Subscriber + for<'span> tracing_subscriber::registry::LookupSpan<'span>,
{
    let filter = EnvFilter::try_new(&config.log)?;
    // Colours are for terminals only.
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    Ok(match config.log_format {
        LogFormat::Text => layer.with_filter(filter).boxed(),
        LogFormat::Json => layer.json().with_ansi(false).with_filter(filter).boxed(),
    })
}

fn meters(
    config: &TelemetryConfig,
    registry: &Registry,
    resource: Resource,
) -> Result<SdkMeterProvider, TelemetryError> {
    let prometheus = opentelemetry_prometheus::exporter()
        .with_registry(registry.clone())
        .scope_info_enabled(false)
        .build()?;
    let mut builder = SdkMeterProvider::builder()
        .with_resource(resource)
        .with_reader(prometheus);
    if let Some(endpoint) = &config.otlp_endpoint {
        let exporter = MetricExporter::builder()
            .with_tonic()
            .with_endpoint(endpoint)
            .with_timeout(EXPORT_TIMEOUT)
            .build()?;
        builder = builder.with_periodic_exporter(exporter);
    }
    Ok(builder.build())
}

fn tracers(endpoint: &str, resource: Resource) -> Result<SdkTracerProvider, TelemetryError> {
    let exporter = SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .with_timeout(EXPORT_TIMEOUT)
        .build()?;
    Ok(SdkTracerProvider::builder()
        .with_resource(resource)
        .with_batch_exporter(exporter)
        .build())
}

impl Telemetry {
    /// The instruments of the service.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The metrics as of now, in the text format of Prometheus.
    #[must_use]
    pub fn prometheus_text(&self) -> String {
        let mut text = String::new();
        if let Err(error) = TextEncoder::new().encode_utf8(&self.registry.gather(), &mut text) {
            tracing::error!(%error, "the metrics could not be written");
        }
        text
    }

    /// Sends what has not been sent yet, and stops. Takes at most a few seconds, also when the collector does not
    /// answer.
    pub async fn shutdown(&self) {
        let (tracers, meters) = (self.tracers.clone(), self.meters.clone());
        // The SDK blocks until its own threads are done, and those may need this runtime to send.
        let stopped = tokio::task::spawn_blocking(move || {
            let tracers = tracers.map_or(Ok(()), |tracers| tracers.shutdown_with_timeout(EXPORT_TIMEOUT));
            tracers.and(meters.shutdown_with_timeout(EXPORT_TIMEOUT))
        });
        if let Ok(Err(error)) = stopped.await {
            tracing::warn!(%error, "the last traces and metrics could not be sent");
        }
    }
}

/// The span of one request, a part of the caller's trace when its headers name one (W3C Trace Context). Record `code`
/// in it when the answer is known. It is of level INFO: spans of a lower level are not exported.
#[must_use]
pub fn request_span(method: &'static str, door: Door, headers: &http::HeaderMap) -> Span {
    let span = tracing::info_span!(
        "request",
        otel.name = method,
        otel.kind = "server",
        door = door.name(),
        code = tracing::field::Empty,
    );
    if headers.contains_key("traceparent") {
        // When nothing is exported there is no trace to be a part of, which is no error.
        let _ = span.set_parent(TraceContextPropagator::new().extract(&Headers(headers)));
    }
    span
}

struct Headers<'a>(&'a http::HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}
