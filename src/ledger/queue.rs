//! The bounded queues before the writers: which writer has a tenant, and who must come back later.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;

use super::error::AppendError;
use super::judge::Judge;
use super::submission::{Outcome, Submission};

/// What waits in a queue.
pub(super) struct Waiting<J: Judge> {
    /// In its own place: what waits is handed on several times.
    pub submission: Box<Submission<J>>,
    pub reply: oneshot::Sender<Outcome<J::Refusal>>,
    /// Its place among those of its tenant, given back when it is answered.
    pub _place: Place,
}

/// How many submissions of each tenant wait.
#[derive(Clone, Debug, Default)]
struct Places(Arc<Mutex<HashMap<Arc<str>, usize>>>);

/// One place among those of a tenant.
pub(super) struct Place {
    places: Places,
    tenant: Arc<str>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.tenant) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.tenant);
            }
        }
    }
}

impl Places {
    fn take(&self, tenant: &Arc<str>, most: usize) -> Option<Place> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(Arc::clone(tenant)).or_insert(0);
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Place {
            places: self.clone(),
            tenant: Arc::clone(tenant),
        })
    }
}

/// The queues, one a writer. A tenant always has the same writer.
#[derive(Debug)]
pub(super) struct Queues<J: Judge> {
    senders: Arc<Mutex<Vec<mpsc::Sender<Waiting<J>>>>>,
    places: Places,
    most_per_tenant: usize,
    writers: TaskTracker,
}

impl<J: Judge> Clone for Queues<J> {
    fn clone(&self) -> Self {
        Self {
            senders: Arc::clone(&self.senders),
            places: self.places.clone(),
            most_per_tenant: self.most_per_tenant,
            writers: self.writers.clone(),
        }
    }
}

impl<J: Judge> Queues<J> {
    pub(super) fn new(senders: Vec<mpsc::Sender<Waiting<J>>>, most_per_tenant: usize, writers: TaskTracker) -> Self {
        Self {
            senders: Arc::new(Mutex::new(senders)),
            places: Places::default(),
            most_per_tenant,
            writers,
        }
    }

    /// Puts a submission in its queue; its answer comes through what is returned.
    pub(super) fn submit(
        &self,
        submission: Submission<J>,
    ) -> Result<oneshot::Receiver<Outcome<J::Refusal>>, AppendError<J::Refusal>> {
        let busy = || AppendError::Busy {
            retry_after: Duration::from_millis(200),
        };
        let place = self
            .places
            .take(&submission.tenant, self.most_per_tenant)
            .ok_or_else(busy)?;
        let (reply, answer) = oneshot::channel();
        let senders = self.senders.lock().unwrap_or_else(PoisonError::into_inner);
        if senders.is_empty() {
            return Err(AppendError::Unavailable("The service is stopping.".to_owned()));
        }
        let mut hasher = DefaultHasher::new();
        submission.tenant.hash(&mut hasher);
        let index =
            usize::try_from(hasher.finish() % senders.len() as u64).expect("smaller than the number of writers");
        senders[index]
            .try_send(Waiting {
                submission: Box::new(submission),
                reply,
                _place: place,
            })
            .map_err(|_| busy())?;
        Ok(answer)
    }

    /// Closes the queues and waits until the writers have emptied them.
    pub(super) async fn close(&self) {
        self.senders.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.writers.close();
        self.writers.wait().await;
    }
}
