//! A page of records, read in the same moment as whether the history is still the one that the reader knows.

use sqlx::postgres::PgRow;
use sqlx::{Executor, FromRow, PgConnection, Postgres, Row};

use super::entry::Entry;
use super::error::LedgerError;
use super::history::Anchor;
use super::judge::{Judge, Unreadable};
use super::memory::Held;

/// How much is read at a time: so many records at the most, and so many bytes of them, but always one record when there is one.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// The most records.
    pub records: i64,
    /// The most bytes of records.
    pub bytes: i64,
}

impl Size {
    /// One record.
    pub const ONE: Self = Self { records: 1, bytes: 0 };
}

/// What is read at a time when a stream is folded.
pub(super) const PAGE: Size = Size {
    records: 1_000,
    bytes: 4 << 20,
};

/// What is read of each when several streams are caught up with at once.
const TAIL: Size = Size {
    records: 100,
    bytes: 256 << 10,
};

/// A page of records, and what was true of the history at that moment.
#[derive(Debug)]
pub struct Page {
    /// Where it had come to.
    pub known: Anchor,
    /// Whether it had the root that the reader knew; when not, there are no entries.
    pub(super) held: bool,
    /// The records, in order.
    pub entries: Vec<Entry>,
    /// Whether there are more.
    pub more: bool,
}

impl Page {
    /// Reads what the functions of `migrations/0005_reading.sql` answer.
    fn of(rows: &[PgRow]) -> Result<Self, sqlx::Error> {
        let last = rows.last().ok_or(sqlx::Error::RowNotFound)?;
        let mut entries = Vec::with_capacity(rows.len());
        for row in rows {
            if row.try_get::<Option<i64>, _>("position")?.is_some() {
                entries.push(Entry::from_row(row)?);
            }
        }
        Ok(Self {
            known: Anchor::read(last.try_get("head")?, last.try_get("root")?)?,
            held: last.try_get("held")?,
            more: last.try_get("more")?,
            entries,
        })
    }
}

/// Reads one page: of a stream, after a version; or of the whole ledger, after a position. `known` is the history that the reader
/// has read so far.
pub(super) async fn read_page<'c>(
    executor: impl Executor<'c, Database = Postgres>,
    tenant: &str,
    stream: Option<&str>,
    after: i64,
    up_to: i64,
    at_most: Size,
    known: &Anchor,
) -> Result<Page, sqlx::Error> {
    let Some(stream) = stream else {
        let query = sqlx::query("SELECT * FROM vedtak.read_ledger($1, $2, $3, $4, $5, $6, $7)")
            .bind(tenant)
            .bind(after)
            .bind(up_to)
            .bind(at_most.records)
            .bind(at_most.bytes)
            .bind(known.position)
            .bind(known.root.as_slice());
        return Page::of(&query.fetch_all(executor).await?);
    };
    let asked = [(tenant, stream, after, *known)];
    Page::of(&read_streams(executor, &asked, up_to, at_most).await?)
}

/// The records of several streams, each (tenant, stream, version, history) after that version; none for one that has many, and for one
/// of another history.
pub(super) async fn read_tails(
    connection: &mut PgConnection,
    asked: &[(&str, &str, i64, Anchor)],
) -> Result<Vec<Option<Page>>, sqlx::Error> {
    let rows = read_streams(connection, asked, i64::MAX, TAIL).await?;
    let mut tails = Vec::with_capacity(asked.len());
    // Each stream has at least one row, and they come in the order asked.
    for rows in rows.chunk_by(|a, b| a.try_get::<i64, _>("number").ok() == b.try_get::<i64, _>("number").ok()) {
        let page = Page::of(rows)?;
        tails.push((page.held && !page.more).then_some(page));
    }
    Ok(tails)
}

async fn read_streams<'c>(
    executor: impl Executor<'c, Database = Postgres>,
    asked: &[(&str, &str, i64, Anchor)],
    up_to: i64,
    at_most: Size,
) -> Result<Vec<PgRow>, sqlx::Error> {
    sqlx::query("SELECT * FROM vedtak.read_streams($1, $2, $3, $4, $5, $6, $7, $8)")
        .bind(asked.iter().map(|(tenant, ..)| *tenant).collect::<Vec<_>>())
        .bind(asked.iter().map(|(_, stream, ..)| *stream).collect::<Vec<_>>())
        .bind(asked.iter().map(|(_, _, version, _)| *version).collect::<Vec<_>>())
        .bind(up_to)
        .bind(at_most.records)
        .bind(at_most.bytes)
        .bind(asked.iter().map(|(.., known)| known.position).collect::<Vec<_>>())
        .bind(
            asked
                .iter()
                .map(|(.., known)| known.root.as_slice())
                .collect::<Vec<_>>(),
        )
        .fetch_all(executor)
        .await
}

/// Folds what came after the state of a stream: so many records at the most. Answers whether that was all. `known` is the history that
/// the state is of; afterwards it is where that history has come to.
pub(super) async fn fold_on<J: Judge>(
    judge: &J,
    connection: &mut PgConnection,
    (tenant, stream): (&str, &str),
    held: &mut Held<J::State>,
    known: &mut Anchor,
    at_most: i64,
) -> Result<bool, LedgerError> {
    let mut left = at_most;
    while left > 0 {
        let asked = Size {
            records: left.min(PAGE.records),
            ..PAGE
        };
        let version = judge.version(&held.state);
        let page = read_page(&mut *connection, tenant, Some(stream), version, i64::MAX, asked, known).await?;
        if !page.held {
            return Err(LedgerError::HistoryLost {
                position: known.position,
            });
        }
        *known = page.known;
        page.fold_into(judge, held)?;
        if !page.more {
            return Ok(true);
        }
        left -= i64::try_from(page.entries.len()).unwrap_or(i64::MAX);
        tokio::task::yield_now().await;
    }
    Ok(false)
}

impl Page {
    /// Folds all of it into a state.
    pub(super) fn fold_into<J: Judge>(&self, judge: &J, held: &mut Held<J::State>) -> Result<(), Unreadable> {
        self.entries.iter().try_for_each(|entry| held.fold(judge, entry))
    }
}
