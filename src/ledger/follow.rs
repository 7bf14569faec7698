//! Following a ledger: whoever is behind reads pages of its own, and whoever stands at the head is fed, with all others, from one reading.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::broadcast::{self, error::RecvError};
use tracing::warn;

use super::Ledger;
use super::entry::Entry;
use super::error::LedgerError;
use super::history::Anchor;
use super::judge::Judge;
use super::page::Size;
use super::record::Hash;
use super::signal::Appended;

/// What a follower is sent at a time: no more of a ledger is in memory for it.
const PAGE: Size = Size {
    records: 500,
    bytes: 64 << 10,
};

/// How many pages a feed keeps for those who are a little slower than others.
const KEPT_PAGES: usize = 8;

/// A feed looks at the ledger at least so often, told of something or not: a history may be lost in silence.
const LOOK: Duration = Duration::from_millis(500);

/// So many of the records that a follower was sent last are remembered by their leaf hashes, each of them and then every so many.
const REMEMBERED: usize = 64;

/// The feeds that somebody follows, by tenant.
#[derive(Clone, Debug, Default)]
pub(super) struct Feeds(Arc<Mutex<HashMap<Arc<str>, Weak<Feed>>>>);

/// The one reading of a tenant's ledger for all who stand at its head. It ends when nobody does any more.
#[derive(Debug)]
struct Feed {
    /// How far it has come.
    position: AtomicI64,
    pages: broadcast::Sender<Fed>,
}

/// What is fed.
#[derive(Clone, Debug)]
enum Fed {
    /// The records after a position, in order, and where the history had come to when they were read.
    Page(Arc<FedPage>),
    /// The history is another.
    Lost(i64),
}

#[derive(Debug)]
struct FedPage {
    after: i64,
    entries: Vec<Arc<Entry>>,
    known: Anchor,
}

/// Somebody who follows a tenant's ledger, or one stream of it.
#[derive(Debug)]
pub struct Follower<J: Judge> {
    ledger: Ledger<J>,
    tenant: Arc<str>,
    stream: Option<String>,
    /// The position that it has come to.
    after: i64,
    known: Anchor,
    fed: Option<(Arc<Feed>, broadcast::Receiver<Fed>)>,
    /// The history that it read by itself, until the feed is known to be of the same.
    unsure: Option<Anchor>,
    passed: Passed,
}

impl<J: Judge> Ledger<J> {
    /// Follows the ledger of a tenant, or one stream of it, from after a position on.
    #[must_use]
    pub fn follower(&self, tenant: &str, stream: Option<String>, after: i64) -> Follower<J> {
        Follower {
            ledger: self.clone(),
            tenant: Arc::from(tenant),
            stream,
            after,
            known: Anchor::beginning(),
            fed: None,
            unsure: None,
            passed: Passed::default(),
        }
    }

    /// The feed of a tenant, begun when nobody follows it yet.
    async fn feed(&self, tenant: &Arc<str>) -> Result<Arc<Feed>, LedgerError> {
        if let Some(feed) = self.feeds.get(tenant) {
            return Ok(feed);
        }
        let known = self
            .head(tenant)
            .await?
            .map_or_else(Anchor::beginning, |head| head.known);
        let mut feeds = self.feeds.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(feed) = feeds.get(tenant).and_then(Weak::upgrade) {
            return Ok(feed);
        }
        let feed = Arc::new(Feed {
            position: AtomicI64::new(known.position),
            pages: broadcast::Sender::new(KEPT_PAGES),
        });
        feeds.retain(|_, feed| feed.strong_count() > 0);
        feeds.insert(Arc::clone(tenant), Arc::downgrade(&feed));
        tokio::spawn(self.clone().run_feed(Arc::clone(tenant), Arc::downgrade(&feed), known));
        Ok(feed)
    }

    /// Reads each new page once, for all.
    async fn run_feed(self, tenant: Arc<str>, feed: Weak<Feed>, mut known: Anchor) {
        let mut signals = self.signals().subscribe();
        loop {
            let Some(feed) = feed.upgrade() else { return };
            let after = feed.position.load(Ordering::Acquire);
            let more = match self.records(&tenant, None, (after, i64::MAX), PAGE, &known).await {
                Ok(page) => {
                    known = page.known;
                    if let Some(last) = page.entries.last() {
                        feed.position.store(last.position, Ordering::Release);
                        let entries = page.entries.into_iter().map(Arc::new).collect();
                        let page = FedPage { after, entries, known };
                        // Nobody listening is no fault: the next look ends it.
                        let _ = feed.pages.send(Fed::Page(Arc::new(page)));
                    }
                    page.more
                }
                Err(LedgerError::HistoryLost { position }) => {
                    self.feeds.forget(&tenant, &feed);
                    let _ = feed.pages.send(Fed::Lost(position));
                    return;
                }
                Err(error) => {
                    warn!(%error, "a feed waits for the database");
                    tokio::time::sleep(LOOK).await;
                    false
                }
            };
            drop(feed);
            if !more {
                let _ = tokio::time::timeout(LOOK, grown(&mut signals, &tenant)).await;
            }
        }
    }
}

impl Feeds {
    fn get(&self, tenant: &Arc<str>) -> Option<Arc<Feed>> {
        let feeds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        feeds.get(tenant)?.upgrade()
    }

    fn forget(&self, tenant: &Arc<str>, feed: &Arc<Feed>) {
        let mut feeds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if feeds
            .get(tenant)
            .is_some_and(|known| std::ptr::eq(known.as_ptr(), Arc::as_ptr(feed)))
        {
            feeds.remove(tenant);
        }
    }
}

/// Waits until the tenant's ledger may have grown.
async fn grown(signals: &mut broadcast::Receiver<Appended>, tenant: &str) {
    loop {
        match signals.recv().await {
            Ok(grown) if &*grown != tenant => {}
            Ok(_) | Err(RecvError::Lagged(_)) => return,
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

impl<J: Judge> Follower<J> {
    /// The position that it has come to.
    #[must_use]
    pub const fn position(&self) -> i64 {
        self.after
    }

    /// The next records, in order and each once; none at the end of the ledger, unless new ones are waited for.
    ///
    /// # Errors
    /// When the database does not answer, or its history is not the one that has been followed so far.
    pub async fn next(&mut self, waits: bool) -> Result<Option<Vec<Arc<Entry>>>, LedgerError> {
        loop {
            let entries = match self.fed.take() {
                Some(place) => self.fed_on(place).await?,
                None => {
                    let entries = self.read().await?;
                    if entries.is_empty() {
                        if !waits {
                            return Ok(None);
                        }
                        self.join().await?;
                    }
                    entries
                }
            };
            if !entries.is_empty() {
                self.passed.remember(&entries);
                return Ok(Some(entries));
            }
        }
    }

    /// What the feed gives. A feed that had not come as far as the follower may have been of a history that was lost meanwhile: once it
    /// has come there, it is asked whether what the follower has read is still the database's, and the feed sees to what comes then.
    async fn fed_on(
        &mut self,
        (feed, mut pages): (Arc<Feed>, broadcast::Receiver<Fed>),
    ) -> Result<Vec<Arc<Entry>>, LedgerError> {
        let Some(known) = self.unsure else {
            let fed = pages.recv().await;
            return self.take(fed, (feed, pages));
        };
        let fed = tokio::time::timeout(LOOK, pages.recv()).await;
        if feed.position.load(Ordering::Acquire) >= known.position {
            self.ledger.require(&self.tenant, &known).await?;
            self.unsure = None;
        }
        match fed {
            Ok(fed) => self.take(fed, (feed, pages)),
            Err(_) if self.unsure.is_none() => {
                self.fed = Some((feed, pages));
                Ok(Vec::new())
            }
            // The feed does not come there: it reads by itself again.
            Err(_) => Ok(Vec::new()),
        }
    }

    /// Reads a page of its own.
    async fn read(&mut self) -> Result<Vec<Arc<Entry>>, LedgerError> {
        let (stream, place) = (self.stream.as_deref(), (self.after, i64::MAX));
        let page = self
            .ledger
            .records(&self.tenant, stream, place, PAGE, &self.known)
            .await?;
        self.known = page.known;
        match page.entries.last() {
            Some(last) if page.more || self.stream.is_none() => self.after = last.position,
            // Of one stream, there is nothing more up to where the ledger had come to.
            _ => self.after = self.after.max(page.known.position),
        }
        Ok(page.entries.into_iter().map(Arc::new).collect())
    }

    /// Takes a place at the feed, unless that is further on.
    async fn join(&mut self) -> Result<(), LedgerError> {
        let feed = self.ledger.feed(&self.tenant).await?;
        let pages = feed.pages.subscribe();
        // Looked at after the place was taken: what came before is read by itself, what comes after is in the feed.
        if feed.position.load(Ordering::Acquire) <= self.after {
            self.fed = Some((feed, pages));
            self.unsure = Some(self.known);
        }
        Ok(())
    }

    /// What is new and its own in what the feed gave.
    fn take(
        &mut self,
        fed: Result<Fed, RecvError>,
        place: (Arc<Feed>, broadcast::Receiver<Fed>),
    ) -> Result<Vec<Arc<Entry>>, LedgerError> {
        match fed {
            Ok(Fed::Page(page)) if page.after <= self.after => {
                let of_stream = |entry: &&Arc<Entry>| self.stream.as_ref().is_none_or(|stream| *stream == entry.stream);
                let new = page.entries.iter().filter(|entry| entry.position > self.after);
                let entries = new.filter(of_stream).cloned().collect();
                self.after = page
                    .entries
                    .last()
                    .map_or(self.after, |last| last.position.max(self.after));
                self.known = page.known;
                self.fed = Some(place);
                Ok(entries)
            }
            Ok(Fed::Lost(position)) => Err(LedgerError::HistoryLost { position }),
            // It was slower than the feed, or the feed has ended: it reads by itself until it stands at the head again.
            Ok(Fed::Page(_)) | Err(_) => Ok(Vec::new()),
        }
    }

    /// After a loss: the last position up to which what it was sent is in the ledger, as far back as it remembers; else 0.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn last_common(&self) -> Result<i64, LedgerError> {
        let (positions, leaves): (Vec<i64>, Vec<&[u8]>) =
            self.passed.all().map(|(at, leaf)| (*at, leaf.as_slice())).unzip();
        let last: Option<i64> = sqlx::query_scalar("SELECT vedtak.last_common($1, $2, $3)")
            .bind(&*self.tenant)
            .bind(positions)
            .bind(leaves)
            .fetch_one(self.ledger.store().pool())
            .await?;
        Ok(last.unwrap_or_default())
    }
}

/// What a follower was sent lately.
#[derive(Debug, Default)]
struct Passed {
    lately: VecDeque<(i64, Hash)>,
    before: VecDeque<(i64, Hash)>,
    count: usize,
}

impl Passed {
    fn remember(&mut self, entries: &[Arc<Entry>]) {
        for entry in entries {
            let Ok(leaf) = Hash::try_from(entry.leaf_hash.as_slice()) else {
                continue;
            };
            self.lately.push_back((entry.position, leaf));
            if self.lately.len() <= REMEMBERED {
                continue;
            }
            let oldest = self.lately.pop_front();
            self.count += 1;
            if self.count.is_multiple_of(REMEMBERED) {
                self.before.extend(oldest);
                if self.before.len() > REMEMBERED {
                    self.before.pop_front();
                }
            }
        }
    }

    fn all(&self) -> impl Iterator<Item = &(i64, Hash)> {
        self.before.iter().chain(&self.lately)
    }
}
