//! The states of streams in memory, shared by the writers and the readers.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use quick_cache::sync::Cache;
use quick_cache::{DefaultHashBuilder, Lifecycle, OptionsBuilder, Weighter};

/// A tenant and one of its streams.
pub(super) type Key = (Arc<str>, Arc<str>);

/// What is kept of a stream.
enum Kept<S> {
    /// Nothing yet, or nothing any more.
    Nothing,
    /// Its state at a version.
    State(i64, Arc<S>),
    /// A writer has it, and gives it back when its transaction has ended.
    Lent,
}

/// The place of one stream. What is taken out of the cache is still in it, so the state lies one step behind: whoever takes that out
/// holds it alone.
struct Place<S> {
    kept: Mutex<Kept<S>>,
    /// How many events the cache believes are in it.
    weight: u32,
}

/// States of streams, each a fold of the stream's first events: never wrong, but maybe not the newest. Whoever uses one asks the
/// database for what came after its version.
pub(super) struct States<S: Send + Sync + 'static>(Arc<Streams<S>>);

type Streams<S> = Cache<Key, Arc<Place<S>>, ByEvents, DefaultHashBuilder, FreedLater>;

/// Weighs places by what the cache is to believe is in them.
#[derive(Clone)]
struct ByEvents;

impl<S> Weighter<Key, Arc<Place<S>>> for ByEvents {
    fn weight(&self, _: &Key, place: &Arc<Place<S>>) -> u64 {
        place.weight.into()
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
/// where that would be less than so many events.
const PARTS: u64 = 8;
const LEAST_SHARE: u64 = 250_000;

/// How many streams there may well be.
const STREAMS: usize = 16_384;

/// How often a reader looks at the least whether a writer has given a state back before it folds its own, and how many events are
/// folded about as fast as it looks again.
const LOOKS: u32 = 20;
const BETWEEN_LOOKS: Duration = Duration::from_millis(2);
const EVENTS_A_LOOK: u32 = 200;

impl<S: Send + Sync + 'static> std::fmt::Debug for States<S> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("States")
            .field("streams", &self.0.len())
            .finish()
    }
}

impl<S: Send + Sync + 'static> Clone for States<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> Place<S> {
    fn with<T>(&self, look: impl FnOnce(&mut Kept<S>) -> T) -> T {
        look(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<S: Send + Sync + 'static> States<S> {
    /// Room for states that this many events were folded into, all together.
    pub(super) fn new(events: u64) -> Self {
        let options = OptionsBuilder::new()
            .shards(usize::try_from((events / LEAST_SHARE).clamp(1, PARTS)).expect("a few"))
            .estimated_items_capacity(STREAMS)
            .weight_capacity(events)
            .build()
            .expect("all that must be set is");
        Self(Arc::new(Cache::with_options(
            options,
            ByEvents,
            DefaultHashBuilder::default(),
            FreedLater,
        )))
    }

    /// The state that is kept, for reading. One that a writer has is waited for, about as long as it takes to fold it anew.
    pub(super) async fn get(&self, key: &Key) -> Option<(i64, Arc<S>)> {
        for look in 0.. {
            let place = self.0.get(key)?;
            let found = place.with(|kept| match kept {
                Kept::Nothing => Some(None),
                Kept::State(version, state) => Some(Some((*version, Arc::clone(state)))),
                Kept::Lent => None,
            });
            match found {
                Some(found) => return found,
                None if look >= LOOKS + place.weight / EVENTS_A_LOOK => return None,
                None => tokio::time::sleep(BETWEEN_LOOKS).await,
            }
        }
        None
    }

    /// Takes the state out, for a writer: who holds it alone can change it in place instead of copying it.
    pub(super) fn lend(&self, key: &Key) -> Option<(i64, Arc<S>)> {
        self.0.get(key)?.with(|kept| match std::mem::replace(kept, Kept::Lent) {
            Kept::State(version, state) => Some((version, state)),
            Kept::Nothing | Kept::Lent => None,
        })
    }

    /// Keeps a state, unless a newer one is kept.
    pub(super) fn keep(&self, key: Key, version: i64, state: Arc<S>) {
        let weight = u32::try_from(version).unwrap_or(u32::MAX).saturating_add(1);
        if let Some(place) = self.0.get(&key)
            && weight / 2 <= place.weight
        {
            place.with(|kept| match kept {
                Kept::State(kept, _) if *kept >= version => {}
                _ => *kept = Kept::State(version, state),
            });
            return;
        }
        // New, or grown to twice what the cache believes: weighed (again).
        let newer = |place: &Arc<Place<S>>| place.with(|kept| matches!(kept, Kept::State(kept, _) if *kept >= version));
        if !self.0.get(&key).is_some_and(|place| newer(&place)) {
            self.0.insert(
                key,
                Arc::new(Place {
                    kept: Mutex::new(Kept::State(version, state)),
                    weight,
                }),
            );
        }
    }

    /// Forgets those of these states that were lent and not given back.
    pub(super) fn settle(&self, lent: impl IntoIterator<Item = Key>) {
        for key in lent {
            if let Some(place) = self.0.get(&key) {
                place.with(|kept| {
                    if matches!(kept, Kept::Lent) {
                        *kept = Kept::Nothing;
                    }
                });
            }
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        self.0.clear();
    }
}
