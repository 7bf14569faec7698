//! Many callers at once, each of whom sends what it wants recorded, again and again, until it has a receipt for it.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;
use vedtak::schema::v1::Receipt;

use super::caller::{Answer, Door, Doors, Intention};

/// A call that has no answer by then has been forgotten: the service's own deadline is 30 seconds.
const FORGOTTEN: Duration = Duration::from_secs(45);
/// How long the callers may go without a single receipt, on a machine that has much else to do.
const STANDSTILL: Duration = Duration::from_secs(60);
/// How long a caller waits before it sends again.
const BACKOFF: std::ops::Range<u64> = 1..25;

/// How much is asked for, by how many.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// What all randomness comes from.
    pub seed: u64,
    /// How many callers there are.
    pub callers: u64,
    /// How many projects they write to at a time.
    pub streams: u64,
    /// How many risks a project gets before the next one is begun.
    pub risks: u64,
    /// How many risks there are in all.
    pub limit: u64,
}

/// The seed of this run: always the same one, unless VEDTAK_TEST_SEED gives another.
pub fn seed() -> u64 {
    let given = std::env::var("VEDTAK_TEST_SEED").ok();
    given.and_then(|seed| seed.parse().ok()).unwrap_or(20_160_513)
}

/// What was recorded for one intention.
#[derive(Clone, Debug)]
pub struct Acknowledged {
    pub intention: Intention,
    pub receipt: Receipt,
    /// When the call began that brought the receipt.
    pub sent: OffsetDateTime,
    /// How many calls it took.
    pub calls: u32,
}

/// The callers at work.
#[derive(Debug)]
pub struct Load {
    shared: Arc<Shared>,
    callers: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    shape: Shape,
    doors: watch::Sender<Vec<Doors>>,
    acknowledged: watch::Sender<usize>,
    log: Mutex<Vec<Acknowledged>>,
    next: AtomicU64,
    stopping: AtomicBool,
    /// Whether a caller that gets no answer goes home without one.
    faint: AtomicBool,
    silences: AtomicUsize,
    laters: AtomicUsize,
    /// Why the last call that failed did so.
    last: Mutex<String>,
}

/// What came of all of it.
#[derive(Debug)]
pub struct Outcome {
    /// Every receipt, of repetitions too.
    pub log: Vec<Acknowledged>,
    /// How many calls had no answer.
    pub silences: usize,
    /// How many calls were told to come back.
    pub laters: usize,
}

impl Load {
    /// Sends the callers off.
    pub fn start(shape: Shape, doors: Vec<Doors>) -> Self {
        let shared = Arc::new(Shared {
            shape,
            doors: watch::Sender::new(doors),
            acknowledged: watch::Sender::new(0),
            log: Mutex::default(),
            next: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
            faint: AtomicBool::new(false),
            silences: AtomicUsize::new(0),
            laters: AtomicUsize::new(0),
            last: Mutex::default(),
        });
        let mut callers = JoinSet::new();
        for number in 0..shape.callers {
            callers.spawn(Arc::clone(&shared).call(number));
        }
        Self { shared, callers }
    }

    /// From now on these are the doors to go to; none: wait for some.
    pub fn go_to(&self, doors: Vec<Doors>) {
        self.shared.doors.send_replace(doors);
    }

    /// From now on a caller that gets no answer gives up, and never learns whether its request was recorded.
    pub fn give_up_on_silence(&self) {
        self.shared.faint.store(true, Ordering::Relaxed);
    }

    /// Waits until there are so many more receipts.
    pub async fn progress(&mut self, more: usize) {
        let mut count = self.shared.acknowledged.subscribe();
        let wanted = *count.borrow() + more;
        let reached = async {
            let _ = count.wait_for(|count| *count >= wanted).await;
        };
        tokio::select! {
            reached = tokio::time::timeout(STANDSTILL, reached) => {
                let last = &self.shared.last;
                reached.unwrap_or_else(|_| panic!("the callers stand still; the last failure: {}", last.lock().unwrap()));
            }
            Some(Err(broken)) = self.callers.join_next() => std::panic::resume_unwind(broken.into_panic()),
        }
    }

    /// Lets every caller finish what it began.
    pub async fn finish(self) -> Outcome {
        self.shared.stopping.store(true, Ordering::Relaxed);
        self.exhausted().await
    }

    /// Waits until everything that was asked for is recorded.
    pub async fn exhausted(mut self) -> Outcome {
        while let Some(ended) = self.callers.join_next().await {
            ended.unwrap();
        }
        Outcome {
            log: std::mem::take(&mut *self.shared.log.lock().unwrap()),
            silences: self.shared.silences.load(Ordering::Relaxed),
            laters: self.shared.laters.load(Ordering::Relaxed),
        }
    }
}

impl Shared {
    /// One caller, from its first wish to its last receipt.
    async fn call(self: Arc<Self>, number: u64) {
        let mut random = StdRng::seed_from_u64(self.shape.seed ^ (number << 32));
        let mut known = HashSet::new();
        while !self.stopping.load(Ordering::Relaxed) {
            let ordinal = self.next.fetch_add(1, Ordering::Relaxed);
            if ordinal >= self.shape.limit {
                return;
            }
            let lane = ordinal % self.shape.streams;
            let project = lane + self.shape.streams * (ordinal / (self.shape.streams * self.shape.risks));
            if known.insert(project) {
                // Every caller registers it, all with the same request: one of them is the first.
                if !self.insist(self.project(project), &mut random).await {
                    return;
                }
            }
            if ordinal % 16 == 5 {
                self.refused(self.risk(project, ordinal, true), &mut random).await;
            }
            let risk = self.risk(project, ordinal, false);
            if !self.insist(risk, &mut random).await {
                return;
            }
            // A receipt can be asked for again.
            if random.random_ratio(1, 16) && !self.insist(risk, &mut random).await {
                return;
            }
        }
    }

    /// Sends it until there is a receipt; answers whether there is one.
    async fn insist(&self, intention: Intention, random: &mut StdRng) -> bool {
        for calls in 1.. {
            let sent = vedtak::clock::now();
            match self.send(&intention, random).await {
                Answer::Recorded(receipt) => {
                    let acknowledged = Acknowledged {
                        intention,
                        receipt,
                        sent,
                        calls,
                    };
                    self.log.lock().unwrap().push(acknowledged);
                    self.acknowledged.send_modify(|count| *count += 1);
                    return true;
                }
                Answer::Refused(reason) => panic!("{intention:?} was refused: {reason}"),
                Answer::Later(reason) => {
                    self.laters.fetch_add(1, Ordering::Relaxed);
                    *self.last.lock().unwrap() = reason;
                }
                Answer::Silence(reason) => {
                    *self.last.lock().unwrap() = reason;
                    self.silences.fetch_add(1, Ordering::Relaxed);
                    if self.faint.load(Ordering::Relaxed) {
                        return false;
                    }
                }
            }
            tokio::time::sleep(Duration::from_millis(random.random_range(BACKOFF))).await;
        }
        unreachable!("it is sent until there is a receipt")
    }

    /// Sends once what can only be refused, and must leave no trace.
    async fn refused(&self, intention: Intention, random: &mut StdRng) {
        match self.send(&intention, random).await {
            Answer::Recorded(receipt) => panic!("{intention:?} was recorded: {receipt:?}"),
            Answer::Refused(reason) => assert_eq!(reason, "VERSION_CONFLICT"),
            Answer::Later(_) | Answer::Silence(_) => {}
        }
    }

    /// One call, by a door and to a process that chance chooses.
    async fn send(&self, intention: &Intention, random: &mut StdRng) -> Answer {
        let mut doors = self.doors.subscribe();
        let doors = doors.wait_for(|doors| !doors.is_empty()).await.unwrap().clone();
        let chosen = &doors[random.random_range(0..doors.len())];
        let door = if random.random() { Door::Grpc } else { Door::Json };
        let answer = tokio::time::timeout(FORGOTTEN, chosen.send(door, intention)).await;
        answer.unwrap_or_else(|_| panic!("{intention:?} by {door:?} was never answered"))
    }

    fn id(&self, kind: &str, number: u64) -> Uuid {
        let name = format!("{}/{kind}/{number}", self.shape.seed);
        Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
    }

    fn project(&self, project: u64) -> Intention {
        Intention::Project {
            request_id: self.id("registering", project),
            project_id: self.id("project", project),
        }
    }

    fn risk(&self, project: u64, ordinal: u64, stale: bool) -> Intention {
        Intention::Risk {
            request_id: self.id(if stale { "stale" } else { "request" }, ordinal),
            project_id: self.id("project", project),
            risk_id: self.id("risk", ordinal),
            stale,
        }
    }
}
