//! How many bytes each tenant has in memory: a tenant that reads much makes its own older states give way, not those of others.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// What the tenants have.
#[derive(Clone, Debug)]
pub(super) struct Shares {
    tenants: Arc<Mutex<HashMap<Arc<str>, Share>>>,
    /// The most bytes of one tenant.
    most: u64,
}

#[derive(Debug, Default)]
struct Share {
    bytes: u64,
    places: usize,
    /// What it has in the order in which it came, by number and stream; some of it may have left or have been weighed anew.
    order: VecDeque<(u64, Arc<str>)>,
    next: u64,
}

/// So many bytes of a tenant, given back when this is dropped.
#[derive(Debug)]
pub(super) struct Taken {
    shares: Shares,
    tenant: Arc<str>,
    /// Tells it from what was taken for the same stream before or after.
    pub number: u64,
    pub bytes: u64,
}

impl Shares {
    pub(super) fn new(most: u64) -> Self {
        Self {
            tenants: Arc::default(),
            most,
        }
    }

    /// Takes bytes for a stream.
    pub(super) fn take(&self, tenant: &Arc<str>, stream: &Arc<str>, bytes: u64) -> Taken {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        let share = tenants.entry(Arc::clone(tenant)).or_default();
        share.bytes += bytes;
        share.places += 1;
        if share.order.len() > 4 * share.places + 64 {
            // A stream that was weighed again stands here more than once: only the last time counts.
            let last: HashMap<Arc<str>, u64> = share
                .order
                .iter()
                .map(|(number, stream)| (Arc::clone(stream), *number))
                .collect();
            share.order.retain(|(number, stream)| last.get(stream) == Some(number));
        }
        let number = share.next;
        share.next += 1;
        share.order.push_back((number, Arc::clone(stream)));
        Taken {
            shares: self.clone(),
            tenant: Arc::clone(tenant),
            number,
            bytes,
        }
    }

    /// What came first of a tenant's, by number and stream, when the tenant has too much. It may have left already.
    pub(super) fn next_to_go(&self, tenant: &Arc<str>) -> Option<(u64, Arc<str>)> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        let share = tenants.get_mut(tenant)?;
        // What has just come stays, however large it is.
        (share.bytes > self.most && share.places > 1)
            .then(|| share.order.pop_front())
            .flatten()
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut tenants = self.shares.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = tenants.get_mut(&self.tenant) {
            share.bytes -= self.bytes;
            share.places -= 1;
            if share.places == 0 {
                tenants.remove(&self.tenant);
            }
        }
    }
}
