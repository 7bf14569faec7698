//! Reading: records by position and by stream, states as of now or earlier, and the first receipt of a repeated request.

use std::sync::Arc;

use sqlx::{Executor, FromRow, PgConnection, Postgres};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Ledger;
use super::error::LedgerError;
use super::history::{Came, History};
use super::judge::{Judge, Standing, Unreadable};
use super::memory::Key;
use super::record::Envelope;
use crate::schema::v1::{Receipt, RecordedEvent};

/// How many records are read at a time when a stream is folded.
pub(super) const PAGE: i32 = 1_000;

/// How many records of each are read when several streams are caught up with at once.
const TAIL: i32 = 100;

/// One row of the ledger.
#[derive(Clone, Debug, FromRow)]
pub struct Entry {
    /// The position in the tenant's ledger.
    pub position: i64,
    /// The stream.
    pub stream: String,
    /// The version of the stream after it.
    pub version: i64,
    /// The type of the event.
    #[sqlx(rename = "type")]
    pub event_type: String,
    /// When it was recorded.
    pub recorded_at: OffsetDateTime,
    /// The exact bytes of the record.
    pub record: Vec<u8>,
    /// Their leaf hash.
    pub leaf_hash: Vec<u8>,
}

impl Entry {
    /// The fields of the record, checked against the columns beside it.
    ///
    /// # Errors
    /// When the record is not one, or says other than its columns.
    pub fn envelope(&self) -> Result<Envelope<'_>, Unreadable> {
        let envelope = Envelope::parse(&self.record).map_err(|error| self.unreadable(error.to_string()))?;
        let same = envelope.position == self.position
            && envelope.version == self.version
            && envelope.stream == self.stream
            && envelope.event_type == self.event_type;
        if same {
            Ok(envelope)
        } else {
            Err(self.unreadable("it says other than the columns beside it".to_owned()))
        }
    }

    /// Folds the record into the state of its stream.
    ///
    /// # Errors
    /// When this binary cannot read it, or it does not follow on the state.
    pub fn fold_into<J: Judge>(&self, judge: &J, state: &mut J::State) -> Result<(), Unreadable> {
        self.follows(judge.version(state))?;
        self.fold(&self.envelope()?, judge, state)
    }

    /// Refuses a record that does not come next after a version of its stream.
    pub(super) fn follows(&self, version: i64) -> Result<(), Unreadable> {
        if version + 1 == self.version {
            return Ok(());
        }
        Err(self.unreadable(format!(
            "it is version {} of its stream, after version {version}",
            self.version
        )))
    }

    pub(super) fn fold<J: Judge>(
        &self,
        envelope: &Envelope<'_>,
        judge: &J,
        state: &mut J::State,
    ) -> Result<(), Unreadable> {
        let event = judge
            .read(&self.event_type, envelope.data.get())
            .map_err(|problem| self.unreadable(problem))?;
        let at = Standing {
            position: self.position,
            version: self.version,
            effective_date: &envelope.effective_date,
            subject: &envelope.actor.subject,
            authority: &envelope.authority,
            reason: &envelope.reason,
        };
        judge
            .fold(state, &event, &at)
            .map_err(|problem| self.unreadable(problem))
    }

    fn unreadable(&self, problem: String) -> Unreadable {
        Unreadable {
            position: self.position,
            problem,
        }
    }
}

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

impl<J: Judge> Ledger<J> {
    /// The position and time of a tenant's last record; none when it has recorded nothing.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn head(&self, tenant: &str) -> Result<Option<(i64, OffsetDateTime)>, LedgerError> {
        let head: Option<(i64, OffsetDateTime)> = sqlx::query_as("SELECT * FROM vedtak.head($1)")
            .bind(tenant)
            .fetch_optional(self.store().pool())
            .await?;
        Ok(head.filter(|(position, _)| *position > 0))
    }

    /// The last position that was recorded at or before a time; 0 when there is none, and nothing when the time lies ahead. Asked
    /// again, it is the same: an append that is under way is waited for.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn position_at(&self, tenant: &str, time: OffsetDateTime) -> Result<Option<i64>, LedgerError> {
        Ok(sqlx::query_scalar("SELECT vedtak.settled_position_at($1, $2)")
            .bind(tenant)
            .bind(time)
            .fetch_one(self.store().pool())
            .await?)
    }

    /// Records after a position, of the whole ledger or one stream, in order.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn records(
        &self,
        tenant: &str,
        stream: Option<&str>,
        after: i64,
        up_to: i64,
        at_most: i32,
    ) -> Result<Vec<Entry>, LedgerError> {
        // By stream, too, the caller counts in positions: versions and positions rise together.
        let Some(stream) = stream else {
            let page = read_page(self.store().pool(), tenant, None, after, up_to, at_most);
            return Ok(self.store().patiently(page).await?);
        };
        let page = sqlx::query_as("SELECT * FROM vedtak.read_stream_after($1, $2, $3, $4, $5)")
            .bind(tenant)
            .bind(stream)
            .bind(after)
            .bind(up_to)
            .bind(at_most)
            .fetch_all(self.store().pool());
        Ok(self.store().patiently(page).await?)
    }

    /// The state of a stream as of some point; the empty state when it has no events there, none when there are no such streams.
    ///
    /// # Errors
    /// When the database does not answer, or a record cannot be read.
    pub async fn state(&self, tenant: &str, stream: &str, reach: &Reach) -> Result<Option<Arc<J::State>>, LedgerError> {
        let Some(empty) = self.judge().empty(stream) else {
            return Ok(None);
        };
        if reach.decided_by.is_some() {
            // What is kept holds what was decided later, too: only the records tell them apart.
            let history = History::new(empty);
            return match self
                .walk_on((tenant, stream), &history, reach, |_, _, ()| {}, |_| {})
                .await?
            {
                Came::There(state, ()) => Ok(Some(state)),
                Came::Past => Ok(None),
            };
        }
        let key: Key = (Arc::from(tenant), Arc::from(stream));
        // A state from before the point is as good a start as the empty one, and nearer.
        let kept = self
            .states
            .get(&key)
            .await
            .filter(|(_, state)| self.judge().position(state) <= reach.up_to());
        let (kept, state) = kept.unwrap_or_else(|| (0, Arc::new(empty)));
        let state = self.fold_far(tenant, stream, state, reach.up_to()).await?;
        let version = self.judge().version(&state);
        if version > kept {
            self.states.keep(key, version, Arc::clone(&state));
        }
        Ok(Some(state))
    }

    /// The state of a stream as of some version or later, from memory when it is there.
    ///
    /// # Errors
    /// When the database does not answer, or a record cannot be read.
    pub async fn state_since(
        &self,
        tenant: &str,
        stream: &str,
        version: i64,
    ) -> Result<Option<Arc<J::State>>, LedgerError> {
        match self.states.get(&(Arc::from(tenant), Arc::from(stream))).await {
            Some((kept, state)) if kept >= version => Ok(Some(state)),
            _ => self.state(tenant, stream, &Reach::NOW).await,
        }
    }

    /// The receipt that was given first, made again from what it rests on.
    pub(super) async fn first_receipt(&self, known: &Known) -> Result<Receipt, LedgerError> {
        let after = known.position - i64::from(known.record_count);
        let entries = match known.record_count {
            0 => Vec::new(),
            count => read_page(self.store().pool(), &known.tenant, None, after, known.position, count).await?,
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

/// Reads one page: of a stream, after a version; or of the whole ledger, after a position.
pub(super) async fn read_page<'c>(
    executor: impl Executor<'c, Database = Postgres>,
    tenant: &str,
    stream: Option<&str>,
    after: i64,
    up_to: i64,
    at_most: i32,
) -> Result<Vec<Entry>, sqlx::Error> {
    match stream {
        Some(stream) => {
            sqlx::query_as("SELECT * FROM vedtak.read_stream($1, $2, $3, $4, $5)")
                .bind(tenant)
                .bind(stream)
                .bind(after)
                .bind(up_to)
                .bind(at_most)
                .fetch_all(executor)
                .await
        }
        None => {
            sqlx::query_as("SELECT * FROM vedtak.read_ledger($1, $2, $3, $4)")
                .bind(tenant)
                .bind(after)
                .bind(up_to)
                .bind(at_most)
                .fetch_all(executor)
                .await
        }
    }
}

/// The records of several streams, each (tenant, stream, version) after that version; none for one that has many.
pub(super) async fn read_tails(
    connection: &mut PgConnection,
    asked: &[(&str, &str, i64)],
) -> Result<Vec<Option<Vec<Entry>>>, sqlx::Error> {
    #[derive(FromRow)]
    struct Numbered {
        number: i32,
        #[sqlx(flatten)]
        entry: Entry,
    }
    let rows: Vec<Numbered> = sqlx::query_as("SELECT * FROM vedtak.read_streams($1, $2, $3, $4)")
        .bind(asked.iter().map(|(tenant, ..)| *tenant).collect::<Vec<_>>())
        .bind(asked.iter().map(|(_, stream, _)| *stream).collect::<Vec<_>>())
        .bind(asked.iter().map(|(.., version)| *version).collect::<Vec<_>>())
        .bind(TAIL)
        .fetch_all(connection)
        .await?;
    let mut tails: Vec<Option<Vec<Entry>>> = asked.iter().map(|_| Some(Vec::new())).collect();
    for row in rows {
        let index = usize::try_from(row.number - 1).unwrap_or(usize::MAX);
        if let Some(Some(tail)) = tails.get_mut(index) {
            tail.push(row.entry);
        }
    }
    let most = usize::try_from(TAIL).unwrap_or(usize::MAX);
    Ok(tails
        .into_iter()
        .map(|tail| tail.filter(|tail| tail.len() < most))
        .collect())
}

/// Folds what came after the state of a stream: so many records at the most. Answers whether that was all.
pub(super) async fn fold_on<J: Judge>(
    judge: &J,
    connection: &mut PgConnection,
    (tenant, stream): (&str, &str),
    state: &mut Arc<J::State>,
    at_most: i64,
) -> Result<bool, LedgerError> {
    let mut left = at_most;
    while left > 0 {
        let asked = i32::try_from(left).unwrap_or(PAGE).min(PAGE);
        let after = judge.version(state);
        let page = read_page(&mut *connection, tenant, Some(stream), after, i64::MAX, asked).await?;
        let read = i64::try_from(page.len()).unwrap_or(i64::MAX);
        if !page.is_empty() {
            let state = Arc::make_mut(state);
            for entry in page {
                entry.fold_into(judge, state)?;
            }
        }
        if read < i64::from(asked) {
            return Ok(true);
        }
        left -= read;
        tokio::task::yield_now().await;
    }
    Ok(false)
}
