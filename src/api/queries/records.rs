//! Readings of the ledger itself: its head, its records, and the audit trail; and the batch, which only the ledger's service offers.

use futures_util::Stream;
use futures_util::stream::{self, StreamExt};
use tokio::sync::broadcast::error::RecvError;

use super::reading::{head, page_size, reached};
use super::states::timestamp;
use super::{Answer, Begin};
use crate::api::commands;
use crate::api::failure::Failure;
use crate::api::identity::Caller;
use crate::api::service::Service;
use crate::domain;
use crate::ledger::{Anchor, Entry};
use crate::schema::v1::*;

/// How many records are read at a time for a stream.
const PAGE: i32 = 500;

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
        let size = page_size(self.page_size);
        let stream = named(self.stream.as_deref(), "stream")?;
        let mut entries = service
            .ledger()
            .records(&caller.tenant, stream, self.after_position, i64::MAX, size + 1)
            .await?;
        let next_after_position = cut(&mut entries, size);
        let records: Result<Vec<Record>, Failure> = entries.into_iter().map(record).collect();
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
        let size = page_size(self.page_size);
        let stream = named(Some(&self.stream), "stream")?;
        let mut entries = service
            .ledger()
            .records(&caller.tenant, stream, self.after_position, i64::MAX, size + 1)
            .await?;
        let next_after_position = cut(&mut entries, size);
        let entries: Result<Vec<AuditEntry>, Failure> = entries.iter().map(audit_entry).collect();
        Ok(AuditTrail {
            entries: entries?,
            next_after_position,
        })
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
        let ledger = service.ledger().clone();
        let signals = ledger.signals().subscribe();
        let stopping = service.stopping().clone();
        let start = (ledger, caller.tenant.clone(), self.stream, self.after_position, signals);
        let follow = self.follow;
        let pages = stream::try_unfold(start, move |(ledger, tenant, stream, after, mut signals)| {
            let stopping = stopping.clone();
            async move {
                loop {
                    let entries = ledger
                        .records(&tenant, stream.as_deref(), after, i64::MAX, PAGE)
                        .await?;
                    if let Some(last) = entries.last() {
                        let after = last.position;
                        let records: Vec<Result<Record, Failure>> = entries.into_iter().map(record).collect();
                        return Ok(Some((stream::iter(records), (ledger, tenant, stream, after, signals))));
                    }
                    if !follow {
                        return Ok::<_, Failure>(None);
                    }
                    tokio::select! {
                        () = wait(&mut signals, &tenant) => {}
                        () = stopping.cancelled() => return Err(Failure::unavailable("The service is stopping. Take the stream up again after the last position you received.")),
                    }
                }
            }
        });
        Ok(pages.flat_map(|page| match page {
            Ok(records) => records.left_stream(),
            Err(failure) => stream::iter([Err(failure)]).right_stream(),
        }))
    }
}

/// Waits until the tenant's ledger may have grown: a signal says so, or some time has passed in which one could have been lost.
async fn wait(signals: &mut tokio::sync::broadcast::Receiver<crate::ledger::Appended>, tenant: &str) {
    let heard = async {
        loop {
            match signals.recv().await {
                Ok(grown) if &*grown != tenant => {}
                Ok(_) | Err(RecvError::Lagged(_)) => return,
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    };
    let _ = tokio::time::timeout(std::time::Duration::from_secs(5), heard).await;
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

/// Cuts the one entry too many that tells whether there is a next page; answers where that goes on, or 0.
fn cut(entries: &mut Vec<Entry>, size: i32) -> i64 {
    let size = usize::try_from(size).unwrap_or_default();
    if entries.len() <= size {
        return 0;
    }
    entries.truncate(size);
    entries.last().map_or(0, |entry| entry.position)
}

fn record(entry: Entry) -> Result<Record, Failure> {
    let Entry {
        position,
        stream,
        version,
        event_type,
        record,
        leaf_hash,
        ..
    } = entry;
    let record = String::from_utf8(record).map_err(|error| Failure::internal("reading a record", &error))?;
    Ok(Record {
        position,
        stream,
        version,
        r#type: event_type,
        record,
        leaf_hash: leaf_hash.into(),
    })
}

fn audit_entry(entry: &Entry) -> Result<AuditEntry, Failure> {
    let envelope = entry
        .envelope()
        .map_err(|error| Failure::internal("reading the audit trail", &error))?;
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
