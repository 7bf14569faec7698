//! One append: lock the heads, judge what waits, insert, commit, answer.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::PgConnection;

use super::batch::Batch;
use super::error::AppendError;
use super::heads::{self, Locked};
use super::judge::Judge;
use super::memory::{Key, States};
use super::read::read_page;
use super::signal::Signals;
use super::store::Store;
use super::wire::Wire;
use super::writer::{Answer, Failed, Turn};

/// When another process has appended more than this, what is remembered of the tenant is forgotten instead of caught up.
const MOST_TO_CATCH_UP: i64 = 2_000;

/// The most streams of a tenant whose versions one writer remembers.
const MOST_REMEMBERED: usize = 100_000;

/// As many records as this go to the database while the next ones are judged.
const AT_A_TIME: usize = 64;

/// A connection that was idle for longer is asked whether it is still connected to anything.
const IDLE: Duration = Duration::from_secs(1);

pub(super) type Outcome<R> = Result<Answer, AppendError<R>>;

/// What one writer knows of a tenant's ledger: true as long as the head is where it was left.
#[derive(Default)]
pub(super) struct Remembered {
    position: i64,
    pub versions: HashMap<Arc<str>, i64>,
}

/// Appends for one writer.
pub(super) struct Appender<J: Judge> {
    pub(super) judge: Arc<J>,
    store: Store,
    pub(super) states: States<J::State>,
    signals: Signals,
    /// The connection, and when it was used last. None before the first append and after a failed one.
    connection: Option<(PgConnection, Instant)>,
    /// The states that the transaction under way has taken out of the memory.
    pub(super) lent: Vec<Key>,
    pub(super) remembered: HashMap<Arc<str>, Remembered>,
}

/// States as this transaction sees them.
pub(super) type Overlay<S> = HashMap<Arc<str>, Arc<S>>;

impl<J: Judge> Appender<J> {
    pub(super) fn new(judge: Arc<J>, store: Store, states: States<J::State>, signals: Signals) -> Self {
        Self {
            judge,
            store,
            states,
            signals,
            connection: None,
            lent: Vec::new(),
            remembered: HashMap::new(),
        }
    }

    /// Forgets everything: after a panic nobody knows what it is worth.
    pub(super) fn forget(&mut self) {
        self.connection = None;
        self.lent.clear();
        self.remembered.clear();
        self.states.clear();
    }

    /// Says goodbye to the database.
    pub(super) async fn close(self) {
        if let Some((connection, _)) = self.connection {
            self.store.part(connection).await;
        }
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
        let outcome = self.store.clone().patiently(self.transact(&turn)).await;
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

    /// One transaction. When it fails, its connection is dropped, and the database rolls back.
    async fn transact(&mut self, turn: &Turn<J>) -> Result<(usize, Vec<Outcome<J::Refusal>>), sqlx::Error> {
        let connection = self.connect().await?;
        let mut wire = Wire::begin(&self.store, connection).await?;
        let mut heads = heads::lock(wire.connection().await?, turn).await?;
        for locked in &heads {
            self.catch_up(wire.connection().await?, locked).await?;
        }
        let mut overlays = self.prefetch(&mut wire, &heads, turn).await?;
        let mut batch = Batch::default();
        let mut answers = Vec::new();
        let mut records = 0;
        let mut anything = false;
        for ((locked, overlay), waiting) in heads.iter_mut().zip(&mut overlays).zip(turn.values()) {
            for waiting in waiting {
                let answer = self
                    .submission(&mut wire, locked, overlay, &mut batch, &waiting.submission)
                    .await?;
                answers.push(answer);
                if batch.records() >= AT_A_TIME {
                    records += batch.records();
                    anything = true;
                    wire.insert(std::mem::take(&mut batch)).await?;
                }
            }
        }
        records += batch.records();
        if !batch.is_empty() {
            anything = true;
            wire.insert(batch).await?;
        }
        let connection = wire.end(if anything { "COMMIT" } else { "ROLLBACK" }).await?;
        self.connection = Some((connection, Instant::now()));
        for (locked, overlay) in heads.iter().zip(overlays) {
            self.remember(locked, overlay);
        }
        Ok((records, answers))
    }

    /// The connection of this writer. Few writers, each with its own: a crowd of readers never makes an append wait.
    async fn connect(&mut self) -> Result<PgConnection, sqlx::Error> {
        if let Some((mut connection, used)) = self.connection.take()
            && (used.elapsed() < IDLE || self.store.lives(&mut connection).await)
        {
            return Ok(connection);
        }
        self.store.connection().await
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
