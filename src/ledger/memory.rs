//! The states of streams in memory, shared by the writers and the readers, bounded in bytes per tenant and in all.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use quick_cache::sync::Cache;
use quick_cache::{DefaultHashBuilder, Lifecycle, OptionsBuilder, Weighter};

use super::entry::Entry;
use super::history::Anchor;
use super::judge::{Judge, Unreadable};
use super::shares::{Shares, Taken};

/// A tenant and one of its streams.
pub(super) type Key = (Arc<str>, Arc<str>);

/// A state, and how many bytes of records were folded into it: about what it takes in memory.
#[derive(Debug)]
pub(super) struct Held<S> {
    pub state: Arc<S>,
    pub bytes: u64,
}

impl<S> Clone for Held<S> {
    fn clone(&self) -> Self {
        Self {
            state: Arc::clone(&self.state),
            bytes: self.bytes,
        }
    }
}

impl<S> Held<S> {
    /// The state of a stream without events.
    pub(super) fn empty(state: S) -> Self {
        Self {
            state: Arc::new(state),
            bytes: 0,
        }
    }

    /// Folds a record into it.
    pub(super) fn fold<J: Judge<State = S>>(&mut self, judge: &J, entry: &Entry) -> Result<(), Unreadable>
    where
        S: Clone,
    {
        entry.fold_into(judge, Arc::make_mut(&mut self.state))?;
        self.bytes += entry.record.len() as u64;
        Ok(())
    }
}

/// A state that is kept.
#[derive(Debug)]
pub(super) struct Kept<S> {
    pub version: i64,
    pub held: Held<S>,
    /// The history that it is of.
    pub known: Anchor,
    /// The unbroken line of one writer's appends to which it belongs; 0 when a reader has made it.
    pub line: u64,
}

impl<S> Clone for Kept<S> {
    fn clone(&self) -> Self {
        Self {
            version: self.version,
            held: self.held.clone(),
            known: self.known,
            line: self.line,
        }
    }
}

/// What is kept of a stream.
enum Slot<S> {
    /// Nothing yet, or nothing any more.
    Nothing,
    /// Its state at a version.
    State(Kept<S>),
    /// A writer has it, and gives it back when its transaction has ended.
    Lent,
}

/// The place of one stream. What is taken out of the cache is still in it, so the state lies one step behind: whoever takes that out
/// holds it alone.
struct Place<S> {
    slot: Mutex<Slot<S>>,
    /// How many bytes the cache believes are in it.
    taken: Taken,
}

/// States of streams, each a fold of the stream's first events in some history. Whoever uses one asks the database whether its history
/// is that one, and for what came after its version.
pub(super) struct States<S: Send + Sync + 'static>(Arc<Streams<S>>);

struct Streams<S> {
    cache: Cache<Key, Arc<Place<S>>, ByBytes, DefaultHashBuilder, FreedLater>,
    shares: Shares,
}

/// Weighs places by what the cache is to believe is in them.
#[derive(Clone)]
struct ByBytes;

impl<S> Weighter<Key, Arc<Place<S>>> for ByBytes {
    fn weight(&self, _: &Key, place: &Arc<Place<S>>) -> u64 {
        place.taken.bytes
    }
}

/// Keeps what is dropped until the lock is free again: to free many states takes long.
#[derive(Clone)]
struct FreedLater;

impl<K, V> Lifecycle<K, V> for FreedLater {
    type RequestState = Vec<V>;

    fn on_evict(&self, dropped: &mut Vec<V>, _: K, value: V) {
        dropped.push(value);
    }
}

/// The cache is locked in so many parts at the most. None keeps a state that is heavier than its share of the room, so there are fewer
/// where that would be less than so many bytes.
const PARTS: u64 = 8;
const LEAST_SHARE: u64 = 64 * 1024 * 1024;

/// What a state weighs at the least, in bytes: its place, its names, and the tables in it.
const LEAST_WEIGHT: u64 = 1_024;

/// How many streams there may well be.
const STREAMS: usize = 16_384;

/// How often a reader looks at the least whether a writer has given a state back before it folds its own, and how many bytes are
/// folded about as fast as it looks again.
const LOOKS: u64 = 20;
const BETWEEN_LOOKS: Duration = Duration::from_millis(2);
const BYTES_A_LOOK: u64 = 100_000;

impl<S: Send + Sync + 'static> std::fmt::Debug for States<S> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("States")
            .field("streams", &self.0.cache.len())
            .finish()
    }
}

impl<S: Send + Sync + 'static> Clone for States<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> Place<S> {
    fn with<T>(&self, look: impl FnOnce(&mut Slot<S>) -> T) -> T {
        look(&mut self.slot.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<S: Send + Sync + 'static> States<S> {
    /// Room for states of this many bytes in all, and of one tenant.
    pub(super) fn new(bytes: u64, per_tenant: u64) -> Self {
        let options = OptionsBuilder::new()
            .shards(usize::try_from((bytes / LEAST_SHARE).clamp(1, PARTS)).expect("a few"))
            .estimated_items_capacity(STREAMS)
            .weight_capacity(bytes)
            .build()
            .expect("all that must be set is");
        Self(Arc::new(Streams {
            cache: Cache::with_options(options, ByBytes, DefaultHashBuilder::default(), FreedLater),
            shares: Shares::new(per_tenant),
        }))
    }

    fn place(&self, key: &Key) -> Option<Arc<Place<S>>> {
        self.0.cache.get(key)
    }

    /// The state that is kept, for reading. One that a writer has is waited for, about as long as it takes to fold it anew.
    pub(super) async fn get(&self, key: &Key) -> Option<Kept<S>> {
        for look in 0.. {
            let place = self.place(key)?;
            let found = place.with(|slot| match slot {
                Slot::Nothing => Some(None),
                Slot::State(kept) => Some(Some(kept.clone())),
                Slot::Lent => None,
            });
            match found {
                Some(found) => return found,
                None if look >= LOOKS + place.taken.bytes / BYTES_A_LOOK => return None,
                None => tokio::time::sleep(BETWEEN_LOOKS).await,
            }
        }
        None
    }

    /// Takes the state out, for a writer: who holds it alone can change it in place instead of copying it.
    pub(super) fn lend(&self, key: &Key) -> Option<Kept<S>> {
        self.place(key)?.with(|slot| match std::mem::replace(slot, Slot::Lent) {
            Slot::State(kept) => Some(kept),
            Slot::Nothing | Slot::Lent => None,
        })
    }

    /// Keeps a state, unless a newer one is kept.
    pub(super) fn keep(&self, key: Key, state: Kept<S>) {
        let weight = state.held.bytes.saturating_add(LEAST_WEIGHT);
        let newer = |slot: &Slot<S>| matches!(slot, Slot::State(kept) if kept.version >= state.version && kept.line >= state.line);
        if let Some(place) = self.place(&key) {
            if place.with(|slot| newer(slot)) {
                return;
            }
            if weight / 5 <= place.taken.bytes / 4 {
                return place.with(|slot| *slot = Slot::State(state));
            }
        }
        // New, or grown by a quarter of what the cache believes: weighed (again).
        let taken = self.0.shares.take(&key.0, &key.1, weight);
        let tenant = Arc::clone(&key.0);
        let slot = Mutex::new(Slot::State(state));
        self.0.cache.insert(key, Arc::new(Place { slot, taken }));
        while let Some((number, stream)) = self.0.shares.next_to_go(&tenant) {
            let gone = |place: &Arc<Place<S>>| place.taken.number == number;
            self.0.cache.remove_if(&(Arc::clone(&tenant), stream), gone);
        }
    }

    /// Forgets a state whose history is not the database's.
    pub(super) fn forget(&self, key: &Key, known: &Anchor) {
        if let Some(place) = self.place(key) {
            place.with(|slot| {
                if matches!(slot, Slot::State(kept) if kept.known == *known) {
                    *slot = Slot::Nothing;
                }
            });
        }
    }

    /// Forgets those of these states that were lent and not given back.
    pub(super) fn settle(&self, lent: impl IntoIterator<Item = Key>) {
        for key in lent {
            if let Some(place) = self.place(&key) {
                place.with(|slot| {
                    if matches!(slot, Slot::Lent) {
                        *slot = Slot::Nothing;
                    }
                });
            }
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        self.0.cache.clear();
    }
}
