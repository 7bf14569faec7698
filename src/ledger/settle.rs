//! Readings as of a time that has just passed: a time is settled once for all who ask about it, and not while it is being written.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;

use super::Ledger;
use super::error::LedgerError;
use super::judge::Judge;
use crate::clock;

/// So old a time must be before it is settled: what was judged ahead with an earlier one has mostly been committed by then, and a mark
/// that comes after it is not needed at all.
const AGE: Duration = Duration::from_millis(40);

/// For so many tenants it is known who settles for whom; with more, those that nobody asks about are forgotten.
const MOST: usize = 1_000;

/// Who settles for whom, by tenant.
#[derive(Clone, Debug, Default)]
pub(super) struct Settling {
    tenants: Arc<Mutex<HashMap<String, Arc<Turn>>>>,
}

/// One tenant's: the latest time that is asked about, and the right to settle it.
#[derive(Debug)]
struct Turn {
    latest: Mutex<OffsetDateTime>,
    settled: tokio::sync::Mutex<OffsetDateTime>,
}

impl Settling {
    fn of(&self, tenant: &str) -> Arc<Turn> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if tenants.len() >= MOST {
            tenants.retain(|_, turn| Arc::strong_count(turn) > 1);
        }
        let turn = tenants.entry(tenant.to_owned()).or_insert_with(|| {
            Arc::new(Turn {
                latest: Mutex::new(OffsetDateTime::UNIX_EPOCH),
                settled: tokio::sync::Mutex::new(OffsetDateTime::UNIX_EPOCH),
            })
        });
        Arc::clone(turn)
    }
}

impl<J: Judge> Ledger<J> {
    /// The last position that was recorded at or before a time; 0 when there is none, and nothing when the time lies ahead. Asked
    /// again, it is the same: an append that is under way is waited for.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn position_at(&self, tenant: &str, time: OffsetDateTime) -> Result<Option<i64>, LedgerError> {
        let age = clock::now() - time;
        // The clocks may differ a little; whether it lies ahead is said by that of the database.
        if age.unsigned_abs() < AGE {
            let missing = (AGE - age).unsigned_abs().min(2 * AGE);
            // Whoever asks about what still lies ahead is told so, and not after it has come.
            if !age.is_negative() {
                tokio::time::sleep(missing).await;
                self.settle(tenant, time).await?;
            }
        }
        Ok(sqlx::query_scalar("SELECT vedtak.settled_position_at($1, $2)")
            .bind(tenant)
            .bind(time)
            .fetch_one(self.store().pool())
            .await?)
    }

    /// Settles a time, or lets the one who is at it settle it as well: each mark makes those who append wait.
    async fn settle(&self, tenant: &str, time: OffsetDateTime) -> Result<(), LedgerError> {
        let turn = self.settling.of(tenant);
        let latest = |time: OffsetDateTime| {
            let mut latest = turn.latest.lock().unwrap_or_else(PoisonError::into_inner);
            *latest = time.max(*latest);
            *latest
        };
        latest(time);
        let mut settled = turn.settled.lock().await;
        if time <= *settled {
            // What that rests on is looked at in the database all the same.
            return Ok(());
        }
        let latest = latest(time);
        sqlx::query("SELECT vedtak.settle($1, $2)")
            .bind(tenant)
            .bind(latest)
            .execute(self.store().pool())
            .await?;
        *settled = latest;
        Ok(())
    }
}
