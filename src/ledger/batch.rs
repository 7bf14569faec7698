//! One transaction's worth of accepted requests and their records, as the arrays that the database takes.

use std::sync::Arc;

use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArguments, PgBindIterExt};
use sqlx::{Arguments, FromRow, PgConnection};
use time::OffsetDateTime;
use uuid::Uuid;

use super::heads::Head;
use super::history::Anchor;
use super::judge::Judge;
use super::record::Hash;
use super::submission::Submission;

/// How many arrays `vedtak.append` takes, and about how many bytes stand beside each and beside each record in them.
const ARRAYS: usize = 20;
const BESIDE_AN_ARRAY: usize = 64;
const BESIDE_A_RECORD: usize = 320;

/// What `vedtak.append` is asked to append; see `migrations/0004_append.sql`.
#[derive(Default)]
pub(super) struct Batch {
    heads: Vec<Advance>,
    accepted: Vec<Accepted>,
    look_up: Vec<(Arc<str>, Uuid)>,
}

/// From where to where a tenant's ledger is to go, and the time that its records carry.
struct Advance {
    tenant: Arc<str>,
    follows: Anchor,
    reaches: i64,
    recorded_at: OffsetDateTime,
}

/// A submission that was accepted. `version` and `position` are those that its answer rests on.
struct Accepted {
    tenant: Arc<str>,
    stream: Arc<str>,
    request_id: Uuid,
    content_hash: [u8; 32],
    version: i64,
    position: i64,
    records: Vec<NewRecord>,
}

/// One record, before it is in the database.
pub(super) struct NewRecord {
    pub position: i64,
    pub version: i64,
    pub event_type: &'static str,
    pub record: Vec<u8>,
    pub leaf_hash: Hash,
}

/// What `vedtak.append` says.
#[derive(FromRow)]
pub(super) struct Said {
    /// The tenants whose heads were not where they were believed to be, or past the time that the records carry.
    pub moved: Option<Vec<String>>,
    /// Whether one of the requests was answered before, as far as it was looked up.
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
    /// Names the heads that everything rests on, sorted by tenant.
    pub(super) fn rests_on<'a, S: 'a>(&mut self, heads: impl Iterator<Item = &'a Head<S>>) {
        self.heads.extend(heads.map(|head| Advance {
            tenant: Arc::clone(&head.tenant),
            follows: head.follows,
            reaches: head.position(),
            recorded_at: head.recorded_at,
        }));
        // The database numbers the records of each tenant as they come.
        self.accepted.sort_by(|a, b| a.tenant.cmp(&b.tenant));
    }

    /// Has it looked up whether a submission of which nothing is recorded is the repetition of one that was answered before.
    pub(super) fn look_up<J: Judge>(&mut self, submission: &Submission<J>) {
        self.look_up
            .push((Arc::clone(&submission.tenant), submission.request_id));
    }

    /// Adds a submission that was accepted, with its records. `version` and `position` are those that its answer rests on.
    pub(super) fn add<J: Judge>(
        &mut self,
        submission: &Submission<J>,
        version: i64,
        position: i64,
        records: Vec<NewRecord>,
    ) {
        self.accepted.push(Accepted {
            tenant: Arc::clone(&submission.tenant),
            stream: Arc::clone(&submission.stream),
            request_id: submission.request_id,
            content_hash: submission.content_hash,
            version,
            position,
            records,
        });
    }

    pub(super) fn records(&self) -> usize {
        self.accepted.iter().map(|accepted| accepted.records.len()).sum()
    }

    /// Whether no submission was accepted, not even as one that changes nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.accepted.is_empty()
    }

    /// Appends everything, or nothing: outside a transaction, it is committed when this is answered.
    pub(super) async fn append(&self, connection: &mut PgConnection) -> Result<Said, sqlx::Error> {
        let arguments = self.arguments().map_err(sqlx::Error::Encode)?;
        let append = sqlx::query_as_with(
            "SELECT * FROM vedtak.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)",
            arguments,
        );
        // Never only the first row: what comes after it says whether it was committed.
        let said: Vec<Said> = append.fetch_all(connection).await?;
        said.into_iter().next().ok_or(sqlx::Error::RowNotFound)
    }

    fn arguments(&self) -> Result<PgArguments, BoxDynError> {
        let mut arguments = PgArguments::default();
        let bytes: usize = self.rows().map(|row| row.record.record.len() + BESIDE_A_RECORD).sum();
        arguments.reserve(ARRAYS, bytes + ARRAYS * BESIDE_AN_ARRAY);
        arguments.add(self.heads.iter().map(|head| &*head.tenant).bind_iter())?;
        arguments.add(self.heads.iter().map(|head| head.follows.position).bind_iter())?;
        arguments.add(self.heads.iter().map(|head| head.follows.root.as_slice()).bind_iter())?;
        arguments.add(self.heads.iter().map(|head| head.reaches).bind_iter())?;
        arguments.add(self.heads.iter().map(|head| head.recorded_at).bind_iter())?;
        arguments.add(self.look_up.iter().map(|(tenant, _)| &**tenant).bind_iter())?;
        arguments.add(self.look_up.iter().map(|(_, id)| *id).bind_iter())?;
        arguments.add(self.rows().map(|row| &*row.accepted.stream).bind_iter())?;
        arguments.add(self.rows().map(|row| row.record.version).bind_iter())?;
        arguments.add(self.rows().map(|row| row.record.event_type).bind_iter())?;
        arguments.add(self.rows().map(|row| row.accepted.request_id).bind_iter())?;
        arguments.add(self.rows().map(|row| row.record.record.as_slice()).bind_iter())?;
        arguments.add(self.rows().map(|row| row.remembers.map(|(count, _)| count)).bind_iter())?;
        arguments.add(self.rows().map(|row| row.remembers.map(|(_, hash)| hash)).bind_iter())?;
        arguments.add(self.unchanged().map(|accepted| &*accepted.tenant).bind_iter())?;
        arguments.add(self.unchanged().map(|accepted| accepted.request_id).bind_iter())?;
        arguments.add(
            self.unchanged()
                .map(|accepted| accepted.content_hash.as_slice())
                .bind_iter(),
        )?;
        arguments.add(self.unchanged().map(|accepted| &*accepted.stream).bind_iter())?;
        arguments.add(self.unchanged().map(|accepted| accepted.version).bind_iter())?;
        arguments.add(self.unchanged().map(|accepted| accepted.position).bind_iter())?;
        Ok(arguments)
    }

    /// The records, each with what is said of its request.
    fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.accepted.iter().flat_map(|accepted| {
            let count = accepted.records.len();
            accepted.records.iter().enumerate().map(move |(index, record)| Row {
                accepted,
                record,
                remembers: (index + 1 == count).then(|| {
                    let count = i32::try_from(count).expect("a submission is at most some hundred events");
                    (count, accepted.content_hash.as_slice())
                }),
            })
        })
    }

    fn unchanged(&self) -> impl Iterator<Item = &Accepted> {
        self.accepted.iter().filter(|accepted| accepted.records.is_empty())
    }
}

/// One record with its request. The last one of a request remembers how many there are, and the hash of the content.
struct Row<'a> {
    accepted: &'a Accepted,
    record: &'a NewRecord,
    remembers: Option<(i32, &'a [u8])>,
}
