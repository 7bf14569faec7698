//! The places among the requests that are worked on: shared out between tenants and between the callers of one, so that nobody takes
//! them all; and what a place is given up for when its caller does not read the answer.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tonic::Code;

use super::failure::Failure;
use super::identity::Caller;

/// How often it is looked at who does not read.
const LOOK: Duration = Duration::from_secs(1);

/// So slowly an answer may be read, on the whole: 16 KiB a second.
const LEAST_BYTES_A_MILLISECOND: u64 = 16;

/// When to come back.
const COME_BACK: Duration = Duration::from_millis(200);

/// How much there is, in all, of one tenant and of one caller.
#[derive(Clone, Copy, Debug)]
pub(super) struct Most {
    /// Requests, from when they are whole until their answer is written.
    pub requests: usize,
    /// How many requests of one tenant are worked on at once; the others of it wait their turn.
    pub at_once: usize,
    /// The same, while requests of another tenant come.
    pub in_company: usize,
    /// Bytes of answers that are not written yet, in all. One tenant may have half of it.
    pub answer_bytes: usize,
    /// How long a caller may take nothing of an answer that is there.
    pub unread: Duration,
}

/// The places. Cheap to clone.
#[derive(Clone)]
pub(super) struct Places(Arc<Inner>);

struct Inner {
    most: Most,
    taken: Mutex<Taken>,
    began: Instant,
}

#[derive(Default)]
struct Taken {
    /// Whose request came last, and until when it is not alone.
    last: Option<(String, Instant)>,
    requests: usize,
    answer_bytes: usize,
    tenants: HashMap<String, Share>,
    /// The answers that are being written, by number.
    written: HashMap<u64, Weak<Progress>>,
    next: u64,
}

struct Share {
    requests: usize,
    answer_bytes: usize,
    callers: HashMap<String, Own>,
    turns: Arc<Semaphore>,
}

impl Share {
    fn new(at_once: usize) -> Self {
        Self {
            requests: 0,
            answer_bytes: 0,
            callers: HashMap::new(),
            turns: Arc::new(Semaphore::new(at_once)),
        }
    }
}

/// What one caller of a tenant has, and its own turns: half of the tenant's.
struct Own {
    requests: usize,
    turns: Arc<Semaphore>,
}

impl Own {
    fn new(at_once: usize) -> Self {
        Self {
            requests: 0,
            turns: Arc::new(Semaphore::new(half(at_once))),
        }
    }
}

fn half(whole: usize) -> usize {
    whole.div_ceil(2)
}

/// A place among the requests, until this is dropped.
pub(super) struct Place {
    places: Places,
    caller: Arc<Caller>,
    /// The caller's turns, and those of its tenant.
    turns: [Arc<Semaphore>; 2],
    /// How much of each it takes.
    weights: [u32; 2],
}

/// Room for the bytes of an answer, until this is dropped.
pub(super) struct Room {
    places: Places,
    caller: Arc<Caller>,
    bytes: usize,
}

/// How an answer is being taken by its caller.
pub(super) struct Progress {
    places: Places,
    number: u64,
    /// When a part was handed over that has not been taken yet, in milliseconds since the service began, from 1; 0 when none waits.
    since: AtomicU64,
    /// How long all parts before it have waited, in milliseconds, and how many bytes were handed over.
    waited: AtomicU64,
    bytes: AtomicU64,
    cut: CancellationToken,
}

impl Places {
    /// With so much room.
    pub(super) fn new(most: Most) -> Self {
        let places = Self(Arc::new(Inner {
            most,
            taken: Mutex::default(),
            began: Instant::now(),
        }));
        tokio::spawn(look_after(Arc::downgrade(&places.0)));
        places
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a request of a caller.
    ///
    /// # Errors
    /// When all are taken, or those that its tenant or it may have: half of all, and half of those.
    pub(super) fn enter(&self, caller: &Arc<Caller>) -> Result<Place, Failure> {
        let most = self.0.most;
        let mut taken = self.taken();
        let weight = if taken.is_in_company(&caller.tenant) {
            most.at_once / most.in_company.clamp(1, most.at_once.max(1))
        } else {
            1
        };
        let all = taken.requests;
        let share = taken.share(&caller.tenant, most.at_once);
        let own = share.callers.get(&caller.subject).map_or(0, |own| own.requests);
        let whose = if own >= half(half(most.requests)) {
            "of yours"
        } else if share.requests >= half(most.requests) {
            "of your organisation"
        } else if all >= most.requests {
            "in all"
        } else {
            share.requests += 1;
            if !share.callers.contains_key(&caller.subject) {
                share.callers.insert(caller.subject.clone(), Own::new(most.at_once));
            }
            let own = share.callers.get_mut(&caller.subject);
            let own = own.expect("it was put in when it was not there");
            own.requests += 1;
            let turns = [Arc::clone(&own.turns), Arc::clone(&share.turns)];
            let weights = [weight.min(half(most.at_once)), weight].map(|weight| u32::try_from(weight).unwrap_or(1));
            taken.requests += 1;
            return Ok(Place {
                places: self.clone(),
                caller: Arc::clone(caller),
                turns,
                weights,
            });
        };
        taken.forget(&caller.tenant);
        let sentence = format!(
            "Too many requests {whose} are being worked on. Nothing of this one was recorded; send it again a little later."
        );
        Err(busy("SERVER_BUSY", sentence))
    }

    /// Room for so many bytes, of a request or of an answer.
    ///
    /// # Errors
    /// When too much is under way already, of this tenant or in all.
    pub(super) fn room(&self, caller: &Arc<Caller>, bytes: usize) -> Result<Room, Failure> {
        let most = self.0.most.answer_bytes;
        let mut taken = self.taken();
        let all = taken.answer_bytes + bytes;
        let share = taken.share(&caller.tenant, self.0.most.at_once);
        if all > most || share.answer_bytes + bytes > most / 2 {
            taken.forget(&caller.tenant);
            let sentence = "Too much of your organisation, or in all, is under way at once: large requests, or large answers that nobody has read yet. Read those that you have asked for, and send this again.";
            return Err(busy("TOO_MUCH_UNDER_WAY", sentence.to_owned()));
        }
        share.answer_bytes += bytes;
        taken.answer_bytes = all;
        Ok(Room {
            places: self.clone(),
            caller: Arc::clone(caller),
            bytes,
        })
    }

    /// Watches over an answer that is about to be written; `cut` ends it.
    pub(super) fn watch(&self, cut: CancellationToken) -> Arc<Progress> {
        let mut taken = self.taken();
        let number = taken.next;
        taken.next += 1;
        let progress = Arc::new(Progress {
            places: self.clone(),
            number,
            since: AtomicU64::new(self.now()),
            waited: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            cut,
        });
        taken.written.insert(number, Arc::downgrade(&progress));
        progress
    }

    fn now(&self) -> u64 {
        u64::try_from(self.0.began.elapsed().as_millis())
            .unwrap_or(u64::MAX)
            .max(1)
    }
}

/// Its turn did not come.
pub(super) fn no_turn() -> Failure {
    let sentence = "The requests of your organisation that came before this one took too long. Nothing of it was recorded; send it again a little later.";
    busy("SERVER_BUSY", sentence.to_owned())
}

fn busy(reason: &'static str, sentence: String) -> Failure {
    Failure {
        retry_after: Some(COME_BACK),
        ..Failure::new(Code::ResourceExhausted, reason, sentence)
    }
}

/// So long a tenant is taken to be in company after a request of another one.
const COMPANY: Duration = Duration::from_secs(1);

impl Taken {
    /// Whether requests of other tenants than this one, which has just come, have come lately.
    fn is_in_company(&mut self, tenant: &str) -> bool {
        match &mut self.last {
            Some((last, until)) if last == tenant => *until > Instant::now(),
            last => {
                let is_first = last.is_none();
                let until = Instant::now() + if is_first { Duration::ZERO } else { COMPANY };
                *last = Some((tenant.to_owned(), until));
                !is_first
            }
        }
    }

    /// What a tenant has. Its name is copied only when it had nothing.
    fn share(&mut self, tenant: &str, at_once: usize) -> &mut Share {
        if !self.tenants.contains_key(tenant) {
            self.tenants.insert(tenant.to_owned(), Share::new(at_once));
        }
        self.tenants
            .get_mut(tenant)
            .expect("it was put in when it was not there")
    }

    /// Forgets a tenant that has nothing any more.
    fn forget(&mut self, tenant: &str) {
        let idle = |share: &Share| share.requests == 0 && share.answer_bytes == 0;
        if self.tenants.get(tenant).is_some_and(idle) {
            self.tenants.remove(tenant);
        }
    }
}

impl Place {
    /// Waits until it is this request's turn, first among those of its caller and then among those of its tenant. The turn ends when
    /// what is answered is dropped.
    pub(super) async fn turn(&self) -> Option<[OwnedSemaphorePermit; 2]> {
        let ([own, all], [of_own, of_all]) = (&self.turns, self.weights);
        let own = Arc::clone(own).acquire_many_owned(of_own).await.ok()?;
        Some([own, Arc::clone(all).acquire_many_owned(of_all).await.ok()?])
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.requests -= 1;
        if let Some(share) = taken.tenants.get_mut(&self.caller.tenant) {
            share.requests -= 1;
            if let Some(own) = share.callers.get_mut(&self.caller.subject) {
                own.requests -= 1;
                if own.requests == 0 {
                    share.callers.remove(&self.caller.subject);
                }
            }
        }
        taken.forget(&self.caller.tenant);
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.answer_bytes -= self.bytes;
        if let Some(share) = taken.tenants.get_mut(&self.caller.tenant) {
            share.answer_bytes -= self.bytes;
        }
        taken.forget(&self.caller.tenant);
    }
}

impl Progress {
    /// A part of so many bytes has been handed over.
    pub(super) fn handed_over(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.since.store(self.places.now(), Ordering::Relaxed);
    }

    /// The caller asks for more.
    pub(super) fn asked_for(&self) {
        self.waited.fetch_add(self.waits(), Ordering::Relaxed);
        self.since.store(0, Ordering::Relaxed);
    }

    /// How long the last part has been waiting, in milliseconds.
    fn waits(&self) -> u64 {
        match self.since.load(Ordering::Relaxed) {
            0 => 0,
            since => self.places.now().saturating_sub(since),
        }
    }

    /// Whether a part has waited for so many milliseconds, or all of them for longer than what was handed over gives reason for: who
    /// takes a part just in time, each time, keeps its room as well.
    fn is_stalled(&self, limit: u64) -> bool {
        let waits = self.waits();
        let given = self.bytes.load(Ordering::Relaxed) / LEAST_BYTES_A_MILLISECOND;
        waits >= limit || self.waited.load(Ordering::Relaxed) + waits >= limit.saturating_add(given)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.places.taken().written.remove(&self.number);
    }
}

/// What one request was let in with: its handler says here how large its answer is, or that it goes on by itself.
pub(super) struct Admission {
    places: Places,
    caller: Arc<Caller>,
    /// The most bytes of one answer.
    most: usize,
    room: Mutex<Option<Room>>,
    is_stream: AtomicBool,
}

/// Smaller answers are not counted: there are no more of them than there are places.
const SMALL: usize = 64 * 1024;

impl Admission {
    pub(super) fn new(places: Places, caller: Arc<Caller>, most: usize) -> Self {
        Self {
            places,
            caller,
            most,
            room: Mutex::default(),
            is_stream: AtomicBool::new(false),
        }
    }

    /// The most bytes that the answer may have.
    pub(super) const fn most(&self) -> usize {
        self.most
    }

    /// An answer would have more bytes than it may.
    pub(super) fn too_large(most: usize) -> Failure {
        let sentence = format!(
            "The answer would have more than {most} bytes, and no answer has. Ask for it in parts: the lists (ListRisks, ListMilestones, …) come a page at a time."
        );
        Failure::new(Code::OutOfRange, "ANSWER_TOO_LARGE", sentence)
    }

    /// The answer has, or is about to have, so many bytes: what was said before is added to where that was less.
    ///
    /// # Errors
    /// When it is larger than an answer may be, or there is no room for it now.
    pub(super) fn answer(&self, bytes: usize) -> Result<(), Failure> {
        if bytes > self.most {
            return Err(Self::too_large(self.most));
        }
        let mut room = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        let had = room.as_ref().map_or(0, |room| room.bytes);
        if bytes > SMALL && bytes > had {
            let mut more = self.places.room(&self.caller, bytes - had)?;
            // The one that is left holds all of it.
            if let Some(had) = room.as_mut() {
                more.bytes += std::mem::take(&mut had.bytes);
            }
            *room = Some(more);
        }
        Ok(())
    }

    /// The answer is a stream, which is counted elsewhere.
    pub(super) fn is_a_stream(&self) {
        self.is_stream.store(true, Ordering::Relaxed);
    }

    /// What the answer holds until it is written.
    pub(super) fn held(&self, place: Place) -> (Option<Place>, Option<Room>) {
        let room = self.room.lock().unwrap_or_else(PoisonError::into_inner).take();
        (Some(place).filter(|_| !self.is_stream.load(Ordering::Relaxed)), room)
    }
}

/// Cuts off whoever takes nothing for too long, or too little, as long as there are places.
async fn look_after(places: Weak<Inner>) {
    loop {
        tokio::time::sleep(LOOK).await;
        let Some(inner) = places.upgrade() else { return };
        let places = Places(inner);
        let limit = u64::try_from(places.0.most.unread.as_millis()).unwrap_or(u64::MAX);
        // Taken out first: to let go of one may take the lock.
        let all: Vec<_> = places.taken().written.values().filter_map(Weak::upgrade).collect();
        for progress in all {
            if progress.is_stalled(limit) {
                tracing::info!("an answer was cut off: it was read too slowly, or not at all");
                progress.cut.cancel();
            }
        }
    }
}
