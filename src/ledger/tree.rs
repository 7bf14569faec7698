//! The tree over a tenant's records (RFC 6962): its right edge, which is all that it takes to add to it, and its root.

use sha2::{Digest, Sha256};

use super::history::Anchor;
use super::record::Hash;

/// The length of a hash, in bytes.
const HASH_BYTES: usize = size_of::<Hash>();

/// An RFC 6962 tree, as far as it takes to add leaves: the hashes of the full subtrees that its leaves fill, the largest first, one
/// for each bit of its size. The database makes the same tree by itself; what is kept here foretells its root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    size: i64,
    edge: Vec<Hash>,
}

impl Tree {
    /// The tree of so many leaves with this right edge, one hash after the other; none when the two do not fit.
    pub(super) fn from_edge(size: i64, edge: &[u8]) -> Option<Self> {
        let (hashes, rest) = edge.as_chunks::<HASH_BYTES>();
        let fits = size >= 0 && rest.is_empty() && hashes.len() == size.count_ones() as usize;
        fits.then(|| Self {
            size,
            edge: hashes.to_vec(),
        })
    }

    /// How many leaves there are.
    pub(super) const fn size(&self) -> i64 {
        self.size
    }

    /// Adds a leaf by its hash.
    pub fn push(&mut self, leaf: Hash) {
        let mut node = leaf;
        let mut size = self.size;
        while size & 1 == 1
            && let Some(left) = self.edge.pop()
        {
            node = node_hash(&left, &node);
            size >>= 1;
        }
        self.edge.push(node);
        self.size += 1;
    }

    /// The root: SHA-256 of nothing for a tree without leaves.
    #[must_use]
    pub fn root(&self) -> Hash {
        let edge = self.edge.iter().rev().copied();
        edge.reduce(|right, left| node_hash(&left, &right))
            .unwrap_or_else(|| Sha256::digest([]).into())
    }

    /// What its history is known by.
    pub(super) fn anchor(&self) -> Anchor {
        Anchor::new(self.size, self.root())
    }
}

/// The hash of an inner node (RFC 6962, section 2.1).
fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([1]);
    hasher.update(left);
    hasher.update(right);
    hasher.finalize().into()
}
