//! The two ways to append. A tenant's ledger that only this writer adds to is judged ahead: on top of what is being committed
//! meanwhile, without a lock, and the database says whether the head was where it was believed to be. Any other is judged under
//! the lock of its head.

use std::collections::HashMap;
use std::future::{poll_fn, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use sqlx::{Executor, PgConnection};
use time::OffsetDateTime;
use tokio::task::JoinHandle;
use tracing::error;

use super::batch::Said;
use super::error::AppendError;
use super::heads::{self, Head, Locked};
use super::history::{Anchor, Losses};
use super::judge::Judge;
use super::judged::Judged;
use super::judging::Judging;
use super::limits::Limits;
use super::memory::{Kept, States};
use super::signal::Signals;
use super::store::Store;
use super::tree::Tree;
use super::turns::Turn;
use super::wire::Wire;

/// When another process has appended more than this, what is remembered of the tenant is forgotten instead of caught up.
const MOST_TO_CATCH_UP: i64 = 2_000;

/// The most streams of a tenant whose versions one writer remembers.
const MOST_REMEMBERED: usize = 100_000;

/// So long may the states be read for what is judged ahead, while others wait for the answers that come meanwhile. What takes longer
/// is read under the lock.
const LONGEST_READING: Duration = Duration::from_secs(1);

/// A head, or a clock, that was seen longer ago than this is looked at again before anything is built on it.
const RECENTLY: Duration = Duration::from_secs(1);

/// So long after a ledger was found to be elsewhere than it was left, it is only appended to under its lock.
const SHARED: Duration = Duration::from_secs(1);

/// So long is judged under the locks of the heads, for which others wait; the rest comes in the next turn.
const LONGEST_LOCK: Duration = Duration::from_millis(500);

/// What one writer knows of a tenant's ledger: true as long as the head is where it was left, with the same root.
pub(super) struct Remembered {
    tree: Tree,
    known: Anchor,
    recorded_at: OffsetDateTime,
    /// The unbroken line of what this writer knows: a state of the same line is of this history.
    pub line: u64,
    pub versions: HashMap<Arc<str>, i64>,
    /// When the head was seen there.
    seen: Instant,
    /// When it was last found that what was judged ahead would not do.
    shared: Option<Instant>,
}

/// Appends for one writer.
pub(super) struct Appender<J: Judge> {
    pub(super) judge: Arc<J>,
    store: Store,
    pub(super) states: States<J::State>,
    pub(super) losses: Losses,
    signals: Signals,
    /// Where it is written.
    writing: Wire,
    /// Where states are read for what is judged ahead.
    reading: Wire,
    pub(super) remembered: HashMap<Arc<str>, Remembered>,
    /// The time on the clock of the database, and when it was that.
    clock: Option<(OffsetDateTime, Instant)>,
    /// How long judging may take.
    pub(super) limits: Limits<J>,
}

impl<J: Judge> Appender<J> {
    pub(super) fn new(
        judge: Arc<J>,
        store: Store,
        states: States<J::State>,
        signals: Signals,
        losses: Losses,
        limits: Limits<J>,
    ) -> Self {
        Self {
            limits,
            judge,
            writing: Wire::new(store.clone()),
            reading: Wire::new(store.clone()),
            store,
            states,
            losses,
            signals,
            remembered: HashMap::new(),
            clock: None,
        }
    }

    /// Forgets everything: after a panic nobody knows what it is worth.
    pub(super) fn forget(&mut self) {
        self.writing.cut();
        self.reading.cut();
        self.remembered.clear();
        self.states.clear();
    }

    /// Says goodbye to the database.
    pub(super) async fn close(self) {
        self.writing.close().await;
        self.reading.close().await;
    }

    /// The time on the clock that all processes share, or a little earlier; none when it was not looked at recently.
    fn now(&self) -> Option<OffsetDateTime> {
        let (time, seen) = self.clock.filter(|(_, seen)| seen.elapsed() < RECENTLY)?;
        let time = time + seen.elapsed();
        // As precise as what PostgreSQL keeps.
        time.replace_microsecond(time.microsecond()).ok()
    }

    /// Takes those out of a turn that can be judged ahead, on top of `before`, and puts their heads into `judged`.
    pub(super) fn foresee(&self, turn: &mut Turn<J>, before: Option<&Judged<J>>, judged: &mut Judged<J>) -> Turn<J> {
        let Some(now) = self.now() else {
            return Turn::new();
        };
        let mut ahead = Turn::new();
        for (tenant, waiting) in std::mem::take(turn) {
            let last = match before.and_then(|before| before.heads.get(&tenant)) {
                Some(head) => Some((&head.tree, head.recorded_at)),
                None => self.remembered.get(&tenant).and_then(Remembered::reliable),
            };
            if let Some((tree, recorded_at)) = last {
                judged.heads.entry(Arc::clone(&tenant)).or_insert_with(|| {
                    let later = recorded_at + time::Duration::MICROSECOND;
                    Head::new(&tenant, tree.clone(), now.max(later))
                });
                ahead.insert(tenant, waiting);
            } else {
                turn.insert(tenant, waiting);
            }
        }
        ahead
    }

    /// Judges without a lock. Those that could not be judged, since the database failed or took too long, stay in the turn.
    pub(super) async fn judge_ahead(&mut self, turn: &mut Turn<J>, before: Option<&Judged<J>>, judged: &mut Judged<J>) {
        let mut wire = std::mem::replace(&mut self.reading, Wire::new(self.store.clone()));
        let mut judging = Judging {
            appender: self,
            before,
            judged,
            wire: &mut wire,
            locked_until: None,
        };
        if let Ok(Ok(())) = tokio::time::timeout(LONGEST_READING, judging.turn(turn)).await {
            self.reading = wire;
        }
    }

    /// Sends what was judged ahead on its way.
    pub(super) async fn send(&mut self, judged: &mut Judged<J>) -> Sending {
        let connection = self.writing.take().await;
        let mut batch = std::mem::take(&mut judged.batch);
        batch.rests_on(judged.heads.values());
        let store = self.store.clone();
        let mut sending = Box::pin(async move {
            let mut connection = connection?;
            // Whoever waits for this may give up; the task must not outlive what it waits for.
            let said = store.patiently(batch.append(&mut connection)).await;
            match said {
                Ok(said) => Ok((connection, Some(said))),
                Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok((connection, None)),
                Err(error) => Err(error),
            }
        });
        // The database is to have its work before anything else is done on this thread.
        match poll_fn(|context| Poll::Ready(sending.as_mut().poll(context))).await {
            Poll::Ready(sent) => tokio::spawn(ready(sent)),
            Poll::Pending => tokio::spawn(sending),
        }
    }

    /// What came of it: whether it was appended, all of it. Otherwise nothing was.
    pub(super) fn sent(&mut self, connection: PgConnection, said: Option<&Said>) -> bool {
        self.writing.give_back(connection);
        let Some(said) = said else { return false };
        self.clock = Some((said.clock, Instant::now()));
        for tenant in said.moved.iter().flatten() {
            if let Some(remembered) = self.remembered.get_mut(tenant.as_str()) {
                remembered.shared = Some(Instant::now());
            }
        }
        said.is_appended()
    }

    /// Appends a turn under the locks of its heads, and answers everyone for whom there was time; the others stay in the turn. Answers
    /// how many records were appended.
    pub(super) async fn append_locked(&mut self, turn: &mut Turn<J>) -> Result<usize, Failed<J>> {
        turn.retain(|_, waiting| {
            waiting.retain(|waiting| !waiting.reply.is_closed());
            !waiting.is_empty()
        });
        if turn.is_empty() {
            return Ok(0);
        }
        let mut judged = Judged::default();
        let store = self.store.clone();
        match store.patiently(self.transact(turn, &mut judged)).await {
            Ok(records) => {
                self.remember(&mut judged);
                judged.answer();
                Ok(records)
            }
            Err(error) => {
                self.give_up(&mut judged);
                let mut all = Turn::new();
                judged.into_turn(&mut all);
                for (tenant, left) in std::mem::take(turn) {
                    all.entry(tenant).or_default().extend(left);
                }
                for tenant in all.keys() {
                    self.remembered.remove(tenant);
                }
                // Data, integrity, limits (SQLSTATE classes): only these may be the matter of one submission.
                let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
                let retry_alone =
                    code.is_some_and(|code| ["22", "23", "54"].iter().any(|class| code.starts_with(class)));
                Err(Failed {
                    turn: all,
                    error,
                    retry_alone,
                })
            }
        }
    }

    /// One transaction. When it fails, its connection is dropped, and the database rolls back.
    async fn transact(&mut self, turn: &mut Turn<J>, judged: &mut Judged<J>) -> Result<usize, sqlx::Error> {
        let mut connection = self.writing.take().await?;
        connection.execute("BEGIN").await?;
        let known = |tenant: &Arc<str>| {
            self.remembered
                .get(tenant)
                .map_or_else(Anchor::beginning, |of| of.known)
        };
        let locked = heads::lock(&mut connection, turn, known).await?;
        for locked in &locked {
            self.catch_up(&mut connection, locked).await?;
        }
        *judged = Judged::on(locked.into_iter().map(|locked| locked.head));
        let mut wire = Wire::within(connection);
        let mut judging = Judging {
            appender: self,
            before: None,
            judged,
            wire: &mut wire,
            locked_until: Some(Instant::now() + LONGEST_LOCK),
        };
        judging.turn(turn).await?;
        let mut connection = wire.take().await?;
        let mut batch = std::mem::take(&mut judged.batch);
        if batch.is_empty() {
            connection.execute("ROLLBACK").await?;
        } else {
            batch.rests_on(judged.heads.values());
            let said = batch.append(&mut connection).await?;
            if !said.is_appended() {
                return Err(sqlx::Error::Protocol("the locks were lost on the way".to_owned()));
            }
            connection.execute("COMMIT").await?;
            self.clock = Some((said.clock, Instant::now()));
        }
        self.writing.give_back(connection);
        Ok(batch.records())
    }

    /// Makes what is remembered of a tenant true again, when another process has appended since.
    async fn catch_up(&mut self, connection: &mut PgConnection, locked: &Locked<J::State>) -> Result<(), sqlx::Error> {
        let head = &locked.head;
        let remembered = self.remembered.entry(Arc::clone(&head.tenant));
        let remembered = remembered.or_insert_with(|| Remembered::at(head));
        if !locked.held {
            // The database has come back without what it had confirmed: what is known of it is of what is lost. States are looked at
            // one by one, since they are of another line now.
            self.losses.tell(&head.tenant, &remembered.known);
            *remembered = Remembered::at(head);
            remembered.known = head.follows.again();
            remembered.shared = Some(Instant::now());
            return Ok(());
        }
        let missed = head.follows.position - remembered.known.position;
        if !head.known.is_empty() {
            // Whoever sends again what is recorded makes a transaction be judged twice, and is likely to go on: nobody else is to wait
            // for that.
            remembered.shared = Some(Instant::now());
        }
        if missed == 0 && remembered.versions.len() < MOST_REMEMBERED {
            return Ok(());
        }
        remembered.shared = Some(Instant::now());
        let after = remembered.known.position;
        remembered.tree = head.tree.clone();
        remembered.known = head.follows;
        if missed > MOST_TO_CATCH_UP || remembered.versions.len() >= MOST_REMEMBERED || remembered.versions.is_empty() {
            remembered.versions.clear();
            return Ok(());
        }
        let missed: Vec<(String, i64)> = sqlx::query_as("SELECT * FROM vedtak.versions_after($1, $2, $3)")
            .bind(&*head.tenant)
            .bind(after)
            .bind(head.follows.position)
            .fetch_all(connection)
            .await?;
        for (stream, version) in missed {
            remembered.versions.insert(Arc::from(stream), version);
        }
        Ok(())
    }

    /// Keeps what has been committed, and tells of it.
    pub(super) fn remember(&mut self, judged: &mut Judged<J>) {
        for (tenant, head) in std::mem::take(&mut judged.heads) {
            // Nothing was recorded there, so there may be no head.
            if head.position() == 0 {
                self.remembered.remove(&tenant);
                continue;
            }
            let remembered = self
                .remembered
                .entry(Arc::clone(&tenant))
                .or_insert_with(|| Remembered::at(&head));
            let known = head.tree.anchor();
            remembered.known = known;
            remembered.tree = head.tree;
            remembered.recorded_at = head.recorded_at;
            remembered.seen = Instant::now();
            for (stream, held) in head.states {
                let version = self.judge.version(&held.state);
                remembered.versions.insert(Arc::clone(&stream), version);
                let line = remembered.line;
                let kept = Kept {
                    version,
                    held,
                    known,
                    line,
                };
                self.states.keep((Arc::clone(&tenant), stream), kept);
            }
            if known.position > head.follows.position {
                self.signals.tell(&tenant);
            }
        }
        self.give_up(judged);
    }

    /// Gives back the states of a tenant of which nothing was judged on top of what is committed. What was read may be newer than that,
    /// so they are of no line.
    pub(super) fn keep(&self, head: Head<J::State>) {
        for (stream, held) in head.states {
            let version = self.judge.version(&held.state);
            let known = head.follows;
            let line = 0;
            let kept = Kept {
                version,
                held,
                known,
                line,
            };
            self.states.keep((Arc::clone(&head.tenant), stream), kept);
        }
    }

    /// Answers that nobody knows whether it was recorded.
    pub(super) fn lose(&mut self, mut judged: Judged<J>, error: &sqlx::Error) {
        self.give_up(&mut judged);
        for tenant in judged.heads.keys() {
            self.remembered.remove(tenant);
        }
        let mut turn = Turn::new();
        judged.into_turn(&mut turn);
        lose(turn, error);
    }

    /// Forgets the states that were taken out of the memory and not given back: they are read again when they are needed.
    pub(super) fn give_up(&self, judged: &mut Judged<J>) {
        self.states.settle(judged.lent.drain(..));
    }
}

impl<J: Judge> Failed<J> {
    /// Answers that nobody knows whether it was recorded.
    pub(super) fn answer(self) {
        lose(self.turn, &self.error);
    }
}

fn lose<J: Judge>(turn: Turn<J>, error: &sqlx::Error) {
    error!(%error, "a batch was not appended");
    for waiting in turn.into_values().flatten() {
        let sentence = "The database did not confirm the commit. Send the same request again with the same request_id: it is recorded at most once.";
        let _ = waiting.reply.send(Err(AppendError::Unavailable(sentence.to_owned())));
    }
}

impl Remembered {
    fn at<S>(head: &Head<S>) -> Self {
        static LINES: AtomicU64 = AtomicU64::new(1);
        Self {
            tree: head.tree.clone(),
            known: head.follows,
            recorded_at: head.recorded_at,
            line: LINES.fetch_add(1, Ordering::Relaxed),
            versions: HashMap::new(),
            seen: Instant::now(),
            shared: None,
        }
    }

    /// The tree and the time of the head, when they can be built on.
    fn reliable(&self) -> Option<(&Tree, OffsetDateTime)> {
        let alone = self.shared.is_none_or(|shared| shared.elapsed() >= SHARED);
        let reliable = alone && self.seen.elapsed() < RECENTLY && self.versions.len() < MOST_REMEMBERED;
        reliable.then_some((&self.tree, self.recorded_at))
    }
}

/// An append on its way: the connection comes back, with what was said; nothing is said when one of the requests was recorded
/// before.
pub(super) type Sending = JoinHandle<Result<(PgConnection, Option<Said>), sqlx::Error>>;

/// A turn that was not appended.
pub(super) struct Failed<J: Judge> {
    pub turn: Turn<J>,
    pub error: sqlx::Error,
    /// The database refused it, so nothing of it was recorded, and a part of it may well be accepted.
    pub retry_alone: bool,
}
