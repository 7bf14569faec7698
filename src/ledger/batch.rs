//! One transaction's worth of records and requests, as the arrays that the database takes.

use std::sync::Arc;

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// The arrays of `vedtak.append`; see `migrations/0004_append.sql`.
#[derive(Default)]
pub(super) struct Batch {
    tenants: Vec<String>,
    record_ends: Vec<i32>,
    request_ends: Vec<i32>,
    positions: Vec<i64>,
    streams: Vec<String>,
    versions: Vec<i64>,
    types: Vec<&'static str>,
    times: Vec<OffsetDateTime>,
    record_request_ids: Vec<Uuid>,
    records: Vec<Vec<u8>>,
    leaf_hashes: Vec<[u8; 32]>,
    request_ids: Vec<Uuid>,
    content_hashes: Vec<[u8; 32]>,
    request_streams: Vec<String>,
    request_versions: Vec<i64>,
    request_positions: Vec<i64>,
    record_counts: Vec<i32>,
}

/// One record, before it is in the database.
pub(super) struct NewRecord {
    pub position: i64,
    pub version: i64,
    pub event_type: &'static str,
    pub time: OffsetDateTime,
    pub record: Vec<u8>,
    pub leaf_hash: [u8; 32],
}

/// One request that was accepted, with its records.
pub(super) struct Accepted {
    pub request_id: Uuid,
    pub content_hash: [u8; 32],
    pub stream: Arc<str>,
    pub version: i64,
    pub position: i64,
    pub records: Vec<NewRecord>,
}

impl Batch {
    /// Adds what one tenant's submissions came to.
    pub(super) fn add_tenant(&mut self, tenant: &str, accepted: Vec<Accepted>) {
        if accepted.is_empty() {
            return;
        }
        for request in accepted {
            self.request_ids.push(request.request_id);
            self.content_hashes.push(request.content_hash);
            self.request_streams.push(request.stream.to_string());
            self.request_versions.push(request.version);
            self.request_positions.push(request.position);
            self.record_counts.push(index(request.records.len()));
            for record in request.records {
                self.positions.push(record.position);
                self.streams.push(request.stream.to_string());
                self.versions.push(record.version);
                self.types.push(record.event_type);
                self.times.push(record.time);
                self.record_request_ids.push(request.request_id);
                self.records.push(record.record);
                self.leaf_hashes.push(record.leaf_hash);
            }
        }
        self.tenants.push(tenant.to_owned());
        self.record_ends.push(index(self.positions.len()));
        self.request_ends.push(index(self.request_ids.len()));
    }

    pub(super) fn records(&self) -> usize {
        self.positions.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tenants.is_empty()
    }

    /// Inserts everything.
    pub(super) async fn insert(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let records: Vec<&[u8]> = self.records.iter().map(Vec::as_slice).collect();
        let leaf_hashes: Vec<&[u8]> = self.leaf_hashes.iter().map(<[u8; 32]>::as_slice).collect();
        let content_hashes: Vec<&[u8]> = self.content_hashes.iter().map(<[u8; 32]>::as_slice).collect();
        sqlx::query("SELECT vedtak.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)")
            .bind(&self.tenants)
            .bind(&self.record_ends)
            .bind(&self.request_ends)
            .bind(&self.positions)
            .bind(&self.streams)
            .bind(&self.versions)
            .bind(&self.types)
            .bind(&self.times)
            .bind(&self.record_request_ids)
            .bind(records)
            .bind(leaf_hashes)
            .bind(&self.request_ids)
            .bind(content_hashes)
            .bind(&self.request_streams)
            .bind(&self.request_versions)
            .bind(&self.request_positions)
            .bind(&self.record_counts)
            .execute(connection)
            .await?;
        Ok(())
    }
}

fn index(length: usize) -> i32 {
    i32::try_from(length).expect("a batch is some hundreds of submissions of at most some hundred events")
}
