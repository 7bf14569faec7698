//! What waits for a writer, by tenant, and whose turn it is.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

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
}

impl<J: Judge> Default for Tenants<J> {
    fn default() -> Self {
        Self {
            waiting: HashMap::new(),
            turns: VecDeque::new(),
            count: 0,
        }
    }
}

impl<J: Judge> Tenants<J> {
    pub(super) fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    pub(super) fn add(&mut self, waiting: Waiting<J>) {
        let tenant = Arc::clone(&waiting.submission.tenant);
        let queue = self.waiting.entry(Arc::clone(&tenant)).or_default();
        if queue.is_empty() {
            self.turns.push_back(tenant);
        }
        queue.push_back(waiting);
        self.count += 1;
    }

    /// Takes so many submissions at the most, an equal share of each tenant's; whoever has more waits for its next turn. A request
    /// id stands only once in a transaction: its second waits too, and then finds the first one's receipt. `stands` tells of those
    /// that are in the next one already.
    pub(super) fn take(&mut self, most: usize, stands: impl Fn(&Arc<str>, &Uuid) -> bool) -> Turn<J> {
        let share = (most / self.turns.len().max(1)).max(1);
        let mut turn = Turn::new();
        let mut taken = 0;
        for _ in 0..self.turns.len() {
            if taken >= most {
                break;
            }
            let Some(tenant) = self.turns.pop_front() else { break };
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
