//! One transaction's worth of records and requests, as the arrays that the database takes.

use std::sync::Arc;

use sqlx::postgres::PgArguments;
use sqlx::{Arguments, FromRow, PgConnection};
use time::OffsetDateTime;
use uuid::Uuid;

use super::heads::Head;
use super::judge::Judge;
use super::submission::Submission;

/// How many arrays there are, and about how many bytes stand beside each and beside each record in them.
const ARRAYS: usize = 22;
const BESIDE_AN_ARRAY: usize = 64;
const BESIDE_A_RECORD: usize = 320;

/// The arrays of `vedtak.append`; see `migrations/0004_append.sql`.
#[derive(Default)]
pub(super) struct Batch {
    heads: Vec<Arc<str>>,
    follow: Vec<i64>,
    head_times: Vec<OffsetDateTime>,
    look_up_tenants: Vec<Arc<str>>,
    look_up_ids: Vec<Uuid>,
    tenants: Vec<Arc<str>>,
    positions: Vec<i64>,
    streams: Vec<Arc<str>>,
    versions: Vec<i64>,
    types: Vec<&'static str>,
    times: Vec<OffsetDateTime>,
    request_ids: Vec<Uuid>,
    records: Vec<Vec<u8>>,
    leaf_hashes: Vec<[u8; 32]>,
    record_counts: Vec<Option<i32>>,
    content_hashes: Vec<Option<[u8; 32]>>,
    unchanged_tenants: Vec<Arc<str>>,
    unchanged_ids: Vec<Uuid>,
    unchanged_hashes: Vec<[u8; 32]>,
    unchanged_streams: Vec<Arc<str>>,
    unchanged_versions: Vec<i64>,
    unchanged_positions: Vec<i64>,
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

/// What `vedtak.append` says.
#[derive(FromRow)]
pub(super) struct Said {
    /// The tenants whose heads were not where they were believed to be, or past the time that the records carry.
    pub moved: Option<Vec<String>>,
    /// Whether one of the requests to look up was answered before.
    pub known: bool,
    /// The time there.
    pub clock: OffsetDateTime,
}

impl Said {
    /// Whether everything was appended; otherwise nothing was.
    pub(super) const fn is_appended(&self) -> bool {
        self.moved.is_none() && !self.known
    }
}

impl Batch {
    /// Names the heads that everything rests on, in their order.
    pub(super) fn rests_on<'a, S: 'a>(&mut self, heads: impl Iterator<Item = &'a Head<S>>) {
        for head in heads {
            self.heads.push(Arc::clone(&head.tenant));
            self.follow.push(head.follows);
            self.head_times.push(head.recorded_at);
        }
    }

    /// Has it looked up whether a submission of which nothing is recorded is the repetition of one that was answered before.
    pub(super) fn look_up<J: Judge>(&mut self, submission: &Submission<J>) {
        self.look_up_tenants.push(Arc::clone(&submission.tenant));
        self.look_up_ids.push(submission.request_id);
    }

    /// Adds a submission that was accepted, with its records. `version` and `position` are those that its answer rests on.
    pub(super) fn add<J: Judge>(
        &mut self,
        submission: &Submission<J>,
        version: i64,
        position: i64,
        records: Vec<NewRecord>,
    ) {
        if records.is_empty() {
            self.unchanged_tenants.push(Arc::clone(&submission.tenant));
            self.unchanged_ids.push(submission.request_id);
            self.unchanged_hashes.push(submission.content_hash);
            self.unchanged_streams.push(Arc::clone(&submission.stream));
            self.unchanged_versions.push(version);
            self.unchanged_positions.push(position);
        }
        let count = records.len();
        for (index, record) in records.into_iter().enumerate() {
            self.tenants.push(Arc::clone(&submission.tenant));
            self.positions.push(record.position);
            self.streams.push(Arc::clone(&submission.stream));
            self.versions.push(record.version);
            self.types.push(record.event_type);
            self.times.push(record.time);
            self.request_ids.push(submission.request_id);
            self.records.push(record.record);
            self.leaf_hashes.push(record.leaf_hash);
            // The last record of a request remembers the request.
            let last = index + 1 == count;
            let count = || i32::try_from(count).expect("a submission is at most some hundred events");
            self.record_counts.push(last.then(count));
            self.content_hashes.push(last.then_some(submission.content_hash));
        }
    }

    pub(super) fn records(&self) -> usize {
        self.positions.len()
    }

    /// Whether no submission was accepted, not even as one that changes nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.positions.is_empty() && self.unchanged_ids.is_empty()
    }

    /// Appends everything, or nothing: outside a transaction, it is committed when this is answered.
    pub(super) async fn append(&self, connection: &mut PgConnection) -> Result<Said, sqlx::Error> {
        let records: Vec<&[u8]> = self.records.iter().map(Vec::as_slice).collect();
        let leaf_hashes: Vec<&[u8]> = self.leaf_hashes.iter().map(<[u8; 32]>::as_slice).collect();
        let content_hashes: Vec<Option<&[u8]>> = self
            .content_hashes
            .iter()
            .map(|hash| hash.as_ref().map(<[u8; 32]>::as_slice))
            .collect();
        let unchanged_hashes: Vec<&[u8]> = self.unchanged_hashes.iter().map(<[u8; 32]>::as_slice).collect();
        let mut arguments = PgArguments::default();
        let bytes: usize = records.iter().map(|record| record.len()).sum();
        arguments.reserve(
            ARRAYS,
            bytes + records.len() * BESIDE_A_RECORD + ARRAYS * BESIDE_AN_ARRAY,
        );
        let append = sqlx::query_as_with(
            "SELECT * FROM vedtak.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)",
            arguments,
        );
        let said: Vec<Said> = append
            .bind(texts(&self.heads))
            .bind(&self.follow)
            .bind(&self.head_times)
            .bind(texts(&self.look_up_tenants))
            .bind(&self.look_up_ids)
            .bind(texts(&self.tenants))
            .bind(&self.positions)
            .bind(texts(&self.streams))
            .bind(&self.versions)
            .bind(&self.types)
            .bind(&self.times)
            .bind(&self.request_ids)
            .bind(records)
            .bind(leaf_hashes)
            .bind(&self.record_counts)
            .bind(content_hashes)
            .bind(texts(&self.unchanged_tenants))
            .bind(&self.unchanged_ids)
            .bind(unchanged_hashes)
            .bind(texts(&self.unchanged_streams))
            .bind(&self.unchanged_versions)
            .bind(&self.unchanged_positions)
            // Never only the first row: what comes after it says whether it was committed.
            .fetch_all(connection)
            .await?;
        said.into_iter().next().ok_or(sqlx::Error::RowNotFound)
    }
}

fn texts(shared: &[Arc<str>]) -> Vec<&str> {
    shared.iter().map(AsRef::as_ref).collect()
}
