//! The heads of the tenants in one append: locked, so that nobody else appends to their ledgers until it has ended.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::judge::Judge;
use super::read::Known;
use super::record;
use super::writer::Turn;

/// A tenant's ledger while its head is locked.
pub(super) struct Locked {
    pub tenant: Arc<str>,
    pub position: i64,
    pub recorded_at: OffsetDateTime,
    /// The same, as records write it.
    pub recorded_at_text: String,
    /// Those of the requests that were answered before.
    pub known: HashMap<Uuid, Known>,
}

/// Locks the heads of the tenants, and learns what was answered before.
pub(super) async fn lock<J: Judge>(connection: &mut PgConnection, turn: &Turn<J>) -> Result<Vec<Locked>, sqlx::Error> {
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
        .map(|((tenant, position), recorded_at)| Locked {
            tenant: Arc::clone(tenant),
            position,
            recorded_at,
            recorded_at_text: record::format_time(recorded_at),
            known: known.remove(&**tenant).unwrap_or_default(),
        })
        .collect())
}
