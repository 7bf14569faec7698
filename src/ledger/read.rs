//! Reading: records by position and by stream, states as of now or earlier, and the first receipt of a repeated request.

use std::sync::Arc;

use sqlx::{FromRow, PgConnection, Row};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Ledger;
use super::entry::Entry;
use super::error::LedgerError;
use super::history::Anchor;
use super::judge::{Judge, Unreadable};
use super::memory::{Held, Kept, Key};
use super::page::{Page, Size, read_page, read_tails};
use super::walk::{Came, History};
use crate::schema::v1::{Receipt, RecordedEvent};

/// How often a reading that finds its history lost begins anew before it gives up.
const BEGINNINGS: usize = 3;

/// Which part of a ledger is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Nothing that was recorded after this position; left out, everything that is recorded.
    pub position: Option<i64>,
    /// Nothing that was decided after this day, YYYY-MM-DD: of what was recorded, only the events whose effective date is not later.
    pub decided_by: Option<String>,
}

impl Reach {
    /// Everything that is recorded.
    pub const NOW: Self = Self {
        position: None,
        decided_by: None,
    };

    /// The last position that is read.
    #[must_use]
    pub fn up_to(&self) -> i64 {
        self.position.unwrap_or(i64::MAX)
    }

    /// Whether what was decided on this day is read.
    pub(super) fn includes(&self, effective_date: &str) -> bool {
        self.decided_by.as_deref().is_none_or(|day| effective_date <= day)
    }
}

/// What is known of a request that was answered before.
#[derive(Clone, Debug, FromRow)]
pub(super) struct Known {
    pub tenant: String,
    pub request_id: Uuid,
    pub content_hash: Vec<u8>,
    pub stream: String,
    pub version: i64,
    pub position: i64,
    pub record_count: i32,
}

/// How far a ledger has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerHead {
    /// The position and the root of its last record.
    pub known: Anchor,
    /// When that was recorded.
    pub recorded_at: OffsetDateTime,
}

/// What the next records of a ledger are about.
#[derive(Debug)]
pub struct Touched {
    /// Where the history had come to.
    pub known: Anchor,
    /// The position of the last of these records.
    pub reached: i64,
    /// Their streams, each once.
    pub streams: Vec<String>,
}

/// A state, and the history that it was read from.
#[derive(Debug)]
pub struct Reading<S> {
    /// The state.
    pub state: Arc<S>,
    /// Where that history had come to.
    pub known: Anchor,
}

impl<J: Judge> Ledger<J> {
    /// The position, the root and the time of a tenant's last record; none when it has recorded nothing.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn head(&self, tenant: &str) -> Result<Option<LedgerHead>, LedgerError> {
        let head: Option<(i64, OffsetDateTime, Vec<u8>)> = sqlx::query_as("SELECT * FROM vedtak.head($1)")
            .bind(tenant)
            .fetch_optional(self.store().pool())
            .await?;
        let Some((position, recorded_at, root)) = head.filter(|(position, ..)| *position > 0) else {
            return Ok(None);
        };
        let known = Anchor::read(position, &root)?;
        Ok(Some(LedgerHead { known, recorded_at }))
    }

    /// Whether the database's history has this point. Who only says to have seen it there proves no loss by that.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn has(&self, tenant: &str, known: &Anchor) -> Result<bool, LedgerError> {
        Ok(sqlx::query_scalar("SELECT vedtak.held($1, $2, $3)")
            .bind(tenant)
            .bind(known.position)
            .bind(known.root.as_slice())
            .fetch_one(self.store().pool())
            .await?)
    }

    /// Refuses what was made here from a history that the database does not hold.
    ///
    /// # Errors
    /// When it does not, and when it does not answer.
    pub async fn require(&self, tenant: &str, known: &Anchor) -> Result<(), LedgerError> {
        match self.has(tenant, known).await? {
            true => Ok(()),
            false => Err(self.lost(tenant, known)),
        }
    }

    /// Records after a position, of the whole ledger or one stream, in order, for whoever has read up to there in a history that it
    /// knows.
    ///
    /// # Errors
    /// When the database does not answer, or its history is another.
    pub async fn records(
        &self,
        tenant: &str,
        stream: Option<&str>,
        (after, up_to): (i64, i64),
        at_most: Size,
        known: &Anchor,
    ) -> Result<Page, LedgerError> {
        let mut connection = self.store().pool().acquire().await?;
        let reading = self.read_on(&mut connection, tenant, stream, (after, up_to), at_most, known);
        self.store().patiently(reading).await
    }

    /// The same, over a connection that the caller has.
    async fn read_on(
        &self,
        connection: &mut PgConnection,
        tenant: &str,
        stream: Option<&str>,
        (after, up_to): (i64, i64),
        at_most: Size,
        known: &Anchor,
    ) -> Result<Page, LedgerError> {
        // By stream, too, the caller counts in positions: versions and positions rise together.
        let after = match stream {
            None => after,
            Some(stream) => {
                let version = sqlx::query_scalar("SELECT vedtak.version_at($1, $2, $3)");
                version
                    .bind(tenant)
                    .bind(stream)
                    .bind(after)
                    .fetch_one(&mut *connection)
                    .await?
            }
        };
        let page = read_page(connection, tenant, stream, after, up_to, at_most, known).await?;
        if page.held {
            return Ok(page);
        }
        Err(self.lost(tenant, known))
    }

    /// Tells that the database does not hold this history any more.
    fn lost(&self, tenant: &str, known: &Anchor) -> LedgerError {
        self.losses.tell(tenant, known);
        LedgerError::HistoryLost {
            position: known.position,
        }
    }

    /// Of which streams the next records after a position are, so many at the most, for whoever goes on in a history that it knows; none
    /// when there are no more.
    ///
    /// # Errors
    /// When the database does not answer, or its history is another.
    pub async fn streams_after(
        &self,
        connection: &mut PgConnection,
        tenant: &str,
        after: i64,
        at_most: i64,
        known: &Anchor,
    ) -> Result<Option<Touched>, LedgerError> {
        let row = sqlx::query("SELECT * FROM vedtak.streams_after($1, $2, $3, $4, $5)")
            .bind(tenant)
            .bind(after)
            .bind(at_most)
            .bind(known.position)
            .bind(known.root.as_slice())
            .fetch_one(connection)
            .await?;
        if !row.try_get("held")? {
            return Err(self.lost(tenant, known));
        }
        let Some(reached) = row.try_get("reached")? else {
            return Ok(None);
        };
        Ok(Some(Touched {
            known: Anchor::read(row.try_get("head")?, row.try_get("root")?)?,
            reached,
            streams: row.try_get("streams")?,
        }))
    }

    /// The record at a position; none when there is none.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn record_at(&self, tenant: &str, position: i64) -> Result<Option<Entry>, LedgerError> {
        let (place, beginning) = ((position - 1, position), Anchor::beginning());
        let page = self.records(tenant, None, place, Size::ONE, &beginning).await?;
        Ok(page.entries.into_iter().next())
    }

    /// Whether the record at a position has this leaf hash: whoever has it has read the same history up to there.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn has_leaf(&self, tenant: &str, position: i64, leaf_hash: &[u8]) -> Result<bool, LedgerError> {
        Ok(sqlx::query_scalar("SELECT vedtak.has_leaf($1, $2, $3)")
            .bind(tenant)
            .bind(position)
            .bind(leaf_hash)
            .fetch_one(self.store().pool())
            .await?)
    }

    /// The state of a stream as of some point; the empty state when it has no events there, none when there are no such streams.
    ///
    /// # Errors
    /// When the database does not answer, a record cannot be read, or too much long work waits already.
    pub async fn state(
        &self,
        tenant: &str,
        stream: &str,
        reach: &Reach,
    ) -> Result<Option<Reading<J::State>>, LedgerError> {
        let judge = self.judge();
        let Some(empty) = judge.empty(stream) else {
            return Ok(None);
        };
        if reach.decided_by.is_some() {
            // What is kept holds what was decided later, too: only the records tell them apart.
            let history = History::new(empty);
            return match self
                .walk_on((tenant, stream), &history, reach, |_, _, _, ()| {}, |_| {})
                .await?
            {
                Came::There(reading, _) => Ok(Some(reading)),
                Came::Past => Ok(None),
            };
        }
        let key: Key = (Arc::from(tenant), Arc::from(stream));
        // A state from before the point is as good a start as the empty one, and nearer.
        let mut kept = self
            .states
            .get(&key)
            .await
            .filter(|kept| judge.position(&kept.held.state) <= reach.up_to());
        for _ in 0..BEGINNINGS {
            let before = kept.as_ref().map_or(0, |kept| kept.version);
            let (held, mut known) = match &kept {
                Some(kept) => (kept.held.clone(), kept.known),
                None => (Held::empty(empty.clone()), Anchor::beginning()),
            };
            match self.fold_far((tenant, stream), held, &mut known, reach.up_to()).await {
                Err(LedgerError::HistoryLost { .. }) => {
                    self.losses.tell(tenant, &known);
                    if let Some(kept) = kept.take() {
                        self.states.forget(&key, &kept.known);
                    }
                }
                Err(error) => return Err(error),
                Ok(held) => {
                    let version = judge.version(&held.state);
                    let state = Arc::clone(&held.state);
                    if version > before {
                        let line = 0;
                        let newer = Kept {
                            version,
                            held,
                            known,
                            line,
                        };
                        self.states.keep(key, newer);
                    }
                    return Ok(Some(Reading { state, known }));
                }
            }
        }
        Err(LedgerError::HistoryLost { position: 0 })
    }

    /// The states of several streams of a tenant as of now, as this connection to the database has them, in the order asked; for a
    /// stream that cannot be read, why. All are read with one question, as far as memory is near.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn states(
        &self,
        connection: &mut PgConnection,
        tenant: &str,
        streams: &[&str],
    ) -> Result<Vec<Result<Option<Arc<J::State>>, Unreadable>>, LedgerError> {
        let mut kept = Vec::with_capacity(streams.len());
        for stream in streams {
            kept.push(self.states.get(&(Arc::from(tenant), Arc::from(*stream))).await);
        }
        let asked: Vec<_> = streams
            .iter()
            .zip(&kept)
            .filter_map(|(stream, kept)| kept.as_ref().map(|kept| (tenant, *stream, kept.version, kept.known)))
            .collect();
        let tails = if asked.is_empty() {
            Vec::new()
        } else {
            read_tails(&mut *connection, &asked).await?
        };
        let mut tails = tails.into_iter();
        let mut states = Vec::with_capacity(streams.len());
        for (stream, kept) in streams.iter().zip(kept) {
            // Nothing came after what is kept, so that is what holds now. Everything else is folded on.
            let tail = kept.as_ref().and_then(|_| tails.next().flatten());
            let state = match (kept, tail) {
                (Some(kept), Some(tail)) if tail.entries.is_empty() => Ok(Some(kept.held.state)),
                _ => match self.state(tenant, stream, &Reach::NOW).await {
                    Ok(reading) => Ok(reading.map(|reading| reading.state)),
                    Err(LedgerError::Unreadable(unreadable)) => Err(unreadable),
                    Err(error) => return Err(error),
                },
            };
            states.push(state);
        }
        Ok(states)
    }

    /// The receipt that was given first, made again from what it rests on.
    pub(super) async fn first_receipt(&self, known: &Known) -> Result<Receipt, LedgerError> {
        let after = known.position - i64::from(known.record_count);
        let entries = match known.record_count {
            0 => Vec::new(),
            count => {
                let at_most = Size {
                    records: i64::from(count),
                    bytes: i64::MAX,
                };
                let (place, beginning) = ((after, known.position), Anchor::beginning());
                let page = self.records(&known.tenant, None, place, at_most, &beginning);
                page.await?.entries
            }
        };
        Ok(Receipt {
            request_id: known.request_id.to_string(),
            stream: known.stream.clone(),
            version: known.version,
            position: known.position,
            unchanged: entries.is_empty(),
            events: entries
                .into_iter()
                .map(|entry| RecordedEvent {
                    position: entry.position,
                    version: entry.version,
                    r#type: entry.event_type,
                    leaf_hash: entry.leaf_hash.into(),
                })
                .collect(),
        })
    }
}
