//! The states of streams in memory, shared by the writers and the readers.

use std::sync::Arc;

use moka::ops::compute::Op;
use moka::sync::Cache;

/// A tenant and one of its streams.
pub(super) type Key = (Arc<str>, Arc<str>);

/// States of streams, each a fold of the stream's first events: never wrong, but maybe not the newest. Whoever uses one asks the
/// database for what came after its version.
#[derive(Debug)]
pub(super) struct States<S: Send + Sync + 'static>(Cache<Key, (i64, Arc<S>)>);

impl<S: Send + Sync + 'static> Clone for States<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S: Send + Sync + 'static> States<S> {
    /// Room for states that this many events were folded into, all together.
    pub(super) fn new(events: u64) -> Self {
        let weigh = |_: &Key, (version, _): &(i64, Arc<S>)| u32::try_from(version + 1).unwrap_or(u32::MAX);
        Self(Cache::builder().max_capacity(events).weigher(weigh).build())
    }

    pub(super) fn get(&self, key: &Key) -> Option<(i64, Arc<S>)> {
        self.0.get(key)
    }

    /// Keeps a state, unless a newer one is kept.
    pub(super) fn keep(&self, key: Key, version: i64, state: Arc<S>) {
        self.0.entry(key).and_compute_with(|kept| match kept {
            Some(kept) if kept.value().0 >= version => Op::Nop,
            _ => Op::Put((version, state)),
        });
    }
}
