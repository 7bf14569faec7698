//! Histories that were walked for an answer, kept to be walked on for the next one: since when findings stand, and what had been decided
//! by a day.

use std::collections::HashMap;
use std::sync::Arc;

use quick_cache::sync::Cache;
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter, sync::DefaultLifecycle};
use time::OffsetDateTime;

use super::failure::Failure;
use crate::domain::{Aggregated, State, Stream, Suspicion};
use crate::ledger::{Came, Entry, History, Ledger, Reach};
use crate::rules::Rules;

/// A finding, and the position and time of the event since which it stands.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    pub found: Suspicion,
    pub position: i64,
    pub time: OffsetDateTime,
}

/// What is noted on a walk: what stands after the last record.
type Notes = Arc<Vec<Standing>>;

/// What a history was walked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    tenant: String,
    stream: String,
    decided_by: Option<String>,
    /// The day that findings are seen on; none when only the state is wanted.
    findings_on: Option<String>,
}

#[derive(Clone)]
struct Kept {
    history: History<State, Notes>,
    bytes: u64,
}

/// Weighs a history by the memory that it takes.
#[derive(Clone)]
struct ByBytes;

/// About so many bytes a history takes that has hardly been walked.
const LEAST: u64 = 4_096;

/// How many histories there may well be.
const HISTORIES: usize = 1_024;

impl Weighter<Key, Kept> for ByBytes {
    fn weight(&self, _: &Key, kept: &Kept) -> u64 {
        kept.bytes
    }
}

/// The histories that are kept, as long as they take no more memory than they may all together.
pub(super) struct Histories(Cache<Key, Kept, ByBytes>);

impl std::fmt::Debug for Histories {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Histories")
            .field("kept", &self.0.len())
            .finish()
    }
}

impl Histories {
    /// With room for so many bytes.
    pub(super) fn new(bytes: u64) -> Self {
        // In one part, so that a single one may take all of the room.
        let options = OptionsBuilder::new()
            .shards(1)
            .estimated_items_capacity(HISTORIES)
            .weight_capacity(bytes)
            .build()
            .expect("all that must be set is");
        let hasher = DefaultHashBuilder::default();
        Self(Cache::with_options(
            options,
            ByBytes,
            hasher,
            DefaultLifecycle::default(),
        ))
    }

    /// The state of a stream as far as it is read, of what was decided by a day; none when there are no such streams.
    pub(super) async fn state(
        &self,
        ledger: &Ledger<Rules>,
        (tenant, stream): (&str, &Stream),
        reach: &Reach,
    ) -> Result<Option<Arc<State>>, Failure> {
        let key = Key::of(tenant, stream, reach, None);
        let walked = self.walk(ledger, key, stream, reach, |_, _, _| {}).await?;
        Ok(walked.map(|(state, _)| state))
    }

    /// The state of a stream as far as it is read, and what the rules find in it, seen on a day, each with since when it has been there
    /// all along; none when there are no such streams.
    pub(super) async fn findings<S: Aggregated + 'static>(
        &self,
        ledger: &Ledger<Rules>,
        (tenant, stream): (&str, &Stream),
        (reach, today): (&Reach, &str),
        find: fn(&S, &str) -> Vec<Suspicion>,
    ) -> Result<Option<(Arc<State>, Notes)>, Failure> {
        let key = Key::of(tenant, stream, reach, Some(today));
        let today = today.to_owned();
        let visit = move |entry: &Entry, state: &State, standing: &mut Notes| {
            if let Some(state) = S::of(state) {
                note(entry, find(state, &today), standing);
            }
        };
        self.walk(ledger, key, stream, reach, visit).await
    }

    async fn walk(
        &self,
        ledger: &Ledger<Rules>,
        key: Key,
        stream: &Stream,
        reach: &Reach,
        visit: impl Fn(&Entry, &State, &mut Notes) + Clone + Send + 'static,
    ) -> Result<Option<(Arc<State>, Notes)>, Failure> {
        let Some(empty) = State::empty(stream.aggregate) else {
            return Ok(None);
        };
        let begin = || Kept {
            history: History::new(empty.clone()),
            bytes: LEAST,
        };
        let kept: Result<Kept, std::convert::Infallible> = self.0.get_or_insert_with(&key, || Ok(begin()));
        let Ok(Kept { history, bytes }) = kept;
        let weighed = std::sync::atomic::AtomicU64::new(bytes);
        // Weighed again whenever it has doubled, also when nobody waits for its end.
        let grown = |bytes: u64| {
            use std::sync::atomic::Ordering::Relaxed;
            if bytes / 2 > weighed.load(Relaxed) {
                weighed.store(bytes, Relaxed);
                let history = history.clone();
                self.0.insert(key.clone(), Kept { history, bytes });
            }
        };
        let asked = (key.tenant.as_str(), key.stream.as_str());
        match ledger.walk_on(asked, &history, reach, visit.clone(), grown).await? {
            Came::There(state, notes) => return Ok(Some((state, notes))),
            Came::Past => {}
        }
        // As of a point that others have gone past: walked for this answer alone.
        match ledger.walk_on(asked, &begin().history, reach, visit, |_| {}).await? {
            Came::There(state, notes) => Ok(Some((state, notes))),
            Came::Past => Ok(None),
        }
    }
}

impl Key {
    fn of(tenant: &str, stream: &Stream, reach: &Reach, findings_on: Option<&str>) -> Self {
        Self {
            tenant: tenant.to_owned(),
            stream: stream.to_string(),
            decided_by: reach.decided_by.clone(),
            findings_on: findings_on.map(str::to_owned),
        }
    }
}

/// Notes what is found after a record: what was found before it, too, stands since then.
fn note(entry: &Entry, found: Vec<Suspicion>, standing: &mut Notes) {
    if found.is_empty() && standing.is_empty() {
        return;
    }
    let before: HashMap<(&str, &[String]), (i64, OffsetDateTime)> = standing
        .iter()
        .map(|standing| (key(&standing.found), (standing.position, standing.time)))
        .collect();
    let since: Vec<(i64, OffsetDateTime)> = found
        .iter()
        .map(|found| {
            before
                .get(&key(found))
                .copied()
                .unwrap_or((entry.position, entry.recorded_at))
        })
        .collect();
    let now = found.into_iter().zip(since);
    *standing = Arc::new(
        now.map(|(found, (position, time))| Standing { found, position, time })
            .collect(),
    );
}

/// What makes it the same finding as before.
fn key(found: &Suspicion) -> (&str, &[String]) {
    (found.code, &found.entities)
}
