//! What waits for a writer, by tenant, and whose turn it is.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::judge::Judge;
use super::queue::Waiting;

/// The submissions of one transaction, by tenant. Sorted, so that all processes lock heads in the same order.
pub(super) type Turn<J> = BTreeMap<Arc<str>, VecDeque<Waiting<J>>>;

/// What has come but is not yet appended, by tenant.
pub(super) struct Tenants<J: Judge> {
    waiting: HashMap<Arc<str>, VecDeque<Waiting<J>>>,
    /// The tenants whose turn it is, in order.
    turns: VecDeque<Arc<str>>,
    /// How many wait.
    pub count: usize,
    /// The tenant of which something came last, and when something of another one came.
    last: Option<Arc<str>>,
    others: Option<Instant>,
}

/// So long after something of another tenant has come, all take short turns.
const IN_COMPANY: Duration = Duration::from_secs(1);

impl<J: Judge> Default for Tenants<J> {
    fn default() -> Self {
        Self {
            waiting: HashMap::new(),
            turns: VecDeque::new(),
            count: 0,
            last: None,
            others: None,
        }
    }
}

impl<J: Judge> Tenants<J> {
    pub(super) fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    pub(super) fn add(&mut self, waiting: Waiting<J>) {
        let tenant = Arc::clone(&waiting.submission.tenant);
        if self.last.as_ref() != Some(&tenant) {
            if self.last.is_some() {
                self.others = Some(Instant::now());
            }
            self.last = Some(Arc::clone(&tenant));
        }
        let queue = self.waiting.entry(Arc::clone(&tenant)).or_default();
        if queue.is_empty() {
            self.turns.push_back(tenant);
        }
        queue.push_back(waiting);
        self.count += 1;
    }

    /// Whether several tenants have sent something of late.
    pub(super) fn in_company(&self) -> bool {
        self.others.is_some_and(|others| others.elapsed() < IN_COMPANY)
    }

    /// Gives back what was taken and for which there was no time: it comes first in its tenant's next turn.
    pub(super) fn put_back(&mut self, tenant: Arc<str>, left: VecDeque<Waiting<J>>) {
        if left.is_empty() {
            return;
        }
        self.count += left.len();
        let queue = self.waiting.entry(Arc::clone(&tenant)).or_default();
        if queue.is_empty() {
            self.turns.push_back(tenant);
        }
        for waiting in left.into_iter().rev() {
            queue.push_front(waiting);
        }
    }

    /// The tenants of which something waits.
    pub(super) fn names(&self) -> Vec<Arc<str>> {
        self.turns.iter().cloned().collect()
    }

    /// Takes out all that waits of a tenant.
    pub(super) fn remove(&mut self, tenant: &Arc<str>) -> VecDeque<Waiting<J>> {
        self.turns.retain(|turn| turn != tenant);
        let waiting = self.waiting.remove(tenant).unwrap_or_default();
        self.count -= waiting.len();
        waiting
    }

    /// Takes so many submissions at the most, an equal share of each tenant's; whoever has more waits for its next turn. A request
    /// id stands only once in a transaction: its second waits too, and then finds the first one's receipt. `stands` tells of those
    /// that are in the next one already, `passed` over is whoever belongs elsewhere. Of so many tenants at the most.
    pub(super) fn take(
        &mut self,
        (most, tenants): (usize, usize),
        passed: &HashSet<Arc<str>>,
        stands: impl Fn(&Arc<str>, &Uuid) -> bool,
    ) -> Turn<J> {
        let share = (most / self.turns.len().clamp(1, tenants)).max(1);
        let mut turn = Turn::new();
        let mut taken = 0;
        for _ in 0..self.turns.len() {
            if taken >= most || turn.len() >= tenants {
                break;
            }
            let Some(tenant) = self.turns.pop_front() else { break };
            if passed.contains(&tenant) {
                self.turns.push_back(tenant);
                continue;
            }
            let Some(queue) = self.waiting.get_mut(&tenant) else {
                continue;
            };
            let mut mine: VecDeque<Waiting<J>> = VecDeque::new();
            let mut ids = HashSet::new();
            while mine.len() < share
                && let Some(next) = queue.front()
                && !stands(&tenant, &next.submission.request_id)
                && ids.insert(next.submission.request_id)
            {
                mine.extend(queue.pop_front());
            }
            if queue.is_empty() {
                self.waiting.remove(&tenant);
            } else {
                self.turns.push_back(Arc::clone(&tenant));
            }
            taken += mine.len();
            if !mine.is_empty() {
                turn.insert(tenant, mine);
            }
        }
        self.count -= taken;
        turn
    }
}
