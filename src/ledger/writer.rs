//! The writers: each takes what waits for its tenants, in turns that are fair between tenants, and appends it in one transaction.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt::Debug;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, error, info_span};
use uuid::Uuid;

use super::append::Appender;
use super::error::AppendError;
use super::judge::{Circumstances, Judge};
use super::memory::States;
use super::queue::{Queues, Waiting};
use super::read::Known;
use super::signal::Signals;
use super::store::Store;
use crate::schema::v1::Receipt;

/// Commands on one stream, to be recorded all or none.
#[derive(Debug)]
pub struct Submission<J: Judge> {
    /// The tenant whose ledger it goes to.
    pub tenant: Arc<str>,
    /// The stream, such as `project/<id>`.
    pub stream: Arc<str>,
    /// Names the request; a retry has the same.
    pub request_id: Uuid,
    /// SHA-256 of the content of the request: tells a retry from a reuse of the id.
    pub content_hash: [u8; 32],
    /// The version that the stream must be at, if the caller cares.
    pub expected_version: Option<i64>,
    /// Who sent it, and how it is to be understood.
    pub circumstances: Circumstances,
    /// The commands, in order.
    pub commands: Vec<J::Command>,
}

/// What a writer answers.
pub(super) enum Answer {
    /// Recorded now.
    Recorded(Receipt),
    /// Recorded before: the first receipt is read from what is known of it.
    Repeated(Known),
}

/// How the writers work.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct WriterConfig {
    /// How many writers there are. Each holds one connection while it appends.
    pub writers: usize,
    /// The most submissions in one transaction.
    pub batch: usize,
    /// The most submissions that may wait for one writer.
    pub queue: usize,
    /// The most submissions of one tenant that may wait.
    pub queue_per_tenant: usize,
    /// States of streams are kept in memory as long as no more events than this were folded into them all together.
    pub cached_events: u64,
}

impl Default for WriterConfig {
    fn default() -> Self {
        Self {
            writers: 2,
            batch: 512,
            queue: 8192,
            queue_per_tenant: 2048,
            cached_events: 2_000_000,
        }
    }
}

/// Hears of each appended batch: for metrics.
pub trait Observer: Debug + Send + Sync + 'static {
    /// A transaction with so many submissions and records has been committed, and took this long.
    fn appended(&self, submissions: usize, records: usize, took: Duration);

    /// So many more (or, when negative, fewer) submissions wait.
    fn queued(&self, change: i64);
}

/// Starts the writers.
pub(super) fn start<J: Judge>(
    judge: &Arc<J>,
    store: &Store,
    states: &States<J::State>,
    signals: &Signals,
    config: &WriterConfig,
    observer: &Arc<dyn Observer>,
) -> Queues<J> {
    let tracker = TaskTracker::new();
    // One half waits in the order it came, the other sorted by tenant.
    let half = (config.queue / 2).max(1);
    let senders = (0..config.writers.max(1))
        .map(|_| {
            let (sender, waiting) = mpsc::channel(half);
            let appender = Appender::new(Arc::clone(judge), store.clone(), states.clone(), signals.clone());
            let tenants = Tenants::default();
            let writer = Writer {
                appender,
                waiting,
                tenants,
                most_sorted: half,
                batch: config.batch.max(1),
                observer: Arc::clone(observer),
                told: 0,
            };
            tracker.spawn(writer.run());
            sender
        })
        .collect();
    Queues::new(senders, config.queue_per_tenant.max(1), tracker)
}

struct Writer<J: Judge> {
    appender: Appender<J>,
    waiting: mpsc::Receiver<Waiting<J>>,
    tenants: Tenants<J>,
    most_sorted: usize,
    batch: usize,
    observer: Arc<dyn Observer>,
    /// How many were said to wait.
    told: usize,
}

impl<J: Judge> Writer<J> {
    /// Runs until the queue is closed and empty.
    async fn run(mut self) {
        loop {
            // Nothing lingers: whatever has come while the last transaction ran is the next one.
            if self.tenants.is_empty() {
                let Some(waiting) = self.waiting.recv().await else {
                    return self.appender.close().await;
                };
                self.tenants.add(waiting);
            }
            // All that has come is sorted by tenant before turns are taken: only so can who came last be among the next.
            while self.tenants.count < self.most_sorted
                && let Ok(waiting) = self.waiting.try_recv()
            {
                self.tenants.add(waiting);
            }
            let batch = self.tenants.take(self.batch);
            self.tell_queue();
            // A panic in a rule must not take the writer with it: whoever was in the batch is told to ask again.
            if AssertUnwindSafe(self.append(batch)).catch_unwind().await.is_err() {
                error!("a batch panicked; its callers are told to send it again");
                self.appender.forget();
            }
            // Those who were answered now say what they want next, and belong in the next transaction together.
            tokio::task::yield_now().await;
        }
    }

    fn tell_queue(&mut self) {
        let waiting = self.tenants.count + self.waiting.len();
        if waiting != self.told {
            self.observer.queued(difference(waiting, self.told));
            self.told = waiting;
        }
    }

    /// Appends a batch. When the database refuses it as a whole, each submission is tried alone, so that none fails another.
    async fn append(&mut self, batch: Turn<J>) {
        let submissions: usize = batch.values().map(Vec::len).sum();
        let began = Instant::now();
        let span = info_span!("append", submissions, tenants = batch.len());
        match self.appender.append(batch).instrument(span).await {
            Ok(records) => self.observer.appended(submissions, records, began.elapsed()),
            Err(failed) if failed.retry_alone && submissions > 1 => {
                error!(error = %failed.error, submissions, "the database refused a batch; trying each submission alone");
                for waiting in failed.batch.into_values().flatten() {
                    let alone = Turn::from([(Arc::clone(&waiting.submission.tenant), vec![waiting])]);
                    if let Err(failed) = self.appender.append(alone).await {
                        failed.answer();
                    }
                }
            }
            Err(failed) => failed.answer(),
        }
    }
}

fn difference(now: usize, before: usize) -> i64 {
    let count = |waiting| i64::try_from(waiting).expect("a bounded queue");
    count(now) - count(before)
}

/// The submissions of one transaction, by tenant. Sorted, so that all processes lock heads in the same order.
pub(super) type Turn<J> = BTreeMap<Arc<str>, Vec<Waiting<J>>>;

/// A batch that was not appended.
pub(super) struct Failed<J: Judge> {
    pub batch: Turn<J>,
    pub error: sqlx::Error,
    /// The database refused it, so nothing of it was recorded, and a part of it may well be accepted.
    pub retry_alone: bool,
}

impl<J: Judge> Failed<J> {
    fn answer(self) {
        error!(error = %self.error, "a batch was not appended");
        for waiting in self.batch.into_values().flatten() {
            let sentence = "The database did not confirm the commit. Send the same request again with the same request_id: it is recorded at most once.";
            let _ = waiting.reply.send(Err(AppendError::Unavailable(sentence.to_owned())));
        }
    }
}

/// What has come but is not yet appended, by tenant.
struct Tenants<J: Judge> {
    waiting: HashMap<Arc<str>, VecDeque<Waiting<J>>>,
    /// The tenants whose turn it is, in order.
    turns: VecDeque<Arc<str>>,
    /// How many wait.
    count: usize,
}

impl<J: Judge> Default for Tenants<J> {
    fn default() -> Self {
        Self {
            waiting: HashMap::new(),
            turns: VecDeque::new(),
            count: 0,
        }
    }
}

impl<J: Judge> Tenants<J> {
    fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    fn add(&mut self, waiting: Waiting<J>) {
        let tenant = Arc::clone(&waiting.submission.tenant);
        let queue = self.waiting.entry(Arc::clone(&tenant)).or_default();
        if queue.is_empty() {
            self.turns.push_back(tenant);
        }
        queue.push_back(waiting);
        self.count += 1;
    }

    /// Takes so many submissions at the most, an equal share of each tenant's; whoever has more waits for its next turn. A request
    /// id stands only once in a transaction: its second waits too, and then finds the first one's receipt.
    fn take(&mut self, most: usize) -> Turn<J> {
        let share = (most / self.turns.len().max(1)).max(1);
        let mut turn = Turn::new();
        let mut taken = 0;
        for _ in 0..self.turns.len() {
            if taken >= most {
                break;
            }
            let Some(tenant) = self.turns.pop_front() else { break };
            let Some(queue) = self.waiting.get_mut(&tenant) else {
                continue;
            };
            let mut mine: Vec<Waiting<J>> = Vec::new();
            let mut ids = std::collections::HashSet::new();
            while mine.len() < share
                && let Some(next) = queue.front()
                && ids.insert(next.submission.request_id)
            {
                mine.extend(queue.pop_front());
            }
            if queue.is_empty() {
                self.waiting.remove(&tenant);
            } else {
                self.turns.push_back(Arc::clone(&tenant));
            }
            taken += mine.len();
            turn.insert(tenant, mine);
        }
        self.count -= taken;
        turn
    }
}
