//! A history as far as it has been walked: kept, and walked on from there, in pieces that let others go first.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Mutex;

use super::Ledger;
use super::error::LedgerError;
use super::judge::Judge;
use super::long::{SLICE, Stay};
use super::read::{Entry, PAGE, Reach, read_page};

/// So many records are folded at once by whoever wants them, when the state is not large: it takes no longer than to wait for a turn.
pub(super) const FEW: usize = 20;

/// A state of so many events may take long to look through.
pub const LARGE: i64 = 2_000;

/// The history of a stream as far as it has been walked: the state there, and what was noted on the way. Whoever stops waiting for it
/// leaves it as far as it came, and the next one goes on from there. One at a time walks; the others find where it came to.
pub struct History<S, N>(Arc<Mutex<Walked<S, N>>>);

struct Walked<S, N> {
    state: Arc<S>,
    notes: N,
    /// The last record that was read, folded in or not.
    last: Option<Last>,
    /// How many bytes the records have that were folded in: about what the state takes in memory, or more.
    bytes: u64,
    /// Not while a record is being folded in: a panic there leaves half of it.
    whole: bool,
}

struct Last {
    version: i64,
    position: i64,
    leaf_hash: Vec<u8>,
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
            state: Arc::new(empty),
            notes: N::default(),
            last: None,
            bytes: 0,
            whole: true,
        }
    }
}

/// What a walk came to.
#[derive(Debug)]
pub enum Came<S, N> {
    /// To the end of what was to be read: the state there, and the notes.
    There(Arc<S>, N),
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
    pub async fn walk_on<N: Clone + Default + Send + 'static>(
        &self,
        (tenant, stream): (&str, &str),
        history: &History<J::State, N>,
        reach: &Reach,
        visit: impl Fn(&Entry, &J::State, &mut N) + Clone + Send + 'static,
        walked_to: impl Fn(u64),
    ) -> Result<Came<J::State, N>, LedgerError> {
        let mut stay = None;
        let mut walked = Arc::clone(&history.0).lock_owned().await;
        self.renew((tenant, stream), &mut walked).await?;
        loop {
            let (version, position) = walked.came_to();
            if position > reach.up_to() {
                return Ok(Came::Past);
            }
            let pool = self.store().pool();
            let page = read_page(pool, tenant, Some(stream), version, reach.up_to(), PAGE).await?;
            let full = page.len() >= usize::try_from(PAGE).unwrap_or(usize::MAX);
            let few = page.len() <= FEW && version < LARGE;
            let mut left = page.into_iter();
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
                walked_to(walked.bytes);
            }
            if !full {
                return Ok(Came::There(Arc::clone(&walked.state), walked.notes.clone()));
            }
        }
    }

    /// Begins long work when it was not begun.
    fn at<'a>(&self, stay: &'a mut Option<Stay>, tenant: &str) -> Result<&'a Stay, LedgerError> {
        match stay {
            Some(stay) => Ok(stay),
            None => Ok(stay.insert(self.long().enter(tenant)?)),
        }
    }

    /// Begins anew when the ledger does not have the record any more that came last: the database has come back without what it had
    /// confirmed.
    async fn renew<N: Default>(
        &self,
        (tenant, stream): (&str, &str),
        walked: &mut Walked<J::State, N>,
    ) -> Result<(), LedgerError> {
        let same = match &walked.last {
            None => true,
            Some(last) => {
                let (pool, before) = (self.store().pool(), last.version - 1);
                let there = read_page(pool, tenant, Some(stream), before, last.position, 1).await?;
                there.first().is_some_and(|there| there.leaf_hash == last.leaf_hash)
            }
        };
        if !(same && walked.whole)
            && let Some(empty) = self.judge().empty(stream)
        {
            *walked = Walked::new(empty);
        }
        Ok(())
    }

    /// Folds what came after the state of a stream, up to a position: what is much, in turns with others.
    pub(super) async fn fold_far(
        &self,
        tenant: &str,
        stream: &str,
        mut state: Arc<J::State>,
        up_to: i64,
    ) -> Result<Arc<J::State>, LedgerError> {
        let mut stay = None;
        loop {
            let version = self.judge().version(&state);
            let page = read_page(self.store().pool(), tenant, Some(stream), version, up_to, PAGE).await?;
            let full = page.len() >= usize::try_from(PAGE).unwrap_or(usize::MAX);
            if page.len() <= FEW && version < LARGE {
                let folded = Arc::make_mut(&mut state);
                for entry in &page {
                    entry.fold_into(self.judge(), folded)?;
                }
                return Ok(state);
            }
            if page.is_empty() {
                return Ok(state);
            }
            let mut left = page.into_iter();
            while !left.as_slice().is_empty() {
                let judge = Arc::clone(&self.judge);
                let piece = move || {
                    let until = Instant::now() + SLICE;
                    let folded = Arc::make_mut(&mut state);
                    for entry in left.by_ref() {
                        entry.fold_into(&*judge, folded)?;
                        if Instant::now() >= until {
                            break;
                        }
                    }
                    Ok::<_, LedgerError>((state, left))
                };
                (state, left) = self.at(&mut stay, tenant)?.piece(piece).await?;
            }
            if !full {
                return Ok(state);
            }
        }
    }
}

impl<S: Clone, N> Walked<S, N> {
    /// The version and position of the last record that was read.
    fn came_to(&self) -> (i64, i64) {
        self.last.as_ref().map_or((0, 0), |last| (last.version, last.position))
    }

    /// Folds records in, for no longer than a slice.
    fn fold<J: Judge<State = S>>(
        &mut self,
        judge: &J,
        records: &mut impl Iterator<Item = Entry>,
        reach: &Reach,
        visit: &impl Fn(&Entry, &S, &mut N),
    ) -> Result<(), LedgerError> {
        let until = Instant::now() + SLICE;
        for entry in records {
            entry.follows(self.came_to().0)?;
            let envelope = entry.envelope()?;
            if reach.includes(&envelope.effective_date) {
                self.whole = false;
                entry.fold(&envelope, judge, Arc::make_mut(&mut self.state))?;
                visit(&entry, &self.state, &mut self.notes);
                self.bytes += entry.record.len() as u64;
                self.whole = true;
            }
            self.last = Some(Last {
                version: entry.version,
                position: entry.position,
                leaf_hash: entry.leaf_hash,
            });
            if Instant::now() >= until {
                break;
            }
        }
        Ok(())
    }
}
