//! The ledger: append, read and follow, one gapless ledger per tenant. It knows no concept of the domain: what a command means
//! is asked of a [`Judge`].

mod append;
mod aside;
mod batch;
mod draft;
mod entry;
mod error;
mod follow;
mod heads;
mod history;
mod holding;
mod judge;
mod judged;
mod judging;
mod limits;
mod long;
mod memory;
mod page;
mod queue;
mod read;
mod record;
mod settle;
mod shares;
mod signal;
mod store;
mod submission;
mod tree;
mod turns;
mod walk;
mod wire;
mod writer;

use std::sync::Arc;

pub use entry::Entry;
pub use error::{AppendError, LedgerError};
pub use follow::Follower;
pub use history::{Anchor, Loss, Losses};
pub use judge::{Circumstances, Judge, MOST_ROUNDS, MOST_STREAMS, Standing, Through, Unreadable, Verdict};
pub use long::{Crowded, Long, Stay};
pub use page::{Page, Size};
pub use read::{LedgerHead, Reach, Reading, Touched};
pub use record::{Envelope, Hash, MAX_RECORD_BYTES, Reliance, leaf_hash};
pub use signal::{Appended, Signals};
pub use store::{Migrated, Store, StoreConfig};
pub use submission::Submission;
pub use tree::Tree;
pub use walk::{Came, History, LARGE, Noted};
pub use writer::{Observer, WriterConfig};

use crate::schema::v1::Receipt;
use follow::Feeds;
use memory::States;
use queue::Queues;
use settle::Settling;
use submission::Answer;

/// The ledgers of all tenants in one database. Cheap to clone; every clone is the same ledger.
#[derive(Debug)]
pub struct Ledger<J: Judge> {
    judge: Arc<J>,
    store: Store,
    states: States<J::State>,
    signals: Signals,
    losses: Losses,
    feeds: Feeds,
    settling: Settling,
    queues: Queues<J>,
    long: Long,
    kept_history_bytes: u64,
}

impl<J: Judge> Clone for Ledger<J> {
    fn clone(&self) -> Self {
        Self {
            judge: Arc::clone(&self.judge),
            store: self.store.clone(),
            states: self.states.clone(),
            signals: self.signals.clone(),
            losses: self.losses.clone(),
            feeds: self.feeds.clone(),
            settling: self.settling.clone(),
            queues: self.queues.clone(),
            long: self.long.clone(),
            kept_history_bytes: self.kept_history_bytes,
        }
    }
}

impl<J: Judge> Ledger<J> {
    /// Opens the ledgers and starts the writers, on the runtime of the caller.
    #[must_use]
    pub fn start(judge: Arc<J>, store: Store, config: &WriterConfig, observer: Arc<dyn Observer>) -> Self {
        let states = States::new(config.cached_bytes, config.cached_bytes_per_tenant);
        let losses = Losses::new(Arc::clone(&observer));
        let signals = Signals::start(store.clone());
        let queues = writer::start(&judge, &store, &states, &signals, &losses, config, &observer);
        Self {
            judge,
            store,
            states,
            signals,
            losses,
            feeds: Feeds::default(),
            settling: Settling::default(),
            queues,
            long: Long::new(
                config.long_places,
                config.long_readings,
                config.long_readings_per_tenant,
            ),
            kept_history_bytes: config.kept_history_bytes,
        }
    }

    /// Judges the commands of a submission and appends their events, all or none. Answers after the commit.
    ///
    /// # Errors
    /// The refusal of the judge, or why the ledger could not take it. After [`AppendError::Unavailable`] nobody knows whether it
    /// was recorded: the same submission, sent again with the same request id, finds out.
    pub async fn append(&self, submission: Submission<J>) -> Result<Receipt, AppendError<J::Refusal>> {
        let answer = self
            .queues
            .submit(submission)?
            .await
            .map_err(|_| AppendError::Unavailable("The service broke off. Send the same request again with the same request_id: it is recorded at most once.".to_owned()))??;
        match answer {
            Answer::Recorded(receipt) => Ok(receipt),
            Answer::Repeated(known) => self
                .first_receipt(&known)
                .await
                .map_err(|error| AppendError::Unavailable(error.to_string())),
        }
    }

    /// The judge.
    #[must_use]
    pub fn judge(&self) -> &J {
        &self.judge
    }

    /// The places for long work.
    #[must_use]
    pub const fn long(&self) -> &Long {
        &self.long
    }

    /// How much memory histories may take that are kept to be walked on: see [`WriterConfig::kept_history_bytes`].
    #[must_use]
    pub const fn kept_history_bytes(&self) -> u64 {
        self.kept_history_bytes
    }

    /// The database.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// What is told after each commit.
    #[must_use]
    pub const fn signals(&self) -> &Signals {
        &self.signals
    }

    /// The losses of history that this process has found.
    #[must_use]
    pub const fn losses(&self) -> &Losses {
        &self.losses
    }

    /// Takes no more submissions, and waits until those that were accepted are answered.
    pub async fn stop(&self) {
        self.queues.close().await;
    }
}
