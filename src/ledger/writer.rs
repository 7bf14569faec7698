//! The writers: each takes what waits for its tenants, in turns that are fair between tenants, and appends it in one transaction.

use std::collections::{HashSet, VecDeque};
use std::fmt::Debug;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;
use tracing::{Instrument, error, info_span, warn};

use super::append::{Appender, Failed, Sending};
use super::aside;
use super::history::Losses;
use super::judge::Judge;
use super::judged::Judged;
use super::limits::Limits;
use super::memory::States;
use super::queue::{Lane, Most, Places, Queues, Waiting, Ways};
use super::signal::Signals;
use super::store::Store;
use super::turns::{Tenants, Turn};

/// How the writers work.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct WriterConfig {
    /// How many writers there are. Each has up to two connections of its own: one that it appends over, and one for the states that
    /// what is judged ahead needs.
    pub writers: usize,
    /// The most submissions in one transaction.
    pub batch: usize,
    /// The most submissions that may wait for one writer.
    pub queue: usize,
    /// The most submissions of one tenant that may wait.
    pub queue_per_tenant: usize,
    /// States of streams are kept in memory as long as all together weigh about this many bytes, counted by the records that were folded
    /// into them. A stream of more than an eighth of this, or than 64 MiB when that is more, is not kept but folded anew each time.
    pub cached_bytes: u64,
    /// So much of it may be of one tenant; then the tenant's own older states give way.
    pub cached_bytes_per_tenant: u64,
    /// The most bytes of memory that all submissions may take that wait, about: a request takes some eight times its own bytes.
    pub queue_bytes: usize,
    /// The most of them that those of one tenant may take.
    pub queue_bytes_per_tenant: usize,
    /// How long one submission may be judged, in milliseconds of work; what takes longer is refused. What takes more than a few is judged
    /// aside, where it holds up nobody but others like it.
    pub judging_ms: u64,
    /// How many places there are for long work, such as folding a long history or finding since when a finding stands: threads beside
    /// those that serve, with a lower priority. Half as many as there are processors, when nothing is said.
    pub long_places: usize,
    /// The most questions that may be at long work at once, waiting for their turn or not. Tenants take turns.
    pub long_readings: usize,
    /// The most of them that may be of one tenant.
    pub long_readings_per_tenant: usize,
    /// Histories that were walked, for findings or as of an effective date, are kept to be walked on, as long as they take about so
    /// many bytes of memory.
    pub kept_history_bytes: u64,
}

impl Default for WriterConfig {
    fn default() -> Self {
        Self {
            writers: 2,
            batch: 512,
            queue: 8192,
            queue_per_tenant: 2048,
            cached_bytes: 256 * 1024 * 1024,
            cached_bytes_per_tenant: 128 * 1024 * 1024,
            queue_bytes: 256 << 20,
            queue_bytes_per_tenant: 64 << 20,
            judging_ms: 1_000,
            long_places: std::thread::available_parallelism().map_or(1, |processors| (processors.get() / 2).max(1)),
            long_readings: 256,
            long_readings_per_tenant: 32,
            kept_history_bytes: 128 << 20,
        }
    }
}

/// Hears of each appended batch: for metrics.
pub trait Observer: Debug + Send + Sync + 'static {
    /// A transaction with so many submissions and records has been committed, and took this long.
    fn appended(&self, submissions: usize, records: usize, took: Duration);

    /// So many more (or, when negative, fewer) submissions wait.
    fn queued(&self, change: i64);

    /// A tenant's history in the database is not the one that was known: what was recorded last is lost.
    fn history_lost(&self);
}

/// Starts the writers.
pub(super) fn start<J: Judge>(
    judge: &Arc<J>,
    store: &Store,
    states: &States<J::State>,
    signals: &Signals,
    losses: &Losses,
    config: &WriterConfig,
    observer: &Arc<dyn Observer>,
) -> Queues<J> {
    let tracker = TaskTracker::new();
    let (places, budget) = (Places::default(), Duration::from_millis(config.judging_ms));
    // One half waits in the order it came, the other sorted by tenant.
    let half = (config.queue / 2).max(1);
    let queues = |count: usize| (0..count.max(1)).map(|_| mpsc::channel(half)).unzip();
    let (swift, of_swift): (Vec<_>, Vec<_>) = queues(config.writers);
    let (aside, of_aside): (Vec<_>, Vec<_>) = queues(config.long_places);
    let ways = Ways::new(swift, aside);
    let writer = |lane, waiting| {
        let limits = Limits::new(lane, ways.elsewhere(), places.clone(), budget);
        Writer {
            appender: Appender::new(
                Arc::clone(judge),
                store.clone(),
                states.clone(),
                signals.clone(),
                losses.clone(),
                limits,
            ),
            waiting,
            tenants: Tenants::default(),
            elsewhere: HashSet::new(),
            away: None,
            next: Judged::default(),
            most_sorted: half,
            batch: config.batch.max(1),
            observer: Arc::clone(observer),
            told: 0,
        }
    };
    for waiting in of_swift {
        tracker.spawn(writer(Lane::Swift, waiting).run());
    }
    for waiting in of_aside {
        tracker.spawn(beside(writer(Lane::Aside, waiting)));
    }
    let most = Most {
        per_tenant: config.queue_per_tenant.max(1),
        bytes: config.queue_bytes,
        bytes_per_tenant: config.queue_bytes_per_tenant,
    };
    Queues::new(ways, Arc::clone(judge), places, most, tracker)
}

/// Runs a writer on a thread of its own, beside those that serve.
async fn beside<J: Judge>(writer: Writer<J>) {
    let (ends, ended) = oneshot::channel::<()>();
    aside::thread("writer-aside", move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime
            .expect("a process that starts can have a runtime more")
            .block_on(writer.run());
        drop(ends);
    });
    // It says nothing; it only ends.
    let _ = ended.await;
}

/// What is being committed.
struct Away<J: Judge> {
    judged: Judged<J>,
    records: usize,
    sending: Sending,
    began: Instant,
}

struct Writer<J: Judge> {
    appender: Appender<J>,
    waiting: mpsc::Receiver<Waiting<J>>,
    tenants: Tenants<J>,
    /// The tenants that belong to another lane, as soon as nothing of them is under way here.
    elsewhere: HashSet<Arc<str>>,
    /// What is being committed, and what has been judged meanwhile and follows it.
    away: Option<Away<J>>,
    next: Judged<J>,
    most_sorted: usize,
    batch: usize,
    observer: Arc<dyn Observer>,
    /// How many were said to wait.
    told: usize,
}

impl<J: Judge> Writer<J> {
    /// Runs until the queue is closed and everything in it is answered.
    async fn run(mut self) {
        while self.wait().await {
            // All that has come is sorted by tenant before turns are taken: only so can who came last be among the next.
            while self.tenants.count < self.most_sorted
                && let Ok(waiting) = self.waiting.try_recv()
            {
                self.tenants.add(waiting);
            }
            self.hand_over();
            self.tell_queue();
            self.judge().await;
            self.send().await;
        }
        self.appender.close().await;
    }

    /// Waits until there is something to do; false when nothing ever will be.
    async fn wait(&mut self) -> bool {
        for (tenant, left) in self.appender.limits.take_left() {
            self.tenants.put_back(tenant, left);
        }
        let Some(away) = &mut self.away else {
            if self.tenants.is_empty() {
                let Some(waiting) = self.waiting.recv().await else {
                    return false;
                };
                self.tenants.add(waiting);
            }
            return true;
        };
        tokio::select! {
            biased;
            sent = &mut away.sending => self.settle(sent).await,
            Some(waiting) = self.waiting.recv(), if self.tenants.count < self.most_sorted => self.tenants.add(waiting),
        }
        true
    }

    /// Hands over whoever belongs to another lane, with all that waits of it. Whoever has something under way here waits for that.
    fn hand_over(&mut self) {
        self.elsewhere.clear();
        let limits = &self.appender.limits;
        let all_stay = limits.lane == Lane::Swift && limits.places.nobody_is_costly();
        if all_stay || limits.elsewhere.is_closed() {
            return;
        }
        for tenant in self.tenants.names() {
            let limits = &self.appender.limits;
            let lane = limits.places.lane(&tenant);
            if lane == limits.lane {
                continue;
            }
            let away = self.away.as_ref().map(|away| &away.judged.heads);
            let next = self.next.heads.get(&tenant);
            if away.is_some_and(|heads| heads.contains_key(&tenant))
                || next.is_some_and(|head| !head.requests.is_empty())
            {
                self.elsewhere.insert(tenant);
                continue;
            }
            if let Some(head) = self.next.heads.remove(&tenant) {
                self.appender.keep(head);
            }
            for waiting in self.tenants.remove(&tenant) {
                if let Err((waiting, error)) = self.appender.limits.elsewhere.send(lane, waiting) {
                    let _ = waiting.reply.send(Err(error));
                }
            }
        }
    }

    /// Judges what waits, as far as there is room in the next transaction. Nothing lingers: the next one is whatever has come while
    /// the last one was committed.
    async fn judge(&mut self) {
        let room = self.batch.saturating_sub(self.next.answers.len());
        if room == 0 || self.tenants.is_empty() {
            return;
        }
        let lane = self.appender.limits.lane;
        let in_company = lane == Lane::Aside || self.tenants.in_company();
        self.appender.limits.turn(in_company);
        // What is costly goes on for long: one tenant of that kind does not wait for the others' before it is recorded.
        let tenants = if lane == Lane::Aside { 1 } else { usize::MAX };
        let next = &self.next.heads;
        let mut turn = self.tenants.take((room, tenants), &self.elsewhere, |tenant, id| {
            next.get(tenant).is_some_and(|head| head.requests.contains(id))
        });
        let before = self.away.as_ref().map(|away| &away.judged);
        let mut ahead = self.appender.foresee(&mut turn, before, &mut self.next);
        if !ahead.is_empty() {
            let judging = self.appender.judge_ahead(&mut ahead, before, &mut self.next);
            // A rule that panics is the matter of its own command. A panic anywhere else must not take the writer with it: whoever was
            // judged with it is told to ask again.
            if AssertUnwindSafe(judging).catch_unwind().await.is_err() {
                error!("a panic; those who were judged with it are told to send it again");
                self.next = Judged::default();
                self.appender.forget();
                return;
            }
            for (tenant, left) in ahead {
                turn.insert(tenant, left);
            }
        }
        if !turn.is_empty() {
            // Those that came before are recorded before.
            self.flush().await;
            self.append_locked(turn).await;
        }
    }

    /// Sends what has been judged, when the connection is free.
    async fn send(&mut self) {
        if self.away.is_some() {
            return;
        }
        if self.next.is_empty() {
            // Heads that nothing was judged on are not to be built on later.
            self.appender.give_up(&mut self.next);
            self.next = Judged::default();
            return;
        }
        let mut judged = std::mem::take(&mut self.next);
        let records = judged.batch.records();
        let began = Instant::now();
        let sending = self.appender.send(&mut judged).await;
        self.away = Some(Away {
            judged,
            records,
            sending,
            began,
        });
    }

    /// Waits until everything that has been judged is committed.
    async fn flush(&mut self) {
        self.send().await;
        while let Some(away) = &mut self.away {
            let sent = (&mut away.sending).await;
            self.settle(sent).await;
        }
    }

    /// Hears what came of what was sent, sends what follows it, and answers.
    async fn settle(&mut self, sent: <Sending as Future>::Output) {
        let Some(mut away) = self.away.take() else { return };
        let sent = sent.unwrap_or(Err(sqlx::Error::WorkerCrashed));
        let appended = match sent {
            Ok((connection, said)) => Ok(self.appender.sent(connection, said.as_ref())),
            Err(error) => Err(error),
        };
        if let Err(sqlx::Error::Database(error)) = &appended {
            warn!(%error, "what was judged ahead was refused; judging it again under the locks");
        }
        let mut again = Turn::new();
        match appended {
            Ok(true) => {
                self.send().await;
                self.appender.remember(&mut away.judged);
                let submissions = away.judged.answers.len();
                self.observer.appended(submissions, away.records, away.began.elapsed());
                away.judged.answer();
                return;
            }
            // Nothing was, so that it can be tried again.
            Ok(false) | Err(sqlx::Error::Database(_)) => {
                self.appender.give_up(&mut away.judged);
                away.judged.into_turn(&mut again);
            }
            Err(error) => self.appender.lose(away.judged, &error),
        }
        // What was judged on top of it is judged anew; by itself, since a request id stands only once in a transaction.
        let mut next = std::mem::take(&mut self.next);
        let mut after = Turn::new();
        self.appender.give_up(&mut next);
        next.into_turn(&mut after);
        self.append_locked(again).await;
        self.append_locked(after).await;
    }

    /// Appends a turn under locks, in several transactions when it takes long.
    async fn append_locked(&mut self, mut turn: Turn<J>) {
        while !turn.is_empty() {
            let before: usize = turn.values().map(VecDeque::len).sum();
            let began = Instant::now();
            let span = info_span!("append", submissions = before, tenants = turn.len());
            let appending = self.appender.append_locked(&mut turn).instrument(span);
            match AssertUnwindSafe(appending).catch_unwind().await {
                Ok(Ok(records)) => {
                    let submissions = before - turn.values().map(VecDeque::len).sum::<usize>();
                    self.observer.appended(submissions, records, began.elapsed());
                }
                Ok(Err(failed)) => self.retry_alone(failed).await,
                Err(_) => {
                    error!("a batch panicked; its callers are told to send it again");
                    self.appender.forget();
                    return;
                }
            }
        }
    }

    /// When the database refuses a batch as a whole, each submission is tried alone, so that none fails another.
    async fn retry_alone(&mut self, failed: Failed<J>) {
        let submissions: usize = failed.turn.values().map(VecDeque::len).sum();
        if !failed.retry_alone || submissions < 2 {
            return failed.answer();
        }
        error!(error = %failed.error, submissions, "the database refused a batch; trying each submission alone");
        for waiting in failed.turn.into_values().flatten() {
            let alone = Turn::from([(Arc::clone(&waiting.submission.tenant), VecDeque::from([waiting]))]);
            Box::pin(self.append_locked(alone)).await;
        }
    }

    fn tell_queue(&mut self) {
        let waiting = self.tenants.count + self.waiting.len();
        if waiting != self.told {
            self.observer.queued(difference(waiting, self.told));
            self.told = waiting;
        }
    }
}

fn difference(now: usize, before: usize) -> i64 {
    let count = |waiting| i64::try_from(waiting).expect("a bounded queue");
    count(now) - count(before)
}
