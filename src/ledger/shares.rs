//! How many bytes each tenant has in memory: a tenant that reads much makes its own older states give way, not those of others.

use std::collections::{BTreeMap, HashMap};
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
    /// Its streams by number, so in the order in which they came. One that was weighed anew stands here twice for a moment.
    streams: BTreeMap<u64, Arc<str>>,
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
        let number = share.next;
        share.next += 1;
        share.streams.insert(number, Arc::clone(stream));
        Taken {
            shares: self.clone(),
            tenant: Arc::clone(tenant),
            number,
            bytes,
        }
    }

    /// What came first of a tenant's, by number and stream, when the tenant has too much.
    pub(super) fn next_to_go(&self, tenant: &Arc<str>) -> Option<(u64, Arc<str>)> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        let share = tenants.get_mut(tenant)?;
        // What has just come stays, however large it is.
        (share.bytes > self.most && share.streams.len() > 1)
            .then(|| share.streams.pop_first())
            .flatten()
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut tenants = self.shares.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = tenants.get_mut(&self.tenant) {
            share.bytes -= self.bytes;
            share.streams.remove(&self.number);
            if share.bytes == 0 {
                tenants.remove(&self.tenant);
            }
        }
    }
}
