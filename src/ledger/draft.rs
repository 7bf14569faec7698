//! One submission while its commands are judged: the records that are written, and the state that they make.

use std::sync::Arc;

use super::batch::NewRecord;
use super::error::AppendError;
use super::heads::Head;
use super::judge::{Judge, Standing, Unreadable, Verdict};
use super::memory::Held;
use super::record::{self, MAX_RECORD_BYTES, Reliance};
use super::submission::Submission;
use crate::schema::v1::{Receipt, RecordedEvent};

/// One submission while its commands are judged.
pub(super) struct Draft<S> {
    pub held: Held<S>,
    pub version: i64,
    pub position: i64,
    pub records: Vec<NewRecord>,
}

impl<S: Clone> Draft<S> {
    /// Writes the records of one command's events.
    pub(super) fn write<J: Judge<State = S>>(
        &mut self,
        judge: &J,
        head: &Head<S>,
        submission: &Submission<J>,
        verdict: &Verdict<J::Event>,
        relies_on: &[Reliance<'_>],
    ) -> Result<(), AppendError<J::Refusal>> {
        for event in &verdict.events {
            self.position += 1;
            self.version += 1;
            let event_type = judge.event_type(event);
            let line = record::Line {
                tenant: &head.tenant,
                position: self.position,
                stream: &submission.stream,
                version: self.version,
                event_type,
                recorded_at: &head.recorded_at_text,
                role: &verdict.role,
                through: verdict.through.as_ref(),
                relies_on,
                request_id: submission.request_id,
                event,
            };
            let bytes = record::write(judge, &line, &submission.circumstances);
            if bytes.len() > MAX_RECORD_BYTES {
                return Err(AppendError::TooLarge { bytes: bytes.len() });
            }
            self.records.push(NewRecord {
                position: self.position,
                version: self.version,
                event_type,
                leaf_hash: record::leaf_hash(&bytes),
                record: bytes,
            });
        }
        Ok(())
    }

    /// Folds the events of the records that were written last.
    pub(super) fn fold<J: Judge<State = S>>(
        &mut self,
        judge: &J,
        submission: &Submission<J>,
        recorded_at: &str,
        verdict: &Verdict<J::Event>,
    ) -> Result<(), AppendError<J::Refusal>> {
        if verdict.events.is_empty() {
            return Ok(());
        }
        let first = self.records.len() - verdict.events.len();
        let state = Arc::make_mut(&mut self.held.state);
        for (event, record) in verdict.events.iter().zip(&self.records[first..]) {
            let at = Standing {
                position: record.position,
                version: record.version,
                effective_date: &submission.circumstances.effective_date,
                recorded_at,
                subject: &submission.circumstances.subject,
                authority: &submission.circumstances.authority,
                reason: &submission.circumstances.reason,
            };
            judge.fold(state, event, &at).map_err(|problem| Unreadable {
                position: record.position,
                problem,
            })?;
            self.held.bytes += record.record.len() as u64;
        }
        Ok(())
    }
}

/// The answer to a submission that was recorded.
pub(super) fn receipt<J: Judge>(
    submission: &Submission<J>,
    version: i64,
    position: i64,
    records: &[NewRecord],
) -> Receipt {
    let events = records.iter().map(|record| RecordedEvent {
        position: record.position,
        version: record.version,
        r#type: record.event_type.to_owned(),
        leaf_hash: record.leaf_hash.to_vec().into(),
    });
    Receipt {
        request_id: submission.request_id.to_string(),
        stream: submission.stream.to_string(),
        version,
        position,
        events: events.collect(),
        unchanged: records.is_empty(),
    }
}
