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
    /// Its streams in the order in which they came, some of which may have left.
    order: VecDeque<Arc<str>>,
}

/// So many bytes of a tenant, given back when this is dropped.
#[derive(Debug)]
pub(super) struct Taken {
    shares: Shares,
    tenant: Arc<str>,
    pub bytes: u64,
}

/// So many more names than places may stand in a tenant's order before it is gone through.
const MOST_LEFT: usize = 1_024;

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
        share.order.push_back(Arc::clone(stream));
        Taken {
            shares: self.clone(),
            tenant: Arc::clone(tenant),
            bytes,
        }
    }

    /// The stream of a tenant that came first, when the tenant has too much, or too many names that have left.
    pub(super) fn next_to_go(&self, tenant: &Arc<str>) -> Option<Arc<str>> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        let share = tenants.get_mut(tenant)?;
        // What has just come stays, however large it is.
        let too_much = share.bytes > self.most && share.places > 1;
        (too_much || share.order.len() > share.places + MOST_LEFT)
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
