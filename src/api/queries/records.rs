//! Readings of the ledger itself: its head, its records, and the audit trail; and the batch, which only the ledger's service offers.

use futures_util::Stream;
use futures_util::stream::StreamExt;
use tonic::Code;

use super::following;
use super::reading::{head, page_size, reached};
use super::states::timestamp;
use super::{Answer, Begin};
use crate::api::commands;
use crate::api::failure::Failure;
use crate::api::identity::Caller;
use crate::api::service::Service;
use crate::domain;
use crate::ledger::{Anchor, Entry, LedgerError, Page, Size};
use crate::schema::v1::*;

/// The most bytes of records in one page of a list.
const LARGEST_PAGE: i64 = 4 << 20;

impl Answer for RecordBatch {
    type Reply = Receipt;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<Receipt, Failure> {
        service.counted(commands::record_batch(service.ledger(), caller, self).await)
    }
}

impl Answer for GetHead {
    type Reply = Head;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<Head, Failure> {
        let head = head(service, caller).await?;
        let known = head.map_or_else(Anchor::beginning, |head| head.known);
        let unreadable = service.projections().unreadable(&caller.tenant).await?;
        Ok(Head {
            position: known.position,
            recorded_at: head.map(|head| timestamp(head.recorded_at)),
            root: known.root.to_vec().into(),
            unreadable,
        })
    }
}

impl Answer for ListRecords {
    type Reply = RecordList;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<RecordList, Failure> {
        reached(service, caller, self.at_least).await?;
        let stream = named(self.stream.as_deref(), "stream")?;
        known_to(service, caller, self.after_position, self.after_leaf_hash.as_deref()).await?;
        let page = page(service, caller, stream, self.after_position, self.page_size).await?;
        let next_after_position = goes_on(&page);
        let records: Result<Vec<Record>, Failure> = page.entries.iter().map(record).collect();
        Ok(RecordList {
            records: records?,
            next_after_position,
        })
    }
}

impl Answer for ListAuditTrail {
    type Reply = AuditTrail;

    async fn answer(self, service: &Service, caller: &Caller) -> Result<AuditTrail, Failure> {
        reached(service, caller, self.at_least).await?;
        let stream = named(Some(&self.stream), "stream")?;
        known_to(service, caller, self.after_position, None).await?;
        let page = page(service, caller, stream, self.after_position, self.page_size).await?;
        let next_after_position = goes_on(&page);
        let entries: Result<Vec<AuditEntry>, Failure> = page.entries.iter().map(audit_entry).collect();
        Ok(AuditTrail {
            entries: entries?,
            next_after_position,
        })
    }
}

/// One page of records. A page that would be large holds fewer than were asked for.
async fn page(
    service: &Service,
    caller: &Caller,
    stream: Option<&str>,
    after: i64,
    asked: i32,
) -> Result<Page, Failure> {
    let at_most = Size {
        records: i64::from(page_size(asked)),
        bytes: LARGEST_PAGE,
    };
    let (place, beginning) = ((after, i64::MAX), Anchor::beginning());
    Ok(service
        .ledger()
        .records(&caller.tenant, stream, place, at_most, &beginning)
        .await?)
}

/// The position to go on after; 0 after the last page.
fn goes_on(page: &Page) -> i64 {
    page.entries
        .last()
        .filter(|_| page.more)
        .map_or(0, |last| last.position)
}

/// Refuses a position that the ledger has not come to, and one at which it has another record than the caller.
async fn known_to(service: &Service, caller: &Caller, after: i64, leaf_hash: Option<&str>) -> Result<(), Failure> {
    if after == 0 {
        return match leaf_hash {
            Some(_) => Err(Failure::field(
                "after_leaf_hash",
                "Must be left out: there is no record at position 0.",
            )),
            None => Ok(()),
        };
    }
    match leaf_hash {
        Some(leaf_hash) => {
            let leaf = hex::decode(leaf_hash).unwrap_or_default();
            if service.ledger().has_leaf(&caller.tenant, after, &leaf).await? {
                return Ok(());
            }
            Err(Failure::history_lost(Code::DataLoss, after))
        }
        None => {
            let head = head(service, caller).await?.map_or(0, |head| head.known.position);
            if after > head {
                return Err(Failure::beyond_head("after_position", after, head));
            }
            Ok(())
        }
    }
}

impl Begin for StreamRecords {
    type Item = Record;

    async fn begin(
        self,
        service: &Service,
        caller: &Caller,
    ) -> Result<impl Stream<Item = Result<Record, Failure>> + Send + 'static, Failure> {
        named(self.stream.as_deref(), "stream")?;
        let place = service.streams().enter(caller)?;
        known_to(service, caller, self.after_position, self.after_leaf_hash.as_deref()).await?;
        let follower = service
            .ledger()
            .follower(&caller.tenant, self.stream, self.after_position);
        let records = following::begin(service, caller, follower, self.follow, place);
        Ok(records.map(|entry| entry.and_then(|entry| record(&entry))))
    }
}

/// The name of a stream, checked; a misspelt one would otherwise read as an empty stream.
fn named<'a>(stream: Option<&'a str>, field: &str) -> Result<Option<&'a str>, Failure> {
    if stream.is_some_and(|stream| domain::Stream::parse(stream).is_none()) {
        return Err(Failure::field(
            field,
            "Must be the name of a stream, such as project/0190b2f4-7c1e-7d2a-9c3e-5f6a7b8c9d0e.",
        ));
    }
    Ok(stream)
}

fn record(entry: &Entry) -> Result<Record, Failure> {
    let record = String::from_utf8(entry.record.clone());
    Ok(Record {
        position: entry.position,
        stream: entry.stream.clone(),
        version: entry.version,
        r#type: entry.event_type.clone(),
        record: record.map_err(|error| Failure::internal("reading a record", &error))?,
        leaf_hash: entry.leaf_hash.clone().into(),
    })
}

fn audit_entry(entry: &Entry) -> Result<AuditEntry, Failure> {
    let envelope = entry.envelope().map_err(LedgerError::from)?;
    Ok(AuditEntry {
        position: entry.position,
        version: entry.version,
        r#type: entry.event_type.clone(),
        recorded_at: Some(timestamp(entry.recorded_at)),
        effective_date: envelope.effective_date.into_owned(),
        subject: envelope.actor.subject.into_owned(),
        role: envelope.actor.role.into_owned(),
        on_behalf_of: envelope.actor.on_behalf_of.into_owned(),
        authority: envelope.authority.into_owned(),
        reason: envelope.reason.into_owned(),
        request_id: envelope.request_id.to_string(),
        event: envelope.data.get().to_owned(),
        relies_on: envelope
            .relies_on
            .into_iter()
            .map(|other| Reliance {
                stream: other.stream.into_owned(),
                position: other.position,
            })
            .collect(),
    })
}
