//! Projections: readings that cross projects, kept in tables that can be thrown away and built again from the ledger.
//!
//! Each has a checkpoint per tenant, moved in the same transaction as its rows. Of several processes, the one that holds the
//! checkpoint's lock does the work. A stream that cannot be read is left out, and named with the reason; the others go on. A checkpoint
//! that is not of the database's history is thrown away with its rows.

mod project_overviews;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::{FromRow, PgConnection};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::domain::State;
use crate::ledger::{Anchor, Ledger, LedgerError, Unreadable};
use crate::rules::Rules;
use crate::schema::v1::UnreadableStream;
use crate::telemetry::Metrics;

pub use project_overviews::{Filter, ProjectOverviews};

/// How many records are projected in one transaction.
const PAGE: i64 = 2_000;
/// How long to wait when nobody tells of anything new.
const LOOK: Duration = Duration::from_secs(1);
/// How long a projection lets records gather before it takes the next page, unless somebody waits for it. Under load it then writes
/// a row once for many records.
const GATHER: Duration = Duration::from_millis(50);
/// When a ledger that could not be read is tried again.
const RETRY_STOPPED: Duration = Duration::from_secs(60);

/// One projection: what its table must hold after a page of records.
pub trait Projection: Send + Sync + 'static {
    /// Its name in the table of checkpoints. A changed projection gets a new name, and is built anew beside the old one.
    const NAME: &'static str;

    /// Brings its rows of one tenant to what these streams hold now.
    fn project(
        connection: &mut PgConnection,
        tenant: &str,
        states: &[Arc<State>],
    ) -> impl Future<Output = Result<(), LedgerError>> + Send;

    /// Throws away all its rows of one tenant.
    fn clear(connection: &mut PgConnection, tenant: &str) -> impl Future<Output = Result<(), LedgerError>> + Send;
}

/// How far a projection has come in one tenant's ledger.
#[derive(Clone, Debug, FromRow)]
pub struct Lag {
    /// The tenant.
    pub tenant: String,
    /// The position of the tenant's last record.
    pub head: i64,
    /// The position that the projection has come to.
    pub position: i64,
    /// Why it stands still, when it does.
    pub stopped: Option<String>,
}

/// The running projections.
#[derive(Clone, Debug)]
pub struct Projections {
    ledger: Ledger<Rules>,
    metrics: Metrics,
    moved: Arc<watch::Sender<u64>>,
    /// Told when somebody waits for a projection.
    wanted: Arc<Notify>,
}

impl Projections {
    /// Starts all projections, on the runtime of the caller, until told to stop.
    #[must_use]
    pub fn start(ledger: Ledger<Rules>, metrics: Metrics, stopping: CancellationToken) -> Self {
        let projections = Self {
            ledger,
            metrics,
            moved: Arc::new(watch::Sender::new(0)),
            wanted: Arc::new(Notify::new()),
        };
        tokio::spawn(projections.clone().run::<ProjectOverviews>(stopping));
        projections
    }

    /// Where a projection lags behind.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn lagging<P: Projection>(&self) -> Result<Vec<Lag>, LedgerError> {
        Ok(sqlx::query_as("SELECT * FROM vedtak.lagging($1)")
            .bind(P::NAME)
            .fetch_all(self.ledger.store().pool())
            .await?)
    }

    /// The position that a projection has come to in a tenant's ledger; none when it must begin anew, since that history was lost.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn position<P: Projection>(&self, tenant: &str) -> Result<Option<i64>, LedgerError> {
        Ok(sqlx::query_scalar("SELECT vedtak.projected($1, $2)")
            .bind(tenant)
            .bind(P::NAME)
            .fetch_one(self.ledger.store().pool())
            .await?)
    }

    /// The streams of a tenant that cannot be read, by name: at most 100.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn unreadable(&self, tenant: &str) -> Result<Vec<UnreadableStream>, LedgerError> {
        let mut transaction = self.ledger.store().pool().begin().await?;
        set_tenant(&mut transaction, tenant).await?;
        let rows: Vec<(String, i64, String)> = sqlx::query_as(
            "SELECT DISTINCT ON (stream) stream, position, problem FROM vedtak.unreadable_streams
             WHERE tenant = $1 ORDER BY stream LIMIT 100",
        )
        .bind(tenant)
        .fetch_all(&mut *transaction)
        .await?;
        transaction.commit().await?;
        let streams = rows.into_iter().map(|(stream, position, problem)| UnreadableStream {
            stream,
            position,
            problem,
        });
        Ok(streams.collect())
    }

    /// Waits until a projection has come at least to a position, and answers to which. The caller sets the deadline.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn wait<P: Projection>(&self, tenant: &str, at_least: i64) -> Result<i64, LedgerError> {
        let mut moved = self.moved.subscribe();
        loop {
            moved.mark_unchanged();
            if let Some(position) = self.position::<P>(tenant).await?
                && position >= at_least
            {
                return Ok(position);
            }
            self.wanted.notify_one();
            // Another process may be the one that projects: its progress is not told here, so look now and then.
            let _ = tokio::time::timeout(Duration::from_millis(100), moved.changed()).await;
        }
    }

    async fn run<P: Projection>(self, stopping: CancellationToken) {
        let mut signals = self.ledger.signals().subscribe();
        let mut stopped: HashMap<String, Instant> = HashMap::new();
        let mut retried: Option<Instant> = None;
        while !stopping.is_cancelled() {
            stopped.retain(|_, since| since.elapsed() < RETRY_STOPPED);
            let store = self.ledger.store();
            if retried.is_none_or(|since| since.elapsed() >= RETRY_STOPPED) {
                match store.patiently(self.retry_unreadable::<P>()).await {
                    Ok(()) => retried = Some(Instant::now()),
                    Err(error) => {
                        warn!(%error, projection = P::NAME, "the streams that could not be read were not tried again")
                    }
                }
            }
            let most = match store.patiently(self.lagging::<P>()).await {
                Ok(lagging) => {
                    self.measure::<P>(&lagging);
                    self.catch_up::<P>(lagging, &mut stopped, &stopping).await
                }
                Err(error) => {
                    warn!(%error, projection = P::NAME, "the projection cannot see the ledgers");
                    Step::None
                }
            };
            if most == Step::MoreToDo {
                continue;
            }
            if let Err(error) = store.patiently(self.measure_unreadable::<P>()).await {
                warn!(%error, projection = P::NAME, "nobody knows how many streams cannot be read");
            }
            if most > Step::None {
                let _ = tokio::time::timeout(GATHER, self.wanted.notified()).await;
                continue;
            }
            tokio::select! {
                _ = tokio::time::timeout(LOOK, signals.recv()) => {}
                () = stopping.cancelled() => return,
            }
            // One look answers all that has been told so far.
            while signals.try_recv().is_ok() {}
        }
    }

    fn measure<P: Projection>(&self, lagging: &[Lag]) {
        let behind = lagging.iter().map(|lag| (lag.head - lag.position).unsigned_abs()).max();
        let stopped = lagging.iter().filter(|lag| lag.stopped.is_some()).count();
        self.metrics
            .projection(P::NAME, behind.unwrap_or_default(), stopped as u64);
    }

    /// Takes every lagging tenant a page further; answers the furthest step.
    async fn catch_up<P: Projection>(
        &self,
        lagging: Vec<Lag>,
        stopped: &mut HashMap<String, Instant>,
        stopping: &CancellationToken,
    ) -> Step {
        let mut most = Step::None;
        for lag in lagging {
            if stopping.is_cancelled() {
                return Step::None;
            }
            if stopped.contains_key(&lag.tenant) {
                continue;
            }
            match self.ledger.store().patiently(self.page::<P>(&lag.tenant)).await {
                Ok(step) => most = most.max(step),
                Err(error) if error.passes() => {
                    // It is as gone for the other tenants; the next look comes soon enough.
                    warn!(%error, projection = P::NAME, "the projection waits for the database");
                    break;
                }
                Err(error) => {
                    error!(%error, tenant = lag.tenant, projection = P::NAME, "the projection of this tenant stands still");
                    stopped.insert(lag.tenant.clone(), Instant::now());
                    let noting = self.mark_stopped::<P>(&lag.tenant, &error);
                    if let Err(error) = self.ledger.store().patiently(noting).await {
                        warn!(%error, "that it stands still could not be noted");
                    }
                }
            }
        }
        if most > Step::None {
            self.moved.send_modify(|count| *count += 1);
        }
        most
    }

    /// Projects one page of one tenant's ledger, rows and checkpoint in one transaction; says what came of it.
    async fn page<P: Projection>(&self, tenant: &str) -> Result<Step, LedgerError> {
        let mut transaction = self.ledger.store().pool().begin().await?;
        // None: another process is at it.
        let Some((position, known)) = take_checkpoint::<P>(&mut transaction, tenant).await? else {
            return Ok(Step::None);
        };
        let touched = self
            .ledger
            .streams_after(&mut transaction, tenant, position, PAGE, &known)
            .await;
        let touched = match touched {
            Err(LedgerError::HistoryLost { .. }) => {
                error!(
                    tenant,
                    projection = P::NAME,
                    position,
                    "the projection is of a history that was lost; it is built anew"
                );
                P::clear(&mut transaction, tenant).await?;
                sqlx::query("DELETE FROM vedtak.unreadable_streams WHERE tenant = $1 AND projection = $2")
                    .bind(tenant)
                    .bind(P::NAME)
                    .execute(&mut *transaction)
                    .await?;
                move_checkpoint::<P>(&mut transaction, tenant, 0, &Anchor::beginning()).await?;
                transaction.commit().await?;
                return Ok(Step::MoreToDo);
            }
            touched => touched?,
        };
        let Some(touched) = touched else {
            return Ok(Step::None);
        };
        let streams: Vec<&str> = touched.streams.iter().map(String::as_str).collect();
        self.project::<P>(&mut transaction, tenant, &streams).await?;
        move_checkpoint::<P>(&mut transaction, tenant, touched.reached, &touched.known).await?;
        transaction.commit().await?;
        let more = touched.reached < touched.known.position;
        Ok(if more { Step::MoreToDo } else { Step::Done })
    }

    /// Brings the rows of these streams up to date, and notes which of them cannot be read.
    async fn project<P: Projection>(
        &self,
        connection: &mut PgConnection,
        tenant: &str,
        streams: &[&str],
    ) -> Result<(), LedgerError> {
        let (mut states, mut readable) = (Vec::new(), Vec::new());
        for (stream, state) in streams
            .iter()
            .zip(self.ledger.states(connection, tenant, streams).await?)
        {
            let unreadable = match state {
                Ok(Some(state)) => {
                    states.push(state);
                    readable.push(*stream);
                    continue;
                }
                Ok(None) => Unreadable {
                    position: 0,
                    problem: "there are no streams of this kind".to_owned(),
                },
                Err(unreadable) => unreadable,
            };
            error!(tenant, stream, %unreadable, projection = P::NAME, "the stream cannot be read and is left out");
            sqlx::query(
                "INSERT INTO vedtak.unreadable_streams (tenant, projection, stream, position, problem) VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (tenant, projection, stream) DO UPDATE SET position = excluded.position, problem = excluded.problem",
            )
            .bind(tenant)
            .bind(P::NAME)
            .bind(stream)
            .bind(unreadable.position)
            .bind(&unreadable.problem)
            .execute(&mut *connection)
            .await?;
        }
        sqlx::query(
            "DELETE FROM vedtak.unreadable_streams WHERE tenant = $1 AND projection = $2 AND stream = ANY ($3)",
        )
        .bind(tenant)
        .bind(P::NAME)
        .bind(&readable)
        .execute(&mut *connection)
        .await?;
        P::project(connection, tenant, &states).await
    }

    /// Tries the streams again that could not be read: a newer binary may know what an older one did not.
    async fn retry_unreadable<P: Projection>(&self) -> Result<(), LedgerError> {
        for (tenant, _) in self.unreadable_tenants::<P>().await? {
            let mut transaction = self.ledger.store().pool().begin().await?;
            if take_checkpoint::<P>(&mut transaction, &tenant).await?.is_none() {
                continue;
            }
            let streams: Vec<String> = sqlx::query_scalar(
                "SELECT stream FROM vedtak.unreadable_streams WHERE tenant = $1 AND projection = $2 ORDER BY stream LIMIT 1000",
            )
            .bind(&tenant)
            .bind(P::NAME)
            .fetch_all(&mut *transaction)
            .await?;
            let streams: Vec<&str> = streams.iter().map(String::as_str).collect();
            self.project::<P>(&mut transaction, &tenant, &streams).await?;
            transaction.commit().await?;
        }
        Ok(())
    }

    /// Tells how many streams cannot be read.
    async fn measure_unreadable<P: Projection>(&self) -> Result<(), LedgerError> {
        let tenants = self.unreadable_tenants::<P>().await?;
        let streams = tenants.iter().map(|(_, streams)| streams.unsigned_abs()).sum();
        self.metrics.unreadable(P::NAME, streams);
        Ok(())
    }

    /// In how many streams of which tenants there is something that cannot be read.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn unreadable_tenants<P: Projection>(&self) -> Result<Vec<(String, i64)>, LedgerError> {
        Ok(sqlx::query_as("SELECT * FROM vedtak.unreadable($1)")
            .bind(P::NAME)
            .fetch_all(self.ledger.store().pool())
            .await?)
    }

    async fn mark_stopped<P: Projection>(&self, tenant: &str, reason: &LedgerError) -> Result<(), LedgerError> {
        let mut transaction = self.ledger.store().pool().begin().await?;
        take_checkpoint::<P>(&mut transaction, tenant).await?;
        sqlx::query("UPDATE vedtak.projection_checkpoints SET stopped = $3 WHERE tenant = $1 AND projection = $2")
            .bind(tenant)
            .bind(P::NAME)
            .bind(reason.to_string())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }
}

/// How far a projection came with a tenant in one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// There was nothing to do, or another process is at it.
    None,
    /// To the end of what was recorded.
    Done,
    /// There is more to do at once.
    MoreToDo,
}

/// The checkpoint of one tenant, locked: the position, and the history that it is of. None when another process holds it.
async fn take_checkpoint<P: Projection>(
    connection: &mut PgConnection,
    tenant: &str,
) -> Result<Option<(i64, Anchor)>, LedgerError> {
    let taken: Option<(i64, i64, Vec<u8>)> = sqlx::query_as("SELECT * FROM vedtak.take_checkpoint($1, $2)")
        .bind(tenant)
        .bind(P::NAME)
        .fetch_optional(connection)
        .await?;
    let Some((position, known_position, known_root)) = taken else {
        return Ok(None);
    };
    Ok(Some((position, Anchor::read(known_position, &known_root)?)))
}

async fn move_checkpoint<P: Projection>(
    connection: &mut PgConnection,
    tenant: &str,
    position: i64,
    known: &Anchor,
) -> Result<(), LedgerError> {
    sqlx::query(
        "UPDATE vedtak.projection_checkpoints SET position = $3, known_position = $4, known_root = $5, stopped = NULL
         WHERE tenant = $1 AND projection = $2",
    )
    .bind(tenant)
    .bind(P::NAME)
    .bind(position)
    .bind(known.position)
    .bind(known.root.as_slice())
    .execute(connection)
    .await?;
    Ok(())
}

/// Sets the tenant for row level security, until the transaction ends.
async fn set_tenant(connection: &mut PgConnection, tenant: &str) -> Result<(), LedgerError> {
    sqlx::query("SELECT set_config('vedtak.tenant', $1, true)")
        .bind(tenant)
        .execute(connection)
        .await?;
    Ok(())
}
