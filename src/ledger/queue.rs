//! The bounded queues before the writers: which writer has a tenant, and who must come back later.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;

use super::error::AppendError;
use super::judge::Judge;
use super::submission::{Outcome, Submission};

/// What waits in a queue.
pub(super) struct Waiting<J: Judge> {
    /// In its own place: what waits is handed on several times.
    pub submission: Box<Submission<J>>,
    pub reply: oneshot::Sender<Outcome<J::Refusal>>,
    /// Its place among those of its tenant, given back when it is answered.
    pub _place: Place,
}

/// How many submissions of each tenant wait and how much memory they take, and which tenants are costly to judge.
#[derive(Clone, Debug, Default)]
pub(super) struct Places(Arc<Mutex<Taken>>);

#[derive(Debug, Default)]
struct Taken {
    by_tenant: HashMap<Arc<str>, Share>,
    bytes: usize,
    /// Until when a tenant is taken for one that is costly to judge.
    costly: HashMap<Arc<str>, Instant>,
}

/// What waits of one tenant.
#[derive(Debug, Default)]
struct Share {
    count: usize,
    bytes: usize,
}

/// How much may wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Most {
    pub per_tenant: usize,
    pub bytes: usize,
    pub bytes_per_tenant: usize,
}

/// One place among those of a tenant.
pub(super) struct Place {
    places: Places,
    tenant: Arc<str>,
    bytes: usize,
}

/// Where a tenant's submissions are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// Among those of everybody, quickly.
    Swift,
    /// Beside the threads that serve: what took long to judge a short while ago holds up nobody else there.
    Aside,
}

/// So long at the most a tenant is judged aside after something of it was costly.
pub(super) const COSTLY: Duration = Duration::from_secs(10);

/// So long after a state of it was far behind, which it is no longer once it has been caught up with.
pub(super) const BEHIND: Duration = Duration::from_millis(300);

/// What every submission takes beside its commands, and how many times the bytes of its commands it takes while it waits: decoded,
/// and with its records once it is judged. Measured at 5 times for commands of many small fields.
const BESIDE_COMMANDS: usize = 2_048;
const TIMES_ITS_BYTES: usize = 8;

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.bytes -= self.bytes;
        if let Some(share) = taken.by_tenant.get_mut(&self.tenant) {
            share.count -= 1;
            share.bytes -= self.bytes;
            if share.count == 0 {
                taken.by_tenant.remove(&self.tenant);
            }
        }
    }
}

impl Places {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for so many bytes. What is larger than all that may wait finds one when nothing else waits.
    fn take(&self, tenant: &Arc<str>, bytes: usize, most: Most) -> Option<Place> {
        let mut taken = self.taken();
        if taken.bytes > 0 && taken.bytes + bytes > most.bytes {
            return None;
        }
        let share = taken.by_tenant.entry(Arc::clone(tenant)).or_default();
        if share.count > 0 && (share.count >= most.per_tenant || share.bytes + bytes > most.bytes_per_tenant) {
            return None;
        }
        share.count += 1;
        share.bytes += bytes;
        taken.bytes += bytes;
        Some(Place {
            places: self.clone(),
            tenant: Arc::clone(tenant),
            bytes,
        })
    }

    /// Where the submissions of a tenant are judged now.
    pub(super) fn lane(&self, tenant: &Arc<str>) -> Lane {
        let mut taken = self.taken();
        match taken.costly.get(tenant) {
            None => Lane::Swift,
            Some(until) if Instant::now() < *until => Lane::Aside,
            Some(_) => {
                taken.costly.remove(tenant);
                Lane::Swift
            }
        }
    }

    /// Whether all tenants are judged among everybody.
    pub(super) fn nobody_is_costly(&self) -> bool {
        self.taken().costly.is_empty()
    }

    /// Something of this tenant was costly to judge: it is judged aside for so long.
    pub(super) fn is_costly(&self, tenant: &Arc<str>, time: Duration) {
        let until = Instant::now() + time;
        let mut taken = self.taken();
        let known = taken.costly.entry(Arc::clone(tenant)).or_insert(until);
        *known = until.max(*known);
    }
}

/// The ways into the queues of both lanes, until they are closed.
pub(super) struct Ways<J: Judge>(Arc<Mutex<Option<Senders<J>>>>);

/// The same, for a writer: it hands on what belongs to another, and keeps no queue open.
pub(super) struct Elsewhere<J: Judge>(Weak<Mutex<Option<Senders<J>>>>);

struct Senders<J: Judge> {
    swift: Vec<mpsc::Sender<Waiting<J>>>,
    aside: Vec<mpsc::Sender<Waiting<J>>>,
}

impl<J: Judge> Clone for Ways<J> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<J: Judge> Ways<J> {
    pub(super) fn new(swift: Vec<mpsc::Sender<Waiting<J>>>, aside: Vec<mpsc::Sender<Waiting<J>>>) -> Self {
        Self(Arc::new(Mutex::new(Some(Senders { swift, aside }))))
    }

    fn senders(&self) -> MutexGuard<'_, Option<Senders<J>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn elsewhere(&self) -> Elsewhere<J> {
        Elsewhere(Arc::downgrade(&self.0))
    }

    fn close(&self) {
        *self.senders() = None;
    }

    /// Puts what waits into the queue of its tenant's writer in a lane.
    pub(super) fn send(&self, lane: Lane, waiting: Waiting<J>) -> Result<(), (Waiting<J>, AppendError<J::Refusal>)> {
        let senders = self.senders();
        let Some(senders) = &*senders else {
            return Err((waiting, stopping()));
        };
        let senders = match lane {
            Lane::Swift => &senders.swift,
            Lane::Aside => &senders.aside,
        };
        let mut hasher = DefaultHasher::new();
        waiting.submission.tenant.hash(&mut hasher);
        let index =
            usize::try_from(hasher.finish() % senders.len() as u64).expect("smaller than the number of writers");
        senders[index]
            .try_send(waiting)
            .map_err(|error| (error.into_inner(), busy()))
    }
}

impl<J: Judge> Clone for Elsewhere<J> {
    fn clone(&self) -> Self {
        Self(Weak::clone(&self.0))
    }
}

impl<J: Judge> Elsewhere<J> {
    fn ways(&self) -> Option<Ways<J>> {
        self.0.upgrade().map(Ways)
    }

    /// Whether nothing goes into any queue any more: then each writer answers what it has.
    pub(super) fn is_closed(&self) -> bool {
        self.ways().is_none_or(|ways| ways.senders().is_none())
    }

    /// Puts what waits into the queue of its tenant's writer in a lane.
    pub(super) fn send(&self, lane: Lane, waiting: Waiting<J>) -> Result<(), (Waiting<J>, AppendError<J::Refusal>)> {
        match self.ways() {
            Some(ways) => ways.send(lane, waiting),
            None => Err((waiting, stopping())),
        }
    }
}

fn stopping<R>() -> AppendError<R> {
    AppendError::Unavailable("The service is stopping.".to_owned())
}

/// The queues, one a writer. A tenant always has the same writer of a lane.
pub(super) struct Queues<J: Judge> {
    ways: Ways<J>,
    judge: Arc<J>,
    places: Places,
    most: Most,
    writers: TaskTracker,
}

impl<J: Judge> std::fmt::Debug for Queues<J> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Queues")
            .field("most", &self.most)
            .finish_non_exhaustive()
    }
}

impl<J: Judge> Clone for Queues<J> {
    fn clone(&self) -> Self {
        Self {
            ways: self.ways.clone(),
            judge: Arc::clone(&self.judge),
            places: self.places.clone(),
            most: self.most,
            writers: self.writers.clone(),
        }
    }
}

fn busy<R>() -> AppendError<R> {
    AppendError::Busy {
        retry_after: Duration::from_millis(200),
    }
}

impl<J: Judge> Queues<J> {
    pub(super) fn new(ways: Ways<J>, judge: Arc<J>, places: Places, most: Most, writers: TaskTracker) -> Self {
        Self {
            ways,
            judge,
            places,
            most,
            writers,
        }
    }

    /// Puts a submission in its queue; its answer comes through what is returned.
    pub(super) fn submit(
        &self,
        submission: Submission<J>,
    ) -> Result<oneshot::Receiver<Outcome<J::Refusal>>, AppendError<J::Refusal>> {
        let commands: usize = submission.commands.iter().map(|command| self.judge.size(command)).sum();
        let bytes = BESIDE_COMMANDS + TIMES_ITS_BYTES * commands;
        let place = self
            .places
            .take(&submission.tenant, bytes, self.most)
            .ok_or_else(busy)?;
        let lane = self.places.lane(&submission.tenant);
        let (reply, answer) = oneshot::channel();
        let waiting = Waiting {
            submission: Box::new(submission),
            reply,
            _place: place,
        };
        self.ways.send(lane, waiting).map_err(|(_, error)| error)?;
        Ok(answer)
    }

    /// Closes the queues and waits until the writers have emptied them.
    pub(super) async fn close(&self) {
        self.ways.close();
        self.writers.close();
        self.writers.wait().await;
    }
}
