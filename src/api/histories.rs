//! Histories that were walked for an answer, kept to be walked on for the next one: since when findings stand, and what had been decided
//! by a day.

use std::sync::Arc;

use quick_cache::sync::Cache;
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter, sync::DefaultLifecycle};
use time::OffsetDateTime;

use super::failure::Failure;
use crate::domain::{State, Stream, Suspicion, Watch};
use crate::ledger::{Anchor, Came, Entry, Envelope, History, LARGE, Ledger, Noted, Reach, Reading};
use crate::rules::Rules;

/// A finding, and the position and time of the event since which it stands.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    pub found: Suspicion,
    pub position: i64,
    pub time: OffsetDateTime,
}

/// All findings in a stream as far as it was read.
#[derive(Debug)]
pub(super) struct Found {
    pub all: Vec<Standing>,
    /// The position of the last event.
    pub position: i64,
    /// The history that it was read from.
    pub known: Anchor,
}

/// What is noted on a walk for findings.
#[derive(Default)]
struct Notes {
    watch: Option<Watch>,
    /// When the records were recorded, by their positions.
    times: Vec<(i64, OffsetDateTime)>,
    /// What was found last, and is found as long as nothing comes after it.
    found: Option<Arc<Found>>,
}

impl Notes {
    fn time_of(&self, position: i64) -> OffsetDateTime {
        let place = self.times.binary_search_by_key(&position, |(position, _)| *position);
        place.map_or(OffsetDateTime::UNIX_EPOCH, |place| self.times[place].1)
    }

    /// Everything that is found after the last record.
    fn found(&mut self, reading: &Reading<State>) -> Arc<Found> {
        let position = reading.state.position();
        if let Some(found) = self.found.as_ref().filter(|found| found.position == position) {
            return Arc::clone(found);
        }
        let standing = self.watch.iter().flat_map(|watch| watch.standing(&reading.state));
        let all = standing.map(|standing| Standing {
            position: standing.since,
            time: self.time_of(standing.since),
            found: standing.found,
        });
        let found = Arc::new(Found {
            all: all.collect(),
            position,
            known: reading.known,
        });
        self.found = Some(Arc::clone(&found));
        found
    }
}

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

/// About so many bytes a finding takes that was told.
const FINDING: u64 = 300;

/// From so many findings on, they are kept for the pages after the first.
const SEVERAL_PAGES: usize = 100;

impl Weighter<Key, Kept> for ByBytes {
    fn weight(&self, key: &Key, kept: &Kept) -> u64 {
        // What follows the findings takes about as much as the state.
        kept.bytes * if key.findings_on.is_some() { 2 } else { 1 }
    }
}

impl Weighter<(Key, i64), Arc<Found>> for ByBytes {
    fn weight(&self, _: &(Key, i64), found: &Arc<Found>) -> u64 {
        LEAST + FINDING * found.all.len() as u64
    }
}

type Store<K, V> = Cache<K, V, ByBytes>;

/// The histories that are kept, as long as they take no more memory than they may all together.
pub(super) struct Histories {
    walked: Store<Key, Kept>,
    /// What was told as of a position, for the pages after the first.
    told: Store<(Key, i64), Arc<Found>>,
}

impl std::fmt::Debug for Histories {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Histories")
            .field("kept", &self.walked.len())
            .finish_non_exhaustive()
    }
}

/// A store of so many bytes, in one part, so that a single one may take all of the room.
fn store<K: Eq + std::hash::Hash, V: Clone>(bytes: u64) -> Store<K, V>
where
    ByBytes: Weighter<K, V>,
{
    let options = OptionsBuilder::new()
        .shards(1)
        .estimated_items_capacity(HISTORIES)
        .weight_capacity(bytes)
        .build()
        .expect("all that must be set is");
    let hasher = DefaultHashBuilder::default();
    Cache::with_options(options, ByBytes, hasher, DefaultLifecycle::default())
}

impl Histories {
    /// With room for so many bytes.
    pub(super) fn new(bytes: u64) -> Self {
        let told = bytes / 8;
        Self {
            walked: store(bytes - told),
            told: store(told),
        }
    }

    /// The state of a stream as far as it is read, of what was decided by a day; none when there are no such streams.
    pub(super) async fn state(
        &self,
        ledger: &Ledger<Rules>,
        (tenant, stream): (&str, &Stream),
        reach: &Reach,
    ) -> Result<Option<Reading<State>>, Failure> {
        let key = Key::of(tenant, stream, reach, None);
        let walked = self.walk(ledger, (key, stream), reach, |_, _, _, _| {}).await?;
        Ok(walked.map(|(reading, _)| reading))
    }

    /// Whether the stream was walked for findings, seen on that day.
    pub(super) fn has_walked(&self, (tenant, stream): (&str, &Stream), (reach, today): (&Reach, &str)) -> bool {
        let key = Key::of(tenant, stream, reach, Some(today));
        self.walked.peek(&key).is_some()
    }

    /// What the rules find in a stream as far as it is read, seen on a day, each with since when it has been there all along; none when
    /// there are no such streams.
    pub(super) async fn findings(
        &self,
        ledger: &Ledger<Rules>,
        (tenant, stream): (&str, &Stream),
        (reach, today): (&Reach, &str),
    ) -> Result<Option<Arc<Found>>, Failure> {
        let key = Key::of(tenant, stream, reach, Some(today));
        if let Some(position) = reach.position
            && let Some(found) = self.told.get(&(key.clone(), position))
            && ledger.has(tenant, &found.known).await?
        {
            return Ok(Some(found));
        }
        let (aggregate, today) = (stream.aggregate, today.to_owned());
        let visit = move |envelope: &Envelope<'_>, entry: &Entry, state: &State, notes: &mut Notes| {
            if notes.watch.is_none() {
                notes.watch = Watch::new(aggregate, &today);
            }
            if let Some(watch) = &mut notes.watch {
                watch.after(state, entry.position, envelope.data.get());
                notes.times.push((entry.position, entry.recorded_at));
            }
        };
        let walked = self.walk(ledger, (key.clone(), stream), reach, visit).await?;
        let Some((reading, mut noted)) = walked else {
            return Ok(None);
        };
        let is_long = reading.state.version() >= LARGE;
        let find = move || noted.notes().found(&reading);
        let found = ledger.long().when(is_long, tenant, find).await?;
        if found.all.len() > SEVERAL_PAGES {
            self.told.insert((key, found.position), Arc::clone(&found));
        }
        Ok(Some(found))
    }

    /// Walks on through a history that is kept, or through one for this answer alone.
    async fn walk(
        &self,
        ledger: &Ledger<Rules>,
        (key, stream): (Key, &Stream),
        reach: &Reach,
        visit: impl Fn(&Envelope<'_>, &Entry, &State, &mut Notes) + Clone + Send + 'static,
    ) -> Result<Option<(Reading<State>, Noted<State, Notes>)>, Failure> {
        let Some(empty) = State::empty(stream.aggregate) else {
            return Ok(None);
        };
        let begin = || Kept {
            history: History::new(empty.clone()),
            bytes: LEAST,
        };
        let kept: Result<Kept, std::convert::Infallible> = self.walked.get_or_insert_with(&key, || Ok(begin()));
        let Ok(Kept { history, bytes }) = kept;
        let weighed = std::sync::atomic::AtomicU64::new(bytes);
        // Weighed again whenever it has doubled, also when nobody waits for its end.
        let grown = |bytes: u64| {
            use std::sync::atomic::Ordering::Relaxed;
            if bytes / 2 > weighed.load(Relaxed) {
                weighed.store(bytes, Relaxed);
                let history = history.clone();
                self.walked.insert(key.clone(), Kept { history, bytes });
            }
        };
        let asked = (key.tenant.as_str(), key.stream.as_str());
        match ledger.walk_on(asked, &history, reach, visit.clone(), grown).await? {
            Came::There(reading, noted) => return Ok(Some((reading, noted))),
            Came::Past => {}
        }
        // As of a point that others have gone past.
        match ledger.walk_on(asked, &begin().history, reach, visit, |_| {}).await? {
            Came::There(reading, noted) => Ok(Some((reading, noted))),
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
