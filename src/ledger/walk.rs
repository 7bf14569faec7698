//! A history as far as it has been walked: kept, and walked on from there, in pieces that let others go first.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{Mutex, OwnedMutexGuard};

use super::Ledger;
use super::entry::Entry;
use super::error::LedgerError;
use super::history::Anchor;
use super::judge::Judge;
use super::long::{SLICE, Stay};
use super::memory::Held;
use super::page::{PAGE, read_page};
use super::read::{Reach, Reading};
use super::record::Envelope;

/// So many records are folded at once by whoever wants them, when the state is not large: it takes no longer than to wait for a turn.
pub(super) const FEW: usize = 20;

/// A state of so many events may take long to look through.
pub const LARGE: i64 = 2_000;

/// The history of a stream as far as it has been walked: the state there, and what was noted on the way. Whoever stops waiting for it
/// leaves it as far as it came, and the next one goes on from there. One at a time walks; the others find where it came to.
pub struct History<S, N>(Arc<Mutex<Walked<S, N>>>);

struct Walked<S, N> {
    held: Held<S>,
    notes: N,
    /// The version and position of the last record that was read, folded in or not.
    came_to: (i64, i64),
    /// The history that it was read from.
    known: Anchor,
    /// Not while a record is being folded in: a panic there leaves half of it.
    whole: bool,
}

impl<S, N> std::fmt::Debug for History<S, N> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("History").finish_non_exhaustive()
    }
}

impl<S, N> Clone for History<S, N> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S, N: Default> History<S, N> {
    /// One that has not been walked: from the state without events.
    pub fn new(empty: S) -> Self {
        Self(Arc::new(Mutex::new(Walked::new(empty))))
    }
}

impl<S, N: Default> Walked<S, N> {
    fn new(empty: S) -> Self {
        Self {
            held: Held::empty(empty),
            notes: N::default(),
            came_to: (0, 0),
            known: Anchor::beginning(),
            whole: true,
        }
    }
}

/// What was noted on a walk that has come to its end. The history stands still until this is dropped.
pub struct Noted<S, N>(OwnedMutexGuard<Walked<S, N>>);

impl<S, N> Noted<S, N> {
    /// The notes.
    pub fn notes(&mut self) -> &mut N {
        &mut self.0.notes
    }
}

impl<S, N> std::fmt::Debug for Noted<S, N> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Noted").finish_non_exhaustive()
    }
}

/// What a walk came to.
#[derive(Debug)]
pub enum Came<S, N> {
    /// To the end of what was to be read: the state there, the history that it was read from, and the notes.
    There(Reading<S>, Noted<S, N>),
    /// It had been further before: what was to be read is only a part of it.
    Past,
}

impl<J: Judge> Ledger<J> {
    /// Walks on through the history of a stream, to the end of what is to be read: `visit` sees each record with the state after it,
    /// and the notes. `walked` hears now and then how many bytes of memory it takes by now. A history is always walked with the same
    /// `visit`, and of what was decided by the same day.
    ///
    /// # Errors
    /// When the database does not answer, a record cannot be read, or too much long work waits already.
    pub async fn walk_on<N: Default + Send + 'static>(
        &self,
        (tenant, stream): (&str, &str),
        history: &History<J::State, N>,
        reach: &Reach,
        visit: impl Fn(&Envelope<'_>, &Entry, &J::State, &mut N) + Clone + Send + 'static,
        walked_to: impl Fn(u64),
    ) -> Result<Came<J::State, N>, LedgerError> {
        let mut stay = None;
        let mut walked = Arc::clone(&history.0).lock_owned().await;
        if !walked.whole {
            self.begin_anew(stream, &mut walked);
        }
        loop {
            let (version, position) = walked.came_to;
            if position > reach.up_to() {
                return Ok(Came::Past);
            }
            let (pool, known) = (self.store().pool(), walked.known);
            let page = read_page(pool, tenant, Some(stream), version, reach.up_to(), PAGE, &known).await?;
            if !page.held {
                self.losses.tell(tenant, &known);
                self.begin_anew(stream, &mut walked);
                continue;
            }
            walked.known = page.known;
            let more = page.more;
            let few = page.entries.len() <= FEW && version < LARGE;
            let mut left = page.entries.into_iter();
            while !left.as_slice().is_empty() {
                let (judge, reach, visit) = (Arc::clone(&self.judge), reach.clone(), visit.clone());
                // Whoever stops waiting leaves the piece to its end, and the history locked until then.
                let piece = move || {
                    let folded = walked.fold(&*judge, &mut left, &reach, &visit);
                    (walked, left, folded)
                };
                let folded;
                (walked, left, folded) = if few {
                    piece()
                } else {
                    self.at(&mut stay, tenant)?.piece(piece).await
                };
                folded?;
                walked_to(walked.held.bytes);
            }
            if !more {
                let reading = Reading {
                    state: Arc::clone(&walked.held.state),
                    known: walked.known,
                };
                return Ok(Came::There(reading, Noted(walked)));
            }
        }
    }

    fn begin_anew<N: Default>(&self, stream: &str, walked: &mut Walked<J::State, N>) {
        if let Some(empty) = self.judge().empty(stream) {
            *walked = Walked::new(empty);
        }
    }

    /// Begins long work when it was not begun.
    fn at<'a>(&self, stay: &'a mut Option<Stay>, tenant: &str) -> Result<&'a Stay, LedgerError> {
        match stay {
            Some(stay) => Ok(stay),
            None => Ok(stay.insert(self.long().enter(tenant)?)),
        }
    }

    /// Folds what came after the state of a stream, up to a position: what is much, in turns with others. `known` is the history that
    /// the state is of; afterwards it is where that history has come to.
    pub(super) async fn fold_far(
        &self,
        (tenant, stream): (&str, &str),
        mut held: Held<J::State>,
        known: &mut Anchor,
        up_to: i64,
    ) -> Result<Held<J::State>, LedgerError> {
        let mut stay = None;
        loop {
            let version = self.judge().version(&held.state);
            let page = read_page(self.store().pool(), tenant, Some(stream), version, up_to, PAGE, known).await?;
            if !page.held {
                return Err(LedgerError::HistoryLost {
                    position: known.position,
                });
            }
            *known = page.known;
            if page.entries.len() <= FEW && version < LARGE {
                page.fold_into(self.judge(), &mut held)?;
                return Ok(held);
            }
            let more = page.more;
            let mut left = page.entries.into_iter();
            while !left.as_slice().is_empty() {
                let judge = Arc::clone(&self.judge);
                let piece = move || {
                    let until = Instant::now() + SLICE;
                    for entry in left.by_ref() {
                        held.fold(&*judge, &entry)?;
                        if Instant::now() >= until {
                            break;
                        }
                    }
                    Ok::<_, LedgerError>((held, left))
                };
                (held, left) = self.at(&mut stay, tenant)?.piece(piece).await?;
            }
            if !more {
                return Ok(held);
            }
        }
    }
}

impl<S: Clone, N> Walked<S, N> {
    /// Folds records in, for no longer than a slice.
    fn fold<J: Judge<State = S>>(
        &mut self,
        judge: &J,
        records: &mut impl Iterator<Item = Entry>,
        reach: &Reach,
        visit: &impl Fn(&Envelope<'_>, &Entry, &S, &mut N),
    ) -> Result<(), LedgerError> {
        let until = Instant::now() + SLICE;
        for entry in records {
            entry.follows(self.came_to.0)?;
            let envelope = entry.envelope()?;
            if reach.includes(&envelope.effective_date) {
                self.whole = false;
                entry.fold(&envelope, judge, Arc::make_mut(&mut self.held.state))?;
                visit(&envelope, &entry, &self.held.state, &mut self.notes);
                self.held.bytes += entry.record.len() as u64;
                self.whole = true;
            }
            self.came_to = (entry.version, entry.position);
            if Instant::now() >= until {
                break;
            }
        }
        Ok(())
    }
}
