//! The instruments of the service, made once. Their attributes are few and known beforehand: no tenant's people, no
//! ids.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Gauge, Histogram, MeterProvider, UpDownCounter};
use opentelemetry_sdk::metrics::SdkMeterProvider;

/// From a tenth of a millisecond to ten seconds: an append takes one or two milliseconds, and a caller gives up after
/// some seconds.
const SECONDS: [f64; 15] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];
const BATCH: [f64; 11] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];

/// Which door a request came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// gRPC and gRPC-Web.
    Grpc,
    /// JSON over HTTP.
    Json,
}

impl Door {
    /// Its name in metrics and traces.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::Json => "json",
        }
    }
}

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Events were recorded, now or, when this was a retry, before.
    Recorded,
    /// Everything it says was so already.
    Unchanged,
    /// It was judged and refused.
    Refused,
    /// It could not be judged or recorded.
    Failed,
}

impl Outcome {
    const fn name(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Unchanged => "unchanged",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// The instruments of the service. Cheap to clone; a call takes no lock that others hold for long, and allocates
/// nothing.
#[derive(Clone, Debug)]
pub struct Metrics {
    requests: Counter<u64>,
    request_duration: Histogram<f64>,
    commands: Counter<u64>,
    records: Counter<u64>,
    append_batch: Histogram<u64>,
    append_duration: Histogram<f64>,
    append_queue: UpDownCounter<i64>,
    projection_lag: Gauge<u64>,
    projection_stopped: Gauge<u64>,
    unreadable_streams: Gauge<u64>,
    history_lost: Counter<u64>,
}

impl Metrics {
    pub(super) fn new(meters: &SdkMeterProvider) -> Self {
        let meter = meters.meter("vedtak");
        let seconds = |name: &'static str, description: &'static str| {
            meter
                .f64_histogram(name)
                .with_unit("s")
                .with_description(description)
                .with_boundaries(SECONDS.to_vec())
                .build()
        };
        let counter = |name: &'static str, description: &'static str| {
            meter.u64_counter(name).with_description(description).build()
        };
        let gauge =
            |name: &'static str, description: &'static str| meter.u64_gauge(name).with_description(description).build();
        Self {
            requests: counter(
                "vedtak.requests",
                "Requests answered, by method, door and gRPC status code.",
            ),
            request_duration: seconds("vedtak.request.duration", "How long requests took."),
            commands: counter("vedtak.commands", "Commands by outcome."),
            records: counter("vedtak.records", "Records appended to the ledger."),
            append_batch: meter
                .u64_histogram("vedtak.append.batch")
                .with_description("How many commands were appended in one transaction.")
                .with_boundaries(BATCH.to_vec())
                .build(),
            append_duration: seconds(
                "vedtak.append.duration",
                "How long the transactions of the ledger took.",
            ),
            append_queue: meter
                .i64_up_down_counter("vedtak.append.queue")
                .with_description("Commands that wait for their append.")
                .build(),
            projection_lag: gauge(
                "vedtak.projection.lag",
                "How many positions a projection is behind the ledger, in the tenant where it is most behind.",
            ),
            projection_stopped: gauge(
                "vedtak.projection.stopped",
                "In how many tenants a projection has stopped.",
            ),
            unreadable_streams: gauge(
                "vedtak.streams.unreadable",
                "How many streams hold a record that cannot be read, by the projection that leaves them out.",
            ),
            history_lost: counter(
                "vedtak.history.lost",
                "How often the database's history of a tenant was found to be another than the one that was known.",
            ),
        }
    }

    /// Instruments that nobody reads, for tests and tools.
    #[must_use]
    pub fn unread() -> Self {
        Self::new(&SdkMeterProvider::default())
    }

    /// A request has been answered. The method is its path in gRPC, the code the name of the gRPC status, such as `OK`.
    pub fn request(&self, method: &'static str, door: Door, code: &'static str, took: Duration) {
        let attributes = [
            KeyValue::new("method", method),
            KeyValue::new("door", door.name()),
            KeyValue::new("code", code),
        ];
        self.requests.add(1, &attributes);
        self.request_duration.record(took.as_secs_f64(), &attributes);
    }

    /// A command has been dealt with.
    pub fn command(&self, outcome: Outcome) {
        self.commands.add(1, &[KeyValue::new("outcome", outcome.name())]);
    }

    /// A batch of commands has been appended as so many records.
    pub fn appended(&self, commands: u64, records: u64, took: Duration) {
        self.append_batch.record(commands, &[]);
        self.append_duration.record(took.as_secs_f64(), &[]);
        self.records.add(records, &[]);
    }

    /// So many more (or, when negative, fewer) commands wait for their append.
    pub fn queued(&self, change: i64) {
        self.append_queue.add(change, &[]);
    }

    /// So many streams hold a record that cannot be read.
    pub fn unreadable(&self, projection: &'static str, streams: u64) {
        self.unreadable_streams
            .record(streams, &[KeyValue::new("projection", projection)]);
    }

    /// How far a projection is behind, in the tenant where it is most behind, and in how many tenants it has stopped.
    pub fn projection(&self, name: &'static str, positions_behind: u64, tenants_stopped: u64) {
        let attributes = [KeyValue::new("projection", name)];
        self.projection_lag.record(positions_behind, &attributes);
        self.projection_stopped.record(tenants_stopped, &attributes);
    }
}

impl crate::ledger::Observer for Metrics {
    fn appended(&self, submissions: usize, records: usize, took: Duration) {
        Self::appended(self, submissions as u64, records as u64, took);
    }

    fn queued(&self, change: i64) {
        Self::queued(self, change);
    }

    fn history_lost(&self) {
        self.history_lost.add(1, &[]);
    }
}
