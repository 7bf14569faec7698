//! One append: lock the heads, judge what waits, insert, commit, answer.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::postgres::PgRow;
use sqlx::{Connection, PgConnection, Row};
use time::OffsetDateTime;
use uuid::Uuid;

use super::batch::{Accepted, Batch, NewRecord};
use super::error::{AppendError, LedgerError};
use super::judge::{Judge, MOST_ROUNDS, MOST_STREAMS, Standing, Unreadable};
use super::memory::{Key, States};
use super::read::{Known, fold_on, read_page};
use super::record::{self, MAX_RECORD_BYTES};
use super::signal::Signals;
use super::store::Store;
use super::writer::{Answer, Failed, Submission, Turn};
use crate::schema::v1::{Receipt, RecordedEvent};

/// When another process has appended more than this, what is remembered of the tenant is forgotten instead of caught up.
const MOST_TO_CATCH_UP: i64 = 2_000;

/// The most streams of a tenant whose versions one writer remembers.
const MOST_REMEMBERED: usize = 100_000;

type Outcome<R> = Result<Answer, AppendError<R>>;

/// What one writer knows of a tenant's ledger: true as long as the head is where it was left.
#[derive(Default)]
struct Remembered {
    position: i64,
    versions: HashMap<Arc<str>, i64>,
}

/// A tenant's ledger while its head is locked.
struct Locked {
    tenant: Arc<str>,
    position: i64,
    recorded_at: OffsetDateTime,
    known: HashMap<Uuid, Known>,
}

/// Appends for one writer.
pub(super) struct Appender<J: Judge> {
    judge: Arc<J>,
    store: Store,
    states: States<J::State>,
    signals: Signals,
    /// The states that the transaction under way has taken out of the memory.
    lent: Vec<Key>,
    remembered: HashMap<Arc<str>, Remembered>,
}

/// The states of the other streams that a command relies on, by their names.
type Facts<S> = HashMap<String, Arc<S>>;

/// States as this transaction sees them.
type Overlay<S> = HashMap<Arc<str>, Arc<S>>;

impl<J: Judge> Appender<J> {
    pub(super) fn new(judge: Arc<J>, store: Store, states: States<J::State>, signals: Signals) -> Self {
        Self {
            judge,
            store,
            states,
            signals,
            lent: Vec::new(),
            remembered: HashMap::new(),
        }
    }

    /// Forgets everything: after a panic nobody knows what it is worth.
    pub(super) fn forget(&mut self) {
        self.lent.clear();
        self.remembered.clear();
        self.states.clear();
    }

    /// Appends a batch and answers everyone in it. Answers how many records were appended.
    pub(super) async fn append(&mut self, mut turn: Turn<J>) -> Result<usize, Failed<J>> {
        // Whoever has stopped waiting is not recorded: its caller was told that the time was up.
        turn.retain(|_, waiting| {
            waiting.retain(|waiting| !waiting.reply.is_closed());
            !waiting.is_empty()
        });
        if turn.is_empty() {
            return Ok(0);
        }
        let outcome = self.transact_patiently(&turn).await;
        // What a committed transaction came to has been given back; anything else is read again when it is needed.
        self.states.settle(self.lent.drain(..));
        match outcome {
            Ok((records, answers)) => {
                for (waiting, answer) in turn.into_values().flatten().zip(answers) {
                    let _ = waiting.reply.send(answer);
                }
                Ok(records)
            }
            Err(error) => {
                for tenant in turn.keys() {
                    self.remembered.remove(tenant);
                }
                // Only an error that the database itself raised tells that the transaction was rolled back.
                let retry_alone = matches!(error, sqlx::Error::Database(_));
                Err(Failed {
                    batch: turn,
                    error,
                    retry_alone,
                })
            }
        }
    }

    /// One transaction, within the time that the database has for it.
    async fn transact_patiently(&mut self, turn: &Turn<J>) -> Result<(usize, Vec<Outcome<J::Refusal>>), sqlx::Error> {
        let store = self.store.clone();
        let mut connection = store.writers().acquire().await?;
        let outcome = store.patiently(self.transact(&mut connection, turn)).await;
        if let Err(sqlx::Error::Io(_)) = outcome {
            // Nothing more will come from it.
            connection.close_on_drop();
        }
        outcome
    }

    async fn transact(
        &mut self,
        connection: &mut PgConnection,
        turn: &Turn<J>,
    ) -> Result<(usize, Vec<Outcome<J::Refusal>>), sqlx::Error> {
        let mut transaction = connection.begin().await?;
        let heads = lock(&mut transaction, turn).await?;
        let mut batch = Batch::default();
        let mut answers = Vec::new();
        let mut overlays = Vec::new();
        for (mut locked, waiting) in heads.into_iter().zip(turn.values()) {
            self.catch_up(&mut transaction, &locked).await?;
            let mut overlay = Overlay::new();
            let mut accepted = Vec::new();
            for waiting in waiting {
                answers.push(
                    self.submission(
                        &mut transaction,
                        &mut locked,
                        &mut overlay,
                        &mut accepted,
                        &waiting.submission,
                    )
                    .await?,
                );
            }
            batch.add_tenant(&locked.tenant, accepted);
            overlays.push((locked, overlay));
        }
        if batch.is_empty() {
            transaction.rollback().await?;
        } else {
            batch.insert(&mut transaction).await?;
            transaction.commit().await?;
        }
        for (locked, overlay) in overlays {
            self.remember(&locked, overlay);
        }
        Ok((batch.records(), answers))
    }

    /// Makes what is remembered of a tenant true again, when another process has appended since.
    async fn catch_up(&mut self, connection: &mut PgConnection, locked: &Locked) -> Result<(), sqlx::Error> {
        let remembered = self.remembered.entry(Arc::clone(&locked.tenant)).or_default();
        if remembered.position == locked.position && remembered.versions.len() < MOST_REMEMBERED {
            return Ok(());
        }
        if locked.position - remembered.position > MOST_TO_CATCH_UP
            || remembered.versions.len() >= MOST_REMEMBERED
            || remembered.versions.is_empty()
        {
            *remembered = Remembered {
                position: locked.position,
                versions: HashMap::new(),
            };
            return Ok(());
        }
        for entry in read_page(
            connection,
            &locked.tenant,
            None,
            remembered.position,
            locked.position,
            i32::MAX,
        )
        .await?
        {
            remembered.versions.insert(Arc::from(entry.stream), entry.version);
        }
        remembered.position = locked.position;
        Ok(())
    }

    /// Judges one submission. The outer error is the database's, the inner one the submission's own.
    async fn submission(
        &mut self,
        connection: &mut PgConnection,
        locked: &mut Locked,
        overlay: &mut Overlay<J::State>,
        accepted: &mut Vec<Accepted>,
        submission: &Submission<J>,
    ) -> Result<Outcome<J::Refusal>, sqlx::Error> {
        if let Some(known) = locked.known.get(&submission.request_id) {
            let same = known.content_hash == submission.content_hash;
            return Ok(if same {
                Ok(Answer::Repeated(known.clone()))
            } else {
                Err(AppendError::RequestReused)
            });
        }
        let state = match self.current(connection, locked, overlay, &submission.stream).await? {
            Ok(state) => state,
            Err(error) => return Ok(Err(error)),
        };
        let version = self.judge.version(&state);
        if submission.expected_version.is_some_and(|expected| expected != version) {
            return Ok(Err(AppendError::Stale { current: version }));
        }
        let mut draft = Drafting {
            state,
            version,
            position: locked.position,
            records: Vec::new(),
        };
        for (index, command) in submission.commands.iter().enumerate() {
            let facts = match self
                .facts(connection, locked, overlay, submission, command, &draft.state)
                .await?
            {
                Ok(facts) => facts,
                Err(error) => return Ok(Err(error)),
            };
            let verdict = match self
                .judge
                .judge(command, &draft.state, &facts, &submission.circumstances)
            {
                Ok(verdict) => verdict,
                Err(refusal) => return Ok(Err(AppendError::Refused { index, refusal })),
            };
            drop(facts);
            if let Err(error) = draft.write(&*self.judge, locked, submission, &verdict.role, &verdict.events) {
                return Ok(Err(error));
            }
            if submission.commands.len() == 1 {
                // Nothing can fail any more, so the state before is not needed: one holder less may spare a copy of it.
                overlay.remove(&submission.stream);
            }
            if let Err(error) = draft.fold(&*self.judge, submission, &verdict.events) {
                return Ok(Err(error));
            }
        }
        locked.position = draft.position;
        overlay.insert(Arc::clone(&submission.stream), draft.state);
        let receipt = receipt(submission, draft.version, draft.position, &draft.records);
        accepted.push(Accepted {
            request_id: submission.request_id,
            content_hash: submission.content_hash,
            stream: Arc::clone(&submission.stream),
            version: draft.version,
            position: draft.position,
            records: draft.records,
        });
        Ok(Ok(Answer::Recorded(receipt)))
    }

    /// What the other streams say that the command relies on: asked again with what is loaded until it names nothing new. Too
    /// many are refused, since a decision on half of them could be wrong.
    async fn facts(
        &mut self,
        connection: &mut PgConnection,
        locked: &Locked,
        overlay: &mut Overlay<J::State>,
        submission: &Submission<J>,
        command: &J::Command,
        own: &Arc<J::State>,
    ) -> Result<Result<Facts<J::State>, AppendError<J::Refusal>>, sqlx::Error> {
        let mut facts = HashMap::new();
        for round in 0.. {
            let mut streams = self.judge.relies_on(command, own, &facts, &submission.circumstances);
            streams.retain(|stream| !facts.contains_key(stream));
            if streams.is_empty() {
                break;
            }
            if round == MOST_ROUNDS || facts.len() + streams.len() > MOST_STREAMS {
                return Ok(Err(AppendError::ReliesOnTooMuch));
            }
            for stream in streams {
                // What the commands before it in this submission have made of its own stream stands in no overlay yet.
                let state = if *stream == *submission.stream {
                    Arc::clone(own)
                } else {
                    let name = Arc::from(stream.as_str());
                    match self.current(connection, locked, overlay, &name).await? {
                        Ok(state) => state,
                        Err(error) => return Ok(Err(error)),
                    }
                };
                facts.insert(stream, state);
            }
        }
        Ok(Ok(facts))
    }

    /// The state of a stream as this transaction sees it.
    async fn current(
        &mut self,
        connection: &mut PgConnection,
        locked: &Locked,
        overlay: &mut Overlay<J::State>,
        stream: &Arc<str>,
    ) -> Result<Result<Arc<J::State>, AppendError<J::Refusal>>, sqlx::Error> {
        if let Some(state) = overlay.get(stream) {
            return Ok(Ok(Arc::clone(state)));
        }
        let Some(empty) = self.judge.empty(stream) else {
            return Ok(Err(AppendError::UnknownStream));
        };
        let key: Key = (Arc::clone(&locked.tenant), Arc::clone(stream));
        let (version, mut state) = self.states.lend(&key).unwrap_or_else(|| (0, Arc::new(empty)));
        self.lent.push(key);
        let remembered = self
            .remembered
            .get(&locked.tenant)
            .and_then(|remembered| remembered.versions.get(stream));
        if remembered != Some(&version) {
            match fold_on(&*self.judge, connection, &locked.tenant, stream, &mut state, i64::MAX).await {
                Ok(()) => {}
                Err(LedgerError::Unreadable(unreadable)) => return Ok(Err(unreadable.into())),
                Err(LedgerError::Store(error)) => return Err(error),
                Err(other) => return Ok(Err(AppendError::Unavailable(other.to_string()))),
            }
        }
        overlay.insert(Arc::clone(stream), Arc::clone(&state));
        Ok(Ok(state))
    }

    /// Keeps what a committed transaction has come to, and tells of it.
    fn remember(&mut self, locked: &Locked, overlay: Overlay<J::State>) {
        let remembered = self.remembered.entry(Arc::clone(&locked.tenant)).or_default();
        let grown = locked.position > remembered.position;
        remembered.position = locked.position;
        for (stream, state) in overlay {
            let version = self.judge.version(&state);
            remembered.versions.insert(Arc::clone(&stream), version);
            self.states.keep((Arc::clone(&locked.tenant), stream), version, state);
        }
        if grown {
            self.signals.tell(&locked.tenant);
        }
    }
}

/// One submission while its commands are judged.
struct Drafting<S> {
    state: Arc<S>,
    version: i64,
    position: i64,
    records: Vec<NewRecord>,
}

impl<S: Clone> Drafting<S> {
    /// Writes the records of one command's events.
    fn write<J: Judge<State = S>>(
        &mut self,
        judge: &J,
        locked: &Locked,
        submission: &Submission<J>,
        role: &str,
        events: &[J::Event],
    ) -> Result<(), AppendError<J::Refusal>> {
        let recorded_at = record::format_time(locked.recorded_at);
        for event in events {
            self.position += 1;
            self.version += 1;
            let drafted = judge.draft(event);
            let line = record::Line {
                tenant: &locked.tenant,
                position: self.position,
                stream: &submission.stream,
                version: self.version,
                event_type: drafted.event_type,
                recorded_at: &recorded_at,
                role,
                request_id: submission.request_id,
                data: drafted.data,
            };
            let bytes = record::write(line, &submission.circumstances)
                .map_err(|error| AppendError::Unavailable(error.to_string()))?;
            if bytes.len() > MAX_RECORD_BYTES {
                return Err(AppendError::TooLarge { bytes: bytes.len() });
            }
            self.records.push(NewRecord {
                position: self.position,
                version: self.version,
                event_type: drafted.event_type,
                time: locked.recorded_at,
                leaf_hash: record::leaf_hash(&bytes),
                record: bytes,
            });
        }
        Ok(())
    }

    /// Folds the events of the records that were written last.
    fn fold<J: Judge<State = S>>(
        &mut self,
        judge: &J,
        submission: &Submission<J>,
        events: &[J::Event],
    ) -> Result<(), AppendError<J::Refusal>> {
        if events.is_empty() {
            return Ok(());
        }
        let first = self.records.len() - events.len();
        let state = Arc::make_mut(&mut self.state);
        for (event, record) in events.iter().zip(&self.records[first..]) {
            let at = Standing {
                position: record.position,
                version: record.version,
                effective_date: &submission.circumstances.effective_date,
                subject: &submission.circumstances.subject,
                authority: &submission.circumstances.authority,
                reason: &submission.circumstances.reason,
            };
            judge.fold(state, event, &at).map_err(|problem| Unreadable {
                position: record.position,
                problem,
            })?;
        }
        Ok(())
    }
}

fn receipt<J: Judge>(submission: &Submission<J>, version: i64, position: i64, records: &[NewRecord]) -> Receipt {
    let events = records.iter().map(|record| RecordedEvent {
        position: record.position,
        version: record.version,
        r#type: record.event_type.to_owned(),
        leaf_hash: record.leaf_hash.to_vec().into(),
    });
    Receipt {
        request_id: submission.request_id.to_string(),
        stream: submission.stream.to_string(),
        version,
        position,
        events: events.collect(),
        unchanged: records.is_empty(),
    }
}

/// Locks the heads of the tenants, and learns what was answered before.
async fn lock<J: Judge>(connection: &mut PgConnection, turn: &Turn<J>) -> Result<Vec<Locked>, sqlx::Error> {
    let tenants: Vec<&str> = turn.keys().map(AsRef::as_ref).collect();
    let ids: Vec<Uuid> = turn
        .values()
        .flatten()
        .map(|waiting| waiting.submission.request_id)
        .collect();
    let ends: Vec<i32> = turn
        .values()
        .scan(0_usize, |end, waiting| {
            *end += waiting.len();
            Some(i32::try_from(*end).expect("a batch is some hundreds of submissions"))
        })
        .collect();
    let rows = sqlx::query("SELECT * FROM vedtak.open_append($1, $2, $3)")
        .bind(tenants)
        .bind(ends)
        .bind(ids)
        .fetch_all(connection)
        .await?;
    rows.iter()
        .zip(turn.keys())
        .map(|(row, tenant)| locked(row, tenant))
        .collect()
}

fn locked(row: &PgRow, tenant: &Arc<str>) -> Result<Locked, sqlx::Error> {
    let ids: Vec<Uuid> = row.try_get::<Option<_>, _>("known_ids")?.unwrap_or_default();
    let mut known = HashMap::new();
    if !ids.is_empty() {
        let hashes: Vec<Vec<u8>> = row.try_get("known_hashes")?;
        let streams: Vec<String> = row.try_get("known_streams")?;
        let versions: Vec<i64> = row.try_get("known_versions")?;
        let positions: Vec<i64> = row.try_get("known_positions")?;
        let counts: Vec<i32> = row.try_get("known_counts")?;
        for (index, request_id) in ids.into_iter().enumerate() {
            known.insert(
                request_id,
                Known {
                    tenant: Arc::clone(tenant),
                    request_id,
                    content_hash: hashes[index].clone(),
                    stream: streams[index].clone(),
                    version: versions[index],
                    position: positions[index],
                    record_count: counts[index],
                },
            );
        }
    }
    Ok(Locked {
        tenant: Arc::clone(tenant),
        position: row.try_get("position")?,
        recorded_at: row.try_get("recorded_at")?,
        known,
    })
}
