//! The one handler behind both doors: the bytes of a request in, the bytes of its answer out.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use prost::Message;
use tokio_util::sync::CancellationToken;
use tonic::Code;

use super::commands;
use super::failure::Failure;
use super::histories::Histories;
use super::identity::Caller;
use super::places::Admission;
use super::queries;
use super::streams::{Streams, StreamsConfig};
use crate::ledger::Ledger;
use crate::projections::{ProjectOverviews, Projections};
use crate::rules::Rules;
use crate::schema::v1::{Access, Receipt};
use crate::schema::{self, Method, MethodKind};
use crate::telemetry::{Metrics, Outcome};

/// The messages of a streamed answer, each as its bytes.
pub type ReplyStream = Pin<Box<dyn Stream<Item = Result<Bytes, Failure>> + Send>>;

/// Everything that the RPCs are answered from. Cheap to clone: each request has its own.
#[derive(Clone)]
pub struct Service(Arc<Parts>, Option<Arc<Admission>>);

impl std::fmt::Debug for Service {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(formatter)
    }
}

#[derive(Debug)]
struct Parts {
    ledger: Ledger<Rules>,
    projections: Projections,
    metrics: Metrics,
    stopping: CancellationToken,
    histories: Histories,
    streams: Streams,
}

/// From so many bytes on, to write an answer as JSON takes as long as a few commands.
const LONG_JSON: usize = 32 << 10;

impl Service {
    /// A service over these ledgers and their projections, until `stopping` is cancelled.
    #[must_use]
    pub fn new(
        ledger: Ledger<Rules>,
        projections: Projections,
        metrics: Metrics,
        streams: StreamsConfig,
        stopping: CancellationToken,
    ) -> Self {
        let parts = Parts {
            streams: Streams::new(streams),
            histories: Histories::new(ledger.kept_history_bytes()),
            ledger,
            projections,
            metrics,
            stopping,
        };
        Self(Arc::new(parts), None)
    }

    /// For one request, whose answer is counted from before it is made.
    pub(super) fn within(self, admission: Arc<Admission>) -> Self {
        Self(self.0, Some(admission))
    }

    /// Makes room for an answer of so many bytes, before it is made.
    ///
    /// # Errors
    /// When it would be larger than an answer may be, or there is no room for it now.
    pub(super) fn make_room(&self, bytes: usize) -> Result<(), Failure> {
        self.1.as_ref().map_or(Ok(()), |admission| admission.answer(bytes))
    }

    /// Cancelled when the service is about to stop: what has no end of its own ends then.
    #[must_use]
    pub fn stopping(&self) -> &CancellationToken {
        &self.0.stopping
    }

    /// The ledgers.
    #[must_use]
    pub fn ledger(&self) -> &Ledger<Rules> {
        &self.0.ledger
    }

    /// The streams of records that are open.
    pub(super) fn streams(&self) -> &Streams {
        &self.0.streams
    }

    /// The histories that are kept to be walked on.
    pub(super) fn histories(&self) -> &Histories {
        &self.0.histories
    }

    /// Writes an answer as JSON: a large one beside the threads that serve.
    pub(super) async fn to_json(&self, method: &Method, caller: &Caller, answer: Bytes) -> Result<Vec<u8>, Failure> {
        let (is_long, output) = (answer.len() > LONG_JSON, method.output);
        let most = self.1.as_ref().map_or(usize::MAX, |admission| admission.most());
        let write = move || schema::to_json_within(output, &answer, most);
        let written = self.0.ledger.long().when(is_long, &caller.tenant, write).await?;
        let written = written.map_err(|error| Failure::internal("writing JSON", &error))?;
        let written = written.ok_or_else(|| Admission::too_large(most))?;
        self.make_room(written.len())?;
        Ok(written)
    }

    /// What is counted and timed.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// What an operator must know though requests belong here, a line each: whose history was found lost since this process started, and
    /// where streams cannot be read.
    pub async fn warnings(&self) -> String {
        let mut lines = String::new();
        for loss in self.0.ledger.losses().all() {
            lines += &format!(
                "history was lost: of tenant {}, what was known up to position {} was not in the database any more at {}\n",
                loss.tenant, loss.position, loss.found_at
            );
        }
        // When the database does not answer, that is what readiness says.
        let unreadable = self.0.projections.unreadable_tenants::<ProjectOverviews>().await;
        for (tenant, streams) in unreadable.unwrap_or_default() {
            lines += &format!("unreadable: {streams} streams of tenant {tenant}; GetHead names them\n");
        }
        lines
    }

    /// The projections.
    #[must_use]
    pub fn projections(&self) -> &Projections {
        &self.0.projections
    }

    /// Answers a command or a query, within the deadline.
    ///
    /// # Errors
    /// The failure that the door tells its caller.
    pub async fn unary(
        &self,
        method: &Method,
        caller: &Caller,
        request: Bytes,
        deadline: Duration,
    ) -> Result<Bytes, Failure> {
        permit(caller, method)?;
        let answer = async {
            match method.kind {
                MethodKind::Command => {
                    let receipt = self.counted(commands::record(&self.0.ledger, caller, method, request).await);
                    Ok(receipt?.encode_to_vec().into())
                }
                // Boxed: the way to the largest of the answers is not to be carried about with every command.
                MethodKind::Query => Box::pin(queries::answer(self, caller, method.grpc_path, request)).await,
                MethodKind::Stream => Err(Failure::unknown_method(method.grpc_path)),
            }
        };
        tokio::time::timeout(deadline, answer)
            .await
            .unwrap_or_else(|_| Err(too_late()))
    }

    /// Counts what came of a command, or of several that are recorded as one.
    pub(super) fn counted(&self, outcome: Result<Receipt, Failure>) -> Result<Receipt, Failure> {
        self.0.metrics.command(outcome_of(&outcome));
        outcome
    }

    /// Begins a streamed answer.
    ///
    /// # Errors
    /// The failure that the door tells its caller.
    pub async fn stream(&self, method: &Method, caller: &Caller, request: Bytes) -> Result<ReplyStream, Failure> {
        permit(caller, method)?;
        queries::begin(self, caller, method.grpc_path, request).await
    }
}

fn outcome_of(outcome: &Result<Receipt, Failure>) -> Outcome {
    match outcome {
        Ok(receipt) if receipt.unchanged => Outcome::Unchanged,
        Ok(_) => Outcome::Recorded,
        Err(failure)
            if matches!(
                failure.code,
                Code::Internal | Code::Unavailable | Code::ResourceExhausted
            ) =>
        {
            Outcome::Failed
        }
        Err(_) => Outcome::Refused,
    }
}

fn too_late() -> Failure {
    let sentence = "The deadline passed before the answer was there. A command may or may not have been recorded: send it again with the same request_id to find out.";
    Failure {
        retry_after: Some(Duration::from_secs(1)),
        ..Failure::new(Code::DeadlineExceeded, "DEADLINE_EXCEEDED", sentence)
    }
}

/// Lets the caller through when its access is enough for this RPC.
pub(super) fn permit(caller: &Caller, method: &Method) -> Result<(), Failure> {
    if method.access != Access::Unspecified && caller.access >= method.access {
        return Ok(());
    }
    let role = |access: Access| access.as_str_name().trim_start_matches("ACCESS_").to_lowercase();
    let sentence = format!(
        "{} needs a token with the role {}; this one has {}.",
        method.name,
        role(method.access),
        role(caller.access)
    );
    Err(Failure::new(Code::PermissionDenied, "ROLE_INSUFFICIENT", sentence))
}
