//! Proves that the tree by which a history is known is that of RFC 6962, grown leaf by leaf or all at once, here and in the database.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use sha2::{Digest, Sha256};
use sqlx::{Connection, PgConnection};
use vedtak::ledger::{Hash, Tree};

use crate::support::{database, scale};

/// The definition of RFC 6962, section 2.1, word by word.
fn defined(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Sha256::digest([]).into(),
        [leaf] => *leaf,
        leaves => {
            let split = leaves.len().next_power_of_two() / 2;
            let (left, right) = leaves.split_at(split);
            Sha256::digest([&[1], &defined(left)[..], &defined(right)].concat()).into()
        }
    }
}

fn leaves(count: usize) -> Vec<Hash> {
    (0..count)
        .map(|index| Sha256::digest(index.to_be_bytes()).into())
        .collect()
}

#[test]
fn a_tree_that_grows_has_the_root_that_the_rfc_defines() {
    let leaves = leaves(300);
    let mut tree = Tree::default();
    for size in 0..=leaves.len() {
        assert_eq!(tree.root(), defined(&leaves[..size]), "{size}");
        if let Some(leaf) = leaves.get(size) {
            tree.push(*leaf);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_grows_the_same_tree_however_many_leaves_come_at_once() {
    let mut session = PgConnection::connect(&database().await).await.unwrap();
    let leaves = leaves(2_000);
    let mut runner = TestRunner::new(Config::default());
    let parts = prop::collection::vec(prop_oneof![Just(1_usize), 1..9_usize, 1..200_usize], 1..20);
    for _ in 0..20 * scale() {
        let parts = parts.new_tree(&mut runner).unwrap().current();
        let (mut size, mut edge) = (0_usize, Vec::new());
        for part in parts {
            let end = (size + part).min(leaves.len());
            if end == size {
                break;
            }
            let more = leaves[size..end].concat();
            let (grown, root): (Vec<u8>, Vec<u8>) = sqlx::query_as("SELECT * FROM vedtak.grow($1, $2, $3)")
                .bind(size as i64)
                .bind(&edge)
                .bind(more)
                .fetch_one(&mut session)
                .await
                .unwrap();
            size = end;
            edge = grown;
            assert_eq!(root, defined(&leaves[..size]), "{size}");
            assert_eq!(edge.len(), 32 * size.count_ones() as usize, "{size}");
        }
    }
}
