//! Projections: readings that cross projects, kept in tables that can be thrown away and built again from the ledger.
//!
//! Each has a checkpoint per tenant, moved in the same transaction as its rows. Of several processes, the one that holds the
//! checkpoint's lock does the work. A tenant whose ledger cannot be read stands still, with the reason; the others go on.

mod project_overviews;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::{FromRow, PgConnection};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::ledger::{Entry, Ledger, LedgerError};
use crate::rules::Rules;
use crate::telemetry::Metrics;

pub use project_overviews::{Filter, ProjectOverviews};

/// How many records are projected in one transaction.
const PAGE: i32 = 2_000;
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

    /// Brings its rows of one tenant to what holds after these records.
    fn project(
        ledger: &Ledger<Rules>,
        connection: &mut PgConnection,
        tenant: &str,
        entries: &[Entry],
    ) -> impl Future<Output = Result<(), LedgerError>> + Send;
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

    /// The position that a projection has come to in a tenant's ledger.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn position<P: Projection>(&self, tenant: &str) -> Result<i64, LedgerError> {
        let position: Option<i64> = sqlx::query_scalar("SELECT vedtak.projected($1, $2)")
            .bind(tenant)
            .bind(P::NAME)
            .fetch_one(self.ledger.store().pool())
            .await?;
        Ok(position.unwrap_or_default())
    }

    /// Waits until a projection has come at least to a position. The caller sets the deadline.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn wait<P: Projection>(&self, tenant: &str, at_least: i64) -> Result<(), LedgerError> {
        let mut moved = self.moved.subscribe();
        loop {
            moved.mark_unchanged();
            if self.position::<P>(tenant).await? >= at_least {
                return Ok(());
            }
            self.wanted.notify_one();
            // Another process may be the one that projects: its progress is not told here, so look now and then.
            let _ = tokio::time::timeout(Duration::from_millis(100), moved.changed()).await;
        }
    }

    async fn run<P: Projection>(self, stopping: CancellationToken) {
        let mut signals = self.ledger.signals().subscribe();
        let mut stopped: HashMap<String, Instant> = HashMap::new();
        while !stopping.is_cancelled() {
            stopped.retain(|_, since| since.elapsed() < RETRY_STOPPED);
            let store = self.ledger.store();
            let most = match store.patiently(self.lagging::<P>()).await {
                Ok(lagging) => {
                    self.measure::<P>(&lagging);
                    self.catch_up::<P>(lagging, &mut stopped, &stopping).await
                }
                Err(error) => {
                    warn!(%error, projection = P::NAME, "the projection cannot see the ledgers");
                    0
                }
            };
            if most >= page() {
                continue;
            }
            if most > 0 {
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

    /// Takes every lagging tenant a page further; answers how many records the largest page had.
    async fn catch_up<P: Projection>(
        &self,
        lagging: Vec<Lag>,
        stopped: &mut HashMap<String, Instant>,
        stopping: &CancellationToken,
    ) -> usize {
        let mut most = 0;
        for lag in lagging {
            if stopping.is_cancelled() {
                return 0;
            }
            if stopped.contains_key(&lag.tenant) {
                continue;
            }
            match self.ledger.store().patiently(self.page::<P>(&lag.tenant)).await {
                Ok(records) => most = most.max(records),
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
        if most > 0 {
            self.moved.send_modify(|count| *count += 1);
        }
        most
    }

    /// Projects one page of one tenant's ledger, rows and checkpoint in one transaction; answers how many records it had.
    async fn page<P: Projection>(&self, tenant: &str) -> Result<usize, LedgerError> {
        let mut transaction = self.ledger.store().pool().begin().await?;
        let position: Option<i64> = sqlx::query_scalar("SELECT vedtak.take_checkpoint($1, $2)")
            .bind(tenant)
            .bind(P::NAME)
            .fetch_one(&mut *transaction)
            .await?;
        // None: another process is at it.
        let Some(position) = position else { return Ok(0) };
        let entries = self.ledger.records(tenant, None, position, i64::MAX, PAGE).await?;
        let Some(last) = entries.last() else { return Ok(0) };
        P::project(&self.ledger, &mut transaction, tenant, &entries).await?;
        sqlx::query("UPDATE vedtak.projection_checkpoints SET position = $3, stopped = NULL WHERE tenant = $1 AND projection = $2")
            .bind(tenant)
            .bind(P::NAME)
            .bind(last.position)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(entries.len())
    }

    async fn mark_stopped<P: Projection>(&self, tenant: &str, reason: &LedgerError) -> Result<(), LedgerError> {
        let mut transaction = self.ledger.store().pool().begin().await?;
        sqlx::query("SELECT vedtak.take_checkpoint($1, $2)")
            .bind(tenant)
            .bind(P::NAME)
            .execute(&mut *transaction)
            .await?;
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

fn page() -> usize {
    usize::try_from(PAGE).unwrap_or(usize::MAX)
}
