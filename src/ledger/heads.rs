//! The head of a tenant's ledger, as one append sees it: where it stands, what time it is there, and the states on top of it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sqlx::{FromRow, PgConnection};
use time::OffsetDateTime;
use uuid::Uuid;

use super::history::Anchor;
use super::judge::Judge;
use super::memory::Held;
use super::read::Known;
use super::record;
use super::tree::Tree;
use super::turns::Turn;

/// A tenant's ledger in one append.
pub(super) struct Head<S> {
    pub tenant: Arc<str>,
    /// What the append follows.
    pub follows: Anchor,
    /// The tree with what has been judged; its size is the position.
    pub tree: Tree,
    pub recorded_at: OffsetDateTime,
    /// The same, as records write it.
    pub recorded_at_text: String,
    /// Those of the requests that were answered before, as far as it was asked.
    pub known: HashMap<Uuid, Known>,
    /// The requests that have been judged.
    pub requests: HashSet<Uuid>,
    /// The states of streams, with what has been judged.
    pub states: HashMap<Arc<str>, Held<S>>,
}

impl<S> Head<S> {
    pub(super) fn new(tenant: &Arc<str>, tree: Tree, recorded_at: OffsetDateTime) -> Self {
        Self {
            tenant: Arc::clone(tenant),
            follows: tree.anchor(),
            tree,
            recorded_at,
            recorded_at_text: record::format_time(recorded_at),
            known: HashMap::new(),
            requests: HashSet::new(),
            states: HashMap::new(),
        }
    }

    /// The position with what has been judged.
    pub(super) const fn position(&self) -> i64 {
        self.tree.size()
    }
}

/// A head that is locked.
pub(super) struct Locked<S> {
    pub head: Head<S>,
    /// Whether its history is the one that is remembered.
    pub held: bool,
}

/// What `vedtak.open_append` says.
#[derive(FromRow)]
struct Opened {
    positions: Vec<i64>,
    roots: Vec<Vec<u8>>,
    edges: Vec<Vec<u8>>,
    times: Vec<OffsetDateTime>,
    held: Vec<bool>,
    repeated: i64,
}

/// Locks the heads of the tenants until the transaction ends, and learns what was answered before, and whether their histories are
/// those that are remembered.
pub(super) async fn lock<J: Judge>(
    connection: &mut PgConnection,
    turn: &Turn<J>,
    remembered: impl Fn(&Arc<str>) -> Anchor,
) -> Result<Vec<Locked<J::State>>, sqlx::Error> {
    let tenants: Vec<&str> = turn.keys().map(AsRef::as_ref).collect();
    let known: Vec<Anchor> = turn.keys().map(remembered).collect();
    let requests = || turn.values().flatten().map(|waiting| &waiting.submission);
    let request_tenants: Vec<&str> = requests().map(|submission| &*submission.tenant).collect();
    let request_ids: Vec<Uuid> = requests().map(|submission| submission.request_id).collect();
    let opened: Opened = sqlx::query_as("SELECT * FROM vedtak.open_append($1, $2, $3, $4, $5)")
        .bind(&tenants)
        .bind(known.iter().map(|known| known.position).collect::<Vec<_>>())
        .bind(known.iter().map(|known| known.root.as_slice()).collect::<Vec<_>>())
        .bind(&request_tenants)
        .bind(&request_ids)
        .fetch_one(&mut *connection)
        .await?;
    let mut answered: HashMap<String, HashMap<Uuid, Known>> = HashMap::new();
    if opened.repeated > 0 {
        let before: Vec<Known> = sqlx::query_as("SELECT * FROM vedtak.answered($1, $2)")
            .bind(&request_tenants)
            .bind(&request_ids)
            .fetch_all(connection)
            .await?;
        for request in before {
            answered
                .entry(request.tenant.clone())
                .or_default()
                .insert(request.request_id, request);
        }
    }
    let mut heads = Vec::with_capacity(tenants.len());
    let places = opened.positions.iter().zip(&opened.roots).zip(&opened.edges);
    for (((tenant, ((position, root), edge)), recorded_at), held) in
        turn.keys().zip(places).zip(opened.times).zip(opened.held)
    {
        // What the database says of itself must fit, or nothing is built on it.
        let tree = Tree::from_edge(*position, edge).filter(|tree| tree.root().as_slice() == root);
        let tree = tree.ok_or_else(|| sqlx::Error::Protocol("a head whose edge is not that of its root".to_owned()))?;
        let head = Head {
            known: answered.remove(&**tenant).unwrap_or_default(),
            ..Head::new(tenant, tree, recorded_at)
        };
        heads.push(Locked { head, held });
    }
    Ok(heads)
}
