//! Streams of records: handed over a page at a time, ended when nobody takes them, when the token expires, and when history is lost.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::Stream;
use futures_util::stream;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::task::AbortOnDropHandle;
use tonic::Code;
use tracing::warn;

use crate::api::failure::Failure;
use crate::api::identity::Caller;
use crate::api::service::Service;
use crate::api::streams::StreamPlace;
use crate::clock;
use crate::ledger::{Entry, Follower, LedgerError};
use crate::rules::Rules;

/// No token is waited for longer than this at a time.
const LONGEST_TOKEN: Duration = Duration::from_secs(400 * 24 * 3600);

/// A database that is going or coming, or a connection that it has dropped, is waited for: so long, and asked again so often.
const FAILING: Duration = Duration::from_secs(20);
const AGAIN: Duration = Duration::from_millis(200);

/// What has been read and not yet been taken: a page at the most.
#[derive(Debug)]
struct Hand {
    waiting: Mutex<Waiting>,
    put: Notify,
    taken: Notify,
}

#[derive(Debug)]
struct Waiting {
    records: VecDeque<Arc<Entry>>,
    /// The position of the last record that was taken.
    last: i64,
    taken_at: Instant,
    /// Set when nothing more comes.
    end: Option<Option<Failure>>,
}

impl Hand {
    fn new(after: i64) -> Self {
        Self {
            waiting: Mutex::new(Waiting {
                records: VecDeque::new(),
                last: after,
                taken_at: Instant::now(),
                end: None,
            }),
            put: Notify::new(),
            taken: Notify::new(),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the next record as soon as there is one; none after the last.
    async fn take(&self) -> Result<Option<Arc<Entry>>, Failure> {
        loop {
            {
                let mut waiting = self.waiting();
                if let Some(record) = waiting.records.pop_front() {
                    waiting.last = record.position;
                    waiting.taken_at = Instant::now();
                    if waiting.records.is_empty() {
                        self.taken.notify_one();
                    }
                    return Ok(Some(record));
                }
                if let Some(end) = &mut waiting.end {
                    return end.take().map_or(Ok(None), Err);
                }
            }
            self.put.notified().await;
        }
    }

    /// Puts a page there and waits until all of it has been taken; false when nothing was taken for too long.
    async fn offer(&self, records: Vec<Arc<Entry>>, patience: Duration) -> bool {
        {
            let mut waiting = self.waiting();
            waiting.records = records.into();
            waiting.taken_at = Instant::now();
        }
        self.put.notify_one();
        loop {
            let until = {
                let waiting = self.waiting();
                if waiting.records.is_empty() {
                    return true;
                }
                waiting.taken_at + patience
            };
            if until <= Instant::now() {
                return false;
            }
            tokio::select! {
                () = self.taken.notified() => {}
                () = sleep_until(until) => {}
            }
        }
    }

    /// Ends in order, after everything that waits.
    fn finish(&self) {
        self.waiting().end = Some(None);
        self.put.notify_one();
    }

    /// Ends at once: what waits is forgotten, and the failure tells where to go on.
    fn fail(&self, failure: impl FnOnce(i64) -> Failure) {
        let mut waiting = self.waiting();
        waiting.records = VecDeque::new();
        let mut failure = failure(waiting.last);
        failure
            .metadata
            .insert("last_position".to_owned(), waiting.last.to_string());
        waiting.end = Some(Some(failure));
        drop(waiting);
        self.put.notify_one();
    }
}

/// Begins to send what a follower reads.
pub(super) fn begin(
    service: &Service,
    caller: &Caller,
    follower: Follower<Rules>,
    waits: bool,
    place: StreamPlace,
) -> impl Stream<Item = Result<Arc<Entry>, Failure>> + Send + 'static {
    let hand = Arc::new(Hand::new(follower.position()));
    let giving = Giving {
        follower,
        waits,
        hand: Arc::clone(&hand),
        expires: expiry(caller.expires),
        patience: service.streams().patience(),
        stopping: service.stopping().clone(),
        _place: place,
    };
    let giving = AbortOnDropHandle::new(tokio::spawn(giving.run()));
    stream::try_unfold((hand, giving), |(hand, giving)| async move {
        let record = hand.take().await?;
        Ok(record.map(|record| (record, (hand, giving))))
    })
}

/// The moment at which a token expires.
fn expiry(expires: u64) -> Instant {
    let now = clock::now().unix_timestamp_nanos();
    let left = i128::from(expires) * 1_000_000_000 - now;
    let left = u64::try_from(left.max(0)).map_or(LONGEST_TOKEN, Duration::from_nanos);
    Instant::now() + left.min(LONGEST_TOKEN)
}

/// What a stream is given from.
struct Giving {
    follower: Follower<Rules>,
    /// Whether what will be recorded is waited for.
    waits: bool,
    hand: Arc<Hand>,
    expires: Instant,
    patience: Duration,
    stopping: tokio_util::sync::CancellationToken,
    /// Given back with the rest.
    _place: StreamPlace,
}

impl Giving {
    async fn run(mut self) {
        let (hand, stopping) = (Arc::clone(&self.hand), self.stopping.clone());
        let expires = self.expires;
        tokio::select! {
            biased;
            () = stopping.cancelled() => hand.fail(stopped),
            () = sleep_until(expires) => hand.fail(expired),
            () = self.give() => {}
        }
    }

    async fn give(&mut self) {
        let mut failing: Option<Instant> = None;
        loop {
            let next = self.follower.next(self.waits).await;
            if let Err(error) = &next
                && error.passes()
                && failing.get_or_insert_with(Instant::now).elapsed() < FAILING
            {
                warn!(%error, "a follower waits for the database");
                sleep(AGAIN).await;
                continue;
            }
            failing = None;
            match next {
                Ok(Some(records)) => {
                    if !self.hand.offer(records, self.patience).await {
                        let patience = self.patience;
                        return self.hand.fail(|last| stalled(last, patience));
                    }
                }
                Ok(None) => return self.hand.finish(),
                Err(LedgerError::HistoryLost { .. }) => {
                    let common = self.follower.last_common().await;
                    return self
                        .hand
                        .fail(|last| common.map_or_else(Failure::from, |common| lost(common.min(last))));
                }
                Err(error) => return self.hand.fail(|_| error.into()),
            }
        }
    }
}

fn stopped(_: i64) -> Failure {
    Failure::unavailable("The service is stopping. Take the stream up again after the last position you received.")
}

fn expired(last: i64) -> Failure {
    Failure::new(
        Code::Unauthenticated,
        "TOKEN_EXPIRED",
        format!("The token has expired. Go on with a new one, with after_position {last}."),
    )
}

fn stalled(last: i64, patience: Duration) -> Failure {
    let seconds = patience.as_secs_f64();
    Failure::new(
        Code::Aborted,
        "FOLLOWER_STALLED",
        format!(
            "Nothing was taken for {seconds} seconds though records were waiting. Go on with after_position {last}, and read faster."
        ),
    )
}

/// What a follower is told of what it was sent when the last of it is lost.
fn lost(common: i64) -> Failure {
    let sentence = format!(
        "What was recorded last has been lost: of what this stream was sent, the ledger still has the records up to position {common}, as far as is remembered. Throw away what came after, and go on from there."
    );
    let mut failure = Failure::new(Code::DataLoss, "HISTORY_LOST", sentence);
    let common = common.to_string();
    failure.metadata.insert("last_common_position".to_owned(), common);
    failure
}
