//! The head of a tenant's ledger, as one append sees it: where it stands, what time it is there, and the states on top of it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::judge::Judge;
use super::read::Known;
use super::record;
use super::turns::Turn;

/// A tenant's ledger in one append.
pub(super) struct Head<S> {
    pub tenant: Arc<str>,
    /// The position that the append follows.
    pub follows: i64,
    /// The position with what has been judged.
    pub position: i64,
    pub recorded_at: OffsetDateTime,
    /// The same, as records write it.
    pub recorded_at_text: String,
    /// Those of the requests that were answered before, as far as it was asked.
    pub known: HashMap<Uuid, Known>,
    /// The requests that have been judged.
    pub requests: HashSet<Uuid>,
    /// The states of streams, with what has been judged.
    pub states: HashMap<Arc<str>, Arc<S>>,
}

impl<S> Head<S> {
    pub(super) fn new(tenant: &Arc<str>, follows: i64, recorded_at: OffsetDateTime) -> Self {
        Self {
            tenant: Arc::clone(tenant),
            follows,
            position: follows,
            recorded_at,
            recorded_at_text: record::format_time(recorded_at),
            known: HashMap::new(),
            requests: HashSet::new(),
            states: HashMap::new(),
        }
    }
}

/// Locks the heads of the tenants until the transaction ends, and learns what was answered before.
pub(super) async fn lock<J: Judge>(
    connection: &mut PgConnection,
    turn: &Turn<J>,
) -> Result<Vec<Head<J::State>>, sqlx::Error> {
    let tenants: Vec<&str> = turn.keys().map(AsRef::as_ref).collect();
    let requests = || turn.values().flatten().map(|waiting| &waiting.submission);
    let request_tenants: Vec<&str> = requests().map(|submission| &*submission.tenant).collect();
    let request_ids: Vec<Uuid> = requests().map(|submission| submission.request_id).collect();
    let (positions, times, repeated): (Vec<i64>, Vec<OffsetDateTime>, i64) =
        sqlx::query_as("SELECT * FROM vedtak.open_append($1, $2, $3)")
            .bind(&tenants)
            .bind(&request_tenants)
            .bind(&request_ids)
            .fetch_one(&mut *connection)
            .await?;
    let mut known: HashMap<String, HashMap<Uuid, Known>> = HashMap::new();
    if repeated > 0 {
        let answered: Vec<Known> = sqlx::query_as("SELECT * FROM vedtak.answered($1, $2)")
            .bind(&request_tenants)
            .bind(&request_ids)
            .fetch_all(connection)
            .await?;
        for request in answered {
            known
                .entry(request.tenant.clone())
                .or_default()
                .insert(request.request_id, request);
        }
    }
    let heads = turn.keys().zip(positions).zip(times);
    Ok(heads
        .map(|((tenant, position), recorded_at)| Head {
            known: known.remove(&**tenant).unwrap_or_default(),
            ..Head::new(tenant, position, recorded_at)
        })
        .collect())
}
