//! What is refused at the door, before it is known what is asked: each time counted, and in the log now and then.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tonic::Code;
use tracing::info;

use super::failure::{Failure, code_name};
use crate::telemetry::{Door, Metrics};

/// What a request is counted as that is refused before it is known which method it calls.
pub(super) const REFUSED: &str = "(refused at the door)";

/// So many lines a second the log has of what callers can make happen as often as they like.
const LINES_A_SECOND: u64 = 20;

/// Where refusals are counted. Cheap to clone.
#[derive(Clone)]
pub(super) struct Refusals {
    metrics: Metrics,
    told: Arc<Seldom>,
}

/// What is told now and then, however often it happens.
#[derive(Default)]
struct Seldom(Mutex<(u64, u64, u64)>);

impl Seldom {
    /// Once more: when it is to be told, how often it has happened untold since the last time.
    fn one_more(&self) -> Option<u64> {
        let second = crate::clock::now().unix_timestamp().unsigned_abs();
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, lines, untold) = *told;
        let lines = if last == second { lines } else { 0 };
        if lines >= LINES_A_SECOND {
            *told = (second, lines, untold + 1);
            return None;
        }
        *told = (second, lines + 1, 0);
        Some(untold)
    }
}

impl Refusals {
    pub(super) fn new(metrics: Metrics) -> Self {
        let told = Arc::default();
        Self { metrics, told }
    }

    /// A request was refused.
    pub(super) fn refused(&self, method: &'static str, door: Door, failure: &Failure, took: Duration) {
        self.turned_away(method, door, failure.code, failure.reason, took);
    }

    /// What came over a connection is no request: its head cannot be read, or readers could differ about it.
    pub(super) fn no_request(&self) {
        self.turned_away(
            REFUSED,
            Door::Json,
            Code::InvalidArgument,
            "MALFORMED_HEAD",
            Duration::ZERO,
        );
    }

    /// The same, with what it is counted as.
    pub(super) fn turned_away(&self, method: &'static str, door: Door, code: Code, reason: &str, took: Duration) {
        let code = code_name(code);
        self.metrics.request(method, door, code, took);
        if let Some(others) = self.told.one_more() {
            info!(door = door.name(), method, code, reason, others, "refused at the door");
        }
    }
}
