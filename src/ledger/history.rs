//! What a history is known by: a position with the root of the tree up to it. Numbers alone come again after a loss; roots do not.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use time::OffsetDateTime;
use tracing::error;

use super::record::Hash;
use super::tree::Tree;
use super::writer::Observer;

/// A point of a history: a position at which a transaction ended, and the root of the tree over all records up to it. Whatever was
/// made from a history keeps such a point of it, and is used only where the database's history has the same.
#[derive(Clone, Copy, Debug)]
pub struct Anchor {
    /// The position.
    pub position: i64,
    /// The root (RFC 6962, section 2.1).
    pub root: Hash,
    /// When it was seen in the database: what is lost of a history was seen before the loss was found, or is another loss.
    seen: Instant,
}

impl PartialEq for Anchor {
    fn eq(&self, other: &Self) -> bool {
        (self.position, self.root) == (other.position, other.root)
    }
}

impl Eq for Anchor {}

impl Anchor {
    /// A point that has just been seen.
    #[must_use]
    pub fn new(position: i64, root: Hash) -> Self {
        let seen = Instant::now();
        Self { position, root, seen }
    }

    /// The same point, seen again just now.
    #[must_use]
    pub fn again(self) -> Self {
        Self::new(self.position, self.root)
    }

    /// The beginning of every history: nothing is recorded.
    #[must_use]
    pub fn beginning() -> Self {
        Self::new(0, Tree::default().root())
    }

    /// As the database tells it.
    ///
    /// # Errors
    /// When the root is not one.
    pub fn read(position: i64, root: &[u8]) -> Result<Self, sqlx::Error> {
        let root = root
            .try_into()
            .map_err(|_| sqlx::Error::Protocol("a root that is no hash".to_owned()))?;
        Ok(Self::new(position, root))
    }
}

/// A tenant's history in the database is not the one that was known: what was recorded last has been lost, as when a standby that
/// was behind took over or a copy was put back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The tenant.
    pub tenant: String,
    /// The last position that was known of what was lost.
    pub position: i64,
    /// When it was found.
    pub found_at: OffsetDateTime,
}

/// The most losses that are told of at a time.
const MOST: usize = 1_000;

/// The losses that this process has found since it started.
#[derive(Clone, Debug)]
pub struct Losses {
    found: Arc<Mutex<HashMap<String, (Loss, Instant)>>>,
    observer: Arc<dyn Observer>,
}

impl Losses {
    pub(super) fn new(observer: Arc<dyn Observer>) -> Self {
        Self {
            found: Arc::default(),
            observer,
        }
    }

    /// Tells, once for each loss, that what was known as this is not in the database's history. One loss is found by one state after
    /// the other, however late; what was seen only after it had been found has been lost since, and is another.
    pub fn tell(&self, tenant: &str, lost: &Anchor) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((loss, at)) = found.get_mut(tenant)
            && lost.seen <= *at
        {
            loss.position = loss.position.max(lost.position);
            return;
        }
        error!(
            tenant,
            position = lost.position,
            "history was lost: the database has no such root at this position; what was made from it is forgotten"
        );
        self.observer.history_lost();
        let loss = Loss {
            tenant: tenant.to_owned(),
            position: lost.position,
            found_at: crate::clock::now(),
        };
        found.insert(tenant.to_owned(), (loss, Instant::now()));
    }

    /// Every tenant's last loss, by tenant; of very many tenants, some.
    #[must_use]
    pub fn all(&self) -> Vec<Loss> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let mut losses: Vec<Loss> = found.values().take(MOST).map(|(loss, _)| loss.clone()).collect();
        losses.sort_by(|a, b| a.tenant.cmp(&b.tenant));
        losses
    }
}
