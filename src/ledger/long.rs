//! Long work, such as folding a long history: at a few places beside the threads that serve, in turns that are fair between tenants.

use std::any::Any;
use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::aside;

/// So long a piece of long work takes at the most, where it can be cut: then another tenant has its turn.
pub(super) const SLICE: Duration = Duration::from_millis(20);

/// When to come back, when too many wait.
const COME_BACK: Duration = Duration::from_secs(1);

type Job = Box<dyn FnOnce() + Send>;

/// The places. Cheap to clone.
#[derive(Clone)]
pub struct Long(Arc<Places>);

struct Places {
    turns: Mutex<Turns>,
    jobs: Sender<Job>,
    most: usize,
    most_per_tenant: usize,
}

/// Who is at work, who waits, and whose turn it is.
#[derive(Default)]
struct Turns {
    free: usize,
    waiting: HashMap<Arc<str>, VecDeque<oneshot::Sender<Place>>>,
    order: VecDeque<Arc<str>>,
    /// How many are at long work of each tenant, waiting or not.
    inside: HashMap<Arc<str>, usize>,
    all: usize,
}

/// Too much long work is waiting already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crowded {
    /// When to try again.
    pub retry_after: Duration,
}

/// Somebody who is at long work, until this is dropped: each piece of it has a turn of its own.
pub struct Stay {
    long: Long,
    tenant: Arc<str>,
}

/// One place, until this is dropped or what is run there has ended.
struct Place(Option<Arc<Places>>);

impl std::fmt::Debug for Long {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Long")
            .field("most", &self.0.most)
            .finish_non_exhaustive()
    }
}

impl Turns {
    /// Who is next: the one that has waited longest, of the tenant whose turn it is.
    fn next(&mut self) -> Option<oneshot::Sender<Place>> {
        while let Some(tenant) = self.order.pop_front() {
            let Some(queue) = self.waiting.get_mut(&tenant) else {
                continue;
            };
            // Whoever has gone needs no turn.
            queue.retain(|waiting| !waiting.is_closed());
            let next = queue.pop_front();
            if queue.is_empty() {
                self.waiting.remove(&tenant);
            } else {
                self.order.push_back(tenant);
            }
            if next.is_some() {
                return next;
            }
        }
        None
    }
}

impl Long {
    /// So many places, and so many that may be at long work at once, in all and of one tenant; most of them wait.
    pub(super) fn new(places: usize, most: usize, most_per_tenant: usize) -> Self {
        let (jobs, waiting) = channel();
        let waiting = Arc::new(Mutex::new(waiting));
        let places = places.max(1);
        for _ in 0..places {
            let waiting = Arc::clone(&waiting);
            aside::thread("long-work", move || work(&waiting));
        }
        Self(Arc::new(Places {
            turns: Mutex::new(Turns {
                free: places,
                ..Turns::default()
            }),
            jobs,
            most: most.max(1),
            most_per_tenant: most_per_tenant.max(1),
        }))
    }

    /// Begins long work for a tenant, of several pieces.
    ///
    /// # Errors
    /// When too many are at it already.
    pub fn enter(&self, tenant: &str) -> Result<Stay, Crowded> {
        let tenant: Arc<str> = Arc::from(tenant);
        let mut turns = self.0.turns();
        let inside = turns.inside.get(&tenant).copied().unwrap_or_default();
        if turns.all >= self.0.most || inside >= self.0.most_per_tenant {
            return Err(Crowded { retry_after: COME_BACK });
        }
        turns.all += 1;
        turns.inside.insert(Arc::clone(&tenant), inside + 1);
        drop(turns);
        Ok(Stay {
            long: self.clone(),
            tenant,
        })
    }

    /// Does a piece of work that is long when it is said to be, and otherwise at once.
    ///
    /// # Errors
    /// When it is long, and too many are at long work already.
    pub async fn when<T: Send + 'static>(
        &self,
        is_long: bool,
        tenant: &str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Crowded> {
        if !is_long {
            return Ok(work());
        }
        Ok(self.enter(tenant)?.piece(work).await)
    }
}

impl Stay {
    /// Waits for a turn, and does a piece of the work there. Whoever stops waiting before its turn has come leaves it undone.
    ///
    /// # Panics
    /// When the work does.
    pub async fn piece<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let place = self.place().await;
        let (answer, done) = oneshot::channel();
        let job = move || {
            // It is given back when the work has ended, even if nobody waits for that any more.
            let _place = place;
            if !answer.is_closed() {
                let done: Result<T, Box<dyn Any + Send>> = catch_unwind(AssertUnwindSafe(work));
                let _ = answer.send(done);
            }
        };
        let sent = self.long.0.jobs.send(Box::new(job));
        sent.expect("the threads run as long as there are places");
        match done.await.expect("what is sent to the threads is done") {
            Ok(done) => done,
            Err(panic) => resume_unwind(panic),
        }
    }

    async fn place(&self) -> Place {
        let turn = {
            let mut turns = self.long.0.turns();
            if turns.free > 0 {
                turns.free -= 1;
                return Place(Some(Arc::clone(&self.long.0)));
            }
            let (give, turn) = oneshot::channel();
            let queue = turns.waiting.entry(Arc::clone(&self.tenant)).or_default();
            let is_first = queue.is_empty();
            queue.push_back(give);
            if is_first {
                turns.order.push_back(Arc::clone(&self.tenant));
            }
            turn
        };
        turn.await.expect("everybody who waits has a turn at last")
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        let mut turns = self.long.0.turns();
        turns.all -= 1;
        if let Some(inside) = turns.inside.get_mut(&self.tenant) {
            *inside -= 1;
            if *inside == 0 {
                turns.inside.remove(&self.tenant);
            }
        }
    }
}

impl Places {
    fn turns(&self) -> std::sync::MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a place on.
    fn free(self: &Arc<Self>) {
        let mut turns = self.turns();
        while let Some(next) = turns.next() {
            match next.send(Place(Some(Arc::clone(self)))) {
                Ok(()) => return,
                // It has just gone: what it would have given back is still here.
                Err(mut place) => place.0 = None,
            }
        }
        turns.free += 1;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(places) = self.0.take() {
            places.free();
        }
    }
}

/// Does whatever comes, until nothing can come any more.
fn work(jobs: &Mutex<Receiver<Job>>) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => job(),
            Err(_) => return,
        }
    }
}
